"""
The shapes of a model's inputs, and the types of what its nodes make.

Exporters leave the batch open, and sometimes more. A microcontroller has room for one sample, so an
open first dimension becomes 1; any other must be given. The types of results are those of ONNX's
own inference, node by node, so that every contradiction can be named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import onnx
from onnx import shape_inference
from xdsl.dialects.builtin import DYNAMIC_INDEX, TensorType, UnrankedTensorType

from nnc.dialects.onnx.base import AnyTensor
from nnc.frontends.errors import Problem
from nnc.frontends.onnx_types import UnsupportedValueError, tensor_type, type_proto

_InferenceError = shape_inference.InferenceError
_ValidationError = onnx.checker.ValidationError

LARGEST_INPUT = 1 << 26
"""Elements of the largest input."""

LARGEST_KNOWN = 4096
"""Elements of the largest constant that shapes may depend on."""


@dataclass
class InputShapes:
    """
    The types of all inputs, by name, once their open dimensions are fixed.

    `changed` says that a size which the file states was replaced.
    """

    types: dict[str, AnyTensor] = field(default_factory=dict[str, AnyTensor])
    remarks: list[str] = field(default_factory=list[str])
    problems: list[Problem] = field(default_factory=list[Problem])
    changed: bool = False


def settle_inputs(
    inputs: Sequence[onnx.ValueInfoProto], shapes: Mapping[str, Sequence[int]]
) -> InputShapes:
    """
    Fixes the shapes of inputs: `shapes` gives some of them, by name, and with them dimensions of
    the same name in other inputs.
    """
    result = InputShapes()
    names = [value.name for value in inputs]
    for name in shapes:
        if name not in names:
            known = ", ".join(names) or "none"
            result.problems.append(Problem(f"no input has this name; inputs are {known}", name))
    symbols: dict[str, int] = {}
    for value in inputs:
        given = shapes.get(value.name)
        dims = value.type.tensor_type.shape.dim
        for dim, size in zip(dims, given or (), strict=False):
            if dim.dim_param:
                symbols.setdefault(dim.dim_param, size)
    for value in inputs:
        _settle(value, shapes.get(value.name), symbols, result)
        kind = result.types.get(value.name)
        if isinstance(kind, TensorType) and prod(kind.get_shape()) > LARGEST_INPUT:
            reason = f"expected at most {LARGEST_INPUT} elements, got {list(kind.get_shape())}"
            result.problems.append(Problem(reason, value.name, "input"))
            del result.types[value.name]
    return result


def _settle(
    value: onnx.ValueInfoProto,
    given: Sequence[int] | None,
    symbols: Mapping[str, int],
    result: InputShapes,
) -> None:
    try:
        kind = tensor_type(value.type)
    except UnsupportedValueError as error:
        result.problems.append(Problem(str(error), value.name, "input"))
        return
    if given is not None:
        known = () if isinstance(kind, UnrankedTensorType) else kind.get_shape()
        if isinstance(kind, TensorType) and len(known) != len(given):
            reason = f"expected {len(known)} dimensions, got {list(given)}"
            result.problems.append(Problem(reason, value.name, "input"))
        pairs = zip(known, given, strict=False)
        result.changed |= any(old not in (DYNAMIC_INDEX, new) for old, new in pairs)
        result.types[value.name] = TensorType(kind.element_type, list(given))
        return
    if isinstance(kind, UnrankedTensorType):
        remedy = f"--shape {value.name}=SIZES gives it one"
        result.problems.append(Problem("its shape is not known", value.name, "input", remedy))
        return
    sizes = list(kind.get_shape())
    dims = value.type.tensor_type.shape.dim
    for axis, size in enumerate(sizes):
        if size == DYNAMIC_INDEX:
            sizes[axis] = symbols.get(dims[axis].dim_param, DYNAMIC_INDEX)
    if sizes and sizes[0] == DYNAMIC_INDEX:
        sizes[0] = 1
        result.remarks.append(f"{value.name}: the open first dimension is taken as 1")
    if DYNAMIC_INDEX in sizes:
        listed = ",".join("?" if size == DYNAMIC_INDEX else str(size) for size in sizes)
        remedy = f"--shape {value.name}={listed} with numbers for '?' gives it one"
        result.problems.append(Problem("its shape is not known", value.name, "input", remedy))
        return
    result.types[value.name] = TensorType(kind.element_type, sizes)


def inferred(
    schema: onnx.defs.OpSchema,
    node: onnx.NodeProto,
    types: Mapping[str, AnyTensor],
    constants: Mapping[str, onnx.TensorProto],
    opsets: Mapping[str, int],
    ir_version: int,
) -> dict[str, AnyTensor]:
    """
    The types of a node's results by name, from those of its operands and from the constants among
    them. Raises UnsupportedValueError.
    """
    operands = {name for name in node.input if name}
    try:
        found = shape_inference.infer_node_outputs(
            schema,
            node,
            {name: type_proto(types[name]) for name in operands if name in types},
            {name: constants[name] for name in operands if name in constants},
            opset_imports=[onnx.helper.make_opsetid(*it) for it in opsets.items()],
            ir_version=ir_version,
        )
    except (_InferenceError, _ValidationError, RuntimeError, ValueError) as error:
        text = str(error).strip() or "its operands contradict each other"
        reason = text.splitlines()[0].replace("[ShapeInferenceError] ", "")
        raise UnsupportedValueError(reason) from error
    return {name: tensor_type(proto) for name, proto in found.items()}


def agree(computed: AnyTensor, stated: AnyTensor) -> bool:
    """Whether two types can be those of one value; what is not known agrees with everything."""
    if computed.element_type != stated.element_type:
        return False
    if isinstance(computed, UnrankedTensorType) or isinstance(stated, UnrankedTensorType):
        return True
    one, other = computed.get_shape(), stated.get_shape()
    return len(one) == len(other) and all(
        a == b or DYNAMIC_INDEX in (a, b) for a, b in zip(one, other, strict=True)
    )
