"""The model builder and the reference interpreter, checked by models whose answer is known."""

from typing import Any, cast

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from support.oracle import (
    OracleError,
    Reference,
    edge_inputs,
    random_inputs,
    run_isolated,
    run_reference,
    smooth_inputs,
)
from support.tflite_builder import ModelBuilder, pack_int4, per_axis, per_tensor


def relu_then_max() -> ModelBuilder:
    """Two layers, so that the first one's result is an intermediate tensor."""
    model = ModelBuilder()
    x = model.input("x", (1, 4), "i8", per_tensor(0.5, -3))
    hidden = model.output_of("RELU", [x], (1, 4), "i8", per_tensor(0.5, -3))
    floor = model.constant(np.full((1, 4), 5), "i8", per_tensor(0.5, -3), name="floor")
    model.output(model.output_of("MAXIMUM", [hidden, floor], (1, 4), "i8", per_tensor(0.5, -3)))
    return model


def test_every_tensor_of_a_model_is_reported() -> None:
    reference = Reference(relu_then_max().build())
    x = np.asarray([[-128, -3, 4, 127]], np.int8)
    tensors = reference.run([x])
    assert [info.name for info in reference.tensors] == ["x", "t1", "floor", "t3"]
    assert tensors[1].tolist() == [[-3, -3, 4, 127]]
    assert tensors[3].tolist() == [[5, 5, 5, 127]]
    assert reference.run_outputs({"x": x})[0].tolist() == [[5, 5, 5, 127]]


def test_a_child_process_gives_the_same_answer() -> None:
    model = relu_then_max().build()
    samples = random_inputs(Reference(model).inputs, 1, 3)
    for here, there in zip(
        run_reference(model, samples), run_isolated(model, samples), strict=True
    ):
        assert here.keys() == there.keys()
        assert all(np.array_equal(here[index], there[index]) for index in here)


def test_an_aborting_kernel_is_an_error_and_not_the_end_of_the_tests() -> None:
    model = ModelBuilder()
    x = model.input("x", (4,), "i8", per_tensor(1.0))
    model.output(model.output_of("ADD", [x, x], (4,), "i8", per_tensor(2.0**-21)))
    with pytest.raises(OracleError):
        run_isolated(model.build(), [[np.ones(4, np.int8)]])


def test_a_refused_model_says_why() -> None:
    model = ModelBuilder()
    x = model.input("x", (4,), "i8", per_tensor(1.0))
    model.output(model.output_of("ELU", [x], (4,), "i8", per_tensor(1.0)))
    with pytest.raises(OracleError, match="ELU"):
        Reference(model.build())
    assert Reference(model.build(), optimised=True).outputs[0].shape == (4,)


def test_the_file_holds_what_was_asked_for() -> None:
    model = ModelBuilder("net", "a description")
    model.versions["CONV_2D"] = 3
    x = model.input("x", (1, 2, 2, 3), "i8", per_tensor(0.1, 4), shape_signature=(-1, 2, 2, 3))
    weights = model.constant(np.ones((5, 1, 1, 3)), "i8", per_axis(0, [0.1, 0.2, 0.3, 0.4, 0.5]))
    bias = model.constant(np.arange(5), "i32")
    state = model.tensor((1, 4), "f32", name="state", is_variable=True)
    y = model.tensor((1, 2, 2, 5), "i8", per_tensor(0.3))
    model.op(
        "CONV_2D",
        [x, weights, bias],
        [y],
        padding="VALID",
        stride_w=2,
        stride_h=1,
        fused_activation_function="RELU6",
    )
    model.custom("Mine", [y, None], [state], b"abc")
    model.output(y)
    model.signature()
    model.subgraph("other").input("z", (1,), "f32")

    read = cast(Any, schema.ModelT).InitFromPackedBuf(model.build())
    graph = read.subgraphs[0]
    conv = graph.operators[0]
    assert (graph.name, read.description) == (b"net", b"a description")
    assert [code.builtinCode for code in read.operatorCodes] == [3, 32]
    assert read.operatorCodes[0].version == 3
    assert read.operatorCodes[1].customCode == b"Mine"
    assert conv.builtinOptions.strideW == 2
    assert conv.builtinOptions.padding == schema.Padding.VALID
    assert conv.builtinOptions.fusedActivationFunction == schema.ActivationFunctionType.RELU6
    assert bytes(graph.operators[1].customOptions) == b"abc"
    assert list(graph.operators[1].inputs) == [y.index, -1]
    assert list(graph.tensors[0].shapeSignature) == [-1, 2, 2, 3]
    assert graph.tensors[weights.index].quantization.quantizedDimension == 0
    assert len(graph.tensors[weights.index].quantization.scale) == 5
    assert graph.tensors[state.index].isVariable
    assert read.subgraphs[1].name == b"other"
    assert read.signatureDefs[0].inputs[0].name == b"x"


def test_misspelt_operators_and_options_are_refused() -> None:
    model = ModelBuilder()
    x = model.input("x", (1,), "f32")
    with pytest.raises(ValueError, match="got RELUU"):
        model.op("RELUU", [x], [x])
    with pytest.raises(ValueError, match="has no option strides"):
        model.op("CONV_2D", [x], [x], strides=2)
    with pytest.raises(ValueError, match="RELU has no options"):
        model.op("RELU", [x], [x], alpha=2.0)


def test_int4_is_packed_low_half_first() -> None:
    assert pack_int4(np.asarray([1, -1, -8], np.int8)) == bytes([0xF1, 0x08])


def test_inputs_are_deterministic_and_cover_the_range() -> None:
    model = ModelBuilder()
    for index, dtype in enumerate(("i8", "i16", "f32", "i1")):
        model.output(model.input(f"x{index}", (1, 8, 8, 4), dtype))
    infos = Reference(model.build()).inputs
    for generate in (random_inputs, smooth_inputs):
        first, again = generate(infos, 7, 2), generate(infos, 7, 2)
        for sample, same in zip(first, again, strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(sample, same, strict=True))
            assert [array.dtype for array in sample] == [info.dtype for info in infos]
    smallest, largest, zero = edge_inputs(infos)
    assert smallest[0].min() == -128 and largest[1].max() == 32767 and not zero[2].any()
