"""Kernel calls as the loops that their rows say they stand for."""

from __future__ import annotations

from xdsl.dialects.builtin import MemRefType, ModuleOp, TensorType
from xdsl.ir import Attribute, SSAValue

from nnc.dialects.kernel.call import CallOp
from nnc.dialects.kernel.nest import NestOp
from nnc.dialects.nn.loops import LoopBuilder
from nnc.runtime.registry import kernel


def expand_calls(module: ModuleOp) -> None:
    """Replaces every call of a module that is not planned yet by a nest of loops."""
    for call in [op for op in module.walk() if isinstance(op, CallOp)]:
        nest = NestOp(call.kind.data, call.inputs, call.outputs)
        nest.location = call.location
        nest.properties |= {
            name: value
            for name, value in call.properties.items()
            if name in ("tensors", "in_place")
        }
        block = call.parent_block()
        assert block is not None
        block.insert_op_before(nest, call)
        types = [[_tensor(value) for value in values] for values in (call.inputs, call.outputs)]
        kernel(call.callee.data).expand(call, LoopBuilder(nest, *types))
        nest.drop_unused()
        scratch = [value.owner for value in call.scratch]
        for op in (call, *scratch):
            assert not isinstance(op, type(block))
            op.detach()
            op.erase()


def _tensor(buffer: SSAValue) -> Attribute:
    assert isinstance(buffer.type, MemRefType)
    return TensorType(buffer.type.element_type, buffer.type.get_shape())
