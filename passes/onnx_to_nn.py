"""
From the `onnx` dialect to the canonical one: what ONNX means, said explicitly.

Images become NHWC, by transposes around the layers that work on them, which `nn-sink-transposes`
moves away. Shapes, paddings and axes become numbers, whatever they are computed from. What has no
equivalent is reported all at once.
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
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.interpreter import layer_names
from nnc.dialects.nn.labels import CLASSES, NAMES, texts
from nnc.dialects.nn.states import NAME
from nnc.dialects.onnx.base import OnnxOp
from nnc.dialects.onnx.control import YieldOp
from nnc.dialects.onnx.structure import ConstantOp, NoValueOp
from nnc.dialects.types import shape_of
from nnc.frontends.errors import FrontendError, Problem
from nnc.passes.nn_builder import UnsupportedError
from nnc.passes.onnx import REWRITES
from nnc.passes.onnx.lowering import (
    TAKES_TEXTS,
    Lowering,
    Node,
    ReportedError,
    holds_texts,
    is_double,
)

REMARKS = "nn.remarks"


@dataclass(frozen=True)
class OnnxToNnPass(ModulePass):
    """
    Rewrites every function of `onnx` operations into `nn` ops.

    Raises `FrontendError` with every operator that is not supported.
    """

    name = "onnx-to-nn"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        problems: list[Problem] = []
        functions = [entry for entry in op.body.block.ops if isinstance(entry, FuncOp)]
        converted = [_Function(function, problems) for function in functions]
        if problems:
            raise FrontendError(problems)
        for function in converted:
            function.replace()


class _Function:
    """One function, rebuilt beside the original until all of it is known to be supported."""

    def __init__(self, function: FuncOp, problems: list[Problem]):
        self.function = function
        self.problems = problems
        self.unsupported: set[SSAValue] = set()
        self.labels: list[dict[str, Attribute]] = []
        self._refuse_text_inputs()
        self.block = Block(arg_types=function.body.block.arg_types)
        self.lowering = Lowering(self.block, self._inline)
        self.turns = ""
        for source, argument in zip(function.body.block.args, self.block.args, strict=True):
            argument.name_hint = source.name_hint
            self.lowering.bind(source, argument)
        for op in function.body.block.ops:
            self._rewrite(op)
        self.lowering.drop_unused()
        self._refuse_empty()

    def _refuse_text_inputs(self) -> None:
        names = _strings(self.function.attributes.get("onnx.inputs"))
        for number, argument in enumerate(self.function.body.block.args):
            if holds_texts(argument.type):
                layer = names[number] if number < len(names) else None
                reason, remedy = "strings are not supported", "a model that takes numbers works"
                self.problems.append(Problem(reason, layer, "input", remedy))
                self.unsupported.add(argument)

    def _refuse_empty(self) -> None:
        """What is left must have elements; shape arithmetic, which has no need to, is gone."""
        for op in self.block.ops:
            if any(0 in shape_of(value) for value in (*op.operands, *op.results)):
                self._report(op, UnsupportedError("expected tensors with elements"))

    def _rewrite(self, op: Operation) -> None:
        self.lowering.location = self._location(op)
        if isinstance(op, ConstantOp | NoValueOp):
            return
        if any(operand in self.unsupported for operand in op.operands):
            # Its operands' shapes are unknown, and they have been reported.
            if isinstance(op, OnnxOp) and op.operator not in REWRITES:
                self._report(op, _not_supported())
            self.unsupported.update(op.results)
            return
        try:
            self._append(op)
        except UnsupportedError as error:
            if not isinstance(error, ReportedError):
                self._report(op, error)
            self.unsupported.update(op.results)

    def _location(self, op: Operation) -> LocationAttr:
        """Where an op is from: in later turns of a loop, layers' names have the turn's number."""
        if not self.turns:
            return op.location
        given = [StringAttr(name + self.turns) for name in layer_names(op.location)]
        names = tuple(NameLoc(name, NoneAttr()) for name in given)
        if len(names) < 2:
            return names[0] if names else op.location
        return FusedLoc(names, NoneAttr())

    def _inline(self, block: Block, arguments: Sequence[SSAValue], turn: int = 0) -> list[SSAValue]:
        """See `Inline`."""
        outer = self.turns, self.lowering.location, len(self.problems)
        self.turns += f":{turn}" if turn else ""
        for source, value in zip(block.args, arguments, strict=True):
            self.lowering.bind(source, value)
        for op in list(block.ops)[:-1]:
            self._rewrite(op)
        self.turns, self.lowering.location, problems = outer
        last = block.last_op
        assert isinstance(last, YieldOp)
        lost = any(operand in self.unsupported for operand in last.operands)
        if lost or len(self.problems) > problems:
            raise ReportedError("")
        values = [self.lowering.value(operand) for operand in last.operands]
        if any(holds_texts(operand.type) for operand in last.operands):
            raise UnsupportedError("expected numbers as outputs of its graph, got strings")
        return [value for value in values if value is not None]

    def _append(self, op: Operation) -> None:
        lowering = self.lowering
        if isinstance(op, ReturnOp):
            outputs = [lowering.value(operand) for operand in op.operands]
            self.labels = [_labels(lowering, operand) for operand in op.operands]
            if any(is_double(operand) for operand in op.operands):
                raise UnsupportedError(
                    "outputs in double precision are not supported", "a Cast to float32 works"
                )
            lowering.insert(ReturnOp(*(value for value in outputs if value is not None)))
            return
        if not isinstance(op, OnnxOp) or op.operator not in REWRITES:
            raise _not_supported()
        self._check_texts(op)
        last = self.block.last_op
        found = REWRITES[op.operator](Node(op, lowering), lowering)
        results = [found] if isinstance(found, SSAValue) else list(found)
        self._check(last)
        for source, result in zip(op.results, results, strict=False):
            result.name_hint = source.name_hint
            lowering.bind(source, result)
        for result in op.results[: len(results)]:
            self._name_texts(op, result)
        self.unsupported.update(op.results[len(results) :])
        _locate_each(self._location(op), results)

    def _check_texts(self, op: OnnxOp) -> None:
        """Texts, which become numbers, may only go where no more than the numbers counts."""
        names = {tuple(found) for found in self._names_of(op)}
        if names and op.operator not in TAKES_TEXTS:
            raise UnsupportedError("expected numbers, got strings")
        if len(names) > 1:
            raise UnsupportedError("expected strings of one list, got those of several")

    def _names_of(self, op: OnnxOp) -> list[tuple[str, ...]]:
        texts = [operand for operand in op.operands if holds_texts(operand.type)]
        for operand in texts:
            self.lowering.value(operand)
        return [self.lowering.names[operand] for operand in texts]

    def _name_texts(self, op: OnnxOp, result: SSAValue) -> None:
        """Texts that an operator moves are those of its operand."""
        names = self.lowering.names
        if holds_texts(result.type) and result not in names:
            names[result] = self._names_of(op)[0]

    def _check(self, last: Operation | None) -> None:
        """What a rewrite made must verify: its ops refuse types that they do not have."""
        op = self.block.first_op if last is None else last.next_op
        while op is not None:
            try:
                op.verify_()
            except VerifyException as error:
                raise UnsupportedError(str(error)) from error
            op = op.next_op

    def _report(self, op: Operation, error: UnsupportedError) -> None:
        names = layer_names(op.location)
        operator = op.name
        if isinstance(op, OnnxOp):
            operator = f"{op.operator} (since operator set {op.since.value.data})"
        layer = next(iter(names), None)
        self.problems.append(Problem(error.reason, layer, operator, error.remedy))

    def replace(self) -> None:
        """Puts the new body in place of the old one."""
        function, block = self.function, self.block
        terminator = block.last_op
        assert isinstance(terminator, ReturnOp)
        function.body.detach_block(function.body.block)
        function.detach_region(function.body)
        function.add_region(Region(block))
        function.function_type = FunctionType.from_lists(
            block.arg_types, [operand.type for operand in terminator.operands]
        )
        function.arg_attrs = _attributes(function, "onnx.inputs")
        function.res_attrs = _attributes(function, "onnx.outputs", self.labels)
        remarks = _strings(function.attributes.pop("onnx.remarks", None))
        remarks += self.lowering.remarks
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
    return UnsupportedError("this operator is not supported")


def _attributes(
    function: FuncOp, key: str, more: Sequence[dict[str, Attribute]] = ()
) -> ArrayAttr[DictionaryAttr] | None:
    """
    The names of arguments or results, which an attribute of the function has until now, and what
    else is known of each.
    """
    names = _strings(function.attributes.pop(key, None))
    entries: list[dict[str, Attribute]] = [{NAME: StringAttr(name)} for name in names]
    for number, known in enumerate(more):
        if any(more):
            entries += [{}] * (number + 1 - len(entries))
            entries[number] = {**entries[number], **known}
    return ArrayAttr([DictionaryAttr(entry) for entry in entries]) or None


def _labels(lowering: Lowering, value: SSAValue) -> dict[str, Attribute]:
    """What a result's numbers stand for."""
    tables = ((NAMES, lowering.names), (CLASSES, lowering.classes))
    return {key: texts(table[value]) for key, table in tables if value in table}


def _strings(attribute: Attribute | None) -> list[str]:
    if not isinstance(attribute, ArrayAttr):
        return []
    return [entry.data for entry in attribute if isinstance(entry, StringAttr)]
