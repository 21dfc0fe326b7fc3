"""Why: every step that depends on the target core asks this one table.

A `Core` is what `--target` names: how to compile for it, what its instruction set has, and which
emulated machine runs its code. A `Board` is such a machine: where its memories lie and which timer
counts virtual time. Machines, memory maps and timers are those of QEMU 7.2 (`docs/system/arm` in
its sources); compiler flags are those of the GNU Arm toolchain.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from typing import Literal

ICOUNT_SHIFT = 8
"""With `-icount shift=8` QEMU advances virtual time by 2**8 ns for each instruction executed."""

KIB = 1024
MIB = 1024 * KIB


class UnknownCoreError(ValueError):
    """A core name that is not in the table; the message names the nearest one and all of them."""


class Timer(Enum):
    """A kind of timer; the value is the macro that selects its driver in runtime/boards."""

    NRF51 = "NNC_TIMER_NRF51"
    """Two nRF51 timers: one at full speed, the next one prescaled by 2**9."""
    CMSDK = "NNC_TIMER_CMSDK"
    """A CMSDK APB timer at full speed, and the APB dual timer prescaled by 2**8."""
    SSE300 = "NNC_TIMER_SSE300"
    """The 64-bit system counter of the SSE-300 subsystem."""


@dataclass(frozen=True)
class Memory:
    """A range of addresses, sizes in bytes."""

    origin: int
    size: int


@dataclass(frozen=True)
class Board:
    """An emulated machine.

    `vectors` is where the core reads its initial stack pointer; code follows it when it is the
    origin of `flash`. `timer_base` counts at `tick_ps` picoseconds; `slow_timer_base` is a second,
    slower counter that tells how often the first one wrapped (0 where it does not wrap).
    `run_stack` bytes are set aside for the measured call, `main_stack` for everything else.
    """

    machine: str
    vectors: int
    flash: Memory
    ram: Memory
    timer: Timer
    timer_base: int
    slow_timer_base: int
    tick_ps: int
    run_stack: int = 64 * KIB
    main_stack: int = 8 * KIB

    def instructions(self, ticks: int) -> int:
        """Instructions executed in `ticks` of the timer, exactly.

        A tick is less than half the virtual time of an instruction, and a count of ticks is off by
        less than one: rounding gives the number of instructions.
        """
        instruction_ps = (1 << ICOUNT_SHIFT) * 1000
        return (ticks * self.tick_ps + instruction_ps // 2) // instruction_ps


@dataclass(frozen=True)
class Core:
    """A Cortex-M core: compiler flags, instruction-set features and the machines that run its code.

    `boards` are in order of preference: a program that does not fit the first runs on the next.
    `has_dsp`: SMLAD and relatives. `has_mve`: Helium, integer and float. `fpu`: the precision that
    is computed in hardware. `has_unaligned`: word loads work at any address.
    """

    name: str
    boards: tuple[Board, ...]
    flags: tuple[str, ...]
    fpu: Literal["none", "single", "double"] = "none"
    has_dsp: bool = False
    has_mve: bool = False
    has_unaligned: bool = True

    @property
    def board(self) -> Board:
        """The machine tried first."""
        return self.boards[0]


def _mps2(machine: str) -> Board:
    return Board(
        machine=machine,
        vectors=0x0,
        flash=Memory(0x0, 4 * MIB),
        ram=Memory(0x2000_0000, 4 * MIB),
        timer=Timer.CMSDK,
        timer_base=0x4000_0000,
        slow_timer_base=0x4000_2000,
        tick_ps=40_000,
    )


_MICROBIT = Board(
    machine="microbit",
    vectors=0x0,
    flash=Memory(0x0, 256 * KIB),
    ram=Memory(0x2000_0000, 16 * KIB),
    timer=Timer.NRF51,
    timer_base=0x4000_8000,
    slow_timer_base=0x4000_9000,
    tick_ps=62_500,
    run_stack=2 * KIB,
    main_stack=1 * KIB,
)

_AN385 = _mps2("mps2-an385")

_AN505 = Board(
    machine="mps2-an505",
    vectors=0x1000_0000,
    flash=Memory(0x1000_0000, 4 * MIB),
    ram=Memory(0x3800_0000, 4 * MIB),
    timer=Timer.CMSDK,
    timer_base=0x5000_0000,
    slow_timer_base=0x5000_2000,
    tick_ps=50_000,
)

_AN547 = Board(
    machine="mps3-an547",
    vectors=0x0,
    flash=Memory(0x1100_0000, 2 * MIB),
    ram=Memory(0x3100_0000, 4 * MIB),
    timer=Timer.SSE300,
    timer_base=0x5810_0000,
    slow_timer_base=0,
    tick_ps=31_250,
)

CORES: tuple[Core, ...] = (
    Core(
        name="cortex-m0",
        # The microbit is small; the Cortex-M3 executes the same instructions, so their number is
        # the same there.
        boards=(_MICROBIT, _AN385),
        flags=("-mcpu=cortex-m0", "-mthumb", "-mfloat-abi=soft"),
        has_unaligned=False,
    ),
    Core(
        name="cortex-m3",
        boards=(_AN385,),
        flags=("-mcpu=cortex-m3", "-mthumb", "-mfloat-abi=soft"),
    ),
    Core(
        name="cortex-m4",
        boards=(_mps2("mps2-an386"),),
        flags=("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
        fpu="single",
        has_dsp=True,
    ),
    Core(
        name="cortex-m7",
        boards=(_mps2("mps2-an500"),),
        flags=("-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-d16", "-mfloat-abi=hard"),
        fpu="double",
        has_dsp=True,
    ),
    Core(
        name="cortex-m33",
        boards=(_AN505,),
        flags=("-mcpu=cortex-m33", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
        fpu="single",
        has_dsp=True,
    ),
    Core(
        name="cortex-m55",
        boards=(_AN547,),
        flags=("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
        fpu="double",
        has_dsp=True,
        has_mve=True,
    ),
)
"""Every core there is, smallest first."""

CORE_NAMES: tuple[str, ...] = tuple(core.name for core in CORES)


def core(name: str) -> Core:
    """The core called `name` ("cortex-m4"); raises UnknownCoreError with the nearest name."""
    for candidate in CORES:
        if candidate.name == name:
            return candidate
    near = get_close_matches(_spelled_out(name), CORE_NAMES, n=1, cutoff=0.4)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise UnknownCoreError(f"unknown core '{name}': {hint}known are {', '.join(CORE_NAMES)}")


def _spelled_out(name: str) -> str:
    """`M4F`, `m4`, `cortexm4` and `cortex_m4` all look most like `cortex-m4`."""
    lowered = name.lower().replace("_", "-").replace("cortexm", "cortex-m")
    return f"cortex-{lowered}" if lowered.startswith("m") else lowered
