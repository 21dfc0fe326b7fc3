"""Constants as C arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import Float16Type, MemRefType
from xdsl.ir import Attribute

from nnc.codegen.expressions import c_type, float_literal, integer_literal
from nnc.dialects.types import numpy_dtype

_LINE = 96


def pointer_cast(c_type: str, *, writable: bool) -> str:
    """
    The cast of a pointer to bytes, which are aligned as elements of `c_type` need it: through
    `void *` where that is more than a byte, as compilers may be asked to warn of casts that align.
    """
    qualifier = "" if writable else "const "
    through = "" if c_type in ("int8_t", "uint8_t") else f"({qualifier}void *)"
    return f"({qualifier}{c_type} *){through}"


def memory_c_type(memory: Attribute) -> str:
    """The C type of the elements of a memref."""
    assert isinstance(memory, MemRefType)
    element = memory.element_type
    return "uint16_t" if isinstance(element, Float16Type) else c_type(element)


def array_definition(name: str, memory: MemRefType[Attribute], data: bytes) -> str:
    """`const T name[n] = {...};` of little-endian bytes, in lines of bounded length."""
    element = memory.element_type
    dtype = np.dtype(np.uint16) if isinstance(element, Float16Type) else numpy_dtype(element)
    values = np.frombuffer(data, dtype.newbyteorder("<"))
    head = f"const {memory_c_type(memory)} {name}[{max(1, values.size)}] = {{"
    return "\n".join([head, *_lines(_texts(values, element)), "};"])


def _texts(values: npt.NDArray[Any], element: Attribute) -> list[str]:
    if not values.size:
        return ["0"]
    if values.dtype.kind == "f":
        return [float_literal(value, element).text for value in values.tolist()]
    if values.dtype.itemsize < 4:
        return [str(value) for value in values.tolist()]
    return [integer_literal(value, element).text for value in values.tolist()]


def _lines(texts: list[str]) -> list[str]:
    lines: list[str] = []
    line = "   "
    for text in texts:
        if len(line) + len(text) + 2 > _LINE:
            lines.append(line)
            line = "   "
        line += f" {text},"
    return [*lines, line]
