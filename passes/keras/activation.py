"""
Activations, as layers and as arguments of layers.

Source of the formulas: `keras/src/activations/activations.py`, and for Keras 2 `activations.py` of
`tf_keras`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.dialects.builtin import StringAttr, TensorType, i1
from xdsl.ir import SSAValue

from nnc.dialects.keras import activation as source
from nnc.dialects.keras.base import axes_of
from nnc.dialects.nn import functions
from nnc.dialects.nn.arithmetic import AddOp, MulOp, SubOp
from nnc.dialects.nn.binary import DivOp, PreluOp
from nnc.dialects.nn.logic import GreaterEqualOp, GreaterOp, SelectOp
from nnc.dialects.nn.normalization import LogSoftmaxOp
from nnc.dialects.nn.softmax import SoftmaxOp
from nnc.dialects.types import shape_of
from nnc.passes.keras.lowering import Lowering, floats, rewrite
from nnc.passes.nn_builder import UnsupportedError, flag, real

Function = Callable[[Lowering, SSAValue], SSAValue]

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def activate(to: Lowering, value: SSAValue, activation: StringAttr | str) -> SSAValue:
    """The function of that name. Raises UnsupportedError for one that Keras does not have."""
    name = activation if isinstance(activation, str) else activation.data
    function = FUNCTIONS.get(name)
    if function is None:
        raise UnsupportedError(
            f"the activation '{name}' is not supported", f"{', '.join(sorted(FUNCTIONS))} are"
        )
    return function(to, value)


def softmax(to: Lowering, value: SSAValue, axes: Sequence[int] = (-1,)) -> SSAValue:
    """Softmax over some axes together."""
    rank = len(shape_of(value))
    summed = axes_of(axes, rank)
    kept = [axis for axis in range(rank) if axis not in summed]
    order = [*kept, *summed]
    moved = to.transpose(value, order)
    shape = shape_of(moved)
    count = 1
    for size in shape[len(kept) :]:
        count *= size
    rows = to.reshape(moved, [*shape[: len(kept)], count])
    result = to.reshape(to.unary(SoftmaxOp, rows, beta=real(1.0)), shape)
    return to.transpose(result, [order.index(axis) for axis in range(rank)])


def softplus(to: Lowering, x: SSAValue) -> SSAValue:
    """`log(1 + exp(x))`, without overflow."""
    magnitude = to.unary(functions.AbsOp, x)
    small = to.unary(functions.ExpOp, to.unary(functions.NegOp, magnitude))
    tail = to.unary(functions.LogOp, to.binary(AddOp, small, 1.0))
    return to.binary(AddOp, to.clamp(x, 0.0, None), tail)


def select(to: Lowering, condition: SSAValue, x: SSAValue, y: SSAValue) -> SSAValue:
    """The elements of `x` where the condition holds, else those of `y`."""
    return to.op(SelectOp, [condition, x, y], floats(shape_of(condition)))


def _compared(
    to: Lowering, kind: type[GreaterOp | GreaterEqualOp], x: SSAValue, limit: float
) -> SSAValue:
    return to.op(kind, [x, to.number(limit)], TensorType(i1, shape_of(x)))


def _zeros(to: Lowering, x: SSAValue) -> SSAValue:
    return to.full(floats(shape_of(x)), 0.0)


def _hard_sigmoid(to: Lowering, x: SSAValue) -> SSAValue:
    """Keras 2 and Keras 3 have different slopes."""
    if to.version == 2:
        return to.clamp(to.binary(AddOp, to.binary(MulOp, x, 0.2), 0.5), 0.0, 1.0)
    return to.binary(DivOp, to.clamp(to.binary(AddOp, x, 3.0), 0.0, 6.0), 6.0)


def _mish(to: Lowering, x: SSAValue) -> SSAValue:
    return to.binary(MulOp, x, to.unary(functions.TanhOp, softplus(to, x)))


def _silu(to: Lowering, x: SSAValue) -> SSAValue:
    return to.binary(MulOp, x, to.unary(functions.LogisticOp, x))


def _softsign(to: Lowering, x: SSAValue) -> SSAValue:
    return to.binary(DivOp, x, to.binary(AddOp, to.unary(functions.AbsOp, x), 1.0))


def _selu(to: Lowering, x: SSAValue) -> SSAValue:
    curve = to.unary(functions.EluOp, x, alpha=real(_SELU_ALPHA))
    return to.binary(MulOp, curve, _SELU_SCALE)


def _hard_shrink(to: Lowering, x: SSAValue) -> SSAValue:
    far = _compared(to, GreaterOp, to.unary(functions.AbsOp, x), 0.5)
    return select(to, far, x, _zeros(to, x))


def _soft_shrink(to: Lowering, x: SSAValue) -> SSAValue:
    return to.binary(SubOp, x, to.clamp(x, -0.5, 0.5))


def _sparse_plus(to: Lowering, x: SSAValue) -> SSAValue:
    """0 below -1, `x` above 1, `(x + 1)^2 / 4` between."""
    inside = to.binary(AddOp, to.clamp(x, -1.0, 1.0), 1.0)
    curve = to.binary(MulOp, to.binary(MulOp, inside, inside), 0.25)
    return to.binary(AddOp, curve, to.clamp(to.binary(SubOp, x, 1.0), 0.0, None))


def _squareplus(to: Lowering, x: SSAValue) -> SSAValue:
    root = to.unary(functions.SqrtOp, to.binary(AddOp, to.binary(MulOp, x, x), 4.0))
    return to.binary(MulOp, to.binary(AddOp, x, root), 0.5)


def _sparse_sigmoid(to: Lowering, x: SSAValue) -> SSAValue:
    return to.clamp(to.binary(MulOp, to.binary(AddOp, x, 1.0), 0.5), 0.0, 1.0)


FUNCTIONS: dict[str, Function] = {
    "linear": lambda to, x: x,
    "relu": lambda to, x: to.clamp(x, 0.0, None),
    "relu6": lambda to, x: to.clamp(x, 0.0, 6.0),
    "leaky_relu": lambda to, x: to.unary(functions.LeakyReluOp, x, alpha=real(0.2)),
    "elu": lambda to, x: to.unary(functions.EluOp, x),
    "celu": lambda to, x: to.unary(functions.EluOp, x),
    "selu": _selu,
    "exponential": lambda to, x: to.unary(functions.ExpOp, x),
    "sigmoid": lambda to, x: to.unary(functions.LogisticOp, x),
    "log_sigmoid": lambda to, x: to.unary(
        functions.NegOp, softplus(to, to.unary(functions.NegOp, x))
    ),
    "hard_sigmoid": _hard_sigmoid,
    "tanh": lambda to, x: to.unary(functions.TanhOp, x),
    "tanh_shrink": lambda to, x: to.binary(SubOp, x, to.unary(functions.TanhOp, x)),
    "hard_tanh": lambda to, x: to.clamp(x, -1.0, 1.0),
    "softplus": softplus,
    "softsign": _softsign,
    "softmax": softmax,
    "log_softmax": lambda to, x: to.unary(LogSoftmaxOp, x),
    "silu": _silu,
    "swish": _silu,
    "hard_silu": lambda to, x: to.unary(functions.HardSwishOp, x),
    "hard_swish": lambda to, x: to.unary(functions.HardSwishOp, x),
    "gelu": lambda to, x: to.unary(functions.GeluOp, x, approximate=flag(False)),
    "mish": _mish,
    "hard_shrink": _hard_shrink,
    "soft_shrink": _soft_shrink,
    "sparse_plus": _sparse_plus,
    "squareplus": _squareplus,
    "sparse_sigmoid": _sparse_sigmoid,
}
"""The activations by the names that Keras has for them."""


@rewrite(source.ActivationOp)
def _activation(op: source.ActivationOp, to: Lowering) -> SSAValue:
    return activate(to, to.value(op.input), op.activation)


@rewrite(source.ReLUOp)
def _relu(op: source.ReLUOp, to: Lowering) -> SSAValue:
    slope, threshold = op.negative_slope.value.data, op.threshold.value.data
    most = None if op.max_value is None else op.max_value.value.data
    x = to.value(op.input)
    if threshold == 0.0 and slope == 0.0:
        return to.clamp(x, 0.0, most)
    kept = x if most is None else to.clamp(x, None, most)
    if threshold == 0.0 and most is None:
        return to.unary(functions.LeakyReluOp, x, alpha=real(slope))
    below = to.binary(MulOp, to.binary(SubOp, x, threshold), slope)
    return select(to, _compared(to, GreaterEqualOp, x, threshold), kept, below)


@rewrite(source.LeakyReLUOp)
def _leaky_relu(op: source.LeakyReLUOp, to: Lowering) -> SSAValue:
    return to.unary(functions.LeakyReluOp, to.value(op.input), alpha=real(op.slope))


@rewrite(source.ELUOp)
def _elu(op: source.ELUOp, to: Lowering) -> SSAValue:
    return to.unary(functions.EluOp, to.value(op.input), alpha=real(op.alpha.value.data))


@rewrite(source.ThresholdedReLUOp)
def _thresholded(op: source.ThresholdedReLUOp, to: Lowering) -> SSAValue:
    x = to.value(op.input)
    above = _compared(to, GreaterOp, x, op.theta.value.data)
    return select(to, above, x, _zeros(to, x))


@rewrite(source.PReLUOp)
def _prelu(op: source.PReLUOp, to: Lowering) -> SSAValue:
    return to.binary(PreluOp, to.value(op.input), to.number(to.needed(op, "alpha")[None]))


@rewrite(source.SoftmaxOp)
def _softmax(op: source.SoftmaxOp, to: Lowering) -> SSAValue:
    return softmax(to, to.value(op.input), op.axis.get_values())
