"""`-t c`: the generated files of a network on one stream, to be read and checked as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.exceptions import DiagnosticException
from xdsl.utils.target import Target

from nnc.codegen.files import generate
from nnc.codegen.names import identifier


@dataclass(frozen=True)
class CTarget(Target):
    """
    Prints each file under a comment with its name; `weights=true` prints the weights as well.

    The module must have been through `nn-to-kernel` and `plan-memory`.
    """

    name = "c"

    net: str = "net"
    weights: bool = False

    def emit(self, ctx: Context, module: ModuleOp, output: IO[str]) -> None:
        if identifier(self.net) != self.net:
            raise DiagnosticException(f"error: expected net to be a C identifier, got '{self.net}'")
        for file, text in generate(module, self.net).items():
            if self.weights or not file.endswith("_weights.c"):
                output.write(f"/* ---- {file} ---- */\n{text}")
