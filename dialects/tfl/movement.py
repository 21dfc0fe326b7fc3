"""The `tfl` operators that give a tensor another shape or order, padding and tiling included."""

from __future__ import annotations

from abc import ABC

from xdsl.ir import SSAValue
from xdsl.irdl import (
    irdl_op_definition,
    operand_def,
    result_def,
    var_operand_def,
    var_result_def,
)
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.tfl.base import (
    MIRROR_PAD_MODE,
    OPTIONAL_TENSOR,
    TENSOR,
    TflOp,
    activation_option,
    bool_option,
    check_axis,
    check_dimension,
    check_positive,
    check_rank,
    check_same_count,
    check_same_shape,
    enum_option,
    int_option,
    ints_option,
    shape_of,
)


@irdl_op_definition
class ReshapeOp(TflOp):
    """
    RESHAPE: the same elements in another shape, given by an operand or, where it has no value,
    by `new_shape`. One dimension may be -1.

    ```mlir
    %y = tfl.reshape %x, %none {new_shape = array<i32: 1, -1>}
         : (tensor<1x2x2x3xf32>, none) -> tensor<1x12xf32>
    ```
    """

    name = "tfl.reshape"

    input = operand_def(TENSOR)
    shape = operand_def(OPTIONAL_TENSOR)
    output = result_def(TENSOR)

    new_shape = ints_option()

    def verify_(self) -> None:
        check_same_count(self.input, self.output)


@irdl_op_definition
class SqueezeOp(TflOp):
    """
    SQUEEZE: dimensions of size 1 left out, those named or all.

    ```mlir
    %y = tfl.squeeze %x {squeeze_dims = array<i32: 1, 2>}
         : (tensor<1x1x1x3xf32>) -> tensor<1x3xf32>
    ```
    """

    name = "tfl.squeeze"

    input = operand_def(TENSOR)
    output = result_def(TENSOR)

    squeeze_dims = ints_option()

    def verify_(self) -> None:
        check_same_count(self.input, self.output)


@irdl_op_definition
class ExpandDimsOp(TflOp):
    """
    EXPAND_DIMS: a dimension of size 1 put in at an axis that a scalar tensor names.

    ```mlir
    %y = tfl.expand_dims %x, %axis : (tensor<4x3xf32>, tensor<i32>) -> tensor<4x1x3xf32>
    ```
    """

    name = "tfl.expand_dims"

    input = operand_def(TENSOR)
    axis = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        check_rank("an axis", self.axis, (0, 1))
        check_same_count(self.input, self.output)


@irdl_op_definition
class TransposeOp(TflOp):
    """
    TRANSPOSE: axis i of the result is axis perm[i] of the input.

    ```mlir
    %y = tfl.transpose %x, %perm : (tensor<1x8x4xf32>, tensor<3xi32>) -> tensor<1x4x8xf32>
    ```
    """

    name = "tfl.transpose"

    input = operand_def(TENSOR)
    perm = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        check_rank("a permutation", self.perm, (1,))
        check_dimension("a permutation", self.perm, 0, len(shape_of(self.input) or ()))
        check_same_count(self.input, self.output)


@irdl_op_definition
class ConcatenationOp(TflOp):
    """
    CONCATENATION: tensors side by side along one axis.

    ```mlir
    %y = tfl.concatenation %a, %b {axis = -1 : i32}
         : (tensor<1x4xf32>, tensor<1x2xf32>) -> tensor<1x6xf32>
    ```
    """

    name = "tfl.concatenation"

    values = var_operand_def(TENSOR)
    output = result_def(TENSOR)

    axis = int_option()
    fused_activation_function = activation_option()

    def verify_(self) -> None:
        if not self.values:
            raise VerifyException("expected at least 1 value, got 0")
        check_axis(self.axis.value.data, self.output)
        rank = len(shape_of(self.output) or ())
        for value in self.values:
            check_rank("a value", value, (rank,))


