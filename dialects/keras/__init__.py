"""
The `keras` dialect: a Keras model as its file has it, one operation per layer.

Operations are named after the classes of layers (Conv2D is `keras.conv2d`), their properties after
the layers' settings; nothing is interpreted. Images keep their order of axes, activations are still
arguments of layers, weights have Keras' layout. What a layer is called is the location of its
operation.
"""

from __future__ import annotations

from xdsl.ir import Dialect, Operation

from nnc.dialects.keras import (
    activation,
    attention,
    convolution,
    dense,
    identity,
    merging,
    normalization,
    pooling,
    preprocessing,
    recurrent,
    reshaping,
    structure,
    wrapping,
)

FAMILIES = (
    activation,
    attention,
    convolution,
    dense,
    identity,
    merging,
    normalization,
    pooling,
    preprocessing,
    recurrent,
    reshaping,
    structure,
    wrapping,
)


def _operations() -> list[type[Operation]]:
    """The operations that the modules of all families define."""
    return [
        value
        for family in FAMILIES
        for value in vars(family).values()
        if isinstance(value, type)
        and issubclass(value, Operation)
        and value.__module__ == family.__name__
        and getattr(value, "name", "").startswith("keras.")
    ]


Keras = Dialect("keras", _operations())
