"""What is installed is what is in the repository, under the one name `nnc`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("nnc", "codegen", "dialects", "frontends", "passes", "runtime")
"""The folders that hold packages: `nnc` itself and its sub-packages."""

INSTALLED = (".py", ".c", ".h", ".ld")
"""The kinds of files in them that an installation needs, beside the `py.typed` markers."""


def package_name(folder: Path) -> str:
    parts = folder.relative_to(ROOT).parts
    return ".".join(parts if parts[0] == "nnc" else ("nnc", *parts))


def found_packages() -> dict[str, Path]:
    """Every folder that holds Python modules, by the name of its package."""
    folders = {path.parent for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    return {package_name(folder): folder for folder in folders}


def test_every_package_is_listed() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert sorted(setuptools["packages"]) == sorted(found_packages())
    assert {ROOT / folder for folder in setuptools["package-dir"].values()} == {
        ROOT / folder for folder in FOLDERS
    }


@pytest.mark.parametrize("name", sorted(found_packages()))
def test_every_package_is_typed(name: str) -> None:
    folder = found_packages()[name]
    assert (folder / "__init__.py").is_file()
    assert (folder / "py.typed").is_file()


def test_the_wheel_holds_every_file_and_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for folder in FOLDERS:
        shutil.copytree(
            ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, source / name)
    build = "from setuptools.build_meta import build_wheel; build_wheel('..')"
    result = subprocess.run(
        [sys.executable, "-c", build], cwd=source, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr

    (wheel,) = tmp_path.glob("*.whl")
    expected = {
        (PurePosixPath(*package_name(path.parent).split(".")) / path.name).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in INSTALLED or path.name == "py.typed"
    }
    assert expected == {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
