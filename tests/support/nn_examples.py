"""The examples in the docstrings of the `nn` dialect, as functions."""

from __future__ import annotations

import inspect
import re
import textwrap

import numpy as np
from support.compiled import parse
from support.tflite_nn import main_function
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from nnc.dialects.types import Array, element_of, numpy_dtype, shape_of


def example(operation: type[Operation]) -> str:
    """The example of an operation's docstring, the first one where there are several."""
    doc = textwrap.dedent(inspect.getdoc(operation) or "")
    found = re.search(r"```mlir\n(.*?)```", doc, re.DOTALL)
    assert found, f"{operation.name} has no example"
    return re.split(r"\n(?=%)", found[1].strip())[0]


def example_module(operation: type[Operation]) -> ModuleOp:
    """The example as a function of its operands that returns its results."""
    return parse(module_text(operation, example(operation)))


def module_text(operation: type[Operation], text: str) -> str:
    """One op's text as that of a function of its operands that returns its results."""
    results, _, rest = text.partition("=")
    operands = re.findall(r"%\w+", rest)
    given, returned = _types(text)
    given = given if operands else []
    assert len(operands) == len(given), f"{operation.name}: {operands} of {given}"
    arguments = dict(zip(operands, given, strict=True))
    signature = ", ".join(f"{name}: {kind}" for name, kind in arguments.items())
    return (
        f"func.func @main({signature}) -> ({', '.join(returned)}) {{\n{text}\n"
        f"func.return {results.strip()} : {', '.join(returned)}\n}}"
    )


def _types(text: str) -> tuple[list[str], list[str]]:
    """The types of the operands and of the results."""
    signature = text[text.rindex(" : " if " : (" not in text else " : (") + 3 :]
    operands, _, results = signature.partition("->")
    return _split(operands), _split(results)


def _split(types: str) -> list[str]:
    """A list of types, cut at its commas except those within `<>`."""
    inner = types.strip().removeprefix("(").removesuffix(")")
    parts, depth = [""], 0
    for letter in inner:
        depth += (letter == "<") - (letter == ">")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def random_inputs(module: ModuleOp, seed: int) -> list[Array]:
    """Values for each argument: floats around 0, all codes of 8 bits, other integers small."""
    generator = np.random.default_rng(seed)
    return [
        _random(generator, shape_of(argument), numpy_dtype(element_of(argument)))
        for argument in main_function(module).body.block.args
    ]


def _random(
    generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[np.generic]
) -> Array:
    if dtype.kind == "f":
        return generator.normal(0, 2, shape).astype(dtype)
    if dtype.kind == "b":
        return generator.random(shape) < 0.5
    if dtype.itemsize == 1:
        return np.frombuffer(generator.bytes(int(np.prod(shape))), dtype).reshape(shape)
    return np.floor(generator.uniform(-3, 9, shape)).astype(dtype)
