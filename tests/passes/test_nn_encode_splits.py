"""Trees that compare integers in place of floats give the same answers, for every float."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.compiled import How, run_all
from support.random_trees import random_trees
from xdsl.context import Context
from xdsl.dialects.builtin import (
    FunctionType,
    IntegerType,
    ModuleOp,
    Signedness,
    TensorType,
    f32,
    i8,
    i16,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Region

from nnc.dialects.nn.conversion import CastOp, DequantizeOp
from nnc.dialects.nn.float_order import FloatOrderOp
from nnc.dialects.nn.interpreter import run
from nnc.dialects.nn.trees import TreeEnsembleOp, make_ensemble
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import Array, element_of, numpy_dtype
from nnc.passes import nn_encode_splits
from nnc.passes.nn_builder import integer, make
from nnc.passes.nn_encode_splits import NnEncodeSplitsPass, float_places

ROWS, FEATURES, TARGETS = 8, 2, 2
ui8 = IntegerType(8, Signedness.UNSIGNED)


def module_of(seed: int, element: Attribute, grid: float) -> ModuleOp:
    """Trees that ask about floats, which are made of elements of another type if it is not f32."""
    numbers = np.random.default_rng(seed)
    trees = random_trees(numbers, f32, FEATURES, TARGETS)
    splits = trees.splits * (20 if element != f32 else 1)
    trees.splits[:] = np.round(splits / grid) * grid if grid else splits
    special: Any = numbers.choice([np.nan, np.inf, -np.inf, -0.0], len(trees.splits))
    trees.splits[:] = np.where(numbers.random(len(trees.splits)) < 0.05, special, trees.splits)
    kind = TensorType(element, [ROWS, FEATURES])
    block = Block(arg_types=[kind])
    value = block.args[0]
    if element != f32:
        step = DequantizeOp if isinstance(element, UniformQuantizedType) else CastOp
        op = make(step, [value], TensorType(f32, [ROWS, FEATURES]))
        block.add_op(op)
        value = op.results[0]
    ensemble = make_ensemble(value, trees, TARGETS, "sum")
    block.add_ops([ensemble, ReturnOp(ensemble.output)])
    types = FunctionType.from_lists([kind], [ensemble.output.type])
    return ModuleOp([FuncOp("main", types, Region(block))])


def rows_of(seed: int, module: ModuleOp, element: Attribute) -> Array:
    """Elements that are often splits, or right beside one."""
    rng: Any = np.random.default_rng([seed, 1])
    if element != f32:
        dtype = np.dtype(str(numpy_dtype(element)))
        limits = np.iinfo(dtype)
        near = rng.integers(-30, 30, (ROWS, FEATURES)).clip(limits.min, limits.max)
        far = rng.integers(limits.min, limits.max, (ROWS, FEATURES), endpoint=True)
        return np.where(rng.random((ROWS, FEATURES)) < 0.5, near, far).astype(dtype)
    (op,) = (it for it in module.walk() if isinstance(it, TreeEnsembleOp))
    chosen = rng.choice(op.trees.splits, (ROWS, FEATURES)).view(np.int32)
    beside = (chosen + rng.integers(-1, 2, chosen.shape)).astype(np.int32).view(np.float32)
    bits = rng.integers(0, 1 << 32, (ROWS, FEATURES), dtype=np.uint32).view(np.float32)
    return np.where(rng.random((ROWS, FEATURES)) < 0.3, bits, beside)


def encoded(module: ModuleOp) -> ModuleOp:
    result = module.clone()
    NnEncodeSplitsPass().apply(Context(), result)
    result.verify()
    return result


ELEMENTS: dict[str, tuple[Attribute, float]] = {
    "fine": (f32, 0),
    "halves": (f32, 0.5),
    "ui8": (ui8, 0.25),
    "i8": (i8, 0),
    "i16": (i16, 0),
    "quantized": (UniformQuantizedType.per_tensor(i8, 0.3, 5), 0),
}


@pytest.mark.parametrize("name", ELEMENTS)
def test_same_answers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nn_encode_splits, "WORTH", dict.fromkeys(nn_encode_splits.WORTH, 0))
    element, grid = ELEMENTS[name]
    changed = 0
    cases: list[tuple[ModuleOp, list[list[Array]]]] = []
    for seed in range(60):
        module = module_of(seed, element, grid)
        rows = rows_of(seed, module, element)
        after = encoded(module)
        (op,) = (it for it in after.walk() if isinstance(it, TreeEnsembleOp))
        changed += element_of(op.input) != f32
        assert str(encoded(after)) == str(after)
        wanted, found = run(module, [rows]).outputs[0], run(after, [rows]).outputs[0]
        assert found.tobytes() == wanted.tobytes(), f"seed {seed}"
        if seed < 8:
            cases += [(module, [[rows]]), (after, [[rows]])]
    assert changed > 15
    for how in (How(), How(kernels="portable")):
        runs = run_all(cases, how)
        for before, after in zip(runs[::2], runs[1::2], strict=True):
            assert before[0].outputs[0].tobytes() == after[0].outputs[0].tobytes()


def test_places_are_in_order() -> None:
    rng: Any = np.random.default_rng(0)
    bits = rng.integers(0, 1 << 32, 4000, dtype=np.uint32).view(np.float32)
    values = np.sort(bits[~np.isnan(bits)])
    places = float_places(values)
    assert ((np.diff(places) > 0) == (np.diff(values.astype(np.float64)) > 0)).all()
    assert float_places(np.asarray([-0.0, 0.0], np.float32)).tolist() == [0, 0]


def test_codes_of_all_kinds_of_floats() -> None:
    """The op's own arithmetic, where nothing may overflow: both ends of the floats."""
    for first, shift, count in ((-0x7F800000, 23, 255), (0x3F000000, 19, 80), (0, 22, 255)):
        kind = TensorType(f32, [6, 1])
        block = Block(arg_types=[kind])
        op = FloatOrderOp.build(
            operands=[block.args[0]],
            properties={
                name: integer(value)
                for name, value in (("first", first), ("shift", shift), ("count", count))
            },
            result_types=[TensorType(ui8, [6, 1])],
        )
        op.verify()
        values = np.asarray([[0.75], [-1.5], [np.inf], [-np.inf], [np.nan], [-np.nan]], np.float32)
        places = float_places(values)
        wanted = np.clip(-(-(places - first) >> shift), 0, count)
        wanted[np.isnan(values)] = count
        assert (op.evaluate(values)[0] == wanted).all()
