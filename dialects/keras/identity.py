"""The layers of the `keras` dialect that do something in training only."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from xdsl.irdl import irdl_op_definition

from nnc.dialects.keras.base import SameShapeOp


class IdentityLayerOp(SameShapeOp, ABC):
    """A layer whose result is its input once it is trained."""

    TRAINING_ONLY: ClassVar[bool] = True


@irdl_op_definition
class IdentityOp(IdentityLayerOp):
    """
    The input.

    ```mlir
    %y = keras.identity %x : (tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.identity"


@irdl_op_definition
class DropoutOp(IdentityLayerOp):
    """
    The input; in training some elements of it.

    ```mlir
    %y = keras.dropout %x : (tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.dropout"


@irdl_op_definition
class SpatialDropout1DOp(IdentityLayerOp):
    """
    The input; in training some channels of it.

    ```mlir
    %y = keras.spatial_dropout1d %x : (tensor<1x8x4xf32>) -> tensor<1x8x4xf32>
    ```
    """

    name = "keras.spatial_dropout1d"


@irdl_op_definition
class SpatialDropout2DOp(IdentityLayerOp):
    """
    The input; in training some channels of it.

    ```mlir
    %y = keras.spatial_dropout2d %x : (tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32>
    ```
    """

    name = "keras.spatial_dropout2d"


@irdl_op_definition
class AlphaDropoutOp(IdentityLayerOp):
    """
    The input; in training some elements of it.

    ```mlir
    %y = keras.alpha_dropout %x : (tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.alpha_dropout"


@irdl_op_definition
class GaussianDropoutOp(IdentityLayerOp):
    """
    The input; in training multiplied with noise.

    ```mlir
    %y = keras.gaussian_dropout %x : (tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.gaussian_dropout"


@irdl_op_definition
class GaussianNoiseOp(IdentityLayerOp):
    """
    The input; in training with noise added.

    ```mlir
    %y = keras.gaussian_noise %x : (tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.gaussian_noise"


@irdl_op_definition
class ActivityRegularizationOp(IdentityLayerOp):
    """
    The input; in training it adds to the loss.

    ```mlir
    %y = keras.activity_regularization %x : (tensor<1x8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.activity_regularization"


@irdl_op_definition
class RandomFlipOp(IdentityLayerOp):
    """
    The image; in training sometimes mirrored.

    ```mlir
    %y = keras.random_flip %x : (tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32>
    ```
    """

    name = "keras.random_flip"


@irdl_op_definition
class RandomRotationOp(IdentityLayerOp):
    """
    The image; in training turned.

    ```mlir
    %y = keras.random_rotation %x : (tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32>
    ```
    """

    name = "keras.random_rotation"


@irdl_op_definition
class RandomZoomOp(IdentityLayerOp):
    """
    The image; in training stretched.

    ```mlir
    %y = keras.random_zoom %x : (tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32>
    ```
    """

    name = "keras.random_zoom"


@irdl_op_definition
class RandomTranslationOp(IdentityLayerOp):
    """
    The image; in training moved.

    ```mlir
    %y = keras.random_translation %x : (tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32>
    ```
    """

    name = "keras.random_translation"


@irdl_op_definition
class RandomContrastOp(IdentityLayerOp):
    """
    The image; in training with another contrast.

    ```mlir
    %y = keras.random_contrast %x : (tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32>
    ```
    """

    name = "keras.random_contrast"


@irdl_op_definition
class RandomBrightnessOp(IdentityLayerOp):
    """
    The image; in training brighter or darker.

    ```mlir
    %y = keras.random_brightness %x : (tensor<1x8x8x4xf32>) -> tensor<1x8x8x4xf32>
    ```
    """

    name = "keras.random_brightness"
