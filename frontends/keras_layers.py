"""
From a layer's class and settings to its operation.

The classes are those of the dialects in `DIALECTS`; one that has layers of Keras models is one more
name there, and needs nothing else here. A class of layers that no dialect has may be mapped by the
user (`keras.custom`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from xdsl.dialects.builtin import IntegerAttr, StringAttr, i64
from xdsl.ir import Attribute
from xdsl.irdl import OptPropertyDef

from nnc.dialects import load_dialect
from nnc.dialects.keras.base import KerasOp, Weight
from nnc.dialects.keras.options import Json, Option, OptionError
from nnc.dialects.keras.structure import CustomOp, has_rule
from nnc.frontends.errors import Problem
from nnc.frontends.keras_graph import MODELS, Layer
from nnc.frontends.keras_json import JsonObject

DIALECTS: tuple[str, ...] = ("keras", "larq")
"""The dialects whose operations are layers, each a subclass of `KerasOp`."""

_OPERATORS = ("Add", "Subtract", "Multiply", "Maximum", "Minimum")
"""Functions of Keras 3 (`x + y` of two tensors) that do what the layers of these names do."""

_TRAINING = frozenset(
    {
        *("name", "trainable", "batch_input_shape", "batch_shape", "sparse", "ragged", "optional"),
        *("seed", "autocast", "quantization_config", "shared_object_id", "implementation"),
        *("lora_rank", "lora_alpha"),
    }
)
"""Settings that say nothing about what a trained layer computes."""

_TRAINING_ENDS = ("_initializer", "_regularizer", "_constraint", "_metrics")

_REFUSED = {
    "Masking": "masks are not supported; sequences of one fixed length without this layer work",
    "Lambda": "its program is not read; `@nnc.custom_layer('Lambda', name='{name}')` registers a "
    "function that builds its nn ops",
    "RNN": "this cell is not supported; LSTMCell, GRUCell and SimpleRNNCell are, and layers one "
    "after the other instead of StackedRNNCells",
    **dict.fromkeys(
        ("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"),
        "states that are images are not supported; a convolution before an LSTM is",
    ),
    **dict.fromkeys(
        (
            *("Conv3D", "Conv3DTranspose", "MaxPooling3D", "AveragePooling3D", "Cropping3D"),
            *("GlobalMaxPooling3D", "GlobalAveragePooling3D", "UpSampling3D", "ZeroPadding3D"),
            "SpatialDropout3D",
        ),
        "volumes are not supported; layers over images and sequences are",
    ),
    "SpectralNormalization": "it changes the kernel in training only; the layer in it, with that "
    "kernel, works by itself",
    **dict.fromkeys(
        (
            *("Discretization", "CategoryEncoding", "Hashing", "HashedCrossing", "IntegerLookup"),
            *("StringLookup", "TextVectorization"),
        ),
        "it turns what is not yet a number into one, before the network; a model whose input is "
        "what this layer gives works",
    ),
    **dict.fromkeys(
        ("MelSpectrogram", "STFTSpectrogram"),
        "it makes a spectrogram before the network; a model whose input is one works",
    ),
    "GroupedQueryAttention": "heads that share keys are not supported; MultiHeadAttention is",
    **dict.fromkeys(
        ("SlicingOpLambda", "keras.ops>GetItem"),
        "a part of a tensor by its indices is not supported; Cropping1D and Cropping2D are",
    ),
    "LocallyConnected1D": "weights of their own at every position are not supported; Conv1D is",
    "LocallyConnected2D": "weights of their own at every position are not supported; Conv2D is",
    "QuantLocallyConnected1D": "weights of their own at every position are not supported; "
    "QuantConv1D is",
    "QuantLocallyConnected2D": "weights of their own at every position are not supported; "
    "QuantConv2D is",
    "QuantConv3D": "volumes are not supported; QuantConv2D is",
    "QuantConv3DTranspose": "volumes are not supported; QuantConv2DTranspose is",
    "TFOpLambda": "functions of TensorFlow in the graph are not supported; layers such as Add are",
}
"""Layers that are known and not supported, and why."""


@dataclass(frozen=True)
class Prepared:
    """
    The operation of a layer: its class, its properties and the weights that it needs (None: all
    there are). `activation` is the layer that is its activation, if that is a layer.
    """

    operation: type[KerasOp]
    properties: dict[str, Attribute]
    weights: Sequence[Weight] | None
    activation: Layer | None = None


@cache
def layer_classes() -> dict[str, type[KerasOp]]:
    """The operation for each class of layers, by the names under which files know it."""
    found: dict[str, type[KerasOp]] = {}
    for name in DIALECTS:
        for operation in load_dialect(name).operations:
            if not issubclass(operation, KerasOp) or operation is CustomOp:
                continue
            found[operation.layer()] = operation
            if operation.PACKAGE:
                found[f"{operation.PACKAGE}>{operation.layer()}"] = operation
    return {**found, **{f"keras.ops>{name}": found[name] for name in _OPERATORS}}


def prepare(layer: Layer, problems: list[Problem]) -> Prepared | None:
    """The operation of a layer; None where there are problems, which are noted."""
    name = layer.class_name
    bare = name.rpartition(">")[2]
    if has_rule(bare, layer.name):
        return _custom(layer, bare)
    operation = layer_classes().get(_registered(name))
    if operation is None:
        problems.append(_unknown(layer))
        return None
    found = [*_dtype(layer)]
    properties, activation = _properties(layer, operation, found)
    problems.extend(found)
    if found:
        return None
    weights = operation.create(properties=properties).weight_list()
    return Prepared(operation, properties, weights, activation)


def _registered(name: str) -> str:
    """A class's name with the package that it is registered in, where the file has the module."""
    module, mark, bare = name.rpartition(">")
    return f"Larq>{bare}" if mark and module.partition(".")[0] == "larq" else name


