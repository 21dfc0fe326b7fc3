"""
The TFLite schema as far as the importer needs it: operators by number, and their option tables.

Facts of `schema.fbs` (LiteRT, schema version 3). Fields stand in slot order, under the names of the
`tfl` dialect's properties, which are the schema's own except that a reference to a subgraph loses
its `_index`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from xdsl.dialects.builtin import (
    BoolAttr,
    BytesAttr,
    DenseArrayBase,
    FloatAttr,
    IntAttr,
    IntegerAttr,
    StringAttr,
    f32,
    i32,
    i64,
)
from xdsl.ir import Attribute

from nnc.dialects.tfl import base
from nnc.frontends.flatbuffer import F32, I8, I32, I64, U32, FlatbufferError, Table

_BUILTIN_OPERATORS = """
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE
EMBEDDING_LOOKUP FLOOR FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D
LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6
RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM
EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND
TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN
EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX
MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV
SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT
REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV
REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU
SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU
REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE
NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL
PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS
HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE
READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM
MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX
UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT
STABLEHLO_LOGISTIC STABLEHLO_ADD STABLEHLO_DIVIDE STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM
STABLEHLO_RESHAPE STABLEHLO_CLAMP STABLEHLO_CONCATENATE STABLEHLO_BROADCAST_IN_DIM
STABLEHLO_CONVOLUTION STABLEHLO_SLICE STABLEHLO_CUSTOM_CALL STABLEHLO_REDUCE STABLEHLO_ABS
STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL STABLEHLO_FLOOR STABLEHLO_LOG STABLEHLO_MINIMUM
STABLEHLO_NEGATE STABLEHLO_OR STABLEHLO_POWER STABLEHLO_REMAINDER STABLEHLO_RSQRT STABLEHLO_SELECT
STABLEHLO_SUBTRACT STABLEHLO_TANH STABLEHLO_SCATTER STABLEHLO_COMPARE STABLEHLO_CONVERT
STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE STABLEHLO_PAD STABLEHLO_IOTA
STABLEHLO_DOT_GENERAL STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT STABLEHLO_WHILE STABLEHLO_GATHER
STABLEHLO_TRANSPOSE DILATE STABLEHLO_RNG_BIT_GENERATOR REDUCE_WINDOW STABLEHLO_COMPOSITE
STABLEHLO_SHIFT_LEFT STABLEHLO_CBRT STABLEHLO_CASE
"""

BUILTIN_OPERATORS = tuple(_BUILTIN_OPERATORS.split())
"""The names of the builtin operators by number."""

CUSTOM = BUILTIN_OPERATORS.index("CUSTOM")

_Reader = Callable[[Table, int, str], Attribute]


def _enumeration(values: base.OneOf) -> _Reader:
    def read(table: Table, slot: int, default: str) -> Attribute:
        number = table.integer(slot, I8, values.values.index(default) if default else 0)
        if not 0 <= number < len(values.values):
            raise FlatbufferError(f"expected one of {', '.join(values.values)}, got {number}")
        return StringAttr(values.values[number])

    return read


def _read_window_function(table: Table, slot: int, default: str) -> Attribute:
    values = base.REDUCE_WINDOW_FUNCTION.values
    number = table.integer(slot, I32)
    if not 0 <= number < len(values):
        raise FlatbufferError(f"expected one of {', '.join(values)}, got {number}")
    return StringAttr(values[number])


def _read_int(table: Table, slot: int, default: str) -> Attribute:
    return IntegerAttr(table.integer(slot, I32, int(default or 0)), i32)


def _read_long(table: Table, slot: int, default: str) -> Attribute:
    return IntegerAttr(table.integer(slot, I64), i64)


def _read_float(table: Table, slot: int, default: str) -> Attribute:
    return FloatAttr(table.scalar(slot, F32, 0.0), f32)


def _read_bool(table: Table, slot: int, default: str) -> Attribute:
    return BoolAttr.from_bool(table.flag(slot, default == "true"))


def _read_ints(table: Table, slot: int, default: str) -> Attribute:
    return DenseArrayBase(i32, BytesAttr(table.array(slot, "<i4").tobytes()))


def _read_floats(table: Table, slot: int, default: str) -> Attribute:
    return DenseArrayBase(f32, BytesAttr(table.array(slot, "<f4").tobytes()))


def _read_string(table: Table, slot: int, default: str) -> Attribute:
    return StringAttr(table.string(slot))


def _read_subgraph(table: Table, slot: int, default: str) -> Attribute:
    return IntAttr(table.integer(slot, I32))


def _read_unsigned_subgraph(table: Table, slot: int, default: str) -> Attribute:
    return IntAttr(table.integer(slot, U32))


_READERS: dict[str, _Reader] = {
    "activation": _enumeration(base.ACTIVATION),
    "bool": _read_bool,
    "float": _read_float,
    "floats": _read_floats,
    "int": _read_int,
    "ints": _read_ints,
    "long": _read_long,
    "lstm_kernel": _enumeration(base.LSTM_KERNEL),
    "mirror_pad_mode": _enumeration(base.MIRROR_PAD_MODE),
    "padding": _enumeration(base.PADDING),
    "reduce_window_function": _read_window_function,
    "string": _read_string,
    "subgraph": _read_subgraph,
    "tensor_type": _enumeration(base.TENSOR_TYPE),
    "unsigned_subgraph": _read_unsigned_subgraph,
    "weights_format": _enumeration(base.WEIGHTS_FORMAT),
}


@dataclass(frozen=True)
class OptionField:
    """A field of an option table: the property it becomes, how it is stored, its default."""

    name: str
    kind: str
    default: str

    @staticmethod
    def parse(text: str) -> OptionField:
        """From `name:kind` or `name:kind=default`."""
        name, _, rest = text.partition(":")
        kind, _, default = rest.partition("=")
        assert kind in _READERS, text
        return OptionField(name, kind, default)

    def read(self, table: Table, slot: int) -> Attribute:
        """
        The property's value; a subgraph as an IntAttr, to be replaced by a symbol.

        Raises FlatbufferError for numbers that the enumeration lacks.
        """
        return _READERS[self.kind](table, slot, self.default)


@dataclass(frozen=True)
class OptionTable:
    """
    A table of options: its number in the union, the operators that use it, and its fields in slot
    order, `_` for one that the schema has given up.

    `second` is set for those in the schema's second union, `builtin_options_2`. Tables without
    fields are not listed.
    """

    name: str
    number: int
    operators: str
    text: str
    second: bool = False

    @property
    def fields(self) -> dict[int, OptionField]:
        """The fields by slot."""
        return {
            slot: OptionField.parse(field)
            for slot, field in enumerate(self.text.split())
            if field != "_"
        }


OPTION_TABLES = (
    OptionTable(
        "Conv2DOptions",
        1,
        "CONV_2D",
        "padding:padding stride_w:int stride_h:int fused_activation_function:activation "
        "dilation_w_factor:int=1 dilation_h_factor:int=1 quantized_bias_type:tensor_type",
    ),
    OptionTable(
        "DepthwiseConv2DOptions",
        2,
        "DEPTHWISE_CONV_2D",
        "padding:padding stride_w:int stride_h:int depth_multiplier:int "
        "fused_activation_function:activation dilation_w_factor:int=1 dilation_h_factor:int=1",
    ),
    OptionTable(
        "Pool2DOptions",
        5,
        "AVERAGE_POOL_2D MAX_POOL_2D L2_POOL_2D",
        "padding:padding stride_w:int stride_h:int filter_width:int filter_height:int "
        "fused_activation_function:activation",
    ),
    OptionTable(
        "SVDFOptions",
        6,
        "SVDF",
        "rank:int fused_activation_function:activation asymmetric_quantize_inputs:bool",
    ),
    OptionTable(
        "RNNOptions",
        7,
        "RNN",
        "fused_activation_function:activation asymmetric_quantize_inputs:bool",
    ),
    OptionTable(
        "FullyConnectedOptions",
        8,
        "FULLY_CONNECTED",
        "fused_activation_function:activation weights_format:weights_format keep_num_dims:bool "
        "asymmetric_quantize_inputs:bool quantized_bias_type:tensor_type quant_spec:string",
    ),
    OptionTable("SoftmaxOptions", 9, "SOFTMAX", "beta:float"),
    OptionTable(
        "ConcatenationOptions",
        10,
        "CONCATENATION",
        "axis:int fused_activation_function:activation",
    ),
    OptionTable(
        "AddOptions",
        11,
        "ADD",
        "fused_activation_function:activation pot_scale_int16:bool=true",
    ),
    OptionTable("L2NormOptions", 12, "L2_NORMALIZATION", "fused_activation_function:activation"),
    OptionTable(
        "LocalResponseNormalizationOptions",
        13,
        "LOCAL_RESPONSE_NORMALIZATION",
        "radius:int bias:float alpha:float beta:float",
    ),
    OptionTable(
        "LSTMOptions",
        14,
        "LSTM",
        "fused_activation_function:activation cell_clip:float proj_clip:float "
        "kernel_type:lstm_kernel asymmetric_quantize_inputs:bool",
    ),
    OptionTable(
        "ResizeBilinearOptions",
        15,
        "RESIZE_BILINEAR",
        "_ _ align_corners:bool half_pixel_centers:bool",
    ),
    OptionTable("CallOptions", 16, "CALL", "subgraph:unsigned_subgraph"),
    OptionTable("ReshapeOptions", 17, "RESHAPE", "new_shape:ints"),
    OptionTable("SpaceToDepthOptions", 19, "SPACE_TO_DEPTH", "block_size:int"),
    OptionTable("MulOptions", 21, "MUL", "fused_activation_function:activation"),
    OptionTable("GatherOptions", 23, "GATHER", "axis:int batch_dims:int"),
    OptionTable(
        "ReducerOptions",
        27,
        "MEAN SUM REDUCE_PROD REDUCE_MAX REDUCE_MIN REDUCE_ANY REDUCE_ALL",
        "keep_dims:bool",
    ),
    OptionTable(
        "SubOptions",
        28,
        "SUB",
        "fused_activation_function:activation pot_scale_int16:bool=true",
    ),
    OptionTable("DivOptions", 29, "DIV", "fused_activation_function:activation"),
    OptionTable("SqueezeOptions", 30, "SQUEEZE", "squeeze_dims:ints"),
    OptionTable(
        "SequenceRNNOptions",
        31,
        "UNIDIRECTIONAL_SEQUENCE_RNN",
        "time_major:bool fused_activation_function:activation asymmetric_quantize_inputs:bool",
    ),
    OptionTable(
        "StridedSliceOptions",
        32,
        "STRIDED_SLICE",
        "begin_mask:int end_mask:int ellipsis_mask:int new_axis_mask:int shrink_axis_mask:int "
        "offset:bool",
    ),
    OptionTable("SplitOptions", 35, "SPLIT", "num_splits:int"),
    OptionTable("CastOptions", 37, "CAST", "in_data_type:tensor_type out_data_type:tensor_type"),
    OptionTable("ArgMaxOptions", 40, "ARG_MAX", "output_type:tensor_type"),
    OptionTable(
        "TransposeConvOptions",
        49,
        "TRANSPOSE_CONV",
        "padding:padding stride_w:int stride_h:int fused_activation_function:activation "
        "quantized_bias_type:tensor_type",
    ),
    OptionTable("SparseToDenseOptions", 50, "SPARSE_TO_DENSE", "validate_indices:bool"),
    OptionTable("ShapeOptions", 55, "SHAPE", "out_type:tensor_type"),
    OptionTable("ArgMinOptions", 57, "ARG_MIN", "output_type:tensor_type"),
    OptionTable(
        "FakeQuantOptions",
        58,
        "FAKE_QUANT",
        "min:float max:float num_bits:int narrow_range:bool",
    ),
    OptionTable("PackOptions", 59, "PACK", "values_count:int axis:int"),
    OptionTable("OneHotOptions", 61, "ONE_HOT", "axis:int"),
    OptionTable("UnpackOptions", 64, "UNPACK", "num:int axis:int"),
    OptionTable(
        "BidirectionalSequenceLSTMOptions",
        69,
        "BIDIRECTIONAL_SEQUENCE_LSTM",
        "fused_activation_function:activation cell_clip:float proj_clip:float merge_outputs:bool "
        "time_major:bool=true asymmetric_quantize_inputs:bool",
    ),
    OptionTable(
        "BidirectionalSequenceRNNOptions",
        70,
        "BIDIRECTIONAL_SEQUENCE_RNN",
        "time_major:bool fused_activation_function:activation merge_outputs:bool "
        "asymmetric_quantize_inputs:bool",
    ),
    OptionTable(
        "UnidirectionalSequenceLSTMOptions",
        71,
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        "fused_activation_function:activation cell_clip:float proj_clip:float time_major:bool "
        "asymmetric_quantize_inputs:bool diagonal_recurrent_tensors:bool",
    ),
    OptionTable(
        "ResizeNearestNeighborOptions",
        74,
        "RESIZE_NEAREST_NEIGHBOR",
        "align_corners:bool half_pixel_centers:bool",
    ),
    OptionTable("LeakyReluOptions", 75, "LEAKY_RELU", "alpha:float"),
    OptionTable("MirrorPadOptions", 77, "MIRROR_PAD", "mode:mirror_pad_mode"),
    OptionTable("SplitVOptions", 79, "SPLIT_V", "num_splits:int"),
    OptionTable("UniqueOptions", 80, "UNIQUE", "idx_out_type:tensor_type=INT32"),
    OptionTable("ReverseSequenceOptions", 87, "REVERSE_SEQUENCE", "seq_dim:int batch_dim:int"),
    OptionTable("IfOptions", 92, "IF", "then_subgraph:subgraph else_subgraph:subgraph"),
    OptionTable("WhileOptions", 93, "WHILE", "cond_subgraph:subgraph body_subgraph:subgraph"),
    OptionTable("DepthToSpaceOptions", 94, "DEPTH_TO_SPACE", "block_size:int"),
    OptionTable(
        "BatchMatMulOptions",
        101,
        "BATCH_MATMUL",
        "adj_x:bool adj_y:bool asymmetric_quantize_inputs:bool",
    ),
    OptionTable("CumsumOptions", 102, "CUMSUM", "exclusive:bool reverse:bool"),
    OptionTable("CallOnceOptions", 103, "CALL_ONCE", "init_subgraph:subgraph"),
    OptionTable(
        "Conv3DOptions",
        106,
        "CONV_3D CONV_3D_TRANSPOSE",
        "padding:padding stride_d:int stride_w:int stride_h:int "
        "fused_activation_function:activation dilation_d_factor:int=1 dilation_w_factor:int=1 "
        "dilation_h_factor:int=1",
    ),
    OptionTable("VarHandleOptions", 111, "VAR_HANDLE", "container:string shared_name:string"),
    OptionTable(
        "RandomOptions",
        114,
        "RANDOM_UNIFORM RANDOM_STANDARD_NORMAL MULTINOMIAL",
        "seed:long seed2:long",
    ),
    OptionTable("BucketizeOptions", 115, "BUCKETIZE", "boundaries:floats"),
    OptionTable("GeluOptions", 116, "GELU", "approximate:bool"),
    OptionTable(
        "ReduceWindowOptions",
        20,
        "REDUCE_WINDOW",
        "reduce_function:reduce_window_function",
        second=True,
    ),
)


@cache
def options_of(operator: str) -> tuple[OptionTable, Mapping[int, OptionField]] | None:
    """The option table of an operator and its fields, None when it has no options."""
    return next(
        ((row, row.fields) for row in OPTION_TABLES if operator in row.operators.split()), None
    )
