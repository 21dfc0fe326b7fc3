"""
How far a kernel's writes must stay behind its reads, so that it can write over its own input.

A kernel walks the points of its output in order; each point first reads some of the input and then
writes a block of the output. Its distance d is the least for which
`offset(output) + d <= offset(input)` guarantees that no write touches an input byte which a later
point still reads: d = max over points p < q of (end of p's write - start of q's read).

Points are addressed by nested axes, outermost first, and both sides are sums over the axes, so the
maximum splits at the outermost axis in which p and q differ: the axes outside it have the same
index, those inside are free. That takes time linear in the extents rather than in the points.

A kernel that works on blocks of several points, reading for all before it writes any, is covered
too; one that reads input again after writing beyond the point it belongs to is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Axis:
    """
    One loop of the walk. At index k it adds `k * out_stride` to where the point is written, and to
    where it reads `first[k]` bytes for the lowest byte and `last[k]` for the highest; None if the
    point reads nothing (its window lies in the padding).
    """

    first: tuple[int | None, ...]
    last: tuple[int | None, ...]
    out_stride: int


def walk_distance(
    axes: Sequence[Axis], read: int, write: int, in_bytes: int, *, backward: bool = False
) -> int:
    """
    The distance for a walk over `axes`, in which the byte addresses of a point's reads end `read`
    bytes after the highest, and a point writes `write` bytes.

    Never below `-in_bytes`, where the output lies behind the input entirely. With `backward`, the
    kernel walks from the last point to the first, and the distance d is for
    `offset(input) + d <= offset(output)`.
    """
    writes = [[k * axis.out_stride for k in range(len(axis.first))] for axis in axes]
    if not backward:
        worst = _worst(writes, [axis.first for axis in axes])
        return -in_bytes if worst is None else max(-in_bytes, worst + write)
    floor = -write - sum(line[-1] for line in writes)
    worst = _worst(
        [[-address for address in reversed(line)] for line in writes],
        [negated(axis.last) for axis in axes],
    )
    return floor if worst is None else max(floor, worst + read)


def _worst(writes: Sequence[Sequence[int]], reads: Sequence[Sequence[int | None]]) -> int | None:
    """
    The largest write(p) - read(q) over points p before q, both sums over the axes; None if no point
    reads anything after another.
    """
    same: list[int] = []
    ahead: list[int | None] = []
    free: list[int] = []
    for line, needs in zip(writes, reads, strict=True):
        used = [
            (address, need) for address, need in zip(line, needs, strict=True) if need is not None
        ]
        if not used:
            return None
        same.append(max(address - need for address, need in used))
        free.append(max(line) - min(need for _, need in used))
        written = list(accumulate(line, max))
        ahead.append(
            max(
                (written[k - 1] - need for k, need in enumerate(needs) if k and need is not None),
                default=None,
            )
        )
    splits = [
        sum(same[:axis]) + step + sum(free[axis + 1 :])
        for axis, step in enumerate(ahead)
        if step is not None
    ]
    return max(splits, default=None)


def negated(addresses: Sequence[int | None]) -> tuple[int | None, ...]:
    """The same axis walked from its end."""
    return tuple(None if address is None else -address for address in reversed(addresses))
