"""Why: a painted stack shows what a run used, not what the next one may use.

The bound follows from the program's machine code: a function's frame is at most the sum of
everything it pushes or subtracts from the stack pointer, and a call needs the frames on the deepest
path below it. Machine code includes what the compiler's own figures leave out: library functions
and inline assembly. One thing it cannot see is assembly that pushes in a loop.
"""

import bisect
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from nnc.elf import symbols
from nnc.toolchain import INSTALL_ARM, ToolMissingError

_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(\S+)(?:\t(.*))?$")
_COMMENT = re.compile(r"\s*(?:@|;).*$")
_TARGET = re.compile(r"\b([0-9a-f]+) <")
_PUSHES = re.compile(r"^(?:v?push|v?stmdb)")
_BRANCH = re.compile(r"^(?:b|bl|b[a-z]{2}|cbn?z)(?:\.[nw])?$")
_ENDS = re.compile(r"^(?:b|b\.n|b\.w|bx|udf)$")


@dataclass(frozen=True)
class StackBound:
    """Bytes that a call of a function can use, or None and the `reason` why there is no bound."""

    size: int | None
    reason: str = ""


@dataclass
class _Function:
    name: str
    frame: int = 0
    calls: set[int] = field(default_factory=set[int])
    problem: str = ""


class _UnboundedError(Exception):
    """Carries the reason."""


def stack_bound(elf: Path, root: str) -> StackBound:
    """The most stack that a call of function `root` in the program `elf` can use.

    Raises ToolMissingError without the cross compiler's objdump.
    """
    objdump = shutil.which("arm-none-eabi-objdump")
    if objdump is None:
        raise ToolMissingError(f"arm-none-eabi-objdump not found: install it ({INSTALL_ARM})")
    command = [objdump, "-d", "--no-show-raw-insn", str(elf)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    entries = {it.address & ~1: it.name for it in symbols(elf) if it.kind == "STT_FUNC"}
    functions = _functions(run.stdout, entries)
    start = next((address for address, it in functions.items() if it.name == root), None)
    if start is None:
        return StackBound(None, f"{root} is not in the program")
    try:
        return StackBound(_depth(functions, start, ()))
    except _UnboundedError as problem:
        return StackBound(None, str(problem))


def _depth(functions: dict[int, _Function], start: int, path: tuple[int, ...]) -> int:
    function = functions[start]
    if start in path:
        raise _UnboundedError(f"{function.name} is recursive")
    if function.problem:
        raise _UnboundedError(f"{function.name} {function.problem}")
    below = (_depth(functions, callee, (*path, start)) for callee in sorted(function.calls))
    return function.frame + max(below, default=0)


def _functions(listing: str, entries: dict[int, str]) -> dict[int, _Function]:
    """Functions by their addresses; code that runs into the next function calls it."""
    starts = sorted(entries)
    functions = {start: _Function(entries[start]) for start in starts}
    previous = -1
    falls_through = False
    for line in listing.splitlines():
        found = _INSTRUCTION.match(line)
        # Padding between a function's end and its constants is no instruction of it.
        if found is None or found[2].startswith((".", "nop")):
            continue
        start = _start_of(int(found[1], 16), starts)
        if start is None:
            continue
        if falls_through and start != previous:
            functions[previous].calls.add(start)
        operands = _COMMENT.sub("", found[3] or "")
        target = _TARGET.search(operands) if _BRANCH.match(found[2]) else None
        if target:
            functions[start].calls |= _callees(int(target[1], 16), start, starts, found[2])
        _account(functions[start], found[2], operands)
        falls_through = not _is_end(found[2], operands)
        previous = start
    return functions


def _callees(target: int, start: int, starts: list[int], mnemonic: str) -> set[int]:
    """The function that a branch from the function at `start` calls, if it calls any.

    Within a function a branch is a loop, and on Armv6-M a linking branch is a long jump, unless it
    goes to the function's entry.
    """
    callee = _start_of(target, starts)
    is_call = callee != start or (mnemonic == "bl" and target == start)
    return {callee} if callee is not None and is_call else set()


def _start_of(address: int, starts: list[int]) -> int | None:
    position = bisect.bisect_right(starts, address)
    return starts[position - 1] if position else None


def _is_end(mnemonic: str, operands: str) -> bool:
    loads_pc = re.search(r"\bpc\b", operands) is not None
    returns = mnemonic.startswith(("pop", "ldm")) and loads_pc
    jumps = mnemonic.startswith(("ldr", "mov", "add")) and operands.startswith("pc")
    return bool(_ENDS.match(mnemonic)) or returns or jumps


def _account(function: _Function, mnemonic: str, operands: str) -> None:
    """Adds what one instruction does to the stack pointer."""
    if _PUSHES.match(mnemonic) and ("push" in mnemonic or operands.startswith("sp!")):
        function.frame += _register_bytes(operands)
    decrement = re.search(r"\[sp, #-(\d+)\]!", operands)
    if decrement:
        function.frame += int(decrement[1])
    if re.match(r"^(?:sub|add)", mnemonic) and re.match(r"^sp\b", operands):
        _adjust(function, mnemonic, operands)
    if mnemonic in ("blx", "bx") and re.match(r"^(?!lr)[a-z]\w*$", operands):
        function.problem = function.problem or "calls through a pointer"


def _adjust(function: _Function, mnemonic: str, operands: str) -> None:
    immediate = re.search(r"#(-?)(\d+)$", operands)
    if immediate is None:
        function.problem = function.problem or "moves the stack pointer by a computed amount"
        return
    grows = mnemonic.startswith("sub") != bool(immediate[1])
    function.frame += int(immediate[2]) if grows else 0


def _register_bytes(operands: str) -> int:
    listed = operands[operands.find("{") + 1 : operands.find("}")]
    return sum(_range_bytes(part.strip()) for part in listed.split(","))


def _range_bytes(part: str) -> int:
    first, _, last = part.partition("-")
    width = 8 if first.startswith("d") else 4
    if not last:
        return width
    numbers = [int(re.sub(r"\D", "", it)) for it in (first, last)]
    return width * (numbers[1] - numbers[0] + 1)