def _custom(layer: Layer, class_name: str) -> Prepared:
    properties: dict[str, Attribute] = {
        "class_name": StringAttr(class_name),
        "layer_name": StringAttr(layer.name),
        "config": StringAttr(json.dumps(layer.config, sort_keys=True)),
    }
    return Prepared(CustomOp, properties, None)


def with_count(prepared: Prepared, count: int) -> dict[str, Attribute]:
    """The properties of an operation that has so many weights."""
    if prepared.weights is not None:
        return prepared.properties
    return {**prepared.properties, "weight_count": IntegerAttr(count, i64)}


def _unknown(layer: Layer) -> Problem:
    name = layer.class_name
    bare = _registered(name).removeprefix("Larq>")
    reason = _REFUSED.get(bare)
    if reason is None and ">" in bare:
        own = bare.rpartition(">")[2]
        reason = (
            f"this is not a layer of Keras; `@nnc.custom_layer('{own}')` registers a function that "
            "builds its nn ops"
        )
    elif reason is None:
        reason = "this layer is not supported; `nnc ops` lists those that are"
    return Problem(reason.replace("{name}", layer.name), layer.name, name)


def _dtype(layer: Layer) -> list[Problem]:
    """A problem where a layer computes in anything but float32."""
    dtype = layer.config.get("dtype")
    if isinstance(dtype, dict):
        inner = dtype.get("config")
        dtype = inner.get("name") if isinstance(inner, dict) else None
    if dtype in (None, "float32") or not isinstance(dtype, str):
        return []
    reason = f"it computes in {dtype}; the same model with the policy float32 works"
    return [Problem(reason, layer.name, layer.class_name)]


def _properties(
    layer: Layer, operation: type[KerasOp], problems: list[Problem]
) -> tuple[dict[str, Attribute], Layer | None]:
    """A layer's settings as properties, and its activation if that is a layer."""
    properties: dict[str, Attribute] = {}
    activation: Layer | None = None
    known = operation.get_irdl_definition().properties
    for key, value in layer.config.items():
        if key == "activation" and (activation := _activation(layer, value)) is not None:
            continue
        if key not in known:
            if not _is_ignored(operation, key, value):
                problems.append(_setting(layer, key, "this setting is not known"))
            continue
        definition = known[key]
        if value is None and isinstance(definition, OptPropertyDef):
            continue
        assert isinstance(definition.constr, Option), f"{operation.name}: {key} is no option"
        try:
            attribute = definition.constr.read(value)
        except OptionError as error:
            problems.append(_setting(layer, key, str(error)))
            continue
        if attribute != definition.default_value:
            properties[key] = attribute
    for key, definition in known.items():
        required = not isinstance(definition, OptPropertyDef) and definition.default_value is None
        if required and layer.config.get(key) is None:
            problems.append(_setting(layer, key, "expected a value, got none"))
    return properties, activation


def _setting(layer: Layer, key: str, reason: str) -> Problem:
    return Problem(f"{key}: {reason}", layer.name, layer.class_name)


def _is_ignored(operation: type[KerasOp], key: str, value: Json) -> bool:
    if operation.TRAINING_ONLY or key in _TRAINING or key in operation.IGNORED:
        return True
    return key == "dtype" or key.endswith(_TRAINING_ENDS)


def _activation(layer: Layer, value: Json) -> Layer | None:
    """The layer that an activation is; None for a function."""
    if not isinstance(value, dict) or value.get("class_name") == "function":
        return None
    config, name = value.get("config"), value.get("class_name")
    if not isinstance(config, dict) or not isinstance(name, str):
        return None
    given: JsonObject = config
    return Layer(name, f"{layer.name}/activation", given)


def is_container(layer: Layer) -> bool:
    """Whether a layer is no operation, but consists of layers, or stands for an input."""
    return layer.class_name in (*MODELS, "InputLayer", "TimeDistributed", "Bidirectional")
