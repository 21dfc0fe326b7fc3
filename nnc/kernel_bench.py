"""
What single layers cost as instructions, beside what CMSIS-NN's int8 functions need for their shape.

Layers are described in a few words, built as `nn` modules with random weights, and compiled through
the pipeline that every network goes through, so that what is measured is what a network gets:
borders, packing, tables and requantisation included. The result of the very run that is counted is
compared with the reference semantics.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from xdsl.dialects.builtin import (
    FunctionType,
    ModuleOp,
    NameLoc,
    NoneAttr,
    StringAttr,
    TensorType,
    f32,
    i8,
    i32,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Region, SSAValue

from nnc.agreement import disagreements
from nnc.compiler import Network, build_module
from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.interpreter import run
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BIN, Array
from nnc.dialects.utils import Rounding
from nnc.emulator import RunError, run_program
from nnc.execution import built, inputs_of, linking_note, outputs_of, sample_bytes
from nnc.options import CMSIS_NN_ROOT, Options
from nnc.passes.diagnostics import UsageError, suggestion
from nnc.passes.nn_builder import NnBuilder, integer, integers
from nnc.sizes import measure_size
from nnc.toolchain import BuildOptions

LAYERS: dict[str, str] = {
    "bin3x3-64": "conv2d:16x16x64-3x3-64:bin,bin,bin",
    "bin3x3-128": "conv2d:16x16x128-3x3-128:bin,bin,bin",
    "bin3x3-64-i8": "conv2d:16x16x64-3x3-64:bin,bin,i8",
    "bin3x3-128-i8": "conv2d:16x16x128-3x3-128:bin,bin,i8",
    "bin1x1-256": "conv2d:16x16x256-1x1-256:bin,bin,bin",
    "bindense-1024": "dense:1024-256:bin,bin,bin",
    "bindense-10": "dense:1024-10:bin,bin,f32",
    "bindw3x3-64": "depthwise:16x16x64-3x3-64:bin,bin,bin",
    "bindw3x3-64-i8": "depthwise:16x16x64-3x3-64:bin,bin,i8",
    "i8bindense-1024": "dense:1024-256:i8,bin,i8",
    "i8bin3x3-64": "conv2d:16x16x64-3x3-64:i8,bin,i8",
    "i8bin3x3-128": "conv2d:16x16x128-3x3-128:i8,bin,i8",
    "i8bin3x3-64-bin": "conv2d:16x16x64-3x3-64:i8,bin,bin",
    "i8bin3x3-128-bin": "conv2d:16x16x128-3x3-128:i8,bin,bin",
    "conv3x3-64": "conv2d:16x16x64-3x3-64:i8,i8,i8",
    "conv3x3-128": "conv2d:16x16x128-3x3-128:i8,i8,i8",
    "conv3x3-16": "conv2d:32x32x16-3x3-16:i8,i8,i8",
    "conv3x3-3": "conv2d:32x32x3-3x3-16:i8,i8,i8",
    "conv3x3-3-s2": "conv2d:96x96x3-3x3-8:i8,i8,i8:s2",
    "conv1x1-256": "conv2d:16x16x256-1x1-256:i8,i8,i8",
    "conv1x1-64": "conv2d:16x16x64-1x1-64:i8,i8,i8",
    "conv1x1-8": "conv2d:48x48x8-1x1-16:i8,i8,i8",
    "dw3x3-64": "depthwise:16x16x64-3x3-64:i8,i8,i8",
    "dw3x3-8": "depthwise:48x48x8-3x3-8:i8,i8,i8",
    "dw3x3-16-s2": "depthwise:48x48x16-3x3-16:i8,i8,i8:s2",
    "dense-1024": "dense:1024-256:i8,i8,i8",
    "dense-64": "dense:64-10:i8,i8,i8",
}
"""The layers that are measured by name, as `parse_layer` reads them."""

PUBLISHED_CORES = ("cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55")

_PUBLISHED: dict[str, tuple[float | None, ...]] = {
    "conv3x3-64": (2.670, 1.760, 1.761, 1.761, 0.205),
    "conv3x3-128": (2.582, 1.689, None, None, 0.187),
    "conv3x3-16": (3.334, 2.325, None, None, 0.387),
    "conv3x3-3": (5.445, 4.824, 4.863, 4.798, 1.355),
    "conv3x3-3-s2": (6.859, 6.154, None, None, 1.990),
    "conv1x1-256": (2.655, 1.592, 1.560, 1.590, 0.226),
    "conv1x1-64": (3.085, 2.068, 2.033, 2.060, 0.393),
    "conv1x1-8": (7.079, 6.628, None, None, 2.176),
    "dw3x3-64": (9.715, 8.607, 8.475, 8.472, 2.300),
    "dw3x3-8": (10.83, 9.952, 9.838, 9.810, 5.207),
    "dw3x3-16-s2": (10.36, 9.303, None, None, 3.474),
    "dense-1024": (3.379, 1.923, 1.923, 1.923, 0.481),
    "dense-64": (4.375, 2.750, None, None, 1.025),
}
"""
Instructions per MAC of CMSIS-NN 7 for layers of `LAYERS` on each of `PUBLISHED_CORES`, as measured
with the library built with -Ofast by arm-none-eabi-gcc 12.2, on emulated cores.
"""

_ELEMENTS = ("bin", "i8", "f32")
_NUMBERS = r"[1-9][0-9]{0,4}"
_PATTERN = re.compile(
    rf"(?:(?P<kind>conv2d|depthwise):(?P<height>{_NUMBERS})x(?P<width>{_NUMBERS})x"
    rf"(?P<channels>{_NUMBERS})-(?P<kh>{_NUMBERS})x(?P<kw>{_NUMBERS})"
    rf"|dense:(?P<depth>{_NUMBERS}))"
    rf"-(?P<outputs>{_NUMBERS}):(?P<types>\w+,\w+,\w+)(?P<options>(?::[\w+-]+)*)"
)
FORM = "conv2d:HxWxC-KHxKW-M:IN,W,OUT, depthwise:HxWxC-KHxKW-M:IN,W,OUT or dense:K-M:IN,W,OUT"
"""How a layer is described; see `parse_layer`."""

LARGEST_LAYER = 1 << 32
"""Multiply-accumulates of the largest layer that is measured."""

_SCALE = 1 / 64


@dataclass(frozen=True)
class Layer:
    """
    A layer: `kind` is "conv2d", "depthwise" or "dense", `image` [height, width, channels] (a dense
    layer's is one pixel), `types` those of input, weights and output, each "bin", "i8" or "f32".
    `same` pads so that a window is centred on every `stride`-th pixel, with the real number `pad`.
    """

    name: str
    kind: str
    image: tuple[int, int, int]
    kernel: tuple[int, int]
    outputs: int
    types: tuple[str, str, str]
    stride: int = 1
    same: bool = True
    pad: int = 0

    @property
    def borders(self) -> tuple[int, int, int, int]:
        """Padding at top, bottom, left and right, as TensorFlow's SAME places it."""
        if not self.same:
            return (0, 0, 0, 0)
        borders: list[int] = []
        for extent, kernel in zip(self.image, self.kernel, strict=False):
            count = -(-extent // self.stride)
            total = max(0, (count - 1) * self.stride + kernel - extent)
            borders += [total // 2, total - total // 2]
        return borders[0], borders[1], borders[2], borders[3]

    @property
    def spatial(self) -> tuple[int, int]:
        """Height and width of the output."""
        top, bottom, left, right = self.borders
        padded = self.image[0] + top + bottom, self.image[1] + left + right
        height, width = (
            (extent - kernel) // self.stride + 1
            for extent, kernel in zip(padded, self.kernel, strict=True)
        )
        return height, width

    @property
    def depth(self) -> int:
        """Products that are summed for one output element."""
        channels = 1 if self.kind == "depthwise" else self.image[2]
        return self.kernel[0] * self.kernel[1] * channels

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the layer as people count them, borders included."""
        return self.spatial[0] * self.spatial[1] * self.outputs * self.depth

    @property
    def is_binary(self) -> bool:
        """Whether products are of single bits, of which 32 fit a word."""
        return self.types[:2] == ("bin", "bin")


def parse_layer(text: str) -> Layer:
    """
    A layer from its name in `LAYERS` or its description, such as
    `conv2d:16x16x64-3x3-64:bin,bin,bin`: input, kernel, output channels, then the types of input,
    weights and output.

    `depthwise` is written the same, `dense:1024-256:i8,bin,f32` without an image. What may follow:
    `:s2` is a stride of 2, `:valid` no border, `:pad+1` and `:pad-1` a border of such numbers
    instead of zeros. Raises UsageError.
    """
    found = _PATTERN.fullmatch(LAYERS.get(text, text))
    if found is None:
        known = suggestion(text, LAYERS) or f"; known are {', '.join(LAYERS)}"
        raise UsageError(f"unknown layer '{text}': expected {FORM}{known}")
    types = tuple(found["types"].split(","))
    for name in types:
        if name not in _ELEMENTS:
            raise UsageError(f"{text}: expected types {', '.join(_ELEMENTS)}, got '{name}'")
    if found["kind"] is None:
        image, kernel = (1, 1, int(found["depth"])), (1, 1)
    else:
        image = int(found["height"]), int(found["width"]), int(found["channels"])
        kernel = int(found["kh"]), int(found["kw"])
    kinds = types[0], types[1], types[2]
    outputs = int(found["outputs"])
    layer = Layer(text, found["kind"] or "dense", image, kernel, outputs, kinds)
    for option in found["options"].split(":")[1:]:
        layer = _with_option(layer, option)
    _check(layer)
    return layer


def _with_option(layer: Layer, option: str) -> Layer:
    if layer.kind == "dense":
        raise UsageError(f"{layer.name}: a dense layer has no options, got '{option}'")
    if stride := re.fullmatch(r"s([1-9])", option):
        return replace(layer, stride=int(stride[1]))
    if option == "valid":
        return replace(layer, same=False)
    if option in ("pad+1", "pad-1"):
        return replace(layer, pad=int(option.removeprefix("pad")))
    raise UsageError(f"{layer.name}: expected s1 to s9, valid, pad+1 or pad-1, got '{option}'")


def _check(layer: Layer) -> None:
    if min(layer.spatial) < 1:
        raise UsageError(
            f"{layer.name}: the kernel is larger than the image; without :valid it fits"
        )
    if layer.kind == "depthwise" and layer.outputs % layer.image[2]:
        raise UsageError(
            f"{layer.name}: expected output channels in a multiple of {layer.image[2]}, "
            f"got {layer.outputs}"
        )
    if layer.pad and layer.types[0] != "bin":
        raise UsageError(f"{layer.name}: a border of {layer.pad:+d} is for binary inputs")
    if layer.macs > LARGEST_LAYER:
        raise UsageError(f"{layer.name}: expected at most {LARGEST_LAYER:,} multiply-accumulates")


class _Draw:
    """The numbers of a layer, the same in every run."""

    def __init__(self, layer: Layer):
        self.layer = layer
        self.rng = np.random.default_rng(0)

    def values(self, element: str, shape: Sequence[int]) -> Array:
        """Stored values of a tensor."""
        match element:
            case "bin":
                return self.rng.random(shape) < 0.5
            case "i8":
                return np.floor(self.rng.random(shape) * 255 - 127).astype(np.int8)
            case _:
                return self.rng.standard_normal(shape).astype(np.float32)

    def element(self, position: int) -> Attribute:
        """The element type of input (0), weights (1) or output (2)."""
        match self.layer.types[position]:
            case "bin":
                return BIN
            case "f32":
                return f32
            case _ if position == 0:
                return UniformQuantizedType.per_tensor(i8, _SCALE, -3)
            case _ if position == 1:
                axis = 3 if self.layer.kind == "depthwise" else 0
                scales = [float(x) for x in self.rng.uniform(0.5, 1, self.layer.outputs) * _SCALE]
                return UniformQuantizedType.per_axis(i8, axis, scales, [0] * self.layer.outputs)
            case _:
                return UniformQuantizedType.per_tensor(i8, float(np.float32(self.spread() / 40)), 5)

    def spread(self) -> float:
        """About the standard deviation of the layer's sums, as real numbers."""
        sizes = {"bin": 1.0, "i8": 73 * _SCALE, "f32": 1.0}
        source, weights, _ = self.layer.types
        return sizes[source] * sizes[weights] * self.layer.depth**0.5

    def bias(self) -> Array:
        """A bias of about the sums' size, in accumulated units."""
        source, weights, _ = self.layer.types
        counted = self.layer.depth**0.5
        counted *= (73 if source == "i8" else 1) * (73 if weights == "i8" else 1)
        values = self.rng.standard_normal(self.layer.outputs) * counted
        return values.astype(np.float32 if "f32" in (source, weights) else np.int32)


def module_of(layer: Layer) -> ModuleOp:
    """The layer as a network of one op, of random weights."""
    draw = _Draw(layer)
    source = TensorType(draw.element(0), _input_shape(layer))
    block = Block(arg_types=[source])
    b = NnBuilder(block)
    b.location = NameLoc(StringAttr("layer"), NoneAttr())
    result = _op(layer, draw, b, block.args[0])
    b.insert(ReturnOp(result))
    function = FuncOp("main", FunctionType.from_lists([source], [result.type]), Region(block))
    module = ModuleOp([function])
    module.verify()
    return module


def _input_shape(layer: Layer) -> tuple[int, ...]:
    return (1, layer.image[2]) if layer.kind == "dense" else (1, *layer.image)


def _op(layer: Layer, draw: _Draw, b: NnBuilder, x: SSAValue) -> SSAValue:
    (kh, kw), outputs, channels = layer.kernel, layer.outputs, layer.image[2]
    shape = {
        "conv2d": (outputs, kh, kw, channels),
        "depthwise": (1, kh, kw, outputs),
        "dense": (outputs, channels),
    }[layer.kind]
    w = b.constant(draw.values(layer.types[1], shape), draw.element(1))
    is_float = "f32" in layer.types[:2]
    bias = b.constant(draw.bias(), f32 if is_float else i32)
    rounded = layer.types[2] == "i8" and not is_float
    rounding = RoundingAttr(Rounding.DOUBLE) if rounded else None
    element = draw.element(2)
    if layer.kind == "dense":
        result = TensorType(element, (1, outputs))
        return b.op(DenseOp, [x, w, bias], result, rounding=rounding)
    window: dict[str, Attribute | None] = {
        "strides": integers([layer.stride] * 2),
        "dilations": integers([1, 1]),
        "padding": integers(layer.borders),
        "pad_value": integer(layer.pad) if layer.pad else None,
        "rounding": rounding,
    }
    result = TensorType(element, (1, *layer.spatial, outputs))
    if layer.kind == "depthwise":
        return b.op(DepthwiseConv2DOp, [x, w, bias], result, **window)
    return b.op(Conv2DOp, [x, w, bias], result, **window, groups=integer(1))


@dataclass(frozen=True)
class KernelCost:
    """
    What one layer costs on a core.

    - `kernel` is the C function that runs it, or `loops`.
    - `instructions` of the whole layer; `scratch_bytes` of RAM beside input and output;
      `weights_bytes` of weights and tables; `code_bytes` of everything else that is read-only, the
      few instructions around the call and the initialisation included.
    - `mismatches` of the `elements` of the output are not what the reference semantics give.
    - `cmsis_nn` is what CMSIS-NN's int8 function for the same shape takes per MAC, None where that
      is not known; `cmsis_nn_measured` whether it was measured now, rather than taken from a table.
    """

    layer: str
    description: str
    core: str
    kernel: str
    instructions: int
    macs: int
    scratch_bytes: int
    weights_bytes: int
    code_bytes: int
    elements: int
    mismatches: int
    cmsis_nn: float | None
    cmsis_nn_measured: bool
    notes: tuple[str, ...] = field(default=())

    @property
    def per_mac(self) -> float:
        """Instructions for one multiply-accumulate."""
        return self.instructions / self.macs


def measure(layer: Layer, options: Options, *, timeout: float = 120.0) -> KernelCost:
    """
    Measures one layer on the core `options.target`, with kernels as `options` say, and compares
    what it gave. Raises DiagnosticException, ToolError.
    """
    module = module_of(layer)
    sample = _Draw(layer).values(layer.types[0], _input_shape(layer))
    (expected,) = run(module, [sample]).outputs
    network = build_module(module, options)
    instructions, found = _execute(network, sample, timeout)
    wrong = int(np.count_nonzero(disagreements(found, expected, absolute=False)))
    library = network.library(options.target)
    with network.folder(library) as sources:
        linked = library.options() if library is not None else BuildOptions()
        sizes = measure_size(sources, network.name, options.target, options=linked)
    report = network.report
    cmsis_nn, measured = _cmsis_nn(layer, options.target, timeout)
    note = linking_note(network, options.target)
    return KernelCost(
        layer=layer.name,
        description=LAYERS.get(layer.name, layer.name),
        core=options.target,
        kernel=report.layers[0].kernel,
        instructions=instructions,
        macs=layer.macs,
        scratch_bytes=report.memory.scratch_bytes,
        weights_bytes=sizes.weights,
        code_bytes=sizes.code_bytes,
        elements=expected.size,
        mismatches=wrong,
        cmsis_nn=cmsis_nn,
        cmsis_nn_measured=measured,
        notes=(note,) if note else (),
    )


def _execute(network: Network, sample: Array, timeout: float) -> tuple[int, Array]:
    """Instructions of one inference, and its output."""
    (output,) = outputs_of(network)
    with built(network, network.options.target) as program:
        inputs = [sample_bytes([sample], inputs_of(network))]
        result = run_program(program, inputs, timeout=timeout)
    if result.instructions is None:
        raise RunError(f"{network.options.target} does not count instructions")
    return result.instructions[0], output.of_bytes(result.outputs[0][0])


def _cmsis_nn(layer: Layer, core: str, timeout: float) -> tuple[float | None, bool]:
    """What CMSIS-NN takes per MAC for the shape in int8, and whether that was measured."""
    twin = replace(layer, types=("i8", "i8", "i8"), pad=0)
    if not os.environ.get(CMSIS_NN_ROOT):
        return _published(twin, core), False
    network = build_module(module_of(twin), Options(core, kernels="cmsis-nn"))
    if network.report.off_library:
        return None, False
    sample = _Draw(twin).values("i8", _input_shape(twin))
    instructions, _ = _execute(network, sample, timeout)
    return instructions / twin.macs, True


def _published(layer: Layer, core: str) -> float | None:
    if core not in PUBLISHED_CORES:
        return None
    for name, figures in _PUBLISHED.items():
        if replace(parse_layer(name), name=layer.name) == layer:
            return figures[PUBLISHED_CORES.index(core)]
    return None
