"""
Which weights of a file are whose.

`.h5` files keep the weights of each outermost layer as one list: first those of all inner layers
that training changes, then all others. `.keras` files keep them in groups that mirror the model,
named by class and number (`layers/conv2d_1/vars/0`), in Keras 3 with the layer's name beside them.
Source: `legacy_h5_format.py` and `saving_lib.py` in `keras/src/saving`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nnc.dialects.keras.base import Weight
from nnc.dialects.types import Array
from nnc.frontends.errors import Problem
from nnc.frontends.keras_graph import Layer, Model
from nnc.frontends.keras_hdf5 import Hdf5Error, Hdf5File

_RANDOM = ("seed_generator", "StateVar")
"""What the names of a random generator's states contain, which are no weights."""


@dataclass(frozen=True)
class Wanted:
    """
    The weights that a layer needs; None: all that are stored for it. `stored_in` are their groups
    below that of the layer in a `.keras` file.
    """

    weights: Sequence[Weight] | None
    stored_in: tuple[str, ...] = ("vars",)


@dataclass
class WeightStore(ABC):
    """The weights in a file; `problems` collects what is missing or broken."""

    file: Hdf5File
    problems: list[Problem] = field(default_factory=list[Problem])

    @abstractmethod
    def load(self, model: Model, wanted: Mapping[Layer, Wanted]) -> dict[Layer, list[Array]]:
        """The weights of all layers, those with problems left out."""

    def broken(self, layer: Layer, error: Hdf5Error) -> None:
        """Notes that what belongs to a layer cannot be read."""
        self.problems.append(Problem(str(error), layer.name, layer.class_name))

    def read(self, layer: Layer, paths: Sequence[str]) -> list[Array] | None:
        """The arrays at these paths; None where there is a problem, which is noted."""
        try:
            return [self.file.array(path) for path in paths]
        except Hdf5Error as error:
            self.broken(layer, error)
            return None

    def missing(self, layer: Layer, expected: int, got: int) -> None:
        """Notes that a layer's weights are not all there."""
        reason = f"expected {expected} weights in the file, got {got}"
        self.problems.append(Problem(reason, layer.name, layer.class_name))


class LegacyStore(WeightStore):
    """The weights of an `.h5` file."""

    def load(self, model: Model, wanted: Mapping[Layer, Wanted]) -> dict[Layer, list[Array]]:
        found: dict[Layer, list[Array]] = {}
        for layer in model.layers:
            leaves = [leaf for leaf in layer.leaves() if leaf in wanted]
            try:
                shares = self._shares(layer, leaves, wanted)
            except Hdf5Error as error:
                self.broken(layer, error)
                continue
            for leaf, paths in shares.items():
                arrays = self.read(leaf, paths)
                if arrays is not None:
                    found[leaf] = arrays
        return found

    def _names(self, layer: Layer) -> list[str]:
        root = "model_weights" if self.file.has("model_weights") else ""
        group = f"{root}/{layer.name}"
        names = self.file.texts(group, "weight_names")
        return [f"{group}/{it}" for it in names if not any(part in it for part in _RANDOM)]

    def _shares(
        self, layer: Layer, leaves: Sequence[Layer], wanted: Mapping[Layer, Wanted]
    ) -> dict[Layer, list[str]]:
        """The paths of each leaf's weights, in the leaf's order."""
        names = self._names(layer)
        if any(wanted[leaf].weights is None for leaf in leaves):
            return self._named(names, leaves, wanted)
        order = [
            (leaf, number)
            for late in (False, True)
            for leaf in leaves
            for number, weight in enumerate(wanted[leaf].weights or ())
            if late == (weight.frozen or not leaf.trainable)
        ]
        if len(order) != len(names):
            self.missing(layer, len(order), len(names))
            return {}
        shares: dict[Layer, dict[int, str]] = {leaf: {} for leaf in leaves}
        for (leaf, number), name in zip(order, names, strict=True):
            shares[leaf][number] = name
        return {leaf: [it[number] for number in sorted(it)] for leaf, it in shares.items()}

    def _named(
        self, names: Sequence[str], leaves: Sequence[Layer], wanted: Mapping[Layer, Wanted]
    ) -> dict[Layer, list[str]]:
        """By the layer's name in that of the weight: who has how many is not known."""
        if len(leaves) == 1:
            return {leaves[0]: list(names)}
        shares = {
            leaf: [name for name in names if leaf.name in name.split("/")[1:-1]] for leaf in leaves
        }
        for leaf, share in shares.items():
            weights = wanted[leaf].weights
            if weights is not None and len(weights) != len(share):
                self.missing(leaf, len(weights), len(share))
        return shares


class TreeStore(WeightStore):
    """The weights of a `.keras` file."""

    def load(self, model: Model, wanted: Mapping[Layer, Wanted]) -> dict[Layer, list[Array]]:
        try:
            return self._load(model, wanted)
        except Hdf5Error as error:
            self.problems.append(Problem(str(error)))
            return {}

    def _load(self, model: Model, wanted: Mapping[Layer, Wanted]) -> dict[Layer, list[Array]]:
        found: dict[Layer, list[Array]] = {}
        for layer, group in self._groups(model, ""):
            if layer not in wanted:
                continue
            paths = [
                path for it in wanted[layer].stored_in for path in self._paths(f"{group}/{it}")
            ]
            weights = wanted[layer].weights
            if weights is not None and len(paths) != len(weights):
                self.missing(layer, len(weights), len(paths))
                continue
            arrays = self.read(layer, paths)
            if arrays is not None:
                found[layer] = arrays
        return found

    def _paths(self, group: str) -> list[str]:
        """The numbered arrays of a group, none where one is left out."""
        numbers = sorted(int(it) for it in self.file.children(group) if it.isdigit())
        whole = numbers == list(range(len(numbers)))
        return [f"{group}/{number}" for number in numbers] if whole else []

    def _groups(self, model: Model, base: str) -> list[tuple[Layer, str]]:
        """All leaves of a model with their groups."""
        containers = ("layers", "_layer_checkpoint_dependencies")
        base = next((f"{base}/{it}" for it in containers if self.file.has(f"{base}/{it}")), base)
        children = self.file.children(base)
        named = {self.file.text(f"{base}/{it}/vars", "name"): it for it in children}
        counts: dict[str, int] = {}
        found: list[tuple[Layer, str]] = []
        for layer in model.layers:
            kind = group_name(layer)
            number = counts[kind] = counts.get(kind, -1) + 1
            counted = f"{kind}_{number}" if number else kind
            found.extend(self._leaves(layer, f"{base}/{named.get(layer.name, counted)}"))
        return found

    def _leaves(self, layer: Layer, group: str) -> list[tuple[Layer, str]]:
        if layer.model is not None:
            return self._groups(layer.model, group)
        if not layer.wrapped:
            return [(layer, group)]
        parts = layer.wrapped.items()
        return [pair for role, inner in parts for pair in self._leaves(inner, f"{group}/{role}")]


def group_name(layer: Layer) -> str:
    """What the group of a class of layers is called. Source: `to_snake_case` in Keras."""
    name = re.sub(r"\W+", "", (layer.stored_as or layer.class_name).rpartition(">")[2])
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
