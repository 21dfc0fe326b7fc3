"""Elements put to places that are computed at run time."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import StringAttr, TensorType, i32
from xdsl.irdl import irdl_op_definition, operand_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.algebra import INDEX
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.checks import Kind, check_kind, check_output, check_same_element, check_shape
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.nn.quantized import arithmetic_type
from nnc.dialects.types import Array, element_of, scalar_type, shape_of

_REDUCTIONS = {
    "none": None,
    "add": np.add,
    "mul": np.multiply,
    "min": np.minimum,
    "max": np.maximum,
}


@irdl_op_definition
class ScatterNdOp(NnOp):
    """
    `input` with slices replaced by those of `updates`, one after the other, at the index tuples of
    the last axis of `indices`; or, by `reduction`, combined with them: add, mul, min, max. Numbers
    outside an axis count as the nearest inside (ONNX ScatterND, which leaves them undefined).

    ```mlir
    %y = nn.scatter_nd %x, %i, %u {reduction = "none"}
      : (tensor<4x3xf32>, tensor<2x1xi32>, tensor<2x3xf32>) -> tensor<4x3xf32>
    ```
    """

    name = "nn.scatter_nd"

    KINDS: ClassVar[Kind] = Kind.F32 | Kind.INTEGER | Kind.I1

    input = operand_def(TensorType)
    indices = operand_def(TensorType)
    updates = operand_def(TensorType)
    output = result_def(TensorType)

    reduction = prop_def(StringAttr)

    def verify_(self) -> None:
        if self.reduction.data not in _REDUCTIONS:
            known = ", ".join(_REDUCTIONS)
            raise VerifyException(f"expected one of {known}, got {self.reduction}")
        plain = self.reduction.data == "none"
        check_kind("an input", self.input, self.KINDS if plain else Kind.F32 | Kind.INTEGER)
        check_kind("indices", self.indices, Kind.INTEGER)
        check_same_element("updates", self.updates, self.input)
        check_same_element("an output", self.output, self.input)
        shape, numbers = shape_of(self.input), shape_of(self.indices)
        if not numbers or not 1 <= numbers[-1] <= len(shape):
            raise VerifyException(f"expected tuples that index {shape}, got {numbers}")
        check_shape("updates", self.updates, [*numbers[:-1], *shape[numbers[-1] :]])
        check_output(self.output, shape)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        values, indices, updates = inputs
        result = values.copy()
        function = _REDUCTIONS[self.reduction.data]
        depth = indices.shape[-1]
        limits = np.asarray(values.shape[:depth]) - 1
        for number in np.ndindex(*indices.shape[:-1]):
            place = tuple(np.clip(indices[number].astype(np.int64), 0, limits))
            new = updates[number]
            result[place] = new if function is None else function(result[place], new)
        return (result,)

    def lower(self, b: LoopBuilder) -> None:
        source, indices, updates = b.inputs
        target = b.outputs[0]
        b.copy(source, target)
        *outer, depth = indices.shape
        kind = arithmetic_type(source.element)
        reduction = self.reduction.data

        def put(index: list[IRScalar]) -> None:
            place: list[IRScalar] = []
            for k in range(depth):
                code = b.load(indices, [*index[: len(outer)], b.index(k)])
                number = b.widen(code, element_of(self.indices), i32).to(INDEX)
                place.append(number.clamp(0, source.shape[k] - 1))
            place += index[len(outer) :]
            new = b.load(updates, index)
            if reduction != "none":
                one, other = (
                    b.widen(value, source.element, kind) for value in (b.load(target, place), new)
                )
                new = one.max(other) if reduction == "max" else one.min(other)
                if reduction in ("add", "mul"):
                    new = one + other if reduction == "add" else one * other
                new = new.to(scalar_type(source.element))
            b.store(target, place, new)

        b.for_each(updates.shape, put)
