"""Where the project's own files are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]

FOLDERS = ("nnc", "codegen", "dialects", "frontends", "passes", "runtime")
"""The folders that hold packages: `nnc` itself and its sub-packages."""


def sources(pattern: str) -> list[Path]:
    """All files of that name pattern in the package folders."""
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob(pattern))


def package_name(folder: Path) -> str:
    """The package that a folder is installed as."""
    parts = folder.relative_to(ROOT).parts
    return ".".join(parts if parts[0] == "nnc" else ("nnc", *parts))


def packages() -> dict[str, Path]:
    """Every folder that holds Python modules, by the name of its package."""
    return {package_name(path.parent): path.parent for path in sources("*.py")}


def modules() -> list[str]:
    """The names of all modules and packages."""
    names = {f"{package_name(path.parent)}.{path.stem}" for path in sources("*.py")}
    return sorted(name.removesuffix(".__init__") for name in names)
