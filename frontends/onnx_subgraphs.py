"""
Graphs inside nodes: the branches of If and the bodies of Loop and Scan.

Such a graph may use the tensors of the graphs around it. Its node needs them as it needs its
operands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import onnx
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    TensorType,
    UnrankedTensorType,
    i1,
    i64,
)
from xdsl.ir import Attribute

from nnc.dialects.onnx.base import AnyTensor
from nnc.frontends.onnx_types import UnsupportedValueError, tensor_type

OLDEST_SCAN = 9
"""The version of Scan before which it has an axis of samples."""


def subgraphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The graphs among a node's attributes."""
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def needs(node: onnx.NodeProto) -> list[str]:
    """The tensors that a node needs, in order: its operands, and what its graphs capture."""
    found = dict.fromkeys(name for name in node.input if name)
    for graph in subgraphs(node):
        found |= dict.fromkeys(captures(graph))
    return list(found)


def captures(graph: onnx.GraphProto) -> list[str]:
    """The tensors that a graph uses and does not make itself, in order."""
    own = {value.name for value in graph.input}
    own |= {tensor.name for tensor in graph.initializer}
    own |= {name for node in graph.node for name in node.output}
    used = [name for node in graph.node for name in needs(node)]
    used += [value.name for value in graph.output]
    return [name for name in dict.fromkeys(used) if name and name not in own]


def nested(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and all graphs inside it."""
    yield graph
    for node in graph.node:
        for inner in subgraphs(node):
            yield from nested(inner)


def parameters(
    node: onnx.NodeProto, graph: onnx.GraphProto, operands: Sequence[Attribute], since: int
) -> list[AnyTensor]:
    """
    The types of the inputs of a graph inside a node, from those of the node's operands. Sizes are
    left open: from one turn of a loop to the next they may change.

    Raises UnsupportedValueError.
    """
    count = len(graph.input)
    match node.op_type:
        case "Loop":
            given = [TensorType(i64, []), TensorType(i1, []), *operands[2:]]
        case "Scan":
            sequences = next((it.i for it in node.attribute if it.name == "num_scan_inputs"), 0)
            batched = since < OLDEST_SCAN
            values = operands[1:] if batched else operands
            states = len(values) - sequences
            cut = [int(batched)] * states + [1 + int(batched)] * sequences
            given = [_without(kind, axes) for kind, axes in zip(values, cut, strict=True)]
        case _:
            given = []
    if len(given) != count:
        raise UnsupportedValueError(f"expected a graph with {len(given)} inputs, got {count}")
    return [
        _opened(kind, value, fixed=node.op_type == "Loop" and number < 2)
        for number, (kind, value) in enumerate(zip(given, graph.input, strict=True))
    ]


def _without(kind: Attribute, axes: int) -> Attribute:
    """A type without its first axes."""
    if not isinstance(kind, TensorType):
        return kind
    return TensorType(kind.element_type, list(kind.get_shape())[axes:])


def _opened(kind: Attribute, stated: onnx.ValueInfoProto, *, fixed: bool) -> AnyTensor:
    """The type of an input of a graph, with the rank that the file or else the operand has."""
    if not isinstance(kind, TensorType | UnrankedTensorType):
        raise UnsupportedValueError(f'expected a tensor for "{stated.name}", got none')
    if fixed:
        return kind
    if stated.type.WhichOneof("value"):
        said = tensor_type(stated.type)
        if said.element_type != kind.element_type:
            raise UnsupportedValueError(
                f'expected "{stated.name}" to be of {said.element_type}, got {kind.element_type}'
            )
        kind = said if isinstance(said, TensorType) else kind
    if isinstance(kind, UnrankedTensorType):
        return kind
    return _stacked(kind, 0)


def results(
    node: onnx.NodeProto, yields: Mapping[str, Sequence[AnyTensor]], since: int
) -> list[AnyTensor]:
    """
    The types of a node's results, from those of the outputs of its graphs by name.

    Raises UnsupportedValueError.
    """
    match node.op_type:
        case "If":
            branches = yields["then_branch"], yields["else_branch"]
            if len(branches[0]) != len(branches[1]):
                raise UnsupportedValueError("expected branches with as many outputs as each other")
            found = [_merged(a, b) for a, b in zip(*branches, strict=True)]
        case "Loop":
            carried = len(node.input) - 2
            kinds = yields["body"][1:]
            found = [_stacked(kind, int(k >= carried)) for k, kind in enumerate(kinds)]
        case _:
            batch = int(since < OLDEST_SCAN)
            sequences = next((it.i for it in node.attribute if it.name == "num_scan_inputs"), 0)
            states = len(node.input) - batch - sequences
            kinds = yields["body"]
            found = [_stacked(kind, batch + int(k >= states)) for k, kind in enumerate(kinds)]
    if len(node.output) > len(found):
        raise UnsupportedValueError(f"expected {len(found)} results, got {len(node.output)}")
    return found[: len(node.output)]


def _merged(one: AnyTensor, other: AnyTensor) -> AnyTensor:
    """The type of a value that has one of two types."""
    if one.element_type != other.element_type:
        raise UnsupportedValueError(
            f"expected branches of one element type, got {one.element_type}, {other.element_type}"
        )
    if isinstance(one, UnrankedTensorType) or isinstance(other, UnrankedTensorType):
        return UnrankedTensorType(one.element_type)
    pairs = list(zip(one.get_shape(), other.get_shape(), strict=False))
    if len(one.get_shape()) != len(other.get_shape()):
        return UnrankedTensorType(one.element_type)
    return TensorType(one.element_type, [a if a == b else DYNAMIC_INDEX for a, b in pairs])


def _stacked(kind: AnyTensor, axes: int) -> AnyTensor:
    """The type of what has so many axes more than a type, of open sizes."""
    if isinstance(kind, UnrankedTensorType):
        return kind
    return TensorType(kind.element_type, [DYNAMIC_INDEX] * (axes + len(kind.get_shape())))
