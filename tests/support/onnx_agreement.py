"""
How far layers are from what ONNX Runtime computed, each fed with what ONNX Runtime fed it.

The reference semantics run a network op by op. Where the result of an op is a tensor that ONNX
Runtime has as well, both are compared, and what follows gets ONNX Runtime's.

    PYTHONPATH=tests .venv/bin/python -m support.onnx_agreement FOLDER/NAME-FORM-TYPES ...

prints that for networks that `benchmarks/quantize_onnx.py` wrote.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from support.onnx_models import Array
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import SSAValue

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.conversion import ConstantOp
from nnc.dialects.nn.interpreter import layer_names
from nnc.dialects.nn.layout import layout_of
from nnc.frontends.onnx import import_onnx
from nnc.passes.nn_fuse_qdq import NnFuseQdqPass
from nnc.passes.nn_sink_transposes import NnSinkTransposesPass
from nnc.passes.onnx_to_nn import OnnxToNnPass
from nnc.passes.qdq.contract import Numerics

FIXTURE = Path(__file__).parents[1] / "fixtures" / "onnx" / "quantized.npz"
"""Small networks with what ONNX Runtime computes; see `benchmarks/quantize_onnx.py`."""


@dataclass(frozen=True)
class Quantized:
    """A model with inputs and, for each tensor by name, what ONNX Runtime computed of them."""

    model: bytes
    inputs: Array
    tensors: Mapping[str, Array]


@dataclass(frozen=True)
class Difference:
    """Elements of a layer that differ, out of how many, and by how much at most."""

    layer: str
    kind: str
    different: int
    elements: int
    largest: int


def fixture_names() -> list[str]:
    """The names of the networks in the fixture."""
    with np.load(FIXTURE) as kept:
        return [name.removesuffix("/model") for name in kept if name.endswith("/model")]


def from_fixture(name: str) -> Quantized:
    """A network of the fixture."""
    with np.load(FIXTURE) as kept:
        own = {it.partition("/")[2]: kept[it] for it in kept if it.startswith(f"{name}/")}
    return Quantized(own.pop("model").tobytes(), own.pop("input"), own)


def from_files(stem: Path) -> Quantized:
    """A network that `benchmarks/quantize_onnx.py` wrote."""
    with np.load(f"{stem}.npz") as kept:
        tensors = {name: kept[name] for name in kept}
    return Quantized(Path(f"{stem}.onnx").read_bytes(), tensors.pop("input"), tensors)


def lowered(model: bytes, numerics: Numerics) -> ModuleOp:
    """The integer layers of a model."""
    module = import_onnx(model)
    for step in (OnnxToNnPass(), NnSinkTransposesPass(), NnFuseQdqPass(numerics)):
        step.apply(Context(), module)
    module.verify()
    return module


def function_of(module: ModuleOp) -> FuncOp:
    """The network."""
    (function,) = [op for op in module.body.block.ops if isinstance(op, FuncOp)]
    return function


def input_for(module: ModuleOp, sample: Array) -> Array:
    """A sample in the order of axes that the network takes it."""
    attributes = function_of(module).arg_attrs
    layout = None if attributes is None else layout_of(attributes.data[0].data)
    return sample if layout is None else np.ascontiguousarray(sample.transpose(layout))


def _like(theirs: Array, ours: Array) -> Array | None:
    """ONNX Runtime's tensor as ours is stored; None where it is none of the same elements."""
    if theirs.dtype.kind not in "iu" or ours.dtype.kind not in "iu":
        return None
    wide = theirs.astype(np.int64)
    if theirs.dtype == np.uint8 and ours.dtype == np.int8:
        wide = wide - 128
    if wide.ndim == 4 and wide.transpose(0, 2, 3, 1).shape == ours.shape:
        return wide.transpose(0, 2, 3, 1).astype(ours.dtype)
    return wide.astype(ours.dtype) if wide.shape == ours.shape else None


def differences(module: ModuleOp, quantized: Quantized, number: int) -> Iterator[Difference]:
    """The layers of one sample that ONNX Runtime has as well."""
    block = function_of(module).body.block
    values: dict[SSAValue, Any] = {block.args[0]: input_for(module, quantized.inputs[number])}
    # Of several ops of one layer, the last one has the layer's value.
    last = {op.location: op for op in block.ops}
    for op in block.ops:
        if isinstance(op, ReturnOp):
            return
        if isinstance(op, ConstantOp):
            values[op.output] = op.values
            continue
        assert isinstance(op, NnOp)
        results = op.evaluate(*(values[operand] for operand in op.operands))
        values.update(zip(op.results, results, strict=True))
        for name, ours in zip(layer_names(op.location), results, strict=False):
            if name not in quantized.tensors or last[op.location] is not op:
                continue
            theirs = _like(quantized.tensors[name][number], ours)
            if theirs is None:
                continue
            error = np.abs(ours.astype(int) - theirs.astype(int))
            yield Difference(
                name, op.kind, int((error > 0).sum()), error.size, int(error.max(initial=0))
            )
            values[op.results[0]] = theirs


def main(stems: Sequence[str]) -> None:
    """One line for each network and contract."""
    contracts: tuple[Numerics, ...] = ("onnx", "onnx-exact")
    for stem in stems:
        quantized = from_files(Path(stem.removesuffix(".onnx")))
        for numerics in contracts:
            module = lowered(quantized.model, numerics)
            samples = range(len(quantized.inputs))
            found = [it for k in samples for it in differences(module, quantized, k)]
            different, elements = (
                sum(getattr(it, name) for it in found) for name in ("different", "elements")
            )
            largest = max(it.largest for it in found)
            print(f"{stem} {numerics}: {different:,} of {elements:,}, by {largest} at most")


if __name__ == "__main__":
    main(sys.argv[1:])
