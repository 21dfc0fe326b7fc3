"""LSTM models of every variant that TFLite has, with random parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from support.arrays import integers
from support.oracle import Array
from support.tflite_builder import ModelBuilder, Option, Quantization, Tensor, per_tensor

Kind = Literal["float", "hybrid", "integer"]
GATES = 4


@dataclass(frozen=True)
class Lstm:
    """Which LSTM: its arithmetic, the parts that it has, and its sizes."""

    kind: Kind
    coupled: bool = False
    peephole: bool = False
    projection: bool = False
    projection_bias: bool = False
    norm: bool = False
    clip: bool = False
    time_major: bool = False
    asymmetric: bool = False
    batch: int = 1
    time: int = 3
    inputs: int = 7
    units: int = 6
    outputs: int = 6
    seed: int = 0
    cell_exponent: int = -11
    sequence: bool = True
    """Whether it is a sequence of steps, or (of time 1) the operator LSTM."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of a sample."""
        if not self.sequence:
            return self.batch, self.inputs
        order = (self.time, self.batch) if self.time_major else (self.batch, self.time)
        return (*order, self.inputs)

    def samples(self, count: int) -> list[list[Array]]:
        """Inputs for some inferences, one of them all zero."""
        random = np.random.default_rng(self.seed + 1)
        if self.kind == "integer":
            return [
                [integers(random, -128, 127, self.input_shape).astype(np.int8)] * 1
                for _ in range(count)
            ]
        found = [[random.normal(size=self.input_shape).astype(np.float32)] for _ in range(count)]
        found[count // 2][0][...] = 0
        return found

    def build(self, intermediates: int = 5) -> bytes:
        """The file; with 12 intermediate results an integer LSTM is the one of 8-bit gates."""
        return _Builder(self).build(intermediates)


class _Builder:
    def __init__(self, lstm: Lstm):
        self.lstm = lstm
        self.random = np.random.default_rng(lstm.seed)
        self.model = ModelBuilder()
        self.source = per_tensor(0.02, 5) if lstm.kind == "integer" else None
        self.hidden = per_tensor(1 / 128, -3) if lstm.kind == "integer" else None
        if lstm.kind == "integer" and lstm.projection:
            self.hidden = per_tensor(0.011, 9)

    def _weights(self, shape: tuple[int, ...], spread: float, scale: float = 1.0) -> Tensor:
        """Weights whose sums over the last axis spread like that, of inputs that have a scale."""
        depth = shape[-1]
        if self.lstm.kind == "float":
            reach = 2 * spread / np.sqrt(depth)
            return self.model.constant(self.random.uniform(-reach, reach, shape), "f32")
        unit = spread / (73 * np.sqrt(depth) * scale) * self.random.uniform(0.7, 1.4)
        return self.model.constant(
            integers(self.random, -127, 127, shape), "i8", per_tensor(float(unit))
        )

    def _vector(self, reach: float, unit: float | None = None) -> Tensor:
        """A number for each unit: 16 bits where the LSTM is an integer one."""
        units = self.lstm.units
        if self.lstm.kind == "integer":
            scale = per_tensor(reach / 32767 if unit is None else unit)
            return self.model.constant(integers(self.random, -32767, 32767, units), "i16", scale)
        values = self.random.uniform(-reach, reach, units)
        if self.lstm.kind == "hybrid" and unit is None:
            return self.model.constant(
                np.round(values / reach * 127), "i8", per_tensor(reach / 127)
            )
        return self.model.constant(values, "f32")

    def _bias(self, count: int, reach: float, unit: float) -> Tensor:
        if self.lstm.kind != "integer":
            return self.model.constant(self.random.uniform(-reach, reach, count), "f32")
        largest = int(reach / unit)
        return self.model.constant(integers(self.random, -largest, largest, count), "i32")

    def build(self, intermediates: int) -> bytes:
        lstm, model = self.lstm, self.model
        integer = lstm.kind == "integer"
        dtype = "i8" if integer else "f32"
        scales = (0.02 * 73, 73 / 128) if integer else (1.0, 0.3)
        x = model.input("x", lstm.input_shape, dtype, self.source)
        present = [not lstm.coupled, True, True, True]
        weights = [
            self._weights((lstm.units, lstm.inputs), 1.5, scales[0]) if has else None
            for has in present
        ]
        recurrent = [
            self._weights((lstm.units, lstm.outputs), 1.0, scales[1]) if has else None
            for has in present
        ]
        sees = [lstm.peephole and not lstm.coupled, lstm.peephole, lstm.peephole]
        peephole = [self._vector(0.7) if has else None for has in sees]
        unit = 1e-4
        biases = [self._bias(lstm.units, 1.0, unit) if has else None for has in present]
        norms: list[Tensor | None] = [None] * GATES
        if lstm.norm:
            coefficient = 2.0**-15
            norms = [self._vector(1.0, coefficient) if has else None for has in present]
            if integer:
                biases = [
                    self._bias(lstm.units, 1.0, coefficient * 2.0**-10) if has else None
                    for has in present
                ]
        projection = bias = None
        if lstm.projection:
            projection = self._weights(
                (lstm.outputs, lstm.units), 0.8, 73 / 128 if integer else 0.3
            )
            if lstm.projection_bias:
                bias = self._bias(lstm.outputs, 0.2, 1e-5)
        cells: Quantization | None = per_tensor(2.0**lstm.cell_exponent) if integer else None
        states = [
            model.tensor((lstm.batch, lstm.outputs), dtype, self.hidden, is_variable=True),
            model.tensor(
                (lstm.batch, lstm.units), "i16" if integer else "f32", cells, is_variable=True
            ),
        ]
        inputs = [x, *weights, *recurrent, *peephole, *biases, projection, bias, *states, *norms]
        shape = (*lstm.input_shape[:-1], lstm.outputs)
        layout: dict[str, Option] = {"time_major": lstm.time_major} if lstm.sequence else {}
        output = model.output_of(
            "UNIDIRECTIONAL_SEQUENCE_LSTM" if lstm.sequence else "LSTM",
            inputs,
            shape,
            dtype,
            self.hidden,
            **layout,
            fused_activation_function="TANH",
            cell_clip=1.25 if lstm.clip else 0.0,
            proj_clip=0.6 if lstm.clip else 0.0,
            asymmetric_quantize_inputs=lstm.asymmetric,
        )
        if integer:
            model.intermediates(*self._intermediates(intermediates))
        model.output(output)
        return model.build()

    def _intermediates(self, count: int) -> list[Tensor]:
        gates = [
            self.model.tensor((), "i16", per_tensor(float(2.0**-12 * s)))
            for s in self.random.uniform(0.5, 2, GATES)
        ]
        product = self.model.tensor((), "i8", per_tensor(1 / 127, 7))
        return [*gates, *[product] * (count - GATES)]
