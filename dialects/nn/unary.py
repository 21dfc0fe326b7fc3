"""
What functions of one tensor share, element by element.

Of floats they are what their names say. Of quantised tensors they are what TFLite's kernels
compute: for 8 bits, most are a table of the float32 function at all codes; for 16 bits, a table of
513 places with interpolation. Where TFLite has integer arithmetic of its own, so has the op.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import TensorType, f32, i32
from xdsl.irdl import operand_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn import tables
from nnc.dialects.nn.algebra import NumpyScalar
from nnc.dialects.nn.base import Elements, ElementwiseOp, LoopElements, NumpyElements, S
from nnc.dialects.nn.checks import Kind, check_kind, check_same_kind
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.nn.quantized import arithmetic_type, code_index, interpolate, is_8_bit
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import (
    Array,
    element_of,
    numpy_dtype,
    quantization_of,
    scalar_type,
    shape_of,
)


class UnaryOp(ElementwiseOp, ABC):
    """
    An op whose output elements depend each on the same element of its one input.

    From 8 bits to 8 bits it is lowered to a table, whatever it computes.
    """

    input = operand_def(TensorType)
    output = result_def(TensorType)

    def verify_(self) -> None:
        if shape_of(self.input) != shape_of(self.output):
            raise VerifyException(
                f"expected an output of shape {shape_of(self.input)}, got {shape_of(self.output)}"
            )

    TABULATES: ClassVar[bool] = True
    """Whether looking a result up is better than computing it."""

    @property
    def tabulates(self) -> bool:
        """Whether 256 results say it all: from 8 bits to 8 bits, both quantised."""
        both = is_8_bit(element_of(self.input)) and is_8_bit(element_of(self.output))
        return both and self.TABULATES

    def tabulate(self) -> Array:
        """The result, as stored, for each stored value of the input from the smallest on."""
        source = quantization_of(self.input)
        assert source is not None and self.tabulates
        codes = np.arange(source.storage_min, source.storage_max + 1)
        stored = NumpyScalar(codes.astype(np.int8), scalar_type(source))
        results = self.body(NumpyElements(self, []), stored).array
        return results.astype(numpy_dtype(element_of(self.output)))

    def lower(self, b: LoopBuilder) -> None:
        source = quantization_of(self.input)
        if source is None or not self.tabulates:
            super().lower(b)
            return
        table = self.tabulate()
        kind = scalar_type(element_of(self.output))
        elements, codes = LoopElements(b), b.flat(b.inputs[0])

        def look_up(index: list[IRScalar]) -> IRScalar:
            place = code_index(elements, b.load(codes, index), source)
            return elements.lookup(table, kind, [place])

        b.produce(b.flat(b.outputs[0]), look_up)


class FunctionOp(UnaryOp, ABC):
    """
    A real function. `real` is the float32 program; quantised results follow from it through tables
    unless the op overrides `codes` (8 bits) or `wide` (16 bits).
    """

    INTEGERS: ClassVar[bool] = False
    """Whether plain integers are allowed as well."""

    def verify_(self) -> None:
        super().verify_()
        allowed = Kind.F32 | Kind.QUANTIZED
        check_kind("an input", self.input, allowed | Kind.INTEGER if self.INTEGERS else allowed)
        check_same_kind("an output", self.output, self.input)

    @abstractmethod
    def real(self, b: Elements[S], x: S) -> S:
        """The function of a float32 (or, where `INTEGERS` says so, an integer) number."""

    def tabulated_real(self, x: tables.Floats, target: UniformQuantizedType) -> tables.Floats:
        """The function as tables for results of the type `target` are made of it."""
        return self.real(NumpyElements(self, []), NumpyScalar(x, f32)).array

    def codes(self, source: UniformQuantizedType, target: UniformQuantizedType) -> tables.Ints:
        """The results for all stored values of 8 bits, from the smallest on."""
        return tables.lut8(
            lambda x: self.tabulated_real(x, target),
            source.scale,
            source.zero_point,
            target.scale,
            target.zero_point,
            storage_min=source.storage_min,
        )

    INTERPOLATES: ClassVar[bool] = True
    """Whether 16 bits are interpolated between the places of a table; else `wide` is overridden."""

    def places(self) -> Array | None:
        """The 513 results, as stored, between which results of 16 bits are interpolated."""
        source, target = quantization_of(self.input), quantization_of(self.output)
        if source is None or target is None or not self.INTERPOLATES:
            return None
        if source.storage.width.data != 16:
            return None
        table = tables.lut16(lambda x: self.tabulated_real(x, target), source.scale, target.scale)
        return table.astype(np.int16)

    def wide(
        self, b: Elements[S], code: S, source: UniformQuantizedType, target: UniformQuantizedType
    ) -> S:
        """The result, as `i32`, for a stored value of 16 bits, given as `i32`."""
        table = self.places()
        assert table is not None, f"{self.name} of 16 bits has no table"
        return interpolate(b, self.interned(table), code)

    def body(self, b: Elements[S], *values: S) -> S:
        source, target = quantization_of(self.input), quantization_of(self.output)
        if source is None or target is None:
            plain = element_of(self.input)
            number = self.real(b, b.widen(values[0], plain, arithmetic_type(plain)))
            return number.to(scalar_type(plain))
        kind = scalar_type(target)
        if source.storage.width.data > 8:
            return self.wide(b, b.widen(values[0], source, i32), source, target).to(kind)
        table = self.codes(source, target).astype(numpy_dtype(target))
        return b.lookup(self.interned(table), kind, [code_index(b, values[0], source)])
