"""
Average pooling between dequantisation and quantisation.

Where the result has the type of what is averaged, stored values are averaged. Where it has not, and
every window has the same number of places, the average is a depthwise convolution with weights that
are all 1, which rounds once.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from xdsl.dialects.builtin import TensorType, i8
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.conversion import CastOp, ConstantOp, QuantizeOp
from nnc.dialects.nn.convolution import DepthwiseConv2DOp
from nnc.dialects.nn.pooling import AveragePool2DOp
from nnc.dialects.nn.reduction import ReduceMeanOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import integers, make
from nnc.passes.qdq.common import Ending, bits_of, ending, per_tensor, requantized
from nnc.passes.qdq.contract import Contract


@dataclass(frozen=True)
class AveragePooling(RewritePattern):
    """quantize(average_pool2d(dequantize(x))) as an op of integers, whichever rounds least."""

    contract: Contract

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        end = ending(op, self.contract) if isinstance(op, QuantizeOp) else None
        if end is None or not isinstance(end.op, AveragePool2DOp):
            return
        source = per_tensor(end.op.input)
        if source is None:
            return
        added = self._averaged(end.op, end, source)
        if added is None:
            return
        behind, value = end.clamped(added[-1].results[0])
        rewriter.replace(op, [*added, *behind], [value])

    def _averaged(
        self, pool: AveragePool2DOp, end: Ending, source: SSAValue
    ) -> list[Operation] | None:
        same = element_of(source) == end.kind
        if same and not self.contract.is_exact:
            return [_of_stored(pool, source)]
        if same and not any(pool.padding.get_values()):
            return self._rounded_once(pool, end, source)
        if not any(pool.padding.get_values()):
            whole = shape_of(pool.input)[1:3] == tuple(pool.kernel.get_values())
            if whole and end.kind.storage.width.data == bits_of(source):
                return self._mean(pool, end, source)
            return self._convolution(pool, end, source)
        if self.contract.is_exact:
            return None
        mean = _of_stored(pool, source)
        return [mean, *requantized(mean.results[0], end.kind, self.contract)[0]]

    def _mean(self, pool: AveragePool2DOp, end: Ending, source: SSAValue) -> list[Operation]:
        """One window: the mean of the image."""
        result = TensorType(end.kind, shape_of(pool.output))
        rounding = self.contract.means
        return [make(ReduceMeanOp, [source], result, axes=integers([1, 2]), rounding=rounding)]

    def _rounded_once(
        self, pool: AveragePool2DOp, end: Ending, source: SSAValue
    ) -> list[Operation]:
        """
        The mean of stored values, ties to even: ONNX Runtime adds the zero point before it rounds.
        """
        plain = UniformQuantizedType.per_tensor(end.kind.storage, end.kind.scale)
        before = make(CastOp, [source], TensorType(plain, shape_of(source)))
        bare = Ending(end.op, plain, None, None)
        mean = self._convolution(pool, bare, before.output)
        after = make(CastOp, [mean[-1].results[0]], TensorType(end.kind, shape_of(pool.output)))
        return [before, *mean, after]

    def _convolution(self, pool: AveragePool2DOp, end: Ending, source: SSAValue) -> list[Operation]:
        kernel = pool.kernel.get_values()
        shape = [1, *kernel, shape_of(pool.output)[3]]
        kind = UniformQuantizedType.per_tensor(i8, 1.0 / prod(kernel))
        ones = ConstantOp.of(np.ones(shape, np.int8), kind)
        layer = make(
            DepthwiseConv2DOp,
            [source, ones.results[0], None],
            TensorType(end.kind, shape_of(pool.output)),
            strides=pool.strides,
            dilations=integers([1, 1]),
            padding=integers([0, 0, 0, 0]),
            rounding=self.contract.of_layer(bits_of(source)),
        )
        return [ones, layer]


def _of_stored(pool: AveragePool2DOp, source: SSAValue) -> Operation:
    """The pooling of stored values."""
    return type(pool).create(
        operands=[source],
        result_types=[TensorType(element_of(source), shape_of(pool.output))],
        properties=dict(pool.properties),
    )


def pooling_patterns(contract: Contract) -> list[RewritePattern]:
    """The patterns of pooling under a contract."""
    return [AveragePooling(contract)]
