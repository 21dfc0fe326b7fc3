"""
The TFLite frontend: the bytes of a `.tflite` file become a module in the `tfl` dialect.

The file is read in two steps. `tflite_model` turns bytes into records and refuses what is not a
TFLite file; here records become operations, and everything that the dialect cannot express is
collected, so that a user learns of all of it at once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from xdsl.dialects.builtin import (
    ArrayAttr,
    BytesAttr,
    DenseArrayBase,
    DictionaryAttr,
    FusedLoc,
    IntAttr,
    LocationAttr,
    ModuleOp,
    NameLoc,
    NoneAttr,
    NoneType,
    StringAttr,
    SymbolRefAttr,
    UnknownLoc,
    i8,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.irdl import OpDef, VarResultDef
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from nnc.dialects.larq.lce import LceOp
from nnc.dialects.tfl import Tfl
from nnc.dialects.tfl.base import AnyTensor, TflOp, operand_rules
from nnc.dialects.tfl.recurrent import BasicLstmOp
from nnc.dialects.tfl.structure import NoValueOp, VariableOp
from nnc.frontends.errors import FrontendError, Problem
from nnc.frontends.flatbuffer import FlatbufferError
from nnc.frontends.source import ModelSource
from nnc.frontends.tflite_custom import CUSTOM_OPERATIONS, custom_properties
from nnc.frontends.tflite_model import (
    NO_TENSOR,
    Extent,
    Model,
    Operator,
    Subgraph,
    Tensor,
    read_model,
)
from nnc.frontends.tflite_schema import options_of
from nnc.frontends.tflite_shapes import open_dimensions, settle_shapes
from nnc.frontends.tflite_types import TensorTypes, UnsupportedTensorError

_OPERATIONS: dict[str, type[TflOp]] = {
    op.name.removeprefix("tfl.").upper(): op for op in Tfl.operations if issubclass(op, TflOp)
}

_EXTERNAL = "its data is in another file; convert the model into one file"


def import_tflite(data: bytes, *, shapes: Mapping[str, Sequence[int]] | None = None) -> ModuleOp:
    """
    The module of a `.tflite` file: `@main`, and a function for each subgraph that it calls.

    `shapes` gives inputs a shape, by the name of their tensor or in a signature. Once that changes
    a shape, dimensions that depend on it are left open (`?`).

    The functions carry the names of their inputs and outputs as `tfl.inputs` and `tfl.outputs`, and
    those of the file's signatures as `tfl.signatures`. Every operation's location is the name of
    the tensor that it makes. Subgraphs that the main one does not reach, such as other entry points
    of the file, are left out and named in the module's `tfl.unused_subgraphs`.

    Raises FrontendError, with all problems, for files that are broken or not supported.
    """
    try:
        model = read_model(data)
    except FlatbufferError as error:
        raise FrontendError([Problem(f"this is not a valid TFLite file: {error}")]) from error
    return _Importer(model).run({} if shapes is None else shapes)


def read(source: ModelSource, *, shapes: Mapping[str, Sequence[int]]) -> ModuleOp:
    """The frontend: see `import_tflite`."""
    return import_tflite(source.data, shapes=shapes)


class _Importer:
    """Turns the subgraphs that the main one reaches into functions."""

    def __init__(self, model: Model):
        self.model = model
        self.types = TensorTypes(model)
        self.problems: list[Problem] = []

    def run(self, shapes: Mapping[str, Sequence[int]]) -> ModuleOp:
        settled = settle_shapes(self.model, shapes)
        self.problems.extend(settled.problems)
        order = self._reachable()
        symbols = self._symbols(order)
        functions: list[Operation] = []
        for index in order:
            subgraph = settled.main if index == 0 else self.model.subgraphs[index]
            dynamic = settled.dynamic if index == 0 else _open(subgraph, settled.changed)
            builder = _Function(self.model, subgraph, dynamic, self.types, symbols, self.problems)
            functions.append(builder.build())
        if self.problems:
            raise FrontendError(self.problems)
        module = ModuleOp(functions)
        if self.model.description:
            module.attributes["tfl.description"] = StringAttr(self.model.description)
        unused = [graph.name for graph in self.model.subgraphs if graph.index not in order]
        if unused:
            module.attributes["tfl.unused_subgraphs"] = _strings(unused)
        return module

    def _reachable(self) -> list[int]:
        """The main subgraph and those it calls, each before those that it calls itself."""
        calls = {
            subgraph.index: sorted({i for op in subgraph.operators for i in op.subgraphs})
            for subgraph in self.model.subgraphs
        }
        order: list[int] = []
        finished: set[int] = set()
        active: set[int] = set()
        pending = [(0, False)]
        while pending:
            index, done = pending.pop()
            if done:
                active.discard(index)
                finished.add(index)
            elif index in active:
                name = self.model.subgraphs[index].name
                self.problems.append(Problem(f"subgraph {index} ({name}) calls itself"))
                return [0]
            elif index not in finished:
                active.add(index)
                order.append(index)
                pending.append((index, True))
                pending.extend((callee, False) for callee in reversed(calls[index]))
        return order

    def _symbols(self, order: Iterable[int]) -> dict[int, str]:
        """A name for each function: main, or as in the file where that is an identifier."""
        symbols = {0: "main"}
        for index in order:
            name = self.model.subgraphs[index].name
            if index not in symbols:
                usable = re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)
                taken = not usable or name in symbols.values() or name.startswith("subgraph_")
                symbols[index] = f"subgraph_{index}" if taken else name
        return symbols


def _open(subgraph: Subgraph, changed: bool) -> dict[int, frozenset[int]]:
    """The open dimensions of a called function, all of them once the main one's shapes changed."""
    return {
        tensor.index: frozenset(range(len(tensor.shape))) if changed else open_dimensions(tensor)
        for tensor in subgraph.tensors
        if not tensor.is_constant
    }


