"""Executing a module between passes: silent about right ones, and it names a wrong one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from support.compiled import parse
from support.filecheck import run_command
from support.project import ROOT
from xdsl.context import Context
from xdsl.dialects import arith
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.passes import ModulePass, PassPipeline

from nnc.dialects.nn.conversion import ConstantOp
from nnc.dialects.nn.convolution import Conv2DOp
from nnc.dialects.nn.interpreter import Run
from nnc.dialects.types import dense_attribute, element_of
from nnc.frontends.tflite import import_tflite
from nnc.levels import LevelRunner
from nnc.passes import load_pass
from nnc.passes.check_each import ChangedResultError, CheckEach
from nnc.passes.nn_opt import NN_UNIVERSE
from nnc.pipeline import SIMPLIFICATIONS

DIGITS = ROOT / "examples/digits/digits_int8.tflite"
PIPELINE = ("tfl-to-nn", "nn-verify-contract", *SIMPLIFICATIONS, "nn-to-kernel", "plan-memory")


@dataclass(frozen=True)
class ChangeBoundPass(ModulePass):
    """Clamps the last convolution too early."""

    name = "change-bound"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        *_, last = (it for it in op.walk() if isinstance(it, Conv2DOp))
        last.max = IntegerAttr(-100, 64)


@dataclass(frozen=True)
class ChangeConstantPass(ModulePass):
    """Changes a bias of the last convolution."""

    name = "change-constant"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        *_, last = (it for it in op.walk() if isinstance(it, Conv2DOp))
        assert last.bias is not None
        constant = last.bias.owner
        assert isinstance(constant, ConstantOp)
        values = constant.values.copy()
        values[3] += 1000
        constant.value = dense_attribute(values, element_of(constant.output))


@dataclass(frozen=True)
class ChangeLoopPass(ModulePass):
    """Adds one to the largest constant of the last loop nest but one."""

    name = "change-loop"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        nests = [it for it in op.walk() if it.name == "kernel.nest"]
        found = [it for it in nests[-2].walk() if isinstance(it, arith.ConstantOp)]
        whole = [it for it in found if isinstance(it.value, IntegerAttr)]
        constant = max(whole, key=_value)
        kind = cast(Any, constant.value).type
        constant.properties["value"] = IntegerAttr(_value(constant) - 1, kind)


@dataclass(frozen=True)
class ReturnInputPass(ModulePass):
    """Returns the inputs instead of what is computed from them."""

    name = "return-input"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        terminator = next(it for it in op.walk() if it.name == "func.return")
        block = terminator.parent_block()
        assert block is not None
        terminator.operands = [block.args[0]]


def _value(constant: arith.ConstantOp) -> int:
    assert isinstance(constant.value, IntegerAttr)
    return constant.value.value.data


def check(passes: Sequence[str | ModulePass], model: bytes, inputs: str = "smooth:1:2") -> None:
    """Runs passes over a model and checks each."""
    loaded = tuple(cast(Any, load_pass(it))() if isinstance(it, str) else it for it in passes)
    module = import_tflite(model, shapes={})
    PassPipeline(loaded, CheckEach(LevelRunner(inputs, model))).apply(Context(), module)


def models() -> list[Any]:
    """Networks of the project, and two public ones where they are."""
    folder = os.environ.get("NNC_MODELS")
    skip = pytest.mark.skip(reason="set NNC_MODELS to the folder of the public reference models")
    public = [Path(folder or "") / f"mlperf_tiny/{name}_int8.tflite" for name in ("ad", "kws")]
    return [
        DIGITS,
        DIGITS.with_name("digits_float.tflite"),
        *(pytest.param(path, marks=[] if folder else skip) for path in public),
    ]


@pytest.mark.parametrize("path", models(), ids=lambda path: path.stem)
@pytest.mark.parametrize("kernels", ["none", "portable"])
def test_our_passes_change_nothing(path: Path, kernels: str) -> None:
    passes = ",".join(PIPELINE).replace("nn-to-kernel", f"nn-to-kernel{{kernels={kernels}}}")
    code, output, errors = run_command(
        "nn-opt", [str(path), "-p", passes, "--check-each", "--check-inputs", "random:3:2"]
    )
    assert (code, errors) == (0, "") and "kernel." in output


@pytest.mark.parametrize(
    ("sabotage", "behind", "message"),
    [
        (ChangeBoundPass(), "tfl-to-nn", r"layer \".*\" \(nn\.conv2d\): \d+ of \d+ elements"),
        (ChangeConstantPass(), "nn-fuse-pads", r"layer \".*\" \(nn\.conv2d\): \d+ of \d+ elements"),
        (
            ReturnInputPass(),
            "nn-tabulate",
            r"output 0 is int8 \[1, 10\] before, int8 \[1, 8, 8, 1\]",
        ),
        (ChangeLoopPass(), "nn-to-kernel", r"layer \".*\" \(kernel\.nest \w+\): \d+ of \d+"),
        (ChangeLoopPass(), "plan-memory", r"layer \".*\" \(kernel\.nest \w+\): \d+ of \d+"),
    ],
)
def test_a_wrong_pass_is_named(sabotage: ModulePass, behind: str, message: str) -> None:
    place = PIPELINE.index(behind) + 1
    passes = [*PIPELINE[:place], sabotage, *PIPELINE[place:]]
    with pytest.raises(ChangedResultError, match=message) as failure:
        check(passes, DIGITS.read_bytes())
    text = str(failure.value)
    assert text.startswith(f"pass '{sabotage.name}' changes results, in sample ")
    assert "\n" not in text


def test_passes_between_levels_are_checked_together() -> None:
    model = DIGITS.read_bytes()
    levels = LevelRunner("smooth:1:1", model)
    calls = iter(range(3))

    def execute(module: ModuleOp) -> Sequence[Run] | None:
        """As if the module right after its import were one between two levels."""
        return None if next(calls) == 1 else levels(module)

    passes = (cast(Any, load_pass("tfl-to-nn"))(), ChangeConstantPass())
    expected = "one of the passes 'tfl-to-nn', 'change-constant' changes results"
    with pytest.raises(ChangedResultError, match=expected):
        PassPipeline(passes, CheckEach(execute)).apply(Context(), import_tflite(model, shapes={}))


def test_the_driver_says_it_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NN_UNIVERSE.all_passes, "change-constant", lambda: ChangeConstantPass)
    code, output, errors = run_command(
        "nn-opt", [str(DIGITS), "-p", "tfl-to-nn,change-constant", "--check-each"]
    )
    assert (code, output, errors.count("\n")) == (1, "", 1)
    assert errors.startswith("pass 'change-constant' changes results, in sample 0: layer ")


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ("random:0", "expected random:SEED:N"),
        ("absent.npz", "No such file"),
    ],
)
def test_mistakes_are_one_line(inputs: str, message: str) -> None:
    code, output, errors = run_command(
        "nn-opt", [str(DIGITS), "-p", "tfl-to-nn", "--check-each", "--check-inputs", inputs]
    )
    assert (code, output, errors.count("\n")) == (1, "", 1)
    assert message in errors


TEXT = """
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = nn.clamp %x {min = 0.0 : f32} : (tensor<4xf32>) -> tensor<4xf32> loc("y")
  func.return %y : tensor<4xf32>
}
"""


def test_text_is_checked_from_its_own_level_on() -> None:
    runs: list[Sequence[Run] | None] = []
    levels = LevelRunner("random:0:2")

    def execute(module: ModuleOp) -> Sequence[Run] | None:
        runs.append(levels(module))
        return runs[-1]

    passes = [cast(Any, load_pass(name))() for name in ("nn-to-kernel", "plan-memory")]
    PassPipeline(tuple(passes), CheckEach(execute)).apply(Context(), parse(TEXT))
    assert len(runs) == 3
    results = [run for run in runs if run is not None]
    assert len(results) == 3
    for number in range(2):
        first, *others = (run[number].layers["y"] for run in results)
        assert all(np.array_equal(first, other) for other in others)


@pytest.mark.parametrize(
    "text",
    [
        "func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> { func.return %x : tensor<?xf32> }",
        "func.func @f(%a: i32) -> i32 { func.return %a : i32 }",
        "module {}",
    ],
)
def test_what_cannot_be_executed_is_said(text: str, tmp_path: Path) -> None:
    path = tmp_path / "module.mlir"
    path.write_text(text)
    code, _, errors = run_command("nn-opt", [str(path), "-p", "canonicalize,cse", "--check-each"])
    assert (code, errors) == (0, "note: no module to compare with for canonicalize, cse\n")


def test_an_import_without_its_file_is_not_checked(tmp_path: Path) -> None:
    code, text, _ = run_command("nn-opt", [str(DIGITS), "--print-weights"])
    path = tmp_path / "digits.mlir"
    path.write_text(text)
    arguments = [str(path), "-p", "tfl-to-nn,nn-tabulate", "--check-each"]
    code, _, errors = run_command("nn-opt", arguments)
    assert (code, errors) == (0, "note: no module to compare with for tfl-to-nn\n")
