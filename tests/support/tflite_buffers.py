"""
The buffer graph of a TFLite model, built straight from the file, as input for the memory planner.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, Literal

from ai_edge_litert import schema_py_generated as schema

from nnc.passes.memory import Alias, Buffer, Graph, Reuse, Step, in_place, overlap
from nnc.passes.memory.distance import window_distance

Sharing = Literal["nothing", "in-place", "forward", "best"]
"""
Which layers may write over their input. `nothing`: none. `in-place`: those that map elements to
elements, and depthwise convolutions, channel by channel. `forward`: element to element, and every
convolution and pool that walks the pixels in order, behind its reads. `best`: both.
"""

Kind = schema.BuiltinOperator
ELEMENTWISE = (Kind.ADD, Kind.SOFTMAX)
WINDOWS = (Kind.CONV_2D, Kind.DEPTHWISE_CONV_2D, Kind.AVERAGE_POOL_2D)

FlatObject = Any
"""An object of the schema's API, most of whose attributes have no types."""


@dataclass
class _Reader:
    """One subgraph of int8 tensors; a tensor's id is its index."""

    model: FlatObject
    sharing: Sharing
    steps: list[Step] = field(default_factory=list[Step])
    aliases: list[Alias] = field(default_factory=list[Alias])

    def graph(self) -> Graph:
        subgraph = self.model.subgraphs[0]
        live = {int(index) for index in subgraph.inputs}
        for operator in subgraph.operators:
            sources = [int(index) for index in operator.inputs if int(index) in live]
            target = int(operator.outputs[0])
            live.add(target)
            self._add(operator, sources, target)
        return Graph(
            tuple(Buffer(str(index), prod(self._shape(index))) for index in sorted(live)),
            tuple(self.steps),
            inputs=tuple(str(index) for index in subgraph.inputs),
            outputs=tuple(str(index) for index in subgraph.outputs),
            aliases=tuple(self.aliases),
        )

    def _shape(self, index: int) -> tuple[int, ...]:
        return tuple(int(extent) for extent in self.model.subgraphs[0].tensors[index].shape)

    def _kind(self, operator: FlatObject) -> int:
        code = self.model.operatorCodes[operator.opcodeIndex]
        return max(code.builtinCode, code.deprecatedBuiltinCode)

    def _add(self, operator: FlatObject, sources: list[int], target: int) -> None:
        if self._kind(operator) == Kind.RESHAPE:
            self.aliases.append(Alias(str(target), str(sources[0])))
            return
        step = Step(
            str(len(self.steps)),
            tuple(str(source) for source in sources),
            (str(target),),
            reuses=tuple(self._reuses(operator, sources, target)),
        )
        self.steps.append(step)

    def _reuses(self, operator: FlatObject, sources: list[int], target: int) -> list[Reuse]:
        kind, output = self._kind(operator), str(target)
        if self.sharing == "nothing":
            return []
        if kind in ELEMENTWISE:
            return [in_place(str(source), output) for source in sources]
        reuses: list[Reuse] = []
        if kind == Kind.DEPTHWISE_CONV_2D and self.sharing != "forward":
            reuses.append(in_place(str(sources[0]), output))
        if kind in WINDOWS and self.sharing != "in-place":
            reuses.append(overlap(str(sources[0]), output, self._distance(operator, target)))
        return reuses

    def _distance(self, operator: FlatObject, target: int) -> int:
        options: FlatObject = operator.builtinOptions
        source = self._shape(int(operator.inputs[0]))
        if self._kind(operator) == Kind.AVERAGE_POOL_2D:
            kernel = options.filterHeight, options.filterWidth
        else:
            weights = self._shape(int(operator.inputs[1]))
            kernel = weights[1], weights[2]
        stride = options.strideH, options.strideW
        output = self._shape(target)
        pads = [
            max((output[axis] - 1) * stride[axis - 1] + kernel[axis - 1] - source[axis], 0) // 2
            for axis in (1, 2)
        ]
        same = options.padding == schema.Padding.SAME
        return window_distance(
            (source[0], source[1], source[2], source[3]),
            (output[0], output[1], output[2], output[3]),
            kernel,
            stride,
            (pads[0], pads[1]) if same else (0, 0),
        )


def tflite_buffers(path: Path, sharing: Sharing) -> Graph:
    """The activations of an int8 model as buffers, its operators as steps without scratch."""
    api: FlatObject = schema
    model = api.ModelT.InitFromObj(api.Model.GetRootAs(path.read_bytes(), 0))
    return _Reader(model, sharing).graph()
