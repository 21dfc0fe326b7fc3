"""
A module executed at whatever level it is, for comparison with what it was a pass ago.

A model of `tfl` ops runs in the framework that it came from, `nn` ops by their reference semantics,
and buffers as the C that they become, on this machine.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from xdsl.context import Context
from xdsl.dialects import func, memref
from xdsl.dialects.builtin import DYNAMIC_INDEX, ModuleOp, StringAttr, TensorType
from xdsl.ir import Attribute, SSAValue

from nnc.codegen.files import generate
from nnc.codegen.network import NetworkPrinter, layer_names, network_of
from nnc.dialects.nn import interpreter
from nnc.dialects.nn.interpreter import Run, channels_by_layer
from nnc.dialects.nn.states import is_state
from nnc.emulator import run_network
from nnc.execution import sample_bytes
from nnc.inputs import read_inputs
from nnc.passes.diagnostics import UsageError
from nnc.passes.nn_verify_contract import ContractError, NnVerifyContractPass
from nnc.passes.plan_memory import PlanMemoryPass
from nnc.project import runtime_files
from nnc.reference import ReferenceFailedError, tflite_reference
from nnc.tensors import Array, Tensor
from nnc.toolchain import ToolError
from nnc.validate import values

_NAME, _ROLE = "nn.name", "kernel.role"


class LevelRunner:
    """
    Runs modules on the samples that `source` names (see `nnc.inputs.read_inputs`), which are the
    same for each: those of the inputs of the first module that can be run.

    `model` holds the contents of the `.tflite` file that the first module comes from, which is what
    runs in its place. Another module of `tfl` ops cannot be run, nor one between two levels, nor
    one that does not keep the contract of its level.
    """

    def __init__(self, source: str, model: bytes | None = None):
        self.source = source
        self.model = model
        self._samples: list[list[Array]] | None = None

    def __call__(self, module: ModuleOp) -> list[Run] | None:
        """What each sample gives, or None. Raises UsageError, OSError."""
        level = level_of(module)
        model, self.model = self.model, None
        if level is None or (level == "tfl" and model is None):
            return None
        function = network_of(module)
        inputs = inputs_of(function)
        if self._samples is None:
            self._samples = read_inputs(self.source, inputs).inputs
        if level == "tfl" and model is not None:
            return _run_model(model, function, inputs, self._samples)
        if level == "nn":
            return interpreter.run_sequence(function, self._samples)
        try:
            return run_as_c(module, inputs, self._samples)
        except ToolError as error:
            raise UsageError(str(error)) from error


def _run_model(
    model: bytes, function: func.FuncOp, inputs: list[Tensor], samples: list[list[Array]]
) -> list[Run] | None:
    """The model in its own framework; `function` says what its tensors are called."""
    wanted = [name for op in function.walk() for name in layer_names(op.location)]
    shapes = [tensor.shape for tensor in inputs]
    try:
        with tflite_reference(model, shapes, wanted) as reference:
            results = [reference.run(sample) for sample in samples]
    except ReferenceFailedError as error:
        print(f"note: {error}; the import is not checked", file=sys.stderr)
        return None
    runs: list[Run] = []
    for result in results:
        outputs = [output for output in result.outputs if output is not None]
        if len(outputs) < len(result.outputs):
            return None
        runs.append(Run(tuple(outputs), result.tensors))
    return runs


def level_of(module: ModuleOp) -> str | None:
    """`tfl`, `nn` or `kernel`, or None for a module that none of them could be."""
    if not any(isinstance(op, func.FuncOp) for op in module.body.block.ops):
        return None
    function = network_of(module)
    found = {op.name.partition(".")[0] for op in function.body.block.ops} - {"func"}
    if found == {"tfl"}:
        return "tfl" if all(map(_is_static, function.body.block.arg_types)) else None
    if found.issubset({"kernel", "memref"}) and _attribute(function, 0, _ROLE):
        return "kernel"
    try:
        NnVerifyContractPass().apply(Context(), module)
    except ContractError:
        return None
    return "nn"


def _is_static(kind: Attribute) -> bool:
    return isinstance(kind, TensorType) and DYNAMIC_INDEX not in kind.get_shape()


def inputs_of(function: func.FuncOp) -> list[Tensor]:
    """The inputs of a function of any level, in order."""
    if _attribute(function, 0, _ROLE):
        ports = NetworkPrinter(function, "net").of_role("input")
        return [Tensor.of(port) for port in ports]
    args = enumerate(function.body.block.args)
    return [
        Tensor.named(_name(function, k, arg), arg.type)
        for k, arg in args
        if not is_state(function.arg_attrs, k)
    ]


def _name(function: func.FuncOp, number: int, arg: SSAValue) -> str:
    return _attribute(function, number, _NAME) or arg.name_hint or f"input{number}"


def _attribute(function: func.FuncOp, number: int, key: str) -> str | None:
    """A text attribute of an argument."""
    attributes = function.arg_attrs
    if attributes is None or number >= len(attributes):
        return None
    value = attributes.data[number].data.get(key)
    return value.data if isinstance(value, StringAttr) else None


def run_as_c(module: ModuleOp, inputs: list[Tensor], samples: list[list[Array]]) -> list[Run]:
    """
    Runs a module of buffers as C on this machine, its memory planned if it is not yet.

    Raises ToolError.
    """
    if any(isinstance(op, memref.AllocOp) for op in module.walk()) or not _is_planned(module):
        module = module.clone()
        PlanMemoryPass().apply(Context(), module)
    files = generate(module, "net")
    files |= runtime_files(NetworkPrinter(network_of(module), "net"), files)
    with tempfile.TemporaryDirectory(prefix="nnc-") as name:
        for file, text in files.items():
            Path(name, file).write_text(text, encoding="utf-8")
        request = (sample_bytes(sample, inputs) for sample in samples)
        result = run_network(Path(name), "net", request, hook=True)
    channels = channels_by_layer(network_of(module))
    runs: list[Run] = []
    for outputs, layers in zip(result.outputs, result.layers, strict=True):
        arrays = [values(t, d) for t, d in zip(result.network.outputs, outputs, strict=True)]
        known = {
            tensor.name: values(tensor, data)
            for layer, contents in zip(result.network.layers, layers, strict=True)
            for tensor, data in zip(layer.outputs, contents, strict=True)
            if data is not None
        }
        runs.append(Run(tuple(arrays), known, channels=channels))
    return runs


def _is_planned(module: ModuleOp) -> bool:
    return "kernel.arena_bytes" in network_of(module).attributes
