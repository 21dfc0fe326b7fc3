"""Random trees of the `nn` dialect."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects.builtin import f32
from xdsl.ir import Attribute

from nnc.dialects.nn.trees import Trees
from nnc.dialects.types import numpy_dtype


def random_trees(
    numbers: np.random.Generator,
    element: Attribute,
    features: int,
    targets: int,
    *,
    votes: bool = False,
    single: bool = False,
    missing: bool = False,
) -> Trees:
    """
    A few trees whose splits are of the type `element`, some of them a leaf alone. `votes` are of 1,
    `single` leaves have one weight each.
    """
    rng: Any = numbers
    rows: list[list[int]] = []
    leaves: list[list[tuple[int, float]]] = []

    def grow(depth: int) -> int:
        if depth == 0 or rng.random() < 0.15:
            count = 1 if single else int(rng.integers(0, 3))
            chosen = rng.integers(0, targets, count)
            leaves.append([(int(it), 1.0 if votes else float(rng.normal())) for it in chosen])
            return -len(leaves)
        place = len(rows)
        rows.append([])
        feature = int(rng.integers(features))
        rows[place] = [feature, grow(depth - 1), grow(depth - 1)]
        return place

    roots = [grow(int(rng.integers(0, 6))) for _ in range(int(rng.integers(1, 5)))]
    rows = rows or [[0, -1, -1]]
    entries = [entry for leaf in leaves for entry in leaf] or [(0, 1.0)]
    return Trees(
        features=np.asarray([row[0] for row in rows], np.int32),
        splits=_splits(rng, element, len(rows)),
        next=np.asarray([row[1:] for row in rows], np.int32),
        missing=rng.random(len(rows)) < (0.5 if missing else 0),
        roots=np.asarray(roots, np.int32),
        starts=np.cumsum([0, *(len(leaf) for leaf in leaves)]).astype(np.int32),
        targets=np.asarray([target for target, _ in entries], np.int32),
        weights=np.asarray([it for _, it in entries], np.int32 if votes else np.float32),
    )


def _splits(rng: Any, element: Attribute, count: int) -> Any:
    dtype = np.dtype(str(numpy_dtype(element)))
    if element == f32:
        return rng.normal(0, 1, count).astype(dtype)
    limits = np.iinfo(dtype)
    edges = rng.choice([limits.min, limits.max, 0, -1 if limits.min else 1], count)
    inside = rng.integers(limits.min, limits.max, count, endpoint=True)
    return np.where(rng.random(count) < 0.2, edges, inside).astype(dtype)
