"""The table of cores and boards."""

import pytest

from nnc.boards import CORE_NAMES, CORES, UnknownCoreError, core


def test_there_are_six_cores() -> None:
    names = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55")
    assert names == CORE_NAMES
    assert [core(name).name for name in names] == list(names)


def test_features_are_those_of_the_cores() -> None:
    assert [it.name for it in CORES if it.has_mve] == ["cortex-m55"]
    assert [it.name for it in CORES if not it.has_dsp] == ["cortex-m0", "cortex-m3"]
    assert [it.name for it in CORES if not it.has_unaligned] == ["cortex-m0"]
    assert [it.fpu for it in CORES] == ["none", "none", "single", "double", "single", "double"]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("m4", "cortex-m4"),
        ("cortex_m33", "cortex-m33"),
        ("CortexM7", "cortex-m7"),
        ("cortex-m4f", "cortex-m4"),
    ],
)
def test_unknown_core_is_refused_with_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(UnknownCoreError, match=f"did you mean '{nearest}'"):
        core(name)


def test_unknown_core_lists_all() -> None:
    with pytest.raises(UnknownCoreError, match=r"^unknown core 'z80': known are cortex-m0, "):
        core("z80")


@pytest.mark.parametrize("board", [board for core in CORES for board in core.boards])
def test_a_tick_is_short_enough_to_count_instructions(board: object) -> None:
    from nnc.boards import ICOUNT_SHIFT, Board

    assert isinstance(board, Board)
    instruction_ps = (1 << ICOUNT_SHIFT) * 1000
    assert 2 * board.tick_ps < instruction_ps
    for count in (0, 1, 2, 1_000_003, 10**10):
        ticks = count * instruction_ps / board.tick_ps
        assert board.instructions(int(ticks)) == count
        assert board.instructions(int(ticks) + 1) == count
