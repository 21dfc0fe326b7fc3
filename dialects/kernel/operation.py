"""What every layer of the kernel level is, loop nest or call: a reader and writer of buffers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from xdsl.dialects.builtin import (
    I64,
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
from xdsl.utils.exceptions import VerifyException


class KernelOp(IRDLOperation, ABC):
    """
    Destination-passing: reads `inputs`, writes every element of `outputs`, and may write and read
    `scratch`.

    - `overlap` holds triples (input, output, distance): the output may share memory with the input
      as long as it starts `distance` bytes or more before it; `same_place` pairs (input, output)
      that may be at exactly the same place. `in_place` says that one does share memory.
    - `macs` counts the multiply-accumulate operations of the layer, absent where it has none.
    - `declined` says for each kernel that could not run the layer why.
    - `tensors` are the tensor types of the outputs, for those who look at them from outside.
    """

    inputs = var_operand_def(MemRefType)
    outputs = var_operand_def(MemRefType)
    scratch = var_operand_def(MemRefType)
    overlap = opt_prop_def(DenseArrayBase.constr(i64))
    same_place = opt_prop_def(DenseArrayBase.constr(i64))
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

    @property
    def same_places(self) -> list[tuple[int, int]]:
        """(input, output) for each output that may be exactly where an input is."""
        if self.same_place is None:
            return []
        numbers = [int(number) for number in self.same_place.get_values()]
        return list(zip(numbers[::2], numbers[1::2], strict=True))

    def verify_(self) -> None:
        self._verify_numbers("overlap", 3, self.overlap)
        self._verify_numbers("same_place", 2, self.same_place)

    def _verify_numbers(self, name: str, size: int, given: DenseArrayBase[I64] | None) -> None:
        """Groups of numbers that start with those of an input and an output."""
        flat = [] if given is None else list(given.get_values())
        if len(flat) % size:
            raise VerifyException(f"expected {name} in groups of {size}, got {len(flat)} numbers")
        for source, target in zip(flat[::size], flat[1::size], strict=True):
            if not (0 <= source < len(self.inputs) and 0 <= target < len(self.outputs)):
                raise VerifyException(
                    f"expected {name} of {len(self.inputs)} inputs and {len(self.outputs)} "
                    f"outputs, got input {source} and output {target}"
                )

    def set_overlaps(self, overlaps: Sequence[tuple[int, int, int]]) -> None:
        """Sets `overlap`, absent where there is none."""
        self._set_numbers("overlap", [number for triple in overlaps for number in triple])

    def set_same_places(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Sets `same_place`, absent where there is none."""
        self._set_numbers("same_place", [number for pair in pairs for number in pair])

    def _set_numbers(self, name: str, numbers: Sequence[int]) -> None:
        self.properties.pop(name, None)
        if numbers:
            self.properties[name] = DenseArrayBase.from_list(i64, numbers)
