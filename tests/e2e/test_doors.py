"""
One network, several doors: the same network saved in several formats becomes the same C.

`make_doors.py` and `make_doors_onnx.py` in `tests/fixtures` made the files: what is called alike is
one network. A file of another format that is put beside them joins the test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue

from nnc.compiler import build
from nnc.dialects.nn.conversion import ConstantOp
from nnc.dialects.types import Array
from nnc.options import Options
from nnc.pipeline import (
    SIMPLIFICATIONS,
    folds,
    import_passes,
    load,
    run_passes,
    source_dialects,
)

FOLDER = Path(__file__).parents[1] / "fixtures/doors"
OPTIONS = Options("cortex-m4")


def network_of(path: Path) -> str:
    """Which network a file has: its name without what says by whom it was saved."""
    return path.stem.partition("_")[0]


DOORS = sorted(path for path in FOLDER.iterdir() if path.suffix != ".npz")
NETWORKS = sorted({network_of(path) for path in DOORS})


def simplified(path: Path) -> ModuleOp:
    """The module after all passes from `nn` to `nn`."""
    module = load(path)
    sources = source_dialects(module)
    passes = [*import_passes(sources, OPTIONS), *folds(sources), *SIMPLIFICATIONS]
    return run_passes(module, ",".join(passes))


def structure(module: ModuleOp) -> Iterator[tuple[object, ...]]:
    """What a module is but for names and the values of constants."""
    (function,) = (op for op in module.body.block.ops if isinstance(op, FuncOp))
    numbers: dict[SSAValue, int] = {}
    for argument in function.body.block.args:
        numbers[argument] = len(numbers)
        yield ("argument", argument.type)
    for op in function.body.block.ops:
        if isinstance(op, ConstantOp):
            continue
        for result in op.results:
            numbers[result] = len(numbers)
        operands = [numbers.get(operand, operand.type) for operand in op.operands]
        properties = sorted((name, str(value)) for name, value in op.properties.items())
        yield (op.name, *operands, *properties, *op.result_types)


def constants(module: ModuleOp) -> list[Array]:
    """The constants, in the order in which they are used."""
    return [
        operand.owner.values
        for op in module.walk()
        for operand in op.operands
        if isinstance(operand.owner, ConstantOp)
    ]


def generated(path: Path) -> str:
    """
    The network's C without names of layers: comments, texts, and what constants are called, which
    are numbered in the order of their use.
    """
    text = build(path, OPTIONS).files["net.c"]
    text = re.sub(r'/\*.*?\*/|//[^\n]*|"[^"\n]*"', "", text, flags=re.DOTALL)
    names = list(dict.fromkeys(re.findall(r"\bnet_\w+_constant\w*", text)))
    return re.sub(r"\bnet_\w+_constant\w*", lambda it: f"constant{names.index(it[0])}", text)


def test_every_network_has_several_doors() -> None:
    assert len(NETWORKS) >= 3
    for network in NETWORKS:
        suffixes = {path.suffix for path in DOORS if network_of(path) == network}
        assert {".h5", ".keras", ".onnx", ".tflite"} <= suffixes


@pytest.mark.parametrize("network", NETWORKS)
def test_every_door_leads_to_the_same_module(network: str) -> None:
    doors = [path for path in DOORS if network_of(path) == network]
    modules = {path.name: simplified(path) for path in doors}
    first, *others = modules.items()
    for name, module in others:
        assert list(structure(module)) == list(structure(first[1])), name
        for here, there in zip(constants(module), constants(first[1]), strict=True):
            np.testing.assert_allclose(here, there, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("network", NETWORKS)
def test_every_door_leads_to_the_same_c(network: str) -> None:
    doors = [path for path in DOORS if network_of(path) == network]
    texts = {path.name: generated(path) for path in doors}
    first = next(iter(texts.values()))
    assert {name for name, text in texts.items() if text != first} == set()
