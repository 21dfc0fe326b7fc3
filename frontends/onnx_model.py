"""
The bytes of a `.onnx` file as a graph that is known to be one.

Protocol buffers promise little: any bytes may parse, names may be missing or given twice, nodes in
any order or in a circle, weights anywhere in the file system. What follows can rely on a `Graph`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import inliner

from nnc.frontends.errors import FrontendError, Problem
from nnc.frontends.onnx_conversion import converted
from nnc.frontends.onnx_subgraphs import needs, nested, subgraphs

OLDEST_OPSET = 7
"""The version of the oldest operator set that is read; models of older ones are converted to it."""

LARGEST_WEIGHTS = 256 << 20
"""Bytes of all weights that a model may keep in other files."""

_DOMAINS = {"ai.onnx": ""}


@dataclass(frozen=True)
class Graph:
    """
    The main graph of a model, functions inlined, or a graph inside a node.

    `nodes` are in an order in which they can be computed, `inputs` those without an initializer.
    `opsets` is the version of each domain's operator set, the standard domain being "".
    """

    nodes: Sequence[onnx.NodeProto]
    inputs: Sequence[onnx.ValueInfoProto]
    outputs: Sequence[onnx.ValueInfoProto]
    described: Sequence[onnx.ValueInfoProto]
    initializers: dict[str, onnx.TensorProto]
    opsets: dict[str, int]
    ir_version: int
    producer: str = ""
    """What wrote the model, as it says itself."""
    remarks: tuple[str, ...] = ()
    """What was decided for the user."""


def read_graph(data: bytes, path: Path | None) -> Graph:
    """
    The graph of a file's contents; `path` is where the file is, if it is anywhere.

    Raises FrontendError with everything that is wrong.
    """
    model = _parsed(data)
    opsets = _opsets(model)
    remarks: list[str] = []
    if opsets[""] < OLDEST_OPSET:
        remarks.append(f"operator set {opsets['']} was converted to {OLDEST_OPSET}")
        model = converted(model, OLDEST_OPSET)
        opsets = _opsets(model)
    model = _inlined(model)
    graph = model.graph
    problems: list[Problem] = []
    _load_external(_weights(graph), path, problems)
    found = _graph(graph, frozenset(), opsets, model.ir_version, problems)
    if problems:
        raise FrontendError(problems)
    return replace(found, producer=model.producer_name, remarks=tuple(remarks))


def inner_graph(
    graph: onnx.GraphProto, outer: Graph, known: Collection[str], problems: list[Problem]
) -> Graph:
    """A graph inside a node of another one, of which it may use the tensors `known`."""
    return _graph(graph, known, outer.opsets, outer.ir_version, problems)


def _graph(
    graph: onnx.GraphProto,
    known: Collection[str],
    opsets: dict[str, int],
    ir_version: int,
    problems: list[Problem],
) -> Graph:
    initializers = _initializers(graph, problems)
    for tensor in graph.sparse_initializer:
        reason = "sparse tensors are not supported"
        problems.append(Problem(reason, tensor.values.name, "initializer"))
    inputs = [value for value in graph.input if value.name not in initializers]
    own = {*initializers, *(value.name for value in inputs)}
    nodes = _ordered(graph, own, known, problems)
    return Graph(
        nodes,
        inputs,
        list(graph.output),
        list(graph.value_info),
        initializers,
        opsets,
        ir_version,
    )


def self_contained(data: bytes, path: Path | None) -> onnx.ModelProto:
    """
    A model with all of its weights, functions inlined: what another program can run, whose tensors
    have the names that `read_graph` gives them. Raises FrontendError.
    """
    model = _inlined(_parsed(data))
    problems: list[Problem] = []
    _load_external(_weights(model.graph), path, problems)
    if problems:
        raise FrontendError(problems)
    return model


def _weights(graph: onnx.GraphProto) -> list[onnx.TensorProto]:
    """The initializers of a graph and of those inside it."""
    return [tensor for inner in nested(graph) for tensor in inner.initializer]


def _parsed(data: bytes) -> onnx.ModelProto:
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise _refused("this is not a valid ONNX file: it is no protocol buffer") from error
    if not model.HasField("graph") or not model.opset_import:
        raise _refused("this is not a valid ONNX file: it has no graph, or no operator set")
    return model


def domain_of(node: onnx.NodeProto) -> str:
    """The domain of a node's operator, the standard one being ""."""
    return _DOMAINS.get(node.domain, node.domain)


def label(node: onnx.NodeProto) -> str:
    """What messages call a node: its name, or else that of its first result."""
    return node.name or next((name for name in node.output if name), node.op_type)


def _refused(reason: str) -> FrontendError:
    return FrontendError([Problem(reason)])


def _opsets(model: onnx.ModelProto) -> dict[str, int]:
    opsets: dict[str, int] = {}
    for it in model.opset_import:
        domain = _DOMAINS.get(it.domain, it.domain)
        if opsets.setdefault(domain, it.version) != it.version:
            title = domain or "ai.onnx"
            raise _refused(
                f"expected one operator set of {title}, got {opsets[domain]} and {it.version}"
            )
    newest = onnx.defs.onnx_opset_version()
    version = opsets.get("", newest)
    if not 1 <= version <= newest:
        raise FrontendError(
            [
                Problem(
                    f"expected an operator set from 1 to {newest}, got {version}",
                    remedy="onnx.version_converter converts models",
                )
            ]
        )
    return {"": version, **opsets}


