"""
The `kernel` dialect: a network as calls of kernels and loop nests over buffers.

Every op is destination-passing, and one C function. What `memref`, `scf`, `arith` and `math` have
is used as it is; this dialect adds what they lack.
"""

from xdsl.ir import Dialect

from nnc.dialects.kernel.call import CallOp
from nnc.dialects.kernel.memory import ConstantOp, ViewOp
from nnc.dialects.kernel.nest import NestOp
from nnc.dialects.kernel.scalar import (
    FmodOp,
    RdbpOp,
    RequantizeOp,
    RoundingAttr,
    RoundOp,
    ScaleF64Op,
    SrdhmOp,
    TiesAttr,
)

Kernel = Dialect(
    "kernel",
    [
        *(CallOp, ConstantOp, NestOp, ViewOp),
        *(FmodOp, RdbpOp, RequantizeOp, RoundOp, ScaleF64Op, SrdhmOp),
    ],
    [RoundingAttr, TiesAttr],
)
