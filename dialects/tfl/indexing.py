"""The `tfl` operators that pick, place or make elements: slices, gathers, fills, shapes."""

from __future__ import annotations

from abc import ABC

from xdsl.irdl import irdl_op_definition, operand_def, result_def, traits_def

from nnc.dialects.tfl.base import (
    TENSOR,
    TENSOR_TYPE,
    TflOp,
    bool_option,
    check_axis,
    check_rank,
    check_same_shape,
    enum_option,
    int_option,
    long_option,
    shape_of,
)


@irdl_op_definition
class SliceOp(TflOp):
    """
    SLICE: a box of the input; a size of -1 reaches to the end.

    ```mlir
    %y = tfl.slice %x, %begin, %size
         : (tensor<4x4xf32>, tensor<2xi32>, tensor<2xi32>) -> tensor<2x3xf32>
    ```
    """

    name = "tfl.slice"

    input = operand_def(TENSOR)
    begin = operand_def(TENSOR)
    size = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        check_rank("begin", self.begin, (1,))
        check_rank("size", self.size, (1,))
        check_rank("an output", self.output, (len(shape_of(self.input) or ()),))


@irdl_op_definition
class StridedSliceOp(TflOp):
    """
    STRIDED_SLICE: numpy's `x[begin:end:strides]`; bit i of a mask changes what entry i means.

    ```mlir
    %y = tfl.strided_slice %x, %begin, %end, %strides {shrink_axis_mask = 1 : i32}
         : (tensor<4x4xf32>, tensor<2xi32>, tensor<2xi32>, tensor<2xi32>) -> tensor<3xf32>
    ```
    """

    name = "tfl.strided_slice"

    input = operand_def(TENSOR)
    begin = operand_def(TENSOR)
    end = operand_def(TENSOR)
    strides = operand_def(TENSOR)
    output = result_def(TENSOR)

    begin_mask = int_option(0)
    end_mask = int_option(0)
    ellipsis_mask = int_option(0)
    new_axis_mask = int_option(0)
    shrink_axis_mask = int_option(0)
    offset = bool_option()

    def verify_(self) -> None:
        check_rank("begin", self.begin, (1,))
        check_rank("end", self.end, (1,))
        check_rank("strides", self.strides, (1,))


@irdl_op_definition
class DynamicUpdateSliceOp(TflOp):
    """
    DYNAMIC_UPDATE_SLICE: the input with a box of it replaced.

    ```mlir
    %y = tfl.dynamic_update_slice %x, %update, %start
         : (tensor<4x4xf32>, tensor<2x2xf32>, tensor<2xi32>) -> tensor<4x4xf32>
    ```
    """

    name = "tfl.dynamic_update_slice"

    input = operand_def(TENSOR)
    update = operand_def(TENSOR)
    start_indices = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        check_same_shape("an input and an output", self.input, self.output)
        check_rank("start indices", self.start_indices, (1,))


@irdl_op_definition
class GatherOp(TflOp):
    """
    GATHER: slices along one axis, by number.

    ```mlir
    %y = tfl.gather %x, %indices {axis = 0 : i32}
         : (tensor<8x4xf32>, tensor<3xi32>) -> tensor<3x4xf32>
    ```
    """

    name = "tfl.gather"

    input = operand_def(TENSOR)
    indices = operand_def(TENSOR)
    output = result_def(TENSOR)

    axis = int_option(0)
    batch_dims = int_option(0)

    def verify_(self) -> None:
        check_axis(self.axis.value.data, self.input)


@irdl_op_definition
class GatherNdOp(TflOp):
    """
    GATHER_ND: slices by index tuples, the last axis of `indices`.

    ```mlir
    %y = tfl.gather_nd %x, %indices
         : (tensor<8x4xf32>, tensor<3x1xi32>) -> tensor<3x4xf32>
    ```
    """

    name = "tfl.gather_nd"

    input = operand_def(TENSOR)
    indices = operand_def(TENSOR)
    output = result_def(TENSOR)


@irdl_op_definition
class ScatterNdOp(TflOp):
    """
    SCATTER_ND: zeros of a shape with updates added at index tuples.

    ```mlir
    %y = tfl.scatter_nd %indices, %updates, %shape
         : (tensor<3x1xi32>, tensor<3x4xf32>, tensor<2xi32>) -> tensor<8x4xf32>
    ```
    """

    name = "tfl.scatter_nd"

    indices = operand_def(TENSOR)
    updates = operand_def(TENSOR)
    shape = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        check_rank("a shape", self.shape, (1,))


