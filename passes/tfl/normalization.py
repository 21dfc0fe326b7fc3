"""Rewrites of softmax and of other functions of whole vectors."""

from __future__ import annotations

from xdsl.dialects.builtin import (
    f32,
)
from xdsl.ir import SSAValue

from nnc.dialects.nn.normalization import (
    L2NormalizationOp,
    LocalResponseNormalizationOp,
    LogSoftmaxOp,
)
from nnc.dialects.nn.softmax import SoftmaxOp
from nnc.dialects.quant import UniformQuantizedType, print_float32
from nnc.dialects.tfl import unary as source
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError, integer, real
from nnc.passes.tfl.functions import same_type
from nnc.passes.tfl.lowering import (
    Lowering,
    check_type,
    is_quantized,
    quantized,
    rewrite,
)


@rewrite(source.SoftmaxOp)
def _softmax(op: source.SoftmaxOp, to: Lowering) -> SSAValue:
    input = to.value(op.input)
    result = to.like(op.output, input)
    if not is_quantized(input):
        check_type(element_of(input), f32)
        check_type(result.element_type, f32)
        return to.op(SoftmaxOp, [input], result, beta=op.beta)
    given, target = quantized(input, 8, 16), result.element_type
    if not isinstance(target, UniformQuantizedType):
        raise UnsupportedError(f"expected a quantised result, got {target}")
    width = target.storage.width.data
    smallest = 0 if given.storage.width.data == 16 else target.storage_min
    exponent = -15 if given.storage.width.data == 16 else -width
    if (target.scale, target.zero_point) != (2.0**exponent, smallest):
        raise UnsupportedError(
            f"expected a result of scale 2^{exponent} and zero point {smallest}, "
            f"got {print_float32(target.scale)} and {target.zero_point}"
        )
    if given.storage.width.data == 8 and shape_of(input)[-1] >= 512:
        to.remark("rows whose exponentials add up to 512 stop the reference kernels; defined here")
    return to.op(SoftmaxOp, [input], result, beta=op.beta)


@rewrite(source.LogSoftmaxOp)
def _log_softmax(op: source.LogSoftmaxOp, to: Lowering) -> SSAValue:
    input, result = same_type(op, to, (f32,), 8)
    target = result.element_type
    if isinstance(target, UniformQuantizedType) and (
        not target.is_signed or (target.scale, target.zero_point) != (1 / 16, 127)
    ):
        raise UnsupportedError("expected an int8 result of scale 1/16 and zero point 127")
    return to.op(LogSoftmaxOp, [input], result)


@rewrite(source.L2NormalizationOp)
def _l2_normalization(op: source.L2NormalizationOp, to: Lowering) -> SSAValue:
    input, result = same_type(op, to, (f32,), 8)
    target = result.element_type
    if op.fused_activation_function.data != "NONE":
        raise UnsupportedError("a fused activation is not supported", "NONE is")
    if isinstance(target, UniformQuantizedType):
        middle = 0 if target.is_signed else 128
        if (target.scale, target.zero_point) != (1 / 128, middle):
            raise UnsupportedError(f"expected a result of scale 1/128 and zero point {middle}")
    return to.op(L2NormalizationOp, [input], result, epsilon=real(1e-6))


@rewrite(source.LocalResponseNormalizationOp)
def _local_response_normalization(
    op: source.LocalResponseNormalizationOp, to: Lowering
) -> SSAValue:
    input, result = same_type(op, to, (f32,))
    radius = op.radius.value.data
    return to.op(
        LocalResponseNormalizationOp,
        [input],
        result,
        before=integer(radius),
        # The kernel's window ends before the last neighbour.
        after=integer(radius - 1),
        bias=op.bias,
        alpha=op.alpha,
        beta=op.beta,
    )
