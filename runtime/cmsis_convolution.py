"""CMSIS-NN's convolutions as kernel rows: plain and grouped, depthwise, transposed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import i32, i64
from xdsl.ir import Attribute

from nnc.boards import Core
from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import Conv2DOp, DepthwiseConv2DOp
from nnc.dialects.nn.deconvolution import ConvTranspose2DOp, pixels
from nnc.dialects.nn.loops import IRScalar, LoopBuilder, Operand
from nnc.dialects.nn.window import Axis, Window
from nnc.dialects.types import quantization_of, shape_of
from nnc.runtime import cmsis_buffer_sizes as sizes
from nnc.runtime import cmsis_limits as limits
from nnc.runtime.cmsis_buffer_sizes import Geometry
from nnc.runtime.cmsis_kernel import CmsisKernel
from nnc.runtime.cmsis_operands import (
    S8,
    S16,
    Width,
    bias_of,
    layer_problem,
    memory_element,
    requantization,
    requantized,
    s64_problem,
    weight_sums,
)
from nnc.runtime.cmsis_text import braces, contexts, dims, tile, unqualified
from nnc.runtime.registry import Kernel, Lowering, Target

WindowedOp = Conv2DOp | DepthwiseConv2DOp | ConvTranspose2DOp


def geometry_of(op: WindowedOp) -> Geometry:
    """The shapes of a layer; a transposed convolution cuts `padding` off at the top and left."""
    shapes = (shape_of(op.input), shape_of(op.weights), shape_of(op.output))
    strides, padding = tuple(op.strides.get_values()), tuple(op.padding.get_values())
    if isinstance(op, ConvTranspose2DOp):
        return Geometry(*shapes, strides, padding=(padding[0], 0, padding[1], 0))
    return Geometry(*shapes, strides, tuple(op.dilations.get_values()), padding)


@dataclass(frozen=True)
class Loops:
    """The loops that a call stands for, with its input and filter in the shapes of the call."""

    call: CallOp
    b: LoopBuilder
    x: Operand
    w: Operand

    @staticmethod
    def of(call: CallOp, b: LoopBuilder) -> Loops:
        """The loops to be built for a call."""
        x = b.reshaped(b.inputs[0], call.numbers("input_shape"))
        return Loops(call, b, x, b.reshaped(b.inputs[1], call.numbers("filter_shape")))

    @property
    def window(self) -> Window:
        """The window of a convolution."""
        source, output, kernel = (
            self.call.numbers(f"{name}_shape") for name in ("input", "output", "filter")
        )
        strides, dilations = self.call.numbers("strides"), self.call.numbers("dilations")
        top, bottom, left, right = self.call.numbers("padding")
        return Window(
            Axis(source[1], output[1], kernel[1], strides[0], dilations[0], top, bottom),
            Axis(source[2], output[2], kernel[2], strides[1], dilations[1], left, right),
        )

    def reduce(
        self,
        bounds: Sequence[tuple[IRScalar | int, IRScalar | int]],
        places: Callable[[list[IRScalar]], tuple[list[IRScalar], list[IRScalar]]],
    ) -> IRScalar:
        """The sum of products over taps; `places` says where the values and weights are."""
        accumulator = self.b.inputs[2].element

        def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
            value, weight = places(at)
            number = self.b.load(self.x, value).to(i32) + self.call.number("input_offset")
            product = number * self.b.load(self.w, weight).to(i32)
            return total + product.to(accumulator)

        return self.b.reduce(bounds, self.b.constant(0, accumulator), tap, ("ky", "kx", "k"))


class WindowedKernel(CmsisKernel, ABC):
    """Activations and a filter that moves over them; one multiplier for each output channel."""

    CONTEXTS = 1
    ACCUMULATORS: Sequence[Attribute] = (i32,)
    """The types of accumulator that the function has, which are those of its bias."""

    KIND: type[WindowedOp]
    STRUCT = "cmsis_nn_conv_params"

    def __init__(self, name: str, source: str, width: Width = S8):
        super().__init__(name, source)
        self.width = width

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, self.KIND) or not self.width.concerns(op.input):
            return ""
        problem = layer_problem(op, self.width, self.ACCUMULATORS)
        return self.limit(op, target.core) if problem is None and target.library else problem

    @abstractmethod
    def limit(self, op: WindowedOp, core: Core) -> str | None:
        """Why the library must not be used for a layer with the right arithmetic."""

    def geometry(self, op: WindowedOp, target: Target) -> Geometry:
        """The shapes with which the function is called."""
        return geometry_of(op)

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, self.KIND)
        layer, scratch = self.geometry(op, target), self.scratch(op, target)
        source, output = quantization_of(op.input), quantization_of(op.output)
        assert source is not None and output is not None
        parameters: dict[str, Parameter] = {
            "strides": layer.strides,
            "dilations": layer.dilations,
            "padding": layer.padding,
            "input_shape": layer.source,
            "filter_shape": layer.weights,
            "output_shape": layer.output,
            "input_offset": -source.zero_point,
            "output_offset": output.zero_point,
            "clamp": op.stored_bounds(),
            "scratch_bytes": scratch,
        }
        inputs = [
            lowering.buffer(op.input),
            lowering.buffer(op.weights),
            bias_of(op, lowering),
            *requantization(op, lowering),
        ]
        return lowering.call(self.name, inputs, parameters, scratch)

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        layer = Loops.of(call, b)
        low, high = call.numbers("clamp")

        def element(index: list[IRScalar]) -> IRScalar:
            bias, multiplier, shift = (b.load(operand, index[-1:]) for operand in b.inputs[2:5])
            scaled = requantized(self.total(layer, index) + bias, multiplier, shift)
            stored = (scaled + call.number("output_offset")).clamp(low, high)
            return stored.to(self.width.storage)

        b.produce(b.reshaped(b.outputs[0], call.numbers("output_shape")), element)

    @abstractmethod
    def total(self, layer: Loops, index: list[IRScalar]) -> IRScalar:
        """The accumulated products of one output."""

    def fields(self, call: CallOp) -> list[str]:
        """The members of the function's struct of parameters."""
        top, _, left, _ = call.numbers("padding")
        return [
            str(call.number("input_offset")),
            str(call.number("output_offset")),
            tile(call.numbers("strides")),
            tile((top, left)),
            tile(call.numbers("dilations")),
            braces(call.numbers("clamp")),
        ]

    def bias(self, call: CallOp, pointer: str) -> tuple[list[str], str]:
        """What the function takes as its bias, and statements before."""
        return [], pointer

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        source, weights, bias, multiplier, shift, target = arguments[:6]
        statements, bias = self.bias(call, bias)
        names = ("ctx", "output_ctx")[: self.CONTEXTS]
        return [
            *contexts(call, arguments, *names),
            f"static const {self.STRUCT} params = {{",
            f"    {', '.join(self.fields(call))}",
            "};",
            "const cmsis_nn_per_channel_quant_params quant = {",
            f"    {unqualified(multiplier)}, {unqualified(shift)}",
            "};",
            *statements,
            dims("input_dims", call.numbers("input_shape")),
            dims("filter_dims", call.numbers("filter_shape")),
            dims("bias_dims", call.numbers("output_shape")[3:]),
            dims("output_dims", call.numbers("output_shape")),
            f"return {self.name}({', '.join(f'&{name}' for name in names)}, &params, &quant,",
            f"    &input_dims, {source}, &filter_dims, {weights}, &bias_dims, {bias},",
            f"    &output_dims, {target});",
        ]