@irdl_op_definition
class EmbeddingLookupOp(TflOp):
    """
    EMBEDDING_LOOKUP: rows of a table, by number.

    ```mlir
    %y = tfl.embedding_lookup %rows, %table
         : (tensor<3xi32>, tensor<8x4xf32>) -> tensor<3x4xf32>
    ```
    """

    name = "tfl.embedding_lookup"

    lookup = operand_def(TENSOR)
    value = operand_def(TENSOR)
    output = result_def(TENSOR)


@irdl_op_definition
class OneHotOp(TflOp):
    """
    ONE_HOT: along a new axis, `on_value` at each index and `off_value` elsewhere.

    ```mlir
    %y = tfl.one_hot %indices, %depth, %on, %off {axis = -1 : i32}
         : (tensor<3xi32>, tensor<i32>, tensor<f32>, tensor<f32>) -> tensor<3x4xf32>
    ```
    """

    name = "tfl.one_hot"

    indices = operand_def(TENSOR)
    depth = operand_def(TENSOR)
    on_value = operand_def(TENSOR)
    off_value = operand_def(TENSOR)
    output = result_def(TENSOR)

    axis = int_option(0)

    def verify_(self) -> None:
        check_axis(self.axis.value.data, self.output)


@irdl_op_definition
class SparseToDenseOp(TflOp):
    """
    SPARSE_TO_DENSE: a tensor of one value with others placed at index tuples.

    ```mlir
    %y = tfl.sparse_to_dense %indices, %shape, %values, %default
         : (tensor<3x2xi32>, tensor<2xi32>, tensor<3xf32>, tensor<f32>) -> tensor<4x4xf32>
    ```
    """

    name = "tfl.sparse_to_dense"

    indices = operand_def(TENSOR)
    output_shape = operand_def(TENSOR)
    values = operand_def(TENSOR)
    default_value = operand_def(TENSOR)
    output = result_def(TENSOR)

    validate_indices = bool_option()


@irdl_op_definition
class WhereOp(TflOp):
    """
    WHERE: the index tuples at which a condition holds.

    ```mlir
    %y = tfl.where %condition : (tensor<4x4xi1>) -> tensor<?x2xi64>
    ```
    """

    name = "tfl.where"

    condition = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        check_rank("an output", self.output, (2,))


@irdl_op_definition
class ShapeOp(TflOp):
    """
    SHAPE: the dimensions of a tensor.

    ```mlir
    %y = tfl.shape %x {out_type = "INT32"} : (tensor<4x3xf32>) -> tensor<2xi32>
    ```
    """

    name = "tfl.shape"

    input = operand_def(TENSOR)
    output = result_def(TENSOR)

    out_type = enum_option(TENSOR_TYPE, "FLOAT32")

    def verify_(self) -> None:
        check_rank("an output", self.output, (1,))


@irdl_op_definition
class RankOp(TflOp):
    """
    RANK: the number of dimensions of a tensor.

    ```mlir
    %y = tfl.rank %x : (tensor<4x3xf32>) -> tensor<i32>
    ```
    """

    name = "tfl.rank"

    input = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        check_rank("an output", self.output, (0,))


@irdl_op_definition
class RangeOp(TflOp):
    """
    RANGE: start, start + delta, ... before limit.

    ```mlir
    %y = tfl.range %start, %limit, %delta
         : (tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<4xi32>
    ```
    """

    name = "tfl.range"

    start = operand_def(TENSOR)
    limit = operand_def(TENSOR)
    delta = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        check_rank("an output", self.output, (1,))


@irdl_op_definition
class FillOp(TflOp):
    """
    FILL: one value in a shape.

    ```mlir
    %y = tfl.fill %dims, %value : (tensor<2xi32>, tensor<f32>) -> tensor<4x3xf32>
    ```
    """

    name = "tfl.fill"

    dims = operand_def(TENSOR)
    value = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        check_rank("dims", self.dims, (1,))


@irdl_op_definition
class BroadcastArgsOp(TflOp):
    """
    BROADCAST_ARGS: the shape to which two shapes stretch.

    ```mlir
    %y = tfl.broadcast_args %a, %b : (tensor<2xi32>, tensor<3xi32>) -> tensor<3xi32>
    ```
    """

    name = "tfl.broadcast_args"

    lhs = operand_def(TENSOR)
    rhs = operand_def(TENSOR)
    output = result_def(TENSOR)


@irdl_op_definition
class MatrixDiagOp(TflOp):
    """
    MATRIX_DIAG: square matrices with given diagonals and zeros.

    ```mlir
    %y = tfl.matrix_diag %x : (tensor<2x3xf32>) -> tensor<2x3x3xf32>
    ```
    """

    name = "tfl.matrix_diag"

    input = operand_def(TENSOR)
    output = result_def(TENSOR)


