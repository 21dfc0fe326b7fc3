"""
The function of a model: its layers' operations in an order in which they can run.

A model is followed from its outputs to its inputs, so that layers that nothing needs are left out.
Models in models become part of the function, wrappers what they do around their layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xdsl.dialects.builtin import (
    IntegerAttr,
    LocationAttr,
    NameLoc,
    NoneAttr,
    StringAttr,
    TensorType,
    i64,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.keras.base import KerasOp, static_shape, tensor
from nnc.dialects.keras.merging import AddOp, AverageOp, ConcatenateOp, MultiplyOp
from nnc.dialects.keras.structure import ConstantOp
from nnc.dialects.keras.wrapping import FoldStepsOp, ReverseOp, UnfoldStepsOp
from nnc.dialects.types import Array
from nnc.frontends.errors import Problem
from nnc.frontends.keras_graph import Call, Layer, Model, Ref
from nnc.frontends.keras_layers import Prepared, prepare, with_count

Values = Sequence[SSAValue]

_MERGES: dict[str, type[KerasOp]] = {
    "concat": ConcatenateOp,
    "sum": AddOp,
    "mul": MultiplyOp,
    "ave": AverageOp,
}
"""The layer that does what a merge mode of Bidirectional says."""


class _LostError(Exception):
    """A layer has no operation; why is noted already."""


@dataclass
class FunctionBuilder:
    """Appends the operations of layers; `problems` collects what stops one."""

    prepared: Mapping[Layer, Prepared]
    arrays: Mapping[Layer, Sequence[Array]]
    problems: list[Problem]
    operations: list[Operation] = field(default_factory=list[Operation])
    constants: dict[Layer, list[SSAValue]] = field(default_factory=dict[Layer, list[SSAValue]])

    def model(self, model: Model, inputs: Values, scope: str = "") -> list[SSAValue | None]:
        """The outputs of a model for these inputs; None for one that could not be made."""
        run = _Run(self, model, scope)
        for ref, value in zip(model.inputs, inputs, strict=True):
            run.values[ref.layer, 0] = [value]
        return [run.result(ref) for ref in model.outputs]

    def layer(self, layer: Layer, inputs: Values, name: str) -> list[SSAValue]:
        """The results of a layer for these inputs. Raises _LostError."""
        if layer.model is not None:
            return self._inner(layer, layer.model, inputs, name)
        if layer.class_name == "TimeDistributed":
            return self._time_distributed(layer, inputs, name)
        if layer.class_name == "Bidirectional":
            return self._bidirectional(layer, inputs, name)
        prepared = self.prepared.get(layer)
        if prepared is None or layer not in self.arrays:
            raise _LostError
        weights = self._weights(layer)
        properties = with_count(prepared, len(weights))
        results = self.op(
            prepared.operation, [*inputs, *weights], layer, name, properties, len(weights)
        )
        if prepared.activation is None:
            return results
        return [*self._activation(prepared.activation, results[0], name), *results[1:]]

    def _weights(self, layer: Layer) -> list[SSAValue]:
        """The constants of a layer, which all of its calls share."""
        if layer not in self.constants:
            ops = [ConstantOp.of(array) for array in self.arrays[layer]]
            for op in ops:
                op.location = location(layer.name)
            self.operations.extend(ops)
            self.constants[layer] = [op.output for op in ops]
        return self.constants[layer]

    def op(
        self,
        operation: type[KerasOp],
        operands: Values,
        layer: Layer,
        name: str,
        properties: Mapping[str, Attribute] | None = None,
        weights: int = 0,
    ) -> list[SSAValue]:
        """Appends an operation, whose results follow from its inputs. Raises _LostError."""
        inputs = operands[: len(operands) - weights]
        given = dict(properties or {})
        try:
            rules = operation.create(properties=given)
            shapes = rules.shapes([static_shape(value) for value in inputs])
            element = rules.result_elements([tensor(value).element_type for value in inputs])
            types = [TensorType(element, shape) for shape in shapes]
            op = operation.create(operands=operands, properties=given, result_types=types)
            op.verify(verify_nested_ops=False)
        except VerifyException as error:
            reason = str(error).strip().splitlines()[-1]
            self.problems.append(Problem(reason, layer.name, layer.class_name))
            raise _LostError from error
        op.location = location(name)
        self.operations.append(op)
        return list(op.results)

    def _activation(self, layer: Layer, value: SSAValue, name: str) -> list[SSAValue]:
        """The activation of a layer that is a layer itself; it has no weights."""
        prepared = prepare(layer, self.problems)
        if prepared is None:
            raise _LostError
        if prepared.weights:
            reason = "an activation with weights must be a layer of its own"
            self.problems.append(Problem(reason, layer.name, layer.class_name))
            raise _LostError
        return self.op(prepared.operation, [value], layer, name, prepared.properties)

    def _inner(self, layer: Layer, model: Model, inputs: Values, name: str) -> list[SSAValue]:
        if len(inputs) != len(model.inputs):
            reason = f"expected {len(model.inputs)} inputs, got {len(inputs)}"
            self.problems.append(Problem(reason, layer.name, layer.class_name))
            raise _LostError
        results = self.model(model, inputs, f"{name}/")
        known = [value for value in results if value is not None]
        if len(known) < len(results):
            raise _LostError
        return known

    def _time_distributed(self, layer: Layer, inputs: Values, name: str) -> list[SSAValue]:
        """The wrapped layer over a batch of all steps."""
        inner = layer.wrapped["layer"]
        steps = static_shape(inputs[0])[1] if inputs and len(static_shape(inputs[0])) > 1 else 0
        folded = [self.op(FoldStepsOp, [it], layer, f"{name}/fold")[0] for it in inputs]
        results = self.layer(inner, folded, f"{name}/{inner.name}")
        count: dict[str, Attribute] = {"steps": IntegerAttr(steps, i64)}
        return [self.op(UnfoldStepsOp, [it], layer, name, count)[0] for it in results]

    def _bidirectional(self, layer: Layer, inputs: Values, name: str) -> list[SSAValue]:
        """Both directions, the second one turned around, and what merges them."""
        forward, backward = layer.wrapped["forward_layer"], layer.wrapped["backward_layer"]
        half = (len(inputs) - 1) // 2
        first = self.layer(forward, [inputs[0], *inputs[1 : 1 + half]], f"{name}/{forward.name}")
        second = self.layer(backward, [inputs[0], *inputs[1 + half :]], f"{name}/{backward.name}")
        turned = second[0]
        if backward.config.get("return_sequences") is True:
            (turned,) = self.op(ReverseOp, [turned], layer, f"{name}/reverse")
        mode = layer.config.get("merge_mode", "concat")
        if mode is None:
            return [first[0], turned, *first[1:], *second[1:]]
        if mode not in _MERGES:
            reason = f"merge_mode: expected one of {', '.join(_MERGES)} or null, got {mode!r}"
            self.problems.append(Problem(reason, layer.name, layer.class_name))
            raise _LostError
        merged = self.op(_MERGES[str(mode)], [first[0], turned], layer, name)
        return [*merged, *first[1:], *second[1:]]


@dataclass
class _Run:
    """One use of a model; `values` has the results of each call of each layer."""

    builder: FunctionBuilder
    model: Model
    scope: str
    values: dict[tuple[str, int], list[SSAValue]] = field(
        default_factory=dict[tuple[str, int], list[SSAValue]]
    )
    lost: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])

    def __post_init__(self) -> None:
        self.layers = {layer.name: layer for layer in self.model.layers}

    def result(self, ref: Ref) -> SSAValue | None:
        """The value of a tensor, after all that it depends on."""
        pending, active = [self._key(ref)], set[tuple[str, int]]()
        while pending:
            key = pending[-1]
            if key in self.values or key in self.lost:
                pending.pop()
                continue
            needs = [self._key(it) for it in self._inputs(key)]
            missing = [it for it in needs if it not in self.values and it not in self.lost]
            if key in active and missing:
                self._problem(key, "its input depends on its own result")
                pending.pop()
                continue
            active.add(key)
            if missing:
                pending.extend(missing)
                continue
            self._call(key)
            pending.pop()
        return self._value(ref)

    def _key(self, ref: Ref) -> tuple[str, int]:
        """Which call a reference means: models that begin with an input count from 1 in Keras 2."""
        return ref.layer, ref.call - self.layers[ref.layer].first_call

    def _inputs(self, key: tuple[str, int]) -> Sequence[Ref]:
        call = self._of(key)
        return () if call is None else call.inputs

    def _of(self, key: tuple[str, int]) -> Call | None:
        calls = self.layers[key[0]].calls
        return calls[key[1]] if 0 <= key[1] < len(calls) else None

    def _value(self, ref: Ref) -> SSAValue | None:
        values = self.values.get(self._key(ref), [])
        if self._key(ref) in self.lost:
            return None
        if not 0 <= ref.tensor < len(values):
            self._problem(self._key(ref), f"it has no result {ref.tensor}")
            return None
        return values[ref.tensor]

    def _call(self, key: tuple[str, int]) -> None:
        layer, call = self.layers[key[0]], self._of(key)
        if call is None:
            self._problem(key, f"there is no call {key[1]} of it")
            return
        if call.problem is not None:
            self._problem(key, call.problem)
            return
        inputs = [self._value(ref) for ref in call.inputs]
        known = [value for value in inputs if value is not None]
        if len(known) < len(inputs):
            self.lost.add(key)
            return
        name = f"{self.scope}{layer.name}" + (f":{key[1]}" if key[1] else "")
        try:
            self.values[key] = self.builder.layer(layer, known, name)
        except _LostError:
            self.lost.add(key)

    def _problem(self, key: tuple[str, int], reason: str) -> None:
        layer = self.layers[key[0]]
        self.builder.problems.append(Problem(reason, layer.name, layer.class_name))
        self.lost.add(key)


def location(name: str) -> LocationAttr:
    """The location of what belongs to a layer."""
    return NameLoc(StringAttr(name), NoneAttr())
