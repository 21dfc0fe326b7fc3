"""Pooling."""

from __future__ import annotations

from xdsl.ir import SSAValue

from nnc.dialects.keras import pooling as source
from nnc.dialects.nn.pooling import AveragePool2DOp, MaxPool2DOp
from nnc.dialects.nn.reduction import ReduceMaxOp, ReduceMeanOp
from nnc.dialects.types import shape_of
from nnc.passes.keras.layout import Images, padding_of
from nnc.passes.keras.lowering import Lowering, floats, rewrite
from nnc.passes.nn_builder import integers


def _pool(op: source.PoolOp, to: Lowering, kind: type[MaxPool2DOp | AveragePool2DOp]) -> SSAValue:
    layout = op.layout(shape_of(op.input))
    images = Images.of(to, to.value(op.input), layout)
    axes = list(zip(layout.spatial, op.window, op.steps, strict=True))
    pads = [pad for axis in axes for pad in padding_of(op.padding.data, *axis, 1)]
    (shape,) = op.result_shapes([shape_of(op.input)])
    spatial = op.layout(shape).spatial
    value = to.op(
        kind,
        [images.value],
        floats([layout.batch, *Images.pair(spatial), layout.channels]),
        kernel=integers(Images.pair(op.window)),
        strides=integers(Images.pair(op.steps)),
        padding=integers(pads if len(pads) == 4 else [0, 0, *pads]),
    )
    return images.back(value)


@rewrite(source.MaxPooling1DOp, source.MaxPooling2DOp)
def _max_pool(op: source.PoolOp, to: Lowering) -> SSAValue:
    return _pool(op, to, MaxPool2DOp)


@rewrite(source.AveragePooling1DOp, source.AveragePooling2DOp)
def _average_pool(op: source.PoolOp, to: Lowering) -> SSAValue:
    return _pool(op, to, AveragePool2DOp)


def _global_pool(
    op: source.GlobalPoolOp, to: Lowering, kind: type[ReduceMaxOp | ReduceMeanOp]
) -> SSAValue:
    layout = op.layout(shape_of(op.input))
    value = to.value(op.input)
    if layout.first:
        value = to.transpose(value, [0, *range(2, op.RANK + 2), 1])
    value = to.reduce(kind, value, range(1, op.RANK + 1))
    (shape,) = op.result_shapes([shape_of(op.input)])
    return to.reshape(value, shape)


@rewrite(source.GlobalMaxPooling1DOp, source.GlobalMaxPooling2DOp)
def _global_max_pool(op: source.GlobalPoolOp, to: Lowering) -> SSAValue:
    return _global_pool(op, to, ReduceMaxOp)


@rewrite(source.GlobalAveragePooling1DOp, source.GlobalAveragePooling2DOp)
def _global_average_pool(op: source.GlobalPoolOp, to: Lowering) -> SSAValue:
    return _global_pool(op, to, ReduceMeanOp)
