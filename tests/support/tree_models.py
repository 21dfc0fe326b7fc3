"""Random ensembles of trees, as ONNX models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from support.onnx_models import Array, model, node

ML = "ai.onnx.ml"
MODES = ("LEQ", "LT", "GTE", "GT", "EQ", "NEQ")
TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


@dataclass
class Nodes:
    """The attributes of a TreeEnsembleClassifier or Regressor, under construction."""

    rng: Any
    features: int
    targets: Sequence[int]
    modes: Sequence[str] = MODES
    attributes: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])

    def add(self, **values: object) -> None:
        """A row of attributes."""
        for name, value in values.items():
            self.attributes.setdefault(name, []).append(value)

    def tree(self, number: int, depth: int, prefix: str) -> None:
        """One tree; nodes have numbers in no order, the root is the first."""
        pending, free = [(0, 0)], 1
        while pending:
            node_id, level = pending.pop()
            leaf = level >= depth or self.rng.random() < 0.2
            true, false = (0, 0) if leaf else (free, free + 1)
            self.add(
                nodes_treeids=number,
                nodes_nodeids=node_id,
                nodes_modes="LEAF" if leaf else f"BRANCH_{self.rng.choice(self.modes)}",
                nodes_featureids=int(self.rng.integers(self.features)),
                nodes_values=float(self.rng.integers(-4, 5)) / 4,
                nodes_missing_value_tracks_true=int(self.rng.random() < 0.3),
                nodes_truenodeids=true,
                nodes_falsenodeids=false,
            )
            if not leaf:
                free += 2
                pending += [(false, level + 1), (true, level + 1)]
                continue
            for target in self.rng.permutation(self.targets)[: self.rng.integers(1, 3)]:
                self.add(
                    **{
                        f"{prefix}_treeids": number,
                        f"{prefix}_nodeids": node_id,
                        f"{prefix}_ids": int(target),
                        f"{prefix}_weights": float(np.float32(self.rng.normal())),
                    }
                )


def regressor(seed: int) -> onnx.ModelProto:
    """A TreeEnsembleRegressor."""
    rng: Any = np.random.default_rng(seed)
    targets = int(rng.integers(1, 4))
    nodes = Nodes(rng, 4, range(targets))
    for number in range(int(rng.integers(1, 6))):
        nodes.tree(number, int(rng.integers(0, 5)), "target")
    given: dict[str, Any] = dict(nodes.attributes)
    if rng.random() < 0.5:
        given["base_values"] = [float(np.float32(value)) for value in rng.normal(size=targets)]
    given["aggregate_function"] = str(rng.choice(["SUM", "AVERAGE", "MIN", "MAX"]))
    nodes_ = [node("TreeEnsembleRegressor", ["x"], ["y"], domain=ML, n_targets=targets, **given)]
    return model(nodes_, {"x": ["N", 4]}, ["y"], domains={ML: 3})


def classifier(seed: int) -> onnx.ModelProto:
    """A TreeEnsembleClassifier, every third of one class of two."""
    rng: Any = np.random.default_rng(seed)
    binary = seed % 3 == 0
    classes = 2 if binary else int(rng.integers(2, 5))
    nodes = Nodes(rng, 4, [0] if binary else range(classes))
    for number in range(int(rng.integers(1, 6))):
        nodes.tree(number, int(rng.integers(0, 5)), "class")
    given: dict[str, Any] = dict(nodes.attributes)
    if not binary and set(given["class_ids"]) == {1}:
        # Weights for the second class alone are not what the reference takes them for.
        given["class_ids"] = [0] * len(given["class_ids"])
    transform = given["post_transform"] = str(rng.choice(TRANSFORMS))
    if transform == "PROBIT":
        # What is not between 0 and 1 has no quantile.
        trees = len(set(given["nodes_treeids"]))
        given["class_weights"] = [
            abs(float(np.tanh(it))) / trees / 1.01 for it in given["class_weights"]
        ]
    elif rng.random() < 0.5:
        count = 1 if binary else classes
        given["base_values"] = [float(np.float32(value)) for value in rng.normal(size=count)]
    given["classlabels_int64s"] = [int(it) for it in rng.permutation(np.arange(-5, 5))[:classes]]
    nodes_ = [node("TreeEnsembleClassifier", ["x"], ["label", "scores"], domain=ML, **given)]
    return model(nodes_, {"x": ["N", 4]}, ["label", "scores"], domains={ML: 3})


def samples(seed: int, count: int = 8) -> Array:
    """Rows of elements that often equal a split, with a few that are missing or infinite."""
    rng: Any = np.random.default_rng([seed, 1])
    rows = rng.integers(-5, 6, (count, 4)) / 4 + rng.choice([0, 1e-7, -1e-7], (count, 4))
    special = rng.choice([np.nan, np.inf, -np.inf, -0.0], (count, 4))
    return np.where(rng.random((count, 4)) < 0.1, special, rows).astype(np.float32)
