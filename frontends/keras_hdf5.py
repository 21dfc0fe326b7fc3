"""
HDF5 files that may be hostile.

An HDF5 file can name other files (external links, external and virtual storage), and a few bytes of
it can stand for terabytes. Only what lies in the file itself is read, and its size is checked
first.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import numpy as np

from nnc.dialects.types import Array
from nnc.frontends.keras_python import started

LARGEST_WEIGHTS = 1 << 30
"""Bytes of all weights of a model that are read."""

_MOST_NAMES = 1 << 16
_LONGEST = 120.0


class Hdf5Error(ValueError):
    """What is wrong with a file."""


class Hdf5File:
    """
    The groups, attributes and arrays of an HDF5 file in memory, by path.

    Raises Hdf5Error for what is broken, and for what another file would have to give.
    """

    def __init__(self, data: bytes):
        import h5py

        if not _survives(data):
            raise Hdf5Error("this is not a valid HDF5 file: reading it ends the process")
        self._h5py = cast(Any, h5py)
        self._left = LARGEST_WEIGHTS
        try:
            self._root: Any = self._h5py.File(io.BytesIO(data), "r")
        except Exception as error:
            # The library raises whatever the broken place leads to.
            raise Hdf5Error(f"this is not a valid HDF5 file: {_said(error)}") from error

    def has(self, path: str) -> bool:
        """Whether there is a group or an array."""
        return self._find(path) is not None

    def children(self, path: str) -> list[str]:
        """The names in a group, none if there is no such group."""
        group = self._find(path)
        if group is None or not isinstance(group, self._h5py.Group):
            return []
        return sorted(self._read(lambda: list(group.keys()), path))

    def text(self, path: str, name: str) -> str | None:
        """An attribute that is a text, None if there is no such attribute."""
        value = self._attribute(path, name)
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        return value if isinstance(value, str) else None

    def texts(self, path: str, name: str) -> list[str]:
        """
        An attribute that is a list of texts, which Keras cuts into `name0`, `name1`, ... where it
        is long; an empty list if there is no such attribute.
        """
        found = list(self._texts(self._attribute(path, name)))
        for number in range(_MOST_NAMES):
            part = self._attribute(path, f"{name}{number}")
            if part is None:
                break
            found.extend(self._texts(part))
        return found

    def _texts(self, value: Any) -> Iterator[str]:
        if value is None:
            return
        for part in np.ravel(np.asarray(value, dtype=object)):
            yield part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part)

    def _attribute(self, path: str, name: str) -> Any:
        found = self._find(path)
        if found is None:
            return None
        return self._read(lambda: found.attrs.get(name), f"{path}@{name}")

    def array(self, path: str) -> Array:
        """The numbers at a path, as float32."""
        found = self._find(path)
        if found is None or not isinstance(found, self._h5py.Dataset):
            raise Hdf5Error(f"expected an array at '{path}', got none")
        elsewhere = self._read(lambda: bool(found.external or found.is_virtual), path)
        if elsewhere:
            raise Hdf5Error(f"'{path}' is kept in another file; save the model as one file")
        dtype, shape = self._read(lambda: (np.dtype(found.dtype), found.shape), path)
        if dtype.kind not in "fiu" or shape is None:
            raise Hdf5Error(f"expected numbers at '{path}', got {dtype}")
        count = int(np.prod(shape, dtype=object))
        self._left -= count * max(4, dtype.itemsize)
        if self._left < 0:
            limit = LARGEST_WEIGHTS >> 20
            raise Hdf5Error(f"expected weights of at most {limit} MiB, got more")
        values = self._read(lambda: found[()], path)
        return np.asarray(values, dtype=np.float32)

    def _find(self, path: str) -> Any:
        """The group or array at a path; None if there is none. Follows no links."""
        found = self._root
        for name in filter(None, path.split("/")):
            if not isinstance(found, self._h5py.Group):
                return None
            link = self._read(lambda at=found, key=name: at.get(key, getlink=True), path)
            if link is None:
                return None
            if not isinstance(link, self._h5py.HardLink):
                raise Hdf5Error(f"'{path}' is a link; save the model as one file")
            found = self._read(lambda at=found, key=name: at.get(key), path)
        return found

    def _read(self, action: Any, path: str) -> Any:
        try:
            return action()
        except Exception as error:
            raise Hdf5Error(f"'{path}' cannot be read: {_said(error)}") from error


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


_READ: set[bytes] = set()
"""The files, by their digests, that a child has read."""


def _survives(data: bytes) -> bool:
    """Whether a process that reads the file comes to its end."""
    digest = sha256(data).digest()
    if digest in _READ:
        return True
    probe = str(Path(__file__).with_name("keras_probe.py"))
    command = [sys.executable, *started(probe)]
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                command, input=data, capture_output=True, cwd=folder, timeout=_LONGEST, check=False
            )
        except subprocess.TimeoutExpired:
            return False
    if done.returncode == 0:
        _READ.add(digest)
    return done.returncode == 0
