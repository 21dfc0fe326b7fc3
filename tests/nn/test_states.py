"""States: what a network remembers, in numpy, in buffers and in C."""

from __future__ import annotations

import numpy as np
import pytest
from support.compiled import How, parse, planned, run_compiled
from support.oracle import Array, Reference
from support.tflite_builder import ModelBuilder, Tensor
from support.tflite_nn import import_model, main_function
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from nnc.codegen.files import generate
from nnc.dialects.kernel.nest import NestOp
from nnc.dialects.nn.interpreter import run, run_sequence
from nnc.dialects.nn.states import states_of
from nnc.frontends.errors import FrontendError
from nnc.passes.nn_verify_contract import ContractError, NnVerifyContractPass

REMEMBER = How(keep_state=True)


def floats(*values: float) -> Array:
    return np.array(values, np.float32)


def check_sequence(module: ModuleOp, samples: list[list[Array]], expected: list[Array]) -> None:
    """The first output after each sample, in numpy and in C."""
    interpreted = run_sequence(module, samples)
    compiled = run_compiled(module, samples, REMEMBER)
    for step, (first, second, wanted) in enumerate(
        zip(interpreted, compiled, expected, strict=True)
    ):
        assert np.array_equal(first.outputs[0], wanted), step
        assert np.array_equal(second.outputs[0], wanted), step


def copies(module: ModuleOp) -> int:
    """How many layers of a planned network only copy."""
    return sum(isinstance(op, NestOp) and op.kind.data == "copy" for op in module.walk())


SUM = """
func.func @main(%x: tensor<2xf32>, %s: tensor<2xf32> {nn.state, nn.initial = dense<[1.0, 2.0]>
    : tensor<2xf32>}) -> (tensor<2xf32>, tensor<2xf32> {nn.state}) {
  %t = nn.add %x, %s : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %t, %t : tensor<2xf32>, tensor<2xf32>
}
"""


def test_a_running_sum() -> None:
    module = parse(SUM)
    samples = [[floats(1, 1)], [floats(2, 3)], [floats(0, 0)]]
    check_sequence(module, samples, [floats(2, 3), floats(4, 6), floats(4, 6)])
    # The sum is made where the state is, and copied once, to the output.
    plan = planned(module)
    assert copies(plan) == 1
    header = generate(plan, "net")["net.h"]
    assert "    float state_state1[2];" in header


def test_a_reset_brings_the_initial_values_back() -> None:
    samples = [[floats(1, 1)], [floats(2, 3)]]
    results = run_compiled(parse(SUM), samples)
    assert [list(result.outputs[0]) for result in results] == [[2, 3], [3, 5]]


SWAP = """
func.func @main(%x: tensor<1xf32>, %a: tensor<1xf32> {nn.name = "a", nn.state},
    %b: tensor<1xf32> {nn.name = "b", nn.state, nn.initial = dense<[5.0]> : tensor<1xf32>})
    -> (tensor<1xf32>, tensor<1xf32> {nn.state}, tensor<1xf32> {nn.state}) {
  %t = nn.add %x, %a : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>
  func.return %t, %b, %a : tensor<1xf32>, tensor<1xf32>, tensor<1xf32>
}
"""


def test_states_that_change_places() -> None:
    check_sequence(parse(SWAP), [[floats(1)]] * 4, [floats(1), floats(6), floats(1), floats(6)])


LATE = """
func.func @main(%x: tensor<2xf32>, %s: tensor<2xf32> {nn.state})
    -> (tensor<2xf32>, tensor<2xf32> {nn.state}) {
  %n = nn.add %x, %s : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %y = nn.mul %n, %s : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  func.return %y, %n : tensor<2xf32>, tensor<2xf32>
}
"""


def test_a_state_that_is_read_after_its_next_value_is_made() -> None:
    module = parse(LATE)
    check_sequence(module, [[floats(1, 2)]] * 3, [floats(0, 0), floats(2, 8), floats(6, 24)])
    assert copies(planned(module)) == 1


BROKEN = """
func.func @main(%s: tensor<2xf32> {nn.state}, %x: tensor<2xf32>)
    -> (tensor<2xf32>, tensor<2xf32> {nn.state}) {
  func.return %x, %s : tensor<2xf32>, tensor<2xf32>
}
"""


def test_states_come_last() -> None:
    module = parse(BROKEN)
    with pytest.raises(ContractError, match="expected states behind the inputs"):
        NnVerifyContractPass().apply(Context(), module)
    with pytest.raises(ValueError, match="expected states behind the inputs"):
        run(module, [floats(1, 2)])


def handle(model: ModelBuilder, name: str) -> Tensor:
    result = model.tensor((), "resource")
    model.op("VAR_HANDLE", [], [result], container="", shared_name=name)
    return result


def delay_line(*, initialised: bool) -> bytes:
    """The sum of the last four inputs, three of which are a named variable."""
    model = ModelBuilder()
    start = model.subgraph("start")
    variable = start.tensor((), "resource")
    start.op("VAR_HANDLE", [], [variable], container="", shared_name="ring")
    first = start.constant(np.arange(12).reshape(1, 3, 4), "f32")
    start.op("ASSIGN_VARIABLE", [variable, first], [])
    x = model.input("x", (1, 1, 4), "f32")
    if initialised:
        model.op("CALL_ONCE", [], [], init_subgraph_index=1)
    ring = handle(model, "ring")
    old = model.output_of("READ_VARIABLE", [ring], (1, 3, 4), "f32")
    four = model.output_of("CONCATENATION", [old, x], (1, 4, 4), "f32", axis=1)
    bounds = [model.constant(v, "i32") for v in ([0, 1, 0], [1, 4, 4], [1, 1, 1])]
    new = model.output_of("STRIDED_SLICE", [four, *bounds], (1, 3, 4), "f32")
    model.op("ASSIGN_VARIABLE", [ring, new], [])
    axis = model.constant([1], "i32")
    model.output(model.output_of("SUM", [four, axis], (1, 1, 4), "f32", keep_dims=True))
    return model.build()


def test_named_variables_with_initial_values() -> None:
    data = delay_line(initialised=True)
    module = import_model(data)
    assert len(list(module.body.block.ops)) == 1
    random = np.random.default_rng(1)
    samples = [[random.normal(size=(1, 1, 4)).astype(np.float32)] for _ in range(6)]
    reference = Reference(data)
    expected = [reference.run_outputs(sample)[0] for sample in samples]
    for interpreted, compiled, wanted in zip(
        run_sequence(module, samples), run_compiled(data, samples, REMEMBER), expected, strict=True
    ):
        for run_result in (interpreted, compiled):
            assert np.abs(run_result.outputs[0] - wanted).max() < 1e-5
    # The slice is written to the variable itself: it no longer needs what was there.
    assert copies(planned(data)) == 0


def test_variables_without_initial_values() -> None:
    with pytest.raises(FrontendError, match='"ring" is read before it has a value'):
        import_model(delay_line(initialised=False))


def test_what_nothing_reads_is_no_state() -> None:
    model = ModelBuilder()
    x = model.input("x", (1, 4), "f32")
    model.op("ASSIGN_VARIABLE", [handle(model, "written"), x], [])
    same = handle(model, "both")
    model.op("ASSIGN_VARIABLE", [same, x], [])
    again = model.output_of("READ_VARIABLE", [same], (1, 4), "f32")
    model.output(model.output_of("NEG", [again], (1, 4), "f32"))
    assert not states_of(main_function(import_model(model.build())))
