"""
Memory whose end is the end of the world: reading or writing one byte past an array kills the
process, so an out-of-bounds access of C code cannot go unseen.
"""

from __future__ import annotations

import ctypes
import mmap
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_libc = ctypes.CDLL(None, use_errno=True)
_NO_ACCESS = 0


class _Region:
    """Pages that end at an inaccessible one. Kept alive by the arrays in it."""

    def __init__(self, size: int) -> None:
        page = mmap.PAGESIZE
        usable = -(-size // page) * page
        self.memory = mmap.mmap(-1, usable + page)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        if _libc.mprotect(ctypes.c_void_p(start + usable), page, _NO_ACCESS) != 0:
            raise OSError(ctypes.get_errno(), "mprotect")
        self.end = usable


def guarded(values: Array) -> Array:
    """A copy of `values` that ends where accessible memory ends."""
    region = _Region(max(values.nbytes, 1))
    view = np.frombuffer(
        region.memory, values.dtype, values.size, region.end - values.nbytes
    ).reshape(values.shape)
    view[...] = values
    return view
