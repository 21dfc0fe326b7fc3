"""Rewrites of layers with a state."""

from __future__ import annotations

from collections.abc import Mapping

from xdsl.dialects.builtin import StringAttr, TensorType, f32, i32
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.recurrent import DynamicSvdfOp, SvdfOp
from nnc.dialects.nn.rnn import DynamicRnnOp, RnnOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl import recurrent as source
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError, flag, integer, make
from nnc.passes.tfl.activation import activated
from nnc.passes.tfl.convolution import without_zero_points
from nnc.passes.tfl.hybrid import dynamic_quantize, is_hybrid
from nnc.passes.tfl.lowering import Lowering, is_float, quantized, rewrite
from nnc.passes.tfl.variables import state, update


@rewrite(source.SvdfOp)
def _svdf(op: source.SvdfOp, to: Lowering) -> SSAValue:
    input, feature, time = (
        to.value(value) for value in (op.input, op.feature_weights, op.time_weights)
    )
    bias, held = to.optional(op.bias), state(to, op.state).value
    rank = op.rank.value.data
    batch, filters = shape_of(input)[0], shape_of(feature)[0]
    if rank < 1 or filters % rank:
        raise UnsupportedError(f"expected a rank that divides {filters} filters, got {rank}")
    result = to.result(op.output, [batch, filters // rank])
    operands: list[SSAValue | None] = [input, feature, time, bias, held]
    kind: type[NnOp] = SvdfOp
    if is_hybrid(input, feature):
        asymmetric = bool(op.asymmetric_quantize_inputs.value.data)
        codes, *found = dynamic_quantize(to, input, asymmetric=asymmetric)
        weights = [symmetric(to, value, 8) for value in (feature, time)]
        operands, kind = [codes, *weights, bias, held, *found], DynamicSvdfOp
    elif not is_float(input):
        _integer_svdf(op, to, operands, result)
    if is_float(input) and element_of(held) != f32:
        raise UnsupportedError(f"expected a float32 state, got {element_of(held)}")

    def build(bounds: dict[str, Attribute]) -> SSAValue:
        properties = {"rank": integer(rank), **bounds}
        layer = make(kind, operands, result, held.type, **properties)
        value, following = to.insert(layer).results
        update(to, op.state, following)
        return value

    if not is_float(input):
        return build({})
    return activated(to, op.fused_activation_function, result, build)


def _integer_svdf(
    op: source.SvdfOp, to: Lowering, operands: list[SSAValue | None], result: Attribute
) -> None:
    """Checks the types of an integer SVDF, and makes its bias plain integers."""
    input, feature, time, bias, held = operands
    assert input is not None and feature is not None and time is not None and held is not None
    if op.fused_activation_function.data != "RELU":
        raise UnsupportedError(
            f"expected an integer SVDF with RELU, got {op.fused_activation_function.data}",
            "the converter gives it RELU, which the kernels check but do not apply",
        )
    # TFLite Micro has an 8-bit state beside the 16-bit one.
    inner = (8, 16) if to.micro else (16,)
    quantized(input, 8)
    width = quantized(held, *inner).storage.width.data
    quantized(time, width)
    operands[1] = symmetric(to, feature, 8)
    target = element_of(result)
    if not isinstance(target, UniformQuantizedType) or target.storage.width.data != 8:
        raise UnsupportedError(f"expected a result quantised to int8, got {target}")
    if bias is None:
        return
    operands[3] = to.stored(bias)
    if element_of(to.stored(bias)) != i32:
        raise UnsupportedError(f"expected an int32 bias, got {element_of(bias)}")


@rewrite(source.RnnOp)
def _rnn(op: source.RnnOp, to: Lowering) -> SSAValue:
    return _recurrent(op, to, time_major=True)


@rewrite(source.UnidirectionalSequenceRnnOp)
def _sequence_rnn(op: source.UnidirectionalSequenceRnnOp, to: Lowering) -> SSAValue:
    return _recurrent(op, to, time_major=bool(op.time_major.value.data))


def _recurrent(
    op: source.RnnOp | source.UnidirectionalSequenceRnnOp, to: Lowering, *, time_major: bool
) -> SSAValue:
    input, weights, recurrent, bias = (
        to.value(value) for value in (op.input, op.input_weights, op.recurrent_weights, op.bias)
    )
    hidden = state(to, op.hidden_state).value
    activation = ACTIVATIONS.get(op.fused_activation_function.data)
    if activation is None:
        name = op.fused_activation_function.data
        raise UnsupportedError(f"the activation {name} is not supported", "TANH is")
    if not all(map(is_float, (input, bias, hidden))):
        raise UnsupportedError(
            "expected a recurrent layer of float32 activations", "an integer LSTM works"
        )
    properties: dict[str, Attribute | None] = {}
    kind: type[NnOp] = RnnOp
    if is_hybrid(input, weights):
        weights, recurrent = (symmetric(to, value, 8) for value in (weights, recurrent))
        kind = DynamicRnnOp
        properties["asymmetric"] = flag(bool(op.asymmetric_quantize_inputs.value.data))
    shape = list(shape_of(input))
    result = to.result(op.output, [*shape[:-1], shape_of(weights)[0]])
    if len(shape) == 2:
        shape.insert(0, 1)
    layer = make(
        kind,
        [to.reshape(input, shape), weights, recurrent, bias, hidden],
        TensorType(f32, [*shape[:-1], shape_of(weights)[0]]),
        hidden.type,
        activation=StringAttr(activation),
        time_major=flag(time_major),
        **properties,
    )
    output, following = to.insert(layer).results
    update(to, op.hidden_state, following)
    return to.reshape(output, result.get_shape())


ACTIVATIONS: Mapping[str, str] = {
    "NONE": "identity",
    "RELU": "relu",
    "RELU6": "relu6",
    "RELU_N1_TO_1": "relu_n1_to_1",
    "TANH": "tanh",
}
"""Activations by their name in recurrent `nn` ops."""


def symmetric(to: Lowering, weights: SSAValue, *widths: int) -> SSAValue:
    """Weights with one scale, without the zero point that the kernels do not read."""
    kind = quantized(weights, *widths)
    if not kind.is_signed:
        raise UnsupportedError(f"expected signed weights, got {kind.storage}")
    if not kind.zero_point:
        return weights
    to.remark("zero points of int8 weights are ignored, as in the reference kernels")
    return to.stored_as(weights, without_zero_points(kind))
