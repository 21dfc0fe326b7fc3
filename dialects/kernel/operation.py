"""What every layer of the kernel level is, loop nest or call: a reader and writer of buffers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    IntegerAttr,
    MemRefType,
    StringAttr,
    UnitAttr,
    i64,
)
from xdsl.ir import Attribute
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    ParsePropInAttrDict,
    opt_prop_def,
    var_operand_def,
)


class KernelOp(IRDLOperation, ABC):
    """
    Destination-passing: reads `inputs`, writes every element of `outputs`, and may write and read
    `scratch`.

    - `overlap` holds triples (input, output, distance): the output may share memory with the input
      as long as it starts `distance` bytes or more before it. `in_place` says that one does.
    - `macs` counts the multiply-accumulate operations of the layer, absent where it has none.
    - `declined` says for each kernel that could not run the layer why.
    - `tensors` are the tensor types of the outputs, for those who look at them from outside.
    """

    inputs = var_operand_def(MemRefType)
    outputs = var_operand_def(MemRefType)
    scratch = var_operand_def(MemRefType)
    overlap = opt_prop_def(DenseArrayBase.constr(i64))
    tensors = opt_prop_def(ArrayAttr[Attribute])
    in_place = opt_prop_def(UnitAttr)
    macs = opt_prop_def(IntegerAttr)
    declined = opt_prop_def(ArrayAttr[StringAttr])

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())

    @property
    @abstractmethod
    def title(self) -> str:
        """What the layer does, in a word, for reports and descriptors."""

    @property
    def overlaps(self) -> list[tuple[int, int, int]]:
        """(input, output, distance) for each input that an output may overlap."""
        if self.overlap is None:
            return []
        numbers = [int(number) for number in self.overlap.get_values()]
        return list(zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True))

    def set_overlaps(self, overlaps: Sequence[tuple[int, int, int]]) -> None:
        """Sets `overlap`; nothing where there is none."""
        self.properties.pop("overlap", None)
        if overlaps:
            flat = [number for triple in overlaps for number in triple]
            self.properties["overlap"] = DenseArrayBase.from_list(i64, flat)
