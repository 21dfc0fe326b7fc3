"""
What became of a network, for people and for programs: `report.md` and `report.json`.

Everything here is read off the planned module, so it describes the C that was generated and not
what the passes meant to do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, IntegerAttr, MemRefType, StringAttr, TensorType
from xdsl.ir import Attribute, SSAValue

from nnc.codegen.network import NetworkPrinter, Port, layer_name, layer_names
from nnc.dialects.kernel.call import CallOp
from nnc.dialects.kernel.memory import ConstantOp, ViewOp
from nnc.dialects.kernel.operation import KernelOp
from nnc.dialects.types import memory_bytes, memory_type
from nnc.runtime.registry import kernel
from nnc.runtime.registry import kernels as registered_kernels

REMARKS = "nn.remarks"
LOOPS = "loops"
"""What stands for the kernel of a layer that has none."""


@dataclass(frozen=True)
class TensorRow:
    """
    A tensor: `type` as the compiler writes it, `offset` in the arena if it is there. `names` are
    what its numbers stand for, `classes` the labels along its last axis, where that is known;
    `layout` has the axes of the model's tensor in the order of this one, and is empty where that is
    its own.
    """

    name: str
    shape: tuple[int, ...]
    type: str
    bytes: int
    offset: int | None
    names: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    layout: tuple[int, ...] = ()


@dataclass(frozen=True)
class LayerRow:
    """
    A step of the network. `kernel` is the C function that runs it, or `loops`; `declined` has, for
    each kernel that is about such layers but could not run this one, its name and why.
    `off_library` says why CMSIS-NN does not run it, and is empty where it does.
    `scratch_bytes` is memory that only this step needs.
    """

    number: int
    name: str
    op: str
    kernel: str
    macs: int
    outputs: tuple[TensorRow, ...]
    scratch_bytes: int
    in_place: bool
    declined: tuple[str, ...]
    off_library: str


@dataclass(frozen=True)
class BufferRow:
    """
    Bytes of the arena that are in use from layer `first` to layer `last`, both included: -1 is
    before the first layer, the number of layers is after the last.
    """

    name: str
    offset: int
    bytes: int
    first: int
    last: int


@dataclass(frozen=True)
class Memory:
    """
    The arena: no plan for this order of layers is smaller than `lower_bound` bytes.

    `scratch_bytes` of `bytes` are scratch of the layer during which most of the arena is in use.
    `state_bytes` are in the context, not in the arena.
    """

    bytes: int
    lower_bound: int
    alignment: int
    scratch_bytes: int
    state_bytes: int
    buffers: tuple[BufferRow, ...]

    @property
    def gap(self) -> int:
        """Bytes above the lower bound: 0 means that the plan is optimal."""
        return self.bytes - self.lower_bound


@dataclass(frozen=True)
class Request:
    """What was asked for; `model` is a file name and `kernels` what `auto` became."""

    model: str
    target: str
    contract: str
    kernels: str
    optimize: str
    io: str
    pipeline: str


@dataclass(frozen=True)
class Report:
    """A compiled network. `remarks` are what the importer says the user must know."""

    name: str
    request: Request
    inputs: tuple[TensorRow, ...]
    outputs: tuple[TensorRow, ...]
    memory: Memory
    weights_bytes: int
    remarks: tuple[str, ...]
    layers: tuple[LayerRow, ...]

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of all layers."""
        return sum(layer.macs for layer in self.layers)

    @property
    def off_library(self) -> list[LayerRow]:
        """Layers that CMSIS-NN does not run."""
        return [layer for layer in self.layers if layer.off_library]


def describe_network(function: func.FuncOp, name: str, request: Request) -> Report:
    """The report of a function that has been through `plan-memory`."""
    return _Reader(NetworkPrinter(function, name), request).report()


