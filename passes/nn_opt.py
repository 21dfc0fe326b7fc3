"""
`nn-opt`: runs one pipeline of passes over a model file or MLIR text, for work on the compiler.

xDSL's driver with this compiler's dialects, passes, targets and frontends. It differs in what it
says and when: an error is one line, and nothing is written unless everything succeeded.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from io import BytesIO, StringIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn, TypeVar

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass, PassPipeline
from xdsl.targets.mlir import MLIRTarget
from xdsl.universe import Universe
from xdsl.utils.arg_spec import ArgSpec, ArgSpecConvertible, parse_pipeline, parse_spec
from xdsl.utils.exceptions import (
    ArgSpecParseError,
    DiagnosticException,
    ParseError,
    ShrinkException,
)
from xdsl.xdsl_opt_main import xDSLOptMain

from nnc.codegen import TARGETS, load_target
from nnc.dialects import DIALECTS, load_dialect
from nnc.frontends import FRONTENDS, import_model
from nnc.frontends.keras_saved_model import is_saved_model, read_saved_model
from nnc.frontends.source import ModelSource
from nnc.options import parse_shape
from nnc.passes import PASSES, load_pass
from nnc.passes.diagnostics import (
    UsageError,
    command_line_error,
    describe,
    located_errors,
    suggestion,
    verify,
)
from nnc.passes.mlir_text import HighlightingPrinter, ModulePrinter, parse_mlir

if TYPE_CHECKING:
    from nnc.passes.check_each import CheckEach

NN_UNIVERSE = Universe(
    all_dialects={name: partial(load_dialect, name) for name in DIALECTS},
    all_passes={name: partial(load_pass, name) for name in PASSES},
    all_targets={name: partial(load_target, name) for name in TARGETS},
)
"""What this package adds to xDSL's own tools, through the entry point `xdsl.universe`."""

_Configurable = TypeVar("_Configurable", bound=ArgSpecConvertible)


def configured(
    kind: str, spec: ArgSpec, available: Mapping[str, Callable[[], type[_Configurable]]]
) -> _Configurable:
    """The pass or target (`kind`) that the specification names, with the options it gives."""
    if spec.name not in available:
        raise UsageError(f"unknown {kind} '{spec.name}'{suggestion(spec.name, available)}")
    chosen = available[spec.name]()
    options = [field.name.replace("_", "-") for field in dataclasses.fields(chosen)]
    for option in spec.parameters:
        if option.replace("_", "-") not in options:
            hint = suggestion(option, options) or f"; it has {', '.join(options) or 'none'}"
            raise UsageError(f"{kind} '{spec.name}' has no option '{option}'{hint}")
    try:
        return chosen.from_spec(spec)
    except ValueError as error:
        raise UsageError(f"{kind} '{spec.name}': {error}") from error