@irdl_op_definition
class MatrixSetDiagOp(TflOp):
    """
    MATRIX_SET_DIAG: matrices with their diagonals replaced.

    ```mlir
    %y = tfl.matrix_set_diag %x, %d : (tensor<2x3x3xf32>, tensor<2x3xf32>) -> tensor<2x3x3xf32>
    ```
    """

    name = "tfl.matrix_set_diag"

    input = operand_def(TENSOR)
    diagonal = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        check_same_shape("an input and an output", self.input, self.output)


@irdl_op_definition
class NonMaxSuppressionV4Op(TflOp):
    """
    NON_MAX_SUPPRESSION_V4: the boxes that do not overlap better ones, padded with zeros, and
    how many there are.

    ```mlir
    %selected, %count = tfl.non_max_suppression_v4 %boxes, %scores, %max, %iou, %score
         : (tensor<8x4xf32>, tensor<8xf32>, tensor<i32>, tensor<f32>, tensor<f32>)
         -> (tensor<3xi32>, tensor<i32>)
    ```
    """

    name = "tfl.non_max_suppression_v4"

    boxes = operand_def(TENSOR)
    scores = operand_def(TENSOR)
    max_output_size = operand_def(TENSOR)
    iou_threshold = operand_def(TENSOR)
    score_threshold = operand_def(TENSOR)
    selected_indices = result_def(TENSOR)
    num_selected = result_def(TENSOR)


@irdl_op_definition
class NonMaxSuppressionV5Op(TflOp):
    """
    NON_MAX_SUPPRESSION_V5: as V4, with scores that fall by a Gaussian of the overlap.

    ```mlir
    %selected, %kept, %count =
         tfl.non_max_suppression_v5 %boxes, %scores, %max, %iou, %score, %sigma
         : (tensor<8x4xf32>, tensor<8xf32>, tensor<i32>, tensor<f32>, tensor<f32>, tensor<f32>)
         -> (tensor<3xi32>, tensor<3xf32>, tensor<i32>)
    ```
    """

    name = "tfl.non_max_suppression_v5"

    boxes = operand_def(TENSOR)
    scores = operand_def(TENSOR)
    max_output_size = operand_def(TENSOR)
    iou_threshold = operand_def(TENSOR)
    score_threshold = operand_def(TENSOR)
    soft_nms_sigma = operand_def(TENSOR)
    selected_indices = result_def(TENSOR)
    selected_scores = result_def(TENSOR)
    num_selected = result_def(TENSOR)


class _RandomOp(TflOp, ABC):
    """Numbers that differ from run to run: never shared, never moved."""

    traits = traits_def()

    seed = long_option()
    seed2 = long_option()


@irdl_op_definition
class RandomUniformOp(_RandomOp):
    """
    RANDOM_UNIFORM: numbers of [0, 1) in a shape.

    ```mlir
    %y = tfl.random_uniform %shape {seed = 1 : i64} : (tensor<2xi32>) -> tensor<4x3xf32>
    ```
    """

    name = "tfl.random_uniform"

    shape = operand_def(TENSOR)
    output = result_def(TENSOR)


@irdl_op_definition
class RandomStandardNormalOp(_RandomOp):
    """
    RANDOM_STANDARD_NORMAL: normally distributed numbers in a shape.

    ```mlir
    %y = tfl.random_standard_normal %shape {seed = 1 : i64} : (tensor<2xi32>) -> tensor<4x3xf32>
    ```
    """

    name = "tfl.random_standard_normal"

    shape = operand_def(TENSOR)
    output = result_def(TENSOR)


@irdl_op_definition
class MultinomialOp(_RandomOp):
    """
    MULTINOMIAL: class numbers drawn by their logits, row by row.

    ```mlir
    %y = tfl.multinomial %logits, %n : (tensor<2x3xf32>, tensor<i32>) -> tensor<2x5xi64>
    ```
    """

    name = "tfl.multinomial"

    logits = operand_def(TENSOR)
    num_samples = operand_def(TENSOR)
    output = result_def(TENSOR)


INDEXING_OPS = (
    SliceOp,
    StridedSliceOp,
    DynamicUpdateSliceOp,
    GatherOp,
    GatherNdOp,
    ScatterNdOp,
    EmbeddingLookupOp,
    OneHotOp,
    SparseToDenseOp,
    WhereOp,
    ShapeOp,
    RankOp,
    RangeOp,
    FillOp,
    BroadcastArgsOp,
    MatrixDiagOp,
    MatrixSetDiagOp,
    NonMaxSuppressionV4Op,
    NonMaxSuppressionV5Op,
    RandomUniformOp,
    RandomStandardNormalOp,
    MultinomialOp,
)
