"""
Runs networks as the C that they become, fast enough for hundreds of small ones.

Networks are lowered, printed and compiled together into one shared library, which a child process
loads (`support.library_runner`): one compiler and one small interpreter for a whole batch, and a
network that crashes or hangs does not take the tests with it. Warnings are always errors.
`run_on_core` builds the same C for an emulated Cortex-M instead.
"""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from support import library_runner
from support.installed import installed
from xdsl.context import Context
from xdsl.dialects import get_all_dialects
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute

from nnc.codegen.files import generate
from nnc.codegen.network import NetworkPrinter, network_of
from nnc.dialects import DIALECTS, load_dialect
from nnc.dialects.nn.interpreter import Run, channels_by_layer
from nnc.dialects.types import BinType, element_of, numpy_dtype, pack_bits, shape_of
from nnc.emulator import RunResult, run_network
from nnc.frontends.tflite import import_tflite
from nnc.harness import ElementType
from nnc.passes import load_pass
from nnc.passes.mlir_text import parse_mlir
from nnc.pipeline import SIMPLIFICATIONS
from nnc.toolchain import (
    RUNTIME,
    SANITIZERS,
    STRICT_WARNINGS,
    BuildOptions,
    Source,
    compile_all,
    host_compiler,
)

Array = npt.NDArray[Any]

Model = ModuleOp | str | bytes
"""A module of `nn` (or `tfl`) ops, its MLIR text, or the bytes of a `.tflite` file."""

Samples = Sequence[Sequence[Array]]
"""For each inference the inputs in order, in the dtypes of `numpy_dtype`."""

TIMEOUT = 120.0
"""Seconds that the networks of one batch may run."""


class CompiledError(AssertionError):
    """The C of a network does not compile, or does not run to its end."""


@dataclass(frozen=True)
class How:
    """
    How networks become programs: options of `tfl-to-nn`, `nn-to-kernel` and `plan-memory`, whether
    `nn` is simplified in between and calls of kernels are expanded to loops, then options of the
    host's compiler. `sanitize` adds the address,
    undefined and alignment sanitizers (gcc only). With `keep_state`, recurrent networks remember
    one sample in the next.
    """

    simplify: bool = False
    expand: bool = False

    kernels: str = "none"
    target: str = "cortex-m4"
    numerics: str = "tflite"
    io: str = "inside"
    overlap: bool = True
    compiler: str = "gcc"
    flags: tuple[str, ...] = ("-O1",)
    sanitize: bool = False
    keep_state: bool = False
    constant_time: bool = False


LOOPS = How()
"""Loops only, for the host."""

WHOLE = How(simplify=True, kernels="portable")
"""What `nnc compile` does without CMSIS-NN, for the host."""

SANITIZED = How(sanitize=True)
"""Loops only, for the host, with all sanitizers."""


def parse(text: str) -> ModuleOp:
    """The module that MLIR text stands for, verified."""
    context = Context()
    for name in ("builtin", "func"):
        context.register_dialect(name, get_all_dialects()[name])
    for name in DIALECTS:
        context.register_dialect(name, lambda name=name: load_dialect(name))
    module = parse_mlir(context, text.encode(), "test.mlir")
    module.verify()
    return module


def planned(model: Model, how: How = LOOPS) -> ModuleOp:
    """The module that C is printed from; a module that is given is left as it is."""
    match model:
        case bytes():
            module = import_tflite(model, shapes={})
        case str():
            module = parse(model)
        case _:
            module = model.clone()
    passes: dict[str, dict[str, str | bool]] = {}
    if any(op.name.startswith("tfl.") for op in module.walk()):
        passes["tfl-to-nn"] = {"numerics": how.numerics}
    passes |= {name: {} for name in SIMPLIFICATIONS if how.simplify}
    passes["nn-to-kernel"] = {
        "kernels": how.kernels,
        "target": how.target,
        "constant_time": how.constant_time,
    }
    passes |= {"expand-kernels": {}} if how.expand else {}
    passes["plan-memory"] = {"io": how.io, "overlap": how.overlap}
    for name, options in passes.items():
        cast(Any, load_pass(name))(**options).apply(Context(), module)
    module.verify()
    return module


