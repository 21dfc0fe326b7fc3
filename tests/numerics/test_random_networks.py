"""Random networks are ones that the reference interpreter runs, made of what was asked for."""

import numpy as np
import pytest
from support.oracle import Reference
from support.random_networks import NETWORK_OPS, random_network
from support.tflite_builder import TypeName


@pytest.mark.parametrize("dtype", ["i8", "f32", "i16"])
def test_networks_run(dtype: TypeName) -> None:
    for seed in range(40):
        case = random_network(seed, dtype)
        reference = Reference(case.model)
        assert reference.outputs
        for sample in case.samples:
            tensors = reference.run(sample)
            floats = [array for array in tensors.values() if array.dtype.kind == "f"]
            assert all(np.isfinite(array).all() for array in floats)


def test_networks_use_the_range_of_their_types() -> None:
    shares: list[float] = []
    for seed in range(40):
        case = random_network(seed)
        tensors = Reference(case.model).run(case.samples[1])
        outputs = [array for array in tensors.values() if array.dtype == np.int8]
        shares += [float(np.isin(array, [-128, 127]).mean()) for array in outputs]
    assert 0.02 < np.mean(shares) < 0.5


def test_operators_can_be_restricted() -> None:
    ops = {"CONV_2D", "ADD", "RESHAPE"}
    names: set[str] = set()
    for seed in range(20):
        reference = Reference(random_network(seed, ops=ops, layers=(4, 6)).model)
        names |= {name for name in NETWORK_OPS if reference.operations(name)}
    assert names == ops


def test_the_same_seed_is_the_same_network() -> None:
    assert random_network(3).model == random_network(3).model
    assert random_network(3).model != random_network(4).model
    with pytest.raises(ValueError, match="got SVDF"):
        random_network(0, ops=["SVDF"])
