"""
ONNX's own backend tests as networks, and what becomes of each of them.

A case is a model with inputs and the outputs that the specification wants. Many of them feed at run
time what a compiler has to know, such as the shape of a Reshape: where a model does not compile
otherwise, its inputs of integers and truth values are bound as constants, all but the first; where
that is not enough, the first as well, and single numbers of any type (the bounds of a Range).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper
from support.compiled import CompiledError, How, run_all
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.utils.exceptions import DiagnosticException

from nnc.frontends.onnx import import_onnx
from nnc.passes.nn_sink_transposes import NnSinkTransposesPass
from nnc.passes.nn_verify_contract import NnVerifyContractPass
from nnc.passes.onnx.lowering import REWRITES
from nnc.passes.onnx_to_nn import OnnxToNnPass

Array = npt.NDArray[Any]

TYPES = ("float32", "int8", "uint8", "int32", "int64", "bool")
"""The element types of the cases that count."""

_WANTED = """
Abs Acos Acosh Asin Asinh Atan Atanh Ceil Clip Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid
HardSwish Hardmax Identity LeakyRelu Log LogSoftmax Neg Not PRelu Reciprocal Relu Round Selu
Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Tan Tanh ThresholdedRelu Conv ConvTranspose
Gemm MatMul Einsum AveragePool MaxPool GlobalAveragePool GlobalMaxPool BatchNormalization
InstanceNormalization LRN LpNormalization Add Sub Mul Div Pow Mod Min Max Mean Sum BitShift And Or
Xor Equal Greater GreaterOrEqual Less LessOrEqual Where ReduceL1 ReduceL2 ReduceLogSumExp
ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare ArgMax ArgMin TopK Cast Concat
Constant ConstantOfShape DepthToSpace SpaceToDepth Expand Flatten Gather GatherElements GatherND
Pad Range Reshape Resize ScatterND Shape Slice Split Squeeze Tile Transpose Unsqueeze Upsample
Dropout GRU LSTM QuantizeLinear DequantizeLinear QLinearConv QLinearMatMul ArrayFeatureExtractor
LabelEncoder LinearClassifier Normalizer Scaler SVMClassifier SVMRegressor TreeEnsembleClassifier
TreeEnsembleRegressor ZipMap LayerNormalization GroupNormalization RMSNormalization Attention
ConvInteger MatMulInteger DynamicQuantizeLinear RNN TreeEnsemble If Loop Scan
"""

OPERATORS = frozenset(_WANTED.split())
"""The operators whose cases count: those that are to be supported."""

LARGE = 1_000_000
"""Elements of an input that is too large for a case to count."""

Verdict = Literal["passed", "failed", "refused", "excluded"]


@dataclass(frozen=True)
class Case:
    """A backend test: a model, inputs and outputs."""

    name: str
    model: onnx.ModelProto
    inputs: list[Any]
    outputs: list[Any]
    rtol: float
    atol: float
    suite: str = "node"

    @property
    def operators(self) -> list[str]:
        """The operators of its nodes."""
        return sorted({node.op_type for node in self.model.graph.node})


@dataclass(frozen=True)
class Outcome:
    """What became of a case, and why."""

    case: Case
    verdict: Verdict
    reason: str = ""


SUITES = ("node", "simple", "pytorch-operator", "pytorch-converted")
"""The suites of ONNX's backend tests whose models are in its package."""


@cache
def suite_cases(suite: str) -> list[Case]:
    """All tests of a suite, by name."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tests = load_model_tests(kind=suite)
    cases: list[Case] = []
    for test in cast(Any, tests):
        if test.model is None:
            model, inputs, outputs = _read(Path(test.model_dir))
        else:
            model, (inputs, outputs) = test.model, test.data_sets[0]
        cases.append(
            Case(test.name, model, list(inputs), list(outputs), test.rtol, test.atol, suite)
        )
    return sorted(cases, key=lambda case: case.name)


def inputs_of(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """The inputs of a model that have no initializer."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in constants]


def node_cases() -> list[Case]:
    """All tests of single operators, by name."""
    return suite_cases("node")


def _read(folder: Path) -> tuple[onnx.ModelProto, list[Any], list[Any]]:
    """The model of a folder, its inputs and outputs; what is no tensor is None."""
    model: onnx.ModelProto = cast(Any, onnx).load(folder / "model.onnx")

    def read(what: str, values: Sequence[onnx.ValueInfoProto]) -> list[Any]:
        arrays: list[Any] = []
        for number, value in enumerate(values):
            file = folder / f"test_data_set_0/{what}_{number}.pb"
            tensor = onnx.TensorProto()
            is_tensor = value.type.WhichOneof("value") == "tensor_type" and file.exists()
            if is_tensor:
                tensor.ParseFromString(file.read_bytes())
            arrays.append(cast(Any, numpy_helper).to_array(tensor) if is_tensor else None)
        return arrays

    return model, read("input", inputs_of(model)), read("output", model.graph.output)


