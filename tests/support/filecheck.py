"""
Runs the RUN lines of `.mlir` tests in this process.

lit starts a Python for every command of every line, which takes about two seconds a test; calling
the commands' own entry points takes a few hundredths. The lines stay ordinary lit lines (see
`tests/filecheck/lit.cfg.py`), so both ways can be checked against each other.

Understood: several RUN lines, continued by a backslash; `%s`; `not` before a command that must
fail; `2>&1`; pipes between commands of `COMMANDS` that end, if wanted, in `filecheck`. Anything
else is refused rather than ignored, and so is a comment that only looks like a check.
"""

from __future__ import annotations

import io
import re
import shlex
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from filecheck.finput import FInput
from filecheck.matcher import Matcher
from filecheck.options import parse_argv_options
from filecheck.parser import Parser
from xdsl.ir import Attribute
from xdsl.utils.diagnostic import Diagnostic

from nnc.passes import nn_opt

COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {"nn-opt": nn_opt.main}
"""The commands that RUN lines may use; each takes its arguments and returns its exit code."""

_SUFFIXES = "NEXT|SAME|NOT|DAG|LABEL|EMPTY|COUNT-[0-9]+"


class FilecheckError(Exception):
    """A test that failed or makes no sense; the message is meant for whoever reads the report."""


@dataclass(frozen=True)
class Stage:
    """One command of a pipeline."""

    name: str
    arguments: tuple[str, ...]
    must_fail: bool
    merges_errors: bool

    def __str__(self) -> str:
        words = shlex.join((self.name, *self.arguments))
        return f"{'not ' * self.must_fail}{words}{' 2>&1' * self.merges_errors}"


@dataclass(frozen=True)
class RunLine:
    """One RUN line: where it stands in its file, and its commands in order."""

    path: Path
    number: int
    stages: tuple[Stage, ...]

    @property
    def prefixes(self) -> set[str]:
        """The prefixes of the checks that this line looks for, `CHECK` if it names none."""
        return {
            prefix
            for stage in self.stages
            if stage.name == "filecheck"
            for prefix in parse_argv_options([stage.name, *stage.arguments]).check_prefixes
        }


def run_lines(path: Path) -> list[RunLine]:
    """All RUN lines of a file; raises `FilecheckError` if it has none or one is not understood."""
    text = path.read_text(encoding="utf-8")
    lines: list[RunLine] = []
    continued = ""
    for number, line in enumerate(text.splitlines(), start=1):
        found = re.match(r"\s*//\s*RUN:(.*)", line)
        if not found:
            continue
        command = f"{continued} {found[1].strip()}"
        continued = command[:-1] if command.endswith("\\") else ""
        if not continued:
            lines.append(RunLine(path, number, _stages(command, path, number)))
    if not lines or continued:
        raise FilecheckError(f"{path}: expected a complete RUN line, got none")
    _refuse_near_checks(path, text, set[str]().union(*(line.prefixes for line in lines)))
    return lines


def _stages(command: str, path: Path, number: int) -> tuple[Stage, ...]:
    stages: list[Stage] = []
    words: list[str] = []
    for word in [*shlex.split(command.replace("%s", shlex.quote(str(path)))), "|"]:
        if word != "|":
            words.append(word)
            continue
        stages.append(_stage(words, f"{path}:{number}"))
        words = []
    if any(stage.name == "filecheck" for stage in stages[:-1]):
        raise FilecheckError(f"{path}:{number}: expected filecheck to come last")
    return tuple(stages)


def _stage(words: Sequence[str], where: str) -> Stage:
    must_fail = words[:1] == ["not"]
    merges_errors = words[-1:] == ["2>&1"]
    rest = words[must_fail : len(words) - merges_errors]
    if not rest or rest[0] not in (*COMMANDS, "filecheck"):
        known = ", ".join((*COMMANDS, "filecheck"))
        raise FilecheckError(f"{where}: expected one of the commands {known}, got {words}")
    odd = [word for word in rest if re.search(r"^[<>&;]|^2>|%[a-zA-Z{]", word)]
    if odd:
        raise FilecheckError(f"{where}: expected only %s, | and 2>&1, got {odd[0]}")
    return Stage(rest[0], tuple(rest[1:]), must_fail, merges_errors)


