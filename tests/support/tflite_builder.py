"""
Builds `.tflite` files from Python, so that a test can say in three lines which model it means.

The flatbuffer is written through the schema's own object API; TensorFlow is not needed. Nothing is
checked beyond spelling: a test about a refused model must be able to build it.

```python
model = ModelBuilder()
x = model.input("x", (1, 4), "i8", per_tensor(0.5, -3))
y = model.output_of("RELU", [x], (1, 4), "i8", per_tensor(0.25, -128))
model.build()  # bytes
```
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

TypeName = Literal[
    "f32", "f16", "f64", "i4", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "i1", "resource"
]
Option = int | float | bool | str | Sequence[int]

TENSOR_TYPES: Mapping[str, int] = {
    "f32": schema.TensorType.FLOAT32,
    "f16": schema.TensorType.FLOAT16,
    "f64": schema.TensorType.FLOAT64,
    "i4": schema.TensorType.INT4,
    "i8": schema.TensorType.INT8,
    "u8": schema.TensorType.UINT8,
    "i16": schema.TensorType.INT16,
    "u16": schema.TensorType.UINT16,
    "i32": schema.TensorType.INT32,
    "u32": schema.TensorType.UINT32,
    "i64": schema.TensorType.INT64,
    "i1": schema.TensorType.BOOL,
    "resource": schema.TensorType.RESOURCE,
}

NUMPY_TYPES: Mapping[str, npt.DTypeLike] = {
    "f32": np.float32,
    "f16": np.float16,
    "f64": np.float64,
    "i4": np.int8,
    "i8": np.int8,
    "u8": np.uint8,
    "i16": np.int16,
    "u16": np.uint16,
    "i32": np.int32,
    "u32": np.uint32,
    "i64": np.int64,
    "i1": np.bool_,
    "resource": np.int32,
}

# Operators whose options are not called like themselves.
_OPTION_TABLES = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "MEAN": "ReducerOptions",
    "SUM": "ReducerOptions",
    "REDUCE_PROD": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "REDUCE_ANY": "ReducerOptions",
    "REDUCE_ALL": "ReducerOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "SequenceRNNOptions",
    "CONV_3D_TRANSPOSE": "Conv3DOptions",
}

# Option fields that hold an enumeration: a test writes the enumerator's name.
_OPTION_ENUMS: Mapping[str, type] = {
    "padding": schema.Padding,
    "fusedActivationFunction": schema.ActivationFunctionType,
    "mode": schema.MirrorPadMode,
    "weightsFormat": schema.FullyConnectedOptionsWeightsFormat,
}

_OPTION_TEXTS = ("container", "sharedName")


@dataclass(frozen=True)
class Quantization:
    """Scales and zero points of a tensor; `axis` is None when there is one pair of them."""

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int | None = None


def per_tensor(scale: float, zero_point: int = 0) -> Quantization:
    """One scale and zero point for the whole tensor."""
    return Quantization((float(scale),), (int(zero_point),))


def per_axis(
    axis: int, scales: Sequence[float], zero_points: Sequence[int] | None = None
) -> Quantization:
    """One scale (and zero point, 0 when not given) for each index along `axis`."""
    points = [0] * len(scales) if zero_points is None else zero_points
    return Quantization(tuple(map(float, scales)), tuple(map(int, points)), axis)


@dataclass(frozen=True)
class Tensor:
    """A tensor of a subgraph: what operators take and give."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: TypeName
    quantization: Quantization | None = None

    @property
    def scale(self) -> float:
        """The scale of a tensor that is quantised as a whole."""
        assert self.quantization is not None and self.quantization.axis is None
        return self.quantization.scales[0]

    @property
    def zero_point(self) -> int:
        """The zero point of a tensor that is quantised as a whole."""
        assert self.quantization is not None and self.quantization.axis is None
        return self.quantization.zero_points[0]


