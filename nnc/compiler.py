"""
A model in, a folder of C out: what `nnc compile` does, as functions.

Every verb compiles through here, so what is run, validated and measured is what a user gets.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr

from nnc.cmsis_nn import Installation, installation
from nnc.codegen.files import generate
from nnc.codegen.names import identifier
from nnc.codegen.network import NetworkPrinter, network_of
from nnc.emulator import HOST
from nnc.options import Options
from nnc.passes.diagnostics import UsageError, located_errors
from nnc.pipeline import load, path_of, pipeline, run_passes, settled, source_dialects
from nnc.project import (
    REPORT,
    check_replaceable,
    cmake_project,
    library_sources,
    runtime_files,
    write_folder,
)
from nnc.report import Report, Request, as_json, as_markdown, describe_network

DEFAULT_NAME = "net"
LONGEST_NAME = 64
"""Characters of a network's name, which is part of the names of files and of longer symbols."""

_C_HEADERS = re.compile(
    "alloca|assert|complex|ctype|errno|fenv|float|inttypes|iso646|limits|locale|malloc|math|memory|"
    "setjmp|signal|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|"
    "strings|tgmath|threads|time|uchar|unistd|wchar|wctype"
)
"""Headers that a network called like one would hide from whoever includes it."""

Model = object
"""A path, the contents of a file, or a model object of Keras."""

Shapes = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Network:
    """
    A compiled network in memory: its planned module, and the text of every file by name.

    `input_names` is what the model's file calls its inputs, where it says so; the network calls
    them as the model's signature does.
    """

    name: str
    options: Options
    module: ModuleOp
    report: Report
    files: dict[str, str]
    input_names: tuple[str, ...]

    @property
    def printer(self) -> NetworkPrinter:
        """The view of the module that the code generator has."""
        return NetworkPrinter(network_of(self.module), self.name)

    def library(self, on: str) -> Installation | None:
        """The CMSIS-NN to link on a core, None where the network uses none or ours."""
        if on == HOST or self.options.chosen_kernels != "cmsis-nn":
            return None
        return installation(on)

    @contextmanager
    def folder(self, library: Installation | None = None) -> Generator[Path]:
        """A temporary folder with all files, without what takes the place of a library."""
        replaced = library_sources(self.printer) if library is not None else ()
        with tempfile.TemporaryDirectory(prefix="nnc-") as name:
            for file, text in self.files.items():
                if file not in replaced:
                    Path(name, file).write_text(text, encoding="utf-8", newline="\n")
            yield Path(name)


@dataclass(frozen=True)
class CompileResult:
    """What was written: the names of the files in `folder`, and the report."""

    folder: Path
    files: tuple[str, ...]
    report: Report


def emit(module: ModuleOp, name: str = DEFAULT_NAME) -> dict[str, str]:
    """
    The generated C files of a module that has been through `nn-to-kernel` and `plan-memory`.

    `name` is a C identifier and prefixes every public symbol and the files' names; the runtime's
    files are not among them. Raises UsageError for a name that is none.
    """
    check_name(name)
    with located_errors():
        return generate(module, name)


def build(
    model: Model, options: Options, *, name: str = DEFAULT_NAME, shapes: Shapes | None = None
) -> Network:
    """Compiles a model, in memory. Raises DiagnosticException, OSError, ToolError."""
    check_name(name)
    if options.chosen_kernels == "cmsis-nn":
        # A wrong CMSIS_NN_ROOT is a mistake now, not only when something is linked.
        installation(options.target)
    path = path_of(model)
    title = "" if path is None else path.name
    return build_module(load(model, shapes=shapes), options, name=name, title=title)


def build_module(
    module: ModuleOp, options: Options, *, name: str = DEFAULT_NAME, title: str = ""
) -> Network:
    """
    `build` of a module that is loaded, which becomes the network's; the report calls it `title`.

    Raises DiagnosticException.
    """
    check_name(name)
    sources = source_dialects(module)
    options = settled(options, sources)
    passes = pipeline(sources, options)
    input_names = _input_names(module)
    run_passes(module, passes)
    request = Request(
        model=title,
        target=options.target,
        contract=options.contract,
        kernels=options.chosen_kernels,
        optimize=options.optimize,
        io=options.io,
        pipeline=passes,
    )
    report = describe_network(network_of(module), name, request)
    files = emit(module, name)
    printer = NetworkPrinter(network_of(module), name)
    files |= runtime_files(printer, files)
    linked = library_sources(printer) if options.chosen_kernels == "cmsis-nn" else ()
    files["CMakeLists.txt"] = cmake_project(name, files, linked)
    files["report.md"] = as_markdown(report)
    files[REPORT] = as_json(report, sorted([*files, REPORT]))
    return Network(name, options, module, report, dict(sorted(files.items())), input_names)


def _input_names(module: ModuleOp) -> tuple[str, ...]:
    found = (network_of(module).attributes.get(f"{name}.inputs") for name in ("tfl", "onnx"))
    names = next((names for names in found if isinstance(names, ArrayAttr)), None)
    parts = names.data if names is not None else ()
    return tuple(part.data for part in parts if isinstance(part, StringAttr))


def compile(
    model: Model,
    out: str | os.PathLike[str],
    *,
    target: str,
    name: str = DEFAULT_NAME,
    optimize: str = "balanced",
    numerics: str = "tflite",
    kernels: str = "auto",
    io: str = "inside",
    constant_time: bool = False,
    shapes: Shapes | None = None,
) -> CompileResult:
    """
    Compiles a model into a folder, which appears whole or not at all.

    `model` is a path, the contents of a file or a Keras model; `target` a core such as "cortex-m4";
    the other options are those of `nnc.options.Options`. The folder has the network's C, the
    runtime sources that it needs, a CMake project and a report. The same model and options give the
    same bytes.

    Raises DiagnosticException (its text is one line for each problem), ValueError for an option
    that does not exist, OSError.
    """
    options = Options(target, numerics, kernels, optimize, io, constant_time=constant_time)
    check_replaceable(Path(out))
    network = build(model, options, name=name, shapes=shapes)
    write_folder(network.files, Path(out))
    return CompileResult(Path(out), tuple(network.files), network.report)


def check_name(name: str) -> None:
    """
    Raises UsageError unless `name` makes symbols and files that are the network's alone: those of
    the runtime start with `nnc`, those of CMSIS-NN with `arm_` or `cmsis`, a header of the C
    library is found by its name, and `N_weights.h` belongs to the network `N`.
    """
    problem = _name_problem(name)
    if problem is None:
        return
    proposal = identifier(name)[: LONGEST_NAME - 3]
    proposal = proposal if _name_problem(proposal) is None else f"my_{proposal}"
    proposal = proposal if _name_problem(proposal) is None else "my_net"
    raise UsageError(
        f"expected the network's name to be a C identifier {problem}, "
        f"got '{name}'; '{proposal}' would do"
    )


def _name_problem(name: str) -> str | None:
    """What a network's name should be and is not."""
    lower = name.lower()
    if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) or lower.startswith("nnc"):
        return "that does not start with 'nnc'"
    if len(name) > LONGEST_NAME:
        return f"of at most {LONGEST_NAME} characters"
    if _C_HEADERS.fullmatch(lower) or re.match("arm(_|$)|cmsis", lower):
        return "that is no header of the C library or of CMSIS"
    if lower.endswith("_weights"):
        return "that does not end in '_weights'"
    return None
