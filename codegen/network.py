"""
A kernel-level function as the C of one network: header, source and weights.

What is here is the frame around the layers: the context, `NAME_init`, `NAME_run`, the descriptor
and the data. The layers themselves come from `nnc.codegen.statements` and the kernel rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from xdsl.dialects import func, math
from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseIntOrFPElementsAttr,
    DictionaryAttr,
    FusedLoc,
    IntegerAttr,
    LocationAttr,
    MemRefType,
    ModuleOp,
    NameLoc,
    StringAttr,
    TensorType,
)
from xdsl.ir import Attribute, SSAValue

from nnc.codegen.data import array_definition, memory_c_type, pointer_cast
from nnc.codegen.expressions import float_literal, uses_libm
from nnc.codegen.names import Names, comment, identifier, literal
from nnc.codegen.statements import BodyPrinter
from nnc.dialects.kernel.call import CallOp
from nnc.dialects.kernel.memory import ConstantOp, ViewOp
from nnc.dialects.kernel.nest import NestOp
from nnc.dialects.kernel.operation import KernelOp
from nnc.dialects.nn.labels import CLASSES, NAMES, texts_of
from nnc.dialects.nn.layout import Layout, layout_of
from nnc.dialects.nn.states import INITIAL
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import (
    BinType,
    is_unsigned,
    memory_bytes,
    memory_type,
    numpy_dtype,
)
from nnc.runtime.registry import Kernel, kernel

ROLE, NAME, TYPE, OFFSET = "kernel.role", "nn.name", "nn.type", "kernel.offset"


@dataclass(frozen=True)
class Port:
    """
    An input, output or state of the network: a function argument. `names` are what its numbers
    stand for, `classes` the labels along its last axis, where that is known; `layout` has the axes
    of the model's tensor in the order of this one, where that is another.
    """

    value: SSAValue
    role: str
    name: str
    symbol: str
    tensor: Attribute
    offset: int | None
    index: int
    initial: DenseIntOrFPElementsAttr | None = None
    names: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    layout: Layout | None = None

    @property
    def memory(self) -> MemRefType[Attribute]:
        """The buffer that holds it."""
        assert isinstance(self.value.type, MemRefType)
        return self.value.type

    @property
    def c_type(self) -> str:
        """The C type of its elements, as the application sees them."""
        element = _element(self.tensor)
        if isinstance(element, BinType):
            return "uint32_t"
        text = memory_c_type(memory_type(self.tensor))
        return f"u{text}" if is_unsigned(element) and text.startswith("int") else text


@dataclass
class NetworkPrinter:
    """Prints the one function of a module that has been through `plan-memory`."""

    function: func.FuncOp
    name: str
    constants: dict[SSAValue, str] = field(default_factory=dict[SSAValue, str])
    names: Names = field(default_factory=Names)

    def __post_init__(self) -> None:
        self.upper = self.name.upper()
        self.ports = self._ports()
        self.layers = [op for op in self.function.body.block.ops if isinstance(op, KernelOp)]
        for op in self.function.body.block.ops:
            if isinstance(op, ConstantOp):
                self._name_constant(op)

    def _ports(self) -> list[Port]:
        attributes = self.function.arg_attrs
        assert attributes is not None
        ports: list[Port] = []
        counts: dict[str, int] = {}
        symbols = Names()
        for arg, entries in zip(self.function.body.block.args, attributes.data, strict=True):
            role = _text(entries, ROLE)
            if role == "arena":
                continue
            index = counts.get(role, 0)
            counts[role] = index + 1
            name = _text(entries, NAME)
            offset, initial = entries.data.get(OFFSET), entries.data.get(INITIAL)
            ports.append(
                Port(
                    arg,
                    role,
                    name,
                    symbols.unique(f"{role}_{identifier(name)}"),
                    entries.data[TYPE],
                    offset.value.data if isinstance(offset, IntegerAttr) else None,
                    index,
                    initial if isinstance(initial, DenseIntOrFPElementsAttr) else None,
                    texts_of(entries.data, NAMES),
                    texts_of(entries.data, CLASSES),
                    layout_of(entries.data),
                )
            )
        return ports

    def of_role(self, role: str) -> list[Port]:
        """The network's inputs, outputs or states."""
        return [port for port in self.ports if port.role == role]

    @property
    def outside(self) -> list[Port]:
        """Inputs and outputs whose memory the application brings."""
        return [p for p in self.ports if p.role in ("input", "output") and p.offset is None]

    def _name_constant(self, op: ConstantOp) -> None:
        layer = layer_name(op.location)
        kind = op.result.name_hint or "constant"
        stem = f"{self.name}_{identifier(layer)}_{kind}" if layer else f"{self.name}_{kind}"
        self.constants[op.result] = self.names.unique(stem)

    def arena_bytes(self) -> int:
        """Bytes of the arena."""
        size = self.function.attributes.get("kernel.arena_bytes")
        assert isinstance(size, IntegerAttr), "run plan-memory before printing C"
        return max(1, size.value.data)

    def arena_alignment(self) -> int:
        """Alignment of the arena, at least that of a 64-bit word."""
        alignment = self.function.attributes.get("kernel.arena_alignment")
        assert isinstance(alignment, IntegerAttr)
        return max(8, alignment.value.data)

    def pointer(self, value: SSAValue, *, writable: bool) -> str:
        """The C expression of a buffer's address, as a pointer to its elements."""
        qualifier = "" if writable else "const "
        kind = pointer_cast(memory_c_type(value.type), writable=writable)
        base, offset = _origin(value)
        if base in self.constants:
            symbol = self.constants[base]
            if base is value:
                return symbol
            return f"{kind}((const uint8_t *){symbol} + {offset})"
        port = next((port for port in self.ports if port.value is base), None)
        if port is None or port.offset is not None:
            offset += 0 if port is None or port.offset is None else port.offset
            return f"{kind}(arena + {offset})"
        place = f"context->{port.symbol}"
        if offset == 0:
            return f"{kind}{place}"
        return f"{kind}(({qualifier}uint8_t *){place} + {offset})"

    def kernels(self) -> list[Kernel]:
        """The kernels that the network calls, by name."""
        callees = {op.callee.data for op in self.layers if isinstance(op, CallOp)}
        return [kernel(name) for name in sorted(callees)]

    def uses_libm(self) -> bool:
        """Whether a layer calls a function of `math.h`."""
        return any(uses_libm(op) or isinstance(op, math.FmaOp) for op in self.function.walk())

    def layer_function(self, op: KernelOp, symbol: str) -> str:
        """The C function of a layer: its loop nest, or the call of its kernel."""
        args = op.body.block.args if isinstance(op, NestOp) else op.operands
        names, declarations = _parameters(op, args)
        before: list[str] = []
        if isinstance(op, NestOp):
            result = "void"
            body = BodyPrinter(dict(zip(args, names, strict=True))).run(op.body.block)
        else:
            assert isinstance(op, CallOp)
            result = "int"
            row = kernel(op.callee.data)
            before = row.functions(op, symbol)
            body = ["    " + line for line in row.statements(op, names, symbol)]
        head = f"NNC_LAYER {result} {symbol}("
        joined = ", ".join(declarations)
        if len(head) + len(joined) + 3 <= 100:
            signature = f"{head}{joined}) {{"
        else:
            separator = ",\n" + " " * 4
            signature = f"{head}\n    {separator.join(declarations)}\n) {{"
        by = f" by {op.callee.data}" if isinstance(op, CallOp) else ""
        what = comment(f"{layer_name(op.location)}: {op.title}{by}")
        return "\n".join([f"/* {what} */", *before, signature, *body, "}"])

    def call(self, op: KernelOp, symbol: str) -> list[str]:
        """The statements that run a layer inside `NAME_run`."""
        arguments = [
            *(self.pointer(value, writable=False) for value in op.inputs),
            *(self.pointer(value, writable=True) for value in (*op.outputs, *op.scratch)),
        ]
        if isinstance(op, CallOp):
            return [
                "    if (",
                f"        {symbol}(",
                *(f"            {a}," for a in arguments[:-1]),
                f"            {arguments[-1]}",
                "        ) != 0",
                "    ) {",
                "        return NNC_ERROR_KERNEL;",
                "    }",
            ]
        single = f"    {symbol}({', '.join(arguments)});"
        if len(single) <= 100:
            return [single]
        return [
            f"    {symbol}(",
            *(f"        {a}," for a in arguments[:-1]),
            f"        {arguments[-1]}",
            "    );",
        ]

    def tensor_descriptor(self, name: str, tensor: Attribute, value: SSAValue, shape: str) -> str:
        """An initialiser of `nnc_tensor`."""
        base, offset = _origin(value)
        port = next((port for port in self.ports if port.value is base), None)
        place = "NNC_OUTSIDE"
        if base not in self.constants and (port is None or port.offset is not None):
            place = str(offset + (port.offset or 0 if port is not None else 0))
        element = _element(tensor)
        scale, zero_point = "0.0f", "0"
        if isinstance(element, UniformQuantizedType) and element.axis is None:
            scale = float_literal(element.scale, element.expressed).text
            zero_point = str(element.zero_point)
        assert isinstance(tensor, TensorType)
        rank = len(tensor.get_shape())
        size = memory_bytes(memory_type(tensor))
        flags = self._flags(port)
        return (
            f"{{{literal(name)}, {element_tag(element)}, {rank}, {shape if rank else 'NULL'}, "
            f"{size}, {scale}, {zero_point}, {place}, {flags}}}"
        )

    def _flags(self, port: Port | None) -> str:
        if port is None or port.role != "input" or port.offset is None:
            return "0"
        return "NNC_TENSOR_OVERWRITTEN"


