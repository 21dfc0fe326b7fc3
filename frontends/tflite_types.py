"""
Tensors of a `.tflite` file as types and constants of the `tfl` dialect.

Quantisation is part of the type, as `ParseQuantization` of LiteRT's `interpreter_builder.cc` reads
it: no scale means none, one scale is for the whole tensor, more are for the indices of one axis.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import prod

import numpy as np
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    IntegerType,
    Signedness,
    TensorType,
    bf16,
    f16,
    f32,
    f64,
    i1,
)
from xdsl.ir import Attribute
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from nnc.dialects.quant import UniformQuantizedType, storage_range
from nnc.dialects.tfl.base import TENSOR_TYPE, AnyTensor
from nnc.dialects.tfl.structure import PseudoConstOp, ResourceType, storage_dtype
from nnc.frontends.tflite_model import Extent, Model, Quantization, Tensor

LARGEST_TOTAL = 1 << 30
"""Bytes of all tensors together."""

LARGEST_CONSTANTS = 384 << 20
"""Bytes of all constants together, as they lie in the module."""

_MOST_SCALES = 1 << 20

_ELEMENT_TYPES: dict[str, Attribute] = {
    "FLOAT32": f32,
    "FLOAT16": f16,
    "BFLOAT16": bf16,
    "FLOAT64": f64,
    "BOOL": i1,
    "INT4": IntegerType(4),
    **{f"INT{width}": IntegerType(width) for width in (8, 16, 32, 64)},
    **{f"UINT{width}": IntegerType(width, Signedness.UNSIGNED) for width in (8, 16, 32, 64)},
    "RESOURCE": ResourceType(),
}


class UnsupportedTensorError(Exception):
    """Why a tensor cannot be represented, in a few words."""


@dataclass
class TensorTypes:
    """
    Makes types and constants, within a budget for all of them together, so that a file cannot ask
    for more memory than it has any business to.

    A constant holds the storage elements of its type: INT4, two to a byte in the file, one to a
    byte here; a true BOOL all bits set, as xDSL has it; the others as they lie in the file.
    """

    model: Model
    bytes_left: int = LARGEST_TOTAL
    constant_bytes_left: int = LARGEST_CONSTANTS
    scales_left: int = _MOST_SCALES

    def __post_init__(self) -> None:
        self._constants: dict[tuple[Extent, int, int], bytes] = {}

    def type_of(self, tensor: Tensor, dynamic: Collection[int] = ()) -> AnyTensor:
        """
        The type of a tensor, the dimensions in `dynamic` unknown.

        Raises UnsupportedTensorError.
        """
        element = self._element(tensor)
        shape = [DYNAMIC_INDEX if d in dynamic else s for d, s in enumerate(tensor.shape)]
        self._spend(tensor, element, prod(size for size in shape if size != DYNAMIC_INDEX))
        return TensorType(element, shape)

    def constant(self, tensor: Tensor, extent: Extent) -> PseudoConstOp:
        """The constant operation of a tensor whose elements are in the file. Raises as above."""
        if tensor.is_sparse:
            raise UnsupportedTensorError(
                "its constant is stored sparsely; convert the model without sparsity"
            )
        type = self.type_of(tensor)
        if isinstance(type.get_element_type(), ResourceType):
            raise UnsupportedTensorError("a resource has no constant value")
        count = prod(tensor.shape)
        packed = TENSOR_TYPE.values[tensor.type] == "INT4"
        size = storage_dtype(type.get_element_type()).itemsize
        expected = (count + 1) // 2 if packed else count * size
        if extent.size != expected:
            raise UnsupportedTensorError(
                f"expected {expected} bytes for {type}, got {extent.size} in its buffer"
            )
        return PseudoConstOp.from_bytes(self._bytes(tensor, extent, count), type)

    def _bytes(self, tensor: Tensor, extent: Extent, count: int) -> bytes:
        key = (extent, tensor.type, count)
        if key not in self._constants:
            data = self.take(extent, room=max(count, extent.size))
            self._constants[key] = _unpack(data, TENSOR_TYPE.values[tensor.type], count)
        return self._constants[key]

    def take(self, extent: Extent, room: int | None = None) -> bytes:
        """
        The bytes of a stretch of the file, which become `room` bytes of the module.

        Raises UnsupportedTensorError.
        """
        self.constant_bytes_left -= extent.size if room is None else room
        if self.constant_bytes_left < 0:
            raise UnsupportedTensorError(f"the model's constants exceed {LARGEST_CONSTANTS} bytes")
        return self.model.data[extent.start : extent.start + extent.size]

    def _spend(self, tensor: Tensor, element: Attribute, count: int) -> None:
        size = 1 if isinstance(element, ResourceType) else storage_dtype(element).itemsize
        self.bytes_left -= count * size
        if self.bytes_left < 0:
            raise UnsupportedTensorError(f"the model's tensors exceed {LARGEST_TOTAL} bytes")

    def _element(self, tensor: Tensor) -> Attribute:
        names = TENSOR_TYPE.values
        if not 0 <= tensor.type < len(names):
            raise UnsupportedTensorError(f"its element type {tensor.type} does not exist")
        element = _ELEMENT_TYPES.get(names[tensor.type])
        if element is None:
            raise UnsupportedTensorError(
                f"its element type {names[tensor.type]} is not supported; "
                f"supported are {', '.join(_ELEMENT_TYPES)}"
            )
        quantization = tensor.quantization
        if quantization is None or not isa(element, IntegerType) or element == i1:
            return element
        if quantization.details:
            raise UnsupportedTensorError(
                "its quantisation is of another kind; quantise it per tensor or per axis"
            )
        if quantization.scales.size == 0:
            return element
        return self._quantized(element, tensor.shape, quantization)

    def _quantized(
        self, storage: IntegerType, shape: tuple[int, ...], quantization: Quantization
    ) -> UniformQuantizedType:
        scales = np.asarray(quantization.scales, np.float32)
        zero_points = np.asarray(quantization.zero_points, np.int64)
        _check_quantization(storage, shape, quantization)
        self.scales_left -= scales.size
        if self.scales_left < 0:
            raise UnsupportedTensorError(
                f"the model's tensors have more than {_MOST_SCALES} scales"
            )
        try:
            if scales.size == 1:
                return UniformQuantizedType.per_tensor(storage, scales.item(), zero_points.item())
            # Old converters give a bias, which has one axis, the number of its filter's.
            axis = quantization.axis if len(shape) > 1 else 0
            return UniformQuantizedType.per_axis(storage, axis, scales, zero_points)
        except VerifyException as error:
            raise UnsupportedTensorError(f"its quantisation is invalid: {error}") from error


def _check_quantization(
    storage: IntegerType, shape: tuple[int, ...], quantization: Quantization
) -> None:
    """Raises UnsupportedTensorError unless scales and zero points fit the shape and the storage."""
    scales, zero_points = quantization.scales.size, quantization.zero_points
    if zero_points.size != scales:
        raise UnsupportedTensorError(
            f"expected {scales} zero points, as many as scales, got {zero_points.size}"
        )
    low, high = storage_range(storage)
    if int(zero_points.min()) < low or int(zero_points.max()) > high:
        raise UnsupportedTensorError(f"expected zero points between {low} and {high}")
    if scales == 1:
        return
    axis = quantization.axis if len(shape) != 1 else 0
    if not 0 <= axis < len(shape):
        raise UnsupportedTensorError(
            f"expected a quantised dimension below {len(shape)}, got {axis}"
        )
    if shape[axis] != scales:
        raise UnsupportedTensorError(
            f"expected {shape[axis]} scales for dimension {axis}, got {scales}"
        )


def _unpack(data: bytes, type: str, count: int) -> bytes:
    """The elements as they lie in a constant of the dialect."""
    if type == "BOOL":
        return np.where(np.frombuffer(data, np.uint8) != 0, 0xFF, 0).astype(np.uint8).tobytes()
    if type != "INT4":
        return data
    pairs = np.frombuffer(data, np.int8)
    nibbles = np.empty(2 * pairs.size, np.int8)
    # Arithmetic shifts extend the sign of either half.
    nibbles[0::2] = np.left_shift(pairs, 4) >> 4
    nibbles[1::2] = pairs >> 4
    return nibbles[:count].tobytes()
