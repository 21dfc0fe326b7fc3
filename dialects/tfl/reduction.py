"""The `tfl` operators that fold a tensor along axes, or run along one."""

from __future__ import annotations

from abc import ABC

from xdsl.irdl import irdl_op_definition, operand_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.tfl.base import (
    REDUCE_WINDOW_FUNCTION,
    TENSOR,
    TENSOR_TYPE,
    TflOp,
    bool_option,
    check_rank,
    check_same_shape,
    enum_option,
    floats_option,
    shape_of,
)


class ReduceOp(TflOp, ABC):
    """A tensor folded along the axes that an i32 tensor names."""

    input = operand_def(TENSOR)
    axis = operand_def(TENSOR)
    output = result_def(TENSOR)

    keep_dims = bool_option()

    def verify_(self) -> None:
        check_rank("axes", self.axis, (0, 1))
        before, after = shape_of(self.input), shape_of(self.output)
        if before is None or after is None:
            return
        if len(after) > len(before) or (self.keep_dims.value.data and len(after) != len(before)):
            raise VerifyException(
                f"expected an output whose rank follows from keep_dims and {self.input.type}, "
                f"got {self.output.type}"
            )


@irdl_op_definition
class MeanOp(ReduceOp):
    """
    MEAN: the mean along axes.

    ```mlir
    %y = tfl.mean %x, %axis {keep_dims = true}
         : (tensor<1x8x4xf32>, tensor<1xi32>) -> tensor<1x1x4xf32>
    ```
    """

    name = "tfl.mean"


@irdl_op_definition
class SumOp(ReduceOp):
    """
    SUM: the sum along axes.

    ```mlir
    %y = tfl.sum %x, %axis {keep_dims = true}
         : (tensor<1x8x4xf32>, tensor<1xi32>) -> tensor<1x1x4xf32>
    ```
    """

    name = "tfl.sum"


@irdl_op_definition
class ReduceProdOp(ReduceOp):
    """
    REDUCE_PROD: the product along axes.

    ```mlir
    %y = tfl.reduce_prod %x, %axis {keep_dims = true}
         : (tensor<1x8x4xf32>, tensor<1xi32>) -> tensor<1x1x4xf32>
    ```
    """

    name = "tfl.reduce_prod"


@irdl_op_definition
class ReduceMaxOp(ReduceOp):
    """
    REDUCE_MAX: the largest element along axes.

    ```mlir
    %y = tfl.reduce_max %x, %axis {keep_dims = true}
         : (tensor<1x8x4xf32>, tensor<1xi32>) -> tensor<1x1x4xf32>
    ```
    """

    name = "tfl.reduce_max"


@irdl_op_definition
class ReduceMinOp(ReduceOp):
    """
    REDUCE_MIN: the smallest element along axes.

    ```mlir
    %y = tfl.reduce_min %x, %axis {keep_dims = true}
         : (tensor<1x8x4xf32>, tensor<1xi32>) -> tensor<1x1x4xf32>
    ```
    """

    name = "tfl.reduce_min"


@irdl_op_definition
class ReduceAnyOp(ReduceOp):
    """
    REDUCE_ANY: whether any element along axes is true.

    ```mlir
    %y = tfl.reduce_any %x, %axis {keep_dims = true}
         : (tensor<1x8x4xi1>, tensor<1xi32>) -> tensor<1x1x4xi1>
    ```
    """

    name = "tfl.reduce_any"


@irdl_op_definition
class ReduceAllOp(ReduceOp):
    """
    REDUCE_ALL: whether all elements along axes are true.

    ```mlir
    %y = tfl.reduce_all %x, %axis {keep_dims = true}
         : (tensor<1x8x4xi1>, tensor<1xi32>) -> tensor<1x1x4xi1>
    ```
    """

    name = "tfl.reduce_all"


class _ArgOp(TflOp, ABC):
    """The index of an extreme element along the axis that a scalar tensor names."""

    input = operand_def(TENSOR)
    axis = operand_def(TENSOR)
    output = result_def(TENSOR)

    output_type = enum_option(TENSOR_TYPE, "FLOAT32")

    def verify_(self) -> None:
        check_rank("an axis", self.axis, (0, 1))


@irdl_op_definition
class ArgMaxOp(_ArgOp):
    """
    ARG_MAX: where the largest element is, the first one of equals.

    ```mlir
    %y = tfl.arg_max %x, %axis {output_type = "INT32"}
         : (tensor<1x4xf32>, tensor<i32>) -> tensor<1xi32>
    ```
    """

    name = "tfl.arg_max"


@irdl_op_definition
class ArgMinOp(_ArgOp):
    """
    ARG_MIN: where the smallest element is, the first one of equals.

    ```mlir
    %y = tfl.arg_min %x, %axis {output_type = "INT32"}
         : (tensor<1x4xf32>, tensor<i32>) -> tensor<1xi32>
    ```
    """

    name = "tfl.arg_min"


@irdl_op_definition
class CumsumOp(TflOp):
    """
    CUMSUM: running sums along an axis, without the element itself when exclusive.

    ```mlir
    %y = tfl.cumsum %x, %axis {exclusive = true} : (tensor<4xf32>, tensor<i32>) -> tensor<4xf32>
    ```
    """

    name = "tfl.cumsum"

    input = operand_def(TENSOR)
    axis = operand_def(TENSOR)
    output = result_def(TENSOR)

    exclusive = bool_option()
    reverse = bool_option()

    def verify_(self) -> None:
        check_rank("an axis", self.axis, (0, 1))
        check_same_shape("an input and an output", self.input, self.output)


