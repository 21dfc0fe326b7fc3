"""Rewrites of operators that give a tensor another shape or order."""

from __future__ import annotations

from xdsl.ir import SSAValue

from nnc.dialects.tfl import movement as source
from nnc.dialects.types import shape_of, tensor_type
from nnc.passes.nn_builder import UnsupportedError
from nnc.passes.tfl.lowering import Lowering, rewrite


@rewrite(source.ReshapeOp)
def _reshape(op: source.ReshapeOp, to: Lowering) -> SSAValue:
    input, shape = to.value(op.input), to.optional(op.shape)
    if shape is not None:
        wanted = to.known_ints(shape, "the shape")
    elif op.new_shape.get_values():
        wanted = list(op.new_shape.get_values())
    else:
        wanted = list(tensor_type(op.output).get_shape())
    count = 1
    for extent in shape_of(input):
        count *= extent
    open_axes = [axis for axis, extent in enumerate(wanted) if extent == -1]
    known = 1
    for extent in wanted:
        known *= 1 if extent == -1 else extent
    if len(open_axes) > 1 or known < 1 or count % known:
        raise UnsupportedError(f"expected a shape of {count} elements, got {wanted}")
    for axis in open_axes:
        wanted[axis] = count // known
    result = to.result(op.output, wanted)
    if count != known * (count // known if open_axes else 1):
        raise UnsupportedError(f"expected a shape of {count} elements, got {wanted}")
    return to.reshape(to.stored_as(input, result.element_type), wanted)
