"""Files made to cost time or memory, or to lead outside of themselves: refused, and quickly."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from support.tflite_builder import ModelBuilder

from nnc.frontends.errors import FrontendError
from nnc.frontends.tflite import import_tflite
from nnc.frontends.tflite_model import LARGEST_FILE, Extent, read_model
from nnc.frontends.tflite_types import TensorTypes, UnsupportedTensorError

MOST_SECONDS = 60.0
"""A hang, not a speed: every file here takes a small part of a second."""
MOST_KILOBYTES = 500_000


def small_model() -> ModelBuilder:
    model = ModelBuilder()
    x = model.input("x", (1, 4), "f32")
    c = model.constant(np.ones((1, 4)), "f32", name="c")
    model.output(model.output_of("ADD", [x, c], (1, 4), "f32"))
    return model


def refusal(data: bytes) -> str:
    with pytest.raises(FrontendError) as caught, limits():
        import_tflite(data)
    return str(caught.value)


@contextmanager
def limits() -> Generator[None]:
    """Bounds on the time of what runs inside, and on how much the process grows."""
    memory, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    yield
    assert time.process_time() - start < MOST_SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < MOST_KILOBYTES


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it has only 0 bytes"),
        (b"TFL3", "it has only 4 bytes"),
        (
            b"\x08\0\0\0TFL2" + bytes(32),
            "expected the identifier TFL3 in bytes 4 to 8, got b'TFL2'",
        ),
        (b"\0\0\0\0TFL3" + bytes(32), "the offset at 0 leads nowhere"),
        (b"\xff\xff\xff\xffTFL3" + bytes(32), "4 bytes at offset 4294967295 are not within"),
        (b"\x08\0\0\0TFL3" + b"\xff" * 32, "the table at offset 8 has no valid field table"),
        (b"\x08\0\0\0TFL3" + bytes(3) + b"\x7f", "are not within"),
        (b"\x89HDF\r\n\x1a\n" + bytes(32), "expected the identifier TFL3"),
    ],
)
def test_what_is_no_tflite_file(data: bytes, message: str) -> None:
    text = refusal(data)
    assert text.startswith("this is not a valid TFLite file: ")
    assert message in text


def test_a_file_may_not_be_huge() -> None:
    assert f"expected at most {LARGEST_FILE} bytes" in refusal(bytes(LARGEST_FILE + 1))


def test_every_truncation_is_refused() -> None:
    data = small_model().build()
    for size in range(len(data) - 1):
        try:
            import_tflite(data[:size])
        except FrontendError:
            continue
        # What is cut off may be padding or an unused buffer.
        assert size > len(data) - 64


def test_every_byte_may_be_wrong() -> None:
    data = small_model().build()
    for at in range(len(data)):
        for value in (0, 0x7F, 0xFF, data[at] ^ 1):
            broken = data[:at] + bytes([value]) + data[at + 1 :]
            try:
                import_tflite(broken).verify()
            except FrontendError as error:
                assert str(error)


def change(edit: Callable[[Any, Any], None]) -> bytes:
    """A small model with its tensors and operators edited through the schema's own objects."""
    model = small_model()
    edit(model._tensors, model._operators)
    return model.build()


def set_shape(tensors: Any, operators: Any) -> None:
    tensors[0].shape = [2**31 - 1] * 8


def set_rank(tensors: Any, operators: Any) -> None:
    tensors[0].shape = [1] * 9


def set_negative(tensors: Any, operators: Any) -> None:
    tensors[0].shape = [1, -4]


def set_signature(tensors: Any, operators: Any) -> None:
    tensors[0].shapeSignature = [-1]


def set_buffer(tensors: Any, operators: Any) -> None:
    tensors[1].buffer = 77


def set_type(tensors: Any, operators: Any) -> None:
    tensors[0].type = 99


def set_operand(tensors: Any, operators: Any) -> None:
    operators[0].inputs = [0, 1000]


def set_negative_operand(tensors: Any, operators: Any) -> None:
    operators[0].inputs = [0, -2]


def set_output(tensors: Any, operators: Any) -> None:
    operators[0].outputs = [-1]


def set_code(tensors: Any, operators: Any) -> None:
    operators[0].opcodeIndex = 5


def set_itself(tensors: Any, operators: Any) -> None:
    operators[0].inputs = [0, 2]


def set_input_as_output(tensors: Any, operators: Any) -> None:
    operators[0].outputs = [0]


def set_enumeration(tensors: Any, operators: Any) -> None:
    operators[0].builtinOptions.fusedActivationFunction = 77


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (set_shape, "the model's tensors exceed 1073741824 bytes"),
        (set_rank, "expected at most 8 numbers, got 9"),
        (set_negative, "tensor x has shape (1, -4), signature ()"),
        (set_signature, "tensor x has shape (1, 4) but signature (-1,)"),
        (set_buffer, "tensor c refers to buffer 77, which does not exist"),
        (set_type, 'layer "x": tensor: its element type 99 does not exist'),
        (set_operand, "ADD refers to tensor 1000, which does not exist"),
        (set_negative_operand, "ADD refers to tensor -2, which does not exist"),
        (set_output, "ADD refers to tensor -1, which does not exist"),
        (set_code, "operator code number 5 does not exist"),
        (set_itself, 'layer "t2": ADD: nothing makes the tensor "t2" before'),
        (set_input_as_output, 'layer "x": ADD: expected a result of its own'),
        (set_enumeration, 'layer "t2": ADD: expected one of NONE, RELU, RELU_N1_TO_1'),
    ],
)
def test_records_that_lie(edit: Callable[[Any, Any], None], message: str) -> None:
    assert message in refusal(change(edit))


