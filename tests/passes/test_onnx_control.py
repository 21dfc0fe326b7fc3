"""
If, Loop and Scan, beside ONNX's reference implementation, in numpy and through the generated C.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from onnx import numpy_helper as converters
from support.compiled import LOOPS, WHOLE, How, run_all
from support.onnx_models import Array, model, node, random_weights, reference, value
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from nnc.dialects.nn.interpreter import layer_names, run
from nnc.frontends.errors import FrontendError
from nnc.frontends.onnx import import_onnx
from nnc.passes.nn_sink_transposes import NnSinkTransposesPass
from nnc.passes.onnx_to_nn import OnnxToNnPass

I64 = np.int64
numpy_helper: Any = converters


def graph(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[str],
    constants: Mapping[str, Array] | None = None,
) -> onnx.GraphProto:
    """A graph inside a node; its outputs have no type of their own."""
    whole = model(nodes, inputs, outputs, constants)
    return whole.graph


def constant(name: str, array: Any) -> onnx.NodeProto:
    tensor = numpy_helper.from_array(np.asarray(array))
    return node("Constant", [], [name], value=tensor)


def lowered(proto: onnx.ModelProto) -> ModuleOp:
    module = import_onnx(proto.SerializeToString())
    for step in (OnnxToNnPass(), NnSinkTransposesPass("kept")):
        step.apply(Context(), module)
        module.verify()
    return module


Case = tuple[onnx.ModelProto, list[Array]]


def check(cases: Sequence[Case], how: How = LOOPS) -> list[ModuleOp]:
    """Results equal to those of the reference, but for rounding; the modules."""
    modules = [lowered(proto) for proto, _ in cases]
    pairs = list(zip(cases, modules, strict=True))
    runs = run_all([(module, [inputs]) for (_, inputs), module in pairs], how)
    for ((proto, inputs), module), compiled in zip(pairs, runs, strict=True):
        wanted = reference(proto, inputs)
        for outputs in (run(module, inputs).outputs, compiled[0].outputs):
            for found, expected in zip(outputs, wanted, strict=True):
                assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
                assert np.allclose(found, expected, rtol=1e-5, atol=1e-6)
    return modules


def refusal(proto: onnx.ModelProto) -> str:
    with pytest.raises(FrontendError) as error:
        lowered(proto)
    return str(error.value)


def names(module: ModuleOp) -> list[str]:
    ops = [op for op in module.walk() if op.name.startswith("nn.")]
    return [op.name.removeprefix("nn.") for op in ops if op.name != "nn.constant"]


def squeezed(sizes: Sequence[int]) -> onnx.ModelProto:
    """What PyTorch writes for `squeeze(1)`: the branch that is not taken would be wrong."""
    then = graph([node("Squeeze", ["x", "axis"], ["cut"])], [], ["cut"])
    other = graph([node("Identity", ["x"], ["same"])], [], ["same"])
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Gather", ["shape", "axis"], ["size"], axis=0),
        node("Equal", ["size", "axis"], ["single"]),
        node("If", ["single"], ["chosen"], then_branch=then, else_branch=other),
        node("Relu", ["chosen"], ["y"]),
    ]
    return model(nodes, {"x": sizes}, ["y"], {"axis": np.asarray([1], I64)})


@pytest.mark.parametrize("how", [LOOPS, WHOLE], ids=["loops", "whole"])
def test_conditions_that_shapes_decide(how: How) -> None:
    weights = random_weights(0)
    cases = [(squeezed(sizes), [weights(*sizes)]) for sizes in ([2, 1, 3], [2, 4, 3])]
    one, other = check(cases, how)
    assert names(one) == ["reshape", "clamp"]
    assert names(other) == ["clamp"]


def chosen(then: onnx.GraphProto, other: onnx.GraphProto) -> onnx.ModelProto:
    """A condition that comes at run time."""
    return model(
        [node("If", ["c"], ["y"], then_branch=then, else_branch=other)],
        [value("c", [], "i1"), value("x", [2, 3])],
        ["y"],
        {"w": random_weights(1)(3, 3)},
    )


def test_a_condition_of_run_time() -> None:
    """Both branches are computed; each captures the input and an initializer of the model."""
    then = graph(
        [node("MatMul", ["x", "w"], ["m"]), node("Add", ["m", "b"], ["a"])],
        [],
        ["a"],
        {"b": random_weights(2)(3)},
    )
    other = graph([node("Sub", ["x", "w0"], ["s"])], [], ["s"], {"w0": random_weights(3)(1, 3)})
    proto = chosen(then, other)
    x = random_weights(4)(2, 3)
    modules = check([(proto, [np.asarray(truth), x]) for truth in (True, False)])
    assert names(modules[0]).count("select") == 1
    assert "both branches are computed" in str(modules[0])


def test_branches_of_other_shapes_need_a_constant() -> None:
    then = graph([node("Identity", ["x"], ["a"])], [], ["a"])
    other = graph([node("Flatten", ["x"], ["f"], axis=0)], [], ["f"])
    text = refusal(chosen(then, other))
    assert text.startswith('layer "y": If (since operator set 21): expected its condition to be')
    assert "branches that give the same shapes work" in text


def test_all_problems_in_graphs_are_reported_once() -> None:
    """Each turn of a loop would meet them again."""
    unsupported = [
        node("StringNormalizer", ["x"], ["bad"]),
        node("MaxPool", ["x"], ["p"], kernel_shape=[2]),
        node("Det", ["x"], ["d"]),
    ]
    body = graph(
        [node("Identity", ["k"], ["kk"]), *unsupported[2:], node("Add", ["v", "d"], ["w"])],
        [value("i", [], "i64"), value("k", [], "i1"), value("v", [])],
        ["kk", "w"],
    )
    proto = model(
        [
            node("Loop", ["n", "", "zero"], ["y"], body=body),
            node("Det", ["x"], ["z"]),
            node("Add", ["y", "z"], ["out"]),
        ],
        {"x": [2, 2]},
        ["out"],
        {"n": np.asarray(3, I64), "zero": np.asarray(0, np.float32)},
    )
    lines = refusal(proto).splitlines()
    assert [line.split(":")[0] for line in lines] == ['layer "d"', 'layer "z"']


def summing(count: int, **changes: onnx.NodeProto) -> onnx.ModelProto:
    """Running sums of `x * i`, with a scan output and a captured tensor."""
    nodes = {
        "turn": node("Cast", ["i"], ["f"], to=onnx.TensorProto.FLOAT),
        "scaled": node("Mul", ["x", "f"], ["s"]),
        "sum": node("Add", ["v", "s"], ["w"]),
        "copy": node("Relu", ["w"], ["row"]),
    }
    keep = {"keep": node("Identity", ["k"], ["kk"])}
    body = graph(
        list((nodes | (changes or keep)).values()),
        [value("i", [], "i64"), value("k", [], "i1"), value("v", [3])],
        ["kk", "w", "row"],
    )
    return model(
        [node("Loop", ["n", "yes", "start"], ["last", "rows"], body=body)],
        {"x": [3], "start": [3]},
        ["last", "rows"],
        {"n": np.asarray(count, I64), "yes": np.asarray(True)},
    )


@pytest.mark.parametrize("how", [LOOPS, WHOLE], ids=["loops", "whole"])
def test_loops(how: How) -> None:
    """A known number of turns; a condition that ends the loop before."""
    weights = random_weights(5)
    ending = summing(9, two=constant("two", I64(2)), keep=node("Less", ["i", "two"], ["kk"]))
    cases = [(proto, [weights(3), weights(3)]) for proto in (summing(1), summing(4), ending)]
    modules = check(cases, how)
    assert [names(module).count("clamp") for module in modules] == [1, 4, 3]


def test_turns_tell_their_layers_apart() -> None:
    module = lowered(summing(3))
    found = [name for op in module.walk() for name in layer_names(op.location)]
    assert {"w", "w:1", "w:2", "rows"} <= set(found)


def test_a_loop_without_a_turn() -> None:
    proto = summing(0)
    del proto.graph.output[1]
    x, start = random_weights(6)(3), random_weights(7)(3)
    (found,) = run(lowered(proto), [x, start]).outputs
    assert np.array_equal(found, start)
    assert "expected tensors with elements" in refusal(summing(0))


@pytest.mark.parametrize(
    ("proto", "said"),
    [
        (summing(100_000), "at most 16384 operations when unrolled, got 100000 turns of"),
        (
            summing(4, keep=node("Cast", ["f"], ["kk"], to=onnx.TensorProto.BOOL)),
            None,
        ),
        (
            summing(
                4,
                most=node("ReduceMax", ["v"], ["m"], keepdims=0),
                keep=node("Less", ["m", "f"], ["kk"]),
            ),
            "expected its condition to be a constant after 1 turns, got a value computed at run",
        ),
    ],
    ids=["large", "cast", "condition"],
)
def test_loops_that_are_refused(proto: onnx.ModelProto, said: str | None) -> None:
    if said is None:
        check([(proto, [random_weights(8)(3), random_weights(9)(3)])])
        return
    text = refusal(proto)
    assert said in text
    assert text.startswith('layer "last": Loop (since operator set 21): ')


def test_a_trip_count_of_run_time() -> None:
    proto = summing(4)
    del proto.graph.initializer[0]
    proto.graph.input.append(value("n", [], "i64"))
    text = refusal(proto)
    assert "expected its trip count to be a constant, got a value computed at run time" in text
    assert "a Loop with a known number of turns works" in text


def test_a_loop_without_an_end() -> None:
    proto = summing(1)
    proto.graph.node[0].input[0] = ""
    assert "at most 16384 operations when unrolled" in refusal(proto)


def test_nested_loops_and_names_that_hide_others() -> None:
    """The inner loop calls its own tensors like those of the outer one."""
    inner = graph(
        [
            node("Identity", ["k"], ["kk"]),
            node("Add", ["v", "x"], ["sum"]),
            node("Mul", ["sum", "half"], ["w"]),
        ],
        [value("i", [], "i64"), value("k", [], "i1"), value("v", [3])],
        ["kk", "w"],
        {"half": np.asarray(0.5, np.float32)},
    )
    outer = graph(
        [
            node("Identity", ["k"], ["more"]),
            node("Loop", ["two", "k", "v"], ["sum"], body=inner),
            node("Mul", ["sum", "half"], ["w"]),
        ],
        [value("i", [], "i64"), value("k", [], "i1"), value("v", [3])],
        ["more", "w"],
    )
    proto = model(
        [node("Loop", ["n", "yes", "x"], ["y"], body=outer), node("Relu", ["z"], ["x"])],
        {"z": [3]},
        ["y"],
        {
            "n": np.asarray(3, I64),
            "yes": np.asarray(True),
            "two": np.asarray(2, I64),
            "half": np.asarray(0.25, np.float32),
        },
    )
    ordered = onnx.ModelProto()
    ordered.CopyFrom(proto)
    ordered.graph.node.reverse()
    z = random_weights(10)(3)
    expected = reference(ordered, [z])
    (found,) = run(lowered(proto), [z]).outputs
    assert np.allclose(found, expected[0], rtol=1e-6)
    assert not np.allclose(found, z)


@st.composite
def scans(draw: st.DrawFn) -> Case:
    """A state and one or two inputs, along any axis and in any direction."""
    length, count = draw(st.integers(1, 4)), draw(st.integers(1, 2))
    axes = [draw(st.integers(-2, 1)) for _ in range(count)]
    rows = draw(st.sampled_from([[0, 0], [1, -1], [-1, 0]]))
    weights = random_weights(draw(st.integers(0, 1000)))
    inputs = {"s": weights(3)}
    for number, axis in enumerate(axes):
        inputs[f"x{number}"] = weights(*((length, 3) if axis in (0, -2) else (3, length)))
    last = "c1" if count == 2 else "c0"
    body = graph(
        [
            node("Sub", ["state", "c0"], ["difference"]),
            node("Mul", ["difference", last], ["next"]),
            node("Relu", ["next"], ["row"]),
            node("Concat", ["difference", "bias"], ["long"], axis=0),
        ],
        [value("state", [3]), *(value(f"c{number}", [3]) for number in range(count))],
        ["next", "row", "long"],
    )
    directions = [draw(st.integers(0, 1)) for _ in range(count + 2)]
    scan = node(
        "Scan",
        list(inputs),
        ["last", "rows", "longs"],
        body=body,
        num_scan_inputs=count,
        scan_input_axes=axes,
        scan_input_directions=directions[:count],
        scan_output_axes=rows,
        scan_output_directions=directions[count:],
    )
    shapes = {name: array.shape for name, array in inputs.items()}
    proto = model([scan], shapes, ["last", "rows", "longs"], {"bias": weights(2)})
    return proto, list(inputs.values())


def scanned(proto: onnx.ModelProto, inputs: Sequence[Array]) -> list[Array]:
    """What Scan means, as ONNX's reference implementation has no axes and directions."""
    attributes = {it.name: it for it in proto.graph.node[0].attribute}
    body = helper.make_model(attributes["body"].g, opset_imports=proto.opset_import)
    body.graph.input.append(value("bias", [2]))
    bias: Array = numpy_helper.to_array(proto.graph.initializer[0])
    state, *sequences = inputs
    moved: list[Array] = []
    for array, axis, back in zip(
        sequences,
        attributes["scan_input_axes"].ints,
        attributes["scan_input_directions"].ints,
        strict=True,
    ):
        first = np.moveaxis(array, axis, 0)
        moved.append(first[::-1] if back else first)
    rows: list[list[Array]] = []
    for cuts in zip(*moved, strict=True):
        state, *row = reference(body, [state, *cuts, bias])
        rows.append(row)
    found = [state]
    for column, axis, back in zip(
        zip(*rows, strict=True),
        attributes["scan_output_axes"].ints,
        attributes["scan_output_directions"].ints,
        strict=True,
    ):
        found.append(np.stack(column[::-1] if back else column, axis))
    return found


