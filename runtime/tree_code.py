"""Trees as code: one C function for each tree, which asks its questions one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from xdsl.dialects.builtin import IntegerType, MemRefType, Signedness, f32, i32
from xdsl.ir import Attribute, SSAValue
from xdsl.utils.hints import isa

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.loops import LoopBuilder
from nnc.dialects.nn.trees import (
    TreeEnsembleOp,
    TreeLoops,
    Trees,
    initial_score,
    stored_type,
)
from nnc.dialects.types import Array, element_of, is_unsigned, numpy_dtype, shape_of
from nnc.runtime.registry import Kernel, Lowering, Target

LARGEST_CODE = 1 << 13
"""Nodes of an ensemble that becomes code; more of them fill the flash and keep compilers busy."""

_DEEPEST = 200
_DEEPEST_INDENT = 12


class TreeCode(Kernel):
    """
    Trees as nested conditions on numbers that the code has in its instructions: about three
    instructions for each question, and no tables, in about twice the flash.

    A function returns what its leaf adds, where all trees add to one target, or the target, where
    each leaf is a vote, or else the number of the leaf.
    """

    name = "tree_code"

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, TreeEnsembleOp):
            return ""
        if target.small:
            return "flash is what counts, and tables take less"
        if target.constant_time:
            return "it takes other branches for other inputs"
        trees, element = op.trees, stored_type(element_of(op.input))
        if element == f32 and target.core.fpu == "none":
            return "the core does not compare floats, and tables take less"
        if not isa(element, IntegerType) and element != f32:
            return f"its elements are of {element}"
        if isa(element, IntegerType) and element.width.data > 32:
            return "its elements have more than 32 bits"
        if op.aggregate.data != "sum" and trees.weights.dtype.kind != "f":
            return "its weights are integers of which not the sum counts"
        if len(trees.features) > LARGEST_CODE:
            return f"it has more than {LARGEST_CODE} nodes"
        if trees.depth > _DEEPEST:
            return f"a tree is deeper than {_DEEPEST}"
        if not np.isfinite(trees.splits).all() or not np.isfinite(trees.weights).all():
            return "some of its numbers are not finite"
        places = np.concatenate([trees.next.ravel(), trees.roots])
        if np.bincount(places[places >= 0], minlength=1).max() > 1:
            return "some of its nodes are shared"
        return None

    def scratch(self, op: NnOp, target: Target) -> tuple[int, ...]:
        return ()

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, TreeEnsembleOp)
        trees, element = op.trees, stored_type(element_of(op.input))
        parameters: dict[str, Parameter] = {
            "input_shape": shape_of(op.input),
            "targets": shape_of(op.output)[1],
            "aggregate": ("sum", "min", "max").index(op.aggregate.data),
            "unsigned": int(is_unsigned(element)),
        }
        arrays = {
            "features": trees.features,
            "splits": _as_integers(trees.splits),
            "next": trees.next,
            "missing": trees.missing,
            "roots": trees.roots,
            "starts": trees.starts,
            "places": trees.targets,
            "weights": _as_integers(trees.weights),
        }
        for name, values in arrays.items():
            parameters[name] = tuple(int(value) for value in values.ravel())
        inputs: list[SSAValue] = [lowering.buffer(op.input)]
        if _way(trees, shape_of(op.output)[1], op.aggregate.data) == "leaf":
            inputs += [
                lowering.constant(trees.starts, i32, "starts"),
                lowering.constant(trees.targets, i32, "targets"),
                lowering.constant(trees.weights, element_of(op.output), "weights"),
            ]
        return lowering.call(self.name, inputs, parameters)

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        TreeLoops(_trees(call), _element(call), _aggregate(call), b).run()

    def functions(self, call: CallOp, symbol: str) -> list[str]:
        trees, way = _trees(call), _way_of(call)
        kind = "float" if way == "weight" and trees.weights.dtype.kind == "f" else "int32_t"
        lines: list[str] = []
        for number, root in enumerate(trees.roots):
            lines.append(f"NNC_LAYER {kind} {symbol}_tree{number}(const {_c_type(call)} *x) {{")
            statements = list(_statements(trees, int(root), way))
            if len(statements) == 1:
                lines.append("    (void)x;")
            lines += [*statements, "}", ""]
        return [*lines, *(_adder(call, symbol) if way == "leaf" else [])]

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        return self.statements(call, arguments, self.name)

    def statements(self, call: CallOp, arguments: Sequence[str], symbol: str) -> list[str]:
        trees, way = _trees(call), _way_of(call)
        rows, columns = call.numbers("input_shape")
        targets = call.number("targets")
        source, output = arguments[0], arguments[len(call.inputs)]
        calls = [f"{symbol}_tree{number}(x)" for number in range(len(trees.roots))]
        is_float = trees.weights.dtype.kind == "f"
        zero = "0.0f" if is_float else "0"
        lines = [
            f"const {_c_type(call)} *x = (const {_c_type(call)} *){source};",
            f"{'float' if is_float else 'int32_t'} *y = {output};",
            f"for (int32_t n = 0; n < {rows}; n++) {{",
        ]
        if way == "weight":
            lines.append(f"    {'float' if is_float else 'int32_t'} total = {zero};")
            lines += [f"    total = total + {text};" for text in calls]
            lines.append("    y[0] = total;")
        else:
            initial = _initial(call)
            lines.append(f"    for (int32_t k = 0; k < {targets}; k++) {{")
            lines += [f"        y[k] = {initial};", "    }"]
            if way == "target":
                lines += [f"    y[{text}] += 1;" for text in calls]
            else:
                tables = ", ".join(arguments[1:4])
                lines += [f"    {symbol}_add({text}, y, {tables});" for text in calls]
        lines += [f"    x += {columns};", f"    y += {targets};", "}", "return 0;"]
        return lines


def _as_integers(values: Array) -> Array:
    """Numbers as integers: floats as their bits."""
    return values.view(np.int32) if values.dtype == np.float32 else values


def _way(trees: Trees, targets: int, aggregate: str) -> str:
    """What the functions return: `weight`, `target` or `leaf`."""
    sizes = np.diff(trees.starts)
    if aggregate != "sum":
        return "leaf"
    if targets == 1 and sizes.max(initial=0) <= 1:
        return "weight"
    votes = trees.weights.dtype.kind == "i" and (trees.weights == 1).all()
    return "target" if votes and (sizes == 1).all() else "leaf"


def _way_of(call: CallOp) -> str:
    return _way(_trees(call), call.number("targets"), _aggregate(call))


def _aggregate(call: CallOp) -> str:
    return ("sum", "min", "max")[call.number("aggregate")]


def _element(call: CallOp) -> Attribute:
    """The type of the elements."""
    element = _memory(call.inputs[0])
    if isa(element, IntegerType) and call.number("unsigned"):
        return IntegerType(element.width.data, Signedness.UNSIGNED)
    return element


def _memory(value: SSAValue) -> Attribute:
    """The type of what a buffer holds."""
    kind = value.type
    assert isa(kind, MemRefType[Attribute])
    return kind.element_type


def _trees(call: CallOp) -> Trees:
    """The trees of a call."""

    def integers(name: str) -> Array:
        return np.asarray(call.numbers(name), np.int32)

    is_float = _memory(call.outputs[0]) == f32
    element, splits, weights = _element(call), integers("splits"), integers("weights")
    return Trees(
        features=integers("features"),
        splits=splits.view(np.float32) if element == f32 else splits.astype(numpy_dtype(element)),
        next=integers("next").reshape(-1, 2),
        missing=integers("missing").astype(np.bool_),
        roots=integers("roots"),
        starts=integers("starts"),
        targets=integers("places"),
        weights=weights.view(np.float32) if is_float else weights,
    )


def _c_type(call: CallOp) -> str:
    element = _element(call)
    if not isa(element, IntegerType):
        return "float"
    return f"{'u' if call.number('unsigned') else ''}int{element.width.data}_t"


def _number(value: Array) -> str:
    """A number as a C constant of exactly its value."""
    if value.dtype.kind == "f":
        return f"{float(value).hex()}f"
    return "INT32_MIN" if int(value) == -(1 << 31) else str(int(value))


def _initial(call: CallOp) -> str:
    dtype = _trees(call).weights.dtype
    return _number(np.asarray(initial_score(_aggregate(call), dtype), dtype))


def _statements(trees: Trees, root: int, way: str) -> Iterator[str]:
    """The conditions of one tree, without recursion: what is left to print is on a stack."""
    left: list[tuple[int | None, int]] = [(root, 1)]
    while left:
        place, depth = left.pop()
        margin = "    " * min(depth, _DEEPEST_INDENT)
        if place is None:
            yield margin + "}"
        elif place < 0:
            yield f"{margin}return {_leaf(trees, -1 - place, way)};"
        else:
            first, second = (int(it) for it in trees.next[place])
            if _is_largest(trees.splits[place]):
                # Compilers warn of questions that have one answer.
                left.append((first, depth))
                continue
            x = f"x[{trees.features[place]}]"
            condition = f"{x} <= {_number(trees.splits[place])}"
            if trees.missing[place]:
                condition += f" || {x} != {x}"
            yield f"{margin}if ({condition}) {{"
            left += [(second, depth), (None, depth), (first, depth + 1)]


def _is_largest(split: Array) -> bool:
    return split.dtype.kind != "f" and int(split) == np.iinfo(str(split.dtype)).max


def _leaf(trees: Trees, leaf: int, way: str) -> str:
    start, end = trees.starts[leaf], trees.starts[leaf + 1]
    if way == "leaf":
        return str(leaf)
    if way == "target":
        return str(trees.targets[start])
    empty = np.zeros(1, trees.weights.dtype)[0]
    return _number(trees.weights[start] if start < end else empty)


def _adder(call: CallOp, symbol: str) -> list[str]:
    """The function that takes the weights of a leaf to their targets."""
    kind = "float" if _trees(call).weights.dtype.kind == "f" else "int32_t"
    value = "y[targets[entry]] + weights[entry]"
    if _aggregate(call) != "sum":
        value = f"nnc_{_aggregate(call)}_f32(y[targets[entry]], weights[entry])"
    return [
        f"NNC_LAYER void {symbol}_add(",
        f"    int32_t leaf, {kind} *y, const int32_t *starts, const int32_t *targets,",
        f"    const {kind} *weights",
        ") {",
        "    for (int32_t entry = starts[leaf]; entry < starts[leaf + 1]; entry++) {",
        f"        y[targets[entry]] = {value};",
        "    }",
        "}",
        "",
    ]


KERNELS: tuple[Kernel, ...] = (TreeCode(),)
