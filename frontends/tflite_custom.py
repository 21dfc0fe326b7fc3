"""
Custom operators that have an operation of their own: those of the Larq compute engine.

Their options are a flexbuffer of integers, enumerations included, under the names that the
operations' properties have. Source: `mlir/ir/lce_ops.cc` of larq/compute-engine.
"""

from __future__ import annotations

from collections.abc import Mapping

from xdsl.dialects.builtin import IntegerAttr, StringAttr, i32
from xdsl.ir import Attribute

from nnc.dialects.larq.lce import LCE_ACTIVATION, LCE_OPS, LceOp
from nnc.dialects.tfl.base import PADDING
from nnc.frontends.flatbuffer import FlatbufferError
from nnc.frontends.flexbuffer import read_integers

CUSTOM_OPERATIONS: Mapping[str, type[LceOp]] = {op.CODE: op for op in LCE_OPS}
"""The operation for each custom code."""

_ENUMERATIONS = {"padding": PADDING, "fused_activation_function": LCE_ACTIVATION}


def custom_properties(operation: type[LceOp], options: bytes) -> dict[str, Attribute]:
    """
    The properties of a custom operator.

    Raises FlatbufferError where options are missing or not what the operation takes.
    """
    wanted = operation.get_irdl_definition().properties
    if not wanted:
        return {}
    given = read_integers(options)
    missing = [name for name in wanted if name not in given]
    if missing:
        raise FlatbufferError(f"expected options {', '.join(missing)}, got none")
    return {name: _attribute(name, given[name]) for name in wanted}


def _attribute(name: str, value: int) -> Attribute:
    if name in _ENUMERATIONS:
        names = _ENUMERATIONS[name].values
        if not 0 <= value < len(names):
            raise FlatbufferError(f"expected {name} to be one of {', '.join(names)}, got {value}")
        return StringAttr(names[value])
    if not -(1 << 31) <= value < 1 << 31:
        raise FlatbufferError(f"expected {name} of 32 bits, got {value}")
    return IntegerAttr(value, i32)
