"""
Keeps what is binary packed: signs are taken early, and become numbers late.

A sign is a bit where a float is four bytes. Moving elements and the maximum of a window treat signs
as they treat the numbers, so the conversions may stand on either side of them; here they move
together until they meet and vanish, or reach a layer that computes with signs.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, TensorType, f32, i64
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.accumulate import AccumulatingOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.conversion import DequantizeOp, QuantizeOp, ReshapeOp
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.movement import BroadcastToOp, MirrorPadOp, SliceOp, TileOp, TransposeOp
from nnc.dialects.nn.placement import ConcatOp, PadOp
from nnc.dialects.nn.pooling import MaxPool2DOp
from nnc.dialects.types import BIN, BinType, element_of, quantization_of, shape_of
from nnc.passes.bounds import bounds_of
from nnc.passes.nn_builder import make
from nnc.passes.nn_rewriter import rewrite
from nnc.passes.signs_once import SignsOnce

_MOVES = ReshapeOp | TransposeOp | SliceOp | BroadcastToOp | TileOp | MirrorPadOp | ConcatOp | PadOp
_LAYERS = Conv2DOp | DepthwiseConv2DOp | DenseOp


class NnKeepBinaryPass(ModulePass):
    """
    Moves `nn.quantize` to `!nn.bin` before what moves elements and before `nn.max_pool2d`, moves
    `nn.dequantize` of `!nn.bin` behind them, removes the two where they meet, takes the sign of a
    value once, and lets layers with
    float weights read signs themselves.
    """

    name = "nn-keep-binary"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        rewrite(op, [SignsOnce(), _Meet(), _TakeEarlier(), _GiveLater(), _Read()])


class _Meet(RewritePattern):
    """The sign of a sign."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, QuantizeOp) or element_of(op.output) != BIN:
            return
        source = op.input.owner
        if isinstance(source, DequantizeOp) and element_of(source.input) == BIN:
            rewriter.replace(op, [], [source.input])


class _TakeEarlier(RewritePattern):
    """The sign of what was moved is what was moved of the signs."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, QuantizeOp) or element_of(op.output) != BIN:
            return
        moved = op.input.owner
        if not isinstance(moved, NnOp) or not op.input.has_one_use() or not _moves(moved):
            return
        properties = dict(moved.properties)
        if isinstance(moved, PadOp):
            properties["value"] = _bit(_is_negative(moved))
        signs = [make(QuantizeOp, [it], _binary(it), **op.properties) for it in moved.operands]
        rewriter.replace(op, [*signs, _again(moved, [it.output for it in signs], properties)])


class _GiveLater(RewritePattern):
    """What is moved as numbers can be moved as signs."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, NnOp) or not _moves(op) or element_of(op.results[0]) != f32:
            return
        signs = [_signs(operand) for operand in op.operands]
        known = [value for value in signs if value is not None]
        if len(known) < len(signs):
            return
        properties = dict(op.properties)
        if isinstance(op, PadOp):
            if op.value.value.data not in (-1, 1):
                return
            properties["value"] = _bit(_is_negative(op))
        new = _again(op, known, properties)
        rewriter.replace(op, [new, make(DequantizeOp, [new.results[0]], op.results[0].type)])


class _Read(RewritePattern):
    """A layer with float weights multiplies them with signs as with the floats -1 and +1."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, _LAYERS) or element_of(op.weights) != f32:
            return
        signs = _signs(op.input)
        if signs is not None:
            rewriter.replace(op, _reading(op, signs))


def _reading(layer: AccumulatingOp, signs: SSAValue) -> AccumulatingOp:
    new = layer.clone()
    new.operands[0] = signs
    return new


def _moves(op: NnOp) -> bool:
    """Whether an op does to signs what it does to numbers."""
    if isinstance(op, MaxPool2DOp):
        return bounds_of(op) == (None, None)
    return isinstance(op, _MOVES)


def _signs(value: SSAValue) -> SSAValue | None:
    """The signs that a value of -1 and +1 comes from, if nobody else reads it as numbers."""
    source = value.owner
    if not isinstance(source, DequantizeOp) or not value.has_one_use():
        return None
    binary = isinstance(element_of(source.input), BinType) and element_of(value) == f32
    return source.input if binary else None


def _is_negative(op: PadOp) -> bool:
    """Whether the value around the input is below 0."""
    kind = quantization_of(op.input)
    return op.value.value.data < (0 if kind is None else kind.zero_point)


def _bit(negative: bool) -> Attribute:
    return IntegerAttr(int(negative), i64)


def _binary(value: SSAValue) -> TensorType[Attribute]:
    return TensorType(BIN, shape_of(value))


def _again(op: NnOp, operands: Sequence[SSAValue], properties: dict[str, Attribute]) -> NnOp:
    """The same op of binary operands."""
    given: Sequence[SSAValue | Sequence[SSAValue]] = operands
    if isinstance(op, ConcatOp):
        given = [operands]
    return make(type(op), given, _binary(op.results[0]), **properties)