class ConvolutionKernel(WindowedKernel, ABC):
    """A convolution of every input channel of a group with every filter of it."""

    KIND = Conv2DOp

    def total(self, layer: Loops, index: list[IRScalar]) -> IRScalar:
        window, (n, oy, ox, oc) = layer.window, index
        outputs, _, _, depth = layer.w.shape
        groups = layer.x.shape[3] // depth

        def places(at: list[IRScalar]) -> tuple[list[IRScalar], list[IRScalar]]:
            ky, kx, ic = at
            iy, ix = window.height.coordinate(oy, ky), window.width.coordinate(ox, kx)
            channel = ic if groups == 1 else oc // (outputs // groups) * depth + ic
            return [n, iy, ix, channel], [oc, ky, kx, ic]

        rows, columns = window.height.inside(layer.b, oy), window.width.inside(layer.b, ox)
        return layer.reduce([rows, columns, (0, depth)], places)


class ConvolveS8(ConvolutionKernel):
    """
    `arm_convolve_wrapper_s8`: int8 convolution, grouped too. Images of one row are passed as images
    of one column where the library's kernel for one row would be wrong.
    """

    def geometry(self, op: WindowedOp, target: Target) -> Geometry:
        layer = geometry_of(op)
        one_row = layer.source[1] == layer.weights[1] == layer.output[1] == 1
        if target.library and one_row and limits.convolve_wrapper_s8(target.core, layer):
            return layer.transposed()
        return layer

    def limit(self, op: WindowedOp, core: Core) -> str | None:
        return limits.convolve_wrapper_s8(core, self.geometry(op, Target(core, True)))

    def needs(self, op: NnOp, core: Core) -> Sequence[int]:
        assert isinstance(op, Conv2DOp)
        return (sizes.convolve_wrapper_s8(core, self.geometry(op, Target(core, True))),)


class ConvolveS16(ConvolutionKernel):
    """
    `arm_convolve_wrapper_s16`: int16 activations. The bias decides: with one of 32 bits the
    accumulator has as many.
    """

    ACCUMULATORS = (i64, i32)

    def limit(self, op: WindowedOp, core: Core) -> str | None:
        bits = 64 if op.accumulator == i64 else 32
        weights = int(weight_sums(op).max())
        problem = limits.convolve_wrapper_s16(core, geometry_of(op), weights, bits)
        return problem or s64_problem(op)

    def needs(self, op: NnOp, core: Core) -> Sequence[int]:
        assert isinstance(op, Conv2DOp)
        return (sizes.convolve_wrapper_s16(core, geometry_of(op)),)

    def bias(self, call: CallOp, pointer: str) -> tuple[list[str], str]:
        short = "true" if memory_element(call.inputs[2]) == i32 else "false"
        return [f"const cmsis_nn_bias_data bias_data = {{{pointer}, {short}}};"], "&bias_data"


