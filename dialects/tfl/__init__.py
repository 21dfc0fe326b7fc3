"""
The `tfl` dialect: a TFLite model as it lies in the file, one operation per operator.

Operations are named after the schema's builtin operators (CONV_2D is `tfl.conv_2d`), their options
after its option tables, with enumerations as strings; nothing is interpreted. A tensor's
quantisation is its type, its name the location of the operation that makes it.
"""

from __future__ import annotations

from xdsl.ir import Dialect

from nnc.dialects.tfl.binary import BINARY_OPS
from nnc.dialects.tfl.convolution import CONVOLUTION_OPS
from nnc.dialects.tfl.indexing import INDEXING_OPS
from nnc.dialects.tfl.movement import MOVEMENT_OPS
from nnc.dialects.tfl.recurrent import RECURRENT_OPS
from nnc.dialects.tfl.reduction import REDUCTION_OPS
from nnc.dialects.tfl.structure import STRUCTURE_OPS, ResourceType
from nnc.dialects.tfl.unary import UNARY_OPS

Tfl = Dialect(
    "tfl",
    [
        *STRUCTURE_OPS,
        *CONVOLUTION_OPS,
        *UNARY_OPS,
        *BINARY_OPS,
        *REDUCTION_OPS,
        *MOVEMENT_OPS,
        *INDEXING_OPS,
        *RECURRENT_OPS,
    ],
    [ResourceType],
)