@irdl_op_definition
class BucketizeOp(TflOp):
    """
    BUCKETIZE: for each element, how many of the ascending boundaries are at most that large.

    ```mlir
    %y = tfl.bucketize %x {boundaries = array<f32: 0.0, 1.0>} : (tensor<4xf32>) -> tensor<4xi32>
    ```
    """

    name = "tfl.bucketize"

    input = operand_def(TENSOR)
    output = result_def(TENSOR)

    boundaries = floats_option()

    def verify_(self) -> None:
        check_same_shape("an input and an output", self.input, self.output)


@irdl_op_definition
class TopkV2Op(TflOp):
    """
    TOPK_V2: the k largest elements along the last axis, and where they are.

    ```mlir
    %values, %indices = tfl.topk_v2 %x, %k
         : (tensor<8xf32>, tensor<i32>) -> (tensor<3xf32>, tensor<3xi32>)
    ```
    """

    name = "tfl.topk_v2"

    input = operand_def(TENSOR)
    k = operand_def(TENSOR)
    values = result_def(TENSOR)
    indices = result_def(TENSOR)

    def verify_(self) -> None:
        check_rank("k", self.k, (0, 1))
        check_same_shape("values and indices", self.values, self.indices)


@irdl_op_definition
class UniqueOp(TflOp):
    """
    UNIQUE: the distinct elements in order of appearance, and each element's place among them.

    ```mlir
    %y, %places = tfl.unique %x : (tensor<8xi32>) -> (tensor<?xi32>, tensor<8xi32>)
    ```
    """

    name = "tfl.unique"

    input = operand_def(TENSOR)
    output = result_def(TENSOR)
    indices = result_def(TENSOR)

    idx_out_type = enum_option(TENSOR_TYPE, "INT32")

    def verify_(self) -> None:
        check_rank("an input", self.input, (1,))


@irdl_op_definition
class ReduceWindowOp(TflOp):
    """
    REDUCE_WINDOW: a tensor folded by one function in a window that slides over every axis.

    ```mlir
    %y = tfl.reduce_window %x, %init, %shape, %strides, %dilations {reduce_function = "ADD"}
         : (tensor<4x4xf32>, tensor<f32>, tensor<2xi64>, tensor<2xi64>, tensor<2xi64>)
         -> tensor<3x3xf32>
    ```
    """

    name = "tfl.reduce_window"

    input = operand_def(TENSOR)
    init_value = operand_def(TENSOR)
    window_shape = operand_def(TENSOR)
    window_strides = operand_def(TENSOR)
    window_dilations = operand_def(TENSOR)
    output = result_def(TENSOR)

    reduce_function = enum_option(REDUCE_WINDOW_FUNCTION, "UNSUPPORTED")


@irdl_op_definition
class SegmentSumOp(TflOp):
    """
    SEGMENT_SUM: the sums of rows with equal segment numbers, which ascend.

    ```mlir
    %y = tfl.segment_sum %x, %ids : (tensor<4x2xf32>, tensor<4xi32>) -> tensor<3x2xf32>
    ```
    """

    name = "tfl.segment_sum"

    input = operand_def(TENSOR)
    segment_ids = operand_def(TENSOR)
    output = result_def(TENSOR)


class _UnsortedSegmentOp(TflOp, ABC):
    """Rows folded by segment number, in any order."""

    input = operand_def(TENSOR)
    segment_ids = operand_def(TENSOR)
    num_segments = operand_def(TENSOR)
    output = result_def(TENSOR)


@irdl_op_definition
class UnsortedSegmentProdOp(_UnsortedSegmentOp):
    """
    UNSORTED_SEGMENT_PROD: the products of rows with equal segment numbers.

    ```mlir
    %y = tfl.unsorted_segment_prod %x, %ids, %n
         : (tensor<4x2xf32>, tensor<4xi32>, tensor<i32>) -> tensor<3x2xf32>
    ```
    """

    name = "tfl.unsorted_segment_prod"


@irdl_op_definition
class UnsortedSegmentMaxOp(_UnsortedSegmentOp):
    """
    UNSORTED_SEGMENT_MAX: the largest of rows with equal segment numbers.

    ```mlir
    %y = tfl.unsorted_segment_max %x, %ids, %n
         : (tensor<4x2xf32>, tensor<4xi32>, tensor<i32>) -> tensor<3x2xf32>
    ```
    """

    name = "tfl.unsorted_segment_max"


@irdl_op_definition
class UnsortedSegmentMinOp(_UnsortedSegmentOp):
    """
    UNSORTED_SEGMENT_MIN: the smallest of rows with equal segment numbers.

    ```mlir
    %y = tfl.unsorted_segment_min %x, %ids, %n
         : (tensor<4x2xf32>, tensor<4xi32>, tensor<i32>) -> tensor<3x2xf32>
    ```
    """

    name = "tfl.unsorted_segment_min"


@irdl_op_definition
class UnsortedSegmentSumOp(_UnsortedSegmentOp):
    """
    UNSORTED_SEGMENT_SUM: the sums of rows with equal segment numbers.

    ```mlir
    %y = tfl.unsorted_segment_sum %x, %ids, %n
         : (tensor<4x2xf32>, tensor<4xi32>, tensor<i32>) -> tensor<3x2xf32>
    ```
    """

    name = "tfl.unsorted_segment_sum"


REDUCTION_OPS = (
    MeanOp,
    SumOp,
    ReduceProdOp,
    ReduceMaxOp,
    ReduceMinOp,
    ReduceAnyOp,
    ReduceAllOp,
    ArgMaxOp,
    ArgMinOp,
    CumsumOp,
    BucketizeOp,
    TopkV2Op,
    UniqueOp,
    ReduceWindowOp,
    SegmentSumOp,
    UnsortedSegmentProdOp,
    UnsortedSegmentMaxOp,
    UnsortedSegmentMinOp,
    UnsortedSegmentSumOp,
)
