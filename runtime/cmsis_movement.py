"""
CMSIS-NN's functions that move bytes as kernel rows: transposition and padding.

What a byte means does not matter to them, so they serve every type of 8 bits. They know up to four
axes; axes that stay together count as one, so layers of more are often among them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from xdsl.dialects.builtin import i8

from nnc.dialects.kernel.call import CallOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.nn.movement import TransposeOp
from nnc.dialects.nn.placement import PadOp
from nnc.dialects.types import shape_of
from nnc.runtime import cmsis_limits as limits
from nnc.runtime.cmsis_kernel import CmsisKernel
from nnc.runtime.cmsis_operands import is_bytes
from nnc.runtime.cmsis_text import braces, dims
from nnc.runtime.registry import Kernel, Lowering, Target

_SOURCE = "nnc_cmsis_movement_s8.c"
_AXES = 4
_NOT_BYTES = "its elements are not of 8 bits"


class Transposition(NamedTuple):
    """Axis i of the output is axis `permutation[i]` of the input of `shape`."""

    shape: tuple[int, ...]
    permutation: tuple[int, ...]


def fewest_axes(shape: Sequence[int], permutation: Sequence[int]) -> Transposition:
    """The same movement of elements with as few axes as possible; one where nothing moves."""
    real = [axis for axis in range(len(shape)) if shape[axis] > 1]
    groups: list[list[int]] = []
    for axis in (axis for axis in permutation if axis in real):
        if groups and real.index(axis) == real.index(groups[-1][-1]) + 1:
            groups[-1].append(axis)
        else:
            groups.append([axis])
    order = sorted(groups)
    extents = tuple(math.prod(shape[axis] for axis in group) for group in order)
    return Transposition(extents or (1,), tuple(order.index(g) for g in groups) or (0,))


class TransposeS8(CmsisKernel):
    """`arm_transpose_s8`."""

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, TransposeOp):
            return ""
        if not is_bytes(op.input):
            return _NOT_BYTES
        shape, permutation = self.movement(op)
        if len(shape) > _AXES:
            return f"it moves more than {_AXES} axes"
        return limits.transpose_s8(target.core, shape, permutation) if target.library else None

    def movement(self, op: TransposeOp) -> Transposition:
        """The movement as the function is asked for it."""
        movement = fewest_axes(shape_of(op.input), op.permutation.get_values())
        if movement.permutation == (0, 2, 1):
            # The library has a path of its own for this with four axes, not with three.
            return Transposition((1, *movement.shape), (0, 1, 3, 2))
        return movement

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, TransposeOp)
        parameters = self.movement(op)._asdict()
        return lowering.call(self.name, [lowering.buffer(op.input)], dict(parameters))

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        shape, permutation = call.numbers("shape"), call.numbers("permutation")
        source = b.reshaped(b.inputs[0], shape)

        def element(index: list[IRScalar]) -> IRScalar:
            return b.load(source, [index[permutation.index(axis)] for axis in range(len(shape))])

        b.produce(b.reshaped(b.outputs[0], [shape[axis] for axis in permutation]), element)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        shape, permutation = call.numbers("shape"), call.numbers("permutation")
        rest = [1] * (_AXES - len(shape))
        return [
            f"static const uint32_t axes[] = {braces(permutation)};",
            f"const cmsis_nn_transpose_params params = {{{len(shape)}, axes}};",
            dims("input_dims", [*shape, *rest]),
            dims("output_dims", [*(shape[axis] for axis in permutation), *rest]),
            f"return {self.name}({arguments[0]}, {arguments[1]}, &input_dims, &output_dims,",
            "    &params);",
        ]


class Padding(NamedTuple):
    """Elements before and after each axis of `shape`."""

    shape: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]


def padded_axes(op: PadOp) -> Padding:
    """A padding with as few axes as possible, or four where they suffice."""
    axes: list[tuple[int, int, int]] = []
    shapes = zip(shape_of(op.input), shape_of(op.output), op.before.get_values(), strict=True)
    for extent, total, before in shapes:
        after = total - extent - before
        if axes and before == after == 0:
            axes[-1] = (axes[-1][0] * extent, axes[-1][1] * extent, axes[-1][2] * extent)
        elif (extent, before, after) != (1, 0, 0):
            axes.append((extent, before, after))
    axes = [(1, 0, 0)] * (_AXES - len(axes)) + axes
    return Padding(*(tuple(axis[k] for axis in axes) for k in range(3)))


class PadS8(CmsisKernel):
    """`arm_pad_s8`."""

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, PadOp):
            return ""
        if not is_bytes(op.input):
            return _NOT_BYTES
        if len(padded_axes(op).shape) > _AXES:
            return f"it pads more than {_AXES} axes"
        return None

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, PadOp)
        value = (int(op.value.value.data) + 128) % 256 - 128
        parameters = {**padded_axes(op)._asdict(), "value": value}
        return lowering.call(self.name, [lowering.buffer(op.input)], parameters)

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        shape, before, after = (call.numbers(name) for name in Padding._fields)
        source = b.reshaped(b.inputs[0], shape)
        total = [sum(axis) for axis in zip(shape, before, after, strict=True)]
        output = b.reshaped(b.outputs[0], total)
        value = b.constant(call.number("value"), i8)
        b.produce(output, lambda _: value)

        def copy(index: list[IRScalar]) -> None:
            place = [i + first for i, first in zip(index, before, strict=True)]
            b.store(output, place, b.load(source, index))

        b.for_each(shape, copy)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        return [
            *(dims(name, call.numbers(name)) for name in Padding._fields),
            f"return {self.name}({arguments[0]}, {arguments[1]}, {call.number('value')}, &shape,",
            "    &before, &after);",
        ]


KERNELS: tuple[Kernel, ...] = (
    TransposeS8("arm_transpose_s8", _SOURCE),
    PadS8("arm_pad_s8", _SOURCE),
)
