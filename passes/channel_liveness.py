"""
Which channels of a quantised network anything depends on.

A channel is the index along the last axis of a tensor. A convolution or a dense layer needs a
channel of its input only if some output that is needed has a weight on it, unless the channel is
constant in such a way that a bias can take its part. Layers that work on each channel by itself
have the same channels on both sides. The needed sets only grow, until nothing changes any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.arithmetic import AddOp, BinaryOp, MulOp, SubOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.binary import MaximumOp, MinimumOp
from nnc.dialects.nn.conversion import ClampOp, ConstantOp, LookupOp, RequantizeOp, ReshapeOp
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.placement import ConcatOp, PadOp
from nnc.dialects.nn.pooling import AveragePool2DOp, MaxPool2DOp
from nnc.dialects.nn.reduction import ReduceMaxOp, ReduceMeanOp
from nnc.dialects.nn.resize import ResizeNearestOp
from nnc.dialects.types import Array, quantization_of, shape_of
from nnc.passes.intervals import Interval, is_plain_sum

_BINARY = (AddOp, SubOp, MulOp, MaximumOp, MinimumOp)
_UNARY = (
    *(MaxPool2DOp, AveragePool2DOp, ReduceMaxOp, ReduceMeanOp, PadOp),
    *(ResizeNearestOp, RequantizeOp, ClampOp, LookupOp),
)
_LARGEST_BIAS = (1 << 31) - 1


@dataclass
class Mixing:
    """
    A layer whose outputs mix the channels of its input: for each input channel (rows) and output
    channel, whether the output can do without it (`free`) and what the bias then takes over.
    """

    free: Array
    parts: Array

    @classmethod
    def of(cls, op: Conv2DOp | DenseOp, known: Interval | None) -> Mixing:
        """`known` is the interval of the layer's input."""
        assert isinstance(op.weights.owner, ConstantOp)
        weights = op.numbers(op.weights.owner.values, op.weights)
        channels = weights.shape[-1]
        parts = np.zeros((channels, weights.shape[0]))
        free = ~weights.reshape(weights.shape[0], -1, channels).any(axis=1).T
        if known is None:
            return cls(free, parts)
        image = op.numbers(known.low, op.input)
        constant = known.fixed.reshape(-1, channels).all(axis=0)
        for channel in np.flatnonzero(constant):
            if not image[..., channel].any():
                free[channel] = True
                continue
            maps = _alone(op, image, weights, channel).reshape(-1, weights.shape[0])
            same = (maps == maps[0]).all(axis=0)
            parts[channel] = np.where(same & ~free[channel], maps[0], 0)
            free[channel] |= same
        return cls(free, parts) if _fits(op, parts) else cls(free & (parts == 0), parts * 0)


def _alone(op: Conv2DOp | DenseOp, image: Array, weights: Array, channel: int) -> Array:
    """What one input channel adds to every output."""
    only = np.zeros_like(image)
    only[..., channel] = image[..., channel]
    return op.sums(only, weights)


def _fits(op: AccumulatingOp, parts: Array) -> bool:
    """Whether a bias holds whichever of these parts are added to it."""
    bias = np.zeros(1) if op.bias is None else _values(op.bias).astype(np.float64)
    return bool((np.abs(bias) + np.abs(parts).sum(axis=0) <= _LARGEST_BIAS).all())


def _values(constant: SSAValue) -> Array:
    assert isinstance(constant.owner, ConstantOp)
    return constant.owner.values


