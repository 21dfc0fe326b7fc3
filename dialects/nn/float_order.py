"""Floats as integers in the same order."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import IntegerAttr, TensorType, i32
from xdsl.irdl import irdl_op_definition, operand_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.base import Elements, PointwiseOp, S
from nnc.dialects.nn.checks import Kind, check_kind, check_output
from nnc.dialects.types import element_of, is_unsigned, numpy_dtype, scalar_type, shape_of

INFINITE = 0x7F800000
"""The bits of infinity, above which there is only NaN."""


@irdl_op_definition
class FloatOrderOp(PointwiseOp):
    """
    A small number for a float32 number, in the order of the floats. If p is the place of x among
    all floats (its bits, negative for negative numbers), it is `(p - first) / 2^shift`, rounded up,
    from 0 to `count`, and `count` for NaN.

    So for floats t whose places are `first + k * 2^shift` with 0 <= k < count, x <= t where the
    result is at most k.

    ```mlir
    %y = nn.float_order %x {first = 1056964608 : i64, shift = 19 : i64, count = 80 : i64}
      : (tensor<1x4xf32>) -> tensor<1x4xui8>
    ```
    """

    name = "nn.float_order"

    input = operand_def(TensorType)
    output = result_def(TensorType)

    first = prop_def(IntegerAttr)
    shift = prop_def(IntegerAttr)
    count = prop_def(IntegerAttr)

    def verify_(self) -> None:
        check_kind("an input", self.input, Kind.F32)
        check_kind("an output", self.output, Kind.INTEGER)
        check_output(self.output, shape_of(self.input))
        first, shift, count = (it.value.data for it in (self.first, self.shift, self.count))
        element = element_of(self.output)
        bits = 8 * numpy_dtype(element).itemsize
        if bits > 32 or not 0 < count < 1 << (bits - (not is_unsigned(element))):
            raise VerifyException(f"expected a count that {element} holds, got {count}")
        if not 0 <= shift < 31 or not -INFINITE <= first <= INFINITE:
            raise VerifyException(f"expected a place and a shift of floats, got {first}, {shift}")
        if first + (count << shift) > (1 << 31) - 1 or (count << shift) + (1 << shift) > 1 << 31:
            raise VerifyException(f"expected places of 32 bits, got {count} steps of 2^{shift}")

    def element(self, b: Elements[S], index: Sequence[S], result: int) -> S:
        first, shift, count = (it.value.data for it in (self.first, self.shift, self.count))
        bits = b.load(0, index).bitcast(i32)
        size = bits & 0x7FFFFFFF
        place = bits if first >= 0 else (bits < 0).select(0 - size, bits)
        steps = place.clamp(first, first + (count << shift)) - first
        if shift:
            steps = (steps + ((1 << shift) - 1)) >> shift
        code = (size > INFINITE).select(count, steps)
        return code.to(scalar_type(element_of(self.output)))
