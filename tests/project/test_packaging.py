"""What is installed is what is in the repository, under the one name `nnc`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest
from support.project import FOLDERS, ROOT, package_name, packages, sources

INSTALLED = (".py", ".c", ".h", ".ld")
"""The kinds of files that an installation needs, beside the `py.typed` markers."""


def test_every_package_is_listed() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert sorted(setuptools["packages"]) == sorted(packages())
    assert {ROOT / folder for folder in setuptools["package-dir"].values()} == {
        ROOT / folder for folder in FOLDERS
    }


@pytest.mark.parametrize("name", sorted(packages()))
def test_every_package_is_typed(name: str) -> None:
    folder = packages()[name]
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
        for path in sources("*")
        if path.suffix in INSTALLED or path.name == "py.typed"
    }
    assert expected == {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
