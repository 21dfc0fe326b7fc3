"""
The ONNX frontend: the bytes of a `.onnx` file become a module in the `onnx` dialect.

`onnx_model` makes sure that the file is a graph; here nodes become operations, and everything that
the dialect cannot express is collected, so that a user learns of all of it at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

import numpy as np
import onnx
from xdsl.dialects.builtin import (
    ArrayAttr,
    FusedLoc,
    IntegerAttr,
    LocationAttr,
    ModuleOp,
    NameLoc,
    NoneAttr,
    NoneType,
    StringAttr,
    TensorType,
    UnknownLoc,
    UnrankedTensorType,
    i64,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.onnx import OPERATORS
from nnc.dialects.onnx.base import GRAPH, AnyTensor, OnnxOp, StringType
from nnc.dialects.onnx.control import YieldOp
from nnc.dialects.onnx.ml import ML_DOMAIN
from nnc.dialects.onnx.quantization import RUNTIME_DOMAIN
from nnc.dialects.onnx.structure import ConstantOp, NoValueOp
from nnc.dialects.types import dense_attribute
from nnc.frontends.errors import FrontendError, Problem
from nnc.frontends.onnx_functions import body_of, has_body
from nnc.frontends.onnx_model import Graph, domain_of, inner_graph, label, read_graph
from nnc.frontends.onnx_shapes import LARGEST_KNOWN, agree, inferred, settle_inputs
from nnc.frontends.onnx_subgraphs import needs, parameters, results
from nnc.frontends.onnx_types import (
    UnsupportedValueError,
    array_of,
    attribute_of,
    element_type,
    strings_of,
    tensor_of,
    tensor_of_strings,
    tensor_type,
)
from nnc.frontends.source import ModelSource

MOST_AXES = 64
"""Axes of the largest rank that is read."""

_AXES = ("axis", "axes", "batch_axis", "time_axis")

_STILL_MEANT = ("GroupNormalization",)
"""Deprecated operators whose meaning is clear: this one has scales of groups before version 21."""

_TYPED_LIKE = {"QGemm": (8, 0), "QLinearConcat": (1,), "QLinearAdd": (7, 0), "QLinearMul": (7, 0)}
"""Of ONNX Runtime's operators, the operands of which the first that is there types the result."""


_UNKNOWN = "this operator is not supported; `nnc ops` lists those that are"
_NO_MAPS = "maps are not supported; a model that takes the vector, one element for each key, works"
_NOT_SUPPORTED = {"DictVectorizer": _NO_MAPS, "CastMap": _NO_MAPS}
"""Why operators are not supported, of those of which there is more to say."""


def import_onnx(
    data: bytes,
    *,
    path: Path | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
) -> ModuleOp:
    """
    The module of a `.onnx` file: the function `@main`.

    Weights in other files are looked for below the folder of `path`. `shapes` gives inputs a shape,
    by name. The names of inputs and outputs are the function's `onnx.inputs` and `onnx.outputs`;
    the location of an operation has the names of its results. What was decided for the user is in
    `onnx.remarks`.

    Raises FrontendError, with all problems, for files that are broken or not supported.
    """
    graph = read_graph(data, path)
    return _Importer(graph, shapes or {}, opsets=graph.opsets).run()


def read(source: ModelSource, *, shapes: Mapping[str, Sequence[int]]) -> ModuleOp:
    """The frontend: see `import_onnx`."""
    return import_onnx(source.data, path=source.path, shapes=shapes)


class _LostError(Exception):
    """A graph inside a node could not be built; the problems are noted."""


