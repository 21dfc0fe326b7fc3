"""
From the configuration of a model to its layers and who calls whom.

Keras 2 and Keras 3 write the same graph in different ways, and a Sequential model writes none.
Here they become one: layers, each with its calls in order, and references to what a call gave.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from nnc.dialects.keras.options import Json
from nnc.frontends.keras_json import ConfigError, JsonObject, as_int, as_list, as_object, as_text

MODELS = ("Sequential", "Functional", "Model")
"""The classes of models that say which layers they have."""

_KERAS_MODULES = ("keras", "tf_keras", "tensorflow.keras", "tensorflow.python.keras", "builtins")
_DEEPEST = 20
_ATTENDED = ("query", "value", "key")
"""Arguments of attention by their names, in the order of its inputs."""


@dataclass(frozen=True)
class Ref:
    """A tensor: the layer that gave it, in which of its calls, and as which of its results."""

    layer: str
    call: int
    tensor: int


@dataclass(frozen=True)
class Call:
    """A use of a layer: the tensors that it got, and what else. `problem` is why it has no use."""

    inputs: tuple[Ref, ...]
    problem: str | None = None


@dataclass(eq=False)
class Layer:
    """
    A layer with its configuration.

    `class_name` has the package before it for layers that Keras does not have. `trainable` is
    whether training changes it, which decides where its weights are stored. `model` is the model
    that it is, `wrapped` the layers that it wraps, by the role that Keras calls them. `first_call`
    is the number of its first call. `stored_as` is the class that names its
    weights, where it is another one.
    """

    class_name: str
    name: str
    config: JsonObject
    trainable: bool = True
    calls: list[Call] = field(default_factory=list[Call])
    model: Model | None = None
    wrapped: dict[str, Layer] = field(default_factory=dict[str, "Layer"])
    first_call: int = 0
    stored_as: str = ""

    def leaves(self) -> Iterator[Layer]:
        """The layer itself, or those that it consists of, in order."""
        parts = list(self.model.layers if self.model is not None else self.wrapped.values())
        if not parts:
            yield self
        for part in parts:
            yield from part.leaves()


@dataclass(eq=False)
class Model:
    """Layers, and the tensors that go in and come out."""

    name: str
    layers: list[Layer]
    inputs: list[Ref]
    outputs: list[Ref]

    def layer(self, name: str) -> Layer | None:
        """The layer of that name."""
        return next((layer for layer in self.layers if layer.name == name), None)


def read_model(config: JsonObject) -> Model:
    """The model of a file's configuration. Raises ConfigError."""
    class_name = _class_name(config)
    if class_name not in MODELS:
        raise ConfigError(
            f"this is a model of the class '{class_name}', whose layers are in its program only; "
            "a Sequential or functional model of the same layers works"
        )
    return _model(class_name, config, True, 0)


def _class_name(entry: JsonObject) -> str:
    """What a layer's class is called, with the package of one that is not Keras' own."""
    name = as_text(entry.get("class_name"), "the class of a layer")
    module, registered = entry.get("module"), entry.get("registered_name")
    if isinstance(registered, str) and ">" in registered:
        return registered
    if isinstance(module, str) and module.split(".")[0] not in ("keras", "tf_keras"):
        own = module.startswith(_KERAS_MODULES)
        return name if own else f"{module}>{name}"
    if isinstance(module, str) and ".ops." in module:
        return f"keras.ops>{name}"
    return name


def _model(class_name: str, entry: JsonObject, trainable: bool, depth: int) -> Model:
    if depth > _DEEPEST:
        raise ConfigError(f"expected models nested at most {_DEEPEST} deep")
    config = entry.get("config")
    # Before Keras 2.3 a Sequential model's configuration was the list of its layers.
    config = {"layers": config} if isinstance(config, list) else as_object(config, "a model")
    trainable = trainable and config.get("trainable") is not False
    name = config.get("name")
    name = name if isinstance(name, str) else class_name.lower()
    entries = [as_object(it, "a layer") for it in as_list(config.get("layers"), "layers")]
    layers = [_layer(it, trainable, depth) for it in entries]
    names = [layer.name for layer in layers]
    twice = sorted({it for it in names if names.count(it) > 1}) if len(names) < 5000 else []
    if twice:
        raise ConfigError(f"expected names of layers to differ, got several '{twice[0]}'")
    if class_name == "Sequential":
        return _sequential(name, layers, entry)
    calls = _Calls(layers)
    for layer, it in zip(layers, entries, strict=True):
        nodes = as_list(it.get("inbound_nodes", []), f"the calls of '{layer.name}'")
        layer.calls.extend(calls.call(layer.name, node) for node in nodes)
    inputs = calls.refs(config.get("input_layers"), "the inputs of the model")
    outputs = calls.refs(config.get("output_layers"), "the outputs of the model")
    written = [as_list(it.get("inbound_nodes", []), "calls") for it in entries]
    if any(isinstance(node, dict) for nodes in written for node in nodes):
        outputs = [calls.from_output_3(ref) for ref in outputs]
    else:
        calls.count_from_first(outputs)
    return Model(name, layers, inputs, outputs)


