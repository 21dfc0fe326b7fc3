"""Transposes that become another order of the weights, or another operand order of a product."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import TensorType, UnitAttr, f32
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter, RewritePattern

from nnc.dialects.nn.base import ElementwiseOp
from nnc.dialects.nn.conversion import ConstantOp, DequantizeOp, ReshapeOp
from nnc.dialects.nn.convolution import DenseOp
from nnc.dialects.nn.matmul import MatMulOp
from nnc.dialects.nn.movement import TransposeOp
from nnc.dialects.types import element_of, shape_of
from nnc.passes.layer_names import part_of
from nnc.passes.layout.moves import replace, reshape, source_of
from nnc.passes.nn_builder import make


class FlattenedDense(RewritePattern):
    """
    A dense layer of a flattened transpose: the columns of its weights go into the order of what is
    transposed.
    """

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, DenseOp) or not isinstance(op.input.owner, ReshapeOp):
            return
        found = source_of(op.input.owner.input)
        weights, quantized = op.weights.owner, False
        if isinstance(weights, DequantizeOp):
            weights, quantized = weights.input.owner, True
        if found is None or not isinstance(weights, ConstantOp):
            return
        source, permutation = found
        shape = shape_of(source)
        rows = shape_of(op.input)[0]
        # The rows of the layer must be the first axis, or there must be one row.
        if rows != 1 and (permutation[0] != 0 or shape[0] != rows):
            return
        extents = [shape[axis] for axis in permutation]
        if rows != 1:
            extents[0] = 1
        numbers = np.arange(np.prod(extents)).reshape(extents)
        back = [permutation.index(axis) for axis in range(len(permutation))]
        order = numbers.transpose(back).ravel()
        values = np.ascontiguousarray(weights.values[:, order])
        kernel = ConstantOp.of(values, element_of(weights.output))
        added: list[Operation] = [kernel]
        if quantized:
            # The axis of the scales, if they have one, is that of the outputs.
            if getattr(element_of(weights.output), "axis", None) not in (None, 0):
                return
            added.append(make(DequantizeOp, [kernel.results[0]], op.weights.type))
        flat = reshape(source, shape_of(op.input))
        operands = [flat.output, added[-1].results[0], *op.operands[2:]]
        new = DenseOp.create(
            operands=operands,
            result_types=[op.output.type],
            properties=dict(op.properties),
            attributes=dict(op.attributes),
        )
        replace(op, [*added, flat], new, rewriter)


class UnflattenedDense(RewritePattern):
    """
    An image made of a row of a float dense layer, and then transposed: the rows of the layer's
    weights go into the order of what the transpose gives.
    """

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, TransposeOp) or not isinstance(op.input.owner, ReshapeOp):
            return
        chain: list[Operation] = []
        value = op.input.owner.input
        while isinstance(value.owner, ElementwiseOp) and len(value.owner.operands) == 1:
            chain.append(value.owner)
            value = value.owner.operands[0]
        layer = value.owner
        links = [op.input, *(it.results[0] for it in chain), op.input.owner.input, value]
        if not isinstance(layer, DenseOp) or not all(it.has_one_use() for it in links):
            return
        constants = [it for it in layer.operands[1:] if isinstance(it.owner, ConstantOp)]
        floats = all(element_of(it) == f32 for it in (value, *layer.operands))
        if not floats or len(constants) < len(layer.operands) - 1 or shape_of(value)[0] != 1:
            return
        image = shape_of(op.input)
        numbers = np.arange(np.prod(image)).reshape(image)
        order = numbers.transpose(tuple(op.permutation.get_values())).ravel()
        new: list[Operation] = []
        for constant in constants:
            assert isinstance(constant.owner, ConstantOp)
            new.append(ConstantOp.of(constant.owner.values[order], f32))
        operands = [layer.input, *(it.results[0] for it in new)]
        for old in (layer, *reversed(chain)):
            copy = type(old).create(
                operands=operands,
                result_types=[old.results[0].type],
                properties=dict(old.properties),
            )
            copy.location = part_of(old.location, "permuted")
            new.append(copy)
            operands = [copy.results[0]]
        names = [it.location for it in new]
        image_last = reshape(operands[0], shape_of(op.output))
        replace(op, new, image_last, rewriter)
        for it, name in list(zip(new, names, strict=True))[len(constants) :]:
            it.location = name


class FlattenedElementwise(RewritePattern):
    """
    A function of a flattened transpose is a flattened transpose of the function; constants that it
    takes as well get the shape of what was flattened.
    """

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, ElementwiseOp) or len(op.results) != 1:
            return
        result = op.results[0]
        flat = next((it.owner for it in op.operands if _is_flattened(it)), None)
        if not isinstance(flat, ReshapeOp) or shape_of(flat.output) != shape_of(result):
            return
        added: list[Operation] = []
        operands: list[SSAValue] = []
        for value in op.operands:
            if value is flat.output or not shape_of(value):
                operands.append(flat.input if value is flat.output else value)
                continue
            if not isinstance(value.owner, ConstantOp):
                return
            shape = [1] * len(shape_of(flat.input))
            values = value.owner.values
            if values.size > 1:
                shape = list(shape_of(flat.input))
                values = np.broadcast_to(values, shape_of(result))
            constant = ConstantOp.of(np.array(values).reshape(shape), element_of(value))
            added.append(constant)
            operands.append(constant.results[0])
        kind = TensorType(element_of(result), shape_of(flat.input))
        new = type(op).create(
            operands=operands,
            result_types=[kind],
            properties=dict(op.properties),
            attributes=dict(op.attributes),
        )
        replace(op, added, new, rewriter, behind=reshape(new.results[0], shape_of(result)))


def _is_flattened(value: SSAValue) -> bool:
    owner = value.owner
    return isinstance(owner, ReshapeOp) and source_of(owner.input) is not None


class MatrixProduct(RewritePattern):
    """A product of matrices takes either of them transposed."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, MatMulOp):
            return
        for number, name in enumerate(("transpose_input", "transpose_weights")):
            found = source_of(op.operands[number])
            if found is None or not _swaps_matrices(found[1]):
                continue
            operands = list(op.operands)
            operands[number] = found[0]
            properties = dict(op.properties)
            if name in properties:
                del properties[name]
            else:
                properties[name] = UnitAttr()
            new = MatMulOp.create(
                operands=operands, result_types=[op.output.type], properties=properties
            )
            replace(op, [], new, rewriter)
            return


def _swaps_matrices(permutation: tuple[int, ...]) -> bool:
    rank = len(permutation)
    return permutation == (*range(rank - 2), rank - 1, rank - 2)


LAYER_PATTERNS: list[RewritePattern] = [
    FlattenedDense(),
    UnflattenedDense(),
    FlattenedElementwise(),
    MatrixProduct(),
]
