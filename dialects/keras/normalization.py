"""The layers of the `keras` dialect that normalise."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from math import prod
from typing import ClassVar

from xdsl.irdl import irdl_op_definition
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.keras.base import SameShapeOp, Shape, Weight, axes_of, axis_of, is_set
from nnc.dialects.keras.options import (
    bool_option,
    float_option,
    int_option,
    ints_option,
    opt_floats_option,
    opt_ints_option,
)


class ScaledOp(SameShapeOp, ABC):
    """What normalised values are scaled by, `gamma`, and moved by, `beta`."""

    epsilon = float_option(1e-3)
    center = bool_option(True)
    scale = bool_option(True)

    def weight_list(self) -> Sequence[Weight]:
        gamma = [Weight("gamma")] if is_set(self.scale) else []
        return [*gamma, *([Weight("beta")] if is_set(self.center) else [])]


@irdl_op_definition
class BatchNormalizationOp(ScaledOp):
    """
    Each position of an axis by its own stored mean and variance.

    ```mlir
    %y = keras.batch_normalization %x, %gamma, %beta, %mean, %variance {axis = array<i64: 3>}
      : (tensor<1x8x8x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> tensor<1x8x8x4xf32>
    ```
    """

    name = "keras.batch_normalization"

    IGNORED: ClassVar[frozenset[str]] = frozenset(
        {"momentum", "synchronized", "renorm_momentum", "fused", "virtual_batch_size"}
    )

    axis = ints_option(-1)
    renorm = bool_option()
    renorm_clipping = opt_ints_option()

    def weight_list(self) -> Sequence[Weight]:
        fixed = Weight("moving_mean", frozen=True), Weight("moving_variance", frozen=True)
        return [*super().weight_list(), *fixed]

    def channel_axis(self, rank: int) -> int:
        """The normalised axis. Raises VerifyException for several."""
        axes = axes_of(self.axis.get_values(), rank)
        if len(axes) != 1:
            raise VerifyException(f"expected one axis, got {axes}")
        return axes[0]

    def weight_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        size = inputs[0][self.channel_axis(len(inputs[0]))]
        return [(size,)] * len(self.weight_list())


@irdl_op_definition
class LayerNormalizationOp(ScaledOp):
    """
    All positions of some axes by their own mean and variance.

    ```mlir
    %y = keras.layer_normalization %x, %gamma, %beta
      : (tensor<1x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.layer_normalization"

    axis = ints_option(-1)
    rms_scaling = bool_option()

    def weight_list(self) -> Sequence[Weight]:
        """With `rms_scaling` values are always scaled, and never moved."""
        return [Weight("gamma")] if is_set(self.rms_scaling) else super().weight_list()

    def weight_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        axes = axes_of(self.axis.get_values(), len(inputs[0]))
        return [tuple(inputs[0][axis] for axis in axes)] * len(self.weight_list())


@irdl_op_definition
class GroupNormalizationOp(ScaledOp):
    """
    Groups of channels, each by the mean and variance of all its positions.

    ```mlir
    %y = keras.group_normalization %x, %gamma, %beta {groups = 2 : i64}
      : (tensor<1x8x8x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x8x8x4xf32>
    ```
    """

    name = "keras.group_normalization"

    groups = int_option(32)
    axis = int_option(-1)

    def group_count(self, shape: Shape) -> int:
        """The number of groups. Raises VerifyException where they do not divide the channels."""
        channels = shape[axis_of(self.axis.value.data, len(shape))]
        groups = self.groups.value.data
        groups = channels if groups == -1 else groups
        if groups < 1 or channels % groups:
            raise VerifyException(f"expected groups that divide {channels} channels, got {groups}")
        return groups

    def weight_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        shape = inputs[0]
        return [(shape[axis_of(self.axis.value.data, len(shape))],)] * len(self.weight_list())

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        self.group_count(inputs[0])
        return super().result_shapes(inputs)


@irdl_op_definition
class UnitNormalizationOp(SameShapeOp):
    """
    All positions of some axes by their Euclidean length.

    ```mlir
    %y = keras.unit_normalization %x : (tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.unit_normalization"

    axis = ints_option(-1)


@irdl_op_definition
class RMSNormalizationOp(SameShapeOp):
    """
    All positions of some axes by the root of their mean square.

    ```mlir
    %y = keras.rms_normalization %x, %scale : (tensor<1x8xf32>, tensor<8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.rms_normalization"

    axis = ints_option(-1)
    epsilon = float_option(1e-6)

    def weight_list(self) -> Sequence[Weight]:
        return [Weight("scale")]

    def weight_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        axes = axes_of(self.axis.get_values(), len(inputs[0]))
        return [tuple(inputs[0][axis] for axis in axes)]


@irdl_op_definition
class NormalizationOp(SameShapeOp):
    """
    Each position of some axes by a mean and variance that are settings or weights.

    ```mlir
    %y = keras.normalization %x, %mean, %variance, %count {axis = array<i64: 1>}
      : (tensor<1x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.normalization"

    axis = opt_ints_option()
    invert = bool_option()
    mean = opt_floats_option()
    variance = opt_floats_option()

    def weight_list(self) -> Sequence[Weight]:
        if self.mean is not None:
            return ()
        return [Weight(name, frozen=True) for name in ("mean", "variance", "count")]

    def kept(self, rank: int) -> list[int]:
        """The axes along which mean and variance differ."""
        return [] if self.axis is None else axes_of(self.axis.get_values(), rank)

    def weight_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        shape = tuple(inputs[0][axis] for axis in self.kept(len(inputs[0])))
        return [shape, shape, ()][: len(self.weight_list())]

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        if (self.mean is None) != (self.variance is None):
            raise VerifyException("expected both a mean and a variance, or neither")
        count = prod(inputs[0][axis] for axis in self.kept(len(inputs[0])))
        for values in (self.mean, self.variance):
            if values is not None and len(values) not in (1, count):
                raise VerifyException(f"expected {count} means and variances, got {len(values)}")
        return super().result_shapes(inputs)
