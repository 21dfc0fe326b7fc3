"""
What the operations of the `keras` dialect share: operands, weights, shapes and the textual form.

An operation has the name and the settings of a layer's class, its inputs as first operands and its
weights, in the order in which Keras stores them, as the others. A class of operations says which
weights there are and what shape it gives; from that follow the verifier, and how a file's weights
find their layers.

How another dialect adds layers of its own: with a module whose classes derive from `KerasOp` (or a
family's base), are called as the layer with `Op` appended, and are found
because `nnc.frontends.keras_layers` lists the dialect. The reader needs nothing else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from xdsl.dialects.builtin import IntegerAttr, IntegerType, TensorType, f32
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    ParsePropInAttrDict,
    base,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

Shape: TypeAlias = tuple[int, ...]

TENSOR = base(TensorType[Attribute])


@dataclass(frozen=True)
class Weight:
    """
    A variable of a layer, as the layer calls it.

    `frozen` are those that training never changes: Keras stores them behind all others of a model.
    """

    name: str
    frozen: bool = False


class KerasOp(IRDLOperation, ABC):
    """
    A layer: inputs and weights in, tensors out, settings as properties under Keras' names.

    ```mlir
    %y = keras.dense %x, %kernel, %bias {units = 2 : i64, activation = "relu"}
      : (tensor<1x3xf32>, tensor<3x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
    ```

    The first axis is the batch. Settings that have Keras' default are not printed, and settings
    that only training reads (initialisers, regularisers, rates of dropout) are not kept.
    """

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format: ClassVar[str | None] = (
        "operands attr-dict `:` functional-type(operands, results)"
    )
    traits = traits_def(Pure())

    arguments = var_operand_def(TENSOR)
    outputs = var_result_def(TENSOR)

    INPUTS: ClassVar[tuple[int, int]] = (1, 1)
    """How many inputs there may be, at least and at most."""

    TRAINING_ONLY: ClassVar[bool] = False
    """Whether no setting of the layer matters once it is trained."""

    IGNORED: ClassVar[frozenset[str]] = frozenset()
    """Settings of the layer that do not matter once it is trained."""

    PACKAGE: ClassVar[str] = ""
    """The package under which the layer's class is registered in Keras; none for Keras' own."""

    STORED_IN: ClassVar[tuple[str, ...]] = ("vars",)
    """Where a `.keras` file keeps the weights, in order, below the group of the layer."""

    @classmethod
    def layer(cls) -> str:
        """What Keras calls this class of layers."""
        return cls.__name__.removesuffix("Op")

    def weight_list(self) -> Sequence[Weight]:
        """The weights of a layer with these settings, in the order in which they are stored."""
        return ()

    def weight_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        """The shapes of all weights, for inputs of these shapes. Raises VerifyException."""
        return ()

    @abstractmethod
    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        """The shapes of the results, for inputs of these shapes. Raises VerifyException."""

    def result_elements(self, inputs: Sequence[Attribute]) -> Attribute:
        """The element type of the results, for inputs of these element types."""
        return f32

    def accepts(self, element: Attribute) -> bool:
        """Whether an input may have this element type."""
        return element == f32

    @property
    def inputs(self) -> Sequence[SSAValue]:
        """The operands that are no weights."""
        return self.arguments[: len(self.arguments) - len(self.weight_list())]

    @property
    def input(self) -> SSAValue:
        """The only input."""
        (value,) = self.inputs
        return value

    def weight(self, name: str) -> SSAValue | None:
        """The operand that is the weight of that name; None where the layer has none such."""
        weights = self.weight_list()
        for weight, value in zip(reversed(weights), reversed(self.arguments), strict=False):
            if weight.name == name:
                return value
        return None

    def verify_(self) -> None:
        count, (least, most) = len(self.arguments) - len(self.weight_list()), self.INPUTS
        if not least <= count <= most:
            expected = str(least) if least == most else f"{least} to {most}"
            weights = "".join(f", {weight.name}" for weight in self.weight_list())
            raise VerifyException(f"expected operands: inputs ({expected}){weights}; got {count}")
        inputs = [static_shape(value) for value in self.inputs]
        elements = [tensor(value).element_type for value in self.inputs]
        for element in elements:
            if not self.accepts(element):
                raise VerifyException(f"expected inputs of float32, got {element}")
        self._verify_weights(inputs)
        results = [TensorType(self.result_elements(elements), it) for it in self.shapes(inputs)]
        if results != [value.type for value in self.outputs]:
            got = ", ".join(str(value.type) for value in self.outputs)
            raise VerifyException(f"expected results {', '.join(map(str, results))}, got {got}")

    def shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        """`result_shapes`, all of which have elements."""
        found = self.result_shapes(inputs)
        for shape in found:
            if any(size < 1 for size in shape):
                given = ", ".join(map(str, inputs))
                raise VerifyException(f"expected results with elements, got {shape} from {given}")
        return found

    def _verify_weights(self, inputs: Sequence[Shape]) -> None:
        weights = self.weight_list()
        values = self.arguments[len(self.arguments) - len(weights) :]
        expected = self.weight_shapes(inputs)
        for weight, value, shape in zip(weights, values, expected, strict=True):
            if static_shape(value) != tuple(shape):
                raise VerifyException(
                    f"expected {weight.name} of shape {tuple(shape)}, got {static_shape(value)}"
                )
            if tensor(value).element_type != f32:
                raise VerifyException(f"expected {weight.name} of float32, got {value.type}")


class SameShapeOp(KerasOp, ABC):
    """A layer whose result has the shape of its input."""

    def result_shapes(self, inputs: Sequence[Shape]) -> Sequence[Shape]:
        return [inputs[0]]


def tensor(value: SSAValue) -> TensorType[Attribute]:
    """The type of an operand or result."""
    assert isinstance(value.type, TensorType)
    return value.type


def static_shape(value: SSAValue) -> Shape:
    """The shape of an operand or result, all of it known. Raises VerifyException."""
    shape = tensor(value).get_shape()
    if any(size < 0 for size in shape):
        raise VerifyException(f"expected a shape of known sizes, got {value.type}")
    return shape


def is_set(option: IntegerAttr[IntegerType]) -> bool:
    """The truth value of a flag."""
    return bool(option.value.data)


def check_rank(shape: Shape, *ranks: int) -> None:
    """An input with one of these numbers of axes, the batch among them. Raises VerifyException."""
    if len(shape) not in ranks:
        expected = " or ".join(map(str, ranks))
        raise VerifyException(f"expected an input of {expected} axes, got {shape}")


def axis_of(axis: int, rank: int) -> int:
    """An axis of `rank`, a negative one counted from the end. Raises VerifyException."""
    if not -rank <= axis < rank:
        raise VerifyException(f"expected an axis between {-rank} and {rank - 1}, got {axis}")
    return axis % rank


def axes_of(axes: Sequence[int], rank: int) -> list[int]:
    """Axes as sorted and distinct ones of `rank`. Raises VerifyException."""
    return sorted({axis_of(axis, rank) for axis in axes})
