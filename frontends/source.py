"""What a frontend reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ModelSource:
    """
    The contents of a model's file, and where it is.

    `title` is what messages call it. Formats that keep weights in other files look for them below
    the folder of `path`, and nowhere else; None for contents that came from no file.
    """

    title: str
    data: bytes
    path: Path | None = None