def _parameters(op: KernelOp, args: Sequence[SSAValue]) -> tuple[list[str], list[str]]:
    """The names and declarations of a layer function's parameters."""
    names, symbols = Names(), list[str]()
    declarations: list[str] = []
    inputs, outputs = len(op.inputs), len(op.outputs)
    restrict = "" if op.in_place is not None else "restrict "
    for k, arg in enumerate(args):
        default = "input" if k < inputs else "output" if k < inputs + outputs else "scratch"
        inside = isinstance(op, NestOp) or isinstance(arg.owner, ConstantOp)
        symbols.append(names.unique(arg.name_hint if inside and arg.name_hint else default))
        qualifier = "const " if k < inputs else ""
        declarations.append(f"{qualifier}{memory_c_type(arg.type)} *{restrict}{symbols[-1]}")
    return symbols, declarations


def layer_name(location: LocationAttr) -> str:
    """The name that the model gave to a layer; empty if it has none."""
    names = layer_names(location)
    return names[0] if names else ""


def layer_names(location: LocationAttr) -> list[str]:
    """The names of all results of a layer."""
    match location:
        case NameLoc():
            return [location.desc.data]
        case FusedLoc(locations=ArrayAttr(data=fused)):
            parts = cast(Sequence[Attribute], fused)
            named = [part for part in parts if isinstance(part, LocationAttr)]
            return [name for part in named for name in layer_names(part)]
        case _:
            return []