def test_names_cannot_reach_the_terminal() -> None:
    model = ModelBuilder()
    x = model.input("x", (1, 4), "f32")
    y = model.tensor((1, 5), "f32", name="\x1b[31m\nlayer\x00\u202e")
    model.op("ADD", [x, x], [y])
    model.output(y)
    (line,) = refusal(model.build()).splitlines()
    assert line.isprintable()
    assert line.startswith(r'layer "\x1b[31m layer\x00\u202e": ADD: expected lhs')


# Files whose offsets lead to the same place again and again


class Shared:
    """Writes a model with the schema's low-level functions, which let tables be shared."""

    def __init__(self) -> None:
        self.builder: Any = flatbuffers.Builder(1 << 20)

    def table(self, kind: str, **fields: int) -> int:
        """A table of offsets and numbers, by the names of the schema's functions."""
        getattr(schema, f"{kind}Start")(self.builder)
        for name, value in fields.items():
            getattr(schema, f"{kind}Add{name}")(self.builder, value)
        return getattr(schema, f"{kind}End")(self.builder)

    def repeat(self, offset: int, count: int) -> int:
        """A vector with the same table again and again."""
        self.builder.StartVector(4, count, 4)
        for _ in range(count):
            self.builder.PrependUOffsetTRelative(offset)
        return self.builder.EndVector()

    def numbers(self, values: Any, dtype: str) -> int:
        return self.builder.CreateNumpyVector(np.asarray(values, dtype))

    def finish(self, **fields: int) -> bytes:
        model = self.table("Model", Version=3, **fields)
        self.builder.Finish(model, b"TFL3")
        return bytes(self.builder.Output())


def test_shared_tables() -> None:
    file = Shared()
    tensors = file.repeat(file.table("Tensor"), 60_000)
    subgraphs = file.repeat(file.table("SubGraph", Tensors=tensors), 1000)
    assert "it has too many tables for its size" in refusal(file.finish(Subgraphs=subgraphs))


def test_shared_operands() -> None:
    file = Shared()
    code = file.table("OperatorCode")
    tensor = file.table("Tensor", Name=file.builder.CreateString("x"))
    operands = file.numbers(np.zeros(4096), "<i4")
    operator = file.table("Operator", Inputs=operands, Outputs=operands)
    graph = file.table(
        "SubGraph", Tensors=file.repeat(tensor, 1), Operators=file.repeat(operator, 2000)
    )
    data = file.finish(Subgraphs=file.repeat(graph, 1), OperatorCodes=file.repeat(code, 1))
    assert "it refers to the same bytes again and again" in refusal(data)


def test_shared_names() -> None:
    file = Shared()
    tensor = file.table("Tensor", Name=file.builder.CreateString("x" * 4000))
    graph = file.table("SubGraph", Tensors=file.repeat(tensor, 500))
    data = file.finish(Subgraphs=file.repeat(graph, 1))
    assert "it refers to the same bytes again and again" in refusal(data)


def test_shared_scales() -> None:
    file = Shared()
    scales, zeros = file.numbers(np.ones(100_000), "<f4"), file.numbers(np.zeros(100_000), "<i8")
    quantization = file.table("QuantizationParameters", Scale=scales, ZeroPoint=zeros)
    shape = file.numbers([100_000], "<i4")
    tensor = file.table("Tensor", Shape=shape, Type=9, Quantization=quantization)
    graph = file.table("SubGraph", Tensors=file.repeat(tensor, 1000))
    data = file.finish(Subgraphs=file.repeat(graph, 1))
    assert "it refers to the same bytes again and again" in refusal(data)


def test_only_the_first_of_many_problems_are_printed() -> None:
    model = ModelBuilder()
    x = model.input("x", (1, 4), "f32")
    model.output(*(model.output_of("NEG", [x], (1, 5), "f32") for _ in range(3000)))
    lines = refusal(model.build()).splitlines()
    assert len(lines) == 201
    assert lines[-1] == "... and 2800 more"


def test_a_long_chain_of_calls() -> None:
    model = ModelBuilder()
    graph: Any = model
    for number in range(1, 900):
        x = graph.input("x", (1,), "f32")
        graph.output(graph.output_of("CALL", [x], (1,), "f32", subgraph=number))
        graph = model.subgraph(f"f{number}")
    x = graph.input("x", (1,), "f32")
    graph.output(graph.output_of("RELU", [x], (1,), "f32"))
    with limits():
        assert len(import_tflite(model.build()).body.block.ops) == 900


def test_constants_have_a_budget() -> None:
    model = read_model(small_model().build())
    (constant,) = [t for t in model.subgraphs[0].tensors if t.data is not None]
    types = TensorTypes(model, constant_bytes_left=40)
    assert constant.data is not None
    types.constant(constant, constant.data)
    types.constant(constant, constant.data)  # the same bytes once more cost nothing
    assert types.constant_bytes_left == 24
    with pytest.raises(UnsupportedTensorError, match="the model's constants exceed"):
        types.take(Extent(0, 25))
