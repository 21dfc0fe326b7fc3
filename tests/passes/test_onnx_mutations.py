"""
Models that are nearly right: whatever is wrong with a file is said in one line for each problem,
and never ends in a traceback.

Each model of `support.onnx_operators` is changed in ways that a byte here or there rarely is: other
shapes, types, attributes, operands and operators, in another order, again, or left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from support.onnx_operators import OPERATORS, quantised
from support.onnx_run import lowered
from xdsl.utils.exceptions import DiagnosticException

ROUNDS = 1
"""Changed models of each operator."""

NUMBERS = (-(1 << 63), -(1 << 31), -7, -1, 0, 1, 2, 3, 17, 1 << 20, 1 << 31, (1 << 63) - 1)


def _dimension(model: onnx.ModelProto, rng: Any) -> None:
    value = rng.choice([*model.graph.input, *model.graph.initializer, None])
    if isinstance(value, onnx.ValueInfoProto) and value.type.tensor_type.shape.dim:
        dim = value.type.tensor_type.shape.dim[rng.integers(len(value.type.tensor_type.shape.dim))]
        dim.dim_value = int(rng.choice([0, 1, 2, 5, 1 << 40, -3]))
    elif isinstance(value, onnx.TensorProto):
        value.dims.append(int(rng.choice([0, 1, 2])))


def _rank(model: onnx.ModelProto, rng: Any) -> None:
    for value in model.graph.input:
        dims = value.type.tensor_type.shape.dim
        if dims and rng.integers(2):
            del dims[0]
        else:
            dims.add(dim_value=int(rng.integers(1, 4)))


def _element(model: onnx.ModelProto, rng: Any) -> None:
    for value in model.graph.input:
        value.type.tensor_type.elem_type = int(rng.integers(0, 24))


def _values(model: onnx.ModelProto, rng: Any) -> None:
    for tensor in model.graph.initializer:
        array: Any = onnx.numpy_helper.to_array(tensor)
        if array.dtype.kind in "iu" and array.size:
            info = np.iinfo(array.dtype)
            array = np.clip(rng.choice(NUMBERS, array.shape), info.min, info.max)
            tensor.CopyFrom(onnx.numpy_helper.from_array(array.astype(info.dtype), tensor.name))
        elif array.dtype.kind == "f":
            array = rng.choice([0.0, -1.0, np.nan, np.inf, 1e30], array.shape)
            tensor.CopyFrom(onnx.numpy_helper.from_array(array.astype(np.float32), tensor.name))


def _attribute(model: onnx.ModelProto, rng: Any) -> None:
    for attribute in model.graph.node[0].attribute:
        attribute.i = int(rng.choice(NUMBERS))
        attribute.f = float(rng.choice([0.0, -1.0, np.nan, np.inf]))
        attribute.ints[:] = [int(it) for it in rng.choice(NUMBERS, rng.integers(0, 5))]
        attribute.s = bytes(rng.choice([b"", b"SAME_UPPER", b"\xff", b"linear", b"ij,jk->ii"]))


def _new_attribute(model: onnx.ModelProto, rng: Any) -> None:
    node = model.graph.node[0]
    schema = (
        onnx.defs.get_schema(node.op_type, model.opset_import[0].version)
        if not node.domain
        else None
    )
    names = list(schema.attributes) if schema is not None else ["axis"]
    if names:
        name = str(rng.choice(names))
        values: list[Any] = [int(rng.choice(NUMBERS)), [2, -1], 0.5, "nothing", [0.5]]
        chosen = values[rng.integers(len(values))]
        node.attribute.append(onnx.helper.make_attribute(name, chosen))


def _operand(model: onnx.ModelProto, rng: Any) -> None:
    node = model.graph.node[0]
    places = ["", "y0", "nothing", *node.input]
    if node.input:
        node.input[rng.integers(len(node.input))] = str(rng.choice(places))
    else:
        node.input.append(str(rng.choice(places)))


def _fewer(model: onnx.ModelProto, rng: Any) -> None:
    node = model.graph.node[0]
    del node.input[rng.integers(len(node.input) + 1) :]


def _more(model: onnx.ModelProto, rng: Any) -> None:
    node = model.graph.node[0]
    (node.input if rng.integers(2) else node.output).append(str(rng.choice(["x0", "", "z"])))


def _operator(model: onnx.ModelProto, rng: Any) -> None:
    model.graph.node[0].op_type = str(rng.choice([row.name for row in OPERATORS]))


def _version(model: onnx.ModelProto, rng: Any) -> None:
    model.opset_import[0].version = int(rng.choice([6, 7, 9, 10, 11, 12, 13, 18, 23, 99]))


def _constant_inputs(model: onnx.ModelProto, rng: Any) -> None:
    """What is given at run time in place of a constant, and the other way round."""
    for tensor in list(model.graph.initializer):
        kind = onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        model.graph.input.append(kind)
        model.graph.initializer.remove(tensor)


def _output(model: onnx.ModelProto, rng: Any) -> None:
    kind = onnx.helper.make_tensor_value_info("y0", int(rng.integers(1, 12)), [3, None, 1])
    model.graph.output[0].CopyFrom(kind)


CHANGES: list[Callable[[onnx.ModelProto, Any], None]] = [
    _dimension,
    _rank,
    _element,
    _values,
    _attribute,
    _new_attribute,
    _operand,
    _fewer,
    _more,
    _operator,
    _version,
    _constant_inputs,
    _output,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
def test_changed_models(change: Callable[[onnx.ModelProto, Any], None]) -> None:
    rng: Any = np.random.default_rng(13)
    wrong: list[str] = []
    for row in [*OPERATORS, *(it.operator for it in quantised())]:
        for _ in range(ROUNDS):
            model = row.model()
            change(model, rng)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    lowered(model)
            except DiagnosticException as error:
                if any(len(line) > 1000 or not line.strip() for line in str(error).splitlines()):
                    wrong.append(f"{row.name}: {error}")
            except Exception as error:
                wrong.append(f"{row.name} {row.attributes}: {type(error).__name__}: {error}")
    assert not wrong, "\n".join(dict.fromkeys(wrong))
