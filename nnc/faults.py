"""Why: what a Cortex-M fault handler printed becomes one readable line.

Register bits: Arm, "Armv8-M Architecture Reference Manual", D1.2 (CFSR, HFSR); those of Armv7-M are
a subset. Armv6-M has no fault status registers.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from nnc.elf import function_at

_CFSR_BITS = (
    (0, "instruction fetch from memory that may not execute"),
    (1, "data access not permitted"),
    (3, "unstacking failed"),
    (4, "stack overflow"),
    (8, "instruction fetch from no memory"),
    (9, "access to no memory"),
    (10, "access to no memory"),
    (11, "unstacking failed"),
    (12, "stack overflow"),
    (16, "undefined instruction"),
    (17, "not Thumb code"),
    (18, "bad exception return"),
    (19, "coprocessor (FPU or Helium) not enabled"),
    (20, "stack overflow"),
    (24, "unaligned access"),
    (25, "division by zero"),
)


@dataclass(frozen=True)
class Fault:
    """The registers that the fault handler of runtime/boards reported; None: not readable."""

    exception: int
    sp: int
    pc: int | None
    lr: int | None
    cfsr: int | None
    hfsr: int | None
    bfar: int | None

    def explain(self, executable: Path) -> str:
        """One line: what happened, in which function, and the registers."""
        unknown = "hard fault" if self.exception == 3 else f"exception {self.exception}"
        reason = ", ".join(dict.fromkeys(self._reasons())) or unknown
        where = function_at(executable, self.pc) if self.pc is not None else None
        place = f" in {where}" if where else ""
        named = (("pc", self.pc), ("lr", self.lr), ("sp", self.sp))
        status = (("cfsr", self.cfsr), ("hfsr", self.hfsr), ("bfar", self.bfar))
        values = (f"{name}={value:#x}" for name, value in (*named, *status) if value is not None)
        return f"fault{place}: {reason} ({' '.join(values)})"

    def _reasons(self) -> list[str]:
        cfsr = self.cfsr or 0
        return [text for bit, text in _CFSR_BITS if cfsr >> bit & 1]


def find_fault(console: str) -> Fault | None:
    """The fault reported in what a program printed, if any."""
    line = re.search(r"nnc-fault: (.*)", console)
    if line is None:
        return None
    found: list[tuple[str, str]] = re.findall(r"(\w+)=0x([0-9a-f]{8})", line[1])
    values = {name: int(digits, 16) for name, digits in found}
    return Fault(
        exception=values.get("exception", 0),
        sp=values.get("sp", 0),
        pc=values.get("pc"),
        lr=values.get("lr"),
        cfsr=values.get("cfsr"),
        hfsr=values.get("hfsr"),
        bfar=values.get("bfar"),
    )
