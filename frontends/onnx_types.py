"""ONNX's types, tensors and attributes as those of MLIR."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    ArrayAttr,
    DenseArrayBase,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    Signedness,
    StringAttr,
    TensorType,
    UnrankedTensorType,
    f16,
    f32,
    f64,
    i1,
    i8,
    i16,
    i32,
    i64,
)
from xdsl.ir import Attribute

from nnc.dialects.onnx.base import AnyTensor, StringType
from nnc.dialects.types import dense_attribute, numpy_dtype

LARGEST_TENSOR = 1 << 28
"""Elements of the largest tensor that is read."""

_UNSIGNED = {width: IntegerType(width, Signedness.UNSIGNED) for width in (8, 16, 32, 64)}

ELEMENTS: dict[int, Attribute] = {
    onnx.TensorProto.FLOAT: f32,
    onnx.TensorProto.FLOAT16: f16,
    onnx.TensorProto.DOUBLE: f64,
    onnx.TensorProto.BOOL: i1,
    onnx.TensorProto.INT8: i8,
    onnx.TensorProto.INT16: i16,
    onnx.TensorProto.INT32: i32,
    onnx.TensorProto.INT64: i64,
    onnx.TensorProto.UINT8: _UNSIGNED[8],
    onnx.TensorProto.UINT16: _UNSIGNED[16],
    onnx.TensorProto.UINT32: _UNSIGNED[32],
    onnx.TensorProto.UINT64: _UNSIGNED[64],
    onnx.TensorProto.STRING: StringType(),
}
"""The element type of each of ONNX's that is known."""


class UnsupportedValueError(Exception):
    """Why a tensor, a type or an attribute has no place in the dialect."""


def element_type(number: int) -> Attribute:
    """The element type of a number of `TensorProto.DataType`. Raises UnsupportedValueError."""
    if number in ELEMENTS:
        return ELEMENTS[number]
    names = {value: name for name, value in onnx.TensorProto.DataType.items()}
    raise UnsupportedValueError(f"elements of {names.get(number, number)} are not supported")


def tensor_type(proto: onnx.TypeProto) -> AnyTensor:
    """
    The tensor type of a value; dimensions without a number are open. Raises UnsupportedValueError.
    """
    kind = proto.WhichOneof("value")
    if kind != "tensor_type":
        raise UnsupportedValueError(f"expected a tensor, got {(kind or 'no type').split('_')[0]}")
    tensor = proto.tensor_type
    element = element_type(tensor.elem_type)
    if not tensor.HasField("shape"):
        return UnrankedTensorType(element)
    dims = tensor.shape.dim
    sizes = [d.dim_value if d.HasField("dim_value") else DYNAMIC_INDEX for d in dims]
    if any(size < 0 and size != DYNAMIC_INDEX for size in sizes):
        raise UnsupportedValueError(f"expected dimensions of at least 0, got {sizes}")
    return TensorType(element, sizes)


def type_proto(kind: AnyTensor) -> onnx.TypeProto:
    """The type of a value as ONNX's shape inference wants it."""
    number = next(number for number, it in ELEMENTS.items() if it == kind.element_type)
    if isinstance(kind, UnrankedTensorType):
        return onnx.helper.make_tensor_type_proto(number, None)
    sizes = [None if size == DYNAMIC_INDEX else size for size in kind.get_shape()]
    return onnx.helper.make_tensor_type_proto(number, sizes)


def array_of(tensor: onnx.TensorProto) -> npt.NDArray[Any]:
    """The values of a tensor. Raises UnsupportedValueError."""
    dtype = numpy_dtype(element_type(tensor.data_type))
    sizes = list(tensor.dims)
    if any(size < 0 for size in sizes) or prod(sizes) > LARGEST_TENSOR:
        raise UnsupportedValueError(f"expected dimensions of a tensor, got {sizes}")
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        raise UnsupportedValueError("expected its data in the model, got it in another file")
    try:
        # The annotations of this module are only partly known to the type checker.
        array: npt.NDArray[Any] = cast(Any, numpy_helper).to_array(tensor)
        return array.astype(dtype, copy=False)
    except (ValueError, TypeError) as error:
        raise UnsupportedValueError(
            f"expected {prod(sizes)} elements for the dimensions {sizes}, got other data"
        ) from error


def strings_of(tensor: onnx.TensorProto) -> ArrayAttr[StringAttr]:
    """The texts of a tensor of strings, in order. Raises UnsupportedValueError."""
    if prod(tensor.dims) != len(tensor.string_data):
        raise UnsupportedValueError(
            f"expected {prod(tensor.dims)} strings, got {len(tensor.string_data)}"
        )
    name = tensor.name or "it"
    return ArrayAttr([StringAttr(_text(data, name)) for data in tensor.string_data])


def tensor_of(values: object, dtype: type[np.generic]) -> onnx.TensorProto:
    """A tensor of numbers or of a list of them."""
    return cast(Any, numpy_helper).from_array(np.asarray(values, dtype))


def tensor_of_strings(values: Iterable[bytes], sizes: Sequence[int]) -> onnx.TensorProto:
    """A tensor of texts in UTF-8."""
    return onnx.TensorProto(data_type=onnx.TensorProto.STRING, dims=sizes, string_data=values)


def attribute_of(proto: onnx.AttributeProto, kind: str) -> Attribute:
    """An attribute of one of the dialect's types. Raises UnsupportedValueError."""
    given = _KINDS.get(proto.type)
    # An empty list has no type of its own in files of some exporters.
    if given != kind and not (len(kind) == 2 and _is_empty(proto)):
        expected, got = _NAMES[kind], _NAMES.get(given or "", "something else")
        raise UnsupportedValueError(f"expected {proto.name} to be {expected}, got {got}")
    match kind:
        case "i":
            return IntegerAttr(proto.i, i64)
        case "f":
            return FloatAttr(proto.f, f32)
        case "s":
            return StringAttr(_text(proto.s, proto.name))
        case "is":
            return DenseArrayBase.from_list(i64, list(proto.ints))
        case "fs":
            return DenseArrayBase.from_list(f32, list(proto.floats))
        case "ss":
            return ArrayAttr([StringAttr(_text(text, proto.name)) for text in proto.strings])
        case _:
            if proto.t.data_type == onnx.TensorProto.STRING:
                return strings_of(proto.t)
            values = array_of(proto.t)
            return dense_attribute(values, element_type(proto.t.data_type))


_KINDS: dict[int, str] = {
    onnx.AttributeProto.INT: "i",
    onnx.AttributeProto.FLOAT: "f",
    onnx.AttributeProto.STRING: "s",
    onnx.AttributeProto.TENSOR: "t",
    onnx.AttributeProto.GRAPH: "g",
    onnx.AttributeProto.INTS: "is",
    onnx.AttributeProto.FLOATS: "fs",
    onnx.AttributeProto.STRINGS: "ss",
}
_NAMES = {
    "i": "an integer",
    "f": "a number",
    "s": "a string",
    "t": "a tensor",
    "g": "a graph",
    "is": "integers",
    "fs": "numbers",
    "ss": "strings",
}


def _is_empty(proto: onnx.AttributeProto) -> bool:
    return not (proto.ints or proto.floats or proto.strings or proto.type in (1, 2, 3, 4))


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UnsupportedValueError(f"expected {name} to be text in UTF-8") from None
