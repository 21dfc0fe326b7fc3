"""
Makes a batch normalisation whose result is only looked at for its sign a threshold of the sum.

A binary layer gives an integer; what follows (factors, summands, activations) moves the place where
its sign changes, and nothing else. The layer then gives the sign itself, and a bias says where.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType, f32, i32
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.conversion import ConstantOp, QuantizeOp
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.deconvolution import ConvTranspose2DOp
from nnc.dialects.nn.pooling import MaxPool2DOp
from nnc.dialects.types import BIN, BinType, element_of, shape_of
from nnc.passes.bounds import bounds_of
from nnc.passes.nn_builder import make
from nnc.passes.nn_rewriter import rewrite
from nnc.passes.step_functions import Signs, Step, Sums, negated, reach, results, signs, step_of

_LAYERS = Conv2DOp | DepthwiseConv2DOp | DenseOp | ConvTranspose2DOp


class NnFuseThresholdsPass(ModulePass):
    """
    The sign of a layer with an integer sum, behind any monotone float32 operations with constants,
    becomes the layer's own result; thresholds and directions become its bias and its weights.

    Thresholds are found with the arithmetic that they replace, so no sign changes. A maximum on the
    way stays, of signs, if what comes behind it rises. Nothing is done where somebody else needs a
    result on the way.
    """

    name = "nn-fuse-thresholds"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        rewrite(op, [_Fuse()])


class _Fuse(RewritePattern):
    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, QuantizeOp) or not isinstance(element_of(op.output), BinType):
            return
        found = _chain(op.input)
        if found is None:
            return
        most = reach(found.layer)
        change = None if most is None else signs(found.layer, found.steps, most)
        if most is None or change is None or not _rises(found, change, most):
            return
        new = _thresholded(found.layer, change)
        if new is None:
            return
        for pool in reversed(found.pools):
            result = TensorType(BIN, shape_of(pool.output))
            new.append(make(MaxPool2DOp, [new[-1].results[0]], result, **pool.properties))
        rewriter.replace(op, new)


@dataclass
class _Chain:
    """
    The layer that a value comes from, and what happens on the way: steps in order, and maxima,
    the last one first, with the number of steps behind each.
    """

    layer: AccumulatingOp
    steps: list[Step]
    pools: list[MaxPool2DOp]
    behind: list[int]


def _chain(value: SSAValue) -> _Chain | None:
    steps: list[Step] = []
    pools: list[MaxPool2DOp] = []
    behind: list[int] = []
    channels = shape_of(value)[-1] if shape_of(value) else 0
    while value.has_one_use():
        owner = value.owner
        if isinstance(owner, _LAYERS):
            whole = owner.accumulator == i32 and element_of(owner.output) == f32
            return _Chain(owner, steps[::-1], pools, behind) if whole else None
        if isinstance(owner, MaxPool2DOp) and bounds_of(owner) == (None, None):
            pools.append(owner)
            behind.append(len(steps))
            value = owner.input
            continue
        found = step_of(owner, channels)
        if found is None:
            return None
        step, value = found
        steps.append(step)
    return None


def _rises(chain: _Chain, change: Signs, most: Sums) -> bool:
    """
    Whether what comes behind each maximum turns larger values into the same sign or a positive one:
    whether the sign and the value at that place change in one direction with the sum.
    """
    for behind in chain.behind:
        before = chain.steps[: len(chain.steps) - behind]
        at_low, at_high = (results(chain.layer, before, sums)[-1] for sums in (-most, most))
        direction = np.where(change.rising, at_high >= at_low, at_high <= at_low)
        if not (direction | change.constant).all():
            return False
    return True


def _thresholded(layer: AccumulatingOp, change: Signs) -> list[Operation] | None:
    """The layer with a binary result, behind its constants."""
    ops: list[Operation] = []
    weights, bias = layer.weights, np.zeros(change.first.shape, np.int64)
    if layer.bias is not None:
        assert isinstance(layer.bias.owner, ConstantOp)
        bias = layer.bias.owner.values.astype(np.int64)
    if not change.rising.all():
        turned = negated(weights)
        if turned is None:
            return None
        assert isinstance(weights.owner, ConstantOp)
        shape = [1] * turned.ndim
        shape[layer.weight_axis] = -1
        kept = np.where(change.rising.reshape(shape), weights.owner.values, turned)
        ops.append(ConstantOp.of(kept, element_of(weights)))
        weights = ops[-1].results[0]
    # Rising: sum + bias < first. Falling: sum + bias > first, that is -sum - bias + first < 0.
    offset = np.where(change.rising, bias - change.first, change.first - bias)
    ops.append(ConstantOp.of(offset.astype(np.int32), i32))
    properties = {
        name: value
        for name, value in layer.properties.items()
        if name not in ("min", "max", "operandSegmentSizes")
    }
    new = type(layer).build(
        operands=[layer.input, weights, ops[-1].results[0]],
        properties=properties,
        result_types=[TensorType(BIN, shape_of(layer.output))],
    )
    return [*ops, new]
