"""The C around a call of CMSIS-NN: the structs that its functions take."""

from __future__ import annotations

from collections.abc import Sequence

from nnc.dialects.kernel.call import CallOp


def dims(name: str, shape: Sequence[int]) -> str:
    """A `cmsis_nn_dims` of up to four extents, the leading ones 1 where there are fewer."""
    extents = [1] * (4 - len(shape)) + [*shape]
    return f"static const cmsis_nn_dims {name} = {braces(extents)};"


def tile(pair: Sequence[int]) -> str:
    """A `cmsis_nn_tile` of (height, width), which the library keeps as width, height."""
    return braces((pair[1], pair[0]))


def braces(values: Sequence[int]) -> str:
    """An initialiser."""
    return f"{{{', '.join(map(str, values))}}}"


def contexts(call: CallOp, arguments: Sequence[str], *names: str) -> list[str]:
    """
    The `cmsis_nn_context`s around the call's scratch, one for each size in `scratch_bytes`; those
    that need none are empty. Without the library none is needed at all.
    """
    buffers = iter(arguments[len(call.inputs) + len(call.outputs) :])
    sizes = call.numbers("scratch_bytes")
    return [
        f"const cmsis_nn_context {name} = {{{next(buffers) if size else 'NULL'}, {size}}};"
        for name, size in zip(names, sizes, strict=True)
    ]


def unqualified(pointer: str, kind: str = "int32_t") -> str:
    """A pointer to constants for a struct whose pointers are not qualified."""
    return f"({kind} *)(uintptr_t){pointer}"