@dataclass
class _Function:
    """Builds the function of one subgraph, noting problems as it goes."""

    model: Model
    subgraph: Subgraph
    dynamic: Mapping[int, Collection[int]]
    types: TensorTypes
    symbols: Mapping[int, str]
    problems: list[Problem]

    values: dict[int, SSAValue] = field(default_factory=dict[int, SSAValue])
    """What each tensor became so far."""

    lost: set[int] = field(default_factory=set[int])
    """Tensors that could not be made; the problem is noted, and what needs them is not built."""

    operations: list[Operation] = field(default_factory=list[Operation])
    no_value: NoValueOp | None = None

    def build(self) -> FuncOp:
        """The function; only a part of it when there were problems."""
        block = Block()
        for index in self.subgraph.inputs:
            self._argument(block, self.subgraph.tensors[index])
        for operator in self.subgraph.operators:
            self._operator(operator)
        results = [self._operand(i, "output", None) for i in self.subgraph.outputs]
        outputs = [value for value in results if value is not None]
        block.add_ops([*([self.no_value] if self.no_value else []), *self.operations])
        block.add_op(ReturnOp(*outputs))
        function = FuncOp(
            self.symbols[self.subgraph.index],
            (block.arg_types, [value.type for value in outputs]),
            Region(block),
        )
        function.attributes.update(self._names())
        return function

    def _names(self) -> dict[str, Attribute]:
        tensors = self.subgraph.tensors
        names: dict[str, Attribute] = {
            "tfl.inputs": _strings(tensors[i].name for i in self.subgraph.inputs),
            "tfl.outputs": _strings(tensors[i].name for i in self.subgraph.outputs),
        }
        signatures = [
            DictionaryAttr(
                {
                    "key": StringAttr(signature.key),
                    "inputs": _strings(_renamed(self.subgraph.inputs, signature.inputs)),
                    "outputs": _strings(_renamed(self.subgraph.outputs, signature.outputs)),
                }
            )
            for signature in self.model.signatures
            if signature.subgraph == self.subgraph.index
        ]
        return {**names, "tfl.signatures": ArrayAttr(signatures)} if signatures else names

    def _argument(self, block: Block, tensor: Tensor) -> None:
        if tensor.index in self.values or tensor.is_constant:
            self._problem(tensor.name, "input", "an input must be neither a constant nor repeated")
            self.lost.add(tensor.index)
            return
        type = self._type(tensor)
        if type is None:
            self.lost.add(tensor.index)
        else:
            self.values[tensor.index] = block.insert_arg(type, len(block.args), _location(tensor))

    def _operator(self, operator: Operator) -> None:
        before = len(self.problems)
        operation = self._operation(operator)
        operands = self._operands(operator, operation) if operation is not None else None
        twice = len(set(operator.outputs)) < len(operator.outputs)
        types = [self._result(operator, index, twice) for index in operator.outputs]
        properties = self._properties(operator, operation)
        known = [type for type in types if type is not None]
        failed = len(self.problems) > before
        if operation is None or operands is None or len(known) < len(types) or failed:
            self.lost.update(operator.outputs)
            return
        op = operation.create(
            operands=operands,
            result_types=known,
            properties=properties,
            location=self._locations(operator),
        )
        self._check(op, operator)
        if len(self.problems) > before:
            self.lost.update(operator.outputs)
            return
        self.operations.append(op)
        self.values.update(zip(operator.outputs, op.results, strict=True))

    def _operation(self, operator: Operator) -> type[TflOp] | None:
        """The class that an operator becomes, unless the operator is not what it needs."""
        basic = operator.options.get("kernel_type") == StringAttr("BASIC")
        operation = BasicLstmOp if basic else _OPERATIONS.get(operator.name)
        if operator.name == "CUSTOM":
            operation = CUSTOM_OPERATIONS.get(operator.custom_code, operation)
        reason = operator.bad_options
        if reason is None and operation is None:
            reason = "this operator is not supported; `nnc ops` lists those that are"
        if reason is None and operation is not None:
            reason = _misfit(operator, operation.get_irdl_definition())
        if reason is not None:
            self._problem(self._layer(operator), operator.name, reason)
            return None
        return operation

    def _operands(self, operator: Operator, operation: type[TflOp]) -> list[SSAValue] | None:
        rules = operand_rules(operation)
        given = list(operator.inputs)
        repeats = any(repeats for _, _, repeats in rules)
        if not repeats:
            # Old writers leave trailing operands out instead of giving them the index -1.
            given += [NO_TENSOR] * (len(rules) - len(given))
        if len(given) < len(rules) - repeats or (len(given) > len(rules) and not repeats):
            self._problem(
                self._layer(operator),
                operator.name,
                f"expected {len(rules)} operands, got {len(operator.inputs)}",
            )
            return None
        rules = [rules[min(i, len(rules) - 1)] for i in range(len(given))]
        values = [
            self._none(operator, name, optional)
            if index == NO_TENSOR
            else self._operand(index, operator.name, self._layer(operator))
            for index, (name, optional, _) in zip(given, rules, strict=True)
        ]
        operands = [value for value in values if value is not None]
        return operands if len(operands) == len(values) else None

    def _none(self, operator: Operator, name: str, optional: bool) -> SSAValue | None:
        if not optional:
            self._problem(
                self._layer(operator), operator.name, f"expected an operand for {name}, got none"
            )
            return None
        if self.no_value is None:
            self.no_value = NoValueOp.create(result_types=[NoneType()])
        return self.no_value.output

    def _operand(self, index: int, operator: str, layer: str | None) -> SSAValue | None:
        """The value of a tensor, a constant or a variable being made when first asked for."""
        if index in self.values or index in self.lost:
            return self.values.get(index)
        tensor = self.subgraph.tensors[index]
        if _is_source(tensor):
            op = self._source(tensor)
        else:
            reason = f'nothing makes the tensor "{tensor.name}" before'
            self._problem(layer or tensor.name, operator, reason)
            op = None
        if op is None:
            self.lost.add(index)
            return None
        op.location = _location(tensor)
        self.operations.append(op)
        self.values[index] = op.results[0]
        return op.results[0]

    def _source(self, tensor: Tensor) -> TflOp | None:
        """The constant or variable that a tensor stands for."""
        if tensor.is_external:
            self._problem(tensor.name, "constant", _EXTERNAL)
            return None
        if tensor.is_variable and tensor.data is not None:
            self._problem(tensor.name, "variable", "a variable must not have an initial value")
            return None
        if tensor.is_variable:
            type = self._type(tensor)
            return None if type is None else VariableOp.create(result_types=[type])
        try:
            return self.types.constant(tensor, tensor.data or Extent(0, 0))
        except UnsupportedTensorError as error:
            self._problem(tensor.name, "constant", str(error))
            return None

    def _result(self, operator: Operator, index: int, twice: bool) -> AnyTensor | None:
        tensor = self.subgraph.tensors[index]
        taken = twice or index in self.values or index in self.lost
        if taken or tensor.is_constant or tensor.is_variable:
            reason = f'expected a result of its own, got the tensor "{tensor.name}" again'
            self._problem(self._layer(operator), operator.name, reason)
            return None
        return self._type(tensor)

    def _type(self, tensor: Tensor) -> AnyTensor | None:
        if tensor.is_external:
            self._problem(tensor.name, "tensor", _EXTERNAL)
            return None
        try:
            return self.types.type_of(tensor, self.dynamic.get(tensor.index, ()))
        except UnsupportedTensorError as error:
            self._problem(tensor.name, "tensor", str(error))
            return None

    def _properties(
        self, operator: Operator, operation: type[TflOp] | None
    ) -> dict[str, Attribute]:
        if operation is not None and issubclass(operation, LceOp):
            try:
                return custom_properties(operation, self._custom_options(operator))
            except FlatbufferError as error:
                self._problem(self._layer(operator), operator.custom_code, str(error))
                return {}
        properties = {
            name: SymbolRefAttr(self.symbols.get(option.data, "main"))
            if isa(option, IntAttr)
            else option
            for name, option in operator.options.items()
        }
        if operator.name == "CUSTOM":
            properties["custom_code"] = StringAttr(operator.custom_code)
            options = self._custom_options(operator)
            properties["custom_options"] = DenseArrayBase(i8, BytesAttr(options))
        if operator.intermediates:
            types = [self._type(self.subgraph.tensors[i]) for i in operator.intermediates]
            properties["intermediates"] = ArrayAttr([type for type in types if type is not None])
        return properties

    def _custom_options(self, operator: Operator) -> bytes:
        try:
            return self.types.take(operator.custom_options)
        except UnsupportedTensorError as error:
            self._problem(self._layer(operator), operator.name, str(error))
            return b""

    def _check(self, op: TflOp, operator: Operator) -> None:
        try:
            op.verify()
        except VerifyException as error:
            name = op.CODE if isinstance(op, LceOp) else operator.name
            self._problem(self._layer(operator), name, str(error))
        for number in operator.subgraphs:
            self._check_call(operator, self.model.subgraphs[number])

    def _check_call(self, operator: Operator, callee: Subgraph) -> None:
        inputs = len(operator.inputs) - (operator.name == "IF")
        outputs = len(operator.outputs)
        if operator.options.get("cond_subgraph") == IntAttr(callee.index):
            outputs = 1
        if (len(callee.inputs), len(callee.outputs)) != (inputs, outputs):
            self._problem(
                self._layer(operator),
                operator.name,
                f"expected a subgraph of {inputs} inputs and {outputs} outputs, got "
                f"{len(callee.inputs)} and {len(callee.outputs)}",
            )

    def _layer(self, operator: Operator) -> str | None:
        return self.subgraph.tensors[operator.outputs[0]].name if operator.outputs else None

    def _locations(self, operator: Operator) -> LocationAttr:
        locations = tuple(_location(self.subgraph.tensors[i]) for i in operator.outputs)
        if len(locations) == 1:
            return locations[0]
        return FusedLoc(locations, NoneAttr()) if locations else UnknownLoc()

    def _problem(self, layer: str | None, operator: str, reason: str) -> None:
        self.problems.append(Problem(reason, layer, operator))


