"""
The Keras frontend: `.h5`, `.hdf5` and `.keras` files become a module in the `keras` dialect.

Neither Keras nor TensorFlow is needed: both generations of Keras write the configuration of a model
as JSON and its weights as HDF5. What a file says is read in steps, each in a module of its own:
archives (`keras_archive`, `keras_hdf5`), the graph of layers (`keras_graph`), the operation of each
layer (`keras_layers`), the weights of each layer (`keras_weights`), the function
(`keras_function`). What is wrong is collected, so that a user learns of all of it at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import (
    ArrayAttr,
    IntegerType,
    ModuleOp,
    StringAttr,
    TensorType,
    f32,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Region

from nnc.frontends.errors import FrontendError, Problem
from nnc.frontends.keras_archive import (
    CONFIG,
    METADATA,
    WEIGHTS,
    ArchiveError,
    is_archive,
    read_archive,
)
from nnc.frontends.keras_function import FunctionBuilder, location
from nnc.frontends.keras_graph import Layer, Model, read_model
from nnc.frontends.keras_hdf5 import Hdf5Error, Hdf5File
from nnc.frontends.keras_json import ConfigError, JsonObject, parse
from nnc.frontends.keras_layers import is_container, prepare
from nnc.frontends.keras_weights import LegacyStore, TreeStore, Wanted, WeightStore
from nnc.frontends.source import ModelSource

_DTYPES: dict[str, Attribute] = {
    "float32": f32,
    "int32": IntegerType(32),
    "int64": IntegerType(64),
    "uint8": IntegerType(32),
    "int8": IntegerType(32),
}
"""The element types of inputs; small integers go in as 32-bit ones."""

_LARGEST_INPUT = 1 << 28


@dataclass(frozen=True)
class KerasFile:
    """What a file has: the configuration, the weights, and the version of Keras that wrote it."""

    config: JsonObject
    weights: WeightStore
    version: str


def import_keras(data: bytes, *, shapes: Mapping[str, Sequence[int]] | None = None) -> ModuleOp:
    """
    The module of a Keras file, whose function is `@main`.

    `shapes` gives inputs a shape, by the name of the input layer; a batch that is open is 1
    without it. The function carries the names of its inputs and outputs as `keras.inputs` and
    `keras.outputs` and the version of Keras as `keras.version`, since the meaning of some functions
    depends on it. Every operation's location is the name of its layer, with the names of the models
    around it before it, and `:1` behind it for the second call of the same layer.

    Raises FrontendError, with all problems, for files that are broken or not supported.
    """
    file = _opened(data)
    try:
        model = read_model(file.config)
    except ConfigError as error:
        raise FrontendError([Problem(str(error))]) from error
    return _build(file, model, {} if shapes is None else shapes)


def read(source: ModelSource, *, shapes: Mapping[str, tuple[int, ...]]) -> ModuleOp:
    """The frontend: see `import_keras`."""
    return import_keras(source.data, shapes=shapes)


def open_file(data: bytes) -> KerasFile:
    """The parts of a file. Raises ArchiveError, Hdf5Error, ConfigError."""
    if is_archive(data):
        files = read_archive(data)
        metadata = parse(files[METADATA], "the archive's metadata")
        version = metadata.get("keras_version")
        config = parse(files[CONFIG], "the archive's configuration")
        return KerasFile(config, TreeStore(Hdf5File(files[WEIGHTS])), str(version))
    file = Hdf5File(data)
    text = file.text("", "model_config")
    if text is None:
        raise ConfigError("the file has no model, perhaps weights only; `model.save` writes both")
    return KerasFile(
        parse(text, "the model's configuration"),
        LegacyStore(file),
        file.text("", "keras_version") or "2",
    )


def generation_of(data: bytes) -> int:
    """The generation of Keras that wrote a file, 2 or 3. Raises FrontendError."""
    return 3 if _opened(data).version.startswith("3") else 2


def has_program(data: bytes) -> bool:
    """Whether a file has a program in it, which running the model would run."""
    try:
        layers = read_model(_opened(data).config).layers
    except ConfigError as error:
        raise FrontendError([Problem(str(error))]) from error
    return any(leaf.class_name == "Lambda" for layer in layers for leaf in layer.leaves())


def _opened(data: bytes) -> KerasFile:
    try:
        return open_file(data)
    except (ArchiveError, Hdf5Error, ConfigError) as error:
        raise FrontendError([Problem(str(error))]) from error


def _build(file: KerasFile, model: Model, shapes: Mapping[str, Sequence[int]]) -> ModuleOp:
    problems: list[Problem] = []
    leaves = [leaf for layer in model.layers for leaf in layer.leaves() if not is_container(leaf)]
    prepared = {leaf: it for leaf in leaves if (it := prepare(leaf, problems)) is not None}
    wanted = {leaf: Wanted(it.weights, it.operation.STORED_IN) for leaf, it in prepared.items()}
    arrays = file.weights.load(model, wanted)
    problems.extend(file.weights.problems)
    inputs = _inputs(model, shapes, problems)
    if len(inputs) < len(model.inputs):
        raise FrontendError(problems)
    block = Block(arg_types=[kind for _, kind in inputs])
    for argument, (name, _) in zip(block.args, inputs, strict=True):
        argument.location = location(name)
    builder = FunctionBuilder(prepared, arrays, problems)
    results = builder.model(model, list(block.args))
    outputs = [value for value in results if value is not None]
    if problems or len(outputs) < len(results):
        raise FrontendError(problems or [Problem("an output of the model cannot be computed")])
    block.add_ops(builder.operations)
    block.add_op(ReturnOp(*outputs))
    types = [value.type for value in outputs]
    function = FuncOp("main", (block.arg_types, types), Region(block))
    function.attributes["keras.inputs"] = _strings([name for name, _ in inputs])
    function.attributes["keras.outputs"] = _strings(_output_names(model))
    function.attributes["keras.version"] = StringAttr(file.version)
    return ModuleOp([function])


def _output_names(model: Model) -> list[str]:
    """The layers that give the outputs, numbered where one gives several."""
    names = [ref.layer for ref in model.outputs]
    return [
        name if names.count(name) == 1 else f"{name}:{names[:number].count(name)}"
        for number, name in enumerate(names)
    ]


def _strings(texts: Sequence[str]) -> ArrayAttr[StringAttr]:
    return ArrayAttr([StringAttr(text) for text in texts])


def _inputs(
    model: Model, shapes: Mapping[str, Sequence[int]], problems: list[Problem]
) -> list[tuple[str, TensorType[Attribute]]]:
    """The name and type of each input."""
    known = {ref.layer for ref in model.inputs}
    for name in shapes:
        if name not in known:
            reason = f"there is no input '{name}'; the inputs are {', '.join(sorted(known))}"
            problems.append(Problem(reason, operator="--shape"))
    found: list[tuple[str, TensorType[Attribute]]] = []
    for ref in model.inputs:
        layer = model.layer(ref.layer)
        assert layer is not None, "references are checked"
        kind = _input_type(layer, shapes.get(layer.name), problems)
        if kind is not None:
            found.append((layer.name, kind))
    return found


def _input_type(
    layer: Layer, given: Sequence[int] | None, problems: list[Problem]
) -> TensorType[Attribute] | None:
    def problem(reason: str, remedy: str | None = None) -> None:
        problems.append(Problem(reason, layer.name, layer.class_name, remedy))

    dtype = layer.config.get("dtype", "float32")
    if isinstance(dtype, dict) and isinstance(inner := dtype.get("config"), dict):
        dtype = inner.get("name")
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        problem(f"expected an input of one of {', '.join(_DTYPES)}, got {dtype}")
        return None
    stored = layer.config.get("batch_shape", layer.config.get("batch_input_shape"))
    if isinstance(stored, dict):
        stored = stored.get("items")
    if given is None and not isinstance(stored, list):
        problem("its shape is not in the file", f"`--shape {layer.name}=1,...` says it")
        return None
    sizes = stored if isinstance(stored, list) else [None] * len(given or ())
    sizes = [size if isinstance(size, int) else None for size in sizes]
    if given is not None:
        fits = len(given) == len(sizes) and all(
            size in (None, it) for size, it in zip(sizes, given, strict=False)
        )
        if not fits:
            problem(f"expected a shape that fits {_shown(sizes)}, got {_shown(given)}")
            return None
        sizes = list(given)
    sizes = [1 if axis == 0 and size is None else size for axis, size in enumerate(sizes)]
    known = [size for size in sizes if size is not None and size > 0]
    if len(known) < len(sizes):
        example = ",".join(str(size or 8) for size in sizes)
        problem(
            f"expected a shape of known sizes, got {_shown(sizes)}",
            f"`--shape {layer.name}={example}` would fix one",
        )
        return None
    count = 1
    for size in known:
        count *= size
    if count > _LARGEST_INPUT:
        problem(f"expected an input of at most {_LARGEST_INPUT} elements, got {_shown(known)}")
        return None
    return TensorType(_DTYPES[dtype], known)


def _shown(sizes: Sequence[int | None]) -> str:
    return "x".join("?" if size is None else str(size) for size in sizes)