def run_compiled(model: Model, samples: Samples, how: How = LOOPS) -> list[Run]:
    """
    One inference for each sample on the host, each in a poisoned arena.

    A `Run` has the outputs and, by name, what each layer wrote into the arena. Raises
    `CompiledError`.
    """
    return run_all([(model, samples)], how)[0]


def run_all(cases: Sequence[tuple[Model, Samples]], how: How = LOOPS) -> list[list[Run]]:
    """`run_compiled` for many networks in one program."""
    modules = [planned(model, how) for model, _ in cases]
    jobs: list[library_runner.Job] = [
        (f"n{k}_network", how.keep_state, list(_bytes(module, samples)))
        for k, (module, (_, samples)) in enumerate(zip(modules, cases, strict=True))
    ]
    with tempfile.TemporaryDirectory(prefix="nnc-test-") as name:
        answers = _execute(_build(Path(name), modules, how), jobs, how)
    return [_runs(module, answer) for module, answer in zip(modules, answers, strict=True)]


def run_on_core(
    model: Model, samples: Samples, core: str, how: How = LOOPS, *, hook: bool = True
) -> tuple[list[Run], RunResult]:
    """
    The same on an emulated Cortex-M, beside what the emulator has to say.

    Without `hook` the runs have no layers, but instructions and stack are counted. Kernels of
    CMSIS-NN are linked with the library; skips the test where it is not installed.
    """
    module = planned(model, replace(how, target=core))
    with tempfile.TemporaryDirectory(prefix="nnc-test-") as name:
        folder = Path(name)
        for file, text in generate(module, "net").items():
            (folder / file).write_text(text)
        options = BuildOptions(includes=(RUNTIME,), strict=True)
        sources = _runtime_sources([module])
        if how.kernels == "cmsis-nn":
            library = installed(core)
            options = replace(library.options(), includes=(RUNTIME, library.include))
            sources = [source for source in sources if not source.name.startswith("nnc_cmsis_")]
        for source in sources:
            (folder / source.name).write_bytes(source.read_bytes())
        inputs = list(_bytes(module, samples))
        result = run_network(folder, "net", inputs, on=core, hook=hook, options=options)
    network = result.network
    outputs = [(info.name, int(info.type), info.shape) for info in network.outputs]
    layers = [[(i.name, int(i.type), i.shape) for i in layer.outputs] for layer in network.layers]
    nothing: list[list[bytes | None]] = []
    seen = result.layers if hook else [nothing for _ in result.outputs]
    return _runs(module, (outputs, layers, list(zip(result.outputs, seen, strict=True)))), result


def _bytes(module: ModuleOp, samples: Samples) -> Iterator[list[bytes]]:
    """The inputs of each sample as they lie in memory."""
    types = [port.tensor for port in NetworkPrinter(network_of(module), "net").of_role("input")]
    for sample in samples:
        yield [_stored(array, kind) for array, kind in zip(sample, types, strict=True)]


def _stored(array: Array, kind: Attribute) -> bytes:
    expected = shape_of(kind), numpy_dtype(element_of(kind))
    assert (array.shape, array.dtype) == expected, f"expected an input of {expected}"
    if isinstance(element_of(kind), BinType):
        return pack_bits(array).tobytes()
    return array.tobytes()


def _loaded(data: bytes, tensor: library_runner.Tensor) -> Array:
    """A tensor from its bytes in memory."""
    name, tag, shape = tensor
    kind = ElementType(tag)
    if kind is not ElementType.BIN32:
        array = np.frombuffer(data, kind.dtype).reshape(shape)
        if kind is ElementType.BOOL and (array.view(np.uint8) > 1).any():
            raise CompiledError(f"{name}: a boolean is neither 0 nor 1")
        return array
    words = np.frombuffer(data, np.uint8).reshape(*shape[:-1], -1)
    bits = np.unpackbits(words, axis=-1, bitorder="little").astype(np.bool_)
    if bits[..., shape[-1] :].any():
        raise CompiledError(f"{name}: unused bits of a word are set")
    return bits[..., : shape[-1]]


