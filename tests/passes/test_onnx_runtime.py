"""
Quantised networks against what ONNX Runtime computed of them, layer by layer.

The numpy model of the operators is the authority (`test_onnx_qlinear.py`); here it is checked that
ONNX Runtime has the same arithmetic. What it computed, on which processor, is in the fixture.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from support.compiled import WHOLE, run_all
from support.onnx_agreement import (
    Difference,
    Quantized,
    differences,
    fixture_names,
    from_fixture,
    function_of,
    input_for,
    lowered,
)
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr

from nnc.dialects.nn.interpreter import run
from nnc.passes.qdq.contract import Numerics

NAMES = fixture_names()
SAMPLES = 2

FLOAT_POOLING = ("qdq-s8s8", "qdq-s8s8c")
"""
Where ONNX Runtime computes in floats, which it does between pairs of int8 on x86: half-way values
go up or down with the floats' own rounding.
"""


@cache
def network(name: str, numerics: Numerics) -> tuple[Quantized, ModuleOp]:
    """A network of the fixture and its layers, which are not to be changed."""
    quantized = from_fixture(name)
    return quantized, lowered(quantized.model, numerics)


def compared(name: str, numerics: Numerics) -> list[Difference]:
    quantized, module = network(name, numerics)
    found = [it for k in range(SAMPLES) for it in differences(module, quantized, k)]
    assert len({it.layer for it in found}) >= 13
    return found


@pytest.mark.parametrize("name", NAMES)
def test_each_layer_is_within_one_unit(name: str) -> None:
    found = compared(name, "onnx")
    assert {it.layer: it.largest for it in found if it.largest > 1} == {}
    elements = sum(it.elements for it in found)
    assert sum(it.different for it in found) < 0.015 * elements


@pytest.mark.parametrize("name", NAMES)
def test_each_layer_is_the_same_where_that_is_asked_for(name: str) -> None:
    wrong = {it.kind for it in compared(name, "onnx-exact") if it.different}
    assert wrong <= ({"depthwise_conv2d", "cast"} if name in FLOAT_POOLING else set[str]())


@pytest.mark.parametrize("name", [name for name in NAMES if name not in FLOAT_POOLING])
def test_whole_networks_are_the_same_where_that_is_asked_for(name: str) -> None:
    quantized, module = network(name, "onnx-exact")
    for k in range(SAMPLES):
        (found,) = run(module, [input_for(module, quantized.inputs[k])]).outputs
        np.testing.assert_array_equal(found, quantized.tensors["y"][k])


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_transposed_or_left_in_floats(name: str) -> None:
    _, module = network(name, "onnx")
    assert "nn.transpose" not in [op.name for op in module.walk()]
    remarks = function_of(module).attributes.get("nn.remarks")
    texts = (
        [it.data for it in remarks if isinstance(it, StringAttr)]
        if isinstance(remarks, ArrayAttr)
        else []
    )
    assert [text for text in texts if "float" in text] == []


@pytest.mark.parametrize("numerics", ["onnx", "onnx-exact", "tflm"])
def test_the_networks_are_the_same_as_c(numerics: Numerics) -> None:
    cases = [network(name, numerics) for name in NAMES[::4]]
    jobs = [(module, [[input_for(module, it.inputs[0])]]) for it, module in cases]
    for (module, (inputs,)), (found,) in zip(jobs, run_all(jobs, WHOLE), strict=True):
        np.testing.assert_array_equal(found.outputs[0], run(module, inputs).outputs[0])