class DepthwiseKernel(WindowedKernel, ABC):
    """Each input channel with filters of its own."""

    KIND = DepthwiseConv2DOp
    STRUCT = "cmsis_nn_dw_conv_params"

    def total(self, layer: Loops, index: list[IRScalar]) -> IRScalar:
        window, (n, oy, ox, oc) = layer.window, index
        channel = oc // (layer.w.shape[3] // layer.x.shape[3])

        def places(at: list[IRScalar]) -> tuple[list[IRScalar], list[IRScalar]]:
            iy, ix = window.height.coordinate(oy, at[0]), window.width.coordinate(ox, at[1])
            return [n, iy, ix, channel], [layer.b.index(0), at[0], at[1], oc]

        rows, columns = window.height.inside(layer.b, oy), window.width.inside(layer.b, ox)
        return layer.reduce([rows, columns], places)

    def fields(self, call: CallOp) -> list[str]:
        first, second, *rest = super().fields(call)
        multiple = call.numbers("output_shape")[3] // call.numbers("input_shape")[3]
        return [first, second, str(multiple), *rest]


class DepthwiseS8(DepthwiseKernel):
    """`arm_depthwise_conv_wrapper_s8`: int8, of any multiplier."""

    def limit(self, op: WindowedOp, core: Core) -> str | None:
        return limits.depthwise_conv_wrapper_s8(core, geometry_of(op))

    def needs(self, op: NnOp, core: Core) -> Sequence[int]:
        assert isinstance(op, DepthwiseConv2DOp)
        return (sizes.depthwise_conv_wrapper_s8(core, geometry_of(op)),)


class DepthwiseS16(DepthwiseKernel):
    """`arm_depthwise_conv_wrapper_s16`: int16, of any multiplier."""

    ACCUMULATORS = (i64,)

    def limit(self, op: WindowedOp, core: Core) -> str | None:
        weights = int(weight_sums(op).max())
        problem = limits.depthwise_conv_wrapper_s16(core, geometry_of(op), weights)
        return problem or s64_problem(op)

    def needs(self, op: NnOp, core: Core) -> Sequence[int]:
        assert isinstance(op, DepthwiseConv2DOp)
        return (sizes.depthwise_conv_wrapper_s16(core, geometry_of(op)),)


class TransposeConvS8(WindowedKernel):
    """`arm_transpose_conv_wrapper_s8`: int8 transposed convolution."""

    KIND = ConvTranspose2DOp
    STRUCT = "cmsis_nn_transpose_conv_params"
    CONTEXTS = 2

    def limit(self, op: WindowedOp, core: Core) -> str | None:
        return limits.transpose_conv_wrapper_s8(geometry_of(op))

    def needs(self, op: NnOp, core: Core) -> Sequence[int]:
        assert isinstance(op, ConvTranspose2DOp)
        return sizes.transpose_conv_wrapper_s8(core, geometry_of(op))

    def total(self, layer: Loops, index: list[IRScalar]) -> IRScalar:
        n, oy, ox, oc = index
        step_y, step_x = layer.call.numbers("strides")
        top, _, left, _ = layer.call.numbers("padding")
        _, height, width, depth = layer.x.shape
        last_y, phase_y = (oy + top) // step_y, (oy + top) % step_y
        last_x, phase_x = (ox + left) // step_x, (ox + left) % step_x

        def places(at: list[IRScalar]) -> tuple[list[IRScalar], list[IRScalar]]:
            weight = [oc, at[0] * step_y + phase_y, at[1] * step_x + phase_x, at[2]]
            return [n, last_y - at[0], last_x - at[1], at[2]], weight

        bounds = [
            pixels(last_y, phase_y, height, layer.w.shape[1], step_y),
            pixels(last_x, phase_x, width, layer.w.shape[2], step_x),
            (0, depth),
        ]
        return layer.reduce(bounds, places)

    def fields(self, call: CallOp) -> list[str]:
        *first, dilations, bounds = super().fields(call)
        return [*first, tile((0, 0)), dilations, bounds]


KERNELS: tuple[Kernel, ...] = (
    ConvolveS8("arm_convolve_wrapper_s8", "nnc_cmsis_convolve_s8.c"),
    DepthwiseS8("arm_depthwise_conv_wrapper_s8", "nnc_cmsis_depthwise_conv_s8.c"),
    TransposeConvS8("arm_transpose_conv_wrapper_s8", "nnc_cmsis_transpose_conv_s8.c"),
    ConvolveS16("arm_convolve_wrapper_s16", "nnc_cmsis_convolve_s16.c", S16),
    DepthwiseS16("arm_depthwise_conv_wrapper_s16", "nnc_cmsis_depthwise_conv_s16.c", S16),
)
