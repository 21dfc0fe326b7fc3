"""
Removes channels on which no output of the network depends.

Training leaves filters whose result is the same whatever the input is: their weights are zero, or
the clamp after them cuts off everything. Such a channel is worth a constant, which the biases of
the layers that read it can take over; then neither it, nor the weights on it, nor what is computed
only for it is needed. What is constant is found by `nnc.passes.intervals`, what is needed by
`nnc.passes.channel_liveness`.
"""

from __future__ import annotations

import numpy as np
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, TensorType, i32
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, SSAValue
from xdsl.passes import ModulePass

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.channels import channels_attribute
from nnc.dialects.nn.conversion import ConstantOp, LookupOp
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.placement import ConcatOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import Array, element_of, shape_of
from nnc.passes.channel_liveness import Liveness, channels_of
from nnc.passes.intervals import intervals


class NnEliminateChannelsPass(ModulePass):
    """
    Removes the channels of int8 and int16 layers that are constant and folded into biases, or that
    nothing reads. Inputs and outputs of the network stay as they are. An op that lost channels
    says in `nn.channels` which of them are left.
    """

    name = "nn-eliminate-channels"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in op.body.block.ops:
            if isinstance(function, FuncOp) and function.body.blocks:
                _eliminate(function)


def _eliminate(function: FuncOp) -> None:
    liveness = Liveness(function, intervals(function))
    liveness.run()
    if all(kept.all() for value, kept in liveness.needed.items() if _is_computed(value)):
        return
    _Slicer(liveness).run(function)


def _is_computed(value: SSAValue) -> bool:
    return not isinstance(value.owner, ConstantOp)


class _Slicer:
    """Rebuilds the ops of a function with the channels that are needed."""

    def __init__(self, liveness: Liveness):
        self.liveness = liveness
        self.values: dict[SSAValue, SSAValue] = {}

    def run(self, function: FuncOp) -> None:
        """Replaces the ops one after the other."""
        old = list(function.body.block.ops)
        for op in old:
            if isinstance(op, NnOp) and self._loses(op):
                self._replace(op)
                continue
            op.operands = [self.values.get(operand, operand) for operand in op.operands]
        for op in reversed(old):
            gone = isinstance(op, ConstantOp) or any(result in self.values for result in op.results)
            if gone and all(result.first_use is None for result in op.results):
                function.body.block.erase_op(op)

    def _loses(self, op: NnOp) -> bool:
        """Whether any operand or result has fewer channels than before."""
        values = [value for value in (*op.operands, *op.results) if _is_computed(value)]
        return not all(self.liveness.needed[value].all() for value in values)

    def _replace(self, op: NnOp) -> None:
        match op:
            case Conv2DOp() | DenseOp():
                operands = self._mixing_operands(op)
            case DepthwiseConv2DOp():
                operands = self._depthwise_operands(op)
            case LookupOp():
                operands = [self._of(op.input), op.table]
            case _:
                operands = [self._aligned(op, number) for number in range(len(op.operands))]
        new = type(op).create(
            operands=operands,
            result_types=[_sliced(it.type, self.liveness.needed[it]) for it in op.results],
            properties=dict(op.properties),
            attributes=op.attributes | channels_attribute(op, self.liveness.needed[op.results[0]]),
            location=op.location,
        )
        block = op.parent_block()
        assert block is not None
        block.insert_op_before(new, op)
        for before, after in zip(op.results, new.results, strict=True):
            after.name_hint = before.name_hint
            self.values[before] = after

    def _of(self, value: SSAValue) -> SSAValue:
        return self.values.get(value, value)

    def _aligned(self, op: NnOp, number: int) -> SSAValue:
        """An operand with the channels that the result has, where it is a constant."""
        operand = op.operands[number]
        if _is_computed(operand):
            return self._of(operand)
        kept = self.liveness.needed[op.results[0]]
        if isinstance(op, ConcatOp) and op.axis.value.data == len(shape_of(op.output)) - 1:
            first = sum(channels_of(before) for before in op.operands[:number])
            kept = kept[first : first + channels_of(operand)]
        if channels_of(operand) != kept.size or kept.all():
            return operand
        return self._constant(operand, _values(operand)[..., kept], _sliced(operand.type, kept))

    def _mixing_operands(self, op: Conv2DOp | DenseOp) -> list[SSAValue]:
        used, kept = self.liveness.needed[op.input], self.liveness.needed[op.output]
        parts = self.liveness.mixing[op].parts[~used].sum(axis=0)[kept]
        weights = _values(op.weights)[kept][..., used]
        kind = TensorType(_sliced_element(op.weights, kept), weights.shape)
        operands = [self._of(op.input), self._constant(op.weights, weights, kind)]
        if op.bias is None and not parts.any():
            return operands
        bias = parts if op.bias is None else parts + _values(op.bias)[kept]
        kind = TensorType(i32, bias.shape)
        return [*operands, self._constant(op.bias or op.weights, bias.astype(np.int32), kind)]

    def _depthwise_operands(self, op: DepthwiseConv2DOp) -> list[SSAValue]:
        kept = self.liveness.needed[op.output]
        constants = [op.weights, *([] if op.bias is None else [op.bias])]
        return [
            self._of(op.input),
            *(
                self._constant(
                    it,
                    _values(it)[..., kept],
                    TensorType(_sliced_element(it, kept), [*shape_of(it)[:-1], int(kept.sum())]),
                )
                for it in constants
            ),
        ]

    def _constant(self, old: SSAValue, values: Array, kind: Attribute) -> SSAValue:
        """A constant beside the one that it takes the place of."""
        assert isinstance(old.owner, ConstantOp) and isinstance(kind, TensorType)
        constant = ConstantOp.of(values, kind.element_type)
        constant.location = old.owner.location
        constant.output.name_hint = old.name_hint
        block = old.owner.parent_block()
        assert block is not None
        block.insert_op_after(constant, old.owner)
        return constant.output


def _values(constant: SSAValue) -> Array:
    assert isinstance(constant.owner, ConstantOp)
    return constant.owner.values


def _sliced(kind: Attribute, kept: Array) -> TensorType[Attribute]:
    """A type with so many channels less."""
    assert isinstance(kind, TensorType)
    return TensorType(kind.element_type, [*kind.get_shape()[:-1], int(kept.sum())])


def _sliced_element(value: SSAValue, kept: Array) -> Attribute:
    """The element type of weights with the scales of the output channels that are left."""
    element = element_of(value)
    if not isinstance(element, UniformQuantizedType) or element.axis is None:
        return element
    return UniformQuantizedType.per_axis(
        element.storage,
        element.axis,
        element.scales[kept],
        element.zero_points[kept],
        storage_min=element.storage_min,
        storage_max=element.storage_max,
    )
