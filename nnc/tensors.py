"""
The inputs and outputs of a network as numpy sees them.

Files hold arrays of stored or of real values, with one sample or many; the compiled network takes
bytes, one sample at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute

from nnc.codegen.network import Port
from nnc.dialects.nn.layout import Layout, arranged, rearranged
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BITS_PER_WORD, BinType, numpy_dtype

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Tensor:
    """
    An input or output, with other names that it goes by.

    `dtype` is that of stored values (bool for binary ones: True is -1); `scale` is 0 where values
    are not quantised: else real = scale * (stored - zero_point).
    `layout` has the axes of the model's tensor in the order of this one, where that is another.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float = 0.0
    zero_point: int = 0
    limits: tuple[int, int] = (0, 0)
    is_binary: bool = False
    aliases: tuple[str, ...] = ()
    layout: Layout | None = None

    @staticmethod
    def of(port: Port) -> Tensor:
        """The tensor of an argument of a planned function."""
        return replace(Tensor.named(port.name, port.tensor), layout=port.layout)

    @staticmethod
    def named(name: str, kind: Attribute) -> Tensor:
        """A tensor of a type of the `nn` level."""
        assert isinstance(kind, TensorType)
        element, shape = kind.element_type, kind.get_shape()
        dtype = numpy_dtype(element)
        if isinstance(element, UniformQuantizedType) and element.axis is None:
            limits = (element.storage_min, element.storage_max)
            return Tensor(name, shape, dtype, element.scale, element.zero_point, limits)
        return Tensor(name, shape, dtype, is_binary=isinstance(element, BinType))

    @property
    def is_quantized(self) -> bool:
        """Whether stored values stand for real ones."""
        return self.scale != 0

    @property
    def model_shape(self) -> tuple[int, ...]:
        """The shape of the model's tensor."""
        if self.layout is None:
            return self.shape
        return tuple(self.shape[self.layout.index(axis)] for axis in range(len(self.shape)))

    def of_model(self, array: Array) -> Array:
        """An array of the model's tensor in the order of this one."""
        return array if self.layout is None else arranged(array, self.layout)

    def to_model(self, array: Array) -> Array:
        """The inverse of `of_model`."""
        return array if self.layout is None else rearranged(array, self.layout)

    def quantize(self, real: Array) -> Array:
        """
        Stored values of real ones, as by QUANTIZE in the TFLite interpreter's reference kernels:
        divided in float32, rounded to the nearest, ties away from zero, and saturated.
        """
        scaled = (np.asarray(real, np.float32) / np.float32(self.scale)).astype(np.float64)
        rounded = np.copysign(np.floor(np.abs(scaled) + 0.5), scaled)
        return np.clip(rounded + self.zero_point, *self.limits).astype(self.dtype)

    def to_bytes(self, array: Array) -> bytes:
        """One sample as the network holds it in memory."""
        assert array.shape == self.shape, f"{self.name}: {array.shape} is not {self.shape}"
        if not self.is_binary:
            little = self.dtype.newbyteorder("<")
            return np.ascontiguousarray(array.astype(little, copy=False)).tobytes()
        padding = -self.shape[-1] % BITS_PER_WORD
        padded = np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, padding)])
        return np.packbits(padded, axis=-1, bitorder="little").tobytes()

    def of_bytes(self, data: bytes) -> Array:
        """The inverse of `to_bytes`."""
        if not self.is_binary:
            return np.frombuffer(data, self.dtype.newbyteorder("<")).reshape(self.shape)
        words = np.frombuffer(data, np.uint8).reshape((*self.shape[:-1], -1))
        bits = np.unpackbits(words, axis=-1, bitorder="little", count=self.shape[-1])
        return bits.astype(np.bool_)

    def stack(self, samples: list[Array]) -> Array:
        """
        Samples as one array in the model's order of axes: along the batch axis where that is 1,
        else along a new first axis, as `nnc.inputs` reads them.
        """
        arrays = [self.to_model(sample) for sample in samples]
        if self.model_shape[:1] == (1,):
            return np.concatenate(arrays)
        return arrays[0] if len(arrays) == 1 else np.stack(arrays)


def describe_type(tensor: Tensor) -> str:
    """The element type, for messages."""
    if tensor.is_quantized:
        return f"{tensor.dtype} (real = {tensor.scale:g} * (stored - {tensor.zero_point}))"
    return "binary" if tensor.is_binary else str(tensor.dtype)