class _Reader:
    """Reads a report off a planned function."""

    def __init__(self, printer: NetworkPrinter, request: Request):
        self.printer = printer
        self.request = request
        self.function = printer.function
        # `plan-memory` makes the arena the first argument.
        self.starts: dict[SSAValue, int] = {self.function.body.block.args[0]: 0}
        for port in printer.ports:
            if port.offset is not None:
                self.starts[port.value] = port.offset

    def report(self) -> Report:
        """All of it."""
        layers = tuple(self._layer(number, op) for number, op in enumerate(self.printer.layers))
        return Report(
            name=self.printer.name,
            request=self.request,
            inputs=tuple(self._port(port) for port in self.printer.of_role("input")),
            outputs=tuple(self._port(port) for port in self.printer.of_role("output")),
            memory=self._memory(layers),
            weights_bytes=self._weights(),
            remarks=_texts(self.function.attributes.get(REMARKS)),
            layers=layers,
        )

    def _layer(self, number: int, op: KernelOp) -> LayerRow:
        names = layer_names(op.location)
        tensors = op.tensors.data if op.tensors is not None else ()
        return LayerRow(
            number=number,
            name=layer_name(op.location) or f"layer{number}",
            op=op.title,
            kernel=op.callee.data if isinstance(op, CallOp) else LOOPS,
            macs=op.macs.value.data if op.macs is not None else 0,
            outputs=tuple(
                self._tensor(names[k] if k < len(names) else f"layer{number}_{k}", tensor, value)
                for k, (value, tensor) in enumerate(zip(op.outputs, tensors, strict=False))
            ),
            scratch_bytes=sum(_bytes(value) for value in op.scratch),
            in_place=op.in_place is not None,
            declined=_texts(op.declined),
            off_library=_why_off_library(op, self.request.kernels),
        )

    def _port(self, port: Port) -> TensorRow:
        row = self._tensor(port.name, port.tensor, port.value)
        return replace(row, names=port.names, classes=port.classes, layout=port.layout or ())

    def _tensor(self, name: str, tensor: Attribute, value: SSAValue) -> TensorRow:
        assert isinstance(tensor, TensorType)
        return TensorRow(
            name,
            tensor.get_shape(),
            str(tensor.element_type),
            memory_bytes(memory_type(tensor)),
            self._offset(value),
        )

    def _offset(self, value: SSAValue) -> int | None:
        """Where in the arena a buffer starts, None for one that is not there."""
        offset = 0
        while isinstance(value.owner, ViewOp):
            offset += value.owner.byte_offset
            value = value.owner.source
        return offset + self.starts[value] if value in self.starts else None

    def _buffer(self, value: SSAValue) -> SSAValue:
        """The argument, constant or part of the arena that a chain of views starts from."""
        arena = self.function.body.block.args[0]
        while isinstance(value.owner, ViewOp) and value.owner.source is not arena:
            value = value.owner.source
        return value

    def _weights(self) -> int:
        return sum(
            len(op.data)
            for op in self.function.body.block.ops
            if isinstance(op, ConstantOp) and op.result.first_use is not None
        )

    def _integer(self, key: str) -> int:
        value = self.function.attributes.get(key)
        assert isinstance(value, IntegerAttr), f"a planned function has {key}"
        return value.value.data

    def _memory(self, layers: Sequence[LayerRow]) -> Memory:
        buffers = sorted(self._buffers(), key=lambda row: (row.first, row.offset, row.name))
        peak = max(layers, key=lambda layer: _in_use(buffers, layer.number), default=None)
        return Memory(
            bytes=self.printer.arena_bytes(),
            lower_bound=self._integer("kernel.arena_bound"),
            alignment=self.printer.arena_alignment(),
            scratch_bytes=peak.scratch_bytes if peak is not None else 0,
            state_bytes=sum(_bytes(port.value) for port in self.printer.of_role("state")),
            buffers=tuple(buffers),
        )

    def _buffers(self) -> Iterator[BufferRow]:
        lives = self._ports()
        for number, op in enumerate(self.printer.layers):
            names = layer_names(op.location) or [f"layer{number}"]
            titles = [names[min(k, len(names) - 1)] for k in range(len(op.outputs))]
            titles += [f"{names[0]} (scratch)"] * len(op.scratch)
            written = zip([*op.outputs, *op.scratch], titles, strict=True)
            for value, title in [*written, *((value, names[0]) for value in op.inputs)]:
                buffer = self._buffer(value)
                offset = self._offset(buffer)
                if offset is not None:
                    life = lives.setdefault(buffer, _Life(title, offset, number, number))
                    life.last = max(life.last, number)
        for value, life in lives.items():
            yield BufferRow(life.name, life.offset, _bytes(value), life.first, life.last)

    def _ports(self) -> dict[SSAValue, _Life]:
        """Inputs live from before the first layer, outputs until after the last."""
        end = len(self.printer.layers)
        lives: dict[SSAValue, _Life] = {}
        for port in self.printer.of_role("input"):
            if port.offset is not None:
                lives[port.value] = _Life(port.name, port.offset, -1, -1)
        for port in self.printer.of_role("output"):
            if port.offset is not None:
                writers = (
                    number
                    for number, op in enumerate(self.printer.layers)
                    if any(self._buffer(value) is port.value for value in op.outputs)
                )
                first = min(writers, default=end)
                lives[port.value] = _Life(port.name, port.offset, first, end)
        return lives


@dataclass
class _Life:
    name: str
    offset: int
    first: int
    last: int


def _texts(attribute: Attribute | None) -> tuple[str, ...]:
    parts = attribute.data if isinstance(attribute, ArrayAttr) else ()
    return tuple(part.data for part in parts if isinstance(part, StringAttr))


