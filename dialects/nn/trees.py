"""Ensembles of decision trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import (
    DenseIntOrFPElementsAttr,
    DenseResourceAttr,
    StringAttr,
    TensorType,
    f32,
    i8,
    i16,
    i32,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import base, irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.algebra import INDEX
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.checks import Kind, check_kind, check_output, check_rank
from nnc.dialects.nn.loops import IRScalar, LoopBuilder, Operand
from nnc.dialects.nn.quantized import arithmetic_type
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import (
    Array,
    dense_attribute,
    dense_values,
    element_of,
    given,
    numpy_dtype,
    shape_of,
)

Ints = npt.NDArray[np.int32]

AGGREGATES = ("sum", "min", "max")

DENSE = base(DenseIntOrFPElementsAttr) | base(DenseResourceAttr)


@dataclass(frozen=True)
class Trees:
    """
    Trees as arrays: n nodes that ask, r trees, m leaves with e weights in all.

    - `features` [n]: the number of the element that a node looks at.
    - `splits` [n]: what it compares the element with, in the input's stored type.
    - `next` [n, 2]: where to go if the element is not above the split, and where otherwise: the
      number of a node, or -1 - k for leaf k. Nodes come before those that they lead to.
    - `missing` [n]: whether NaN goes where elements go that are not above the split.
    - `roots` [r]: where each tree begins, in the same way.
    - `starts` [m + 1]: the weights of leaf k are those from `starts[k]` to below `starts[k + 1]`.
    - `targets` [e], `weights` [e]: what each weight is added to, and the weight, f32 or i32.
    """

    features: Ints
    splits: Array
    next: Ints
    missing: npt.NDArray[np.bool_]
    roots: Ints
    starts: Ints
    targets: Ints
    weights: Array

    @property
    def depth(self) -> int:
        """The most nodes between a root and a leaf."""
        depths = np.zeros(len(self.features) + 1, np.int64)
        for node in reversed(range(len(self.features))):
            # The last entry, which -1 stands for, is the depth of all leaves.
            depths[node] = 1 + depths[np.maximum(self.next[node], -1)].max()
        return int(depths[np.maximum(self.roots, -1)].max(initial=0))

    def leaves(self, rows: Array) -> Ints:
        """The number of the leaf of each tree for each row, [rows, r]."""
        place = np.tile(self.roots, (len(rows), 1))
        number = np.arange(len(rows))[:, None]
        for _ in range(self.depth):
            node = np.maximum(place, 0)
            x = rows[number, self.features[node]]
            with np.errstate(invalid="ignore"):
                first = x <= self.splits[node]
            first |= self.missing[node] & np.isnan(x)
            following = self.next[node, np.where(first, 0, 1)]
            place = np.where(place < 0, place, following)
        return -1 - place


@irdl_op_definition
class TreeEnsembleOp(NnOp):
    """
    Each row of the input goes through every tree to a leaf, whose weights are added to the targets,
    tree after tree (`aggregate` "sum"), or of which the least or greatest counts ("min", "max").
    A target without any weight is 0, or with "min" the greatest number there is, with "max" the
    least. The properties are described at `Trees`.

    Weights of i32 are votes: they are added in integers, and so are the results.

    ```mlir
    %y = nn.tree_ensemble %x {aggregate = "sum", features = dense<[0, 1]> : tensor<2xi32>,
      splits = dense<[0.5, -1.0]> : tensor<2xf32>,
      next = dense<[[1, -3], [-1, -2]]> : tensor<2x2xi32>, roots = dense<0> : tensor<1xi32>,
      starts = dense<[0, 1, 2, 3]> : tensor<4xi32>, targets = dense<[0, 1, 0]> : tensor<3xi32>,
      weights = dense<[1.0, 2.0, 3.0]> : tensor<3xf32>} : (tensor<1x2xf32>) -> tensor<1x2xf32>
    ```
    """

    name = "nn.tree_ensemble"

    INPUTS: ClassVar[Kind] = Kind.F32 | Kind.INTEGER | Kind.QUANTIZED

    input = operand_def(TensorType)
    output = result_def(TensorType)

    aggregate = prop_def(StringAttr)
    features = prop_def(DENSE)
    splits = prop_def(DENSE)
    next = prop_def(DENSE)
    missing = opt_prop_def(DENSE)
    roots = prop_def(DENSE)
    starts = prop_def(DENSE)
    targets = prop_def(DENSE)
    weights = prop_def(DENSE)

    @property
    def trees(self) -> Trees:
        """The trees. Raises DiagnosticException where the text left them out."""
        known = vars(self).get("_trees")
        if isinstance(known, Trees):
            return known
        features = _values(self.features)
        missing = np.zeros(len(features), np.bool_)
        if self.missing is not None:
            missing = _values(self.missing).astype(np.bool_)
        trees = Trees(
            features,
            _values(self.splits).astype(numpy_dtype(element_of(self.input)), copy=False),
            _values(self.next),
            missing,
            _values(self.roots),
            _values(self.starts),
            _values(self.targets),
            _values(self.weights),
        )
        vars(self)["_trees"] = trees
        return trees

    def verify_(self) -> None:
        check_kind("an input", self.input, self.INPUTS)
        check_rank("an input", self.input, 2)
        check_rank("an output", self.output, 2)
        check_output(self.output, [shape_of(self.input)[0], shape_of(self.output)[1]])
        if self.aggregate.data not in AGGREGATES:
            known = ", ".join(AGGREGATES)
            raise VerifyException(f"expected one of {known}, got {self.aggregate}")
        attributes = self._attributes()
        if any(isinstance(attribute, DenseResourceAttr) for attribute in attributes.values()):
            return
        self._verify_types(attributes)
        self._verify_trees()

    def _attributes(self) -> dict[str, DenseIntOrFPElementsAttr | DenseResourceAttr]:
        found = {
            "features": self.features,
            "splits": self.splits,
            "next": self.next,
            "roots": self.roots,
            "starts": self.starts,
            "targets": self.targets,
            "weights": self.weights,
        }
        return found if self.missing is None else {**found, "missing": self.missing}

    def _verify_types(
        self, attributes: dict[str, DenseIntOrFPElementsAttr | DenseResourceAttr]
    ) -> None:
        nodes = shape_of(attributes["features"].type)
        entries = shape_of(attributes["targets"].type)
        wanted: dict[str, tuple[tuple[int, ...] | None, tuple[Attribute, ...]]] = {
            "features": (nodes, (i32,)),
            "splits": (nodes, (stored_type(element_of(self.input)),)),
            "next": ((*nodes, 2), (i32,)),
            "missing": (nodes, (i8,)),
            "roots": (None, (i32,)),
            "starts": (None, (i32,)),
            "targets": (entries, (i32,)),
            "weights": (entries, (f32, i32)),
        }
        for name, attribute in attributes.items():
            shape, elements = wanted[name]
            kind = attribute.type
            if (shape is not None and shape_of(kind) != shape) or element_of(kind) not in elements:
                expected = " or ".join(map(str, elements))
                raise VerifyException(f"expected {name} of {expected} {shape or ''}, got {kind}")
            if len(shape_of(kind)) != (2 if name == "next" else 1):
                raise VerifyException(f"expected {name} of another rank, got {kind}")
        if element_of(self.output) != element_of(attributes["weights"].type):
            raise VerifyException(
                f"expected an output of the type of the weights, got {self.output.type}"
            )

    def _verify_trees(self) -> None:
        trees = self.trees
        nodes, leaves = len(trees.features), len(trees.starts) - 1
        _within("features", trees.features, 0, shape_of(self.input)[1])
        _within("targets", trees.targets, 0, shape_of(self.output)[1])
        _within("next", trees.next, -leaves, nodes)
        _within("roots", trees.roots, -leaves, nodes)
        if ((trees.next >= 0) & (trees.next <= np.arange(nodes)[:, None])).any():
            raise VerifyException("expected nodes that come before those that they lead to")
        _within("starts", trees.starts, 0, len(trees.targets) + 1)
        if (np.diff(trees.starts) < 0).any():
            raise VerifyException("expected starts that rise")
        if not len(trees.roots) or not len(trees.starts):
            raise VerifyException("expected at least one tree and one start, got none")

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (rows,) = inputs
        trees, (count, targets) = self.trees, shape_of(self.output)
        fold = {"sum": np.add, "min": np.minimum, "max": np.maximum}[self.aggregate.data]
        result = np.full(
            (count, targets),
            initial_score(self.aggregate.data, trees.weights.dtype),
            trees.weights.dtype,
        )
        for number, leaves in enumerate(trees.leaves(rows)):
            spans = zip(trees.starts[leaves], trees.starts[leaves + 1], strict=True)
            entries: Array = np.concatenate([np.arange(*span, dtype=np.int64) for span in spans])
            # One weight after the other, rounded each time.
            fold.at(result[number], trees.targets[entries], trees.weights[entries])
        return (result,)

    def lower(self, b: LoopBuilder) -> None:
        element = stored_type(element_of(self.input))
        TreeLoops(self.trees, element, self.aggregate.data, b).run()


def stored_type(element: Attribute) -> Attribute:
    """The type of the numbers that splits are compared with: stored ones of a quantised tensor."""
    return element.storage if isinstance(element, UniformQuantizedType) else element


def tree_attributes(trees: Trees, element: Attribute) -> dict[str, tuple[Array, Attribute]]:
    """The arrays of trees with their element types, `element` being that of the splits."""
    found: dict[str, tuple[Array, Attribute]] = {
        "features": (trees.features, i32),
        "splits": (trees.splits, element),
        "next": (trees.next, i32),
        "roots": (trees.roots, i32),
        "starts": (trees.starts, i32),
        "targets": (trees.targets, i32),
        "weights": (trees.weights, f32 if trees.weights.dtype == np.float32 else i32),
    }
    if trees.missing.any():
        found["missing"] = trees.missing.astype(np.int8), i8
    return found


def make_ensemble(input: SSAValue, trees: Trees, targets: int, aggregate: str) -> TreeEnsembleOp:
    """The op of some trees that look at an input, with results of their weights' type."""
    arrays = tree_attributes(trees, stored_type(element_of(input)))
    element = arrays["weights"][1]
    return TreeEnsembleOp.create(
        operands=[input],
        properties={
            "aggregate": StringAttr(aggregate),
            **{name: dense_attribute(values, kind) for name, (values, kind) in arrays.items()},
        },
        result_types=[TensorType(element, [shape_of(input)[0], targets])],
    )