_TAGS = {
    "int8": "NNC_I8",
    "uint8": "NNC_U8",
    "int16": "NNC_I16",
    "uint16": "NNC_U16",
    "int32": "NNC_I32",
    "uint32": "NNC_U32",
    "int64": "NNC_I64",
    "uint64": "NNC_U64",
    "float16": "NNC_F16",
    "float32": "NNC_F32",
    "float64": "NNC_F64",
    "bool": "NNC_BOOL",
}


def element_tag(element: Attribute) -> str:
    """The `nnc_type` of an element type."""
    return "NNC_BIN32" if isinstance(element, BinType) else _TAGS[numpy_dtype(element).name]


def _element(tensor: Attribute) -> Attribute:
    assert isinstance(tensor, TensorType)
    return tensor.element_type


def _origin(value: SSAValue) -> tuple[SSAValue, int]:
    """The buffer that a chain of views starts from, and the bytes from its start."""
    offset = 0
    while isinstance(value.owner, ViewOp):
        offset += value.owner.byte_offset
        value = value.owner.source
    return value, offset


def _text(entries: DictionaryAttr, key: str) -> str:
    value = entries.data[key]
    assert isinstance(value, StringAttr)
    return value.data


def constant_definitions(printer: NetworkPrinter) -> list[str]:
    """The definition of each constant, under a comment with its layer."""
    texts: list[str] = []
    for op in printer.function.body.block.ops:
        if isinstance(op, ConstantOp) and op.result.first_use is not None:
            kind = op.result.type
            assert isinstance(kind, MemRefType)
            text = array_definition(printer.constants[op.result], kind, op.data)
            texts.append(f"/* {comment(layer_name(op.location) or 'constant')} */\n{text}")
    return texts


def network_of(module: ModuleOp) -> func.FuncOp:
    """The function of a module that is the network: the only one, or the one named `main`."""
    functions = [op for op in module.body.block.ops if isinstance(op, func.FuncOp)]
    named = [op for op in functions if op.sym_name.data == "main"]
    return (named or functions)[0]
