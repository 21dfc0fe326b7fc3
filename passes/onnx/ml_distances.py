"""
Distances of vectors: CDist of ONNX Runtime, and the Scan by which skl2onnx says the same.

Such a Scan takes one vector after the other and gives the squared distances of all rows to it.
Unrolled it would be a layer for each vector.
"""

from __future__ import annotations

from xdsl.dialects.builtin import TensorType, f32
from xdsl.ir import Block, SSAValue

from nnc.dialects.nn import functions
from nnc.dialects.nn.vectors import SquaredDistanceOp
from nnc.dialects.onnx.base import OnnxOp
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError
from nnc.passes.onnx.common import check_rank, check_type, function
from nnc.passes.onnx.lowering import Lowering, Node, rewrite


def squared_distances(to: Lowering, rows: SSAValue, vectors: SSAValue) -> SSAValue:
    """The squared distance of each row, [N, D], to each of the vectors, [V, D]: [N, V]."""
    for value in (rows, vectors):
        check_type(value, f32)
        check_rank(value, 2)
    kind = TensorType(f32, [shape_of(rows)[0], shape_of(vectors)[0]])
    return to.op(SquaredDistanceOp, [rows, vectors], kind)


@rewrite("CDist")
def _cdist(node: Node, to: Lowering) -> SSAValue:
    distances = squared_distances(to, node.value(0), node.value(1))
    node.result(shape_of(distances))
    match node.string("metric", "sqeuclidean"):
        case "sqeuclidean":
            return distances
        case "euclidean":
            return function(to, functions.SqrtOp, distances)
        case other:
            raise UnsupportedError(f"expected a metric euclidean or sqeuclidean, got {other}")


def distance_scan(node: Node, to: Lowering) -> list[SSAValue] | None:
    """
    The results of a Scan whose body gives the squared distances of its state, [N, D], to what it
    scans, [V, D]: the state as it was, and the distances, [V, N]. None where it is another one.
    """
    if len(node.op.operands) != 2 or node.int("num_scan_inputs") != 1 or len(node.op.results) != 2:
        return None
    lists = ("input_axes", "input_directions", "output_axes", "output_directions")
    if any(any(node.ints(f"scan_{name}") or []) for name in lists):
        return None
    rows, vectors = node.values()
    plain = all(len(shape_of(v)) == 2 and element_of(v) == f32 for v in (rows, vectors))
    if not plain or not _gives_distances(node.op.regions[0].block, to):
        return None
    return [rows, to.transposed(squared_distances(to, rows, vectors), [1, 0])]


def _gives_distances(body: Block, to: Lowering) -> bool:
    """Whether a body gives its first argument and the squared distances to its second one."""
    last = body.last_op
    if last is None or len(last.operands) != 2 or len(body.args) != 2:
        return False
    state, found = (_source(value) for value in last.operands)
    total = found.owner
    if state is not body.args[0] or not _is(total, "ReduceSumSquare"):
        return False
    assert isinstance(total, OnnxOp)
    difference = _source(total.operands[0]).owner
    if not _is(difference, "Sub") or not _folds_last_axis(total, to):
        return False
    assert isinstance(difference, OnnxOp)
    return {_source(value) for value in difference.operands} == set(body.args)


def _folds_last_axis(total: OnnxOp, to: Lowering) -> bool:
    """Whether a reduction of a matrix folds its rows, and drops the axis."""
    node = Node(total, to)
    axes = node.ints_or_operand("axes", 1)
    return node.int("keepdims", 1) == 0 and axes in ([1], [-1])


def _source(value: SSAValue) -> SSAValue:
    """What a value is, behind Identity."""
    while _is(value.owner, "Identity"):
        assert isinstance(value.owner, OnnxOp)
        value = value.owner.operands[0]
    return value


def _is(owner: object, operator: str) -> bool:
    return isinstance(owner, OnnxOp) and owner.operator == operator