@dataclass
class _Importer:
    """Builds the function or a region, noting problems as it goes."""

    graph: Graph
    shapes: Mapping[str, Sequence[int]]

    problems: list[Problem] = field(default_factory=list[Problem])
    values: dict[str, SSAValue] = field(default_factory=dict[str, SSAValue])
    types: dict[str, AnyTensor] = field(default_factory=dict[str, AnyTensor])
    constants: dict[str, onnx.TensorProto] = field(default_factory=dict[str, onnx.TensorProto])
    operations: list[Operation] = field(default_factory=list[Operation])
    lost: set[str] = field(default_factory=set[str])
    """Tensors that could not be made; the problem is noted, and what needs them is not built."""

    maps: set[str] = field(default_factory=set[str])
    """Results that the file calls sequences of maps."""

    scores: set[str] = field(default_factory=set[str])
    """Results of operators of classical machine learning."""

    remarks: list[str] = field(default_factory=list[str])
    none: NoValueOp | None = None
    opsets: dict[str, int] = field(default_factory=dict[str, int])
    """The operator sets of the node that is built."""

    inner: bool = False
    """Whether the graph is inside a node."""

    def run(self) -> ModuleOp:
        """The module. Raises FrontendError."""
        settled = settle_inputs(self.graph.inputs, self.shapes)
        self.problems.extend(settled.problems)
        block = Block()
        self._arguments(block, settled.types)
        for node in self.graph.nodes:
            self._node(node)
        if not settled.changed:
            self._compare([*self.graph.described, *self.graph.outputs])
        outputs = [self._operand(value.name) for value in self.graph.outputs]
        if self.problems:
            raise FrontendError(self.problems)
        known = [value for value in outputs if value is not None]
        block.add_ops([*([self.none] if self.none else []), *self.operations, ReturnOp(*known)])
        kind = (block.arg_types, [value.type for value in known])
        function = FuncOp("main", kind, Region(block))
        function.attributes["onnx.inputs"] = _strings(it.name for it in self.graph.inputs)
        function.attributes["onnx.outputs"] = _strings(it.name for it in self.graph.outputs)
        if remarks := [*self.graph.remarks, *settled.remarks, *self.remarks]:
            function.attributes["onnx.remarks"] = _strings(remarks)
        return ModuleOp([function])

    def _arguments(self, block: Block, types: Mapping[str, AnyTensor]) -> None:
        for value in self.graph.inputs:
            if value.name in self.values:
                self._problem(value.name, "input", "an input must not be repeated")
            elif value.name in types:
                kind = self.types[value.name] = types[value.name]
                argument = block.insert_arg(kind, len(block.args), _location([value.name]))
                self.values[value.name] = argument
            else:
                self.lost.add(value.name)

    def _node(self, node: onnx.NodeProto) -> None:
        before = len(self.problems)
        if node.op_type == "Constant" and not domain_of(node):
            self._constant_node(node)
            return
        operation = OPERATORS.get((domain_of(node), node.op_type))
        missing = [name for name in needs(node) if self._operand(name) is None]
        if operation is None:
            self._defined(node, bool(missing))
            return
        if missing:
            self.lost.update(node.output)
            return
        try:
            op = self._operation(node, operation)
            op.verify_()
        except _LostError:
            self.lost.update(node.output)
            return
        except (UnsupportedValueError, VerifyException) as error:
            self._refuse(node, str(error))
            return
        assert len(self.problems) == before
        self.operations.append(op)
        for name, result in zip(node.output, op.results, strict=True):
            if name:
                self.values[name] = result

    def _defined(self, node: onnx.NodeProto, lost: bool) -> None:
        """A node of an operator that the dialect does not have: what it is defined as."""
        try:
            schema = self._schema(node)
            version = self.opsets.get(domain_of(node), 0)
            if lost and schema is not None and has_body(schema):
                self.lost.update(node.output)
                return
            body = None
            if schema is not None and not lost:
                body = body_of(schema, node, self.types, version)
            if body is None:
                raise UnsupportedValueError(_NOT_SUPPORTED.get(node.op_type, _UNKNOWN))
        except UnsupportedValueError as error:
            self._refuse(node, str(error))
            return
        outer, self.opsets = self.opsets, {**self.opsets, **body.opsets}
        for inner in body.nodes:
            self._node(inner)
        self.opsets = outer

    def _operation(self, node: onnx.NodeProto, operation: type[OnnxOp]) -> OnnxOp:
        """The operation of a node whose operands are there. Raises UnsupportedValueError."""
        schema = self._schema(node)
        since = 1 if schema is None else schema.since_version
        properties = _properties(node, operation, schema)
        regions = [self._region(node, name, since) for name in operation.SIGNATURE.graphs]
        if schema is None:
            found = self._typed(node)
        elif schema.deprecated:
            # ONNX infers nothing of these; the result is like the input.
            found = {name: self.types[node.input[0]] for name in node.output}
        elif regions:
            found = self._yielded(node, operation, regions, since)
        elif _is_zip_map(node):
            # A sequence of maps holds the numbers of its operand; the keys are attributes.
            pairs = zip(node.output, node.input, strict=False)
            found = {name: self.types[operand] for name, operand in pairs}
            self.maps.update(node.output)
        else:
            found = self._inferred(schema, node)
        if domain_of(node) == ML_DOMAIN:
            self.scores.update(node.output)
        # A result without a name is one that nobody wants.
        results: list[Attribute] = []
        for name in node.output:
            if name and name not in found:
                raise UnsupportedValueError(f"the type of its result '{name}' is not known")
            results.append(found[name] if name else NoneType())
        self.types.update({name: kind for name, kind in found.items() if name})
        return operation.create(
            operands=[self._value(name) for name in node.input],
            result_types=results,
            properties={**properties, "since": IntegerAttr(since, i64)},
            location=_location([name for name in node.output if name]),
            regions=regions,
        )

    def _inferred(self, schema: onnx.defs.OpSchema, node: onnx.NodeProto) -> dict[str, AnyTensor]:
        """
        The types of a node's results by ONNX's inference. In a graph inside a node, which may be
        there for other shapes than those that its operands have, these contradict nothing.
        """
        versions = self.opsets, self.graph.ir_version
        try:
            return inferred(schema, node, self.types, self.constants, *versions)
        except UnsupportedValueError:
            if not self.inner:
                raise
            names = [name for name in node.input if name]
            loose = {name: UnrankedTensorType(self.types[name].element_type) for name in names}
            return inferred(schema, node, loose, {}, *versions)

    def _region(self, node: onnx.NodeProto, name: str, since: int) -> Region:
        """The region of a graph inside a node, all that it captures being there."""
        graph = next((it.g for it in node.attribute if it.name == name), None)
        if graph is None:
            raise UnsupportedValueError(f"expected its attribute {name}, got none")
        operands = [self._value(operand).type for operand in node.input]
        kinds = parameters(node, graph, operands, since)
        before = len(self.problems)
        inner = inner_graph(graph, self.graph, {*self.values, *self.lost}, self.problems)
        if len(self.problems) > before:
            raise _LostError
        body = _Importer(
            inner,
            {},
            self.problems,
            dict(self.values),
            dict(self.types),
            dict(self.constants),
            opsets=self.opsets,
            inner=True,
        )
        region = body.region(kinds)
        if len(self.problems) > before:
            raise _LostError
        return region

    def region(self, kinds: Sequence[AnyTensor]) -> Region:
        """A graph inside a node as a region, its inputs having these types."""
        for name in (*self.graph.initializers, *(it.name for it in self.graph.inputs)):
            # What a graph calls like a tensor around it is another one.
            self.values.pop(name, None)
            self.constants.pop(name, None)
        block = Block()
        self._arguments(block, {it.name: k for it, k in zip(self.graph.inputs, kinds, strict=True)})
        for node in self.graph.nodes:
            self._node(node)
        known = [self._operand(value.name) for value in self.graph.outputs]
        outputs = [value for value in known if value is not None]
        block.add_ops([*([self.none] if self.none else []), *self.operations])
        block.add_op(YieldOp.create(operands=outputs))
        return Region(block)

    def _yielded(
        self,
        node: onnx.NodeProto,
        operation: type[OnnxOp],
        regions: Sequence[Region],
        since: int,
    ) -> dict[str, AnyTensor]:
        """The types of the results of a node with graphs, from what these give."""
        yields: dict[str, list[AnyTensor]] = {}
        for name, region in zip(operation.SIGNATURE.graphs, regions, strict=True):
            last = region.block.last_op
            assert isinstance(last, YieldOp)
            kinds = last.operand_types
            yields[name] = [k for k in kinds if isinstance(k, TensorType | UnrankedTensorType)]
        return dict(zip(node.output, results(node, yields, since), strict=True))

    def _schema(self, node: onnx.NodeProto) -> onnx.defs.OpSchema | None:
        """What the specification says of an operator; None for one of ONNX Runtime's."""
        domain = domain_of(node)
        if domain == RUNTIME_DOMAIN:
            return None
        version = self.opsets.get(domain)
        if version is None:
            raise UnsupportedValueError(f"the model does not import the operator set '{domain}'")
        try:
            schema = onnx.defs.get_schema(node.op_type, version, domain)
        except onnx.defs.SchemaError:
            raise UnsupportedValueError(f"operator set {version} has no such operator") from None
        if schema.deprecated and node.op_type not in _STILL_MEANT:
            raise UnsupportedValueError(f"operator set {version} no longer has this operator")
        return schema

    def _typed(self, node: onnx.NodeProto) -> dict[str, AnyTensor]:
        """The element types of the results of an operator that ONNX does not specify."""
        places = _TYPED_LIKE.get(node.op_type, (0,))
        named = [node.input[k] for k in places if k < len(node.input) and node.input[k]]
        element = self.types[named[0]].element_type if named else element_type(1)
        return {name: UnrankedTensorType(element) for name in node.output if name}

    def _value(self, name: str) -> SSAValue:
        """An operand that is there, or the value that stands for one that is left out."""
        if name:
            return self.values[name]
        if self.none is None:
            self.none = NoValueOp.create(result_types=[NoneType()])
        return self.none.output

    def _operand(self, name: str) -> SSAValue | None:
        """The value of a tensor, an initializer being made when first asked for."""
        if name not in self.values and name not in self.lost:
            self._initializer(name)
        return self.values.get(name)

    def _initializer(self, name: str) -> None:
        tensor = self.graph.initializers.get(name)
        assert tensor is not None, f"nothing makes {name}"
        try:
            self._constant(name, tensor)
        except UnsupportedValueError as error:
            self._problem(name, "initializer", str(error))
            self.lost.add(name)

    def _constant_node(self, node: onnx.NodeProto) -> None:
        try:
            tensor = _constant_of(node)
            if len(node.output) != 1 or len(node.attribute) != 1:
                raise UnsupportedValueError("expected one value and one result")
            self._constant(node.output[0], tensor)
        except UnsupportedValueError as error:
            self._refuse(node, str(error))

    def _constant(self, name: str, tensor: onnx.TensorProto) -> None:
        element, shape = element_type(tensor.data_type), list(tensor.dims)
        if element == StringType():
            value = strings_of(tensor)
        else:
            array = array_of(tensor)
            value, shape = dense_attribute(array, element), list(array.shape)
        kind = self.types[name] = TensorType(element, shape)
        op = ConstantOp.create(
            properties={"value": value},
            result_types=[kind],
            location=_location([name]),
        )
        self.operations.append(op)
        self.values[name] = op.output
        if prod(shape) <= LARGEST_KNOWN:
            self.constants[name] = tensor

    def _compare(self, stated: Iterable[onnx.ValueInfoProto]) -> None:
        """What the file says of its tensors must not contradict what they are."""
        for value in stated:
            computed = self.types.get(value.name)
            kind = value.type.WhichOneof("value")
            if computed is None or not kind or (kind != "tensor_type" and value.name in self.maps):
                continue
            try:
                kind = tensor_type(value.type)
            except UnsupportedValueError as error:
                self._problem(value.name, "tensor", str(error))
                continue
            if agree(computed, kind):
                continue
            careless = value.name in self.scores or self.graph.producer == "skl2onnx"
            if careless and computed.element_type == kind.element_type:
                # skl2onnx says of several targets that they are one, and forgets axes.
                self.remarks.append(f"{value.name}: it is {computed}, though the file says {kind}")
                continue
            self._problem(value.name, "tensor", f"it is {computed}, and the file says {kind}")

    def _refuse(self, node: onnx.NodeProto, reason: str) -> None:
        domain = domain_of(node)
        version = self.opsets.get(domain)
        set_name = f"{domain} {version or ''}".strip()
        operator = f"{node.op_type} (operator set {set_name})"
        self._problem(label(node), operator, reason)
        self.lost.update(node.output)

    def _problem(self, layer: str, operator: str, reason: str) -> None:
        self.problems.append(Problem(reason, layer, operator))


