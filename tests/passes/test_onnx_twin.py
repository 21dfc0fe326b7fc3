"""
A network of pairs beside its TFLite twin: under `tflm` both have the same layers.

`digits_qdq.onnx` has the scales and weights of `examples/digits/digits_int8.tflite`, as written by

    python -m tf2onnx.convert --tflite examples/digits/digits_int8.tflite --opset 13 \\
        --output tests/fixtures/onnx/digits_qdq.onnx
"""

from __future__ import annotations

import re
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from nnc.codegen.files import generate
from nnc.dialects.kernel.call import CallOp
from nnc.dialects.nn.base import NnOp
from nnc.options import Options
from nnc.pipeline import back_end_passes, import_passes, load, run_passes, source_dialects

ROOT = Path(__file__).parents[2]
TWINS = (
    ROOT / "examples" / "digits" / "digits_int8.tflite",
    ROOT / "tests" / "fixtures" / "onnx" / "digits_qdq.onnx",
)
NUMBERS = re.compile(r"[-0-9A-Zx, ]+")
"""A line of constants."""

OPTIONS = Options("cortex-m4", "tflm", "portable")


def imported(path: Path) -> ModuleOp:
    module = load(path)
    return run_passes(module, ",".join(import_passes(source_dialects(module), OPTIONS)))


def layers(module: ModuleOp) -> list[tuple[object, ...]]:
    return [
        (op.name, {**op.properties}, [it.type for it in (*op.operands, *op.results)])
        for op in module.walk()
        if isinstance(op, NnOp) and op.name != "nn.reshape"
    ]


def test_twins_have_the_same_layers() -> None:
    one, other = (layers(imported(path)) for path in TWINS)
    assert one == other


def test_twins_call_the_same_kernels_with_the_same_constants() -> None:
    modules = [run_passes(imported(path), ",".join(back_end_passes(OPTIONS))) for path in TWINS]
    one, other = (
        [(op.callee.data, op.parameters) for op in module.walk() if isinstance(op, CallOp)]
        for module in modules
    )
    assert one == other
    weights = [generate(module, "net")["net_weights.c"].splitlines() for module in modules]
    first, second = ([line for line in it if NUMBERS.fullmatch(line)] for it in weights)
    assert first == second
