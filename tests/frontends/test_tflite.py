"""What the TFLite importer makes of a file's parts, and what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from support.tflite_builder import ModelBuilder, Tensor, TypeName, per_axis, per_tensor
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    FusedLoc,
    ModuleOp,
    NameLoc,
    NoneAttr,
    StringAttr,
    SymbolRefAttr,
    TensorType,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation, SSAValue

from nnc.dialects.tfl.binary import AddOp
from nnc.dialects.tfl.convolution import FullyConnectedOp
from nnc.dialects.tfl.movement import ReshapeOp, SplitOp, TransposeOp
from nnc.dialects.tfl.recurrent import SvdfOp
from nnc.dialects.tfl.structure import (
    CallOnceOp,
    CustomOp,
    IfOp,
    NoValueOp,
    PseudoConstOp,
    VariableOp,
    WhileOp,
)
from nnc.dialects.tfl.unary import ReluOp
from nnc.frontends.errors import FrontendError
from nnc.frontends.tflite import import_tflite

_Op = TypeVar("_Op", bound=Operation)


def main_of(module: ModuleOp) -> FuncOp:
    function = module.body.block.first_op
    assert isinstance(function, FuncOp)
    assert function.sym_name.data == "main"
    return function


def only(module: ModuleOp, kind: type[_Op]) -> _Op:
    (found,) = [op for op in module.walk() if isinstance(op, kind)]
    return found


def shape(value: SSAValue) -> tuple[int | None, ...]:
    assert isinstance(value.type, TensorType)
    return tuple(None if size == DYNAMIC_INDEX else size for size in value.type.get_shape())


def refusal(model: ModelBuilder | bytes, shapes: dict[str, Sequence[int]] | None = None) -> str:
    with pytest.raises(FrontendError) as caught:
        import_tflite(model if isinstance(model, bytes) else model.build(), shapes=shapes)
    return str(caught.value)


def one_relu(
    shape: Sequence[int] = (1, 4),
    signature: Sequence[int] | None = None,
    output_signature: Sequence[int] | None = None,
) -> ModelBuilder:
    model = ModelBuilder()
    x = model.input("x", shape, "f32", shape_signature=signature)
    y = model.tensor(shape, "f32", name="y", shape_signature=output_signature)
    model.op("RELU", [x], [y])
    model.output(y)
    return model


def with_constant(values: object, dtype: TypeName) -> PseudoConstOp:
    """The constant that a model returns as it is."""
    model = ModelBuilder()
    model.input("x", (1,), "f32")
    model.output(model.constant(np.asarray(values), dtype, name="c"))
    return only(import_tflite(model.build()), PseudoConstOp)


# Constants and operands


@pytest.mark.parametrize(
    ("dtype", "element", "values"),
    [
        ("f32", "f32", [1.5, -2.0, float("nan")]),
        ("f16", "f16", [1.5, -2.0, 65504.0]),
        ("f64", "f64", [1.5, 1e300]),
        ("i8", "i8", [-128, 127]),
        ("u8", "ui8", [0, 255]),
        ("i16", "i16", [-32768, 32767]),
        ("i32", "i32", [-(2**31), 2**31 - 1]),
        ("i64", "i64", [-(2**63), 2**63 - 1]),
        ("i1", "i1", [True, False, True]),
        ("i4", "i4", [-8, 7, -1]),
        ("i4", "i4", [[1, 2], [3, 4]]),
    ],
)
def test_constants(dtype: TypeName, element: str, values: list[float]) -> None:
    constant = with_constant(values, dtype)
    type = constant.output.type
    assert isinstance(type, TensorType)
    assert str(type.get_element_type()) == element
    assert constant.value.type == type
    np.testing.assert_array_equal(constant.array, np.asarray(values))


def test_a_true_i1_is_what_xdsl_parses() -> None:
    constant = with_constant([True, False], "i1")
    assert not isinstance(constant.value, NoneAttr)
    assert constant.value.get_values() == (-1, 0)


def test_a_quantised_constant_has_a_storage_typed_value() -> None:
    model = ModelBuilder()
    x = model.input("x", (1, 2), "i8", per_tensor(0.5))
    w = model.constant([[1, -8], [2, 7]], "i4", per_axis(0, [0.5, 0.25]), name="w")
    y = model.output_of("FULLY_CONNECTED", [x, w, None], (1, 2), "i8", per_tensor(1.0, 3))
    model.output(y)
    constant = only(import_tflite(model.build()), PseudoConstOp)
    assert str(constant.value.type) == "tensor<2x2xi4>"
    assert str(constant.output.type) == "tensor<2x2x!quant.uniform<i4:f32:0, {0.5, 0.25}>>"
    assert constant.array.tolist() == [[1, -8], [2, 7]]


def test_a_left_out_operand_has_no_value() -> None:
    model = ModelBuilder()
    x = model.input("x", (1, 2), "f32")
    w = model.constant(np.ones((3, 2)), "f32")
    for inputs in ([x, w, None], [x, w]):  # old writers leave the last ones out
        model.output(model.output_of("FULLY_CONNECTED", inputs, (1, 3), "f32"))
    module = import_tflite(model.build())
    none = only(module, NoValueOp)
    dense = [op for op in module.walk() if isinstance(op, FullyConnectedOp)]
    assert [op.bias for op in dense] == [none.output, none.output]


def test_an_empty_tensor_without_a_buffer_is_a_constant() -> None:
    model = ModelBuilder()
    x = model.input("x", (1,), "f32")
    to_scalar = model.tensor((0,), "i32", name="shape")
    model.output(model.output_of("RESHAPE", [x, to_scalar], (), "f32"))
    reshape = only(import_tflite(model.build()), ReshapeOp)
    assert shape(reshape.shape) == (0,)
    assert shape(reshape.output) == ()


def test_a_constant_is_made_once() -> None:
    model = ModelBuilder()
    c = model.constant([1.0], "f32")
    x = model.input("x", (1,), "f32")
    y = model.output_of("ADD", [x, c], (1,), "f32")
    model.output(model.output_of("ADD", [y, c], (1,), "f32"))
    constant = only(import_tflite(model.build()), PseudoConstOp)
    assert len(list(constant.output.uses)) == 2


# States


def test_variables() -> None:
    model = ModelBuilder()
    x = model.input("x", (1, 4), "f32")
    feature = model.constant(np.ones((2, 4)), "f32")
    time = model.constant(np.ones((2, 8)), "f32")
    state = model.tensor((1, 16), "f32", name="state", is_variable=True)
    y = model.output_of("SVDF", [x, feature, time, None, state], (1, 2), "f32", rank=1)
    model.output(y)
    svdf = only(import_tflite(model.build()), SvdfOp)
    variable = svdf.state.owner
    assert isinstance(variable, VariableOp)
    assert variable.location == NameLoc(StringAttr("state"), NoneAttr())


def test_a_variable_with_an_initial_value_is_refused() -> None:
    model = one_relu()
    c = model.tensor((1, 4), "f32", name="v", data=bytes(16), is_variable=True)
    model.output(model.output_of("RELU", [c], (1, 4), "f32"))
    assert refusal(model) == 'layer "v": variable: a variable must not have an initial value'


# Names and locations


def test_names_and_signatures() -> None:
    model = ModelBuilder(description="made by hand")
    x = model.input("x:0", (1, 4), "f32")
    y = model.tensor((1, 4), "f32", name='odd "name"\n\u00e9')
    model.op("RELU", [x], [y])
    model.output(y)
    model.signature("serve")
    module = import_tflite(model.build())
    function = main_of(module)
    assert module.attributes["tfl.description"] == StringAttr("made by hand")
    assert str(function.attributes["tfl.inputs"]) == '["x:0"]'
    outputs = function.attributes["tfl.outputs"]
    assert outputs == type(outputs)([StringAttr('odd "name"\n\\xe9')])
    assert 'key = "serve"' in str(function.attributes["tfl.signatures"])
    assert function.body.block.args[0].location == NameLoc(StringAttr("x:0"), NoneAttr())


def test_an_operation_with_several_results_has_a_location_for_each() -> None:
    model = ModelBuilder()
    x = model.input("x", (4,), "f32")
    axis = model.constant(0, "i32")
    parts = [model.tensor((2,), "f32", name=name) for name in "ab"]
    model.op("SPLIT", [axis, x], parts, num_splits=2)
    model.output(*parts)
    location = only(import_tflite(model.build()), SplitOp).location
    names = tuple(NameLoc(StringAttr(name), NoneAttr()) for name in "ab")
    assert location == FusedLoc(names, NoneAttr())


def test_custom_operators_keep_their_bytes() -> None:
    model = ModelBuilder()
    x = model.input("x", (1, 4), "f32")
    y = model.tensor((1, 1), "i32")
    model.custom("Quantum", [x, None], [y], b"\x00\xff\x80")
    model.output(y)
    custom = only(import_tflite(model.build()), CustomOp)
    assert custom.custom_code.data == "Quantum"
    assert custom.option_bytes == b"\x00\xff\x80"
    assert isinstance(custom.inputs[1].owner, NoValueOp)


# Shapes


def test_an_unknown_batch_is_taken_as_one() -> None:
    module = import_tflite(one_relu((1, 4), (-1, 4), (-1, 4)).build())
    assert shape(only(module, ReluOp).output) == (1, 4)


def test_an_unknown_batch_in_the_shape_itself() -> None:
    model = one_relu((1, 4))
    for tensor in model._tensors:
        tensor.shape = [-1, 4]
    assert shape(only(import_tflite(model.build()), ReluOp).output) == (1, 4)


def test_an_unknown_image_size_must_be_given() -> None:
    model = one_relu((1, 1, 1, 3), (1, -1, -1, 3))
    assert refusal(model) == (
        'layer "x": input: its shape is not known before run time; '
        "give one, for example --shape x=1,96,96,3"
    )


def test_a_given_shape_leaves_what_depends_on_it_open() -> None:
    model = one_relu((1, 1, 1, 3), (1, -1, -1, 3), (1, -1, -1, 3))
    other = model.input("other", (1, 4), "f32")
    model.output(model.output_of("ABS", [other], (1, 4), "f32"))
    module = import_tflite(model.build(), shapes={"x": (1, 8, 6, 3)})
    arguments = main_of(module).body.block.args
    assert [shape(argument) for argument in arguments] == [(1, 8, 6, 3), (1, 4)]
    assert shape(only(module, ReluOp).output) == (None, None, None, None)
    returned = main_of(module).body.block.last_op
    assert isinstance(returned, ReturnOp)
    assert shape(returned.arguments[1]) == (1, 4)


def test_a_shape_may_be_given_by_a_signature_name() -> None:
    model = one_relu((1, 1), (-1, -1))
    model.signature()
    assert import_tflite(model.build(), shapes={"x": (2, 5)})


def test_a_given_shape_that_changes_nothing_opens_nothing() -> None:
    module = import_tflite(one_relu((1, 4), (-1, 4), (-1, 4)).build(), shapes={"x": (1, 4)})
    assert shape(only(module, ReluOp).output) == (1, 4)


def test_a_reshape_that_moves_something_into_the_batch_is_open() -> None:
    model = ModelBuilder()
    x = model.input("x", (1, 6, 4), "f32", shape_signature=(-1, 6, 4))
    y = model.tensor((1, 4), "f32", shape_signature=(-1, 4))
    z = model.tensor((1, 4), "f32", shape_signature=(-1, 4))
    model.op("RESHAPE", [x], [y], new_shape=[-1, 4])
    model.op("RELU", [y], [z])
    model.output(z)
    module = import_tflite(model.build())
    assert shape(only(module, ReshapeOp).output) == (None, 4)
    assert shape(only(module, ReluOp).output) == (None, 4)


def test_an_unknown_dimension_behind_the_batch_is_open() -> None:
    model = ModelBuilder()
    x = model.input("x", (1, 6, 4), "f32", shape_signature=(-1, 6, 4))
    perm = model.constant([1, 0, 2], "i32")
    y = model.tensor((6, 1, 4), "f32", shape_signature=(6, -1, 4))
    model.op("TRANSPOSE", [x, perm], [y])
    model.output(y)
    assert shape(only(import_tflite(model.build()), TransposeOp).output) == (6, None, 4)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"z": (1, 4)}, 'there is no input "z"; the inputs are x'),
        ({"x": (1, 5)}, 'layer "x": input: expected the shape ?,4, got 1,5'),
        ({"x": (4,)}, 'layer "x": input: expected the shape ?,4, got 4'),
        ({"x": (0, 4)}, 'layer "x": input: expected a shape of positive sizes, got 0,4'),
        ({"x": (1 << 40, 4)}, "expected a shape of positive sizes"),
        ({"x": (1 << 30, 4)}, "exceed 1073741824 bytes"),
    ],
)
def test_shapes_that_cannot_be(shapes: dict[str, Sequence[int]], message: str) -> None:
    assert message in refusal(one_relu((1, 4), (-1, 4)), shapes)


# Subgraphs


def called(model: ModelBuilder, name: str, count: int = 1, truth: bool = False) -> None:
    graph = model.subgraph(name)
    inputs = [graph.input(f"{name}{i}", (1,), "f32") for i in range(count)]
    if truth:
        graph.output(graph.output_of("LESS", [inputs[0], inputs[0]], (1,), "i1"))
    else:
        graph.output(*(graph.output_of("RELU", [x], (1,), "f32") for x in inputs))


def test_if_and_while() -> None:
    model = ModelBuilder()
    x = model.input("x", (1,), "f32")
    c = model.input("c", (1,), "i1")
    for name, truth in (("then", False), ("else-branch", False), ("cond", True), ("main", False)):
        called(model, name, truth=truth)
    called(model, "never_called")
    y = model.output_of("IF", [c, x], (1,), "f32", then_subgraph_index=1, else_subgraph_index=2)
    z = model.output_of("WHILE", [y], (1,), "f32", cond_subgraph_index=3, body_subgraph_index=4)
    model.output(z)
    module = import_tflite(model.build())
    module.verify()
    branch, loop = only(module, IfOp), only(module, WhileOp)
    assert branch.then_subgraph == SymbolRefAttr("then")
    assert branch.else_subgraph == SymbolRefAttr("subgraph_2")
    assert loop.cond_subgraph == SymbolRefAttr("cond")
    assert loop.body_subgraph == SymbolRefAttr("subgraph_4")
    assert str(module.attributes["tfl.unused_subgraphs"]) == '["never_called"]'
    names = [op.sym_name.data for op in module.body.block.ops if isinstance(op, FuncOp)]
    assert names == ["main", "then", "subgraph_2", "cond", "subgraph_4"]


def test_call_once() -> None:
    model = ModelBuilder()
    x = model.input("x", (1,), "f32")
    model.subgraph("init")
    model.op("CALL_ONCE", [], [], init_subgraph_index=1)
    model.output(model.output_of("RELU", [x], (1,), "f32"))
    module = import_tflite(model.build())
    assert only(module, CallOnceOp).init_subgraph == SymbolRefAttr("init")


def test_a_subgraph_with_the_wrong_operands_is_refused() -> None:
    model = ModelBuilder()
    x = model.input("x", (1,), "f32")
    called(model, "cond", truth=True)
    called(model, "body", 2)
    y = model.tensor((1,), "f32", name="y")
    model.op("WHILE", [x], [y], cond_subgraph_index=1, body_subgraph_index=2)
    model.output(y)
    assert refusal(model) == (
        'layer "y": WHILE: expected a subgraph of 1 inputs and 1 outputs, got 2 and 2'
    )


def test_recursion_is_refused() -> None:
    model = ModelBuilder()
    x = model.input("x", (1,), "f32")
    c = model.input("c", (1,), "i1")
    y = model.output_of("IF", [c, x], (1,), "f32", then_subgraph_index=0, else_subgraph_index=0)
    model.output(y)
    assert "subgraph 0 (main) calls itself" in refusal(model)


# Refusals


def test_all_problems_are_reported_at_once() -> None:
    model = ModelBuilder()
    x = model.input("x", (1, 4), "f32")
    a = model.tensor((1, 4), "f32", name="a")
    b = model.tensor((1, 4), "f32", name="b")
    c = model.tensor((1, 4), "f32", name="c")
    d = model.tensor((1, 5), "f32", name="d")
    model.op("HASHTABLE_LOOKUP", [x, x, x], [a])
    model.op("RELU", [a], [b])  # only because of a: nothing to report
    model.op("CONCATENATION", [x], [c], axis=7)
    model.op("ADD", [x, x], [d])
    model.output(b, c, d)
    assert refusal(model).splitlines() == [
        'layer "a": HASHTABLE_LOOKUP: this operator is not supported; '
        "`nnc ops` lists those that are",
        'layer "c": CONCATENATION: expected an axis between -2 and 1, got 7',
        'layer "d": ADD: expected lhs to broadcast to tensor<1x5xf32>, got tensor<1x4xf32>',
    ]


def test_element_types_that_are_refused() -> None:
    model = one_relu()
    model.tensors.clear()
    model._tensors[0].type = schema.TensorType.COMPLEX64
    (line,) = refusal(model).splitlines()  # one for the input, none for what hangs on it
    start = 'layer "x": tensor: its element type COMPLEX64 is not supported; supported are FLOAT32'
    assert line.startswith(start)


def test_a_sparse_constant_is_refused() -> None:
    model = one_relu()
    c = model.constant([1.0, 2.0], "f32", name="c")
    model._tensors[c.index].sparsity = schema.SparsityParametersT()
    model.output(c)
    message = "its constant is stored sparsely; convert the model without sparsity"
    assert refusal(model) == f'layer "c": constant: {message}'


def test_a_quantisation_of_another_kind_is_refused() -> None:
    model = quantised([0.5], [0])
    entry = model._tensors[0].quantization
    entry.detailsType = schema.QuantizationDetails.BlockwiseQuantization
    entry.details = schema.BlockwiseQuantizationT()
    assert "quantise it per tensor or per axis" in refusal(model)


def test_a_result_made_twice_is_refused() -> None:
    model = one_relu()
    y = model.outputs[0]
    model.op("ABS", [model.inputs[0]], [y])
    assert 'layer "y": ABS: expected a result of its own' in refusal(model)


def test_a_tensor_used_before_it_is_made_is_refused() -> None:
    model = ModelBuilder()
    model.input("x", (1, 4), "f32")
    late = model.tensor((1, 4), "f32", name="late")
    model.output(model.output_of("RELU", [late], (1, 4), "f32"))
    assert 'nothing makes the tensor "late" before' in refusal(model)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (0, "expected an operand for lhs, got none"),
        (1, "expected an operand for rhs, got none"),
        (3, "expected 2 operands, got 3"),
    ],
)
def test_wrong_numbers_of_operands_are_refused(inputs: int, message: str) -> None:
    model = ModelBuilder()
    x = model.input("x", (1, 4), "f32")
    model.output(model.output_of("ADD", [x] * inputs, (1, 4), "f32"))
    assert message in refusal(model)


def quantised(scales: Sequence[float], zero_points: Sequence[int], axis: int = 1) -> ModelBuilder:
    model = one_relu((2, 3))
    entry = model._tensors[0]
    entry.type = schema.TensorType.INT8
    entry.quantization.scale = list(scales)
    entry.quantization.zeroPoint = list(zero_points)
    entry.quantization.quantizedDimension = axis
    return model


@pytest.mark.parametrize(
    ("scales", "zero_points", "axis", "message"),
    [
        ([0.5], [], 0, "expected 1 zero points, as many as scales, got 0"),
        ([0.5, 0.5, 0.5], [0], 1, "expected 3 zero points, as many as scales, got 1"),
        ([0.5, 0.5], [0, 0], 1, "expected 3 scales for dimension 1, got 2"),
        ([0.5, 0.5], [0, 0], 2, "expected a quantised dimension below 2, got 2"),
        ([0.5, 0.5], [0, 0], -1, "expected a quantised dimension below 2, got -1"),
        ([0.5], [128], 0, "expected zero points between -128 and 127"),
        ([0.0], [0], 0, "expected positive finite scales"),
        ([float("nan")], [0], 0, "expected positive finite scales"),
    ],
)
def test_quantisation_that_is_refused(
    scales: list[float], zero_points: list[int], axis: int, message: str
) -> None:
    assert message in refusal(quantised(scales, zero_points, axis))


def test_one_scale_is_for_the_whole_tensor() -> None:
    module = import_tflite(quantised([0.5], [-3], axis=1).build())
    argument = main_of(module).body.block.args[0]
    assert str(argument.type) == "tensor<2x3x!quant.uniform<i8:f32, 0.5:-3>>"


def test_scales_of_a_float_tensor_mean_nothing() -> None:
    model = quantised([0.5], [0])
    model._tensors[0].type = schema.TensorType.FLOAT32
    argument = main_of(import_tflite(model.build())).body.block.args[0]
    assert str(argument.type) == "tensor<2x3xf32>"


def test_a_buffer_of_the_wrong_size_is_refused() -> None:
    model = one_relu()
    x = model.inputs[0]
    short: Tensor = model.tensor((1, 4), "f32", name="short", data=bytes(15))
    model.output(model.output_of("ADD", [x, short], (1, 4), "f32"))
    message = 'layer "short": constant: expected 16 bytes for tensor<1x4xf32>, got 15 in its buffer'
    assert refusal(model) == message


def test_options_of_another_operator_are_refused() -> None:
    model = ModelBuilder()
    x = model.input("x", (1, 4), "f32")
    y = model.output_of("SOFTMAX", [x], (1, 4), "f32", beta=1.0)
    model.output(y)
    model._operators[0].builtinOptionsType = schema.BuiltinOptions.AddOptions
    model._operators[0].builtinOptions = schema.AddOptionsT()
    assert "expected options of type 9 (SoftmaxOptions), got type 11" in refusal(model)


def test_an_option_that_is_needed_must_be_given() -> None:
    model = ModelBuilder()
    x = model.input("x", (1, 4, 4, 1), "f32")
    model.output(model.output_of("SPACE_TO_DEPTH", [x], (1, 2, 2, 4), "f32", block_size=2))
    model._operators[0].builtinOptionsType = 0
    model._operators[0].builtinOptions = None
    message = 'layer "t1": SPACE_TO_DEPTH: expected its option block_size, got none'
    assert refusal(model) == message


def test_external_data_is_refused() -> None:
    model = one_relu()
    c = model.constant([1.0, 2.0], "f32", name="c")
    model._tensors[c.index].buffer = 0
    model._tensors[c.index].externalBuffer = 1
    model.output(c)
    message = "its data is in another file; convert the model into one file"
    assert refusal(model) == f'layer "c": constant: {message}'


def test_options_left_out_have_their_defaults() -> None:
    model = ModelBuilder()
    x = model.input("x", (1, 4), "f32")
    model.output(model.output_of("ADD", [x, x], (1, 4), "f32"))
    model._operators[0].builtinOptionsType = 0
    model._operators[0].builtinOptions = None
    add = only(import_tflite(model.build()), AddOp)
    assert add.fused_activation_function.data == "NONE"
    assert add.pot_scale_int16.value.data != 0