def _why_off_library(op: KernelOp, kernels: str) -> str:
    if isinstance(op, CallOp) and kernel(op.callee.data).library:
        return ""
    if kernels == "none":
        return "only loops were asked for"
    functions = [row.name for row in registered_kernels() if row.library]
    reasons = [it for it in _texts(op.declined) if it.partition(":")[0] in functions]
    return "; ".join(reasons) or "CMSIS-NN has no function for it"


def _bytes(value: SSAValue) -> int:
    assert isinstance(value.type, MemRefType)
    return memory_bytes(value.type)


def _in_use(buffers: Iterable[BufferRow], layer: int) -> int:
    """Bytes of the arena that some buffer holds while a layer runs."""
    spans = sorted(
        (row.offset, row.offset + row.bytes) for row in buffers if row.first <= layer <= row.last
    )
    total = end = 0
    for low, high in spans:
        total += max(0, high - max(low, end))
        end = max(end, high)
    return total


def as_json(report: Report, files: Sequence[str]) -> str:
    """The report for programs; `files` are the names of all files written with it."""
    data = {
        "generator": GENERATOR,
        **asdict(report),
        "memory": {**asdict(report.memory), "gap": report.memory.gap},
        "macs": report.macs,
        "files": list(files),
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


GENERATOR = "nnc"
"""What `report.json` says wrote it, so that a later run may replace the folder."""


def as_markdown(report: Report) -> str:
    """The report for people."""
    request, memory = report.request, report.memory
    parts = [
        f"# {_cell(report.name)}",
        f"Made by `nnc` from `{_cell(request.model)}` for {request.target}.",
        _table(
            ("what", "value"),
            [
                ("numeric contract", request.contract),
                ("kernels", request.kernels),
                ("optimised for", request.optimize),
                ("pipeline", f"`{request.pipeline}`"),
                ("multiply-accumulates", f"{report.macs:,}"),
                ("weights and tables", f"{report.weights_bytes:,} bytes"),
                ("arena", f"{memory.bytes:,} bytes, of which scratch {memory.scratch_bytes:,}"),
                ("lower bound", f"{memory.lower_bound:,} bytes (gap {memory.gap:,})"),
                ("state", f"{memory.state_bytes:,} bytes, in the context"),
            ],
        ),
        *([_remarks(report)] if report.remarks else []),
        "## Inputs and outputs",
        _table(
            ("", "name", "shape", "type", "bytes", "offset in the arena"),
            [
                (role, row.name, _shaped(row), row.type, f"{row.bytes:,}", _place(row.offset))
                for role, rows in (("input", report.inputs), ("output", report.outputs))
                for row in rows
            ],
        ),
        *_labels(report),
        "## Layers",
        _table(
            ("", "name", "operation", "kernel", "MACs", "output", "offset", "why not CMSIS-NN"),
            [_layer_cells(layer) for layer in report.layers],
        ),
        "## Arena",
        "In use from one layer to another: -1 is before the first, "
        f"{len(report.layers)} after the last.",
        _table(
            ("offset", "bytes", "first layer", "last layer", "tensor"),
            [
                (f"{row.offset:,}", f"{row.bytes:,}", str(row.first), str(row.last), row.name)
                for row in memory.buffers
            ],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _labels(report: Report) -> list[str]:
    """What the outputs' numbers and elements stand for."""
    lines = [
        f"- `{_cell(row.name)}`: {what} {', '.join(_cell(text) for text in texts)}"
        for row in report.outputs
        for what, texts in (("its numbers are", row.names), ("its elements are of", row.classes))
        if texts
    ]
    return ["\n".join(lines)] if lines else []


def _remarks(report: Report) -> str:
    return "\n".join(["## To know", "", *(f"- {_cell(remark)}" for remark in report.remarks)])


def _layer_cells(layer: LayerRow) -> tuple[str, ...]:
    outputs = ", ".join(f"{_shape(row.shape)} {row.type}" for row in layer.outputs)
    places = ", ".join(_place(row.offset) for row in layer.outputs)
    return (
        str(layer.number),
        layer.name,
        layer.op,
        layer.kernel,
        f"{layer.macs:,}" if layer.macs else "",
        outputs,
        places + (" (in place)" if layer.in_place else ""),
        layer.off_library,
    )


def _place(offset: int | None) -> str:
    return "outside" if offset is None else f"{offset:,}"


def _shaped(row: TensorRow) -> str:
    """The shape of an input or output, with the order of its axes where it is not the model's."""
    order = ", ".join(map(str, row.layout))
    return _shape(row.shape) + (f" (the model's axes {order})" if order else "")


def _shape(shape: Sequence[int]) -> str:
    return "x".join(str(size) for size in shape) or "scalar"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)