def _misfit(operator: Operator, definition: OpDef) -> str | None:
    """What an operator has too much or too little of for its operation."""
    found = options_of(operator.name)
    for option in found[1].values() if found else ():
        required = definition.properties[option.name].default_value is None
        if required and option.name not in operator.options:
            return f"expected its option {option.name}, got none"
    if operator.intermediates and "intermediates" not in definition.properties:
        return "expected no intermediate tensors"
    results = definition.results
    variadic = any(isinstance(result, VarResultDef) for _, result in results)
    if not variadic and len(results) != len(operator.outputs):
        return f"expected {len(results)} results, got {len(operator.outputs)}"
    return None


def _is_source(tensor: Tensor) -> bool:
    """Whether a tensor has elements without an operator that makes them."""
    known = tensor.data is not None or tensor.is_variable or tensor.is_external
    return known or 0 in tensor.shape


def _location(tensor: Tensor) -> NameLoc:
    return NameLoc(StringAttr(tensor.name), NoneAttr())


def _strings(values: Iterable[str]) -> ArrayAttr[StringAttr]:
    return ArrayAttr([StringAttr(value) for value in values])


def _renamed(indices: Iterable[int], names: Iterable[tuple[str, int]]) -> list[str]:
    by_tensor = {index: name for name, index in names}
    return [by_tensor.get(index, "") for index in indices]
