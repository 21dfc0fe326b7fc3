"""
What the rows of dense layers share whose binary weights lie in a row of words for each output:
three epilogues, each from a sum.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import Float32Type, TensorType, i32
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.convolution import DenseOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder, Operand
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BIN, BinType, element_of, shape_of
from nnc.runtime import binary_epilogues as epilogues
from nnc.runtime.binary_dense import KNOWN
from nnc.runtime.registry import Kernel, Lowering, Target, constant_values

Ints = npt.NDArray[np.int64]


class WeightRows(Kernel, ABC):
    """
    Sums for one output after the other. The constants of the epilogue are the inputs after the
    weights, first what a sum starts at; reading in this order, it takes constant time.
    """

    OUTPUT: type[Attribute]
    STRUCT: str
    """The type of the C struct with the sizes, whose first members are rows, depth and outputs."""

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, DenseOp) or not isinstance(element_of(op.output), self.OUTPUT):
            return ""
        if not isinstance(element_of(op.weights), BinType) or not self.concerns(op):
            return ""
        return (
            epilogues.unknown_parts(op, KNOWN)
            or epilogues.operands_problem(op)
            or self.activations_problem(op)
            or epilogues.range_problem(op, self.largest(op))
            or self.epilogue_problem(op)
        )

    @abstractmethod
    def concerns(self, op: DenseOp) -> bool:
        """Whether the layer is of the function's kind."""

    def activations_problem(self, op: DenseOp) -> str | None:
        """Why the function does not take the layer's activations."""
        return None

    def epilogue_problem(self, op: DenseOp) -> str | None:
        """Why the function's epilogue is not the layer's."""
        return None

    @abstractmethod
    def largest(self, op: DenseOp) -> int:
        """The size of the largest sum without the bias."""

    @abstractmethod
    def base(self, op: DenseOp) -> Ints:
        """What the sum of each output starts at."""

    @abstractmethod
    def packed(self, op: DenseOp, weights: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
        """The words of the weights."""

    @abstractmethod
    def total(self, call: CallOp, b: LoopBuilder, row: IRScalar, channel: IRScalar) -> IRScalar:
        """The sum of an output, as loops."""

    def sizes(self, op: DenseOp) -> dict[str, Parameter]:
        """The members of the struct of sizes."""
        return {}

    def members(self, call: CallOp) -> list[int]:
        """The members of the struct of sizes after the first three."""
        return []

    @abstractmethod
    def further(
        self, op: DenseOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        """The constants of the epilogue after the base, and numbers."""

    @abstractmethod
    def conclude(
        self, call: CallOp, b: LoopBuilder, total: IRScalar, channel: IRScalar
    ) -> IRScalar:
        """The output from the sum."""

    @abstractmethod
    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        """Statements before the call, and what the function takes as its epilogue."""

    def scratch(self, op: NnOp, target: Target) -> tuple[int, ...]:
        return ()

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, DenseOp)
        weights = constant_values(op.weights)
        assert weights is not None
        rows, depth = shape_of(op.input)
        constants, numbers = self.further(op, lowering)
        inputs = [
            lowering.buffer(op.input),
            lowering.constant(self.packed(op, weights), i32, "weights"),
            lowering.constant(self.base(op).astype(np.int32), i32, "base"),
            *constants,
        ]
        shape: dict[str, Parameter] = {"rows": rows, "depth": depth, "channels": len(weights)}
        parameters = {**shape, **self.sizes(op), **numbers}
        return lowering.call(self.name, inputs, parameters, self.scratch(op, target))

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        def element(index: list[IRScalar]) -> IRScalar:
            row, channel = index
            total = b.load(b.inputs[2], [channel]) + self.total(call, b, row, channel)
            return self.conclude(call, b, total, channel)

        output = b.outputs[0]
        if self.OUTPUT is BinType:
            shape = [call.number("rows"), call.number("channels")]
            output = Operand(output.memory, TensorType(BIN, shape))
        b.produce(output, element)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        source, weights, *constants = arguments[: len(call.inputs)]
        written = ", ".join(arguments[len(call.inputs) :])
        statements, epilogue = self.arguments(call, constants)
        numbers = [call.number(name) for name in ("rows", "depth", "channels")]
        members = ", ".join(map(str, [*numbers, *self.members(call)]))
        return [
            f"static const {self.STRUCT} layer = {{{members}}};",
            *statements,
            f"{self.name}(&layer, {source}, {weights}, {epilogue}, {written});",
            "return 0;",
        ]


class SignOutput(WeightRows, ABC):
    """Binary outputs, the sign of the sum."""

    OUTPUT = BinType

    def further(
        self, op: DenseOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        return [], {}

    def conclude(
        self, call: CallOp, b: LoopBuilder, total: IRScalar, channel: IRScalar
    ) -> IRScalar:
        return total < 0

    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        return [], constants[0]


class Int8Output(WeightRows, ABC):
    """int8 outputs, requantised by one multiplication of 64 bits."""

    OUTPUT = UniformQuantizedType

    def epilogue_problem(self, op: DenseOp) -> str | None:
        return epilogues.requantization_problem(op, self.largest(op))

    def further(
        self, op: DenseOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        return epilogues.requantization_constants(op, self.largest(op), lowering)

    def conclude(
        self, call: CallOp, b: LoopBuilder, total: IRScalar, channel: IRScalar
    ) -> IRScalar:
        return epilogues.requantized(call, b, 3, total, channel)

    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        return epilogues.requantization_text(call, constants[0], constants[1:]), "&requantization"


class FloatOutput(WeightRows, ABC):
    """Float outputs."""

    OUTPUT = Float32Type

    def further(
        self, op: DenseOp, lowering: Lowering
    ) -> tuple[list[SSAValue], dict[str, Parameter]]:
        return epilogues.real_constants(op, lowering)

    def conclude(
        self, call: CallOp, b: LoopBuilder, total: IRScalar, channel: IRScalar
    ) -> IRScalar:
        return epilogues.real(call, b, 3, total, channel)

    def arguments(self, call: CallOp, constants: Sequence[str]) -> tuple[list[str], str]:
        return epilogues.real_text(call, constants[0], constants[1:]), "&scaling"