class NnOptMain(xDSLOptMain):
    """xDSL's driver, extended by model files, errors of one line, and weights left out."""

    version_format = "nn-opt, built on xDSL {xdsl_version}"

    _pass_started: float = 0.0
    _model: bytes | None = None
    _check: CheckEach

    def __init__(self, args: Sequence[str] | None = None):
        self._universe = Universe.get_multiverse()
        super().__init__("Runs passes over a model file or MLIR text.", args)

    def register_all_dialects(self) -> None:
        for name, factory in self._universe.all_dialects.items():
            self.ctx.register_dialect(name, factory)

    def register_all_passes(self) -> None:
        self.available_passes.update(self._universe.all_passes)

    def register_all_targets(self) -> None:
        self.available_targets.update(self._universe.all_targets)

    def register_all_frontends(self) -> None:
        super().register_all_frontends()
        for extension in FRONTENDS:
            self.available_frontends[extension] = partial(self._import_model, extension)

    def _import_model(self, extension: str, stream: IO[bytes]) -> ModuleOp:
        data = stream.read()
        self._model = data if extension == "tflite" else None
        path = Path(self.args.input_file) if self.args.input_file else None
        source = ModelSource(self.get_input_name(), data, path)
        return import_model(extension, source, dict(self.args.shape))

    def register_all_arguments(self, arg_parser: argparse.ArgumentParser) -> None:
        super().register_all_arguments(arg_parser)
        arg_parser.add_argument(
            "--shape",
            metavar="NAME=1,2,3",
            type=parse_shape,
            action="append",
            default=[],
            help="Shape of a model's input whose own is not known before run time (repeatable).",
        )
        arg_parser.add_argument(
            "--print-weights",
            action="store_true",
            help="Print constants of more than 16 elements in full.",
        )
        arg_parser.add_argument(
            "--check-each",
            action="store_true",
            help="Execute the module before and after each pass, and name a pass that changes "
            "what it computes.",
        )
        arg_parser.add_argument(
            "--check-inputs",
            metavar="SOURCE",
            default="random:0:2",
            help="The inputs for --check-each: random:SEED:N, smooth:SEED:N or a file of arrays "
            "(default: random:0:2).",
        )

        def fail(message: str) -> NoReturn:
            raise command_line_error(arg_parser, message)

        arg_parser.error = fail

    def setup_pipeline(self) -> None:
        self.pipeline = PassPipeline(
            tuple(
                configured("pass", spec, self._universe.all_passes)
                for spec in parse_pipeline(self.args.passes)
            ),
            self._between_passes,
        )

    def _between_passes(
        self, previous: ModulePass | None, module: ModuleOp, following: ModulePass | None
    ) -> None:
        if previous is not None and self.args.time_passes:
            seconds = time.perf_counter() - self._pass_started
            print(f"{previous.name}: {seconds:.3f} s", file=sys.stderr)
        if not self.args.disable_verify:
            verify(module)
        if previous is not None and following is not None and self.args.print_between_passes:
            print(
                f"// after {previous.name}\n{self._as_mlir(module, MLIRTarget())}", file=sys.stderr
            )
        if following is not None:
            _check_reads(following, module)
        if self.args.check_each:
            if previous is None:
                self._check = self._new_check()
            self._check(previous, module, following)
            if following is None and self._check.unchecked:
                names = ", ".join(self._check.unchecked)
                print(f"note: no module to compare with for {names}", file=sys.stderr)
        self._pass_started = time.perf_counter()

    def _new_check(self) -> CheckEach:
        """What executes a module between the passes; only this needs more than the compiler."""
        from nnc.levels import LevelRunner
        from nnc.passes.check_each import CheckEach

        # TFLite Micro rounds some layers in another way than the interpreter that models run in.
        same = all(getattr(it, "numerics", "tflite") == "tflite" for it in self.pipeline.passes)
        return CheckEach(LevelRunner(self.args.check_inputs, self._model if same else None))

    def prepare_input(self) -> tuple[list[tuple[IO[bytes], int]], str]:
        name = self.get_input_name()
        extension = os.path.splitext(name)[1][1:] if self.args.input_file else "mlir"
        extension = self.args.frontend or extension
        if extension == "" and is_saved_model(Path(name)):
            # A folder: layers in it are read as the file that they become.
            return [(BytesIO(read_saved_model(Path(name))), 0)], "h5"
        if extension not in self.available_frontends:
            known = ", ".join(f".{extension}" for extension in self.available_frontends)
            raise UsageError(f"{name}: expected a file ending in one of {known}")
        if extension == "mlir" and self.args.shape:
            raise UsageError("--shape is for model files; MLIR text says its shapes itself")
        return super().prepare_input()

    def parse_chunk(self, chunk: IO[bytes], file_extension: str, start_offset: int = 0) -> ModuleOp:
        self._model = None
        if file_extension != "mlir":
            return self.available_frontends[file_extension](chunk)
        return parse_mlir(
            self.ctx,
            chunk.read(),
            self.get_input_name(),
            line_offset=start_offset,
            implicit_module=not self.args.no_implicit_module,
        )

    def output_resulting_program(self, prog: ModuleOp) -> str:
        spec = parse_spec(self.args.target)
        target = configured("target", spec, self._universe.all_targets)
        if isinstance(target, MLIRTarget):
            return self._as_mlir(prog, target)
        output = StringIO()
        target.emit(self.ctx, prog, output)
        return output.getvalue()

    def _as_mlir(self, module: ModuleOp, options: MLIRTarget) -> str:
        args = self.args
        highlight = options.syntax_highlight or args.syntax_highlight
        output = StringIO()
        printer = (HighlightingPrinter if highlight else ModulePrinter)(
            stream=output,
            print_generic_format=options.print_generic_format or args.print_op_generic,
            print_properties_as_attributes=options.print_properties_as_attributes
            or args.print_no_properties,
            print_debuginfo=options.print_debuginfo or args.print_debuginfo,
            print_weights=args.print_weights,
        )
        printer.print_op(module)
        printer.print_metadata(self.ctx.loaded_dialects)
        return output.getvalue() + "\n"

    def run(self) -> None:
        """Processes every chunk of the input; exits with code 1 if any of them failed."""
        chunks, extension = self.prepare_input()
        texts: list[str] = []
        failures: list[str] = []
        for chunk, offset in chunks:
            try:
                texts.append(self._process(chunk, extension, offset))
            except (DiagnosticException, ParseError) as error:
                parsing = isinstance(error, ParseError)
                expected = (
                    self.args.parsing_diagnostics if parsing else self.args.verify_diagnostics
                )
                (texts if expected else failures).append(describe(error) + "\n")
        if failures:
            sys.stderr.write("".join(failures))
            raise SystemExit(1)
        if self.args.shrink:
            print("Failure, can't shrink")
            raise SystemExit(1)
        self._write("// -----\n".join(texts))

    def _process(self, chunk: IO[bytes], extension: str, offset: int) -> str:
        try:
            with chunk:
                module = self.parse_chunk(chunk, extension, offset)
            self.apply_passes(module)
        except ShrinkException:
            print("Success, can shrink")
            raise SystemExit(0) from None
        return self.output_resulting_program(module)

    def _write(self, text: str) -> None:
        if self.args.output_file is None:
            sys.stdout.write(text)
            sys.stdout.flush()
        else:
            Path(self.args.output_file).write_text(text, encoding="utf-8")


def _check_reads(following: ModulePass, module: ModuleOp) -> None:
    """Raises UsageError where a pass over `nn` would be given a module of buffers."""
    if not following.name.startswith("nn-"):
        return
    lowered = next((op for op in module.walk() if op.name.startswith("kernel.")), None)
    if lowered is not None:
        raise UsageError(f"pass '{following.name}' reads nn operations, got '{lowered.name}'")


def main(args: Sequence[str] | None = None) -> int:
    """The command `nn-opt`; returns its exit code, 1 if anything was wrong."""
    try:
        with located_errors():
            NnOptMain(args).run()
    except BrokenPipeError:
        # Whoever read the output has seen enough; Python would complain again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (DiagnosticException, ArgSpecParseError, OSError) as error:
        print(describe(error), file=sys.stderr)
        return 1
    return 0
