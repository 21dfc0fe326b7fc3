"""The helper that runs networks as C says what is wrong with them, and survives it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import compiled
from support.compiled import LOOPS, SANITIZED, CompiledError, How, parse, run_all, run_compiled
from xdsl.dialects.builtin import ModuleOp

TEXT = """
func.func @main(%x: tensor<4xi32>) -> tensor<4xi32> {
  %y = nn.add %x, %x : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32> loc("y")
  func.return %y : tensor<4xi32>
}
"""
SAMPLES = [[np.arange(4, dtype=np.int32)], [np.full(4, -7, np.int32)]]


def sabotage(monkeypatch: pytest.MonkeyPatch, old: str, new: str) -> None:
    """From now on, generated C has `new` instead of `old`."""
    original = compiled.generate

    def generate(module: ModuleOp, name: str) -> dict[str, str]:
        files = original(module, name)
        assert old in files[f"{name}.c"]
        return {file: text.replace(old, new) for file, text in files.items()}

    monkeypatch.setattr(compiled, "generate", generate)


@pytest.mark.parametrize(
    "how", [LOOPS, SANITIZED, How(compiler="clang"), How(io="outside"), How(flags=("-O3",))]
)
def test_networks_run(how: How) -> None:
    results = run_all([(TEXT, SAMPLES), (parse(TEXT), SAMPLES[:1])], how)
    assert [len(runs) for runs in results] == [2, 1]
    for runs in results:
        for run, sample in zip(runs, SAMPLES, strict=False):
            assert np.array_equal(run.outputs[0], 2 * sample[0])
            assert how.io == "outside" or np.array_equal(run.layers["y"], run.outputs[0])


@pytest.mark.parametrize(
    ("how", "old", "new", "message"),
    [
        (LOOPS, "for (int32_t i = 0", "for (int32_t i = zero", "does not compile"),
        (LOOPS, "for (int32_t i = 0", "int unused; for (int32_t i = 0", "unused"),
        (LOOPS, "for (int32_t i = 0", "*(volatile int *)0 = 0; for (int32_t i = 0", "SIGSEGV"),
        (LOOPS, "i < 4", "i < 12", "wrote past the end"),
        (SANITIZED, "i < 4", "i < 20", "AddressSanitizer"),
        (SANITIZED, "nnc_wrap_add32(", "nnc_wrap_add32(INT32_MAX + ", "runtime error"),
        (
            LOOPS,
            "    return NNC_OK;\n}\n\nstatic",
            "    return -8;\n}\n\nstatic",
            "run returned -8",
        ),
    ],
)
def test_mistakes_are_found(
    monkeypatch: pytest.MonkeyPatch, how: How, old: str, new: str, message: str
) -> None:
    sabotage(monkeypatch, old, new)
    with pytest.raises(CompiledError, match=message):
        run_compiled(TEXT, SAMPLES, how)


def test_a_network_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "TIMEOUT", 0.5)
    sabotage(monkeypatch, "i++", "i += 0")
    with pytest.raises(CompiledError, match="no result"):
        run_compiled(TEXT, SAMPLES)


def test_the_runner_needs_nothing_of_ours() -> None:
    text = Path(compiled.library_runner.__file__).read_text(encoding="utf-8")
    assert "import numpy" not in text and "import nnc" not in text and "from nnc" not in text
