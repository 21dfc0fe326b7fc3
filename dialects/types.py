"""
What an element type of an `nn` tensor means: as numpy holds it and as memory holds it.

`nn` keeps every static numeric fact in the type. Three views of a type are needed everywhere: the
dtype of the reference semantics, the signless storage type of the loop level, and the scalar type
in which arithmetic on it is done. They are defined here and nowhere else.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import (
    BytesAttr,
    DenseIntOrFPElementsAttr,
    DenseResourceAttr,
    Float16Type,
    Float32Type,
    Float64Type,
    IndexType,
    IntegerType,
    MemRefType,
    Signedness,
    TensorType,
    i1,
    i8,
    i32,
)
from xdsl.ir import Attribute, ParametrizedAttribute, SSAValue, TypeAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.utils.exceptions import DiagnosticException
from xdsl.utils.hints import isa

from nnc.dialects.quant import UniformQuantizedType

BITS_PER_WORD = 32
"""Channels of a binary tensor in one storage word: channel c is bit c % 32 of word c // 32."""


@irdl_attr_definition
class BinType(ParametrizedAttribute, TypeAttribute):
    """
    A value of {-1, +1}. As a bit, 1 is -1 and 0 is +1 (Larq compute engine, `core/types.h`).

    ```mlir
    tensor<1x16x16x64x!nn.bin>
    ```
    """

    name = "nn.bin"


BIN = BinType()

Array = npt.NDArray[Any]
"""Any numpy array; the dtype follows from the tensor's element type."""


def tensor_type(value: SSAValue | Attribute) -> TensorType[Attribute]:
    """The tensor type of a value, which every `nn` value has."""
    kind = value.type if isinstance(value, SSAValue) else value
    assert isinstance(kind, TensorType), f"expected a tensor, got {kind}"
    return kind


def shape_of(value: SSAValue | Attribute) -> tuple[int, ...]:
    """The static shape of a tensor value."""
    return tensor_type(value).get_shape()


def element_of(value: SSAValue | Attribute) -> Attribute:
    """The element type of a tensor value, quantisation included."""
    return tensor_type(value).element_type


def quantization_of(value: SSAValue | Attribute) -> UniformQuantizedType | None:
    """The quantised element type of a tensor value, or None where it is not quantised."""
    element = element_of(value)
    return element if isinstance(element, UniformQuantizedType) else None


def is_unsigned(element: Attribute) -> bool:
    """Whether stored integers of this type are widened with zeros."""
    if isinstance(element, UniformQuantizedType):
        return not element.is_signed
    if isinstance(element, IntegerType):
        return element.width.data == 1 or element.signedness.data is Signedness.UNSIGNED
    return False


def storage_type(element: Attribute) -> Attribute:
    """
    The signless type that memory holds for one element: `i8` for every type of up to 8 bits (one
    byte an element, `i4` and `i1` included), 32-bit words of packed bits for `!nn.bin`.
    """
    if isinstance(element, BinType):
        return i32
    if isinstance(element, UniformQuantizedType):
        return storage_type(element.storage)
    if isinstance(element, IntegerType):
        return IntegerType(max(8, element.width.data))
    if isinstance(element, IndexType):
        return i32
    return element


