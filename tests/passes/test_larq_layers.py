"""
Larq's layers and quantisers against what Larq gave, from files that Larq wrote.

`tests/data/larq/make.py` made the models and ran them. Where inputs and weights are whole numbers
or have few bits, sums of floats are exact, and so must the results be.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
from support.compiled import SANITIZED, WHOLE, How, parse, run_all
from support.project import ROOT
from support.tflite_nn import relative_error
from xdsl.dialects.builtin import ModuleOp

from nnc.dialects.keras.options import Json
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.interpreter import run
from nnc.dialects.types import BIN, element_of
from nnc.frontends.errors import FrontendError, Problem
from nnc.frontends.keras_graph import Layer
from nnc.frontends.keras_layers import prepare
from nnc.pipeline import SIMPLIFICATIONS, load, run_passes

DATA = ROOT / "tests/data/larq"
LAYERS = np.load(DATA / "layers.npz")
NAMES = [name.removeprefix("y_") for name in LAYERS.files if name.startswith("y_")]
INEXACT = {
    "magnitude": "a factor that is no power of two",
    "depthwise_magnitude": "a factor that is no power of two",
    "transposed_magnitude": "a factor that is no power of two",
    "dorefa": "thirds and sevenths",
    "dorefa_eight": "fractions of 255",
    "dorefa_ten": "fractions of 1023 and 31",
}
"""Layers whose sums of floats are rounded in Larq, and by what."""


@pytest.fixture(scope="module")
def module() -> ModuleOp:
    """All layers at the level of `nn`."""
    return run_passes(load(DATA / "layers.h5"), "larq-to-nn,keras-to-nn")


def check(name: str, actual: np.ndarray, expected: np.ndarray) -> None:
    """Equal, or in float agreement where Larq's own sums are rounded."""
    assert actual.shape == expected.shape
    if name in INEXACT:
        assert relative_error(actual, expected) < 1e-5, name
    else:
        np.testing.assert_array_equal(actual, expected, err_msg=name)


def test_layers(module: ModuleOp) -> None:
    outputs = run(module, [LAYERS["image"], LAYERS["series"]]).outputs
    assert len(outputs) == len(NAMES) > 35
    for name, output in zip(NAMES, outputs, strict=True):
        check(name, output, LAYERS[f"y_{name}"])


@pytest.mark.parametrize("how", [WHOLE, SANITIZED], ids=["whole", "sanitized"])
def test_layers_as_c(module: ModuleOp, how: How) -> None:
    ((result,),) = run_all([(module, [[LAYERS["image"], LAYERS["series"]]])], how)
    for name, output in zip(NAMES, result.outputs, strict=True):
        check(name, output, LAYERS[f"y_{name}"])


@pytest.mark.parametrize("extension", ["h5", "keras"])
def test_network(extension: str) -> None:
    """Its batch normalisations are rounded in another order than Keras', its signs are not."""
    samples = np.load(DATA / "network.npz")
    module = load(DATA / f"network.{extension}")
    module = run_passes(module, "larq-to-nn,keras-to-nn")
    simplified = run_passes(module.clone(), ",".join(SIMPLIFICATIONS))
    for x, expected in zip(samples["x"], samples["y"], strict=True):
        before, after = (run(it, [x[None]]).outputs[0] for it in (module, simplified))
        np.testing.assert_array_equal(before, after)
        assert relative_error(after[0], expected) < 1e-5


def test_the_network_stays_binary() -> None:
    """Between layers of signs there are signs, but for the sum of the shortcut."""
    module = load(DATA / "network.h5")
    module = run_passes(module, ",".join(["larq-to-nn", "keras-to-nn", *SIMPLIFICATIONS]))
    binary = [
        op.kind
        for op in module.walk()
        if isinstance(op, NnOp) and all(element_of(it) == BIN for it in op.results)
    ]
    assert binary.count("conv2d") == 2
    assert binary.count("dense") == 1
    assert {"max_pool2d", "concat", "reshape"} <= set(binary)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (
            "larq.quant_dense %x, %k {units = 2 : i64, use_bias = false, "
            'input_quantizer = "MagnitudeAwareSign"} : '
            "(tensor<1x3xf32>, tensor<3x2xf32>) -> tensor<1x2xf32>",
            "QuantDense: MagnitudeAwareSign of activations depends on all of them",
        ),
        (
            "larq.ste_tern %x {ternary_weight_networks = true} : "
            "(tensor<1x3xf32>) -> tensor<1x3xf32>",
            "SteTern: a threshold from the mean of all activations",
        ),
        (
            'larq.do_re_fa %x {mode = "weights"} : (tensor<1x3xf32>) -> tensor<1x3xf32>',
            r"DoReFa: DoReFa\(2, weights\) of activations depends on all of them",
        ),
    ],
)
def test_quantisers_of_what_is_not_known(layer: str, reason: str) -> None:
    text = f"""
      func.func @main(%x: tensor<1x3xf32>) {{
        %k = keras.constant dense<1.0> : tensor<3x2xf32> -> tensor<3x2xf32>
        %y = {layer}
        func.return
      }}"""
    with pytest.raises(FrontendError, match=reason):
        run_passes(parse(text), "larq-to-nn")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Larq>QuantLocallyConnected2D", "weights of their own at every position"),
        ("larq.layers>QuantConv3D", "volumes are not supported; QuantConv2D is"),
        ("Larq>QuantConv2D", "kernel_quantizer: expected a quantiser of Larq .*, got 'mine'"),
    ],
)
def test_layers_that_are_refused(name: str, reason: str) -> None:
    problems: list[Problem] = []
    config: dict[str, Json] = {"filters": 1, "kernel_size": [1, 1], "kernel_quantizer": "mine"}
    assert prepare(Layer(name, "layer", config), problems) is None
    assert len(problems) == 1
    assert re.search(reason, str(problems[0]))
