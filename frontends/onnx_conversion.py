"""
Models of operator sets before the oldest one that is read, converted by ONNX's own converter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import onnx
from onnx import checker, shape_inference, version_converter

from nnc.frontends.errors import FrontendError, Problem


def converted(model: onnx.ModelProto, version: int) -> onnx.ModelProto:
    """A model in another operator set of the standard domain. Raises FrontendError."""
    try:
        # The converter expects a model that the checker accepts.
        cast(Any, checker).check_model(model)
        _align(model)
        return version_converter.convert_version(model, version)
    except (
        checker.ValidationError,
        shape_inference.InferenceError,
        RuntimeError,
        ValueError,
        TypeError,
    ) as error:
        said = next(iter(str(error).strip().splitlines()), type(error).__name__)
        reason = f"its operator set cannot be converted to {version}: {said}"
        raise FrontendError([Problem(reason)]) from error


def _align(model: onnx.ModelProto) -> None:
    """
    Operands that broadcast get axes of size 1 behind their own, so that they do so from the last
    axis on, as they do in later operator sets. The converter knows nothing of slopes of PRelu,
    which are along the channels, and is wrong where an `axis` says where the operand belongs.
    """
    found = shape_inference.infer_shapes(model).graph
    stated = (*found.input, *found.output, *found.value_info)
    ranks = {it.name: len(it.type.tensor_type.shape.dim) for it in stated}
    ranks |= {tensor.name: len(tensor.dims) for tensor in found.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        behind = _missing(node, ranks)
        if behind > 0:
            name = f"{node.output[0]}/aligned"
            rank = ranks[node.input[1]]
            axes = list(range(rank, rank + behind))
            nodes.append(onnx.helper.make_node("Unsqueeze", [node.input[1]], [name], axes=axes))
            node.input[1] = name
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _missing(node: onnx.NodeProto, ranks: Mapping[str, int]) -> int:
    """The axes that a second operand lacks behind its own; `axis` is removed."""
    given = {it.name: it for it in node.attribute}
    placed = {"axis", "broadcast"} <= given.keys()
    if len(node.input) != 2 or not (placed or node.op_type == "PRelu"):
        return 0
    unknown = [name for name in node.input if name not in ranks]
    if unknown:
        raise ValueError(f"the shape of {unknown[0]} is not known")
    rank, second = (ranks[name] for name in node.input)
    if not placed:
        return rank - 1 - second if second == 1 else 0
    node.attribute.remove(given["axis"])
    return rank - given["axis"].i % max(rank, 1) - second
