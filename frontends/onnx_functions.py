"""
Operators that the specification defines by others, such as Attention.

ONNX gives them bodies, as functions of other operators. Those that the dialect does not have become
what they are defined as.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import onnx

from nnc.dialects.onnx.base import AnyTensor
from nnc.frontends.onnx_model import label
from nnc.frontends.onnx_subgraphs import needs
from nnc.frontends.onnx_types import UnsupportedValueError, type_proto


@dataclass(frozen=True)
class Body:
    """What an operator is defined as: nodes in order, and the operator sets that they are from."""

    nodes: Sequence[onnx.NodeProto]
    opsets: dict[str, int]


def has_body(schema: onnx.defs.OpSchema) -> bool:
    """Whether the specification defines an operator by others."""
    loose = cast(Any, schema)
    return bool(loose.has_function or loose.has_context_dependent_function)


def body_of(
    schema: onnx.defs.OpSchema, node: onnx.NodeProto, types: Mapping[str, AnyTensor], version: int
) -> Body | None:
    """
    The nodes that a node stands for, with names of tensors that begin with its own; None where the
    specification has none for it.

    `types` are those of its operands, `version` is that of its operator set. Raises
    UnsupportedValueError.
    """
    function = _function(schema, node, types, version)
    if function is None:
        return None
    names = {"": ""}
    names |= dict(zip(function.input, [*node.input, *[""] * len(function.input)], strict=False))
    results = dict(zip(function.output, node.output, strict=False))
    names |= {name: given for name, given in results.items() if given}
    own = {name for inner in function.node for name in (*needs(inner), *inner.output)}
    prefix = next((name for name in node.output if name), label(node))
    names = _own(names, own - names.keys(), prefix)
    given = {attribute.name: attribute for attribute in node.attribute}
    for name, attribute in schema.attributes.items():
        if attribute.default_value.type != onnx.AttributeProto.UNDEFINED:
            given.setdefault(name, attribute.default_value)
    nodes = [_renamed(inner, names, given, prefix) for inner in function.node]
    return Body(nodes, {it.domain: it.version for it in function.opset_import})


def _function(
    schema: onnx.defs.OpSchema, node: onnx.NodeProto, types: Mapping[str, AnyTensor], version: int
) -> onnx.FunctionProto | None:
    # The annotations of this module are only partly known to the type checker.
    loose = cast(Any, schema)
    if loose.has_context_dependent_function:
        operands = [type_proto(types[name]) if name else onnx.TypeProto() for name in node.input]
        known = [it for it in loose.context_dependent_function_opset_versions if it <= version]
        try:
            data = loose.get_context_dependent_function_with_opset_version(
                max(known, default=version),
                node.SerializeToString(),
                [operand.SerializeToString() for operand in operands],
            )
        except (RuntimeError, ValueError) as error:
            raise UnsupportedValueError(str(error).splitlines()[0]) from error
    elif loose.has_function:
        known = [it for it in loose.function_opset_versions if it <= version]
        data = loose.get_function_with_opset_version(max(known, default=version))
    else:
        return None
    if not data:
        return None
    function = onnx.FunctionProto()
    function.ParseFromString(data)
    return function


def _own(names: Mapping[str, str], more: Iterable[str], prefix: str) -> dict[str, str]:
    """Names of tensors with further ones, which get a prefix."""
    return {**names, **{name: f"{prefix}/{name}" for name in more if name}}


def _renamed(
    node: onnx.NodeProto,
    names: Mapping[str, str],
    given: Mapping[str, onnx.AttributeProto],
    prefix: str,
) -> onnx.NodeProto:
    """A node of a body with the caller's tensors and attributes."""
    result = onnx.NodeProto()
    result.CopyFrom(node)
    result.input[:] = [names[name] for name in node.input]
    result.output[:] = [names[name] for name in node.output]
    result.name = ""
    del result.attribute[:]
    for attribute in node.attribute:
        if not attribute.ref_attr_name:
            new = result.attribute.add()
            new.CopyFrom(attribute)
            if attribute.type == onnx.AttributeProto.GRAPH:
                new.g.CopyFrom(_renamed_graph(attribute.g, names, given, prefix))
        elif attribute.ref_attr_name in given:
            new = result.attribute.add()
            new.CopyFrom(given[attribute.ref_attr_name])
            new.name = attribute.name
    return result


def _renamed_graph(
    graph: onnx.GraphProto,
    names: Mapping[str, str],
    given: Mapping[str, onnx.AttributeProto],
    prefix: str,
) -> onnx.GraphProto:
    """A graph inside a node of a body; its own tensors hide those around it."""
    own = [value.name for value in graph.input]
    own += [tensor.name for tensor in graph.initializer]
    own += [name for node in graph.node for name in node.output]
    names = _own(names, own, prefix)
    result = onnx.GraphProto()
    result.CopyFrom(graph)
    for value in (*result.input, *result.output, *result.initializer, *result.value_info):
        value.name = names.get(value.name, value.name)
    del result.node[:]
    result.node.extend(_renamed(node, names, given, prefix) for node in graph.node)
    return result