def exclusion(case: Case) -> str | None:
    """Why a case does not count, None where it does."""
    others = sorted(set(case.operators) - OPERATORS - REWRITES.keys())
    if others:
        return f"operators outside the list: {', '.join(others[:3])}"
    graph = case.model.graph
    for value in (*graph.input, *graph.output):
        if value.type.WhichOneof("value") != "tensor_type":
            return "inputs or outputs that are no tensors"
        if not value.type.tensor_type.HasField("shape"):
            return "shapes that are not static"
        if any(not dim.HasField("dim_value") for dim in value.type.tensor_type.shape.dim):
            return "shapes that are not static"
    for array in (*case.inputs, *case.outputs):
        if not isinstance(array, np.ndarray | np.generic) or array.dtype.name not in TYPES:
            return "element types outside the list"
    for tensor in graph.initializer:
        if cast(Any, numpy_helper).to_array(tensor).dtype.name not in TYPES:
            return "element types outside the list"
    if any(np.asarray(array).size >= LARGE for array in case.inputs):
        return f"inputs of {LARGE} elements and more"
    if any(np.asarray(array).size == 0 for array in (*case.inputs, *case.outputs)):
        return "inputs or outputs without elements"
    return None


def lowered(case: Case) -> tuple[ModuleOp, list[Array]]:
    """
    The `nn` module of a case and the inputs that it has at run time. Raises DiagnosticException.
    """
    inputs = [np.asarray(array) for array in case.inputs]
    refusal: DiagnosticException | None = None
    for level in range(3):
        bound = [_is_bound(case, number, array, level) for number, array in enumerate(inputs)]
        model = onnx.ModelProto()
        model.CopyFrom(case.model)
        for value, array, constant in zip(inputs_of(case.model), inputs, bound, strict=True):
            if constant:
                tensor = cast(Any, numpy_helper).from_array(array, value.name)
                model.graph.initializer.append(tensor)
        fed = [array for array, constant in zip(inputs, bound, strict=True) if not constant]
        try:
            return _module(model), fed
        except DiagnosticException as error:
            refusal = error
    assert refusal is not None
    raise refusal


def _is_bound(case: Case, number: int, array: Array, level: int) -> bool:
    """Whether an input is made a constant in an attempt, of which there are three."""
    name = inputs_of(case.model)[number].name
    if level == 0:
        return False
    if "roi" in name or "scale" in name:
        return True
    if level == 1:
        return number > 0 and array.dtype.kind in "iub"
    return array.dtype.kind in "iub" or array.ndim == 0


def _module(model: onnx.ModelProto) -> ModuleOp:
    module = import_onnx(model.SerializeToString())
    OnnxToNnPass().apply(Context(), module)
    NnSinkTransposesPass(io="kept").apply(Context(), module)
    NnVerifyContractPass().apply(Context(), module)
    return module


def run_cases(cases: Sequence[Case], how: How, batch: int = 100) -> list[Outcome]:
    """What becomes of each case: through the generated C, many of them in one library."""
    outcomes: dict[str, Outcome] = {}
    ready: list[tuple[Case, ModuleOp, list[Array]]] = []
    for case in cases:
        reason = exclusion(case)
        if reason is not None:
            outcomes[case.name] = Outcome(case, "excluded", reason)
            continue
        try:
            ready.append((case, *lowered(case)))
        except DiagnosticException as error:
            text = str(error).splitlines()[0]
            outcomes[case.name] = Outcome(case, "refused", text)
    for start in range(0, len(ready), batch):
        for outcome in _run(ready[start : start + batch], how):
            outcomes[outcome.case.name] = outcome
    return [outcomes[case.name] for case in cases]


def _run(batch: Sequence[tuple[Case, ModuleOp, list[Array]]], how: How) -> list[Outcome]:
    """A batch that does not compile or crashes is taken apart."""
    try:
        runs = run_all([(module, [inputs]) for _, module, inputs in batch], how)
    except (CompiledError, AssertionError, KeyError, ValueError) as error:
        if len(batch) == 1:
            text = f"{type(error).__name__}: {error}".splitlines()[0]
            return [Outcome(batch[0][0], "failed", text[:200])]
        middle = len(batch) // 2
        return [*_run(batch[:middle], how), *_run(batch[middle:], how)]
    return [_judged(case, run[0].outputs) for (case, _, _), run in zip(batch, runs, strict=True)]


def _judged(case: Case, outputs: Sequence[Array]) -> Outcome:
    wanted = [np.asarray(array) for array in case.outputs]
    for number, (found, right) in enumerate(zip(outputs, wanted, strict=True)):
        if found.shape != right.shape or found.dtype != right.dtype:
            got = f"{found.dtype}{found.shape}, expected {right.dtype}{right.shape}"
            return Outcome(case, "failed", f"output {number}: {got}")
        if not np.allclose(found, right, case.rtol, case.atol, equal_nan=True):
            with np.errstate(all="ignore"):
                error = np.abs(found.astype(float) - right.astype(float))
            return Outcome(case, "failed", f"output {number}: off by up to {np.nanmax(error):.3g}")
    return Outcome(case, "passed")
