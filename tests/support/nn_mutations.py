"""
Operations of the `nn` dialect with types and attributes that nobody would write.

The documented example of an op is changed at random: other element types, extents, ranks, numbers.
Most results are nonsense that the verifiers must refuse; what they accept must work.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from support.nn_examples import example, module_text
from xdsl.ir import Operation

ELEMENTS = (
    *("f32", "i8", "i16", "i32", "i64", "i1", "ui8", "!nn.bin"),
    "!quant.uniform<i8:f32, 0.1:3>",
    "!quant.uniform<u8:f32, 0.2:128>",
    "!quant.uniform<i16:f32, 0.001>",
    "!quant.uniform<i32:f32, 0.5>",
    "!quant.uniform<i8:f32:0, {0.1, 0.2}>",
)

_TENSOR = re.compile(r"tensor<((?:\d+x)*)(!quant\.uniform<[^>]*>|[\w!.]+)>")
_NUMBER = re.compile(r"(?<![\w.#])-?\d+(?![\w.])")


def mutation(operation: type[Operation], seed: int) -> str:
    """The text of a function with one changed op."""
    chosen = random.Random(f"{operation.name} {seed}")
    text = example(operation)
    for _ in range(chosen.choice([1, 1, 2, 3])):
        change = chosen.choice([_one_element, _all_elements, _extent, _rank, _number])
        text = change(text, chosen)
    return module_text(operation, text)


def _in_one_tensor(
    text: str, chosen: random.Random, change: Callable[[list[str], str], tuple[list[str], str]]
) -> str:
    place = chosen.choice(list(_TENSOR.finditer(text)))
    extents, element = change(place[1].split("x")[:-1], place[2])
    shape = "".join(f"{extent}x" for extent in extents)
    return f"{text[: place.start()]}tensor<{shape}{element}>{text[place.end() :]}"


def _one_element(text: str, chosen: random.Random) -> str:
    return _in_one_tensor(text, chosen, lambda extents, _: (extents, chosen.choice(ELEMENTS)))


def _all_elements(text: str, chosen: random.Random) -> str:
    old = chosen.choice(list(_TENSOR.finditer(text)))[2]
    new = chosen.choice(ELEMENTS)
    return _TENSOR.sub(lambda m: f"tensor<{m[1]}{new if m[2] == old else m[2]}>", text)


def _extent(text: str, chosen: random.Random) -> str:
    def change(extents: list[str], element: str) -> tuple[list[str], str]:
        if extents:
            extents[chosen.randrange(len(extents))] = str(chosen.choice([1, 2, 3, 5]))
        return extents, element

    return _in_one_tensor(text, chosen, change)


def _rank(text: str, chosen: random.Random) -> str:
    def change(extents: list[str], element: str) -> tuple[list[str], str]:
        if extents and chosen.random() < 0.5:
            extents.pop(chosen.randrange(len(extents)))
        else:
            extents.insert(chosen.randint(0, len(extents)), str(chosen.choice([1, 2])))
        return extents, element

    return _in_one_tensor(text, chosen, change)


def _number(text: str, chosen: random.Random) -> str:
    """Changes a number of an attribute."""
    first, last = text.find("{"), text.find("}")
    places = [m for m in _NUMBER.finditer(text[: max(last, 0)]) if m.start() > first >= 0]
    if not places:
        return text
    place = chosen.choice(places)
    number = chosen.choice([-2, -1, 0, 1, 2, 3, 7])
    return f"{text[: place.start()]}{number}{text[place.end() :]}"
