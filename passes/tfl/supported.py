"""
Which types each operator is supported in, as a table for people: `nnc ops` prints it.

What an operator takes is decided by its rewrite, which knows more than a type (scales, ranks,
constants). This table says in which types it works at all, and tests hold it against the rewrites,
in both directions: for every generated model of one operator, that it is converted if and only if
its type is listed.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnc.passes.tfl.lowering import REWRITES

_SMALL = "f32 i8 u8 i16"
_NUMBERS = f"{_SMALL} i32 i64"
_ALL = f"{_NUMBERS} i1"

_OPERATORS = {
    _ALL: (
        "ASSIGN_VARIABLE BROADCAST_TO CALL_ONCE CAST CONCATENATION DYNAMIC_UPDATE_SLICE "
        "EMBEDDING_LOOKUP EQUAL EXPAND_DIMS GATHER GATHER_ND NOT_EQUAL ONE_HOT RANK READ_VARIABLE "
        "RESHAPE REVERSE_SEQUENCE REVERSE_V2 SELECT SELECT_V2 SHAPE SLICE SQUEEZE STRIDED_SLICE "
        "TILE TRANSPOSE VARIABLE"
    ),
    _NUMBERS: (
        "BATCH_TO_SPACE_ND GREATER GREATER_EQUAL LESS LESS_EQUAL MAXIMUM MINIMUM MIRROR_PAD PACK "
        "PAD PADV2 REDUCE_MAX REDUCE_MIN SPACE_TO_BATCH_ND TOPK_V2"
    ),
    f"{_SMALL} i32": "ADD DIV MUL SPLIT SPLIT_V SUB SUM",
    f"{_SMALL} i32 i1": "UNPACK",
    f"{_SMALL} i4 hybrid hybrid_asymmetric": "CONV_2D FULLY_CONNECTED",
    f"{_SMALL} i4 hybrid_asymmetric": "DEPTHWISE_CONV_2D",
    _SMALL: (
        "AVERAGE_POOL_2D GELU LEAKY_RELU LOGISTIC MAX_POOL_2D MEAN PRELU QUANTIZE RELU RELU6 "
        "RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR SOFTMAX TANH"
    ),
    "f32 i8 u8 i32 i64": "DEPTH_TO_SPACE SPACE_TO_DEPTH",
    "f32 i8 u8 i32": "ARG_MAX ARG_MIN",
    "f32 i8 u8": "HARD_SWISH L2_NORMALIZATION RELU_0_TO_1 RELU_N1_TO_1",
    "f32 i8 i16 i32 i64 i1": "FILL",
    "f32 i8 i16 i32 i64": "FLOOR_DIV FLOOR_MOD NEG",
    "f32 i8 i16 i32": "ABS REDUCE_PROD",
    "f32 i8 i16 hybrid hybrid_asymmetric": "BATCH_MATMUL",
    "f32 i8 i16": "EXP LOG RSQRT SQRT TRANSPOSE_CONV",
    "f32 i8 i32": "SQUARED_DIFFERENCE",
    "f32 i8 hybrid hybrid_asymmetric": "LSTM SVDF UNIDIRECTIONAL_SEQUENCE_LSTM",
    "f32 hybrid hybrid_asymmetric": "RNN UNIDIRECTIONAL_SEQUENCE_RNN",
    "f32 i8": "ELU LOG_SOFTMAX",
    "f32 i32 i64": "CUMSUM RANGE SCATTER_ND SPARSE_TO_DENSE ZEROS_LIKE",
    "f32 i32": "ADD_N POW SIGN",
    "f32": (
        "ATAN2 BASIC_LSTM CEIL COS FLOOR L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION ROUND SIN SQUARE"
    ),
    "i8 u8 i16": "DEQUANTIZE",
    "i8 u8 i16 i32": "RIGHT_SHIFT",
    "i8 u8 i16 i32 i1": "BITWISE_XOR",
    "i32 i64": "BROADCAST_ARGS",
    "i1": "LOGICAL_AND LOGICAL_NOT LOGICAL_OR REDUCE_ALL REDUCE_ANY",
}

TYPES: dict[str, tuple[str, ...]] = {
    operator: tuple(types.split())
    for types, operators in _OPERATORS.items()
    for operator in operators.split()
}
"""
The types of each operator's activations, by the name that the format has for it.

`hybrid` is float activations with int8 weights, `hybrid_asymmetric` the same with a zero point that
is found at run time, `i4` int8 activations with int4 weights, and `i16`, in layers with weights,
int16 activations with int8 weights.
"""


@dataclass(frozen=True)
class Supported:
    """An operator and the types that it is supported in."""

    operator: str
    types: tuple[str, ...]


def supported() -> list[Supported]:
    """Every operator that has a rewrite, by name."""
    names = sorted(kind.name.removeprefix("tfl.").upper() for kind in REWRITES)
    return [Supported(name, TYPES[name]) for name in names]
