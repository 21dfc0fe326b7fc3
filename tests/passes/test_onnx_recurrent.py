"""
Recurrent layers of ONNX, beside ONNX Runtime, PyTorch and ONNX's reference implementation, in numpy
and through the generated C.

`tests/fixtures/make_onnx_recurrent.py` has made the fixtures.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.compiled import SANITIZED, WHOLE, How, run_all, run_compiled
from support.onnx_models import Array, model, node, random_weights, reference
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from nnc.dialects.nn.interpreter import run, run_sequence
from nnc.frontends.errors import FrontendError
from nnc.frontends.onnx import import_onnx
from nnc.passes.nn_keep_states import NnKeepStatesPass
from nnc.passes.nn_sink_transposes import NnSinkTransposesPass
from nnc.passes.onnx_to_nn import OnnxToNnPass

FIXTURES = Path(__file__).parents[1] / "fixtures/onnx/recurrent.npz"

Case = tuple[str, ModuleOp, list[Array], list[Array]]
"""A name, the module of `nn` ops, inputs, and the outputs that are wanted."""


def lowered(proto: onnx.ModelProto | bytes) -> ModuleOp:
    data = proto if isinstance(proto, bytes) else proto.SerializeToString()
    module = import_onnx(data)
    for step in (OnnxToNnPass(), NnSinkTransposesPass("kept")):
        step.apply(Context(), module)
        module.verify()
    return module


def fixtures() -> list[Case]:
    cases: list[Case] = []
    with np.load(FIXTURES) as file:
        names = sorted({name.partition("/")[0] for name in file.files})
        for name in names:
            arrays: dict[str, list[Array]] = {}
            for what in ("input", "output"):
                keys = (f"{name}/{what}{number}" for number in range(4))
                arrays[what] = [file[key] for key in keys if key in file.files]
            module = lowered(file[f"{name}/model"].tobytes())
            cases.append((name, module, arrays["input"], arrays["output"]))
    return cases


def check(what: str, actual: list[Array], wanted: list[Array]) -> None:
    """All arrays in agreement: sums and functions of float32 that are rounded elsewhere."""
    assert len(actual) == len(wanted), what
    for found, expected in zip(actual, wanted, strict=True):
        assert found.shape == expected.shape, what
        assert np.allclose(found, expected, rtol=1e-5, atol=1e-6), what


def check_all(cases: list[Case], how: How) -> None:
    runs = run_all([(module, [inputs]) for _, module, inputs, _ in cases], how)
    for (name, module, inputs, wanted), compiled in zip(cases, runs, strict=True):
        check(f"{name}, numpy", list(run(module, inputs).outputs), wanted)
        check(f"{name}, C", list(compiled[0].outputs), wanted)


@pytest.mark.parametrize("how", [How(), WHOLE], ids=["loops", "whole"])
def test_fixtures(how: How) -> None:
    cases = fixtures()
    assert len(cases) > 30
    check_all(cases, how)


GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


@st.composite
def layers(draw: st.DrawFn) -> tuple[onnx.ModelProto, list[Array]]:
    """A layer with any of its optional operands; weights are constants or come at run time."""
    operator = draw(st.sampled_from(sorted(GATES)))
    time, batch, depth, units = (draw(st.integers(1, most)) for most in (4, 3, 4, 4))
    layout = draw(st.integers(0, 1))
    direction = draw(st.sampled_from(["forward", "reverse", "bidirectional"]))
    count, rows = 1 + (direction == "bidirectional"), GATES[operator] * units
    weights = random_weights(draw(st.integers(0, 1000)))
    state = (batch, count, units) if layout else (count, batch, units)
    shapes = {
        "X": (batch, time, depth) if layout else (time, batch, depth),
        "W": (count, rows, depth),
        "R": (count, rows, units),
        "B": (count, 2 * rows),
        "lengths": (batch,),
        "h": state,
        "c": state,
        "P": (count, 3 * units),
    }
    names = list(shapes)[: 8 if operator == "LSTM" else 6]
    given = ["X", "W", "R", *(name for name in names[3:] if draw(st.booleans()))]
    constant = {name for name in given if name != "X" and draw(st.booleans())}
    arrays = {name: weights(*shape) for name, shape in shapes.items()}
    arrays["lengths"] = np.full(batch, time, np.int32)
    if "lengths" in given:
        constant.add("lengths")
    attributes: dict[str, Any] = {"direction": direction, "layout": layout, "hidden_size": units}
    if operator == "GRU":
        attributes["linear_before_reset"] = draw(st.integers(0, 1))
    if operator == "RNN":
        attributes["activations"] = ["Tanh"] * count
    results = ["Y", "Y_h", "Y_c"][: 3 if operator == "LSTM" else 2]
    proto = model(
        [node(operator, [name if name in given else "" for name in names], results, **attributes)],
        {name: shapes[name] for name in given if name not in constant},
        results,
        {name: arrays[name] for name in constant},
    )
    return proto, [arrays[name] for name in given if name not in constant]


def test_random_layers() -> None:
    """All in one library; only the drawing is hypothesis'."""
    cases: list[Case] = []

    @settings(max_examples=40, database=None, derandomize=True, deadline=None)
    @given(layers())
    def collect(layer: tuple[onnx.ModelProto, list[Array]]) -> None:
        proto, inputs = layer
        wanted = reference(proto, inputs)
        cases.append((f"layer {len(cases)}", lowered(proto), inputs, wanted))

    collect()
    check_all(cases, SANITIZED)


