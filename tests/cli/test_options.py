"""What the options of all verbs mean before anything is compiled."""

from __future__ import annotations

import pytest

from nnc.options import CMSIS_NN_ROOT, OptionError, Options


@pytest.mark.parametrize(
    ("core", "optimize", "kernels"),
    [
        ("cortex-m55", "time", "cmsis-nn"),
        ("cortex-m3", "balanced", "cmsis-nn"),
        ("cortex-m55", "ram", "portable"),
        ("cortex-m3", "flash", "portable"),
        ("cortex-m4", "time", "portable"),
        ("cortex-m33", "balanced", "portable"),
    ],
)
def test_auto_takes_the_library_where_it_is_faster_unless_memory_counts(
    core: str, optimize: str, kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CMSIS_NN_ROOT, "/nowhere")
    assert Options(core, optimize=optimize).chosen_kernels == kernels
    monkeypatch.delenv(CMSIS_NN_ROOT)
    assert Options(core, optimize=optimize).chosen_kernels == "portable"


def test_what_is_asked_for_is_not_overruled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CMSIS_NN_ROOT, "/nowhere")
    assert Options("cortex-m4", optimize="ram", kernels="cmsis-nn").chosen_kernels == "cmsis-nn"


def test_an_unknown_goal_is_refused_with_the_nearest() -> None:
    with pytest.raises(OptionError, match="did you mean 'time'"):
        Options("cortex-m4", optimize="tim")
