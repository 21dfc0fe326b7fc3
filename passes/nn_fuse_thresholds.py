"""
Makes a batch normalisation whose result is only looked at for its sign a threshold of the sum.

A layer gives a sum; what follows (factors, summands, activations) moves the place where its sign
changes, and nothing else. The layer then gives the sign itself, and a bias says where. What follows
a float that is no layer's sum becomes one comparison for each channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType, f32
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.arithmetic import MulOp
from nnc.dialects.nn.conversion import ConstantOp, QuantizeOp
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.deconvolution import ConvTranspose2DOp
from nnc.dialects.nn.pooling import MaxPool2DOp
from nnc.dialects.types import BIN, BinType, element_of, shape_of
from nnc.passes.bounds import bounds_of
from nnc.passes.nn_builder import make
from nnc.passes.nn_rewriter import rewrite
from nnc.passes.signs_once import SignsOnce
from nnc.passes.step_functions import (
    Signs,
    Step,
    Sums,
    every_float,
    reach,
    results,
    signs,
    step_of,
)
from nnc.passes.threshold_layers import compared, thresholded

_LAYERS = Conv2DOp | DepthwiseConv2DOp | DenseOp | ConvTranspose2DOp

Mask = npt.NDArray[np.bool_]
"""Some of the channels."""


class NnFuseThresholdsPass(ModulePass):
    """
    The sign of a layer behind any monotone float32 operations with constants becomes the layer's
    own result; thresholds and directions become its bias and its weights. Behind a float that no
    layer gives, or that others need as well, it becomes a comparison.

    Thresholds are found with the arithmetic that they replace, so no sign changes. A maximum on the
    way becomes one of signs; for channels in which what comes behind it falls, of the opposite
    signs, which are turned around behind it. Nothing is done where somebody else needs a result on
    the way.
    """

    name = "nn-fuse-thresholds"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        rewrite(op, [SignsOnce(), _Fuse()])


class _Fuse(RewritePattern):
    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, QuantizeOp) or not isinstance(element_of(op.output), BinType):
            return
        if element_of(op.input) != f32 or not shape_of(op.input):
            return
        for chain in _chains(op.input):
            new = _fused(chain)
            if new is not None:
                rewriter.replace(op, new)
                return


@dataclass
class _Chain:
    """
    The value that a sign comes from, the layer that gives it, if it is a layer's alone, and what
    happens on the way: steps in order, and maxima, the last one first, with the number of steps
    behind each.
    """

    value: SSAValue
    layer: AccumulatingOp | None
    steps: list[Step]
    pools: list[MaxPool2DOp]
    behind: list[int]


def _chains(value: SSAValue) -> list[_Chain]:
    """How a value is made: from the layer that gives the sum, and from the float after it."""
    steps: list[Step] = []
    pools: list[MaxPool2DOp] = []
    behind: list[int] = []
    channels = shape_of(value)[-1]
    while value.has_one_use():
        owner = value.owner
        if isinstance(owner, MaxPool2DOp) and bounds_of(owner) == (None, None):
            pools.append(owner)
            behind.append(len(steps))
            value = owner.input
            continue
        found = step_of(owner, channels)
        if found is None:
            break
        step, value = found
        steps.append(step)
    steps.reverse()
    chains: list[_Chain] = []
    owner = value.owner
    if isinstance(owner, _LAYERS) and value.has_one_use() and element_of(value) == f32:
        chains.append(_Chain(value, owner, steps, pools, behind))
    if steps:
        chains.append(_Chain(value, None, steps, pools, behind))
    return chains


def _fused(chain: _Chain) -> list[Operation] | None:
    """The ops that give the sign at the end of a chain."""
    layer, channels = chain.layer, shape_of(chain.value)[-1]
    most = every_float(channels) if layer is None else reach(layer)
    change = None if most is None else signs(layer, chain.steps, most)
    if most is None or change is None:
        return None
    # For each maximum, first to last, the channels in which it is that of the opposite signs.
    turned = [_falling(chain, change, most, behind) for behind in reversed(chain.behind)]
    none = np.zeros(channels, np.bool_)
    before, after = [none, *turned], [*turned, none]
    start = change.inverted(after[0])
    new = compared(chain.value, start) if layer is None else thresholded(layer, start)
    if new is None:
        return None
    for number, pool in enumerate(reversed(chain.pools), 1):
        result = TensorType(BIN, shape_of(pool.output))
        new.append(make(MaxPool2DOp, [new[-1].results[0]], result, **pool.properties))
        new.extend(_turned(new[-1].results[0], before[number] ^ after[number]))
    return new


def _falling(chain: _Chain, change: Signs, most: Sums, behind: int) -> Mask:
    """
    The channels in which a larger value `behind` steps before the end may turn a positive sign into
    a negative one: the value there and the sign change in opposite directions with the sum.
    """
    before = chain.steps[: len(chain.steps) - behind]
    at_low, at_high = (results(chain.layer, before, sums)[-1] for sums in (-most, most))
    return np.asarray(((at_high >= at_low) != change.rising) & ~change.constant)


def _turned(value: SSAValue, channels: Mask) -> Sequence[Operation]:
    """The opposite signs for some channels."""
    if not channels.any():
        return []
    constant = ConstantOp.of(channels, BIN)
    return [constant, make(MulOp, [value, constant.output], value.type)]
