"""
From what a user asks for to the passes that do it: the one place that knows their order.

Both commands run the same passes in the same way. `nnc X --show-pipeline` prints the pipeline that
is built here as a command line of `nn-opt`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, cast

from xdsl.context import Context
from xdsl.dialects import get_all_dialects
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass, PassPipeline
from xdsl.universe import Universe
from xdsl.utils.arg_spec import parse_pipeline
from xdsl.utils.exceptions import ArgSpecParseError

from nnc.dialects import DIALECTS, load_dialect
from nnc.frontends import FRONTENDS, import_model
from nnc.frontends.source import ModelSource
from nnc.options import Options
from nnc.passes.diagnostics import UsageError, describe, located_errors, verify
from nnc.passes.mlir_text import parse_mlir
from nnc.passes.nn_opt import configured

LARGEST_MODEL = 256 << 20
"""Bytes of the largest file that is read; no microcontroller's flash holds a hundredth of it."""

_IMPORTS = {
    "onnx": "onnx-to-nn,nn-sink-transposes{{io={layout}}},nn-fuse-qdq{{numerics={onnx}}}",
    "larq": "larq-to-nn{{numerics={lce}}}",
    "keras": "keras-to-nn",
    "tfl": "tfl-to-nn{{numerics={numerics}}}",
}
"""For each source dialect the pass that turns its operations into `nn`, in the order they run."""

ONNX_NUMERICS = ("onnx", "onnx-exact", "tflm")
"""The numeric contracts that ONNX models may have."""

_SIGNATURES = ((4, b"TFL3", "tflite"), (0, b"\x89HDF\r\n", "h5"), (0, b"PK\x03\x04", "keras"))
"""Where in a file which bytes are, by which its format is known."""


SIMPLIFICATIONS = (
    "nn-fold-constants",
    "nn-keep-binary",
    "nn-narrow-integers",
    "nn-fuse-thresholds",
    "nn-merge-requantize",
    "nn-simplify-shapes",
    "nn-fuse-activations",
    "nn-fuse-pads",
    "nn-tabulate",
    "nn-eliminate-channels",
    "nn-encode-splits",
)
"""The passes over `nn` that change no bit of any result."""


FOLDED = ("keras", "onnx")
"""
The source dialects whose batch normalisation is folded into weights, which rounds sums elsewhere.
"""


def folds(sources: Collection[str]) -> list[str]:
    """The passes that fold batch normalisation of models of the dialects `sources`."""
    return ["nn-fold-constants", "nn-fold-batch-norm"] if set(sources) & set(FOLDED) else []


def import_passes(sources: Collection[str], options: Options) -> list[str]:
    """The passes that turn operations of the dialects `sources` into `nn`."""
    device = options.numerics == "lce-device"
    known = {
        "layout": options.io_layout,
        "numerics": "tflm" if options.numerics == "tflm" else "tflite",
        "lce": "lce-device" if device else "lce",
        "onnx": options.numerics if options.numerics in ONNX_NUMERICS else "onnx",
    }
    return [text.format(**known) for name, text in _IMPORTS.items() if name in sources]


def settled(options: Options, sources: Collection[str]) -> Options:
    """
    The options with the numeric contract that they stand for with a model of these dialects. Raises
    UsageError for a contract of other formats.
    """
    asked = options.numerics
    if "onnx" in sources and asked == "tflite":
        return replace(options, numerics="onnx")
    if asked == "lce-device" and sources and set(sources) <= {"onnx"}:
        raise UsageError(f"the numeric contract '{asked}' is for models of the Larq compute engine")
    if asked in ("onnx", "onnx-exact") and sources and "onnx" not in sources:
        raise UsageError(f"the numeric contract '{asked}' is for ONNX models")
    return options


def back_end_passes(options: Options) -> list[str]:
    """The passes that turn a module of `nn` into one that C can be printed from."""
    chosen = f"target={options.target} kernels={options.chosen_kernels}"
    chosen += " optimize=flash" if options.optimize == "flash" else ""
    chosen += " constant-time=true" if options.constant_time else ""
    return [
        "nn-verify-contract",
        *SIMPLIFICATIONS,
        f"nn-to-kernel{{{chosen}}}",
        f"plan-memory{{io={options.io}}}",
    ]


def pipeline(sources: Collection[str], options: Options) -> str:
    """The whole pipeline from a module of the dialects `sources`, as text for `nn-opt -p`."""
    front = [*import_passes(sources, options), *folds(sources)]
    return ",".join([*front, *back_end_passes(options)])


def source_dialects(module: ModuleOp) -> list[str]:
    """
    The dialects of model formats that a module has operations of; none at the level of `nn`.

    Raises UsageError for a module of another level, or without a function.
    """
    found: set[str] = set()
    for op in module.walk():
        dialect = op.name.partition(".")[0]
        if dialect not in ("builtin", "func", "nn", *_IMPORTS):
            raise UsageError(
                f"expected a module of {', '.join(_IMPORTS)} or nn operations, got '{op.name}'"
            )
        found.add(dialect)
        if "tfl.inputs" in op.attributes:
            # Names that only the pass for `tfl` understands, even if all operators are Larq's.
            found.add("tfl")
    if "func" not in found:
        raise UsageError("expected a module with a function, got none")
    return [name for name in _IMPORTS if name in found]