def _layer(entry: JsonObject, trainable: bool, depth: int) -> Layer:
    class_name = _class_name(entry)
    config = as_object(entry.get("config"), f"the configuration of a {class_name}")
    name = entry.get("name", config.get("name"))
    layer = Layer(class_name, name if isinstance(name, str) else class_name.lower(), config)
    layer.trainable = trainable and config.get("trainable") is not False
    if class_name == "RNN":
        _use_cell(layer)
    if class_name in MODELS:
        layer.model = _model(class_name, entry, trainable, depth + 1)
    elif class_name == "TimeDistributed":
        layer.wrapped["layer"] = _wrapped(config.get("layer"), layer, depth)
    elif class_name == "Bidirectional":
        layer.wrapped.update(_directions(config, layer, depth))
    return layer


def _use_cell(layer: Layer) -> None:
    """Makes an RNN of one of Keras' cells the layer that does the same."""
    cell = layer.config.get("cell")
    name = cell.get("class_name") if isinstance(cell, dict) else None
    inner = cell.get("config") if isinstance(cell, dict) else None
    if name not in ("LSTMCell", "GRUCell", "SimpleRNNCell") or not isinstance(inner, dict):
        return
    own = {key: value for key, value in layer.config.items() if key != "cell"}
    layer.config = {**inner, **own}
    layer.class_name, layer.stored_as = str(name).removesuffix("Cell"), "RNN"


def _wrapped(entry: Json, outer: Layer, depth: int) -> Layer:
    if depth > _DEEPEST:
        raise ConfigError(f"expected layers nested at most {_DEEPEST} deep")
    what = f"the layer in '{outer.name}'"
    return _layer(as_object(entry, what), outer.trainable, depth + 1)


def _directions(config: JsonObject, layer: Layer, depth: int) -> dict[str, Layer]:
    """Both layers of a Bidirectional; the second is the first, backwards, unless it is given."""
    forward = _wrapped(config.get("layer"), layer, depth)
    given = config.get("backward_layer")
    if given is not None:
        return {"forward_layer": forward, "backward_layer": _wrapped(given, layer, depth)}
    backward = _wrapped(config.get("layer"), layer, depth)
    backwards = backward.config.get("go_backwards") is not True
    backward.config = {**backward.config, "go_backwards": backwards}
    backward.name = f"{backward.name}_backward"
    return {"forward_layer": forward, "backward_layer": backward}


def _sequential(name: str, layers: list[Layer], entry: JsonObject) -> Model:
    """A chain of layers, from an input layer on, which old files leave out."""
    if not layers:
        raise ConfigError(f"expected layers in the model '{name}', got none")
    if layers[0].class_name != "InputLayer":
        layers.insert(0, _input_layer(layers[0], entry))
    for before, layer in pairwise(layers):
        layer.calls.append(Call((Ref(before.name, 0, 0),)))
    return Model(name, layers, [Ref(layers[0].name, 0, 0)], [Ref(layers[-1].name, 0, 0)])


def _input_layer(first: Layer, entry: JsonObject) -> Layer:
    config = entry.get("config")
    build = entry.get("build_config")
    shape = first.config.get("batch_input_shape", first.config.get("batch_shape"))
    if shape is None and isinstance(config, dict):
        shape = config.get("build_input_shape")
    if shape is None and isinstance(build, dict):
        shape = build.get("input_shape")
    dtype: Json = "int32" if first.class_name == "Embedding" else "float32"
    given: JsonObject = {"batch_input_shape": shape, "dtype": dtype}
    return Layer("InputLayer", f"{first.name}_input", given)