def _properties(
    node: onnx.NodeProto, operation: type[OnnxOp], schema: onnx.defs.OpSchema | None
) -> dict[str, Attribute]:
    """
    The attributes of a node, with the defaults of its version for those it leaves out. Raises
    UnsupportedValueError.
    """
    kinds = operation.SIGNATURE.attributes
    given = {attribute.name: attribute for attribute in node.attribute}
    if len(given) < len(node.attribute):
        raise UnsupportedValueError("an attribute is given twice")
    allowed = schema.attributes if schema is not None else kinds
    unknown = [name for name in given if name not in allowed or name not in kinds]
    if unknown:
        raise UnsupportedValueError(f"it has no attribute {', '.join(unknown)}")
    if schema is not None:
        for name, attribute in schema.attributes.items():
            if name in given or name not in kinds:
                continue
            if attribute.required:
                raise UnsupportedValueError(f"expected its attribute {name}, got none")
            if attribute.default_value.type != onnx.AttributeProto.UNDEFINED:
                given[name] = attribute.default_value
    wanted = {name: proto for name, proto in given.items() if kinds[name] != GRAPH}
    _check_axes(wanted.values())
    _check_parts(node, wanted)
    return {name: attribute_of(proto, kinds[name]) for name, proto in wanted.items()}


