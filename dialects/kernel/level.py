"""
Whether a module is at the level of buffers, for those that can only work there.

Passes and the C target may be asked for in any order: what they cannot read is a user's mistake.
"""

from __future__ import annotations

from collections.abc import Iterator

from xdsl.dialects import func, memref
from xdsl.dialects.builtin import DictionaryAttr, ModuleOp, StringAttr
from xdsl.utils.exceptions import DiagnosticException

from nnc.dialects.kernel.memory import ConstantOp, ViewOp
from nnc.dialects.kernel.operation import KernelOp

_OPS = (KernelOp, ConstantOp, ViewOp, memref.AllocOp, func.ReturnOp)
_MADE = "run nn-to-kernel over a module of nn operations first"
_PLANNED = "kernel.arena_bytes"


class LevelError(DiagnosticException):
    """A module is not of the level that is read; the message says which passes get it there."""


def check_level(module: ModuleOp, *, planned: bool) -> None:
    """
    Raises LevelError unless `nn-to-kernel` made the functions of a module, and `plan-memory` has
    placed their buffers if `planned`, else not.
    """
    functions = [op for op in module.body.block.ops if isinstance(op, func.FuncOp)]
    if not functions:
        raise LevelError("error: expected a module with a function, got none")
    for function in functions:
        for problem in _problems(function, planned):
            raise LevelError(f"error: function '{function.sym_name.data}': {problem}")


def _problems(function: func.FuncOp, planned: bool) -> Iterator[str]:
    ops = [] if function.is_declaration else list(function.body.block.ops)
    if not ops:
        yield f"expected a body, got a declaration; {_MADE}"
        return
    for op in ops:
        if not isinstance(op, _OPS):
            yield f"expected only layers on buffers, got '{op.name}'; {_MADE}"
    given = () if function.arg_attrs is None else function.arg_attrs.data
    if len(given) != len(function.body.block.args) or not all(map(_is_described, given)):
        yield f"expected arguments with a kernel.role; {_MADE}"
    if planned and _PLANNED not in function.attributes:
        yield "expected a plan of its buffers, got none; run plan-memory first"
    if not planned and _PLANNED in function.attributes:
        yield "expected buffers without a place, got a plan; plan-memory has run already"


def _is_described(attributes: DictionaryAttr) -> bool:
    role, entries = attributes.data.get("kernel.role"), attributes.data
    if not isinstance(role, StringAttr):
        return False
    return role.data == "arena" or ("nn.name" in entries and "nn.type" in entries)
