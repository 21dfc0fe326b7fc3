"""
The frontends, found by the extension of the files they read.

Files ending in `.tflite` are read by the function `import_tflite` of the module
`nnc.frontends.tflite`. Nothing is imported before an extension is looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

FRONTENDS: tuple[str, ...] = ("tflite",)
"""The extensions, without the dot, of all files that can be read; a new one is one more here."""


class Frontend(Protocol):
    """
    Reads the bytes of a model file into a module of the format's own dialect.

    `shapes` gives a shape to inputs, by name, whose own shape is not known before run time. What
    is wrong with the file, or not supported in it, is raised as one `DiagnosticException`.
    """

    def __call__(self, data: bytes, *, shapes: Mapping[str, tuple[int, ...]]) -> ModuleOp: ...


def load_frontend(extension: str) -> Frontend:
    """The frontend for that extension, which must be one of `FRONTENDS`."""
    return getattr(import_module(f"{__name__}.{extension}"), f"import_{extension}")


def import_model(
    extension: str, data: bytes, title: str, shapes: Mapping[str, tuple[int, ...]]
) -> ModuleOp:
    """
    The module of a model file, read by the frontend for that extension.

    Raises FrontendError; `title` is what its messages call the file.
    """
    from nnc.frontends.errors import FrontendError

    try:
        return load_frontend(extension)(data, shapes=shapes)
    except FrontendError as error:
        raise error.of_file(title) from error