def nn_opt_line(
    model: str,
    sources: Collection[str],
    options: Options,
    name: str,
    shapes: Mapping[str, Sequence[int]],
) -> str:
    """The `nn-opt` command that prints the same C."""
    shape_options = [
        word
        for tensor, shape in shapes.items()
        for word in ("--shape", f"{tensor}={','.join(str(size) for size in shape)}")
    ]
    target = f"c{{net={name}}}"
    return shlex.join(
        ["nn-opt", model, *shape_options, "-p", pipeline(sources, options), "-t", target]
    )


def load(
    model: object,
    *,
    shapes: Mapping[str, Sequence[int]] | None = None,
) -> ModuleOp:
    """
    The module of a model, in the dialect of its format; of MLIR text, whatever it says.

    `model` is a path, the contents of a model file, or a model object of Keras. `shapes` gives
    inputs a shape, by name, whose own is not known before run time.

    Raises DiagnosticException (its text is one line for each problem), ParseError for MLIR text,
    OSError.
    """
    fixed = {name: tuple(shape) for name, shape in (shapes or {}).items()}
    path = path_of(model)
    if path is None:
        data = model if isinstance(model, bytes) else _saved(model)
        extension, source = _extension_of(data), ModelSource("the model", data)
    else:
        extension, source = _read(path)
    with located_errors():
        if extension != "mlir":
            return import_model(extension, source, fixed)
        if fixed:
            raise UsageError("shapes are for model files; MLIR text says its shapes itself")
        module = parse_mlir(context(), source.data, source.title)
        verify(module)
        return module


def path_of(model: object) -> Path | None:
    """The path that a model is given as; None for its contents and for objects."""
    if isinstance(model, str):
        return Path(model)
    return Path(cast(os.PathLike[str], model)) if isinstance(model, os.PathLike) else None


def _extension_of(data: bytes) -> str:
    for place, signature, extension in _SIGNATURES:
        if data[place:].startswith(signature):
            return extension
    known = ", ".join(extension for _, _, extension in _SIGNATURES)
    raise UsageError(f"expected the contents of a model file ({known}), got something else")


def _saved(model: object) -> bytes:
    """The file that a model object becomes."""
    from nnc.frontends.keras_saved_model import is_model, saved

    if not is_model(model):
        raise UsageError(f"expected a path, bytes or a Keras model, got {type(model).__name__}")
    return saved(model)


def _read(path: Path) -> tuple[str, ModelSource]:
    from nnc.frontends.errors import FrontendError
    from nnc.frontends.keras_saved_model import is_saved_model, read_saved_model

    if is_saved_model(path):
        try:
            return "h5", ModelSource(str(path), read_saved_model(path), path)
        except FrontendError as error:
            raise error.of_file(str(path)) from error
    extension = path.suffix[1:].lower()
    if extension not in (*FRONTENDS, "mlir"):
        known = ", ".join(f".{name}" for name in (*FRONTENDS, "mlir"))
        raise UsageError(f"{path}: expected a file ending in one of {known}")
    with path.open("rb") as stream:
        return extension, ModelSource(str(path), read_limited(stream, path), path)


def read_limited(stream: IO[bytes], path: Path) -> bytes:
    """All bytes of a file, refused beyond LARGEST_MODEL."""
    data = stream.read(LARGEST_MODEL + 1)
    if len(data) > LARGEST_MODEL:
        raise UsageError(f"{path}: expected a file of at most {LARGEST_MODEL >> 20} MiB")
    return data


def context() -> Context:
    """A context that finds every dialect, ours and xDSL's."""
    result = Context()
    for name, factory in get_all_dialects().items():
        if name not in DIALECTS:
            result.register_dialect(name, factory)
    for name in DIALECTS:
        result.register_dialect(name, lambda name=name: load_dialect(name))
    return result


def run_passes(module: ModuleOp, pipeline: str) -> ModuleOp:
    """
    Runs a pipeline, written as for `nn-opt -p`, over a module, which is changed and returned.

    The module is verified before the first and after each pass. Raises DiagnosticException.
    """
    available = Universe.get_multiverse().all_passes
    try:
        specs = list(parse_pipeline(pipeline))
    except ArgSpecParseError as error:
        raise UsageError(describe(error)) from error
    passes = tuple(configured("pass", spec, available) for spec in specs)

    def check(_: ModulePass | None, module: ModuleOp, __: ModulePass | None) -> None:
        verify(module)

    import numpy as np

    # Extreme scales overflow in the float32 arithmetic of the contracts, as they do in C.
    with located_errors(), np.errstate(all="ignore"):
        PassPipeline(passes, check).apply(context(), module)
    return module
