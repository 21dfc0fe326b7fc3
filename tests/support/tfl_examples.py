"""The examples in the docstrings of the `tfl` dialect, as modules."""

from __future__ import annotations

import inspect
import re
import textwrap

from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.dialects.test import Test
from xdsl.ir import Operation
from xdsl.parser import Parser

from nnc.dialects.quant import Quant
from nnc.dialects.tfl import Tfl


def example_text(operation: type[Operation]) -> str:
    """The example of an operation's docstring, after something that makes its operands."""
    doc = textwrap.dedent(inspect.getdoc(operation) or "")
    found = re.search(r"```mlir\n(.*?)```", doc, re.DOTALL)
    assert found, f"{operation.name} has no example"
    text = found[1].strip()
    uses = text.partition(operation.name)[2]
    names = re.findall(r"%\w+", uses)
    types = uses[uses.rfind(" : ") + 3 :].partition(" -> ")[0].strip().removeprefix("(")
    kinds = _split(types.removesuffix(")")) if names else []
    assert len(names) == len(kinds), f"{operation.name}: {names} of {kinds}"
    makers = dict(zip(names, kinds, strict=True))
    return "\n".join((*(f'{n} = "test.op"() : () -> {t}' for n, t in makers.items()), text))


def _split(types: str) -> list[str]:
    """A list of types cut at its commas, except those within `<>`."""
    parts, depth = [""], 0
    for letter in types:
        depth += (letter == "<") - (letter == ">")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def parse_tfl(text: str) -> ModuleOp:
    """A verified module of text in the `tfl` dialect, xDSL's `test` operations allowed."""
    context = Context()
    for dialect in (Builtin, Test, Quant, Tfl):
        context.load_dialect(dialect)
    module = Parser(context, text).parse_module()
    module.verify()
    return module