def _runs(module: ModuleOp, answer: library_runner.Answer) -> list[Run]:
    outputs, layers, samples = answer
    runs: list[Run] = []
    for results, dumped in samples:
        named = {
            tensor[0]: _loaded(data, tensor)
            for tensors, contents in zip(layers, dumped, strict=False)
            for tensor, data in zip(tensors, contents, strict=True)
            if data is not None
        }
        loaded = (_loaded(data, tensor) for data, tensor in zip(results, outputs, strict=True))
        runs.append(Run(tuple(loaded), named, channels=channels_by_layer(network_of(module))))
    return runs


def _build(folder: Path, modules: Sequence[ModuleOp], how: How) -> Path:
    """All networks as one translation unit and one shared library."""
    includes: list[str] = []
    for k, module in enumerate(modules):
        for file, text in generate(module, f"n{k}").items():
            (folder / file).write_text(text)
            includes += [f'#include "{file}"'] if file.endswith(".c") else []
    (folder / "all.c").write_text("\n".join([*includes, ""]))
    compiler = host_compiler(how.compiler)
    flags = (*how.flags, "-fPIC", "-DNNC_ENABLE_HOOK", *(SANITIZERS if how.sanitize else ()))
    library = folder / "networks.so"
    command = [compiler.path, "-std=c99", "-pipe", *STRICT_WARNINGS, *flags, f"-I{RUNTIME}"]
    command += ["-shared", str(folder / "all.c"), *_runtime_objects(modules, flags, how)]
    run = subprocess.run(
        [*command, "-lm", "-o", str(library)], capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise CompiledError(f"the C of a network does not compile:\n{run.stderr[:4000]}")
    return library


def _runtime_sources(modules: Sequence[ModuleOp]) -> list[Path]:
    rows = [row for m in modules for row in NetworkPrinter(network_of(m), "net").kernels()]
    return sorted({RUNTIME / source for row in rows for source in row.sources})


def _runtime_objects(modules: Sequence[ModuleOp], flags: Sequence[str], how: How) -> list[str]:
    sources = [Source(path, (RUNTIME,)) for path in _runtime_sources(modules)]
    options = BuildOptions(strict=True)
    return [str(o) for o in compile_all(host_compiler(how.compiler), sources, flags, options)]


def _execute(
    library: Path, jobs: Sequence[library_runner.Job], how: How
) -> list[library_runner.Answer]:
    environment = dict(os.environ)
    if how.sanitize:
        command = [how.compiler, "-print-file-name=libasan.so"]
        found = subprocess.run(command, capture_output=True, text=True, check=True)
        environment |= {"LD_PRELOAD": found.stdout.strip(), "ASAN_OPTIONS": "detect_leaks=0"}
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", library_runner.__file__, str(library)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    try:
        output, errors = child.communicate(pickle.dumps((how.sanitize, jobs)), TIMEOUT)
    except subprocess.TimeoutExpired:
        raise CompiledError(f"no result after {TIMEOUT:g} s") from None
    finally:
        child.kill()
        child.wait()
    if child.returncode:
        raise CompiledError(_crash(child.returncode, errors.decode(errors="replace")))
    answers = cast(list[library_runner.Answer | str], pickle.loads(output))
    failed = {job[0]: a for job, a in zip(jobs, answers, strict=True) if isinstance(a, str)}
    if failed:
        raise CompiledError(f"networks failed: {failed}")
    return [answer for answer in answers if not isinstance(answer, str)]


def _crash(status: int, errors: str) -> str:
    started = re.findall(r"^n\d+_network$", errors, re.MULTILINE)
    said = re.findall(r"^.*(?:runtime error|ERROR: AddressSanitizer|Error): .*$", errors, re.M)
    ended = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    return f"{started[-1] if started else 'the library'}: {ended} {' '.join(said[:1])}".rstrip()
