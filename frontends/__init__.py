"""
The frontends, found by the extension of the files they read.

The frontend of a format is the function `read` of the module that is named after the format. No
frontend is imported before it is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from nnc.frontends.source import ModelSource

FRONTENDS: dict[str, str] = {
    "tflite": "tflite",
    "h5": "keras",
    "hdf5": "keras",
    "keras": "keras",
    "onnx": "onnx",
}
"""For the extension, without the dot, of every file that can be read the name of its format."""

FORMATS: tuple[str, ...] = tuple(dict.fromkeys(FRONTENDS.values()))
"""The names of all formats."""


class Frontend(Protocol):
    """
    Reads a model into a module of the format's own dialect.

    `shapes` gives a shape to inputs, by name, whose own shape is not known before run time. What
    is wrong with the file, or not supported in it, is raised as one `FrontendError`.
    """

    def __call__(
        self, source: ModelSource, *, shapes: Mapping[str, tuple[int, ...]]
    ) -> ModuleOp: ...


def load_frontend(extension: str) -> Frontend:
    """The frontend for that extension, which must be one of `FRONTENDS`."""
    return import_module(f"{__name__}.{FRONTENDS[extension]}").read


def import_model(
    extension: str, source: ModelSource, shapes: Mapping[str, tuple[int, ...]]
) -> ModuleOp:
    """
    The module of a model, read by the frontend for that extension.

    Raises FrontendError, whose messages call the file by its title.
    """
    from nnc.frontends.errors import FrontendError

    try:
        return load_frontend(extension)(source, shapes=shapes)
    except FrontendError as error:
        raise error.of_file(source.title) from error
