"""
Models of one operator with random shapes, attributes and quantisation: the breadth of the tests.

`OPERATORS` lists every operator that the compiler must know with the flavours that the reference
interpreter accepts. A flavour is the type of the activations, or `hybrid` (float activations, int8
weights), `hybrid_asymmetric` (the same with a zero point found at run time) and `i4` (int8
activations, int4 weights).
"""

from __future__ import annotations

from support import ops_elementwise, ops_layers, ops_movement, ops_recurrent, ops_reduction
from support.draw import Case, Draw
from support.ops_registry import Generator

GENERATORS: dict[str, Generator] = {
    generator.op: generator
    for module in (ops_elementwise, ops_layers, ops_movement, ops_recurrent, ops_reduction)
    for generator in module.GENERATORS
}

OPERATORS: dict[str, tuple[str, ...]] = {
    op: generator.flavours for op, generator in sorted(GENERATORS.items())
}

PAIRS: list[tuple[str, str]] = [
    (op, flavour) for op, flavours in OPERATORS.items() for flavour in flavours
]
"""All operators with all their flavours, for `pytest.mark.parametrize`."""


def single_op_case(op: str, flavour: str, seed: int, samples: int = 3) -> Case:
    """
    The model of one operator that a seed stands for, with inputs that have a defined result.

    Raises `KeyError` for an operator that is not generated and `ValueError` for a flavour that it
    does not have.
    """
    generator = GENERATORS[op]
    if flavour not in generator.flavours:
        raise ValueError(f"expected one of {generator.flavours} for {op}, got {flavour}")
    draw = Draw(f"{op} {flavour} {seed}")
    generator.make(draw, flavour)
    return draw.case(f"{op}-{flavour}-{seed}", samples)