def _check_axes(attributes: Iterable[onnx.AttributeProto]) -> None:
    """
    Axes that some tensor could have: ONNX's inference ends the program for some that are beyond all
    bounds. Raises UnsupportedValueError.
    """
    for attribute in attributes:
        if attribute.name in _AXES:
            for axis in (attribute.i, *attribute.ints):
                if abs(axis) > MOST_AXES:
                    raise UnsupportedValueError(f"expected an axis of a tensor, got {axis}")


def _check_parts(node: onnx.NodeProto, attributes: Mapping[str, onnx.AttributeProto]) -> None:
    """
    Not more results than a Split has parts, for which ONNX's inference ends the program as well.
    Raises UnsupportedValueError.
    """
    parts = attributes.get("num_outputs")
    if node.op_type == "Split" and parts is not None and len(node.output) > parts.i:
        raise UnsupportedValueError(f"expected {parts.i} results, got {len(node.output)}")


def _is_zip_map(node: onnx.NodeProto) -> bool:
    return (domain_of(node), node.op_type) == (ML_DOMAIN, "ZipMap")


def _constant_of(node: onnx.NodeProto) -> onnx.TensorProto:
    """The tensor of a Constant node. Raises UnsupportedValueError."""
    for attribute in node.attribute:
        match attribute.name:
            case "value":
                return attribute.t
            case "value_float":
                return tensor_of(attribute.f, np.float32)
            case "value_floats":
                return tensor_of(attribute.floats, np.float32)
            case "value_int":
                return tensor_of(attribute.i, np.int64)
            case "value_ints":
                return tensor_of(attribute.ints, np.int64)
            case "value_string":
                return tensor_of_strings([attribute.s], [])
            case "value_strings":
                return tensor_of_strings(attribute.strings, [len(attribute.strings)])
            case _:
                raise UnsupportedValueError(f"a constant by {attribute.name} is not supported")
    raise UnsupportedValueError("expected a value, got none")


def _location(names: Sequence[str]) -> LocationAttr:
    locations = tuple(NameLoc(StringAttr(name), NoneAttr()) for name in names)
    if len(locations) == 1:
        return locations[0]
    return FusedLoc(locations, NoneAttr()) if locations else UnknownLoc()


def _strings(values: Iterable[str]) -> ArrayAttr[StringAttr]:
    return ArrayAttr([StringAttr(value) for value in values])