@dataclass
class GraphBuilder:
    """One subgraph: tensors, then operators in the order in which they run."""

    model: ModelBuilder
    name: str
    tensors: list[Tensor] = field(default_factory=list)
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    _tensors: list[Any] = field(default_factory=list)
    _operators: list[Any] = field(default_factory=list)

    def tensor(
        self,
        shape: Sequence[int],
        dtype: TypeName,
        quantization: Quantization | None = None,
        *,
        name: str | None = None,
        data: bytes | None = None,
        is_variable: bool = False,
        shape_signature: Sequence[int] | None = None,
    ) -> Tensor:
        """Declare a tensor: an operator's result, a variable, or a constant with its raw bytes."""
        index = len(self.tensors)
        entry = schema.TensorT()
        entry.shape = list(shape)
        entry.type = TENSOR_TYPES[dtype]
        entry.buffer = self.model.buffer(data)
        entry.name = f"t{index}" if name is None else name
        entry.isVariable = is_variable
        entry.hasRank = True
        entry.quantization = _quantization(quantization)
        if shape_signature is not None:
            entry.shapeSignature = list(shape_signature)
        self._tensors.append(entry)
        handle = Tensor(index, entry.name, tuple(shape), dtype, quantization)
        self.tensors.append(handle)
        return handle

    def input(
        self,
        name: str,
        shape: Sequence[int],
        dtype: TypeName,
        quantization: Quantization | None = None,
        *,
        shape_signature: Sequence[int] | None = None,
    ) -> Tensor:
        """Declare an input of the subgraph."""
        result = self.tensor(shape, dtype, quantization, name=name, shape_signature=shape_signature)
        self.inputs.append(result)
        return result

    def constant(
        self,
        values: npt.ArrayLike,
        dtype: TypeName,
        quantization: Quantization | None = None,
        *,
        name: str | None = None,
    ) -> Tensor:
        """A constant tensor; `i4` values are given as small ints and packed two to a byte."""
        array = np.ascontiguousarray(np.asarray(values).astype(NUMPY_TYPES[dtype]))
        data = pack_int4(array) if dtype == "i4" else array.tobytes()
        return self.tensor(np.shape(values), dtype, quantization, name=name, data=data)

    def op(
        self,
        builtin: str,
        inputs: Sequence[Tensor | None],
        outputs: Sequence[Tensor],
        **options: Option,
    ) -> None:
        """
        Append a builtin operator, named as in the schema; None is an optional input left out.

        Options are the schema's fields in snake case; enumerations are given by name
        (`padding="SAME"`, `fused_activation_function="RELU6"`, `in_data_type="f32"`).
        Raises `ValueError` for an operator or an option that the schema does not have.
        """
        code: int | None = getattr(schema.BuiltinOperator, builtin, None)
        if code is None:
            raise ValueError(f"expected a builtin operator of the schema, got {builtin}")
        operator = self._operator(
            self.model.opcode(code, None, self.model.versions.get(builtin, 1)),
            inputs,
            outputs,
        )
        table = _option_table(builtin)
        if table is None and options:
            raise ValueError(f"{builtin} has no options, got {', '.join(options)}")
        if table is not None:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, table)
            operator.builtinOptions = _options(builtin, table, options)

    def intermediates(self, *tensors: Tensor) -> None:
        """Give the last operator its intermediate tensors (the integer LSTM has some)."""
        self._operators[-1].intermediates = [t.index for t in tensors]

    def custom(
        self,
        name: str,
        inputs: Sequence[Tensor | None],
        outputs: Sequence[Tensor],
        options: bytes = b"",
        *,
        version: int = 1,
    ) -> None:
        """Append a custom operator with its raw (flexbuffer) options."""
        code = self.model.opcode(schema.BuiltinOperator.CUSTOM, name, version)
        operator = self._operator(code, inputs, outputs)
        operator.customOptions = np.frombuffer(options, np.uint8)

    def output_of(
        self,
        builtin: str,
        inputs: Sequence[Tensor | None],
        shape: Sequence[int],
        dtype: TypeName,
        quantization: Quantization | None = None,
        **options: Option,
    ) -> Tensor:
        """Append an operator with one result and return that result, not yet a model output."""
        result = self.tensor(shape, dtype, quantization)
        self.op(builtin, inputs, [result], **options)
        return result

    def output(self, *tensors: Tensor) -> None:
        """Mark tensors as outputs of the subgraph."""
        self.outputs.extend(tensors)

    def _operator(
        self, opcode: int, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
    ) -> Any:
        operator = schema.OperatorT()
        operator.opcodeIndex = opcode
        operator.inputs = [-1 if t is None else t.index for t in inputs]
        operator.outputs = [t.index for t in outputs]
        self._operators.append(operator)
        return operator

    def pack(self) -> Any:
        """The subgraph in the schema's object API."""
        graph = schema.SubGraphT()
        graph.name = self.name
        graph.tensors = self._tensors
        graph.operators = self._operators
        graph.inputs = [t.index for t in self.inputs]
        graph.outputs = [t.index for t in self.outputs]
        return graph


