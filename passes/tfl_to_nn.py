"""
From the `tfl` dialect to the canonical one: what TFLite means, said explicitly.

Shapes, paddings and axes become numbers, fused activations become clamps or ops of their own, and
every quantised op says how it rounds. Which arithmetic that is, is the numeric contract: by default
the reference kernels of TFLite, bit for bit. What has no equivalent is reported all at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    FusedLoc,
    LocationAttr,
    ModuleOp,
    NameLoc,
    NoneAttr,
    StringAttr,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.passes import ModulePass

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.conversion import ConstantOp
from nnc.dialects.nn.fixed_point import RangeError
from nnc.dialects.nn.interpreter import layer_names
from nnc.dialects.nn.states import NAME
from nnc.dialects.tfl.base import TflOp
from nnc.frontends.errors import FrontendError, Problem
from nnc.passes.nn_builder import UnsupportedError
from nnc.passes.tfl import REWRITES
from nnc.passes.tfl.lowering import Lowering, Numerics
from nnc.passes.tfl.variables import NOT_REWRITTEN, initialisers

REMARKS = "nn.remarks"


@dataclass(frozen=True)
class TflToNnPass(ModulePass):
    """
    Rewrites every function of `tfl` operations into `nn` ops.

    `numerics` is the contract: `tflite` for the arithmetic of TFLite's reference kernels, `tflm`
    for that of TFLite Micro. Raises `FrontendError` with every operator that is not supported.
    What a user should know of the result is in the function's attribute `nn.remarks`.
    """

    name = "tfl-to-nn"

    numerics: Numerics = "tflite"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        problems: list[Problem] = []
        started = set(initialisers(op))
        functions = [
            entry
            for entry in op.body.block.ops
            if isinstance(entry, FuncOp) and entry not in started
        ]
        converted = [_Function(function, self.numerics, problems) for function in functions]
        if problems:
            raise FrontendError(problems)
        for function in converted:
            function.replace()
        for function in started:
            function.detach()
            function.erase()


class _Function:
    """One function, rebuilt beside the original until all of them are known to be supported."""

    def __init__(self, function: FuncOp, numerics: Numerics, problems: list[Problem]):
        self.function = function
        self.problems = problems
        self.unsupported: set[SSAValue] = set()
        self.block = Block(arg_types=function.body.block.arg_types)
        self.lowering = Lowering(self.block, numerics)
        self._arguments()
        for op in function.body.block.ops:
            self._rewrite(op)

    def _arguments(self) -> None:
        for source, argument in zip(self.function.body.block.args, self.block.args, strict=True):
            argument.name_hint = source.name_hint
            self.lowering.bind(source, argument)

    def _rewrite(self, op: Operation) -> None:
        self.lowering.location = op.location
        if isinstance(op, NOT_REWRITTEN):
            return
        if any(operand in self.unsupported for operand in op.operands):
            # Its operands' shapes are unknown, and they have been reported.
            known = isinstance(op, ReturnOp) or type(op) in REWRITES
            if not known:
                self._report(op, _not_supported())
            self.unsupported.update(op.results)
            return
        try:
            self._append(op)
        except (UnsupportedError, RangeError) as error:
            self._report(op, error)
            self.unsupported.update(op.results)

    def _append(self, op: Operation) -> None:
        lowering = self.lowering
        if isinstance(op, ReturnOp):
            outputs = lowering.values(op.operands)
            lowering.insert(ReturnOp(*outputs, *lowering.variables.values()))
            return
        if isinstance(op, NnOp | ConstantOp):
            # Another pass has been here before, for operations of another dialect.
            self._adopt(op)
            return
        if not isinstance(op, TflOp) or type(op) not in REWRITES:
            raise _not_supported()
        results = REWRITES[type(op)](op, lowering)
        results = [results] if isinstance(results, SSAValue) else list(results)
        for source, result in zip(op.results, results, strict=True):
            result.name_hint = source.name_hint
            lowering.bind(source, result)
        _locate_each(op.location, results)

    def _adopt(self, op: NnOp | ConstantOp) -> None:
        """Takes over an operation that is one of `nn` already."""
        lowering = self.lowering
        values = dict(zip(op.operands, lowering.values(op.operands), strict=True))
        new = lowering.insert(op.clone(value_mapper=values))
        for source, result in zip(op.results, new.results, strict=True):
            lowering.bind(source, result)

    def _report(self, op: Operation, error: UnsupportedError | RangeError) -> None:
        location = op.location
        layer = location.desc.data if isinstance(location, NameLoc) else None
        operator = op.name.removeprefix("tfl.").upper() if isinstance(op, TflOp) else op.name
        if isinstance(error, RangeError):
            error = UnsupportedError(str(error))
        self.problems.append(Problem(error.reason, layer, operator, error.remedy))

    def replace(self) -> None:
        """Puts the new body in place of the old one."""
        function, block = self.function, self.block
        terminator = block.last_op
        assert isinstance(terminator, ReturnOp)
        variables = self.lowering.variables
        self.lowering.drop_unused()
        while variables.drop_unread(terminator):
            self.lowering.drop_unused()
        function.body.detach_block(function.body.block)
        function.detach_region(function.body)
        function.add_region(Region(block))
        function.function_type = FunctionType.from_lists(
            block.arg_types, [operand.type for operand in terminator.operands]
        )
        inputs, outputs = _names(function)
        states = variables.declared
        given = len(block.args) - len(states), len(terminator.operands) - len(states)
        attributes = [state.attributes() for state in states]
        function.arg_attrs = _attributes(inputs, given[0], attributes)
        attributes = [state.next_attributes() for state in states]
        function.res_attrs = _attributes(outputs, given[1], attributes)
        remarks = [*_strings(function.attributes.get(REMARKS)), *self.lowering.remarks]
        if remarks:
            function.attributes[REMARKS] = ArrayAttr([StringAttr(remark) for remark in remarks])


def _locate_each(location: LocationAttr, results: Sequence[SSAValue]) -> None:
    """Gives the op behind each of several results the name of that result."""
    if not isinstance(location, FusedLoc):
        return
    parts = [NameLoc(StringAttr(name), NoneAttr()) for name in layer_names(location)]
    for part, result in zip(parts, results, strict=False):
        owner = result.owner
        if isinstance(owner, NnOp) and len(owner.results) == 1 and owner.location == location:
            owner.location = part


def _not_supported() -> UnsupportedError:
    return UnsupportedError("this operator is not supported", "`nnc ops` lists those that are")


def _names(function: FuncOp) -> tuple[list[str], list[str]]:
    """
    What inputs and outputs are called: by the model's signature where it has one, else as the
    tensors. The attributes that say so are removed.
    """
    signatures = function.attributes.pop("tfl.signatures", None)
    names = [_strings(function.attributes.pop(key, None)) for key in ("tfl.inputs", "tfl.outputs")]
    if isinstance(signatures, ArrayAttr) and len(signatures) == 1:
        (signature,) = signatures
        assert isinstance(signature, DictionaryAttr)
        named = [_strings(signature.data[key]) for key in ("inputs", "outputs")]
        return named[0], named[1]
    return names[0], names[1]


def _strings(attribute: Attribute | None) -> list[str]:
    if not isinstance(attribute, ArrayAttr):
        return []
    return [entry.data for entry in attribute if isinstance(entry, StringAttr)]


def _attributes(
    names: Sequence[str], count: int, states: Sequence[DictionaryAttr]
) -> ArrayAttr[DictionaryAttr] | None:
    """The attributes of arguments or results: of `count` that may have names, then of states."""
    named = [DictionaryAttr({NAME: StringAttr(name)}) for name in names]
    if not named and not states:
        return None
    return ArrayAttr([*(named or [DictionaryAttr({})] * count), *states])
