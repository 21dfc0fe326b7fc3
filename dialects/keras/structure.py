"""What a function of `keras` layers is made of beside Keras' own layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, TypeAlias

import numpy as np
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, DenseResourceAttr, TensorType, f32
from xdsl.irdl import (
    IRDLOperation,
    base,
    irdl_op_definition,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.keras.base import TENSOR, KerasOp, Shape, Weight, tensor
from nnc.dialects.keras.options import int_option, text_option
from nnc.dialects.types import Array, constant_bytes, dense_attribute, dense_values, given

_MANY = 1 << 16


@irdl_op_definition
class ConstantOp(IRDLOperation):
    """
    A weight of a layer, as the file stores it.

    ```mlir
    %k = keras.constant dense<[1.0, -2.0]> : tensor<2xf32> -> tensor<2xf32>
    ```
    """

    name = "keras.constant"
    traits = traits_def(Pure())

    value = prop_def(base(DenseIntOrFPElementsAttr) | base(DenseResourceAttr))
    output = result_def(TENSOR)

    assembly_format = "$value attr-dict `->` type($output)"

    @staticmethod
    def of(values: Array) -> ConstantOp:
        """The constant of an array, as float32."""
        array = np.asarray(values, np.float32)
        kind = TensorType(f32, array.shape)
        return ConstantOp.build(
            properties={"value": dense_attribute(array, f32)}, result_types=[kind]
        )

    @property
    def array(self) -> Array:
        """The values. Raises DiagnosticException where the text left them out."""
        return dense_values(given(self.value), self.output.type)

    def verify_(self) -> None:
        kind = tensor(self.output)
        if self.value.type != kind or kind.element_type != f32:
            raise VerifyException(f"expected a float32 value of {kind}, got {self.value.type}")
        expected = 4 * int(np.prod(kind.get_shape(), dtype=np.int64))
        if constant_bytes(self.value) != expected:
            raise VerifyException(f"expected {expected} bytes, got {constant_bytes(self.value)}")


ShapeRule: TypeAlias = Callable[[str, Sequence[Shape]], Sequence[Shape]]
"""From a layer's `config`, as JSON text, and the shapes of its inputs to those of its results."""

SHAPE_RULES: dict[tuple[str, str], ShapeRule | None] = {}
"""For each class of custom layers, and name of a layer or "", the rule; None: the first input's."""


def has_rule(class_name: str, layer: str) -> bool:
    """Whether layers of that class, or the one of that name, are mapped to `nn` by the user."""
    return (class_name, layer) in SHAPE_RULES or (class_name, "") in SHAPE_RULES


@irdl_op_definition
class CustomOp(KerasOp):
    """
    A layer that Keras does not have, which a user of the compiler maps to `nn` ops (see
    `nnc.passes.keras.custom`). `config` is its configuration as JSON text; its weights are operands
    behind its inputs.

    ```mlir
    %y = keras.custom %x, %w {class_name = "Scale", layer_name = "scale",
      weight_count = 1 : i64} : (tensor<1x8xf32>, tensor<8xf32>) -> tensor<1x8xf32>
    ```
    """

    name = "keras.custom"

    INPUTS: ClassVar[tuple[int, int]] = (1, _MANY)

    class_name = text_option()
    layer_name = text_option(default="")
    config = text_option(default="{}")
    weight_count = int_option(0)

    def weight_list(self) -> Sequence[Weight]:
        return [Weight(f"weight {number}") for number in range(self.weight_count.value.data)]

    def weight_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        values = self.arguments[len(self.arguments) - self.weight_count.value.data :]
        return [tensor(value).get_shape() for value in values]

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        name = self.class_name.data
        rule = SHAPE_RULES.get((name, self.layer_name.data), SHAPE_RULES.get((name, "")))
        return [inputs[0]] if rule is None else rule(self.config.data, inputs)
