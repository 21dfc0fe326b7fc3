"""
What the operations of the `onnx` dialect share: the textual form, and tables that define them.

ONNX has about two hundred operators that differ in operands and attributes and in nothing else that
a dialect should know. So an operator is one line of a table, in a notation close to that of its
documentation, and `operators` makes a class of each line:

    Clip(input, min?, max?; max: f, min: f) -> output

`?` marks what may be left out, `*` what may repeat. The types of attributes are those of ONNX's
`AttributeProto`: i, f, s, t (tensor), g (graph, which is a region) and is, fs, ss for lists. One
line covers all versions of an operator; which one is meant, the operation says itself (`since`).
"""

from __future__ import annotations

import re
from abc import ABC
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from xdsl.dialects.builtin import (
    I64,
    ArrayAttr,
    DenseArrayBase,
    DenseIntOrFPElementsAttr,
    DenseResourceAttr,
    Float32Type,
    FloatAttr,
    IntegerAttr,
    NoneType,
    StringAttr,
    TensorType,
    UnrankedTensorType,
    f32,
    i64,
)
from xdsl.ir import Attribute, ParametrizedAttribute, TypeAttribute
from xdsl.irdl import (
    AttrConstraint,
    IRDLOperation,
    ParsePropInAttrDict,
    base,
    irdl_attr_definition,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    region_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

AnyTensor: TypeAlias = TensorType[Attribute] | UnrankedTensorType[Attribute]


@irdl_attr_definition
class StringType(ParametrizedAttribute, TypeAttribute):
    """
    A text, such as the name of a class.

    ```mlir
    tensor<3x!onnx.string>
    ```
    """

    name = "onnx.string"


VALUE = base(TensorType[Attribute]) | base(UnrankedTensorType[Attribute]) | base(NoneType)
"""A tensor, of unknown rank where the file does not say it; `none` for what is left out."""

ATTRIBUTE_TYPES: dict[str, AttrConstraint] = {
    "i": base(IntegerAttr[I64]),
    "f": base(FloatAttr[Float32Type]),
    "s": base(StringAttr),
    "is": DenseArrayBase[I64].constr(i64),
    "fs": DenseArrayBase[Float32Type].constr(f32),
    "ss": base(ArrayAttr[StringAttr]),
    "t": base(DenseIntOrFPElementsAttr) | base(DenseResourceAttr) | base(ArrayAttr[StringAttr]),
}
"""The constraint of each type of attribute; a tensor of texts is a list of them."""

GRAPH = "g"
"""The type of an attribute that is a graph: a region of the operation."""


@dataclass(frozen=True)
class Part:
    """An operand or a result of an operator."""

    name: str
    optional: bool
    repeats: bool


@dataclass(frozen=True)
class Signature:
    """A line of a table: an operator's operands, attributes by name with their types, results."""

    operator: str
    domain: str
    operands: tuple[Part, ...]
    attributes: dict[str, str]
    results: tuple[Part, ...]

    @property
    def graphs(self) -> list[str]:
        """The names of the attributes that are graphs."""
        return [name for name, kind in self.attributes.items() if kind == GRAPH]

    def check(self, what: str, parts: tuple[Part, ...], given: list[Attribute]) -> None:
        """As many operands or results as there may be. Raises VerifyException."""
        repeats = any(part.repeats for part in parts)
        least = sum(not (part.optional or part.repeats) for part in parts)
        if len(given) < least or (len(given) > len(parts) and not repeats):
            most = "more" if repeats else len(parts)
            expected = least if least == most else f"{least} to {most}"
            raise VerifyException(f"expected {expected} {what}, got {len(given)}")
        for number, kind in enumerate(given):
            part = parts[min(number, len(parts) - 1)]
            if isinstance(kind, NoneType) and not part.optional:
                raise VerifyException(f"expected {part.name}, got none")


class OnnxOp(IRDLOperation, ABC):
    """
    An operator of ONNX: tensors in, tensors out, attributes as the specification names them.

    `since` is the version of the operator set in which this form of the operator came up. An
    attribute that a file leaves out has the default of that version, where there is one.

    ```mlir
    %y = onnx.Softmax %x {axis = -1 : i64, since = 13 : i64}
      : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```
    """

    irdl_options = (ParsePropInAttrDict(),)
    assembly_format: ClassVar[str | None] = (
        "operands attr-dict `:` functional-type(operands, results)"
    )
    traits = traits_def(Pure())

    SIGNATURE: ClassVar[Signature]

    inputs = var_operand_def(VALUE)
    outputs = var_result_def(VALUE)
    since = prop_def(IntegerAttr[I64])

    def verify_(self) -> None:
        signature = self.SIGNATURE
        signature.check("operands", signature.operands, [v.type for v in self.operands])
        signature.check("results", signature.results, [v.type for v in self.results])

    @property
    def operator(self) -> str:
        """The operator's name."""
        return self.SIGNATURE.operator


_LINE = re.compile(r"(\w+)\(([^;)]*)(?:;([^)]*))?\) -> (.*)")


def operators(table: str, domain: str = "") -> list[type[OnnxOp]]:
    """The operations that the lines of a table define; indented lines continue the one before."""
    lines = re.sub(r"\n\s+", " ", table.strip()).splitlines()
    return [_operation(_signature(line, domain)) for line in lines]


def _signature(line: str, domain: str) -> Signature:
    found = _LINE.fullmatch(line)
    assert found is not None, f"not a line of a table: {line}"
    operator, operands, attributes, results = found.groups(default="")
    named = (entry.partition(": ") for entry in _entries(attributes))
    return Signature(
        operator,
        domain,
        tuple(_part(entry) for entry in _entries(operands)),
        {name: kind for name, _, kind in named},
        tuple(_part(entry) for entry in _entries(results)),
    )


def _entries(text: str) -> Iterator[str]:
    return (entry.strip() for entry in text.split(",") if entry.strip())


def _part(entry: str) -> Part:
    return Part(entry.rstrip("?*"), "?" in entry, "*" in entry)


def _operation(signature: Signature) -> type[OnnxOp]:
    # Python's names of the properties must not be those of an operation's own attributes.
    properties: dict[str, Any] = {
        f"attribute_{name}": opt_prop_def(ATTRIBUTE_TYPES[kind], prop_name=name)
        for name, kind in signature.attributes.items()
        if kind != GRAPH
    }
    graphs = signature.graphs
    if graphs:
        properties |= {name: region_def("single_block") for name in graphs}
        texts = " ".join(f"`{name}` ${name}" for name in graphs)
        properties["assembly_format"] = (
            f"operands {texts} attr-dict `:` functional-type(operands, results)"
        )
    body: dict[str, Any] = {
        "__doc__": f"{signature.operator} of ONNX.",
        "__module__": __name__,
        "__annotations__": {"SIGNATURE": ClassVar[Signature]},
        "name": f"onnx.{signature.operator}",
        "SIGNATURE": signature,
        **properties,
    }
    return irdl_op_definition(type(f"{signature.operator}Op", (OnnxOp,), body))
