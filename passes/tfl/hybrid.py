"""
Hybrid layers: float activations, integer weights.

TFLite quantises the activations at run time, so the layer becomes `nn.dynamic_quantize` and a
dynamic layer. Which of its kernels runs, and with it the arithmetic, depends on the weights.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from xdsl.dialects.builtin import StringAttr, TensorType, UnitAttr, f32, i8, i32
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn.dynamic import DynamicOp, DynamicQuantizeOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError, flag
from nnc.passes.tfl.activation import activated
from nnc.passes.tfl.lowering import Lowering, is_float


def is_hybrid(input: SSAValue, weights: SSAValue) -> bool:
    """Whether a layer has float activations and integer weights."""
    return is_float(input) and not is_float(weights)


def same_scales(weights: SSAValue) -> bool:
    """Whether one scale serves all output channels, however the file says it."""
    kind = element_of(weights)
    return isinstance(kind, UniformQuantizedType) and len(np.unique(kind.scales)) == 1


def hybrid_layer(
    to: Lowering,
    kind: type[DynamicOp],
    input: SSAValue,
    weights: SSAValue,
    bias: SSAValue | None,
    result: TensorType[Attribute],
    activation: StringAttr,
    properties: Mapping[str, Attribute],
    *,
    asymmetric: bool,
    weight_scale_first: bool = False,
) -> SSAValue:
    """
    The ops of a hybrid layer with its fused activation; rows along the first axis of the input are
    quantised each by itself.
    """
    element = element_of(weights)
    if not isinstance(element, UniformQuantizedType) or not element.is_signed:
        raise UnsupportedError(
            f"expected weights quantised to int8 or int4 beside float activations, got {element}",
            "a model converted by a current TFLite converter has them",
        )
    if bias is not None and not is_float(bias):
        raise UnsupportedError(f"expected a float32 bias, got {element_of(bias)}")
    codes, scale, zero_point = dynamic_quantize(to, input, asymmetric=asymmetric)
    operands = [codes, weights, bias, scale, zero_point]
    return activated(
        to,
        activation,
        result,
        lambda bounds: to.op(
            kind,
            operands,
            result,
            weight_scale_first=flag(weight_scale_first),
            **bounds,
            **properties,
        ),
    )


def dynamic_quantize(
    to: Lowering, input: SSAValue, *, asymmetric: bool
) -> tuple[SSAValue, SSAValue, SSAValue]:
    """The input as int8 in its own shape, and for each index of its first axis scale and zero."""
    shape = shape_of(input)
    depth = int(np.prod(shape[1:], dtype=np.int64))
    matrix = to.reshape(input, [shape[0], depth])
    kinds = (
        TensorType(i8, [shape[0], depth]),
        TensorType(f32, shape[:1]),
        TensorType(i32, shape[:1]),
    )
    properties = {} if not asymmetric else {"asymmetric": UnitAttr()}
    op = DynamicQuantizeOp.build(operands=[matrix], properties=properties, result_types=kinds)
    codes, scale, zero_point = to.insert(op).results
    return to.reshape(codes, shape), scale, zero_point