def memory_type(tensor: Attribute) -> MemRefType[Attribute]:
    """The memref that stores a tensor: binary channels packed along the last axis."""
    kind = tensor_type(tensor)
    shape = kind.get_shape()
    if isinstance(kind.element_type, BinType):
        shape = (*shape[:-1], -(-shape[-1] // BITS_PER_WORD))
    return MemRefType(storage_type(kind.element_type), shape)


def scalar_type(element: Attribute) -> Attribute:
    """The type of one loaded element: its storage type, `i1` for booleans and binary values."""
    if isinstance(element, BinType):
        return i1
    if isinstance(element, IntegerType) and element.width.data == 1:
        return i1
    return storage_type(element)


def element_bytes(element: Attribute) -> int:
    """Bytes of one storage element (of one word for `!nn.bin`)."""
    storage = storage_type(element)
    if isinstance(storage, IntegerType):
        return storage.width.data // 8
    if isinstance(storage, Float64Type):
        return 8
    return 2 if isinstance(storage, Float16Type) else 4


def memory_bytes(memory: MemRefType[Attribute]) -> int:
    """Bytes that a memref of static shape occupies."""
    count = 1
    for extent in memory.get_shape():
        count *= extent
    return count * element_bytes(memory.element_type)


_INTEGER_DTYPES = {
    (8, False): np.int8,
    (16, False): np.int16,
    (32, False): np.int32,
    (64, False): np.int64,
    (8, True): np.uint8,
    (16, True): np.uint16,
    (32, True): np.uint32,
    (64, True): np.uint64,
}


def numpy_dtype(element: Attribute) -> np.dtype[np.generic]:
    """
    The dtype in which the reference semantics hold an element: stored integers as they are,
    booleans and binary values as bool (for `!nn.bin`, True is -1).
    """
    match element:
        case BinType():
            return np.dtype(np.bool_)
        case UniformQuantizedType():
            return numpy_dtype(element.storage)
        case IndexType():
            return np.dtype(np.int64)
        case IntegerType() if element.width.data == 1:
            return np.dtype(np.bool_)
        case IntegerType():
            return np.dtype(_INTEGER_DTYPES[max(8, element.width.data), is_unsigned(element)])
        case Float16Type():
            return np.dtype(np.float16)
        case Float32Type():
            return np.dtype(np.float32)
        case Float64Type():
            return np.dtype(np.float64)
        case _:
            raise ValueError(f"expected an element type of the nn dialect, got {element}")


DenseConstant = DenseIntOrFPElementsAttr[
    IntegerType | IndexType | Float16Type | Float32Type | Float64Type
]
"""The values of a constant as an attribute."""


def dense_attribute(values: Array, element: Attribute) -> DenseConstant:
    """
    The constant's attribute: storage integers or floats as raw little-endian bytes. Booleans and
    binary values are one byte an element.
    """
    storage = element.storage if isinstance(element, UniformQuantizedType) else element
    if isinstance(storage, BinType) or (isa(storage, IntegerType) and storage.width.data < 8):
        storage = i8
    assert isa(storage, IntegerType | IndexType | Float16Type | Float32Type | Float64Type)
    data = np.ascontiguousarray(values)
    little = data.astype(data.dtype.newbyteorder("<"), copy=False)
    return DenseConstant(TensorType(storage, values.shape), BytesAttr(little.tobytes()))


def given(attribute: DenseIntOrFPElementsAttr | DenseResourceAttr) -> DenseIntOrFPElementsAttr:
    """
    The values of a constant. Raises DiagnosticException where the text that the module was read
    from left them out.
    """
    if isinstance(attribute, DenseResourceAttr):
        raise DiagnosticException("the constant was left out of the text: print it in full")
    return attribute


def constant_bytes(attribute: DenseIntOrFPElementsAttr | DenseResourceAttr) -> int:
    """The bytes of a constant, also of one that was left out of the text."""
    if isinstance(attribute, DenseIntOrFPElementsAttr):
        return len(attribute.data.data)
    kind = attribute.type
    assert isinstance(kind, TensorType)
    count = 1
    for extent in kind.get_shape():
        count *= extent
    return count * element_bytes(kind.element_type)


def dense_values(attribute: DenseIntOrFPElementsAttr, tensor: Attribute) -> Array:
    """The constant's values in the dtype and shape of `tensor`, without copying where possible."""
    kind = tensor_type(tensor)
    dtype = numpy_dtype(kind.element_type)
    raw = np.frombuffer(attribute.data.data, dtype)
    return raw.reshape(kind.get_shape())


def pack_bits(bits: Array) -> Array:
    """Booleans [..., C] as int32 words [..., ceil(C / 32)]: channel c is bit c % 32 of its word."""
    channels = bits.shape[-1]
    padding = -channels % BITS_PER_WORD
    padded = np.pad(bits, [(0, 0)] * (bits.ndim - 1) + [(0, padding)])
    packed = np.packbits(padded, axis=-1, bitorder="little")
    return np.ascontiguousarray(packed).view("<i4")
