"""
ONNX's backend tests on an emulated Cortex-M4: the first passing case of each of 60 operators.

A program holds many networks at once: their functions are joined into one, so that the emulator and
the cross compiler run a few times only.
"""

from __future__ import annotations

import numpy as np
from support.compiled import How, run_on_core
from support.onnx_cases import Case, exclusion, lowered, node_cases
from support.onnx_models import Array
from support.onnx_report import read_known
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp, StringAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region, SSAValue

from nnc.dialects.nn.states import NAME

CASES = 60
TOGETHER = 10
"""Cases of one program."""
LARGEST = 2000
"""Elements of the inputs and outputs of a case: the emulator is slower than the host."""


def chosen() -> list[Case]:
    """One small case of each operator, and of these as many as are run, evenly spread."""
    known, firsts = read_known(), dict[str, Case]()
    for case in node_cases():
        if len(case.operators) > 1 or case.name in known or exclusion(case) is not None:
            continue
        size = sum(np.asarray(array).size for array in (*case.inputs, *case.outputs))
        if case.inputs and size <= LARGEST:
            firsts.setdefault(case.operators[0], case)
    names = sorted(firsts)
    places = np.linspace(0, len(names) - 1, CASES).astype(int)
    return [firsts[names[place]] for place in places]


def joined(modules: list[ModuleOp]) -> ModuleOp:
    """One function that has the inputs, the layers and the outputs of several."""
    block = Block()
    results: list[SSAValue] = []
    for module in modules:
        (function,) = module.clone().body.block.ops
        assert isinstance(function, FuncOp)
        body = function.body.block
        for argument in list(body.args):
            new = block.insert_arg(argument.type, len(block.args))
            argument.replace_all_uses_with(new)
        for op in list(body.ops):
            op.detach()
            if isinstance(op, ReturnOp):
                results += op.operands
                op.erase()
            else:
                block.add_op(op)
    block.add_op(ReturnOp(*results))
    kind = (block.arg_types, [result.type for result in results])
    function = FuncOp("main", kind, Region(block))
    function.arg_attrs = _names("x", len(block.args))
    function.res_attrs = _names("y", len(results))
    return ModuleOp([function])


def _names(prefix: str, count: int) -> ArrayAttr[DictionaryAttr]:
    return ArrayAttr([DictionaryAttr({NAME: StringAttr(f"{prefix}{k}")}) for k in range(count)])


def test_operators_on_a_core() -> None:
    cases = chosen()
    assert len({case.name for case in cases}) == CASES
    wrong: list[str] = []
    for start in range(0, CASES, TOGETHER):
        batch = cases[start : start + TOGETHER]
        ready = [lowered(case) for case in batch]
        sample: list[Array] = [array for _, fed in ready for array in fed]
        module = joined([module for module, _ in ready])
        runs, _ = run_on_core(module, [sample], "cortex-m4", How(), hook=False)
        outputs = list(runs[0].outputs)
        for case in batch:
            for right in map(np.asarray, case.outputs):
                found = outputs.pop(0)
                same = found.shape == right.shape and found.dtype == right.dtype
                if not same or not np.allclose(found, right, case.rtol, case.atol, equal_nan=True):
                    wrong.append(case.name)
        assert not outputs
    assert not wrong