def _within(name: str, values: Array, low: int, end: int) -> None:
    if values.size and not (low <= values.min() and values.max() < end):
        got = values.min() if values.min() < low else values.max()
        raise VerifyException(f"expected {name} from {low} to below {end}, got {got}")


def _values(attribute: DenseIntOrFPElementsAttr | DenseResourceAttr) -> Array:
    dense = given(attribute)
    return dense_values(dense, dense.type)


@dataclass(frozen=True)
class TreeLoops:
    """
    The loop nest of trees whose elements and splits are of the type `element`: tree after tree,
    each down to its leaf.
    """

    trees: Trees
    element: Attribute
    aggregate: str
    b: LoopBuilder

    def run(self) -> None:
        """Builds the loops from the first input [n, f] to the first output [n, t]."""
        trees, b = self.trees, self.b
        input, output = b.inputs[0], b.outputs[0]
        tables = {
            name: self._table(name, values)
            for name, values in (
                ("features", trees.features),
                ("next", trees.next),
                ("roots", trees.roots),
                ("starts", trees.starts),
                ("targets", trees.targets),
            )
        }
        tables["splits"] = self._named("splits", b.table(trees.splits, self.element))
        tables["weights"] = self._named("weights", b.table(trees.weights, output.element))
        if trees.missing.any():
            tables["missing"] = self._named("missing", b.table(trees.missing.astype(np.int8), i8))
        initial = b.constant(initial_score(self.aggregate, trees.weights.dtype), output.element)
        b.produce(output, lambda _: initial)
        steps = _TreeSteps(tables, input, output, self.element, self.aggregate, b)
        b.for_each([output.shape[0], len(trees.roots)], steps.tree, ("n", "tree"))

    def _table(self, name: str, values: Array) -> Operand:
        kind = next(it for it in (i8, i16, i32) if _fits(values, numpy_dtype(it)))
        return self._named(name, self.b.table(values.astype(numpy_dtype(kind)), kind))

    def _named(self, name: str, operand: Operand) -> Operand:
        operand.memory.name_hint = name
        return operand


