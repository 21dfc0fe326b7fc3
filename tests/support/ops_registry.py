"""How the generators of single-operator models are listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from support.draw import Draw
from support.tflite_builder import TypeName

Make = Callable[[Draw, str], None]

_NOT_TYPES: dict[str, TypeName] = {"hybrid": "f32", "hybrid_asymmetric": "f32", "i4": "i8"}


@dataclass(frozen=True)
class Generator:
    """An operator, the flavours it has, and the function that makes a model of it."""

    op: str
    flavours: tuple[str, ...]
    make: Make


def activation_type(flavour: str) -> TypeName:
    """The type of the activations in a flavour."""
    return _NOT_TYPES.get(flavour, cast(TypeName, flavour))


def listed(make: Callable[[Draw, str, str], None], flavours: str, *ops: str) -> list[Generator]:
    """Generators of operators that share one function, which is given the operator's name."""

    def of(op: str) -> Make:
        return lambda draw, flavour: make(draw, op, flavour)

    return [Generator(op, tuple(flavours.split()), of(op)) for op in ops]
