"""
The `onnx` dialect: an ONNX model as it lies in the file, one operation per node.

Operations are named after the operators (Conv is `onnx.Conv`), their attributes as in the
specification; nothing is interpreted. Tensors that a file names are locations.
"""

from __future__ import annotations

from xdsl.ir import Dialect

from nnc.dialects.onnx.base import StringType
from nnc.dialects.onnx.control import CONTROL_OPS, YieldOp
from nnc.dialects.onnx.elementwise import ELEMENTWISE_OPS
from nnc.dialects.onnx.layers import LAYERS_OPS
from nnc.dialects.onnx.ml import ML_OPS
from nnc.dialects.onnx.movement import MOVEMENT_OPS
from nnc.dialects.onnx.quantization import QUANTIZATION_OPS, RUNTIME_OPS
from nnc.dialects.onnx.recurrent import RECURRENT_OPS
from nnc.dialects.onnx.reduction import REDUCTION_OPS
from nnc.dialects.onnx.structure import STRUCTURE_OPS, ConstantOp, NoValueOp

OPERATORS = {
    (operation.SIGNATURE.domain, operation.SIGNATURE.operator): operation
    for operation in (
        *ELEMENTWISE_OPS,
        *LAYERS_OPS,
        *REDUCTION_OPS,
        *MOVEMENT_OPS,
        *STRUCTURE_OPS,
        *QUANTIZATION_OPS,
        *RUNTIME_OPS,
        *RECURRENT_OPS,
        *ML_OPS,
        *CONTROL_OPS,
    )
}
"""Every operator's operation, by the operator's domain and name."""

Onnx = Dialect("onnx", [ConstantOp, NoValueOp, YieldOp, *OPERATORS.values()], [StringType])