def initial_score(aggregate: str, dtype: np.dtype[np.generic]) -> float:
    """What a target is before its first weight."""
    if aggregate == "sum":
        return 0
    if dtype.kind == "f":
        limit = float(np.finfo(str(dtype)).max)
        return limit if aggregate == "min" else -limit
    limits = np.iinfo(str(dtype))
    return int(limits.max if aggregate == "min" else limits.min)


def _fits(values: Array, dtype: np.dtype[np.generic]) -> bool:
    limits = np.iinfo(str(dtype))
    return limits.min <= values.min(initial=0) and values.max(initial=0) <= limits.max


@dataclass(frozen=True)
class _TreeSteps:
    """The steps of a nest of trees, from its tables."""

    tables: dict[str, Operand]
    input: Operand
    output: Operand
    element: Attribute
    aggregate: str
    b: LoopBuilder

    def _number(self, name: str, *index: IRScalar) -> IRScalar:
        table = self.tables[name]
        return self.b.widen(self.b.load(table, index), table.element, i32)

    def tree(self, index: list[IRScalar]) -> None:
        """One tree for one row."""
        n, tree = index
        (place,) = self.b.repeat_while(
            [self._number("roots", tree)],
            lambda place: place[0] >= 0,
            lambda place: [self._step(n, place[0])],
        )
        leaf = (place ^ -1).to(INDEX)
        leaf.bounds = (0, self.tables["starts"].shape[0] - 2)
        low, high = (self._number("starts", at).to(INDEX) for at in (leaf, leaf + 1))
        self.b.loop(low, high, lambda entry: self._weigh(n, entry), "entry")

    def _step(self, n: IRScalar, place: IRScalar) -> IRScalar:
        node = place.to(INDEX)
        x = self.b.load(self.input, [n, self._number("features", node).to(INDEX)])
        split = self.b.load(self.tables["splits"], [node])
        kind = arithmetic_type(self.element)
        x, split = (self.b.widen(value, self.element, kind) for value in (x, split))
        first = x <= split
        if "missing" in self.tables:
            first = first | (x.ne(x) & self.b.load(self.tables["missing"], [node]).ne(0))
        side = first.select(self.b.index(0), self.b.index(1))
        return self._number("next", node, side)

    def _weigh(self, n: IRScalar, entry: IRScalar) -> None:
        target = self._number("targets", entry).to(INDEX)
        weight = self.b.load(self.tables["weights"], [entry])
        so_far = self.b.load(self.output, [n, target])
        match self.aggregate:
            case "sum":
                total = so_far + weight
            case "min":
                total = so_far.min(weight)
            case _:
                total = so_far.max(weight)
        self.b.store(self.output, [n, target], total)