class Liveness:
    """
    The channels of every value of a function that are needed (`needed`), found by `run`, and the
    layers that mix channels.
    """

    def __init__(self, function: FuncOp, known: dict[SSAValue, Interval]):
        """`known` has the intervals of the function's values."""
        self.known = known
        self.needed: dict[SSAValue, Array] = {}
        self.mixing: dict[Operation, Mixing] = {}
        self._block = function.body.block
        self._grown = False

    def run(self) -> None:
        """Finds what is needed."""
        ops = list(self._block.ops)
        values = [*self._block.args, *(result for op in ops for result in op.results)]
        self.needed = {value: np.zeros(channels_of(value), np.bool_) for value in values}
        for value in self._block.args:
            self._need(value)
        self._grown = True
        while self._grown:
            self._grown = False
            for op in reversed(ops):
                self._visit(op)
            if not self._grown:
                self._keep_one(values)

    def _keep_one(self, values: Sequence[SSAValue]) -> None:
        """A tensor has at least one channel."""
        for value in values:
            if not self.needed[value].any() and not isinstance(value.owner, ConstantOp):
                self._need(value, np.arange(channels_of(value)) == 0)

    def _need(self, value: SSAValue, channels: Array | bool = True) -> None:
        have = self.needed[value]
        if (have | channels).sum() != have.sum():
            have |= channels
            self._grown = True

    def _visit(self, op: Operation) -> None:
        match op:
            case ConstantOp():
                return
            case Conv2DOp() | DenseOp() if is_plain_sum(op) and _is_one_group(op):
                self._mix(op)
            case DepthwiseConv2DOp() if is_plain_sum(op):
                self._repeat(op.output, op.input, op.multiplier)
            case ReshapeOp():
                self._reshape(op)
            case ConcatOp():
                self._concat(op)
            case AddOp() | SubOp() | MulOp() | MaximumOp() | MinimumOp() if _is_per_tensor(op):
                self._lock([*filter(self._is_locked(op), op.operands), op.output])
            case _ if isinstance(op, _UNARY) and _keeps_channels(op):
                self._lock([op.operands[0], op.results[0]])
            case _:
                for value in (*op.operands, *op.results):
                    self._need(value)

    def _mix(self, op: Conv2DOp | DenseOp) -> None:
        if op not in self.mixing:
            self.mixing[op] = Mixing.of(op, self.known.get(op.input))
        kept = self.needed[op.output]
        self._need(op.input, ~self.mixing[op].free[:, kept].all(axis=1))

    def _is_locked(self, op: BinaryOp) -> Callable[[SSAValue], bool]:
        wide = channels_of(op.output)
        return lambda it: not isinstance(it.owner, ConstantOp) and channels_of(it) == wide

    def _lock(self, values: Sequence[SSAValue]) -> None:
        union = np.logical_or.reduce([self.needed[value] for value in values])
        for value in values:
            self._need(value, union)

    def _repeat(self, large: SSAValue, small: SSAValue, times: int) -> None:
        """Each channel of `small` stands for so many neighbours of `large`."""
        have = self.needed[small] | self.needed[large].reshape(-1, times).any(axis=1)
        self._need(small, have)
        self._need(large, np.repeat(have, times))

    def _reshape(self, op: ReshapeOp) -> None:
        small, large = sorted((op.input, op.output), key=channels_of)
        if channels_of(large) % channels_of(small) or isinstance(op.input.owner, ConstantOp):
            self._need(small)
            self._need(large)
            return
        have = self.needed[small] | self.needed[large].reshape(-1, channels_of(small)).any(axis=0)
        self._need(small, have)
        self._need(large, np.tile(have, channels_of(large) // channels_of(small)))

    def _concat(self, op: ConcatOp) -> None:
        if op.axis.value.data != len(shape_of(op.output)) - 1:
            self._lock([*op.operands, op.output])
            return
        first = 0
        for part in op.operands:
            own = np.zeros_like(self.needed[op.output])
            own[first : first + channels_of(part)] = self.needed[part]
            self._need(part, self.needed[op.output][first : first + channels_of(part)])
            self._need(op.output, own)
            first += channels_of(part)


def channels_of(value: SSAValue) -> int:
    """The extent of the last axis; 1 for a scalar."""
    shape = shape_of(value)
    return shape[-1] if shape else 1


def _is_one_group(op: Conv2DOp | DenseOp) -> bool:
    return not isinstance(op, Conv2DOp) or op.groups.value.data == 1


def _is_per_tensor(op: NnOp) -> bool:
    kinds = [quantization_of(value) for value in (*op.operands, *op.results)]
    return all(kind is not None and kind.axis is None for kind in kinds)


def _keeps_channels(op: NnOp) -> bool:
    """Whether channels are the same on both sides of an op that works on each by itself."""
    return channels_of(op.operands[0]) == channels_of(op.results[0]) and _is_per_tensor(op)
