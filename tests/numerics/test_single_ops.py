"""Every generated single-operator model is one that the reference interpreter runs."""

import numpy as np
import pytest
from support.oracle import Reference
from support.single_ops import GENERATORS, OPERATORS, PAIRS, single_op_case


@pytest.mark.parametrize(("op", "flavour"), PAIRS)
def test_generated_models_run(op: str, flavour: str) -> None:
    for seed in range(3):
        case = single_op_case(op, flavour, seed)
        reference = Reference(case.model, optimised=case.optimised)
        declared = [info.shape for info in reference.outputs]
        for sample in case.samples:
            outputs = reference.run_outputs(sample)
            assert [array.shape for array in outputs] == declared
            assert all(np.isfinite(array).all() for array in outputs if array.dtype.kind == "f")


def test_the_same_seed_is_the_same_case() -> None:
    first, again = (single_op_case("CONV_2D", "i8", 5) for _ in range(2))
    assert first.model == again.model
    for one, other in zip(first.samples, again.samples, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert single_op_case("CONV_2D", "i8", 6).model != first.model


def test_unknown_flavours_are_refused() -> None:
    assert len(OPERATORS) == 90 and len(GENERATORS) == 90
    with pytest.raises(ValueError, match="expected one of"):
        single_op_case("COS", "i8", 0)
