"""What all rows of CMSIS-NN's functions share."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence

from nnc.boards import Core
from nnc.dialects.nn.base import NnOp
from nnc.runtime.registry import Kernel, Target


class CmsisKernel(Kernel, ABC):
    """
    A function of the library, or our portable implementation of it, which needs no scratch and
    works through its output in the order of memory.
    """

    library = True
    headers = ("nnc_cmsis_nn.h",)

    CONTEXTS = 0
    """How many scratch buffers the function has arguments for."""

    def __init__(self, name: str, source: str):
        self.name = name
        self.sources = (source,)

    def needs(self, op: NnOp, core: Core) -> Sequence[int]:
        """Bytes of each scratch buffer that the library wants for a layer on a core."""
        return (0,) * self.CONTEXTS

    def scratch(self, op: NnOp, target: Target) -> tuple[int, ...]:
        return tuple(self.needs(op, target.core)) if target.library else (0,) * self.CONTEXTS

    def in_order(self, target: Target) -> bool:
        return not target.library
