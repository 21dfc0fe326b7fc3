"""
Folders of test data as ONNX's tests and its model zoo have them.

A folder has `input_0.pb`, `input_1.pb`, ... and perhaps `output_0.pb`, ..., each a `TensorProto`:
one sample. A folder of folders `test_data_set_0`, ... has as many.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError

from nnc.passes.diagnostics import UsageError
from nnc.tensors import Array

LARGEST_FILE = 1 << 28
"""Bytes of a file; a larger one is refused before it is read."""

_FILE = re.compile(r"(input|output)_(\d{1,6})\.pb")
_SET = re.compile(r"test_data_set_(\d{1,6})")


@dataclass(frozen=True)
class TestData:
    """One sample: arrays in the order of the model's inputs and outputs, as the model has them."""

    inputs: list[Array]
    outputs: list[Array]


def read_test_data(folder: Path) -> list[TestData]:
    """The samples of a folder. Raises UsageError, OSError."""
    sets = [(int(found[1]), path) for path in folder.iterdir() if (found := _match(_SET, path))]
    folders = [path for _, path in sorted(sets)] or [folder]
    return [TestData(_arrays(it, "input"), _arrays(it, "output")) for it in folders]


def _match(pattern: re.Pattern[str], path: Path) -> re.Match[str] | None:
    return pattern.fullmatch(path.name)


def _arrays(folder: Path, kind: str) -> list[Array]:
    """The tensors `KIND_0.pb`, `KIND_1.pb`, ... of a folder."""
    found = [
        (int(m[2]), it) for it in folder.iterdir() if (m := _match(_FILE, it)) and m[1] == kind
    ]
    if kind == "input" and not found:
        raise UsageError(
            f"{folder}: expected input_0.pb, ... or folders test_data_set_0, ..., got none"
        )
    numbers = sorted(number for number, _ in found)
    if numbers != list(range(len(numbers))):
        raise UsageError(f"{folder}: expected {kind}_0.pb and the following numbers, got {numbers}")
    return [_array(path) for _, path in sorted(found)]


def _array(path: Path) -> Array:
    import onnx

    from nnc.frontends.onnx_types import UnsupportedValueError, array_of

    if path.stat().st_size > LARGEST_FILE:
        raise UsageError(f"{path}: expected a file of at most {LARGEST_FILE >> 20} MiB")
    tensor = onnx.TensorProto()
    try:
        tensor.ParseFromString(path.read_bytes())
        return array_of(tensor)
    except (DecodeError, UnsupportedValueError) as error:
        raise UsageError(f"{path}: expected a tensor, got something else: {error}") from error
