"""A layer as a call of one C function: CMSIS-NN's, ours or a user's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from xdsl.dialects.builtin import (
    I64,
    DenseArrayBase,
    DictionaryAttr,
    FloatAttr,
    IntegerAttr,
    StringAttr,
    f64,
    i64,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import irdl_op_definition, prop_def
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from nnc.dialects.kernel.operation import KernelOp

Parameter = int | float | tuple[int, ...]


@irdl_op_definition
class CallOp(KernelOp):
    """
    Runs the C function `callee` of a registered kernel on buffers.

    `parameters` are the numbers that the kernel's row turns into the function's arguments; with the
    buffers they say all that the call computes, so that the row can expand it to loops. `kind` is
    the `nn` op that it stands for.

    ```mlir
    kernel.call "arm_max_pool_s8" for "max_pool2d" ins(%x) outs(%y) scratch()
      {kernel = array<i64: 2, 2>} : (memref<1x8x8x4xi8>) -> (memref<1x4x4x4xi8>), ()
    ```
    """

    name = "kernel.call"

    callee = prop_def(StringAttr)
    kind = prop_def(StringAttr)
    parameters = prop_def(DictionaryAttr)

    assembly_format = (
        "$callee `for` $kind `ins` `(` $inputs `)` `outs` `(` $outputs `)` `scratch` `(` $scratch "
        "`)` $parameters attr-dict `:` `(` type($inputs) `)` `->` `(` type($outputs) `)` `,` "
        "`(` type($scratch) `)`"
    )

    PARAMETER_KINDS: ClassVar = (IntegerAttr, FloatAttr, DenseArrayBase)

    def __init__(
        self,
        callee: str,
        kind: str,
        inputs: Sequence[SSAValue],
        outputs: Sequence[SSAValue],
        scratch: Sequence[SSAValue],
        parameters: dict[str, Parameter],
    ):
        super().__init__(
            operands=[inputs, outputs, scratch],
            properties={
                "callee": StringAttr(callee),
                "kind": StringAttr(kind),
                "parameters": DictionaryAttr({k: _attribute(v) for k, v in parameters.items()}),
            },
        )

    @property
    def title(self) -> str:
        return self.kind.data

    def number(self, name: str) -> int:
        """An integer parameter."""
        value = self.parameters.data[name]
        assert isinstance(value, IntegerAttr), f"{name} is not an integer"
        return value.value.data

    def real(self, name: str) -> float:
        """A real parameter."""
        value = self.parameters.data[name]
        assert isinstance(value, FloatAttr), f"{name} is not a float"
        return value.value.data

    def numbers(self, name: str) -> tuple[int, ...]:
        """A parameter of several integers."""
        value = self.parameters.data[name]
        assert isa(value, DenseArrayBase[I64]), f"{name} is not an array of integers"
        return tuple(value.get_values())

    def verify_(self) -> None:
        super().verify_()
        for name, value in self.parameters.data.items():
            if not isinstance(value, self.PARAMETER_KINDS):
                raise VerifyException(f"expected {name} to be a number or numbers, got {value}")


def _attribute(value: Parameter) -> Attribute:
    if isinstance(value, tuple):
        return DenseArrayBase.from_list(i64, list(value))
    if isinstance(value, float):
        return FloatAttr(value, f64)
    return IntegerAttr(value, i64)
