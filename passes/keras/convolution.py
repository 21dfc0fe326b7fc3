"""
Convolutions. Weights HWIO become OHWI, and of depthwise ones 1HW(CM).

The convolution over a sequence is that over an image of one row.
"""

from __future__ import annotations

import numpy as np
from xdsl.ir import SSAValue

from nnc.dialects.keras import convolution as source
from nnc.dialects.nn.convolution import Conv2DOp, DepthwiseConv2DOp
from nnc.dialects.nn.deconvolution import ConvTranspose2DOp
from nnc.dialects.types import Array, shape_of
from nnc.passes.keras.activation import activate
from nnc.passes.keras.layout import Images, padding_of
from nnc.passes.keras.lowering import Lowering, floats, rewrite
from nnc.passes.nn_builder import UnsupportedError, integer, integers


def over_images(kernel: Array) -> Array:
    """Weights over sequences as weights over images of one row."""
    return kernel if kernel.ndim == 4 else kernel[None]


def _bias(op: source.WindowOp, to: Lowering) -> SSAValue | None:
    bias = to.weight(op, "bias")
    return None if bias is None else to.number(bias)


def _padding(op: source.WindowOp, images: Images) -> list[int]:
    """[top, bottom, left, right]."""
    axes = zip(images.layout.spatial, op.kernel, op.steps, op.dilations, strict=True)
    pads = [pad for axis in axes for pad in padding_of(op.padding.data, *axis)]
    return pads if len(pads) == 4 else [0, 0, *pads]


def _spatial(op: source.WindowOp, images: Images) -> list[int]:
    """The height and width of the result."""
    return Images.pair(op.spatial(images.layout.spatial))


@rewrite(source.Conv1DOp, source.Conv2DOp)
def _convolution(op: source.ConvOp, to: Lowering) -> SSAValue:
    images = Images.of(to, to.value(op.input), op.layout(shape_of(op.input)))
    kernel = over_images(to.needed(op, "kernel"))
    value = to.op(
        Conv2DOp,
        [images.value, to.number(kernel.transpose(3, 0, 1, 2)), _bias(op, to)],
        floats([images.layout.batch, *_spatial(op, images), kernel.shape[3]]),
        strides=integers(Images.pair(op.steps)),
        dilations=integers(Images.pair(op.dilations)),
        padding=integers(_padding(op, images)),
        groups=integer(op.groups.value.data),
    )
    return images.back(activate(to, value, op.activation))


def _depthwise_part(
    op: source.DepthwiseOp | source.SeparableOp,
    to: Lowering,
    images: Images,
    bias: SSAValue | None,
) -> SSAValue:
    kernel = over_images(to.needed(op, "depthwise_kernel"))
    height, width, channels, multiplier = kernel.shape
    outputs = channels * multiplier
    return to.op(
        DepthwiseConv2DOp,
        [images.value, to.number(kernel.reshape(1, height, width, outputs)), bias],
        floats([images.layout.batch, *_spatial(op, images), outputs]),
        strides=integers(Images.pair(op.steps)),
        dilations=integers(Images.pair(op.dilations)),
        padding=integers(_padding(op, images)),
    )


@rewrite(source.DepthwiseConv1DOp, source.DepthwiseConv2DOp)
def _depthwise(op: source.DepthwiseOp, to: Lowering) -> SSAValue:
    if op.groups.value.data != 1:
        raise UnsupportedError(f"expected 1 group, got {op.groups.value.data}")
    images = Images.of(to, to.value(op.input), op.layout(shape_of(op.input)))
    value = _depthwise_part(op, to, images, _bias(op, to))
    return images.back(activate(to, value, op.activation))


@rewrite(source.SeparableConv1DOp, source.SeparableConv2DOp)
def _separable(op: source.SeparableOp, to: Lowering) -> SSAValue:
    if op.groups.value.data != 1:
        raise UnsupportedError(f"expected 1 group, got {op.groups.value.data}")
    images = Images.of(to, to.value(op.input), op.layout(shape_of(op.input)))
    between = _depthwise_part(op, to, images, None)
    kernel = over_images(to.needed(op, "pointwise_kernel")).transpose(3, 0, 1, 2)
    batch, height, width, _ = shape_of(between)
    value = to.op(
        Conv2DOp,
        [between, to.number(kernel), _bias(op, to)],
        floats([batch, height, width, kernel.shape[0]]),
        strides=integers([1, 1]),
        dilations=integers([1, 1]),
        padding=integers([0, 0, 0, 0]),
        groups=integer(1),
    )
    return images.back(activate(to, value, op.activation))


@rewrite(source.Conv1DTransposeOp, source.Conv2DTransposeOp)
def _transposed(op: source.TransposedOp, to: Lowering) -> SSAValue:
    """
    What is cut off at the start is what a convolution over the result would pad with there
    (`conv2d_backprop_input`).
    """
    if op.groups.value.data != 1:
        raise UnsupportedError(f"expected 1 group, got {op.groups.value.data}")
    images = Images.of(to, to.value(op.input), op.layout(shape_of(op.input)))
    dilations = Images.pair(op.dilations)
    kernel = dilated(over_images(to.needed(op, "kernel")), dilations)
    extents = op.spatial(images.layout.spatial)
    axes = zip(extents, op.kernel, op.steps, op.dilations, strict=True)
    cut = [padding_of(op.padding.data, *axis)[0] for axis in axes]
    value = to.op(
        ConvTranspose2DOp,
        [images.value, to.number(kernel.transpose(2, 0, 1, 3)), _bias(op, to)],
        floats([images.layout.batch, *Images.pair(extents), kernel.shape[2]]),
        strides=integers(Images.pair(op.steps)),
        padding=integers(Images.pair(cut, before=0)),
    )
    return images.back(activate(to, value, op.activation))


def dilated(kernel: Array, dilations: list[int]) -> Array:
    """A kernel with zeros between its taps, which reaches as far as the dilated one."""
    height, width = (
        (taps - 1) * step + 1 for taps, step in zip(kernel.shape[:2], dilations, strict=True)
    )
    result = np.zeros((height, width, *kernel.shape[2:]), kernel.dtype)
    result[:: dilations[0], :: dilations[1]] = kernel
    return result
