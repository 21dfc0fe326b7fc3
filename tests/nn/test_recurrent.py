"""Recurrent layers over several steps, beside TFLite's reference kernels, in numpy and in C."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.arrays import integers
from support.compiled import How, planned, run_all
from support.oracle import Array, Reference, random_inputs
from support.single_ops import single_op_case
from support.tflite_builder import ModelBuilder, Option, Tensor, per_tensor
from support.tflite_nn import import_model, relative_error
from xdsl.dialects.builtin import StringAttr

from nnc.codegen.network import network_of
from nnc.dialects.kernel.operation import KernelOp
from nnc.dialects.nn.interpreter import run_sequence
from nnc.frontends.errors import FrontendError

REMEMBER = How(keep_state=True)
SANITIZED = replace(REMEMBER, sanitize=True)

Sequence = list[list[Array]]


def check(cases: list[tuple[str, bytes, Sequence]], how: How = REMEMBER) -> int:
    """
    All outputs of all steps: integers equal, floats in agreement. Returns how many elements there
    were.
    """
    compiled = run_all([(model, samples) for _, model, samples in cases], how)
    elements = 0
    for (name, model, samples), runs in zip(cases, compiled, strict=True):
        reference = Reference(model)
        interpreted = run_sequence(import_model(model), samples)
        for step, sample in enumerate(samples):
            expected = reference.run_outputs(sample)
            for what, result in (("numpy", interpreted[step]), ("C", runs[step])):
                for actual, wanted in zip(result.outputs, expected, strict=True):
                    check_array(f"{name}, step {step}, {what}", actual, wanted)
            elements += sum(array.size for array in expected)
    return elements


def check_array(what: str, actual: Array, expected: Array) -> None:
    assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype), what
    if expected.dtype == np.float32:
        assert relative_error(actual, expected) <= 1e-5, what
    else:
        assert np.array_equal(actual, expected), what


@pytest.mark.parametrize("flavour", ["f32", "i8"])
def test_random_svdf(flavour: str) -> None:
    cases = [single_op_case("SVDF", flavour, seed, 5) for seed in range(12)]
    check([(case.name, case.model, case.samples) for case in cases], SANITIZED)


BATCH, FEATURES, UNITS, RANK, MEMORY = 2, 40, 32, 2, 8
FILTERS = UNITS * RANK


def integer_svdf(seed: int) -> bytes:
    random = np.random.default_rng(seed)
    source, feature = random.uniform(0.01, 0.05), random.uniform(0.01, 0.05)
    inner = source * feature * random.uniform(0.05, 0.2)
    time = random.uniform(1e-5, 3e-5)
    target = inner * time * 2**18 * random.uniform(0.5, 4)
    model = ModelBuilder()
    inputs = [
        model.input("x", (BATCH, FEATURES), "i8", per_tensor(source, 3)),
        model.constant(integers(random, -127, 127, (FILTERS, FEATURES)), "i8", per_tensor(feature)),
        model.constant(integers(random, -32767, 32767, (FILTERS, MEMORY)), "i16", per_tensor(time)),
        model.constant(integers(random, -(1 << 20), 1 << 20, UNITS), "i32"),
        model.tensor((BATCH, FILTERS * MEMORY), "i16", per_tensor(inner), is_variable=True),
    ]
    output = model.output_of(
        "SVDF",
        inputs,
        (BATCH, UNITS),
        "i8",
        per_tensor(target, -5),
        rank=RANK,
        fused_activation_function="RELU",
    )
    model.output(output)
    return model.build()


def hybrid_svdf(seed: int, asymmetric: bool) -> bytes:
    random = np.random.default_rng(seed)
    model = ModelBuilder()
    inputs = [
        model.input("x", (BATCH, FEATURES), "f32"),
        model.constant(integers(random, -127, 127, (FILTERS, FEATURES)), "i8", per_tensor(0.013)),
        model.constant(integers(random, -127, 127, (FILTERS, MEMORY)), "i8", per_tensor(0.0021)),
        model.constant(random.normal(size=UNITS), "f32"),
        model.tensor((BATCH, FILTERS * MEMORY), "f32", is_variable=True),
    ]
    output = model.output_of(
        "SVDF",
        inputs,
        (BATCH, UNITS),
        "f32",
        rank=RANK,
        fused_activation_function="RELU",
        asymmetric_quantize_inputs=asymmetric,
    )
    model.output(output)
    return model.build()


def test_integer_svdf() -> None:
    """The state saturates now and then; 16-bit multipliers would show in the outputs."""
    random = np.random.default_rng(0)
    cases = [
        (
            f"integer SVDF {seed}",
            integer_svdf(seed),
            [[integers(random, -128, 127, (BATCH, FEATURES)).astype(np.int8)] for _ in range(20)],
        )
        for seed in range(4)
    ]
    assert check(cases) > 5000


@pytest.mark.parametrize("asymmetric", [False, True])
def test_hybrid_svdf(asymmetric: bool) -> None:
    random = np.random.default_rng(0)
    samples = [
        [random.normal(size=(BATCH, FEATURES)).astype(np.float32) * np.float32(step % 5)]
        for step in range(15)
    ]
    check([("hybrid SVDF", hybrid_svdf(1, asymmetric), samples)])


def test_the_state_of_an_svdf_is_updated_in_place() -> None:
    """One array in the context, none in the arena, and no layer that copies."""
    function = network_of(planned(integer_svdf(0)))
    assert function.arg_attrs is not None
    roles = [entry.data["kernel.role"] for entry in function.arg_attrs]
    assert roles.count(StringAttr("state")) == 1
    titles = [op.title for op in function.walk() if isinstance(op, KernelOp)]
    assert titles == ["svdf"]


def test_a_state_that_is_no_variable() -> None:
    model = ModelBuilder()
    x = model.input("x", (1, 4), "f32")
    state = model.input("state", (1, 4), "f32")
    weights = model.constant(np.ones((2, 4)), "f32"), model.constant(np.ones((2, 2)), "f32")
    model.output(model.output_of("SVDF", [x, *weights, None, state], (1, 2), "f32", rank=1))
    with pytest.raises(FrontendError, match="expected a variable tensor as a state"):
        import_model(model.build())


def plain(op: str, *, hybrid: bool, time_major: bool, asymmetric: bool, activation: str) -> bytes:
    """A plain recurrent layer of 6 units over 5 features, a sequence of 3 steps or one step."""
    random = np.random.default_rng(4)
    model = ModelBuilder()
    shape = (2, 5) if op == "RNN" else (3, 2, 5) if time_major else (2, 3, 5)
    x = model.input("x", shape, "f32")
    weights: list[Tensor] = []
    for depth in (5, 6):
        if hybrid:
            values = integers(random, -127, 127, (6, depth))
            weights.append(model.constant(values, "i8", per_tensor(0.005)))
        else:
            weights.append(model.constant(random.normal(0, 0.4, (6, depth)), "f32"))
    bias = model.constant(random.normal(0, 0.3, 6), "f32")
    state = model.tensor((2, 6), "f32", is_variable=True)
    options: dict[str, Option] = {} if op == "RNN" else {"time_major": time_major}
    output = model.output_of(
        op,
        [x, *weights, bias, state],
        (*shape[:-1], 6),
        "f32",
        None,
        fused_activation_function=activation,
        asymmetric_quantize_inputs=asymmetric,
        **options,
    )
    model.output(output)
    return model.build()


@pytest.mark.parametrize("hybrid", [False, True])
def test_plain_recurrent_layers(hybrid: bool) -> None:
    cases: list[tuple[str, bytes, Sequence]] = []
    for number, op in enumerate(("RNN", "UNIDIRECTIONAL_SEQUENCE_RNN") * 3):
        model = plain(
            op,
            hybrid=hybrid,
            time_major=number % 4 == 1,
            asymmetric=number > 2,
            activation=("TANH", "RELU", "RELU6")[number % 3],
        )
        samples = random_inputs(Reference(model).inputs, number, 5)
        cases.append((f"{op} {number}", model, samples))
    check(cases)