def test_random_scans() -> None:
    """All in one library; only the drawing is hypothesis'."""
    cases: list[Case] = []

    @settings(max_examples=25, database=None, derandomize=True, deadline=None)
    @given(scans())
    def collect(case: Case) -> None:
        cases.append(case)

    collect()
    modules = [lowered(proto) for proto, _ in cases]
    runs = run_all([(it, [inputs]) for it, (_, inputs) in zip(modules, cases, strict=True)], LOOPS)
    for (proto, inputs), compiled in zip(cases, runs, strict=True):
        for found, wanted in zip(compiled[0].outputs, scanned(proto, inputs), strict=True):
            assert found.shape == wanted.shape
            assert np.allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_graphs_in_functions_of_the_model() -> None:
    """A function whose If captures its argument, called in the body of a loop."""
    then = graph([node("Neg", ["a"], ["n"])], [], ["n"])
    other = graph([node("Add", ["a", "a"], ["d"])], [], ["d"])
    function = helper.make_function(
        "mine",
        "Twice",
        ["a"],
        ["r"],
        [
            node("Size", ["a"], ["size"]),
            constant("three", I64(3)),
            node("Equal", ["size", "three"], ["c"]),
            node("If", ["c"], ["r"], then_branch=then, else_branch=other),
        ],
        [helper.make_opsetid("", 21)],
    )
    body = graph(
        [node("Identity", ["k"], ["kk"]), node("Twice", ["v"], ["w"], domain="mine")],
        [value("i", [], "i64"), value("k", [], "i1"), value("v", None)],
        ["kk", "w"],
    )
    protos = [
        model(
            [node("Loop", ["n", "yes", "x"], ["y"], body=body)],
            {"x": [size]},
            ["y"],
            {"n": np.asarray(3, I64), "yes": np.asarray(True)},
            functions=[function],
            domains={"mine": 1},
        )
        for size in (2, 3)
    ]
    check([(proto, [random_weights(11)(size)]) for proto, size in zip(protos, (2, 3), strict=True)])


def test_a_function_that_calls_itself_in_a_branch() -> None:
    then = graph([node("Again", ["a"], ["n"], domain="mine")], [], ["n"])
    other = graph([node("Identity", ["a"], ["d"])], [], ["d"])
    function = helper.make_function(
        "mine",
        "Again",
        ["a"],
        ["r"],
        [constant("c", False), node("If", ["c"], ["r"], then_branch=then, else_branch=other)],
        [helper.make_opsetid("", 21)],
    )
    proto = model(
        [node("Again", ["x"], ["y"], domain="mine")],
        {"x": [2]},
        ["y"],
        functions=[function],
        domains={"mine": 1},
    )
    assert "functions of the model call themselves: Again" in refusal(proto)


def test_what_nothing_makes() -> None:
    """Neither the graph nor one around it."""
    then = graph([node("Neg", ["missing"], ["n"])], [], ["n"])
    other = graph([node("Identity", ["x"], ["d"])], [], ["d"])
    text = refusal(chosen(then, other))
    assert text == 'layer "y": If: nothing makes the tensor "missing"'
