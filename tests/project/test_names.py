"""One name per thing: what a name in a registry stands for is found by rule."""

from __future__ import annotations

import importlib

import pytest
from support.project import ROOT, modules
from xdsl.passes import ModulePass

from nnc.codegen import TARGETS, load_target
from nnc.dialects import DIALECTS, load_dialect
from nnc.frontends import FRONTENDS, load_frontend
from nnc.passes import PASSES, load_pass

FILECHECK = ROOT / "tests/filecheck"


@pytest.mark.parametrize("name", PASSES)
def test_pass(name: str) -> None:
    assert load_pass(name).name == name
    assert (FILECHECK / "passes" / f"{name}.mlir").is_file()


def test_every_pass_is_registered() -> None:
    values = [
        value
        for name in modules()
        if name.startswith("nnc.passes.")
        for value in vars(importlib.import_module(name)).values()
    ]
    defined = {
        value.name
        for value in values
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