@irdl_op_definition
class PackOp(TflOp):
    """
    PACK: tensors of one shape stacked along a new axis.

    ```mlir
    %y = tfl.pack %a, %b {values_count = 2 : i32, axis = 0 : i32}
         : (tensor<4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
    ```
    """

    name = "tfl.pack"

    values = var_operand_def(TENSOR)
    output = result_def(TENSOR)

    values_count = int_option()
    axis = int_option()

    def verify_(self) -> None:
        if not self.values or len(self.values) != self.values_count.value.data:
            raise VerifyException(
                f"expected {self.values_count.value.data} values, got {len(self.values)}"
            )
        check_axis(self.axis.value.data, self.output)
        for value in self.values:
            check_same_shape("values", value, self.values[0])


@irdl_op_definition
class UnpackOp(TflOp):
    """
    UNPACK: a tensor taken apart along an axis, which disappears.

    ```mlir
    %a, %b = tfl.unpack %x {num = 2 : i32, axis = 0 : i32}
         : (tensor<2x4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
    ```
    """

    name = "tfl.unpack"

    input = operand_def(TENSOR)
    outputs = var_result_def(TENSOR)

    num = int_option()
    axis = int_option()

    def verify_(self) -> None:
        check_axis(self.axis.value.data, self.input)
        check_dimension("an input", self.input, self.axis.value.data, self.num.value.data)
        if len(self.outputs) != self.num.value.data:
            raise VerifyException(
                f"expected {self.num.value.data} outputs, got {len(self.outputs)}"
            )


@irdl_op_definition
class SplitOp(TflOp):
    """
    SPLIT: a tensor cut into equal pieces along an axis that a scalar tensor names.

    ```mlir
    %a, %b = tfl.split %axis, %x {num_splits = 2 : i32}
         : (tensor<i32>, tensor<4x6xf32>) -> (tensor<4x3xf32>, tensor<4x3xf32>)
    ```
    """

    name = "tfl.split"

    axis = operand_def(TENSOR)
    value = operand_def(TENSOR)
    outputs = var_result_def(TENSOR)

    num_splits = int_option()

    def verify_(self) -> None:
        if len(self.outputs) != self.num_splits.value.data:
            raise VerifyException(
                f"expected {self.num_splits.value.data} outputs, got {len(self.outputs)}"
            )


@irdl_op_definition
class SplitVOp(TflOp):
    """
    SPLIT_V: a tensor cut into pieces of given sizes along an axis, both of them tensors.

    ```mlir
    %a, %b = tfl.split_v %x, %sizes, %axis {num_splits = 2 : i32}
         : (tensor<4x6xf32>, tensor<2xi32>, tensor<i32>) -> (tensor<4x2xf32>, tensor<4x4xf32>)
    ```
    """

    name = "tfl.split_v"

    value = operand_def(TENSOR)
    size_splits = operand_def(TENSOR)
    axis = operand_def(TENSOR)
    outputs = var_result_def(TENSOR)

    num_splits = int_option()

    def verify_(self) -> None:
        if len(self.outputs) != self.num_splits.value.data:
            raise VerifyException(
                f"expected {self.num_splits.value.data} outputs, got {len(self.outputs)}"
            )


class _PadOp(TflOp, ABC):
    """A tensor and, for each axis, how much to put before and after it."""

    input = operand_def(TENSOR)
    paddings = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        _check_paddings(self.input, self.paddings, self.output)


def _check_paddings(input: SSAValue, paddings: SSAValue, output: SSAValue) -> None:
    rank = len(shape_of(input) or ())
    check_rank("paddings", paddings, (2,))
    check_dimension("paddings", paddings, 0, rank)
    check_dimension("paddings", paddings, 1, 2)
    check_rank("an output", output, (rank,))


@irdl_op_definition
class PadOp(_PadOp):
    """
    PAD: zeros (of a quantised tensor, its zero point) around a tensor.

    ```mlir
    %y = tfl.pad %x, %paddings : (tensor<4x4xf32>, tensor<2x2xi32>) -> tensor<6x6xf32>
    ```
    """

    name = "tfl.pad"


@irdl_op_definition
class Padv2Op(TflOp):
    """
    PADV2: a given value around a tensor.

    ```mlir
    %y = tfl.padv2 %x, %paddings, %value
         : (tensor<4x4xf32>, tensor<2x2xi32>, tensor<f32>) -> tensor<6x6xf32>
    ```
    """

    name = "tfl.padv2"

    input = operand_def(TENSOR)
    paddings = operand_def(TENSOR)
    constant_values = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        _check_paddings(self.input, self.paddings, self.output)


