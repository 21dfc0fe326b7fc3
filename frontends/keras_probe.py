"""
The child process that reads an HDF5 file before anybody else does.

The HDF5 library crashes, hangs or asks for all memory on some broken files. Here that ends a child.
It comes to its end for a file that can be read, or is refused by an exception.
"""

from __future__ import annotations

import contextlib
import io
import sys
from typing import Any

MEMORY = 6 << 30
"""Bytes of address space that reading a file may take."""

_LARGEST = 1 << 30


def main() -> int:
    """Reads the file on the standard input as a whole."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    import h5py

    library: Any = h5py
    with contextlib.suppress(Exception):
        _walk(library, library.File(io.BytesIO(sys.stdin.buffer.read()), "r"), set(), [_LARGEST])
    return 0


def _walk(library: Any, found: Any, seen: set[object], left: list[int]) -> None:
    """Reads attributes and arrays; what other files would give, and links, it leaves out."""
    key = library.h5o.get_info(found.id).addr
    if key in seen:
        return
    seen.add(key)
    with contextlib.suppress(Exception):
        for name in found.attrs:
            with contextlib.suppress(Exception):
                found.attrs.get(name)
    if isinstance(found, library.Group):
        for name in list(found.keys()):
            with contextlib.suppress(Exception):
                if isinstance(found.get(name, getlink=True), library.HardLink):
                    _walk(library, found.get(name), seen, left)
    elif not found.external and not found.is_virtual:
        left[0] -= found.size * max(4, found.dtype.itemsize)
        if left[0] >= 0:
            found[()]


if __name__ == "__main__":
    sys.exit(main())
