"""What the integer LSTM needs beside the float one: its types, and a quirk of its kernel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase, NoneType, TensorType, f32
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.nn.lstm import GATES
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.tfl import recurrent as source
from nnc.dialects.types import element_of, shape_of
from nnc.passes.nn_builder import UnsupportedError, integer
from nnc.passes.tfl.lowering import Lowering, quantized

Op = source.UnidirectionalSequenceLstmOp | source.LstmOp

_PRODUCT = 4
"""The number of the intermediate result that is the output gate times the activated cell."""


def integer_properties(
    op: Op,
    to: Lowering,
    gates: Sequence[str],
    operands: tuple[SSAValue, SSAValue, SSAValue],
    result: TensorType[Attribute],
) -> dict[str, Attribute | None]:
    """
    The properties of `nn.integer_lstm`, given its input, hidden and cell state. Raises
    `UnsupportedError` for types that the reference kernel does not take.
    """
    if to.micro:
        raise UnsupportedError(
            "the arithmetic of TFLite Micro's integer LSTM is not supported",
            "--numerics tflite gives that of TFLite",
        )
    described = 0 if op.intermediates is None else len(op.intermediates)
    if described != _PRODUCT + 1:
        raise UnsupportedError(
            f"expected {_PRODUCT + 1} intermediate results of an integer LSTM, got {described}",
            "the LSTM with 16-bit gates, which current converters write, works",
        )
    input, hidden, cell = operands
    quantized(input, 8)
    held, cells = quantized(hidden, 8), quantized(cell, 16)
    target = result.element_type
    if not isinstance(target, UniformQuantizedType) or target.storage != held.storage:
        raise UnsupportedError(f"expected a result quantised to int8, got {target}")
    mantissa, exponent = np.frexp(cells.scale)
    if mantissa != 0.5 or not -15 <= exponent - 1 <= -9:
        raise UnsupportedError(f"expected a cell state scaled by 2^-15 to 2^-9, got {cells.scale}")
    product = _intermediate(op, _PRODUCT)
    point = product.zero_point
    if not isinstance(op.projection_weights.type, NoneType):
        # The kernel subtracts this zero point where it should add it, and adds it back later.
        point = -point
    scales = None
    if not isinstance(op.forget_layer_norm_coefficients.type, NoneType):
        found = [_intermediate(op, GATES.index(gate)).scale for gate in gates]
        scales = DenseArrayBase.from_list(f32, found)
    return {
        "product_type": UniformQuantizedType.per_tensor(held.storage, product.scale, point),
        "gate_scales": scales,
        "cell_clip": _stored_clip(op.cell_clip.value.data, cells, 16),
        "projection_clip": _stored_clip(op.proj_clip.value.data, target, 8),
    }


def _intermediate(op: Op, number: int) -> UniformQuantizedType:
    """The type of one of the intermediate results that the file describes."""
    kinds = op.intermediates
    kind = kinds.data[number] if kinds is not None and len(kinds.data) > number else None
    element = element_of(kind) if kind is not None else None
    if not isinstance(element, UniformQuantizedType) or element.axis is not None:
        raise UnsupportedError(
            f"expected the quantisation of intermediate result {number}, which the integer kernel "
            "needs",
            "a current converter writes it",
        )
    return element


def _stored_clip(bound: float, kind: UniformQuantizedType, bits: int) -> Attribute | None:
    """A clip in stored units, as the kernel truncates it; none where it is 0."""
    if bound <= 0:
        return None
    largest = (1 << (bits - 1)) - 1
    stored = min(int(np.float32(bound) / np.float32(kind.scale)), largest)
    return integer(stored) if stored > 0 else None


def integer_peephole(to: Lowering, weights: SSAValue, outputs: int, batches: int) -> SSAValue:
    """
    Peephole weights [gates, units] as the integer kernel uses them. It takes the number of outputs
    for that of units, so that only the first of these see the cell; with several batches at once it
    would mix them up.
    """
    units = shape_of(weights)[1]
    if units == outputs:
        return weights
    if outputs > units or batches > 1:
        raise UnsupportedError(
            f"peepholes of {units} units with a projection to {outputs} outputs are undefined in "
            "the reference kernel",
            "as many outputs as units work",
        )
    to.remark(
        "only the first units have working peepholes, one for each output, as in the reference "
        "kernel"
    )
    values = np.array(to.known(weights, "peephole weights"))
    values[:, outputs:] = 0
    return to.constant(values, element_of(weights))
