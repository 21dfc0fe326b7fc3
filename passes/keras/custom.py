"""
Layers that Keras does not have, mapped to `nn` ops by who uses the compiler.

`custom_layer` registers a function for a class of layers, or for one layer by its name (a `Lambda`,
say, whose program is in the file but is never read). The function gets the layer's configuration
and weights and builds `nn` ops:

    @nnc.custom_layer("Scale")
    def scale(layer: CustomLayer, inputs: Sequence[SSAValue], to: Lowering) -> SSAValue:
        return to.binary(MulOp, inputs[0], to.number(layer.weights[0]))
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from xdsl.ir import SSAValue

from nnc.dialects.keras.base import Shape, tensor
from nnc.dialects.keras.options import Json
from nnc.dialects.keras.structure import SHAPE_RULES, CustomOp
from nnc.dialects.types import Array
from nnc.passes.keras.lowering import Lowering, Results, rewrite
from nnc.passes.nn_builder import UnsupportedError


@dataclass(frozen=True)
class CustomLayer:
    """A layer with its configuration, and its weights in the order in which Keras stores them."""

    class_name: str
    name: str
    config: dict[str, Json]
    weights: Sequence[Array]


CustomRewrite: TypeAlias = Callable[[CustomLayer, Sequence[SSAValue], Lowering], Results]
CustomShapes: TypeAlias = Callable[[dict[str, Json], Sequence[Shape]], Sequence[Shape]]

_REWRITES: dict[tuple[str, str], CustomRewrite] = {}


def custom_layer(
    class_name: str, *, name: str = "", shapes: CustomShapes | None = None
) -> Callable[[CustomRewrite], CustomRewrite]:
    """
    Registers a function that builds the `nn` ops of layers of a class.

    `class_name` is the class without the package that it is registered under in Keras; `name`
    restricts it to the layer of that name. `shapes` gives the shapes of the results, batch first,
    from the layer's configuration and the shapes of its inputs; without it the result has the shape
    of the first input. A second registration replaces the first.
    """

    def register(function: CustomRewrite) -> CustomRewrite:
        _REWRITES[class_name, name] = function
        if shapes is None:
            SHAPE_RULES[class_name, name] = None
        else:
            rule = shapes
            SHAPE_RULES[class_name, name] = lambda config, inputs: rule(_config(config), inputs)
        return function

    return register


def _config(text: str) -> dict[str, Json]:
    return cast(dict[str, Json], json.loads(text))


@rewrite(CustomOp)
def _custom(op: CustomOp, to: Lowering) -> Sequence[SSAValue]:
    class_name, name = op.class_name.data, op.layer_name.data
    function = _REWRITES.get((class_name, name), _REWRITES.get((class_name, "")))
    if function is None:
        raise UnsupportedError("this is not a layer of Keras", "`nnc.custom_layer` maps it to nn")
    weights = [to.needed(op, weight.name) for weight in op.weight_list()]
    layer = CustomLayer(class_name, name, _config(op.config.data), weights)
    results = function(layer, [to.value(value) for value in op.inputs], to)
    found = [results] if isinstance(results, SSAValue) else list(results)
    expected = [tensor(value) for value in op.results]
    if [value.type for value in found] != expected:
        got = ", ".join(str(value.type) for value in found)
        raise UnsupportedError(
            f"expected the custom layer to give {', '.join(map(str, expected))}, got {got}",
            "its `shapes` say what it gives",
        )
    return found