def _inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without functions of its own."""
    if not model.functions:
        return model
    calls = {
        (function.domain, function.name): _called(function.node) for function in model.functions
    }
    finished: set[tuple[str, str]] = set()
    while len(finished) < len(calls):
        ready = {key for key, used in calls.items() if not (used & calls.keys()) - finished}
        if ready <= finished:
            names = ", ".join(sorted(name for _, name in calls.keys() - finished))
            raise _refused(f"functions of the model call themselves: {names}")
        finished |= ready
    try:
        return inliner.inline_local_functions(model)
    except (RuntimeError, ValueError, TypeError) as error:
        raise _refused(f"the functions of the model cannot be inlined: {error}") from error


def _called(nodes: Sequence[onnx.NodeProto]) -> set[tuple[str, str]]:
    """The operators of nodes and of the graphs inside them."""
    inner = [graph for node in nodes for graph in subgraphs(node)]
    every = [*nodes, *(node for graph in inner for it in nested(graph) for node in it.node)]
    return {(node.domain, node.op_type) for node in every}


def _initializers(graph: onnx.GraphProto, problems: list[Problem]) -> dict[str, onnx.TensorProto]:
    found: dict[str, onnx.TensorProto] = {}
    for tensor in graph.initializer:
        if not tensor.name or tensor.name in found:
            reason = "expected a name of its own, got one that is missing or taken"
            problems.append(Problem(reason, tensor.name, "initializer"))
        found[tensor.name] = tensor
    return found


def _load_external(
    tensors: Iterable[onnx.TensorProto], path: Path | None, problems: list[Problem]
) -> None:
    """Brings tensors whose data is in other files, below the model's own folder, into memory."""
    room = LARGEST_WEIGHTS
    for tensor in tensors:
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        try:
            data = _external(tensor, path, room)
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else None
            problems.append(Problem(said or str(error), tensor.name, "initializer"))
            continue
        room -= len(data)
        tensor.raw_data = data
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]


def _external(tensor: onnx.TensorProto, path: Path | None, room: int) -> bytes:
    """The bytes of a tensor in another file. Raises ValueError, OSError."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    if path is None:
        raise ValueError("its data is in another file, and the model comes from none")
    folder = path.resolve().parent
    file = (folder / location).resolve()
    if not location or not file.is_relative_to(folder) or file == folder:
        raise ValueError(f"its data is not below the model's own folder: '{location}'")
    try:
        offset, length = int(entries.get("offset", "0")), int(entries.get("length", "-1"))
    except ValueError:
        raise ValueError("its place in another file is no number") from None
    size = file.stat().st_size
    length = size - offset if length < 0 else length
    if not file.is_file() or offset < 0 or length < 0 or offset + length > size:
        raise ValueError(f"its data is not within the file '{location}'")
    if length > room:
        raise ValueError(f"the model's weights have more than {LARGEST_WEIGHTS >> 20} MiB")
    with file.open("rb") as stream:
        stream.seek(offset)
        return stream.read(length)


def _ordered(
    graph: onnx.GraphProto, own: set[str], around: Collection[str], problems: list[Problem]
) -> list[onnx.NodeProto]:
    """
    The nodes in an order in which each uses what is there; the file's own where it is one. There
    are the tensors `own` of the graph and those of the graphs around it, whose names may be used
    again.
    """
    known = {*own, *around}
    makers: dict[str, int] = {}
    for number, node in enumerate(graph.node):
        for name in node.output:
            if name and (name in makers or name in own):
                reason = f'expected a result of its own, got the tensor "{name}" again'
                problems.append(Problem(reason, label(node), node.op_type))
            makers.setdefault(name, number)
    for node in graph.node:
        for name in needs(node):
            if name not in known and name not in makers:
                reason = f'nothing makes the tensor "{name}"'
                problems.append(Problem(reason, label(node), node.op_type))
    for value in graph.output:
        if value.name not in makers and value.name not in known:
            problems.append(Problem("nothing makes it", value.name, "output"))
    return _sorted(graph.node, makers, problems)


def _sorted(
    nodes: Sequence[onnx.NodeProto], makers: dict[str, int], problems: list[Problem]
) -> list[onnx.NodeProto]:
    sources = [{makers[name] for name in needs(node) if name in makers} for node in nodes]
    users: dict[int, list[int]] = {}
    for number, needed in enumerate(sources):
        for maker in needed:
            users.setdefault(maker, []).append(number)
    waiting = [len(needed) for needed in sources]
    ready = [number for number, count in enumerate(waiting) if not count]
    order: list[int] = []
    # The nodes that are ready come in the file's order, so that a sorted file stays as it is.
    heapify(ready)
    while ready:
        number = heappop(ready)
        order.append(number)
        for user in users.get(number, ()):
            waiting[user] -= 1
            if not waiting[user]:
                heappush(ready, user)
    stuck = [nodes[number] for number, count in enumerate(waiting) if count]
    for node in stuck:
        problems.append(Problem("it needs its own result", label(node), node.op_type))
    return [nodes[number] for number in order]
