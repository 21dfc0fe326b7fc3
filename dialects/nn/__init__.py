"""
The canonical dialect: a network free of the habits of the format that it came from.

A value is an immutable tensor of static shape, NHWC where it is an image. There is one way to say
each thing, and every static numeric fact is in a type. Each op states its meaning once, from which
both the reference semantics (numpy) and its loop nest follow. What a network remembers is an
argument and a result of its function (`nnc.dialects.nn.states`).
"""

from xdsl.ir import Dialect, Operation

from nnc.dialects.nn import (
    arithmetic,
    binary,
    conversion,
    convolution,
    deconvolution,
    dynamic,
    float_order,
    functions,
    gru,
    library,
    logic,
    lstm,
    lstm_integer,
    matmul,
    movement,
    normalization,
    placement,
    pooling,
    recurrent,
    reduction,
    resize,
    rnn,
    scatter,
    softmax,
    trees,
    vectors,
)
from nnc.dialects.nn.base import RoundingAttr
from nnc.dialects.types import BinType

_FAMILIES = (
    arithmetic,
    binary,
    conversion,
    convolution,
    deconvolution,
    dynamic,
    float_order,
    functions,
    gru,
    library,
    logic,
    lstm,
    lstm_integer,
    matmul,
    movement,
    normalization,
    placement,
    reduction,
    resize,
    rnn,
    pooling,
    recurrent,
    scatter,
    softmax,
    trees,
    vectors,
)


def _operations() -> list[type[Operation]]:
    """The operations that the modules of all families define."""
    return [
        value
        for family in _FAMILIES
        for value in vars(family).values()
        if isinstance(value, type)
        and issubclass(value, Operation)
        and value.__module__ == family.__name__
        and getattr(value, "name", "").startswith("nn.")
    ]


Nn = Dialect("nn", _operations(), [BinType, RoundingAttr])
