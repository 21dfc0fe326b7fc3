"""
CMSIS-NN's functions as kernel rows: one backend of those in `nnc.runtime.registry`.

Their numbers (multipliers, offsets, clamps) all come from the compiler; what the library decides by
itself is how it rounds. A layer is legal for a function when the contract asks for just that.
"""

from __future__ import annotations

from nnc.runtime import (
    cmsis_convolution,
    cmsis_dense,
    cmsis_elementwise,
    cmsis_movement,
    cmsis_pool,
    cmsis_softmax,
    cmsis_svdf,
)
from nnc.runtime.registry import Kernel

KERNELS: tuple[Kernel, ...] = (
    *cmsis_convolution.KERNELS,
    *cmsis_dense.KERNELS,
    *cmsis_pool.KERNELS,
    *cmsis_softmax.KERNELS,
    *cmsis_elementwise.KERNELS,
    *cmsis_movement.KERNELS,
    *cmsis_svdf.KERNELS,
)
