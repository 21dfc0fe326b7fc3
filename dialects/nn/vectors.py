"""Distances of vectors, and what support vector machines make of them."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase, TensorType, f32, i32, i64
from xdsl.irdl import irdl_op_definition, operand_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.algebra import INDEX
from nnc.dialects.nn.base import NnOp, S
from nnc.dialects.nn.checks import check_element, check_output, check_rank, check_shape
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.nn.program import Program, ProgramOp
from nnc.dialects.types import Array, shape_of


@irdl_op_definition
class SquaredDistanceOp(NnOp):
    """
    The squared Euclidean distance of each row of the input, [N, D], to each of the vectors, [V, D]:
    the sum of squared differences, which cancels nothing where vectors are close.

    ```mlir
    %d = nn.squared_distance %x, %v : (tensor<2x4xf32>, tensor<3x4xf32>) -> tensor<2x3xf32>
    ```
    """

    name = "nn.squared_distance"

    input = operand_def(TensorType)
    vectors = operand_def(TensorType)
    output = result_def(TensorType)

    def verify_(self) -> None:
        for what, value in (("an input", self.input), ("vectors", self.vectors)):
            check_element(what, value, f32)
            check_rank(what, value, 2)
        rows, depth = shape_of(self.input)
        count, width = shape_of(self.vectors)
        if depth != width:
            raise VerifyException(f"expected vectors of {depth} elements, got {width}")
        check_element("an output", self.output, f32)
        check_output(self.output, (rows, count))

    def macs(self) -> int:
        return shape_of(self.input)[0] * int(np.prod(shape_of(self.vectors)))

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        x, vectors = inputs
        difference = x[:, None, :] - vectors[None, :, :]
        return (np.square(difference).sum(axis=-1, dtype=np.float32),)

    def lower(self, b: LoopBuilder) -> None:
        x, vectors = b.inputs

        def element(index: list[IRScalar]) -> IRScalar:
            row, vector = index

            def step(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                difference = b.load(x, [row, at[0]]) - b.load(vectors, [vector, at[0]])
                return total + difference * difference

            return b.reduce([(0, x.shape[1])], b.constant(0.0, f32), step)

        b.produce(b.outputs[0], element)


@irdl_op_definition
class OneAgainstOneOp(NnOp):
    """
    The decision of each pair of K classes, [N, K * (K - 1) / 2], positive for the first class; the
    pairs are (0, 1), (0, 2), ..., (K - 2, K - 1).

    The input, [N, V], is the kernel of a row and each support vector, the vectors of a class side
    by side: `vectors_per_class` says how many each has. In the coefficients, [K - 1, V], row r of a
    vector of class c is that of its pair with class r, or with r + 1 from c on (libsvm's
    `sv_coef`). The bias has one number for each pair.

    ```mlir
    %d = nn.one_against_one %k, %c, %b {vectors_per_class = array<i64: 2, 1, 3>}
      : (tensor<1x6xf32>, tensor<2x6xf32>, tensor<3xf32>) -> tensor<1x3xf32>
    ```
    """

    name = "nn.one_against_one"

    input = operand_def(TensorType)
    coefficients = operand_def(TensorType)
    bias = operand_def(TensorType)
    output = result_def(TensorType)

    vectors_per_class = prop_def(DenseArrayBase.constr(i64))

    def verify_(self) -> None:
        check_rank("an input", self.input, 2)
        counts = self.vectors_per_class.get_values()
        classes, (rows, vectors) = len(counts), shape_of(self.input)
        if classes < 2 or min(counts) < 0 or sum(counts) != vectors:
            raise VerifyException(f"expected {vectors} vectors of 2 classes or more, got {counts}")
        pairs = classes * (classes - 1) // 2
        check_shape("coefficients", self.coefficients, (classes - 1, vectors))
        check_shape("a bias", self.bias, (pairs,))
        check_output(self.output, (rows, pairs))
        for value in (*self.operands, self.output):
            check_element("tensors", value, f32)

    @property
    def starts(self) -> Array:
        """The first vector of each class, and the end of the last one."""
        return np.cumsum([0, *self.vectors_per_class.get_values()]).astype(np.int32)

    def macs(self) -> int:
        rows, vectors = shape_of(self.input)
        return rows * vectors * (len(self.vectors_per_class) - 1)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        kernel, coefficients, bias = inputs
        starts, decisions = self.starts, np.empty(shape_of(self.output), np.float32)
        classes = len(starts) - 1
        pairs = ((i, j) for i in range(classes) for j in range(i + 1, classes))
        for number, (i, j) in enumerate(pairs):
            total = bias[number].astype(np.float64)
            for one, other in ((i, j - 1), (j, i)):
                part = slice(starts[one], starts[one + 1])
                total = total + kernel[:, part].astype(np.float64) @ coefficients[other, part]
            decisions[:, number] = total
        return (decisions,)

    def lower(self, b: LoopBuilder) -> None:
        kernel, coefficients, bias = b.inputs[:3]
        starts = b.table(self.interned(self.starts), i32)
        classes = len(self.vectors_per_class)

        def decide(row: IRScalar, i: IRScalar, j: IRScalar) -> None:
            def part(one: IRScalar, other: IRScalar, total: IRScalar) -> IRScalar:
                low, high = (b.load(starts, [k]).to(INDEX) for k in (one, one + 1))

                def step(so_far: IRScalar, at: list[IRScalar]) -> IRScalar:
                    return so_far + b.load(coefficients, [other, at[0]]) * b.load(
                        kernel, [row, at[0]]
                    )

                return b.reduce([(low, high)], total, step)

            total = part(j, i, part(i, j - 1, b.constant(0.0, f32)))
            place = pair_place(i, j, classes)
            b.store(b.outputs[0], [row, place], total + b.load(bias, [place]))

        def row(index: list[IRScalar]) -> None:
            b.loop(
                0,
                classes - 1,
                lambda i: b.loop(i + 1, classes, lambda j: decide(index[0], i, j), "second"),
                "first",
            )

        b.for_each([b.outputs[0].shape[0]], row)


def pair_place(i: S, j: S, classes: int) -> S:
    """The number of the pair (i, j), i below j, of so many classes."""
    return (i * ((2 * classes - 1) - i)) // 2 + (j - i) - 1


_EPSILON = 0.005
_LEAST_STEPS = 100


@irdl_op_definition
class CouplePairsOp(ProgramOp):
    """
    Probabilities of K classes, [N, K], from those of pairs of them: the input,
    [N, K * (K - 1) / 2], has for each pair, numbered as in `nn.one_against_one`, the probability
    of its first class.

    The second method of Wu, Lin and Weng, "Probability estimates for multi-class classification by
    pairwise coupling" (2004), with libsvm's steps (`multiclass_probability`): Gauss-Seidel until
    each class is within 0.005 / K of the optimum, or for max(100, K) rounds.

    ```mlir
    %p = nn.couple_pairs %r : (tensor<2x3xf32>) -> tensor<2x3xf32>
    ```
    """

    name = "nn.couple_pairs"

    input = operand_def(TensorType)
    output = result_def(TensorType)

    def verify_(self) -> None:
        check_rank("an input", self.input, 2)
        check_rank("an output", self.output, 2)
        rows, classes = shape_of(self.output)
        if classes < 2:
            raise VerifyException(f"expected 2 classes or more, got {classes}")
        check_shape("an input", self.input, (rows, classes * (classes - 1) // 2))
        for value in (self.input, self.output):
            check_element("tensors", value, f32)

    def temporaries(self) -> list[TensorType]:
        rows, classes = shape_of(self.output)
        return [TensorType(f32, [rows, classes, classes]), TensorType(f32, [rows, classes + 1])]

    def run(self, p: Program[S]) -> None:
        rows, classes = shape_of(self.output)
        self._matrix(p)
        p.for_each([rows, classes], lambda at: p.store(_SHARE, at, p.constant(1.0 / classes, f32)))

        def row(at: list[S]) -> None:
            steps = max(_LEAST_STEPS, classes)
            p.repeat_while(steps, lambda _: self._round(p, at[0]))

        p.for_each([rows], row)

    def _matrix(self, p: Program[S]) -> None:
        """The matrix Q of the quadratic form that the probabilities minimise."""
        rows, classes = shape_of(self.output)

        def wins(n: S, i: S, j: S) -> S:
            """The probability of i in its pair with another class j."""
            first = p.load(_PAIRS, [n, pair_place(i.min(j), i.max(j), classes)])
            return (i < j).select(first, 1.0 - first)

        def element(at: list[S]) -> None:
            n, i, j = at

            def square(k: S) -> S:
                return p.choose(
                    k.eq(i),
                    lambda: p.constant(0.0, f32),
                    lambda: wins(n, k, i) * wins(n, k, i),
                )

            value = p.choose(
                i.eq(j),
                lambda: p.sum(classes, f32, square),
                lambda: -(wins(n, j, i) * wins(n, i, j)),
            )
            p.store(_MATRIX, at, value)

        p.for_each([rows, classes, classes], element)

    def _round(self, p: Program[S], n: S) -> S:
        """One round of all classes; gives whether the probabilities were not yet good enough."""
        _, classes = shape_of(self.output)
        last = p.constant(classes, INDEX)

        def product(at: list[S]) -> None:
            t = at[0]
            total = p.sum(
                classes, f32, lambda j: p.load(_MATRIX, [n, t, j]) * p.load(_SHARE, [n, j])
            )
            p.store(_PRODUCT, [n, t], total)

        p.for_each([classes], product)
        form = p.sum(classes, f32, lambda t: p.load(_SHARE, [n, t]) * p.load(_PRODUCT, [n, t]))
        p.store(_PRODUCT, [n, last], form)
        error = p.extreme(
            "max",
            classes,
            p.constant(0.0, f32),
            lambda t: (p.load(_PRODUCT, [n, t]) - form).math("absf"),
        )
        goes_on = error >= _EPSILON / classes
        p.repeat(classes, lambda t: self._step(p, n, t, goes_on))
        return goes_on

    def _step(self, p: Program[S], n: S, t: S, goes_on: S) -> None:
        """One class's probability moved to where the form is least, all of them scaled to sum 1."""
        _, classes = shape_of(self.output)
        last = p.constant(classes, INDEX)
        form, pivot = p.load(_PRODUCT, [n, last]), p.load(_MATRIX, [n, t, t])
        own = p.load(_PRODUCT, [n, t])
        # What is good enough stays exactly as it is by steps of 0.
        step = goes_on.select((form - own) / pivot, 0.0)
        whole = step + 1.0
        p.store(_SHARE, [n, t], p.load(_SHARE, [n, t]) + step)
        p.store(_PRODUCT, [n, last], (form + step * (step * pivot + own * 2.0)) / whole / whole)

        def scale(at: list[S]) -> None:
            place = [n, at[0]]
            moved = p.load(_PRODUCT, place) + step * p.load(_MATRIX, [n, t, at[0]])
            p.store(_PRODUCT, place, moved / whole)
            p.store(_SHARE, place, p.load(_SHARE, place) / whole)

        p.for_each([classes], scale)


_PAIRS, _SHARE, _MATRIX, _PRODUCT = range(4)
"""The buffers of `nn.couple_pairs`: pairs, probabilities, Q, and Q times p with p^T Q p behind."""
