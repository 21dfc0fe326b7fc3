"""CMSIS-NN's elementwise functions of two tensors as kernel rows."""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Sequence

from xdsl.dialects.builtin import IntegerType, i8, i32
from xdsl.ir import Attribute, SSAValue

from nnc.boards import Core
from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn import fixed_point
from nnc.dialects.nn.arithmetic import AddOp, BinaryOp, MulOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.binary import MaximumOp, MinimumOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, is_unsigned, quantization_of, shape_of
from nnc.dialects.utils import Rounding
from nnc.runtime import cmsis_limits as limits
from nnc.runtime.cmsis_kernel import CmsisKernel
from nnc.runtime.cmsis_operands import S8, S16, Width, is_bytes, rounding_problem, stored_clamp
from nnc.runtime.cmsis_text import dims
from nnc.runtime.registry import Kernel, Lowering, Target


class Elementwise(CmsisKernel, ABC):
    """Works through both operands as it does through the output, also in the library."""

    def in_order(self, target: Target) -> bool:
        return True


class Arithmetic(Elementwise, ABC):
    """Quantised numbers of one shape, computed with and requantised."""

    KIND: type[BinaryOp]

    def __init__(self, name: str, width: Width):
        super().__init__(name, f"nnc_cmsis_elementwise_s{width.bits}.c")
        self.width = width

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, self.KIND) or not self.width.concerns(op.lhs):
            return ""
        problem = self.width.problem(
            ("first operand", op.lhs), ("second operand", op.rhs), ("output", op.output)
        )
        if problem is not None:
            return problem
        if not shape_of(op.lhs) == shape_of(op.rhs) == shape_of(op.output):
            return "its operands broadcast"
        problem = rounding_problem(None if op.rounding is None else op.rounding.data)
        return problem or self.limit(op, target)

    def limit(self, op: BinaryOp, target: Target) -> str | None:
        """Why the function must not be used for a layer that seems to be right."""
        return None

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, self.KIND)
        lhs, rhs, output = (quantization_of(value) for value in (op.lhs, op.rhs, op.output))
        assert lhs is not None and rhs is not None and output is not None
        multipliers = [fixed_point.quantize_multiplier(real) for real in op.real_multipliers()]
        low = None if op.min is None else op.min.value.data
        high = None if op.max is None else op.max.value.data
        parameters: dict[str, Parameter] = {
            "offsets": (-lhs.zero_point, -rhs.zero_point, output.zero_point),
            "multipliers": tuple(multiplier for multiplier, _ in multipliers),
            "shifts": tuple(shift for _, shift in multipliers),
            "left_shift": op.left_shift.value.data if isinstance(op, AddOp) else 0,
            "clamp": stored_clamp(output, low, high),
            "count": math.prod(shape_of(op.output)),
        }
        inputs = [lowering.buffer(op.lhs), lowering.buffer(op.rhs)]
        return lowering.call(self.name, inputs, parameters)

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        operands = [b.flat(operand) for operand in b.inputs]
        offsets = call.numbers("offsets")

        def element(index: list[IRScalar]) -> IRScalar:
            x, y = (
                b.load(operand, index).to(i32) + offset
                for operand, offset in zip(operands, offsets[:2], strict=True)
            )
            result = self.number(call, b, x, y) + offsets[2]
            return result.clamp(*call.numbers("clamp")).to(self.width.storage)

        b.produce(b.flat(b.outputs[0]), element)

    def number(self, call: CallOp, b: LoopBuilder, x: IRScalar, y: IRScalar) -> IRScalar:
        """The result of two numbers, less the zero points, in units of the output."""
        return scaled(call, b, x * y, 0)


def scaled(call: CallOp, b: LoopBuilder, value: IRScalar, number: int) -> IRScalar:
    """A number times one of the call's multipliers."""
    multiplier, shift = (call.numbers(name)[number] for name in ("multipliers", "shifts"))
    return value.requantize(b.constant(multiplier, i32), b.constant(shift, i32), Rounding.DOUBLE)


class Add(Arithmetic):
    """`arm_elementwise_add_s8` and `arm_elementwise_add_s16`."""

    KIND = AddOp

    def limit(self, op: BinaryOp, target: Target) -> str | None:
        assert isinstance(op, AddOp)
        if op.powers_of_two is not None:
            return "the numeric contract only shifts its operands, as their scales are powers of 2"
        if self.width is not S8 or not target.library:
            return None
        return limits.elementwise_add_s8(target.core, op.left_shift.value.data)

    def number(self, call: CallOp, b: LoopBuilder, x: IRScalar, y: IRScalar) -> IRScalar:
        left_shift = call.number("left_shift")
        total = scaled(call, b, x << left_shift, 0) + scaled(call, b, y << left_shift, 1)
        return scaled(call, b, total, 2)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        offsets, (low, high) = call.numbers("offsets"), call.numbers("clamp")
        multipliers, shifts = call.numbers("multipliers"), call.numbers("shifts")
        left, right, target = arguments
        return [
            f"return {self.name}({left}, {right},",
            f"    {offsets[0]}, {multipliers[0]}, {shifts[0]},",
            f"    {offsets[1]}, {multipliers[1]}, {shifts[1]}, {call.number('left_shift')},",
            f"    {target}, {offsets[2]}, {multipliers[2]}, {shifts[2]},",
            f"    {low}, {high}, {call.number('count')});",
        ]


