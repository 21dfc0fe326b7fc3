"""
Models of operator sets before the oldest one that is read, converted by ONNX's own converter.
"""

from __future__ import annotations

import onnx
from onnx import checker, shape_inference, version_converter

from nnc.frontends.errors import FrontendError, Problem


def converted(model: onnx.ModelProto, version: int) -> onnx.ModelProto:
    """A model in another operator set of the standard domain. Raises FrontendError."""
    try:
        # The converter expects a model that the checker accepts.
        checker.check_model(model)
        _align_slopes(model)
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


def _align_slopes(model: onnx.ModelProto) -> None:
    """
    Before operator set 7 the slope of a PRelu is a vector along the channels; after, it broadcasts
    as other operands do, from the last axis on. The converter knows nothing of it.
    """
    found = shape_inference.infer_shapes(model).graph
    stated = (*found.input, *found.output, *found.value_info)
    ranks = {it.name: len(it.type.tensor_type.shape.dim) for it in stated}
    ranks |= {tensor.name: len(tensor.dims) for tensor in found.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if node.op_type == "PRelu" and len(node.input) == 2:
            x, slope = (ranks.get(name, 0) for name in node.input)
            if x > 2 and slope == 1:
                name = f"{node.output[0]}/slope"
                axes = list(range(1, x - 1))
                given = [node.input[1]]
                nodes.append(onnx.helper.make_node("Unsqueeze", given, [name], axes=axes))
                node.input[1] = name
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
