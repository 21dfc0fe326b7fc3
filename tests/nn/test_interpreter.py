"""The reference semantics, run by our own loop and by xDSL's interpreter."""

from __future__ import annotations

import numpy as np
import pytest
from support.compiled import parse
from xdsl.interpreter import Interpreter
from xdsl.interpreters.func import FuncFunctions

from nnc.dialects.nn.interpreter import NnFunctions, run

MODULE = """
func.func @main(%x: tensor<2x3xf32>) -> (tensor<2x2xf32>, tensor<3x2xf32>) {
  %w = nn.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32> -> tensor<2x3xf32>
  %y = nn.dense %x, %w : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x2xf32> loc("dense")
  %t = nn.transpose %x {permutation = array<i64: 1, 0>}
    : (tensor<2x3xf32>) -> tensor<3x2xf32> loc("turned")
  func.return %y, %t : tensor<2x2xf32>, tensor<3x2xf32>
}
"""
X = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_results_and_layers_by_name() -> None:
    result = run(parse(MODULE), [X])
    assert result.outputs[0].tolist() == [[8, 17], [26, 62]]
    assert np.array_equal(result.outputs[1], X.T)
    assert result.layers.keys() == {"dense", "turned"}
    assert result.layers["dense"] is result.outputs[0]


def test_xdsl_gives_the_same() -> None:
    module = parse(MODULE)
    interpreter = Interpreter(module)
    interpreter.register_implementations(FuncFunctions())
    interpreter.register_implementations(NnFunctions())
    outputs = interpreter.call_op("main", (X,))
    for actual, expected in zip(outputs, run(module, [X]).outputs, strict=True):
        assert np.array_equal(actual, expected)


@pytest.mark.parametrize("wrong", [X.astype(np.float64), X[:1], X.reshape(3, 2)])
def test_inputs_must_fit(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected an input of float32 \(2, 3\), got"):
        run(parse(MODULE), [wrong])
    with pytest.raises(ValueError, match="expected 1 input"):
        run(parse(MODULE), [X, X])
