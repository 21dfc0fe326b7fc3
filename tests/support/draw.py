"""
Random decisions about a small model, and the model that they make.

Generators of models (`single_ops`, `random_networks`) take all their randomness from one seed
through this class, so that a failing case is named by its seed alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from support.arrays import integers
from support.oracle import Array
from support.tflite_builder import (
    NUMPY_TYPES,
    ModelBuilder,
    Option,
    Quantization,
    Tensor,
    TypeName,
    per_axis,
    per_tensor,
)

T = TypeVar("T")
Fill = Callable[[np.random.Generator, tuple[int, ...]], Array]

RANGES: dict[str, tuple[int, int]] = {
    "i4": (-8, 7),
    "i8": (-128, 127),
    "u8": (0, 255),
    "i16": (-32768, 32767),
    "i32": (-1000, 1000),
    "i64": (-1000, 1000),
    "i1": (0, 1),
}
"""The range of random values of a type; that of wide integers is small, so that nothing wraps."""

QUANTISED = ("i8", "u8", "i16")
ACTIVATIONS = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")


@dataclass(frozen=True)
class Case:
    """A generated model with inputs on which the reference interpreter gives a defined answer."""

    name: str
    model: bytes
    samples: list[list[Array]]
    optimised: bool = False
    """The oracle is the interpreter's optimised kernel: the reference one is missing or wrong."""
    stateful: bool = False
    """The model has state, so the samples are one sequence."""


class Draw:
    """A model under construction and the random source of every decision about it."""

    def __init__(self, seed: int | str) -> None:
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(self.random.getrandbits(64))
        self.model = ModelBuilder()
        self.optimised = False
        self.stateful = False
        self._fills: list[Fill] = []

    # Decisions.

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.random.random() < probability

    def integer(self, low: int, high: int) -> int:
        """A uniform integer of `[low, high]`."""
        return self.random.randint(low, high)

    def pick(self, *options: T) -> T:
        """One of the options."""
        return self.random.choice(options)

    def kind(self, *options: TypeName) -> TypeName:
        """One of the types."""
        return self.random.choice(options)

    def power(self, low: float, high: float) -> float:
        """A float32 that is log-uniform between `2^low` and `2^high`."""
        return float(np.float32(2.0 ** self.random.uniform(low, high)))

    def shape(self, rank_low: int = 1, rank_high: int = 4, largest: int = 6) -> tuple[int, ...]:
        """A shape of small sizes."""
        rank = self.integer(rank_low, rank_high)
        return tuple(self.integer(1, largest) for _ in range(rank))

    def image(self, largest: int = 9, channels: int = 8) -> tuple[int, int, int, int]:
        """An NHWC shape; the batch is 1 most of the time."""
        batch = 2 if self.chance(0.2) else 1
        height, width = self.integer(1, largest), self.integer(1, largest)
        return batch, height, width, self.integer(1, channels)

    def axis(self, rank: int) -> int:
        """An axis, counted from either end."""
        return self.integer(-rank, rank - 1)

    def broadcast(self, shape: Sequence[int]) -> tuple[int, ...]:
        """A shape that broadcasts to the given one: axes of size 1, or leading axes left out."""
        if self.chance(0.4):
            return tuple(shape)
        sizes = [1 if self.chance(0.4) else size for size in shape]
        return tuple(sizes[self.integer(0, len(sizes) - 1) :])

    def activation(self) -> str:
        """A fused activation, none in half of the cases."""
        return "NONE" if self.chance(0.5) else self.pick(*ACTIVATIONS)

    # Quantisation.

    def zero_point(self, dtype: TypeName) -> int:
        """A zero point: always 0 for i16, otherwise anywhere, often at an end of the range."""
        if dtype == "i16":
            return 0
        low, high = RANGES[dtype]
        return self.pick(low, high, 0 if dtype == "i8" else 128, *[self.integer(low, high)] * 4)

    def quantization(
        self, dtype: TypeName, low: float = -8, high: float = 0
    ) -> Quantization | None:
        """A per-tensor quantisation with a scale of `2^low` to `2^high`; None for other types."""
        if dtype not in QUANTISED:
            return None
        if dtype == "i16":
            low, high = low - 7, high - 7
        return per_tensor(self.power(low, high), self.zero_point(dtype))

    def weight_quantization(
        self, axis: int, channels: int, low: float = -9, high: float = -4
    ) -> Quantization:
        """Symmetric weights: a scale for each channel, or one for all of them."""
        if self.chance(0.3):
            return per_tensor(self.power(low, high))
        return per_axis(axis, [self.power(low, high) for _ in range(channels)])

    # Tensors.

    def input(
        self,
        shape: Sequence[int],
        dtype: TypeName,
        quantization: Quantization | None = None,
        *,
        low: float | None = None,
        high: float | None = None,
        fill: Fill | None = None,
    ) -> Tensor:
        """An input of the model, filled with values of `[low, high]` (stored ones) or by `fill`."""
        tensor = self.model.input(f"x{len(self._fills)}", shape, dtype, quantization)
        self._fills.append(fill or _uniform(dtype, low, high))
        return tensor

    def constant(
        self,
        shape: Sequence[int],
        dtype: TypeName,
        quantization: Quantization | None = None,
        *,
        low: float | None = None,
        high: float | None = None,
    ) -> Tensor:
        """A constant of random values of `[low, high]`."""
        values = _uniform(dtype, low, high)(self.numbers, tuple(shape))
        return self.model.constant(values, dtype, quantization)

    def integers(self, values: Sequence[int] | int, dtype: TypeName = "i32") -> Tensor:
        """A constant of the given integers, such as axes and shapes."""
        return self.model.constant(np.asarray(values, np.int64), dtype)

    def operand(
        self, shape: Sequence[int], dtype: TypeName, quantization: Quantization | None = None
    ) -> Tensor:
        """A second operand: an input or a constant."""
        make = self.constant if self.chance(0.4) else self.input
        return make(shape, dtype, quantization)

    def result(
        self,
        builtin: str,
        inputs: Sequence[Tensor | None],
        shape: Sequence[int],
        dtype: TypeName,
        quantization: Quantization | None = None,
        **options: Option,
    ) -> Tensor:
        """The operator's only result, which becomes an output of the model."""
        tensor = self.model.output_of(builtin, inputs, shape, dtype, quantization, **options)
        self.model.output(tensor)
        return tensor

    def case(self, name: str, samples: int = 3) -> Case:
        """The finished model with its inputs."""
        shapes = [tensor.shape for tensor in self.model.inputs]
        inputs = [
            [fill(self.numbers, shape) for fill, shape in zip(self._fills, shapes, strict=True)]
            for _ in range(samples)
        ]
        return Case(name, self.model.build(), inputs, self.optimised, self.stateful)


def _uniform(dtype: TypeName, low: float | None, high: float | None) -> Fill:
    """
    Values of a type: floats normal unless bounded, integers uniform. One sample in four has all its
    integers at the ends of the range, where saturation happens.
    """

    def fill(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        kind = np.dtype(NUMPY_TYPES[dtype])
        if dtype == "f32" and low is None:
            return generator.normal(0, 3, shape).astype(kind)
        if dtype == "f32":
            ends = (0.0 if low is None else low, 1.0 if high is None else high)
            return generator.uniform(*ends, shape).astype(kind)
        first, last = RANGES[dtype]
        first = first if low is None else int(low)
        last = last if high is None else int(high)
        if generator.random() < 0.25:
            ends = integers(generator, 0, 1, shape)
            return np.where(ends == 0, first, last).astype(kind)
        return integers(generator, first, last, shape).astype(kind)

    return fill