@dataclass
class _Calls:
    """Reads calls; `layers` are those that a reference may name."""

    layers: list[Layer]
    by_name: dict[str, Layer] = field(default_factory=dict[str, Layer])

    def __post_init__(self) -> None:
        self.by_name = {layer.name: layer for layer in self.layers}

    def refs(self, value: Json, what: str) -> list[Ref]:
        """The tensors of a model's inputs or outputs: one, several, or by name."""
        if isinstance(value, dict):
            value = list(value.values())
        entries = as_list(value, what)
        if len(entries) == 3 and isinstance(entries[0], str):
            entries = [entries]
        return [self.ref(as_list(it, what), what) for it in entries]

    def from_output_3(self, ref: Ref) -> Ref:
        """Keras 3 counts the calls of a functional model from 1 in the outputs of another one."""
        layer = self.by_name[ref.layer]
        inner = layer.model is not None and layer.class_name != "Sequential"
        return Ref(ref.layer, ref.call - 1, ref.tensor) if inner else ref

    def count_from_first(self, outputs: Sequence[Ref]) -> None:
        """Keras 2 counts the calls of inner models from 1, unless they were built by a call."""
        refs = [*outputs, *(ref for it in self.layers for call in it.calls for ref in call.inputs)]
        for layer in self.layers:
            if layer.model is not None:
                numbers = [ref.call for ref in refs if ref.layer == layer.name]
                layer.first_call = min(numbers, default=0)

    def ref(self, entry: list[Json], what: str) -> Ref:
        """The tensor that `[layer, call, tensor]` names."""
        if len(entry) < 3:
            raise ConfigError(f"expected a layer and two numbers in {what}, got {len(entry)} parts")
        name = as_text(entry[0], f"the layer in {what}")
        layer = self.by_name.get(name)
        if layer is None:
            raise ConfigError(f"{what}: there is no layer '{name}'")
        call = as_int(entry[1], f"the call in {what}")
        return Ref(name, call, as_int(entry[2], f"the tensor in {what}"))

    def call(self, name: str, node: Json) -> Call:
        """A call as Keras 3 writes it, an object, or as Keras 2 does, a list of tensors."""
        what = f"a call of '{name}', {self.by_name[name].class_name}"
        if isinstance(node, dict):
            return self._call_3(node, what)
        entries = as_list(node, what)
        if entries and isinstance(entries[0], str):
            entries = [entries]
        return self._call_2([as_list(it, what) for it in entries], what)

    def _call_2(self, entries: list[list[Json]], what: str) -> Call:
        refs: list[Ref] = []
        problem = None
        for entry in entries:
            if entry and entry[0] == "_CONSTANT_VALUE":
                problem = "expected tensors only, got a number as an input"
                continue
            refs.append(self.ref(entry, what))
            given = as_object(entry[3], what) if len(entry) > 3 else {}
            more, unknown = self._keywords(given, what)
            refs.extend(more)
            problem = problem or unknown
        return Call(tuple(refs), problem)

    def _call_3(self, node: JsonObject, what: str) -> Call:
        refs: list[Ref] = []
        args = as_list(node.get("args", []), what)
        numbers = [it for it in args if not isinstance(it, dict | list)]
        for arg in args:
            refs.extend(self._tensors(arg, what))
        more, unknown = self._keywords(as_object(node.get("kwargs", {}), what), what)
        problem = "expected tensors only, got a number as an input" if numbers else unknown
        return Call((*refs, *more), problem)

    def _keywords(self, given: JsonObject, what: str) -> tuple[list[Ref], str | None]:
        """The tensors among named arguments, and the name of one that is not known."""
        refs: list[Ref] = []
        for key, value in given.items():
            if key == "training" and value is True and _differs_in_training(what):
                return refs, "a layer that is called as in training is not supported"
            if value is None or value is False or key in ("training", "name"):
                continue
            if key == "mask":
                return refs, "masks are not supported; sequences of one fixed length work"
            found = self._tensors(value, what)
            if key not in ("initial_state", "inputs", *_ATTENDED) or not found:
                return refs, f"the argument '{key}' of its call is not supported"
            if key not in _ATTENDED:
                refs.extend(found)
        attended = [given[key] for key in _ATTENDED if given.get(key) is not None]
        refs.extend(ref for value in attended for ref in self._tensors(value, what))
        return refs, None

    def _tensors(self, value: Json, what: str) -> list[Ref]:
        """The tensors in an argument."""
        if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            history = as_object(value.get("config"), what).get("keras_history")
            return [self.ref(as_list(history, what), what)]
        if isinstance(value, list) and len(value) >= 3 and isinstance(value[0], str):
            return [self.ref(value, what)]
        if isinstance(value, dict) and value.get("class_name") == "__tuple__":
            value = value.get("items")
        parts = (
            value
            if isinstance(value, list)
            else list(value.values())
            if isinstance(value, dict)
            else []
        )
        return [ref for part in parts for ref in self._tensors(part, what)]


def _differs_in_training(what: str) -> bool:
    """Whether a call is of a layer that does something else in training."""
    class_name = what.rpartition(", ")[2]
    ends = ("Normalization", "Noise", *MODELS)
    return class_name.endswith(ends) or "Dropout" in class_name or class_name.startswith("Random")
