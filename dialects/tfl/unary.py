"""The `tfl` operators that map one tensor to another, element by element or along one axis."""

from __future__ import annotations

from abc import ABC

from xdsl.irdl import irdl_op_definition, operand_def, result_def

from nnc.dialects.tfl.base import (
    TENSOR,
    TENSOR_TYPE,
    TflOp,
    activation_option,
    bool_option,
    check_same_shape,
    enum_option,
    float_option,
    int_option,
)


class UnaryOp(TflOp, ABC):
    """One tensor to another of the same shape."""

    input = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        check_same_shape("an input and an output", self.input, self.output)


@irdl_op_definition
class AbsOp(UnaryOp):
    """
    ABS: |x|.

    ```mlir
    %z = tfl.abs %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.abs"


@irdl_op_definition
class CeilOp(UnaryOp):
    """
    CEIL: the next integer upwards.

    ```mlir
    %z = tfl.ceil %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.ceil"


@irdl_op_definition
class CosOp(UnaryOp):
    """
    COS: the cosine.

    ```mlir
    %z = tfl.cos %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.cos"


@irdl_op_definition
class EluOp(UnaryOp):
    """
    ELU: x where positive, exp(x) - 1 elsewhere.

    ```mlir
    %z = tfl.elu %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.elu"


@irdl_op_definition
class ExpOp(UnaryOp):
    """
    EXP: the exponential.

    ```mlir
    %z = tfl.exp %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.exp"


@irdl_op_definition
class FloorOp(UnaryOp):
    """
    FLOOR: the next integer downwards.

    ```mlir
    %z = tfl.floor %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.floor"


@irdl_op_definition
class HardSwishOp(UnaryOp):
    """
    HARD_SWISH: x * relu6(x + 3) / 6.

    ```mlir
    %z = tfl.hard_swish %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.hard_swish"


@irdl_op_definition
class LogOp(UnaryOp):
    """
    LOG: the natural logarithm.

    ```mlir
    %z = tfl.log %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.log"


@irdl_op_definition
class LogisticOp(UnaryOp):
    """
    LOGISTIC: 1 / (1 + exp(-x)).

    ```mlir
    %z = tfl.logistic %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.logistic"


@irdl_op_definition
class NegOp(UnaryOp):
    """
    NEG: -x.

    ```mlir
    %z = tfl.neg %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.neg"


@irdl_op_definition
class ReluOp(UnaryOp):
    """
    RELU: max(x, 0).

    ```mlir
    %z = tfl.relu %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.relu"


@irdl_op_definition
class Relu6Op(UnaryOp):
    """
    RELU6: x clamped to [0, 6].

    ```mlir
    %z = tfl.relu6 %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.relu6"


@irdl_op_definition
class ReluN1To1Op(UnaryOp):
    """
    RELU_N1_TO_1: x clamped to [-1, 1].

    ```mlir
    %z = tfl.relu_n1_to_1 %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.relu_n1_to_1"


@irdl_op_definition
class Relu0To1Op(UnaryOp):
    """
    RELU_0_TO_1: x clamped to [0, 1].

    ```mlir
    %z = tfl.relu_0_to_1 %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.relu_0_to_1"


@irdl_op_definition
class RoundOp(UnaryOp):
    """
    ROUND: the nearest integer, ties to even.

    ```mlir
    %z = tfl.round %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.round"


@irdl_op_definition
class RsqrtOp(UnaryOp):
    """
    RSQRT: 1 / sqrt(x).

    ```mlir
    %z = tfl.rsqrt %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.rsqrt"


@irdl_op_definition
class SignOp(UnaryOp):
    """
    SIGN: -1, 0 or 1.

    ```mlir
    %z = tfl.sign %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.sign"


@irdl_op_definition
class SinOp(UnaryOp):
    """
    SIN: the sine.

    ```mlir
    %z = tfl.sin %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.sin"


@irdl_op_definition
class SqrtOp(UnaryOp):
    """
    SQRT: the square root.

    ```mlir
    %z = tfl.sqrt %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.sqrt"


@irdl_op_definition
class SquareOp(UnaryOp):
    """
    SQUARE: x * x.

    ```mlir
    %z = tfl.square %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.square"


@irdl_op_definition
class TanhOp(UnaryOp):
    """
    TANH: the hyperbolic tangent.

    ```mlir
    %z = tfl.tanh %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.tanh"


@irdl_op_definition
class ZerosLikeOp(UnaryOp):
    """
    ZEROS_LIKE: zeros in the shape of x.

    ```mlir
    %z = tfl.zeros_like %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.zeros_like"


@irdl_op_definition
class LogicalNotOp(UnaryOp):
    """
    LOGICAL_NOT.

    ```mlir
    %z = tfl.logical_not %x : (tensor<4xi1>) -> tensor<4xi1>
    ```
    """

    name = "tfl.logical_not"


@irdl_op_definition
class GeluOp(UnaryOp):
    """
    GELU: x times the normal distribution of x, exact or by the tanh approximation.

    ```mlir
    %z = tfl.gelu %x {approximate = true} : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.gelu"

    approximate = bool_option()


@irdl_op_definition
class LeakyReluOp(UnaryOp):
    """
    LEAKY_RELU: x where positive, alpha * x elsewhere.

    ```mlir
    %z = tfl.leaky_relu %x {alpha = 0.125 : f32} : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.leaky_relu"

    alpha = float_option(0.0)