@irdl_op_definition
class MirrorPadOp(_PadOp):
    """
    MIRROR_PAD: a tensor's own elements around it, the border repeated when symmetric.

    ```mlir
    %y = tfl.mirror_pad %x, %paddings {mode = "SYMMETRIC"}
         : (tensor<4x4xf32>, tensor<2x2xi32>) -> tensor<6x6xf32>
    ```
    """

    name = "tfl.mirror_pad"

    mode = enum_option(MIRROR_PAD_MODE, "REFLECT")


@irdl_op_definition
class TileOp(TflOp):
    """
    TILE: a tensor repeated along each axis.

    ```mlir
    %y = tfl.tile %x, %multiples : (tensor<2x3xf32>, tensor<2xi32>) -> tensor<4x3xf32>
    ```
    """

    name = "tfl.tile"

    input = operand_def(TENSOR)
    multiples = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        check_rank("multiples", self.multiples, (1,))
        check_dimension("multiples", self.multiples, 0, len(shape_of(self.input) or ()))


@irdl_op_definition
class BroadcastToOp(TflOp):
    """
    BROADCAST_TO: a tensor stretched to a shape.

    ```mlir
    %y = tfl.broadcast_to %x, %shape : (tensor<1x3xf32>, tensor<2xi32>) -> tensor<4x3xf32>
    ```
    """

    name = "tfl.broadcast_to"

    input = operand_def(TENSOR)
    shape = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        check_rank("a shape", self.shape, (1,))


@irdl_op_definition
class ReverseV2Op(TflOp):
    """
    REVERSE_V2: a tensor back to front along the axes that a tensor names.

    ```mlir
    %y = tfl.reverse_v2 %x, %axis : (tensor<4x3xf32>, tensor<1xi32>) -> tensor<4x3xf32>
    ```
    """

    name = "tfl.reverse_v2"

    input = operand_def(TENSOR)
    axis = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        check_rank("axes", self.axis, (1,))
        check_same_shape("an input and an output", self.input, self.output)


@irdl_op_definition
class ReverseSequenceOp(TflOp):
    """
    REVERSE_SEQUENCE: the first `seq_lengths[b]` elements of each batch b back to front.

    ```mlir
    %y = tfl.reverse_sequence %x, %lengths {seq_dim = 1 : i32, batch_dim = 0 : i32}
         : (tensor<2x8xf32>, tensor<2xi32>) -> tensor<2x8xf32>
    ```
    """

    name = "tfl.reverse_sequence"

    input = operand_def(TENSOR)
    seq_lengths = operand_def(TENSOR)
    output = result_def(TENSOR)

    seq_dim = int_option(0)
    batch_dim = int_option(0)

    def verify_(self) -> None:
        check_axis(self.seq_dim.value.data, self.input)
        check_axis(self.batch_dim.value.data, self.input)
        check_same_shape("an input and an output", self.input, self.output)


@irdl_op_definition
class SpaceToBatchNDOp(TflOp):
    """
    SPACE_TO_BATCH_ND: blocks of space, after padding, moved into the batch.

    ```mlir
    %y = tfl.space_to_batch_nd %x, %block, %paddings
         : (tensor<1x4x4x3xf32>, tensor<2xi32>, tensor<2x2xi32>) -> tensor<4x2x2x3xf32>
    ```
    """

    name = "tfl.space_to_batch_nd"

    input = operand_def(TENSOR)
    block_shape = operand_def(TENSOR)
    paddings = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        check_rank("a block shape", self.block_shape, (1,))
        check_rank("paddings", self.paddings, (2,))