class ModelBuilder(GraphBuilder):
    """
    A model, which is also its own first subgraph; `build` gives the bytes of the file.

    `versions` has the versions of builtin operators that are not 1; change it before adding them.
    """

    def __init__(self, name: str = "main", description: str = "") -> None:
        super().__init__(self, name)
        self.versions = {"BROADCAST_TO": 2}
        self._description = description
        self._buffers: list[Any] = [schema.BufferT()]
        self._codes: list[tuple[int, str | None, int]] = []
        self._graphs: list[GraphBuilder] = [self]
        self._signatures: list[Any] = []

    def subgraph(self, name: str) -> GraphBuilder:
        """Append another subgraph; its index is its place among them, the main one being 0."""
        graph = GraphBuilder(self, name)
        self._graphs.append(graph)
        return graph

    def signature(self, key: str = "serving_default") -> None:
        """Describe the main subgraph's present inputs and outputs by their names."""
        entry = schema.SignatureDefT()
        entry.signatureKey = key
        entry.inputs = [_named(t) for t in self.inputs]
        entry.outputs = [_named(t) for t in self.outputs]
        self._signatures.append(entry)

    def buffer(self, data: bytes | None) -> int:
        """The index of a new buffer, or of the empty one when there is no data."""
        if data is None:
            return 0
        entry: Any = schema.BufferT()
        entry.data = np.frombuffer(data, np.uint8)
        self._buffers.append(entry)
        return len(self._buffers) - 1

    def opcode(self, code: int, custom: str | None, version: int) -> int:
        """The index of an operator code in the model's list, added when it is new."""
        key = (code, custom, version)
        if key not in self._codes:
            self._codes.append(key)
        return self._codes.index(key)

    def build(self) -> bytes:
        """The bytes of the `.tflite` file."""
        model: Any = schema.ModelT()
        model.version = 3
        model.description = self._description
        model.buffers = self._buffers
        model.operatorCodes = [_opcode(*key) for key in self._codes]
        model.subgraphs = [graph.pack() for graph in self._graphs]
        model.signatureDefs = self._signatures
        builder: Any = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def pack_int4(values: npt.NDArray[Any]) -> bytes:
    """Two 4-bit values to a byte, the first in the low half."""
    flat = values.astype(np.uint8).ravel() & 0xF
    flat = np.append(flat, np.zeros(flat.size % 2, np.uint8))
    return (flat[0::2] | (flat[1::2] << 4)).tobytes()


def _quantization(quantization: Quantization | None) -> Any:
    entry = schema.QuantizationParametersT()
    if quantization is not None:
        entry.scale = list(quantization.scales)
        entry.zeroPoint = list(quantization.zero_points)
        entry.quantizedDimension = quantization.axis or 0
    return entry


def _opcode(code: int, custom: str | None, version: int) -> Any:
    entry = schema.OperatorCodeT()
    entry.builtinCode = code
    entry.deprecatedBuiltinCode = min(code, 127)
    entry.version = version
    entry.customCode = custom
    return entry


def _named(tensor: Tensor) -> Any:
    entry = schema.TensorMapT()
    entry.name = tensor.name
    entry.tensorIndex = tensor.index
    return entry


def _option_table(builtin: str) -> str | None:
    if builtin in _OPTION_TABLES:
        return _OPTION_TABLES[builtin]
    wanted = builtin.replace("_", "").lower() + "options"
    names = (name for name in vars(schema.BuiltinOptions) if name.lower() == wanted)
    return next(names, None)


def _options(builtin: str, table: str, options: Mapping[str, Option]) -> Any:
    entry: Any = getattr(schema, table + "T")()
    for name, value in options.items():
        attribute = re.sub("_([a-z0-9])", lambda match: match[1].upper(), name)
        if not hasattr(entry, attribute):
            known = ", ".join(cast(dict[str, object], vars(entry)))
            raise ValueError(f"{builtin} has no option {name}; it has {known}")
        setattr(entry, attribute, _option_value(attribute, value))
    return entry


def _option_value(attribute: str, value: Option) -> Any:
    if not isinstance(value, str):
        return list(value) if isinstance(value, Sequence) else value
    if attribute in _OPTION_ENUMS:
        return getattr(_OPTION_ENUMS[attribute], value)
    if attribute in _OPTION_TEXTS:
        return value
    return TENSOR_TYPES[value]
