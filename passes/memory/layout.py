"""
Buffers that share storage, cut into the pieces that are written and read together.

After this, aliases are gone: a storage is a rigid body that gets one offset, and each of its pieces
has a lifetime of its own. The room of a concatenation's second operand is free until that operand
is computed, and the part of a buffer that no later slice reads is free early.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nnc.passes.memory.graph import Graph


@dataclass(frozen=True, slots=True)
class Piece:
    """
    Bytes `low` to `high` of a storage. `writer` and `readers` are indices of steps; a piece without
    a writer is filled before the first step, a `pinned` one lives until the end.
    """

    storage: int
    low: int
    high: int
    writer: int | None
    readers: tuple[int, ...]
    pinned: bool

    @property
    def bytes(self) -> int:
        return self.high - self.low


@dataclass(frozen=True, slots=True)
class Storage:
    """A buffer that is nobody's child, with everything that lives in it."""

    root: str
    bytes: int
    alignment: int
    outside: bool


@dataclass(frozen=True)
class Layout:
    """
    `home[b]` is the storage of buffer b and its offset therein; `covers[b]` the pieces it spans.
    `before[s]` is a bit mask of the steps that must precede step s.
    """

    storages: tuple[Storage, ...]
    pieces: tuple[Piece, ...]
    home: dict[str, tuple[int, int]]
    covers: dict[str, tuple[int, ...]]
    before: tuple[int, ...]


@dataclass(slots=True)
class _Access:
    """Who touches one stretch of bytes."""

    low: int
    high: int
    writers: list[int]
    readers: list[int]
    given: bool
    kept: bool
    persistent: bool


def lay_out(graph: Graph) -> Layout:
    """
    Resolve the aliases of a graph and cut its storages into pieces.

    Raises ValueError where an alias does not fit, a byte is read before it is written, or is
    written twice without being persistent, or a storage is never used.
    """
    home = _homes(graph)
    members: dict[str, list[str]] = {}
    for buffer in graph.buffers:
        members.setdefault(home[buffer.id][0], []).append(buffer.id)
    index = {root: number for number, root in enumerate(members)}
    buffers = {buffer.id: buffer for buffer in graph.buffers}
    readers = _users(graph, lambda number: graph.steps[number].reads)
    writers = _users(graph, lambda number: graph.steps[number].writes)

    storages: list[Storage] = []
    pieces: list[Piece] = []
    covers: dict[str, tuple[int, ...]] = {}
    before = [0] * len(graph.steps)
    for root, names in members.items():
        alignment = max(buffers[name].alignment for name in names)
        storage = Storage(root, buffers[root].bytes, alignment, buffers[root].outside)
        accesses = _accesses(graph, names, home, readers, writers)
        if not accesses and storage.bytes:
            raise ValueError(f"buffer {root!r} is never used")
        start = len(pieces)
        for access in accesses:
            _check_access(graph, root, access)
            _add_dependences(before, access)
            pieces.append(_piece(len(storages), access))
        storages.append(storage)
        for name in names:
            low = home[name][1]
            high = low + buffers[name].bytes
            covers[name] = tuple(
                number
                for number in range(start, len(pieces))
                if low <= pieces[number].low and pieces[number].high <= high
            )
    placed = {name: (index[root], offset) for name, (root, offset) in home.items()}
    return Layout(tuple(storages), tuple(pieces), placed, covers, tuple(before))


def _homes(graph: Graph) -> dict[str, tuple[str, int]]:
    """The root of each buffer, and the buffer's offset from it."""
    parents = {alias.child: alias for alias in graph.aliases}
    buffers = {buffer.id: buffer for buffer in graph.buffers}
    for alias in graph.aliases:
        child, parent = buffers[alias.child], buffers[alias.parent]
        end = alias.byte_offset + child.bytes
        if alias.byte_offset < 0 or end > parent.bytes:
            raise ValueError(
                f"{child.id!r} does not fit into {parent.id!r}: expected bytes below "
                f"{parent.bytes}, got {alias.byte_offset} to {end}"
            )
    homes: dict[str, tuple[str, int]] = {}
    for buffer in graph.buffers:
        root, offset, hops = buffer.id, 0, 0
        while root in parents:
            alias = parents[root]
            root, offset, hops = alias.parent, offset + alias.byte_offset, hops + 1
            if hops > len(parents):
                raise ValueError(f"{buffer.id!r} is stored inside itself")
        if offset % buffer.alignment:
            raise ValueError(
                f"{buffer.id!r} lies {offset} bytes into {root!r}, which is no multiple of its "
                f"alignment {buffer.alignment}"
            )
        homes[buffer.id] = root, offset
    return homes


def _users(graph: Graph, names: Callable[[int], Sequence[str]]) -> dict[str, list[int]]:
    users: dict[str, list[int]] = {buffer.id: [] for buffer in graph.buffers}
    for number in range(len(graph.steps)):
        for name in dict.fromkeys(names(number)):
            users[name].append(number)
    return users


def _accesses(
    graph: Graph,
    names: Iterable[str],
    home: dict[str, tuple[str, int]],
    readers: dict[str, list[int]],
    writers: dict[str, list[int]],
) -> list[_Access]:
    """One storage, cut wherever the set of users changes; bytes nobody touches are left out."""
    special = set(graph.inputs) | set(graph.outputs) | set(graph.persistent)
    sizes = {buffer.id: buffer.bytes for buffer in graph.buffers}
    used = [
        (home[name][1], home[name][1] + sizes[name], name)
        for name in names
        if sizes[name] and (readers[name] or writers[name] or name in special)
    ]
    cuts = sorted({edge for low, high, _ in used for edge in (low, high)})
    accesses: list[_Access] = []
    for low, high in pairwise(cuts):
        over = [name for first, last, name in used if first <= low and high <= last]
        if not over:
            continue
        accesses.append(
            _Access(
                low,
                high,
                sorted(number for name in over for number in writers[name]),
                sorted({number for name in over for number in readers[name]}),
                any(name in graph.inputs for name in over),
                any(name in graph.outputs for name in over),
                any(name in graph.persistent for name in over),
            )
        )
    return accesses


def _check_access(graph: Graph, root: str, access: _Access) -> None:
    if access.persistent:
        return
    where = f"bytes {access.low} to {access.high} of {root!r}"
    if len(access.writers) + access.given > 1:
        raise ValueError(f"{where} are written twice")
    if access.given:
        return
    if not access.writers:
        raise ValueError(f"{where} are read and never written")
    early = [number for number in access.readers if number <= access.writers[0]]
    if early:
        raise ValueError(f"step {graph.steps[early[0]].name!r} reads {where} too early")


def _add_dependences(before: list[int], access: _Access) -> None:
    if not access.persistent:
        for reader in access.readers:
            before[reader] |= sum(1 << writer for writer in access.writers)
        return
    touching = sorted({*access.readers, *access.writers})
    for later in touching:
        for earlier in touching:
            ordered = earlier in access.writers or later in access.writers
            if earlier < later and ordered:
                before[later] |= 1 << earlier


def _piece(storage: int, access: _Access) -> Piece:
    given = access.given or access.persistent
    return Piece(
        storage,
        access.low,
        access.high,
        None if given else access.writers[0],
        tuple(access.readers),
        access.kept or access.persistent,
    )