@irdl_op_definition
class BatchToSpaceNDOp(TflOp):
    """
    BATCH_TO_SPACE_ND: blocks of the batch moved into space, which is then cropped.

    ```mlir
    %y = tfl.batch_to_space_nd %x, %block, %crops
         : (tensor<4x2x2x3xf32>, tensor<2xi32>, tensor<2x2xi32>) -> tensor<1x4x4x3xf32>
    ```
    """

    name = "tfl.batch_to_space_nd"

    input = operand_def(TENSOR)
    block_shape = operand_def(TENSOR)
    crops = operand_def(TENSOR)
    output = result_def(TENSOR)

    def verify_(self) -> None:
        check_rank("a block shape", self.block_shape, (1,))
        check_rank("crops", self.crops, (2,))


class _BlockOp(TflOp, ABC):
    """Square blocks exchanged between space and channels, NHWC."""

    input = operand_def(TENSOR)
    output = result_def(TENSOR)

    block_size = int_option()

    def verify_(self) -> None:
        check_positive(block_size=self.block_size)
        check_rank("an input", self.input, (4,))
        check_rank("an output", self.output, (4,))
        check_same_count(self.input, self.output)


@irdl_op_definition
class SpaceToDepthOp(_BlockOp):
    """
    SPACE_TO_DEPTH: blocks of space moved into the channels.

    ```mlir
    %y = tfl.space_to_depth %x {block_size = 2 : i32}
         : (tensor<1x4x4x3xf32>) -> tensor<1x2x2x12xf32>
    ```
    """

    name = "tfl.space_to_depth"


@irdl_op_definition
class DepthToSpaceOp(_BlockOp):
    """
    DEPTH_TO_SPACE: channels moved into blocks of space.

    ```mlir
    %y = tfl.depth_to_space %x {block_size = 2 : i32}
         : (tensor<1x2x2x12xf32>) -> tensor<1x4x4x3xf32>
    ```
    """

    name = "tfl.depth_to_space"


class _ResizeOp(TflOp, ABC):
    """An NHWC image brought to the height and width that a tensor gives."""

    input = operand_def(TENSOR)
    size = operand_def(TENSOR)
    output = result_def(TENSOR)

    align_corners = bool_option()
    half_pixel_centers = bool_option()

    def verify_(self) -> None:
        check_rank("an input", self.input, (4,))
        check_rank("a size", self.size, (1,))
        check_dimension("a size", self.size, 0, 2)
        check_rank("an output", self.output, (4,))


@irdl_op_definition
class ResizeBilinearOp(_ResizeOp):
    """
    RESIZE_BILINEAR.

    ```mlir
    %y = tfl.resize_bilinear %x, %size {half_pixel_centers = true}
         : (tensor<1x4x4x3xf32>, tensor<2xi32>) -> tensor<1x8x8x3xf32>
    ```
    """

    name = "tfl.resize_bilinear"


@irdl_op_definition
class ResizeNearestNeighborOp(_ResizeOp):
    """
    RESIZE_NEAREST_NEIGHBOR.

    ```mlir
    %y = tfl.resize_nearest_neighbor %x, %size
         : (tensor<1x4x4x3xf32>, tensor<2xi32>) -> tensor<1x8x8x3xf32>
    ```
    """

    name = "tfl.resize_nearest_neighbor"


@irdl_op_definition
class DilateOp(TflOp):
    """
    DILATE: a padding value put between the elements of each axis.

    ```mlir
    %y = tfl.dilate %x, %dilations, %value
         : (tensor<2x2xf32>, tensor<2xi32>, tensor<f32>) -> tensor<3x3xf32>
    ```
    """

    name = "tfl.dilate"

    input = operand_def(TENSOR)
    dilations = operand_def(TENSOR)
    padding_value = operand_def(TENSOR)
    output = result_def(TENSOR)


MOVEMENT_OPS = (
    ReshapeOp,
    SqueezeOp,
    ExpandDimsOp,
    TransposeOp,
    ConcatenationOp,
    PackOp,
    UnpackOp,
    SplitOp,
    SplitVOp,
    PadOp,
    Padv2Op,
    MirrorPadOp,
    TileOp,
    BroadcastToOp,
    ReverseV2Op,
    ReverseSequenceOp,
    SpaceToBatchNDOp,
    BatchToSpaceNDOp,
    SpaceToDepthOp,
    DepthToSpaceOp,
    ResizeBilinearOp,
    ResizeNearestNeighborOp,
    DilateOp,
)