class Mul(Arithmetic):
    """`arm_elementwise_mul_s8` and `arm_elementwise_mul_s16`."""

    KIND = MulOp

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        offsets, (low, high) = call.numbers("offsets"), call.numbers("clamp")
        (multiplier,), (shift,) = call.numbers("multipliers"), call.numbers("shifts")
        left, right, target = arguments
        return [
            f"return {self.name}({left}, {right}, {offsets[0]}, {offsets[1]}, {target},",
            f"    {offsets[2]}, {multiplier}, {shift}, {low}, {high}, {call.number('count')});",
        ]


class Extremum(Elementwise):
    """`arm_minimum_s8` and `arm_maximum_s8`: stored values, which may broadcast."""

    CONTEXTS = 1

    def __init__(self, name: str, kind: type[MinimumOp | MaximumOp]):
        super().__init__(name, "nnc_cmsis_elementwise_s8.c")
        self.kind = kind

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, self.kind) or S16.holds(op.lhs):
            return ""
        if not all(_is_signed_byte(value) for value in (op.lhs, op.rhs, op.output)):
            return "its operands are not all int8"
        if op.min is not None or op.max is not None:
            return "it clamps its result"
        left, right = merged(shape_of(op.lhs), shape_of(op.rhs))
        if len(left) > 4:
            return "its operands broadcast along too many axes"
        return limits.extremum_s8(_image(left), _image(right)) if target.library else None

    def needs(self, op: NnOp, core: Core) -> Sequence[int]:
        return (0,)

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, self.kind)
        left, right = (_image(shape) for shape in merged(shape_of(op.lhs), shape_of(op.rhs)))
        parameters: dict[str, Parameter] = {
            "left_shape": left,
            "right_shape": right,
            "output_shape": tuple(map(max, left, right)),
        }
        inputs = [lowering.buffer(op.lhs), lowering.buffer(op.rhs)]
        return lowering.call(self.name, inputs, parameters)

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        shapes = [call.numbers(f"{name}_shape") for name in ("left", "right", "output")]
        operands = [
            b.reshaped(operand, shape) for operand, shape in zip(b.inputs, shapes[:2], strict=True)
        ]
        least = self.kind is MinimumOp

        def element(index: list[IRScalar]) -> IRScalar:
            x, y = (
                b.load(
                    operand,
                    [
                        b.index(0) if extent == 1 else i
                        for i, extent in zip(index, operand.shape, strict=True)
                    ],
                ).to(i32)
                for operand in operands
            )
            return (x.min(y) if least else x.max(y)).to(i8)

        b.produce(b.reshaped(b.outputs[0], shapes[2]), element)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        left, right, target = arguments
        return [
            "const cmsis_nn_context ctx = {NULL, 0};",
            *(
                dims(f"{name}_dims", call.numbers(f"{name}_shape"))
                for name in ("left", "right", "output")
            ),
            f"return {self.name}(&ctx, {left}, &left_dims, {right}, &right_dims,",
            f"    {target}, &output_dims);",
        ]


def _is_signed_byte(value: SSAValue) -> bool:
    element: Attribute = element_of(value)
    if isinstance(element, UniformQuantizedType):
        return S8.holds(value)
    whole = isinstance(element, IntegerType) and element.width.data == 8
    return whole and is_bytes(value) and not is_unsigned(element)


def merged(left: Sequence[int], right: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shapes that broadcast, with neighbouring axes that broadcast alike made one."""
    rank = max(len(left), len(right))
    pairs = zip(
        [1] * (rank - len(left)) + [*left], [1] * (rank - len(right)) + [*right], strict=True
    )
    axes: list[tuple[int, int]] = []
    for a, b in pairs:
        if (a, b) == (1, 1):
            continue
        if axes and _stretched(axes[-1]) == _stretched((a, b)):
            axes[-1] = axes[-1][0] * a, axes[-1][1] * b
        else:
            axes.append((a, b))
    return tuple(a for a, _ in axes), tuple(b for _, b in axes)


def _stretched(pair: tuple[int, int]) -> int:
    """Which of two extents is stretched to the other."""
    return (pair[0] > pair[1]) - (pair[0] < pair[1])


def _image(shape: Sequence[int]) -> tuple[int, ...]:
    """Up to four axes as those of an image, of one row where they are fewer."""
    match tuple(shape):
        case (n, h, w, c):
            return n, h, w, c
        case (n, w, c):
            return n, 1, w, c
        case (n, c):
            return n, 1, 1, c
        case _:
            return (1, 1, 1, *shape) if shape else (1, 1, 1, 1)


KERNELS: tuple[Kernel, ...] = (
    Add("arm_elementwise_add_s8", S8),
    Mul("arm_elementwise_mul_s8", S8),
    Add("arm_elementwise_add_s16", S16),
    Mul("arm_elementwise_mul_s16", S16),
    Extremum("arm_minimum_s8", MinimumOp),
    Extremum("arm_maximum_s8", MaximumOp),
)
