"""TFLite models at the `nn` level, beside the reference interpreter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from support.oracle import Array, Reference
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

from nnc.dialects.nn.interpreter import Run, run
from nnc.frontends.tflite import import_tflite
from nnc.passes.tfl.lowering import Numerics
from nnc.passes.tfl_to_nn import TflToNnPass


def import_model(data: bytes, numerics: Numerics = "tflite") -> ModuleOp:
    """The module of `nn` ops of a `.tflite` file, verified."""
    module = import_tflite(data, shapes={})
    TflToNnPass(numerics).apply(Context(), module)
    module.verify()
    return module


def main_function(module: ModuleOp) -> FuncOp:
    """The function `main`."""
    return next(op for op in module.body.block.ops if isinstance(op, FuncOp))


def relative_error(actual: Array, expected: Array) -> float:
    """The largest difference of two float tensors, relative to the largest expected magnitude."""
    assert np.array_equal(np.isnan(actual), np.isnan(expected))
    infinite = np.isinf(expected)
    assert np.array_equal(actual[infinite], expected[infinite])
    finite = np.isfinite(expected)
    if not finite.any():
        return 0.0
    scale = max(float(np.abs(expected[finite]).max()), 1e-30)
    return float(np.abs(actual[finite] - expected[finite]).max()) / scale


def check_tensor(name: str, actual: Array, expected: Array, tolerance: float) -> None:
    """Equal integers, or floats within the tolerance; shape and type always."""
    assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype), name
    if actual.dtype.kind == "f":
        error = relative_error(actual, expected)
        assert error <= tolerance, f"{name}: {error}"
        return
    differing = int((actual != expected).sum())
    assert not differing, f"{name}: {differing} of {actual.size} elements differ"


def check_model(
    data: bytes,
    samples: Sequence[Sequence[Array]],
    *,
    optimised: bool = False,
    output_tolerance: float = 1e-5,
    layer_tolerance: float = 1e-5,
) -> ModuleOp:
    """
    Compares all tensors of a model, intermediate ones included, with the reference interpreter:
    integers must be equal, floats agree relative to the largest of their tensor.
    """
    module = import_model(data)
    reference = Reference(data, optimised=optimised)
    for sample in samples:
        tensors = reference.run(sample)
        result: Run = run(module, sample)
        names = {
            info.name: tensors[info.index] for info in reference.tensors if info.index in tensors
        }
        for name, array in result.layers.items():
            check_tensor(name, array, names[name], layer_tolerance)
        for info, array in zip(reference.outputs, result.outputs, strict=True):
            check_tensor(info.name, array, tensors[info.index], output_tolerance)
    return module
