"""Layers that move data, and those that do something in training only."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase, f32
from xdsl.ir import SSAValue

from nnc.dialects.keras import identity, wrapping
from nnc.dialects.keras import reshaping as source
from nnc.dialects.keras.layout import Layout, per_axis
from nnc.dialects.nn.movement import BroadcastToOp, SliceOp
from nnc.dialects.nn.placement import PadOp
from nnc.dialects.nn.resize import ResizeBilinearOp, ResizeNearestOp
from nnc.dialects.types import shape_of
from nnc.passes.keras.layout import Images
from nnc.passes.keras.lowering import Lowering, floats, rewrite
from nnc.passes.nn_builder import UnsupportedError, integers, real


@rewrite(
    identity.IdentityOp,
    identity.DropoutOp,
    identity.SpatialDropout1DOp,
    identity.SpatialDropout2DOp,
    identity.AlphaDropoutOp,
    identity.GaussianDropoutOp,
    identity.GaussianNoiseOp,
    identity.ActivityRegularizationOp,
    identity.RandomFlipOp,
    identity.RandomRotationOp,
    identity.RandomZoomOp,
    identity.RandomTranslationOp,
    identity.RandomContrastOp,
    identity.RandomBrightnessOp,
)
def _identity(op: identity.IdentityLayerOp, to: Lowering) -> SSAValue:
    return to.value(op.input)


@rewrite(source.ReshapeOp, wrapping.FoldStepsOp, wrapping.UnfoldStepsOp)
def _reshape(
    op: source.ReshapeOp | wrapping.FoldStepsOp | wrapping.UnfoldStepsOp, to: Lowering
) -> SSAValue:
    (shape,) = op.result_shapes([shape_of(op.input)])
    return to.reshape(to.value(op.input), shape)


@rewrite(source.FlattenOp)
def _flatten(op: source.FlattenOp, to: Lowering) -> SSAValue:
    """Channels come last, wherever they are in the input."""
    value, rank = to.value(op.input), len(shape_of(op.input))
    if op.data_format.data == "channels_first" and rank > 2:
        value = to.transpose(value, [0, *range(2, rank), 1])
    (shape,) = op.result_shapes([shape_of(op.input)])
    return to.reshape(value, shape)


@rewrite(source.PermuteOp)
def _permute(op: source.PermuteOp, to: Lowering) -> SSAValue:
    return to.transpose(to.value(op.input), [0, *op.dims.get_values()])


@rewrite(source.RepeatVectorOp)
def _repeat(op: source.RepeatVectorOp, to: Lowering) -> SSAValue:
    batch, size = shape_of(op.input)
    row = to.reshape(to.value(op.input), [batch, 1, size])
    return to.op(BroadcastToOp, [row], floats([batch, op.n.value.data, size]))


@rewrite(wrapping.ReverseOp)
def _reverse(op: wrapping.ReverseOp, to: Lowering) -> SSAValue:
    return reverse(to, to.value(op.input), 1)


def reverse(to: Lowering, value: SSAValue, axis: int) -> SSAValue:
    """The value with an axis backwards."""
    shape = shape_of(value)
    begin = [shape[axis] - 1 if it == axis else 0 for it in range(len(shape))]
    strides = [-1 if it == axis else 1 for it in range(len(shape))]
    return to.op(SliceOp, [value], floats(shape), begin=integers(begin), strides=integers(strides))


@rewrite(source.ZeroPadding1DOp, source.ZeroPadding2DOp)
def _pad(op: source.ZeroPaddingOp, to: Lowering) -> SSAValue:
    images = Images.of(to, to.value(op.input), op.layout(shape_of(op.input)))
    before, after = (Images.pair(it, 0) for it in zip(*op.pairs(op.padding), strict=True))
    batch, height, width, channels = shape_of(images.value)
    shape = [batch, height + before[0] + after[0], width + before[1] + after[1], channels]
    value = to.op(
        PadOp, [images.value], floats(shape), before=integers([0, *before, 0]), value=real(0.0)
    )
    return images.back(value)


@rewrite(source.Cropping1DOp, source.Cropping2DOp)
def _crop(op: source.CroppingOp, to: Lowering) -> SSAValue:
    images = Images.of(to, to.value(op.input), op.layout(shape_of(op.input)))
    before, after = (Images.pair(it, 0) for it in zip(*op.pairs(op.cropping), strict=True))
    return images.back(crop(to, images.value, before, after))


def crop(to: Lowering, image: SSAValue, before: list[int], after: list[int]) -> SSAValue:
    """An image without rows and columns at its start and its end."""
    batch, height, width, channels = shape_of(image)
    shape = [batch, height - before[0] - after[0], width - before[1] - after[1], channels]
    return to.op(
        SliceOp,
        [image],
        floats(shape),
        begin=integers([0, *before, 0]),
        strides=integers([1, 1, 1, 1]),
    )


@rewrite(source.UpSampling1DOp, source.UpSampling2DOp)
def _up_sampling(op: source.UpSamplingOp, to: Lowering) -> SSAValue:
    layout = op.layout(shape_of(op.input))
    interpolation = op.interpolation.data if isinstance(op, source.UpSampling2DOp) else "nearest"
    sizes = per_axis(op.size, op.RANK, "a size")
    spatial = [extent * size for extent, size in zip(layout.spatial, sizes, strict=True)]
    return resized(to, to.value(op.input), layout, Images.pair(spatial), interpolation)


def resized(
    to: Lowering, value: SSAValue, layout: Layout, sizes: list[int], interpolation: str
) -> SSAValue:
    """
    Images of another height and width. A pixel's centre is in its middle.

    Source: `tf.image.resize` (version 2), which both generations of Keras call.
    """
    images = Images.of(to, value, layout)
    batch, height, width, channels = shape_of(images.value)
    result = floats([batch, *sizes, channels])
    extents = list(zip((height, width), sizes, strict=True))
    if interpolation == "nearest":
        rows, columns = (
            [int((place + 0.5) * extent / size) for place in range(size)]
            for extent, size in extents
        )
        kind = ResizeNearestOp
        places = {"rows": integers(rows), "columns": integers(columns)}
    elif interpolation == "bilinear":
        kind = ResizeBilinearOp
        names = ("rows", "columns")
        places = {
            name: DenseArrayBase.from_list(f32, _centres(*axis))
            for name, axis in zip(names, extents, strict=True)
        }
    else:
        raise UnsupportedError(
            f"the interpolation '{interpolation}' is not supported", "nearest and bilinear are"
        )
    return images.back(to.op(kind, [images.value], result, **places))


def _centres(extent: int, size: int) -> list[float]:
    """Where in the input the middle of each output pixel lies, not outside of it."""
    scale = np.float32(extent) / np.float32(size)
    places = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
    return [float(place) for place in np.clip(places, 0, extent - 1)]