def _refuse_near_checks(path: Path, text: str, prefixes: set[str]) -> None:
    known = "|".join(re.escape(prefix) for prefix in prefixes)
    for number, line in enumerate(text.splitlines(), start=1):
        comment = re.match(r"\s*//\s*(.*)", line)
        if not comment or re.match(r"(RUN|COM):", comment[1]):
            continue
        is_check = known and re.match(rf"({known})(-({_SUFFIXES}))?(\{{LITERAL\}})?:", comment[1])
        looks_like_one = re.match(
            rf"[A-Z][A-Z0-9_]*-({_SUFFIXES})\b|\w*CHECK\b|({known or 'CHECK'})[-_: ]", comment[1]
        )
        if looks_like_one and not is_check:
            raise FilecheckError(f"{path}:{number}: no RUN line looks for '{comment[1]}'")


def run(line: RunLine) -> None:
    """Runs one RUN line; raises `FilecheckError`, which says what was wrong, if it fails."""
    text = ""
    for stage in line.stages:
        if stage.name == "filecheck":
            _check(line, stage, text)
        else:
            text = _run_command(line, stage, text)


def _run_command(line: RunLine, stage: Stage, text: str) -> str:
    code, output, errors = run_command(stage.name, stage.arguments, text, stage.merges_errors)
    if (code != 0) != stage.must_fail:
        expected = "a failure" if stage.must_fail else "exit code 0"
        raise FilecheckError(
            f"{line.path}:{line.number}: expected {expected}, got exit code {code}\n"
            f"$ {stage}\n{errors}{output}"
        )
    return output


def run_command(
    name: str, arguments: Sequence[str], text: str = "", merges_errors: bool = False
) -> tuple[int, str, str]:
    """
    Exit code, output and errors of one of `COMMANDS` that reads `text`.

    An exception that the command does not handle itself comes out of here: to the user it would
    be a traceback, which is never what a test expects.
    """
    output = io.StringIO()
    errors = output if merges_errors else io.StringIO()
    with _unchanged_globals(text), redirect_stdout(output), redirect_stderr(errors):
        try:
            code = COMMANDS[name](arguments)
        except SystemExit as request:
            code = request.code if isinstance(request.code, int) else int(request.code is not None)
    return code, output.getvalue(), "" if merges_errors else errors.getvalue()


@contextmanager
def _unchanged_globals(text: str) -> Generator[None]:
    """Gives `text` as standard input, and undoes what xDSL's options change for good."""
    standard_input, post_init, colored = sys.stdin, Attribute.__post_init__, Diagnostic.colored
    sys.stdin = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")
    try:
        yield
    finally:
        sys.stdin, Attribute.__post_init__ = standard_input, post_init
        Diagnostic.colored = colored


def _check(line: RunLine, stage: Stage, text: str) -> None:
    options = parse_argv_options([stage.name, *stage.arguments])
    matcher = Matcher(
        options, FInput("output", text.replace("\r\n", "\n")), Parser.from_opts(options)
    )
    matcher.stderr = complaint = io.StringIO()
    if (matcher.run() != 0) == stage.must_fail:
        return
    reached = text.count("\n", 0, matcher.file.range.start) + 1
    raise FilecheckError(
        f"{line.path}:{line.number}: the output is not what the checks expect\n"
        f"{complaint.getvalue()}\n"
        f"$ {' | '.join(str(stage) for stage in line.stages)}\n{_numbered(text, reached)}"
    )


def _numbered(text: str, reached: int) -> str:
    """The text with line numbers, and an arrow where matching stopped."""
    return "\n".join(
        f"{'->' if number == reached else '  '}{number:5} | {line}"
        for number, line in enumerate(text.splitlines(), start=1)
    )
