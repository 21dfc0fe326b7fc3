"""
The `quant` types: a tensor's storage integers and the affine map that gives them meaning.

xDSL has no quant dialect, so this one provides MLIR's `!quant.uniform` in MLIR's own spelling.
Scales and zero points of a per-axis type are kept as bytes rather than as attributes: a type with
256 `FloatAttr`s costs a third of a millisecond for every hash or comparison.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import (
    BytesAttr,
    Float32Type,
    IntAttr,
    IntegerType,
    NoneAttr,
    Signedness,
    f32,
)
from xdsl.ir import Attribute, Dialect, ParametrizedAttribute, TypeAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

_STORAGE_WIDTHS = (4, 8, 16, 32, 64)


def storage_range(storage: IntegerType) -> tuple[int, int]:
    """The smallest and the largest value that the storage type can hold."""
    width = storage.width.data
    if storage.signedness.data is Signedness.UNSIGNED:
        return 0, (1 << width) - 1
    return -(1 << (width - 1)), (1 << (width - 1)) - 1


def print_float32(value: float) -> str:
    """The shortest decimal that reads back as the same float32, with the point that MLIR wants."""
    mantissa, e, exponent = str(np.float32(value)).partition("e")
    return (mantissa if "." in mantissa else mantissa + ".0") + e + exponent


@irdl_attr_definition
class UniformQuantizedType(ParametrizedAttribute, TypeAttribute):
    """
    `real = scale * (stored - zero_point)`, for the whole tensor or for each index along one axis.

    ```mlir
    !quant.uniform<i8:f32, 0.5:-3>              // per tensor
    !quant.uniform<u8:f32, 0.1:128>             // unsigned storage
    !quant.uniform<i8<-127:127>:f32:0, {0.1, 0.2:1}>  // per axis 0, narrow range
    ```

    Scales are float32 (as in TFLite's schema) and must be positive and finite; a zero point that
    is 0 is not printed. The spelling is that of MLIR's `quant` dialect.
    """

    name = "quant.uniform"

    storage: IntegerType
    storage_minimum: IntAttr
    storage_maximum: IntAttr
    expressed: Float32Type
    axis_attr: IntAttr | NoneAttr
    scale_bytes: BytesAttr
    zero_point_bytes: BytesAttr

    @staticmethod
    def per_tensor(
        storage: IntegerType,
        scale: float,
        zero_point: int = 0,
        *,
        storage_min: int | None = None,
        storage_max: int | None = None,
    ) -> UniformQuantizedType:
        """One scale and zero point for all elements."""
        return UniformQuantizedType._make(
            storage, None, [scale], [zero_point], storage_min, storage_max
        )

    @staticmethod
    def per_axis(
        storage: IntegerType,
        axis: int,
        scales: Sequence[float] | npt.NDArray[np.float32],
        zero_points: Sequence[int] | npt.NDArray[np.int64],
        *,
        storage_min: int | None = None,
        storage_max: int | None = None,
    ) -> UniformQuantizedType:
        """One scale and zero point for each index along `axis`."""
        return UniformQuantizedType._make(
            storage, axis, scales, zero_points, storage_min, storage_max
        )

    @staticmethod
    def _make(
        storage: IntegerType,
        axis: int | None,
        scales: Sequence[float] | npt.NDArray[np.float32],
        zero_points: Sequence[int] | npt.NDArray[np.int64],
        storage_min: int | None,
        storage_max: int | None,
    ) -> UniformQuantizedType:
        low, high = storage_range(storage)
        return UniformQuantizedType(
            storage,
            IntAttr(low if storage_min is None else storage_min),
            IntAttr(high if storage_max is None else storage_max),
            f32,
            NoneAttr() if axis is None else IntAttr(axis),
            BytesAttr(np.asarray(scales, "<f4").tobytes()),
            BytesAttr(np.asarray(zero_points, "<i8").tobytes()),
        )

    @property
    def axis(self) -> int | None:
        """The quantised axis, or None when one scale serves the whole tensor."""
        return self.axis_attr.data if isinstance(self.axis_attr, IntAttr) else None

    @property
    def scales(self) -> npt.NDArray[np.float32]:
        """All scales, float32, one when per tensor."""
        return np.frombuffer(self.scale_bytes.data, "<f4")

    @property
    def zero_points(self) -> npt.NDArray[np.int64]:
        """All zero points, int64, one when per tensor."""
        return np.frombuffer(self.zero_point_bytes.data, "<i8")

    @property
    def scale(self) -> float:
        """The one scale of a per-tensor type, exactly (a float32 widened)."""
        assert self.axis is None, "a per-axis type has no single scale"
        return float(self.scales[0])

    @property
    def zero_point(self) -> int:
        """The one zero point of a per-tensor type."""
        assert self.axis is None, "a per-axis type has no single zero point"
        return int(self.zero_points[0])

    @property
    def storage_min(self) -> int:
        """The smallest stored value."""
        return self.storage_minimum.data

    @property
    def storage_max(self) -> int:
        """The largest stored value."""
        return self.storage_maximum.data

    @property
    def is_signed(self) -> bool:
        """Whether the storage integers are signed."""
        return self.storage.signedness.data is not Signedness.UNSIGNED

    def verify(self) -> None:
        if self.storage.width.data not in _STORAGE_WIDTHS:
            raise VerifyException(
                f"expected a storage type of {_STORAGE_WIDTHS} bits, got {self.storage}"
            )
        low, high = storage_range(self.storage)
        if not low <= self.storage_min < self.storage_max <= high:
            raise VerifyException(
                f"expected a storage range within <{low}:{high}>, "
                f"got <{self.storage_min}:{self.storage_max}>"
            )
        scales, zero_points = self.scales, self.zero_points
        if not scales.size or scales.size != zero_points.size:
            raise VerifyException(
                f"expected as many zero points as scales, got {zero_points.size} and {scales.size}"
            )
        if self.axis is None and scales.size != 1:
            raise VerifyException(f"expected one scale per tensor, got {scales.size}")
        if self.axis is not None and self.axis < 0:
            raise VerifyException(f"expected an axis of at least 0, got {self.axis}")
        if not (np.isfinite(scales).all() and (scales > 0).all()):
            raise VerifyException("expected positive finite scales")

    def print_parameters(self, printer: Printer) -> None:
        prefix = "i" if self.is_signed else "u"
        printer.print_string(f"<{prefix}{self.storage.width.data}")
        if (self.storage_min, self.storage_max) != storage_range(self.storage):
            printer.print_string(f"<{self.storage_min}:{self.storage_max}>")
        printer.print_string(":f32")
        pairs = [
            print_float32(s) + (f":{z}" if z else "")
            for s, z in zip(self.scales.tolist(), self.zero_points.tolist(), strict=True)
        ]
        if self.axis is None:
            printer.print_string(f", {pairs[0]}>")
        else:
            printer.print_string(f":{self.axis}, {{{', '.join(pairs)}}}>")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            storage = _parse_storage(parser)
            low, high = storage_range(storage)
            if parser.parse_optional_punctuation("<"):
                low = parser.parse_integer()
                parser.parse_punctuation(":")
                high = parser.parse_integer()
                parser.parse_punctuation(">")
            parser.parse_punctuation(":")
            expressed = parser.parse_type()
            if not isinstance(expressed, Float32Type):
                parser.raise_error(f"expected the expressed type f32, got {expressed}")
            axis: int | None = None
            if parser.parse_optional_punctuation(":"):
                axis = parser.parse_integer(allow_negative=False)
            parser.parse_punctuation(",")
            if axis is None:
                pairs = [_parse_scale(parser)]
            else:
                pairs = parser.parse_comma_separated_list(
                    parser.Delimiter.BRACES, lambda: _parse_scale(parser)
                )
        return (
            storage,
            IntAttr(low),
            IntAttr(high),
            expressed,
            NoneAttr() if axis is None else IntAttr(axis),
            BytesAttr(np.asarray([s for s, _ in pairs], "<f4").tobytes()),
            BytesAttr(np.asarray([z for _, z in pairs], "<i8").tobytes()),
        )


def _parse_storage(parser: AttrParser) -> IntegerType:
    position = parser.pos
    name = parser.parse_identifier(" for the storage type")
    if len(name) > 1 and name[0] in "iu" and name[1:].isdecimal():
        signedness = Signedness.SIGNLESS if name[0] == "i" else Signedness.UNSIGNED
        return IntegerType(int(name[1:]), signedness)
    parser.raise_error(f"expected a storage type such as i8 or u8, got {name}", position)


def _parse_scale(parser: AttrParser) -> tuple[float, int]:
    scale = float(parser.parse_number())
    zero_point = parser.parse_integer() if parser.parse_optional_punctuation(":") else 0
    return scale, zero_point


Quant = Dialect("quant", [], [UniformQuantizedType])
