"""LSTMs of every variant over several inferences, beside TFLite's reference kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from support.compiled import How, run_all
from support.lstm_models import Kind, Lstm
from support.oracle import Array, Reference, random_inputs
from support.single_ops import single_op_case
from support.tflite_builder import ModelBuilder
from support.tflite_nn import import_model, relative_error
from xdsl.dialects.builtin import i32

from nnc.dialects.nn import fixed16
from nnc.dialects.nn.algebra import NumpyScalar
from nnc.dialects.nn.interpreter import Run, run_sequence
from nnc.frontends.errors import FrontendError

REMEMBER = How(keep_state=True)
SANITIZED = replace(REMEMBER, sanitize=True)

COMPILED = (0b00000, 0b11111, 0b10101, 0b01010, 0b11000, 0b00110, 0b01101, 0b10011)
"""The variants that become C: any two parts are in one without the other, in both and in none."""


def variants(kind: Kind) -> list[Lstm]:
    """All combinations of the optional parts, each with a layout, a batch and a cell of its own."""
    found: list[Lstm] = []
    for number, parts in enumerate(product((False, True), repeat=5)):
        coupled, peephole, projection, norm, clip = parts
        time_major = (number + number // 4) % 2 == 1
        found.append(
            Lstm(
                kind,
                coupled=coupled,
                peephole=peephole,
                projection=projection,
                projection_bias=projection and coupled,
                norm=norm,
                clip=clip,
                time_major=time_major,
                asymmetric=kind == "hybrid" and number % 3 == 0,
                batch=1 if projection and peephole else 2,
                outputs=4 if projection else 6,
                seed=number,
                cell_exponent=-15 + number % 7,
            )
        )
    return found


def check(lstm: Lstm, samples: Sequence[Sequence[Array]], runs: Sequence[Run]) -> int:
    """Compares the outputs of a sequence; returns how many elements there are."""
    reference = Reference(lstm.build())
    elements = 0
    for sample, result in zip(samples, runs, strict=True):
        (expected,) = reference.run_outputs(sample)
        elements += expected.size
        if lstm.kind == "integer":
            assert np.array_equal(result.outputs[0], expected), lstm
        else:
            assert relative_error(result.outputs[0], expected) <= 1e-5, lstm
    return elements


def check_compiled(lstms: Sequence[Lstm], steps: int, how: How) -> int:
    samples = [lstm.samples(steps) for lstm in lstms]
    models = [lstm.build() for lstm in lstms]
    compiled = run_all(list(zip(models, samples, strict=True)), how)
    return sum(map(check, lstms, samples, compiled))


@pytest.mark.parametrize("kind", ["float", "hybrid", "integer"])
def test_all_variants(kind: Kind) -> None:
    elements = 0
    for lstm in variants(kind):
        samples = lstm.samples(4)
        elements += check(lstm, samples, run_sequence(import_model(lstm.build()), samples))
    assert elements > 3000


@pytest.mark.parametrize("kind", ["float", "hybrid", "integer"])
def test_variants_in_c(kind: Kind) -> None:
    known = variants(kind)
    check_compiled([known[number] for number in COMPILED], 4, SANITIZED)


@pytest.mark.parametrize("kind", ["float", "hybrid", "integer"])
def test_one_step(kind: Kind) -> None:
    """The operator LSTM, whose integer kernel derives its parameters by itself."""
    known = [
        replace(lstm, sequence=False, time_major=False, time=1) for lstm in variants(kind)[::3]
    ]
    for lstm in known:
        samples = lstm.samples(5)
        check(lstm, samples, run_sequence(import_model(lstm.build()), samples))
    check_compiled(known[:4], 4, REMEMBER)


def basic_lstm(*, remembers: bool) -> bytes:
    """The LSTM of kernel type BASIC, its state a variable or an input."""
    batch, inputs, units = 2, 5, 4
    random = np.random.default_rng(2)
    model = ModelBuilder()
    x = model.input("x", (batch, inputs), "f32")
    states = [
        model.tensor((batch, units), "f32", is_variable=True)
        if remembers
        else model.input(name, (batch, units), "f32")
        for name in ("h", "c")
    ]
    w = model.constant(random.normal(0, 0.5, (4 * units, inputs + units)), "f32")
    b = model.constant(random.normal(0, 0.3, 4 * units), "f32")
    shapes = (units, units, inputs + units, 4 * units)
    results = [model.tensor((batch, width), "f32") for width in shapes]
    model.op("LSTM", [x, states[0], w, b, states[1]], results, kernel_type=1)
    model.output(*results[:2])
    return model.build()


@pytest.mark.parametrize("remembers", [False, True])
def test_basic_lstm(remembers: bool) -> None:
    data = basic_lstm(remembers=remembers)
    reference = Reference(data)
    samples = random_inputs(reference.inputs, 3, 4)
    interpreted = run_sequence(import_model(data), samples)
    (compiled,) = run_all([(data, samples)], REMEMBER)
    for sample, first, second in zip(samples, interpreted, compiled, strict=True):
        for k, expected in enumerate(reference.run_outputs(sample)):
            assert relative_error(first.outputs[k], expected) <= 1e-5
            assert relative_error(second.outputs[k], expected) <= 1e-5


def test_integer_lstms_of_random_parameters() -> None:
    lstms = [
        Lstm("integer", inputs=24, units=20, outputs=20, time=9, seed=seed, batch=1 + seed % 2)
        for seed in range(3)
    ]
    assert check_compiled(lstms, 12, REMEMBER) > 8000


def test_generated_layers() -> None:
    cases = [single_op_case("UNIDIRECTIONAL_SEQUENCE_LSTM", "f32", s, 4) for s in range(8)]
    compiled = run_all([(case.model, case.samples) for case in cases], REMEMBER)
    for case, runs in zip(cases, compiled, strict=True):
        reference = Reference(case.model)
        for sample, result in zip(case.samples, runs, strict=True):
            (expected,) = reference.run_outputs(sample)
            assert relative_error(result.outputs[0], expected) <= 1e-5, case.name


def test_sigmoid_and_tanh_of_16_bits() -> None:
    """Odd, increasing but for their rounding, and close to the real functions."""
    codes = np.arange(-(1 << 15), 1 << 15)
    x = NumpyScalar(codes.astype(np.int32), i32)
    sigmoid = fixed16.logistic(x).array / 32768
    assert np.abs(sigmoid - 1 / (1 + np.exp(-codes / 4096))).max() < 2.5e-4
    for bits in range(7):
        tanh = fixed16.tanh(x, bits).array
        assert np.abs(tanh / 32768 - np.tanh(codes / (1 << (15 - bits)))).max() < 4e-4
        assert np.array_equal(tanh[1:], -tanh[:0:-1])


@pytest.mark.parametrize(
    ("lstm", "reason"),
    [
        (Lstm("integer", cell_exponent=-8), "expected a cell state scaled by 2"),
        (
            Lstm("integer", peephole=True, projection=True, outputs=4, batch=2, time_major=True),
            "undefined in the reference kernel",
        ),
    ],
)
def test_what_the_integer_kernel_cannot_do(lstm: Lstm, reason: str) -> None:
    with pytest.raises(FrontendError, match=reason):
        import_model(lstm.build())


def test_the_integer_lstm_with_8_bit_gates() -> None:
    lstm = Lstm("integer", norm=True, projection=True, outputs=4, sequence=False)
    with pytest.raises(FrontendError, match="expected 5 intermediate results"):
        import_model(lstm.build(intermediates=12))


def test_the_integer_lstm_of_tflite_micro_is_another_one() -> None:
    with pytest.raises(FrontendError, match="TFLite Micro's integer LSTM is not supported"):
        import_model(Lstm("integer").build(), "tflm")
