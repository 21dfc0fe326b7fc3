"""Small ONNX models, built in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

Array = npt.NDArray[Any]
Shape = Sequence[int | str | None]

node: Any = cast(Any, helper).make_node
"""`onnx.helper.make_node`."""

tensor: Any = cast(Any, helper).make_tensor
"""`onnx.helper.make_tensor`."""

TYPES = {
    "f32": TensorProto.FLOAT,
    "i8": TensorProto.INT8,
    "u8": TensorProto.UINT8,
    "i16": TensorProto.INT16,
    "u16": TensorProto.UINT16,
    "i32": TensorProto.INT32,
    "i64": TensorProto.INT64,
    "i1": TensorProto.BOOL,
}


def value(name: str, shape: Shape | None, kind: str = "f32") -> onnx.ValueInfoProto:
    """An input or output."""
    return helper.make_tensor_value_info(name, TYPES[kind], shape)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Shape] | Sequence[onnx.ValueInfoProto],
    outputs: Sequence[str],
    constants: Mapping[str, Array] | None = None,
    *,
    opset: int = 21,
    functions: Sequence[onnx.FunctionProto] = (),
    domains: Mapping[str, int] | None = None,
) -> onnx.ModelProto:
    """A model; inputs by shape are of float32, outputs have no type of their own."""
    given = (
        [value(name, shape) for name, shape in inputs.items()]
        if isinstance(inputs, Mapping)
        else list(inputs)
    )
    results = [onnx.ValueInfoProto(name=name) for name in outputs]
    initializers = [
        cast(Any, numpy_helper).from_array(array, name) for name, array in (constants or {}).items()
    ]
    graph = helper.make_graph(list(nodes), "graph", given, results, initializers)
    opsets = [helper.make_opsetid("", opset)]
    opsets += [helper.make_opsetid(*entry) for entry in (domains or {}).items()]
    return helper.make_model(graph, opset_imports=opsets, functions=list(functions), ir_version=10)


def reference(model: onnx.ModelProto, inputs: Sequence[Array]) -> list[Array]:
    """What ONNX's own reference implementation computes."""
    constants = {it.name for it in model.graph.initializer}
    names = [it.name for it in model.graph.input if it.name not in constants]
    evaluator = cast(Any, ReferenceEvaluator)(model)
    return list(evaluator.run(None, dict(zip(names, inputs, strict=True))))


def random_weights(seed: int) -> Any:
    """A function of a shape that gives float32 weights of moderate size."""
    rng = np.random.default_rng(seed)

    def weights(*shape: int) -> Array:
        return (rng.standard_normal(shape) * 0.3).astype(np.float32)

    return weights
