"""
Kernel calls as the loops that they stand for.

The row of every kernel states what a call computes as a loop nest, from the call's own operands and
parameters. Replacing calls by these nests shows whether a kernel, its packing and its row agree,
and makes a network independent of the runtime again.
"""

from __future__ import annotations

from xdsl.context import Context
from xdsl.dialects import memref
from xdsl.dialects.builtin import MemRefType, ModuleOp, TensorType
from xdsl.ir import Attribute, SSAValue
from xdsl.passes import ModulePass

from nnc.dialects.kernel.call import CallOp
from nnc.dialects.kernel.nest import NestOp
from nnc.dialects.nn.loops import LoopBuilder
from nnc.runtime.registry import kernel

_KEPT = ("in_place", "macs", "tensors")


class ExpandKernelsPass(ModulePass):
    """
    Replaces every `kernel.call` by the `kernel.nest` of its kernel. The nest needs no scratch;
    buffers that were only that are removed.
    """

    name = "expand-kernels"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for call in [found for found in op.walk() if isinstance(found, CallOp)]:
            _expand(call)


def _expand(call: CallOp) -> None:
    nest = NestOp(call.kind.data, call.inputs, call.outputs)
    nest.location = call.location
    nest.properties |= {name: call.properties[name] for name in _KEPT if name in call.properties}
    block = call.parent_block()
    assert block is not None
    block.insert_op_before(nest, call)
    inputs, outputs = (list(map(_tensor, values)) for values in (call.inputs, call.outputs))
    kernel(call.callee.data).expand(call, LoopBuilder(nest, inputs, outputs))
    nest.drop_unused()
    scratch = list(call.scratch)
    block.erase_op(call)
    for buffer in scratch:
        if isinstance(buffer.owner, memref.AllocOp) and buffer.first_use is None:
            block.erase_op(buffer.owner)


def _tensor(buffer: SSAValue) -> Attribute:
    assert isinstance(buffer.type, MemRefType)
    return TensorType(buffer.type.element_type, buffer.type.get_shape())
