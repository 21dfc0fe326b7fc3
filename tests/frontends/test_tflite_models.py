"""
Trained models as imported, against what the generated schema code reads in the files.

The example's model, and the public ones where NNC_MODELS says they are.
"""

from __future__ import annotations

import os
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from support.project import ROOT
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, FusedLoc, IntegerType, ModuleOp, NameLoc, TensorType
from xdsl.dialects.func import Func, FuncOp
from xdsl.ir import Attribute
from xdsl.parser import Parser
from xdsl.printer import Printer

from nnc.dialects.quant import Quant, UniformQuantizedType
from nnc.dialects.tfl import Tfl
from nnc.dialects.tfl.structure import NoValueOp, PseudoConstOp
from nnc.frontends.tflite import import_tflite

FOLDER = os.environ.get("NNC_MODELS")
MODELS = [
    *sorted((ROOT / "examples").rglob("*.tflite")),
    *(sorted(Path(FOLDER).rglob("*.tflite")) if FOLDER else []),
]

ELEMENTS = {"FLOAT32": "f32", "INT8": "i8", "INT32": "i32", "UINT8": "ui8", "INT64": "i64"}


def names_of(enumeration: type) -> dict[int, str]:
    return {v: k for k, v in vars(enumeration).items() if isinstance(v, int)}


TENSOR_TYPES = names_of(schema.TensorType)
OPERATORS = names_of(schema.BuiltinOperator)


@pytest.fixture(params=MODELS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


def read(path: Path) -> Any:
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes()))


def main_of(module: ModuleOp) -> FuncOp:
    (function,) = module.body.block.ops
    assert isinstance(function, FuncOp)
    return function


def check_type(type: Attribute, tensor: Any) -> None:
    """A tensor type against a `TensorT`."""
    assert isinstance(type, TensorType)
    assert type.get_shape() == tuple(tensor.shape if tensor.shape is not None else ())
    element = type.get_element_type()
    scales = tensor.quantization.scale if tensor.quantization else None
    if scales is None or len(scales) == 0 or tensor.type == schema.TensorType.FLOAT32:
        assert str(element) == ELEMENTS[TENSOR_TYPES[tensor.type]]
        return
    assert isinstance(element, UniformQuantizedType)
    assert str(element.storage) == ELEMENTS[TENSOR_TYPES[tensor.type]]
    np.testing.assert_array_equal(element.scales, scales)
    np.testing.assert_array_equal(element.zero_points, tensor.quantization.zeroPoint)
    per_axis = len(scales) > 1
    expected = tensor.quantization.quantizedDimension if len(tensor.shape) > 1 else 0
    assert element.axis == (expected if per_axis else None)


def test_operators_types_and_constants(path: Path) -> None:
    module = import_tflite(path.read_bytes())
    module.verify()
    model = read(path)
    (graph,) = model.subgraphs
    function = main_of(module)
    imported = list(function.body.block.ops)[:-1]
    operators = [op for op in imported if not isinstance(op, PseudoConstOp | NoValueOp)]
    codes = [model.operatorCodes[op.opcodeIndex] for op in graph.operators]
    expected = [OPERATORS[max(c.builtinCode, c.deprecatedBuiltinCode)].lower() for c in codes]
    assert [op.name.removeprefix("tfl.") for op in operators] == expected

    by_name: dict[str, list[Any]] = {}
    for tensor in graph.tensors:
        by_name.setdefault(tensor.name.decode(), []).append(tensor)
    assert max(Counter(map(len, by_name.values()))) == 1, "names are unique in these models"
    for op in imported:
        for result, name in zip(op.results, names(op.location), strict=True):
            check_type(result.type, by_name[name][0])
        if isinstance(op, PseudoConstOp):
            (tensor,) = by_name[names(op.location)[0]]
            assert op.array.tobytes() == model.buffers[tensor.buffer].data.tobytes()
    for op, operator in zip(operators, graph.operators, strict=True):
        given = [graph.tensors[i] for i in operator.inputs if i >= 0]
        present = [value.type for value in op.operands if isinstance(value.type, TensorType)]
        assert len(given) == len(present)
        for type, tensor in zip(present, given, strict=True):
            check_type(type, tensor)
    for i, argument in zip(graph.inputs, function.body.block.args, strict=True):
        check_type(argument.type, graph.tensors[i])


def names(location: Attribute) -> list[str]:
    if isinstance(location, NameLoc):
        return [location.desc.data]
    assert isinstance(location, FusedLoc)
    return [name for part in location.locations for name in names(part)]


def test_options(path: Path) -> None:
    model = read(path)
    module = import_tflite(path.read_bytes())
    operators = [
        op
        for op in list(main_of(module).body.block.ops)[:-1]
        if not isinstance(op, PseudoConstOp | NoValueOp)
    ]
    for op, operator in zip(operators, model.subgraphs[0].operators, strict=True):
        if operator.builtinOptions is None:
            continue
        fields: dict[str, Any] = vars(operator.builtinOptions)
        for name, value in fields.items():
            check_option(op.properties[snake(name)], value)


def snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def check_option(attribute: Any, value: Any) -> None:
    if hasattr(attribute, "get_values"):
        assert attribute.get_values() == tuple(value if value is not None else ())
    elif isinstance(attribute.type if hasattr(attribute, "type") else None, IntegerType):
        assert attribute.value.data == (-1 if value is True else int(value))
    elif hasattr(attribute, "value"):
        assert attribute.value.data == value
    else:
        assert isinstance(attribute.data, str)  # enumerations: see test_tflite_schema.py


def test_round_trips(path: Path) -> None:
    module = import_tflite(path.read_bytes())
    for generic in (False, True):
        text = StringIO()
        Printer(text, print_generic_format=generic, print_debuginfo=True).print_op(module)
        context = Context()
        for dialect in (Builtin, Func, Quant, Tfl):
            context.load_dialect(dialect)
        again = Parser(context, text.getvalue()).parse_module()
        again.verify()
        assert module.is_structurally_equivalent(again)
        pairs = zip(module.walk(), again.walk(), strict=True)
        assert all(a.location == b.location for a, b in pairs)
