"""Every operator that the dialect has: written into a file, it comes back as it was documented."""

from __future__ import annotations

from typing import Any, cast

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema
from support.tfl_examples import example_text, parse_tfl
from xdsl.dialects.builtin import DYNAMIC_INDEX, DenseArrayBase, StringAttr, TensorType
from xdsl.ir import Attribute, Operation, SSAValue

from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl import Tfl, base
from nnc.frontends.tflite import import_tflite
from nnc.frontends.tflite_schema import BUILTIN_OPERATORS, options_of

ELSEWHERE = {
    # Not operators of the schema, or in need of subgraphs: see test_tflite.py.
    *("tfl.pseudo_const", "tfl.no_value", "tfl.variable", "tfl.custom"),
    *("tfl.call", "tfl.call_once", "tfl.if", "tfl.while"),
}

OPERATIONS = [operation for operation in Tfl.operations if operation.name not in ELSEWHERE]

TYPES = {"f32": "FLOAT32", "i32": "INT32", "i64": "INT64", "i1": "BOOL", "i8": "INT8"}

ENUMERATIONS = {
    "activation": base.ACTIVATION,
    "lstm_kernel": base.LSTM_KERNEL,
    "mirror_pad_mode": base.MIRROR_PAD_MODE,
    "padding": base.PADDING,
    "reduce_window_function": base.REDUCE_WINDOW_FUNCTION,
    "tensor_type": base.TENSOR_TYPE,
    "weights_format": base.WEIGHTS_FORMAT,
}


class File:
    """A file with one operator, whose operands are inputs unless they are states."""

    def __init__(self) -> None:
        self.model: Any = schema.ModelT()
        self.graph: Any = schema.SubGraphT()
        self.graph.tensors = []
        self.graph.inputs = []
        self.model.subgraphs = [self.graph]
        self.model.buffers = [schema.BufferT()]
        self.model.version = 3

    def tensor(self, type: Attribute, name: str) -> int:
        """The index of a new tensor, -1 for no value."""
        if not isinstance(type, TensorType):
            return -1
        tensor: Any = schema.TensorT()
        tensor.name = name
        tensor.shape = [1 if s == DYNAMIC_INDEX else s for s in type.get_shape()]
        if DYNAMIC_INDEX in type.get_shape():
            tensor.shapeSignature = [-1 if s == DYNAMIC_INDEX else s for s in type.get_shape()]
        element = type.get_element_type()
        if isinstance(element, UniformQuantizedType):
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = element.scales.tolist()
            tensor.quantization.zeroPoint = element.zero_points.tolist()
            element = element.storage
        name = TYPES.get(str(element), "RESOURCE")
        tensor.type = getattr(schema.TensorType, name)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def write(self, op: Operation) -> bytes:
        """The bytes of the file."""
        code: Any = schema.OperatorCodeT()
        name = op.name.removeprefix("tfl.").upper().replace("BASIC_LSTM", "LSTM")
        code.builtinCode = BUILTIN_OPERATORS.index(name)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        operator: Any = schema.OperatorT()
        operator.inputs = self.operands(op)
        operator.outputs = [self.tensor(r.type, f"r{i}") for i, r in enumerate(op.results)]
        self.options(operator, op, name)
        self.graph.operators = [operator]
        self.graph.outputs = operator.outputs
        self.model.operatorCodes = [code]
        builder: Any = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def operands(self, op: Operation) -> list[int]:
        made: dict[SSAValue, int] = {}
        for i, value in enumerate(op.operands):
            if value in made:
                continue
            made[value] = self.tensor(value.type, f"x{i}")
            if made[value] >= 0 and is_state(value):
                self.graph.tensors[made[value]].isVariable = True
            elif made[value] >= 0:
                self.graph.inputs.append(made[value])
        return [made[value] for value in op.operands]

    def options(self, operator: Any, op: Operation, name: str) -> None:
        found = options_of(name)
        if found is None:
            return
        row, fields = found
        table: Any = getattr(schema, f"{row.name}T")()
        for field in fields.values():
            setattr(table, camel(field.name), option(op.properties[field.name], field.kind))
        if row.second:
            operator.builtinOptions2Type, operator.builtinOptions2 = row.number, table
        else:
            operator.builtinOptionsType, operator.builtinOptions = row.number, table


def camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def is_state(value: SSAValue) -> bool:
    return value.name_hint in ("h", "g", "c", "d", "state")


def option(attribute: Attribute, kind: str) -> Any:
    if kind in ENUMERATIONS:
        assert isinstance(attribute, StringAttr)
        return ENUMERATIONS[kind].values.index(attribute.data)
    if isinstance(attribute, StringAttr):
        return attribute.data
    if isinstance(attribute, DenseArrayBase):
        return list(attribute.get_values())
    value = cast(Any, attribute).value.data
    return bool(value) if kind == "bool" else value


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_operator_is_imported(operation: type[Operation]) -> None:
    module = parse_tfl(example_text(operation))
    expected = next(op for op in module.walk() if isinstance(op, operation))
    imported = import_tflite(File().write(expected))
    imported.verify()
    op = next(op for op in imported.walk() if isinstance(op, operation))
    assert op.properties == expected.properties
    assert [v.type for v in op.operands] == [v.type for v in expected.operands]
    assert [v.type for v in op.results] == [v.type for v in expected.results]
    for value, origin in zip(op.operands, expected.operands, strict=True):
        variable = isinstance(value.owner, Operation) and value.owner.name == "tfl.variable"
        assert variable == (is_state(origin) and not operation.name.startswith("tfl.basic"))