@irdl_op_definition
class SoftmaxOp(UnaryOp):
    """
    SOFTMAX of beta * x along the last axis.

    ```mlir
    %z = tfl.softmax %x {beta = 1.0 : f32} : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```
    """

    name = "tfl.softmax"

    beta = float_option(0.0)


@irdl_op_definition
class LogSoftmaxOp(UnaryOp):
    """
    LOG_SOFTMAX along the last axis.

    ```mlir
    %z = tfl.log_softmax %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```
    """

    name = "tfl.log_softmax"


@irdl_op_definition
class L2NormalizationOp(UnaryOp):
    """
    L2_NORMALIZATION: each vector along the last axis divided by its length.

    ```mlir
    %z = tfl.l2_normalization %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```
    """

    name = "tfl.l2_normalization"

    fused_activation_function = activation_option()


@irdl_op_definition
class LocalResponseNormalizationOp(UnaryOp):
    """
    LOCAL_RESPONSE_NORMALIZATION over `radius` neighbours on either side along the last axis:
    x * (bias + alpha * sum of squares)^-beta.

    ```mlir
    %z = tfl.local_response_normalization %x {radius = 2 : i32, bias = 1.0 : f32,
           alpha = 1.0 : f32, beta = 0.5 : f32} : (tensor<1x2x2x8xf32>) -> tensor<1x2x2x8xf32>
    ```
    """

    name = "tfl.local_response_normalization"

    radius = int_option(0)
    bias = float_option(0.0)
    alpha = float_option(0.0)
    beta = float_option(0.0)


@irdl_op_definition
class CastOp(UnaryOp):
    """
    CAST between element types; of a quantised tensor, the stored integers.

    ```mlir
    %z = tfl.cast %x {in_data_type = "INT32"} : (tensor<4xi32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.cast"

    in_data_type = enum_option(TENSOR_TYPE, "FLOAT32")
    out_data_type = enum_option(TENSOR_TYPE, "FLOAT32")


@irdl_op_definition
class QuantizeOp(UnaryOp):
    """
    QUANTIZE real numbers, or change the quantisation of a tensor.

    ```mlir
    %z = tfl.quantize %x : (tensor<4xf32>) -> tensor<4x!quant.uniform<i8:f32, 0.5:-3>>
    ```
    """

    name = "tfl.quantize"


@irdl_op_definition
class DequantizeOp(UnaryOp):
    """
    DEQUANTIZE to real numbers; also widens float16.

    ```mlir
    %z = tfl.dequantize %x : (tensor<4x!quant.uniform<i8:f32, 0.5:-3>>) -> tensor<4xf32>
    ```
    """

    name = "tfl.dequantize"


@irdl_op_definition
class FakeQuantOp(UnaryOp):
    """
    FAKE_QUANT: real numbers rounded to those that `num_bits` can tell apart in [min, max].

    ```mlir
    %z = tfl.fake_quant %x {min = -1.0 : f32, max = 1.0 : f32, num_bits = 8 : i32}
         : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.fake_quant"

    min = float_option(0.0)
    max = float_option(0.0)
    num_bits = int_option(0)
    narrow_range = bool_option()


@irdl_op_definition
class DensifyOp(UnaryOp):
    """
    DENSIFY: a constant that the file keeps sparse, with its zeros.

    ```mlir
    %z = tfl.densify %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.densify"


@irdl_op_definition
class BitcastOp(TflOp):
    """
    BITCAST: the same bytes, as elements of another type.

    ```mlir
    %z = tfl.bitcast %x : (tensor<4xf32>) -> tensor<4xi32>
    ```
    """

    name = "tfl.bitcast"

    input = operand_def(TENSOR)
    output = result_def(TENSOR)


UNARY_OPS = (
    AbsOp,
    CeilOp,
    CosOp,
    EluOp,
    ExpOp,
    FloorOp,
    HardSwishOp,
    LogOp,
    LogisticOp,
    NegOp,
    ReluOp,
    Relu6Op,
    ReluN1To1Op,
    Relu0To1Op,
    RoundOp,
    RsqrtOp,
    SignOp,
    SinOp,
    SqrtOp,
    SquareOp,
    TanhOp,
    ZerosLikeOp,
    LogicalNotOp,
    GeluOp,
    LeakyReluOp,
    SoftmaxOp,
    LogSoftmaxOp,
    L2NormalizationOp,
    LocalResponseNormalizationOp,
    CastOp,
    QuantizeOp,
    DequantizeOp,
    FakeQuantOp,
    DensifyOp,
    BitcastOp,
)
