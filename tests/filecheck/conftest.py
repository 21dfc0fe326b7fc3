"""Collects every RUN line of every `.mlir` file below this folder as a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.filecheck import FilecheckError, RunLine, run, run_lines


class RunLineItem(pytest.Item):
    """One RUN line."""

    run_line: RunLine

    def runtest(self) -> None:
        run(self.run_line)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None):
        if isinstance(excinfo.value, FilecheckError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.run_line.number - 1, self.name


class MlirFile(pytest.File):
    """A file of RUN and CHECK lines."""

    def collect(self) -> Iterator[RunLineItem]:
        try:
            lines = run_lines(self.path)
        except FilecheckError as error:
            raise self.CollectError(str(error)) from error
        for line in lines:
            item = RunLineItem.from_parent(self, name=f"line{line.number}")
            item.run_line = line
            yield item


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> MlirFile | None:
    if file_path.suffix != ".mlir":
        return None
    return MlirFile.from_parent(parent, path=file_path)
