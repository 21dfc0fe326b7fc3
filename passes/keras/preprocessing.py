"""Layers that prepare images."""

from __future__ import annotations

import numpy as np
from xdsl.ir import SSAValue

from nnc.dialects.keras import preprocessing as source
from nnc.dialects.nn.arithmetic import AddOp, MulOp
from nnc.dialects.types import shape_of
from nnc.passes.keras.layout import Images
from nnc.passes.keras.lowering import Lowering, rewrite
from nnc.passes.keras.reshaping import crop, resized
from nnc.passes.nn_builder import UnsupportedError


@rewrite(source.RescalingOp)
def _rescaling(op: source.RescalingOp, to: Lowering) -> SSAValue:
    value = to.value(op.input)
    scale, offset = (np.asarray(list(it.get_values())) for it in (op.scale, op.offset))
    value = to.binary(MulOp, value, to.number(scale if scale.size > 1 else scale[0]))
    return to.binary(AddOp, value, to.number(offset if offset.size > 1 else offset[0]))


@rewrite(source.ResizingOp)
def _resizing(op: source.ResizingOp, to: Lowering) -> SSAValue:
    for name, option in (
        ("crop_to_aspect_ratio", op.crop_to_aspect_ratio),
        ("pad_to_aspect_ratio", op.pad_to_aspect_ratio),
        ("antialias", op.antialias),
    ):
        if option.value.data:
            raise UnsupportedError(f"{name} is not supported", f"{name}=False works")
    sizes = [op.height.value.data, op.width.value.data]
    layout = op.layout(shape_of(op.input))
    return resized(to, to.value(op.input), layout, sizes, op.interpolation.data)


@rewrite(source.CenterCropOp)
def _center_crop(op: source.CenterCropOp, to: Lowering) -> SSAValue:
    layout = op.layout(shape_of(op.input))
    sizes = [op.height.value.data, op.width.value.data]
    room = [extent - size for extent, size in zip(layout.spatial, sizes, strict=True)]
    if min(room) < 0:
        raise UnsupportedError(
            f"expected images of at least {sizes[0]} x {sizes[1]}, got {layout.spatial}",
            "a Resizing layer before it works",
        )
    images = Images.of(to, to.value(op.input), layout)
    before = [extent // 2 for extent in room]
    after = [extent - first for extent, first in zip(room, before, strict=True)]
    return images.back(crop(to, images.value, before, after))
