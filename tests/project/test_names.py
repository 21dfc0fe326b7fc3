"""One name per thing: what a name in a registry stands for is found by rule."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest
from xdsl.passes import ModulePass

import nnc.passes
from nnc.codegen import TARGETS, load_target
from nnc.dialects import DIALECTS, load_dialect
from nnc.frontends import FRONTENDS, load_frontend
from nnc.passes import PASSES, load_pass

FILECHECK = Path(__file__).parents[1] / "filecheck"


@pytest.mark.parametrize("name", PASSES)
def test_pass(name: str) -> None:
    assert load_pass(name).name == name
    assert (FILECHECK / "passes" / f"{name}.mlir").is_file()


def test_every_pass_is_registered() -> None:
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(nnc.passes.__path__, "nnc.passes.")
    ]
    classes = [value for module in modules for value in vars(module).values()]
    defined = {
        value.name
        for value in classes
        if isinstance(value, type)
        and issubclass(value, ModulePass)
        and value.__module__.startswith("nnc.passes.")
    }
    assert defined == set(PASSES)


@pytest.mark.parametrize("name", DIALECTS)
def test_dialect(name: str) -> None:
    assert load_dialect(name).name == name


@pytest.mark.parametrize("name", TARGETS)
def test_target(name: str) -> None:
    assert load_target(name).name == name


@pytest.mark.parametrize("extension", FRONTENDS)
def test_frontend(extension: str) -> None:
    assert callable(load_frontend(extension))
