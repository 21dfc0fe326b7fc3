"""The schema's facts as we state them, against those of the code that `flatc` generated."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema

from nnc.dialects.tfl import Tfl, base
from nnc.frontends.tflite_schema import (
    BUILTIN_OPERATORS,
    OPTION_TABLES,
    OptionField,
    OptionTable,
    options_of,
)

OPERATIONS = {op.name: op for op in Tfl.operations}

WRITERS = {
    "bool": "Bool",
    "float": "Float32",
    "floats": "UOffsetTRelative",
    "int": "Int32",
    "ints": "UOffsetTRelative",
    "long": "Int64",
    "reduce_window_function": "Int32",
    "string": "UOffsetTRelative",
    "subgraph": "Int32",
    "unsigned_subgraph": "Uint32",
}
"""How each kind of field is stored; all others are enumerations of one byte."""


class Recorder:
    """Stands in for a flatbuffer builder and notes the one field that is written to it."""

    def __init__(self) -> None:
        self.written: tuple[str, int, Any] | None = None

    def __getattr__(self, name: str) -> Callable[[int, Any, Any], None]:
        def write(slot: int, value: Any, default: Any) -> None:
            self.written = (name.removeprefix("Prepend").removesuffix("Slot"), slot, default)

        return write


def schema_fields(table: str) -> dict[int, tuple[str, str, Any]]:
    """Name, kind and default of each field of a table by slot."""
    fields: dict[int, tuple[str, str, Any]] = {}
    for name, function in vars(schema).items():
        if found := re.fullmatch(f"{table}Add([A-Z].*)", name):
            recorder = Recorder()
            function(recorder, 0)
            assert recorder.written is not None
            kind, slot, default = recorder.written
            fields[slot] = (found[1], kind, default)
    return fields


def names_of(enumeration: type) -> tuple[str, ...]:
    values = {v: k for k, v in vars(enumeration).items() if isinstance(v, int)}
    return tuple(values[number] for number in sorted(values))


def test_operators() -> None:
    assert names_of(schema.BuiltinOperator) == BUILTIN_OPERATORS


@pytest.mark.parametrize(
    ("values", "enumeration"),
    [
        (base.PADDING, schema.Padding),
        (base.ACTIVATION, schema.ActivationFunctionType),
        (base.WEIGHTS_FORMAT, schema.FullyConnectedOptionsWeightsFormat),
        (base.LSTM_KERNEL, schema.LSTMKernelType),
        (base.MIRROR_PAD_MODE, schema.MirrorPadMode),
        (base.REDUCE_WINDOW_FUNCTION, schema.ReduceWindowFunction),
        (base.TENSOR_TYPE, schema.TensorType),
    ],
)
def test_enumerations(values: base.OneOf, enumeration: type) -> None:
    assert values.values == names_of(enumeration)


@pytest.mark.parametrize("row", OPTION_TABLES, ids=lambda row: row.name)
def test_option_table(row: OptionTable) -> None:
    union = schema.BuiltinOptions2 if row.second else schema.BuiltinOptions
    assert getattr(union, row.name) == row.number
    expected = schema_fields(row.name)
    assert set(row.fields) == set(expected)
    for slot, field in row.fields.items():
        name, kind, default = expected[slot]
        assert name.removesuffix("Index").lower() == field.name.replace("_", "")
        assert WRITERS.get(field.kind, "Int8") == kind
        assert default_of(field) == default


def default_of(field: OptionField) -> Any:
    if field.kind == "tensor_type":
        return base.TENSOR_TYPE.values.index(field.default or "FLOAT32")
    return {"true": 1, "1": 1, "": 0}[field.default]


def test_no_table_is_missing() -> None:
    unions = (schema.BuiltinOptions, schema.BuiltinOptions2)
    with_fields = {
        table
        for union in unions
        for table in names_of(union)
        if not table.startswith("Stable") and schema_fields(table)
    }
    assert with_fields - {row.name for row in OPTION_TABLES} == {
        *("ConcatEmbeddingsOptions", "EmbeddingLookupSparseOptions", "HashtableOptions"),
        *("LSHProjectionOptions", "SkipGramOptions"),
    }


@pytest.mark.parametrize(
    "operator", [op for op in BUILTIN_OPERATORS if f"tfl.{op.lower()}" in OPERATIONS]
)
def test_every_option_is_a_property(operator: str) -> None:
    found = options_of(operator)
    names = {field.name for field in found[1].values()} if found else set[str]()
    definition = OPERATIONS[f"tfl.{operator.lower()}"].get_irdl_definition()
    # Those two have fields of the operator itself as properties.
    own = {"intermediates", "custom_code", "custom_options"}
    assert names == set(definition.properties) - own


def test_operators_without_an_operation() -> None:
    missing = {op for op in BUILTIN_OPERATORS if f"tfl.{op.lower()}" not in OPERATIONS}
    assert {op for op in missing if not op.startswith("STABLEHLO_")} == {
        *("COMPLEX_ABS", "IMAG", "REAL", "RFFT2D"),
        *("CONCAT_EMBEDDINGS", "EMBEDDING_LOOKUP_SPARSE", "LSH_PROJECTION", "SKIP_GRAM"),
        *("HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_LOOKUP", "HASHTABLE_SIZE"),
        *("DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES"),
    }
