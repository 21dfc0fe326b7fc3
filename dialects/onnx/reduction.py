"""Operators that fold a tensor along axes, or run along one."""

from __future__ import annotations

from nnc.dialects.onnx.base import operators

REDUCTION_OPS = operators("""
ArgMax(data; axis: i, keepdims: i, select_last_index: i) -> reduced
ArgMin(data; axis: i, keepdims: i, select_last_index: i) -> reduced
CumProd(x, axis; exclusive: i, reverse: i) -> y
CumSum(x, axis; exclusive: i, reverse: i) -> y
ReduceL1(data, axes?; axes: is, keepdims: i, noop_with_empty_axes: i) -> reduced
ReduceL2(data, axes?; axes: is, keepdims: i, noop_with_empty_axes: i) -> reduced
ReduceLogSum(data, axes?; axes: is, keepdims: i, noop_with_empty_axes: i) -> reduced
ReduceLogSumExp(data, axes?; axes: is, keepdims: i, noop_with_empty_axes: i) -> reduced
ReduceMax(data, axes?; axes: is, keepdims: i, noop_with_empty_axes: i) -> reduced
ReduceMean(data, axes?; axes: is, keepdims: i, noop_with_empty_axes: i) -> reduced
ReduceMin(data, axes?; axes: is, keepdims: i, noop_with_empty_axes: i) -> reduced
ReduceProd(data, axes?; axes: is, keepdims: i, noop_with_empty_axes: i) -> reduced
ReduceSum(data, axes?; axes: is, keepdims: i, noop_with_empty_axes: i) -> reduced
ReduceSumSquare(data, axes?; axes: is, keepdims: i, noop_with_empty_axes: i) -> reduced
TopK(X, K?; axis: i, k: i, largest: i, sorted: i) -> Values, Indices
""")