def refusal(operator: str = "LSTM", lengths: Array | None = None, **attributes: Any) -> str:
    """What is said of a layer of 2 units over 3 inputs, 4 steps and 2 samples."""
    weights, rows = random_weights(0), 2 * GATES[operator]
    constants = {"W": weights(1, rows, 3), "R": weights(1, rows, 2)}
    inputs: dict[str, list[int]] = {"X": [4, 2, 3]}
    operands = ["X", "W", "R", "", "lengths"]
    values = [onnx.helper.make_tensor_value_info("lengths", 6, [2])]
    if lengths is not None:
        constants["lengths"] = lengths
        values = []
    given = [onnx.helper.make_tensor_value_info(n, 1, s) for n, s in inputs.items()]
    proto = model([node(operator, operands, ["Y"], **attributes)], [*given, *values], ["Y"],
                  constants)  # fmt: skip
    with pytest.raises(FrontendError) as error:
        lowered(proto)
    assert len(error.value.problems) == 1
    return str(error.value)


@pytest.mark.parametrize(
    ("said", "lengths", "attributes"),
    [
        ("expected its sequence_lens to be a constant", None, {}),
        ("expected 2 sequence_lens from 1 to 4, got [0, 4]", [0, 4], {}),
        ("expected 2 sequence_lens from 1 to 4, got [5, 4]", [5, 4], {}),
        ("expected a direction that there is, got 'sideways'", [4, 4], {"direction": "sideways"}),
        ("the activation 'Gelu' is not supported", [4, 4], {"activations": ["Gelu"] * 3}),
        ("expected 3 activations, got 1", [4, 4], {"activations": ["Tanh"]}),
        ("expected a hidden_size of 2, got 5", [4, 4], {"hidden_size": 5}),
        ("expected W of (2, 8, 3), got (1, 8, 3)", [4, 4], {"direction": "bidirectional"}),
    ],
)
def test_what_is_refused(said: str, lengths: list[int] | None, attributes: dict[str, Any]) -> None:
    array = None if lengths is None else np.asarray(lengths, np.int32)
    text = refusal(lengths=array, **attributes)
    assert said in text
    assert text.startswith('layer "Y": LSTM (since operator set 14): ')


def stepwise() -> tuple[ModuleOp, onnx.ModelProto]:
    """A GRU that takes one step, and one that takes five, with the same weights."""
    weights = random_weights(3)
    constants = {"W": weights(1, 9, 4), "R": weights(1, 9, 3), "B": weights(1, 18)}
    layer = node("GRU", ["x", "W", "R", "B", "", "h"], ["y", "hn"], hidden_size=3)
    protos = [
        model([layer], {"x": [time, 1, 4], "h": [1, 1, 3]}, ["y", "hn"], constants)
        for time in (1, 5)
    ]
    return lowered(protos[0]), protos[1]


def test_states_as_inputs_and_outputs() -> None:
    """What the network gives is what it gets in the next step."""
    module, whole = stepwise()
    x = random_weights(4)(5, 1, 4)
    zeros = np.zeros((1, 1, 3), np.float32)
    wanted = reference(whole, [x, zeros])[0]
    samples: list[list[Array]] = []
    state = zeros
    for step in range(5):
        samples.append([x[step : step + 1], state])
        output, state = run(module, samples[-1]).outputs
        assert np.allclose(output[0], wanted[step], rtol=1e-5, atol=1e-6)
    for step, compiled in enumerate(run_compiled(module, samples)):
        assert np.allclose(compiled.outputs[0][0], wanted[step], rtol=1e-5, atol=1e-6)


def test_states_that_the_network_keeps() -> None:
    """Only the sequence goes in, and the last state is overwritten where it is."""
    module, whole = stepwise()
    NnKeepStatesPass(("h",), ("hn",)).apply(Context(), module)
    module.verify()
    x = random_weights(5)(5, 1, 4)
    samples = [[x[step : step + 1]] for step in range(5)]
    wanted = reference(whole, [x, np.zeros((1, 1, 3), np.float32)])[0]
    for how in (How(keep_state=True), replace(WHOLE, keep_state=True)):
        for step, compiled in enumerate(run_compiled(module, samples, how)):
            (output,) = compiled.outputs
            assert np.allclose(output[0], wanted[step], rtol=1e-5, atol=1e-6)
    for step, interpreted in enumerate(run_sequence(module, samples)):
        assert np.allclose(interpreted.outputs[0][0], wanted[step], rtol=1e-5, atol=1e-6)
