"""
Every operator that is to be supported, by a small model of it, through the generated C.

What is right is computed by ONNX's reference implementation, and for ONNX Runtime's operators by
what their documentation says that they mean.
"""

from __future__ import annotations

import numpy as np
from support.compiled import How, run_all
from support.onnx_models import Array, reference
from support.onnx_operators import OPERATORS, WANTED, Operator, quantised
from support.onnx_run import lowered

FAST = How(flags=("-O0",))


def ran(rows: list[Operator]) -> list[list[Array]]:
    """The results of each row."""
    cases = [(lowered(row.model(), "nn-fuse-qdq"), [row.inputs]) for row in rows]
    return [list(runs[0].outputs) for runs in run_all(cases, FAST)]


def test_every_operator_is_among_the_models() -> None:
    names = {row.name for row in OPERATORS} | {row.operator.name for row in quantised()}
    assert names >= WANTED


def test_operators_compute_what_the_reference_does() -> None:
    wrong: list[str] = []
    for row, outputs in zip(OPERATORS, ran(OPERATORS), strict=True):
        expected = reference(row.model(), row.inputs)
        for found, right in zip(outputs, expected, strict=True):
            right = np.asarray(right)
            same = found.shape == right.shape and found.dtype == right.dtype
            if not same or not np.allclose(found, right, 1e-4, 1e-5, equal_nan=True):
                wrong.append(f"{row.name} {row.attributes}: {found.ravel()} {right.ravel()}")
    assert not wrong, "\n".join(wrong)


def test_quantised_operators_are_within_one_of_what_they_mean() -> None:
    rows = quantised()
    wrong: list[str] = []
    for row, (found,) in zip(rows, ran([row.operator for row in rows]), strict=True):
        info = np.iinfo(found.dtype)
        right = np.clip(np.rint(row.right / row.scale) + row.zero, info.min, info.max)
        error = np.abs(found.astype(np.int64) - right)
        if found.shape != right.shape or error.max() > 1 or (error > 0).mean() > 0.35:
            wrong.append(f"{row.operator.name} {row.operator.attributes}: {error.max()}")
    assert not wrong, "\n".join(wrong)
