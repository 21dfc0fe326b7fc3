"""
One small model of each operator that is to be supported: the ONNX operators that the widest
compiler for microcontrollers lists, those of language models, and ONNX Runtime's quantised ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from support.onnx_models import Array, model, node, value

RUNTIME = "com.microsoft"
_SHORT = {"float32": "f32", "int8": "i8", "uint8": "u8", "int32": "i32", "int64": "i64"}


@dataclass(frozen=True)
class Operator:
    """
    A node: the tensors that it gets at run time, then those that are constants (None is left out),
    its attributes, the number of its results, and the operator set.
    """

    name: str
    inputs: list[Array]
    constants: list[Array | None] = field(default_factory=list[Array | None])
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])
    results: int = 1
    opset: int = 21
    domain: str = ""
    lead: int = 0
    """Constants that are before the other operands."""

    def model(self) -> onnx.ModelProto:
        """A model of this node only."""
        known = {f"c{k}": it for k, it in enumerate(self.constants) if it is not None}
        places = [f"c{k}" if it is not None else "" for k, it in enumerate(self.constants)]
        given = [
            value(f"x{k}", list(it.shape), _SHORT.get(it.dtype.name, "i1"))
            for k, it in enumerate(self.inputs)
        ]
        outputs = [f"y{k}" for k in range(self.results)]
        operands = [f"x{k}" for k in range(len(self.inputs))]
        operands = [*places[: self.lead], *operands, *places[self.lead :]]
        domains = {self.domain: 1} if self.domain else {}
        return model(
            [node(self.name, operands, outputs, domain=self.domain, **self.attributes)],
            given,
            outputs,
            known,
            opset=self.opset,
            domains=domains,
        )


_RNG: Any = np.random.default_rng(42)


def real(*shape: int, low: float = -2.0, high: float = 2.0) -> Array:
    """Random floats."""
    return _RNG.uniform(low, high, shape).astype(np.float32)


def whole(*shape: int, low: int = -9, high: int = 10, kind: Any = np.int32) -> Array:
    """Random integers below `high`."""
    return _RNG.integers(low, high, shape).astype(kind)


def ints(*numbers: int) -> Array:
    """A list of int64."""
    return np.asarray(numbers, np.int64)


def one(number: float) -> Array:
    """A single float."""
    return np.asarray(number, np.float32)


def truth(*shape: int) -> Array:
    """Random truth values."""
    return _RNG.integers(0, 2, shape).astype(bool)


def _functions() -> list[Operator]:
    everywhere = """
        Abs Atan Asinh Ceil Cos Elu Erf Exp Floor HardSigmoid HardSwish Identity
        LeakyRelu Neg Reciprocal Relu Round Selu Sigmoid Sign Sin Softplus Softsign Tan Tanh
        ThresholdedRelu Cosh Sinh"""
    rows = [Operator(name, [real(3, 4)]) for name in everywhere.split()]
    rows += [Operator(name, [real(3, 4, low=-1, high=1)]) for name in ("Acos", "Asin", "Atanh")]
    rows += [Operator(name, [real(3, 4, low=1, high=4)]) for name in ("Acosh", "Log", "Sqrt")]
    rows += [Operator("Gelu", [real(3, 4)], attributes={"approximate": it}) for it in _GELU]
    rows += [
        Operator("Clip", [real(3, 4)], [one(-0.5), one(1)]),
        Operator("Clip", [whole(3, 4)], [None, np.asarray(3, np.int32)]),
        Operator("Not", [truth(3, 4)]),
        Operator("PRelu", [real(2, 3, 4)], [real(3, 1)]),
        Operator("Dropout", [real(3, 4)], [one(0.5)]),
        # The reference forgets the sign of numbers in this norm.
        Operator("LpNormalization", [real(3, 4, low=0)], attributes={"axis": 1, "p": 1}),
        Operator("LpNormalization", [real(3, 4)], attributes={"axis": 0}),
        # The reference is right for as many samples as channels only.
        Operator("LRN", [real(5, 5, 3, 3)], attributes={"size": 3, "alpha": 0.2}),
    ]
    for axis in range(-3, 3):
        for name in ("Softmax", "LogSoftmax", "Hardmax"):
            rows.append(Operator(name, [real(2, 3, 4)], attributes={"axis": axis}))
    return rows


_GELU = ("none", "tanh")


def _arithmetic() -> list[Operator]:
    names = "Add Sub Mul Min Max Equal Greater GreaterOrEqual Less LessOrEqual"
    rows = [Operator(name, [whole(2, 3), whole(3)]) for name in names.split()]
    for name in (*names.split(), "Div", "Mean", "Sum"):
        rows.append(Operator(name, [real(2, 3, 4), real(3, 1)]))
    rows += [Operator(name, [truth(2, 3), truth(3)]) for name in ("And", "Or", "Xor")]
    rows += [
        Operator("Pow", [real(3, low=0.5), real(3)]),
        Operator("Pow", [real(2, 3)], [one(2.0)]),
        Operator("Mod", [whole(8), whole(8, low=1)]),
        Operator("Mod", [real(8), real(8, low=0.5)], attributes={"fmod": 1}),
        Operator("Where", [truth(2, 3), real(2, 3), real(3)]),
        Operator("Not", [truth(4)]),
    ]
    for direction in ("LEFT", "RIGHT"):
        given = [whole(6, low=0, high=99, kind=np.uint8), whole(6, low=0, high=8, kind=np.uint8)]
        rows.append(Operator("BitShift", given, attributes={"direction": direction}))
    return rows


def _layers() -> list[Operator]:
    image = real(1, 4, 6, 5)
    window: dict[str, Any] = {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]}
    return [
        Operator("Conv", [image], [real(6, 4, 3, 3), real(6)], {"pads": [1, 1, 1, 1]}),
        Operator("Conv", [image], [real(8, 1, 3, 3)], {"group": 4, "dilations": [2, 1]}),
        Operator("Conv", [image, real(6, 2, 3, 3)], attributes={"group": 2}),
        Operator("ConvTranspose", [image], [real(4, 3, 3, 3)], {"strides": [2, 2]}),
        Operator("AveragePool", [image], attributes={**window, "count_include_pad": 1}),
        Operator("MaxPool", [image], attributes=window),
        Operator("GlobalAveragePool", [image]),
        Operator("GlobalMaxPool", [image]),
        Operator("BatchNormalization", [image], [real(4), real(4), real(4), real(4, low=0.5)]),
        Operator("InstanceNormalization", [image], [real(4), real(4)]),
        Operator("GroupNormalization", [image], [real(4), real(4)], {"num_groups": 2}),
        Operator("LayerNormalization", [real(2, 3, 8)], [real(8), real(8)]),
        Operator("LayerNormalization", [real(2, 3, 8)], [real(3, 8)], {"axis": 1}, 3),
        Operator("RMSNormalization", [real(2, 3, 8)], [real(8)], opset=23),
        Operator("Gemm", [real(3, 4)], [real(5, 4), real(5)], {"transB": 1, "alpha": 0.5}),
        Operator("Gemm", [real(4, 3), real(4, 5), real(3, 1)], [], {"transA": 1, "beta": 2.0}),
        Operator("MatMul", [real(2, 3, 4), real(4, 5)]),
        Operator("MatMul", [real(2, 1, 3, 4), real(3, 4, 2)]),
        Operator("MatMul", [real(4)], [real(4, 2)]),
        Operator("Einsum", [real(2, 3, 4), real(2, 4, 5)], [], {"equation": "bij,bjk->bik"}),
        Operator("Einsum", [real(3, 4)], [], {"equation": "ij->j"}),
        Operator("Attention", [real(1, 2, 3, 4), real(1, 2, 5, 4), real(1, 2, 5, 4)], opset=23),
        Operator("GRU", [real(4, 1, 3)], [real(1, 6, 3), real(1, 6, 2)], {"hidden_size": 2}, 2),
        Operator("LSTM", [real(4, 1, 3)], [real(1, 8, 3), real(1, 8, 2)], {"hidden_size": 2}, 2),
    ]


_REDUCED = "L1 L2 LogSumExp Max Mean Min Prod Sum SumSquare"


def _reductions() -> list[Operator]:
    rows: list[Operator] = []
    for name in _REDUCED.split():
        for keep, axes in ((1, ints(1)), (0, ints(0, -1)), (0, None)):
            rows.append(
                Operator(f"Reduce{name}", [real(2, 3, 4)], [axes], {"keepdims": keep}, opset=18)
            )
    for name in ("ArgMax", "ArgMin"):
        rows.append(Operator(name, [real(2, 5)], attributes={"axis": 1, "keepdims": 0}))
        last = {"axis": 0, "select_last_index": 1}
        rows.append(Operator(name, [whole(6, 5, low=0, high=3)], attributes=last))
    rows.append(Operator("TopK", [real(3, 6)], [ints(2)], {"axis": 1}, 2))
    rows.append(Operator("TopK", [real(6, 3)], [ints(4)], {"axis": 0, "largest": 0}, 2))
    return rows


def _movement() -> list[Operator]:
    x = real(2, 3, 4)
    return [
        Operator("Cast", [real(3, 4)], attributes={"to": onnx.TensorProto.INT32}),
        Operator("Cast", [whole(3, 4)], attributes={"to": onnx.TensorProto.FLOAT}),
        Operator("Cast", [real(3, 4)], attributes={"to": onnx.TensorProto.BOOL}),
        Operator("Concat", [x, real(2, 1, 4)], attributes={"axis": 1}),
        Operator("Constant", [], attributes={"value_floats": [1.0, 2.5]}),
        Operator("ConstantOfShape", [], [ints(2, 3)]),
        Operator("DepthToSpace", [real(1, 8, 2, 3)], attributes={"blocksize": 2, "mode": "CRD"}),
        Operator("SpaceToDepth", [real(1, 2, 4, 6)], attributes={"blocksize": 2}),
        Operator("Expand", [real(3, 1)], [ints(2, 1, 4)]),
        Operator("Flatten", [x], attributes={"axis": 2}),
        Operator("Gather", [x, whole(2, 2, low=-3, high=3, kind=np.int64)], [], {"axis": 1}),
        Operator(
            "GatherElements", [x, whole(2, 2, 4, low=-3, high=3, kind=np.int64)], [], {"axis": 1}
        ),
        Operator("GatherND", [x, whole(2, 2, low=0, high=2, kind=np.int64)]),
        Operator("ScatterND", [x, ints(1, 0).reshape(2, 1), real(2, 3, 4)]),
        Operator("Pad", [x], [ints(0, 1, 2, 1, 0, 0), one(3)]),
        Operator("Pad", [x], [ints(0, 1, 2, 0, 1, 1)], {"mode": "reflect"}),
        Operator("Pad", [x], [ints(0, 1, 2, 1, 0, 0)], {"mode": "edge"}),
        Operator("Range", [], [ints(1)[0], ints(9)[0], ints(3)[0]]),
        Operator("Reshape", [x], [ints(0, -1)]),
        Operator("Resize", [real(1, 2, 3, 4)], [None, None, ints(1, 2, 5, 3)], {"mode": "linear"}),
        Operator("Resize", [real(1, 2, 3, 4)], [None, np.asarray([1, 1, 2, 3], np.float32)]),
        Operator("Shape", [x]),
        Operator("Slice", [x], [ints(0, 3), ints(2, 0), ints(1, 2), ints(1, -2)]),
        Operator("Split", [real(2, 7)], [ints(1, 4, 2)], {"axis": 1}, 3),
        Operator("Split", [real(7, 2)], [], {"axis": 0, "num_outputs": 3}, 3),
        Operator("Squeeze", [real(1, 3, 1)], [ints(-1)]),
        Operator("Tile", [real(2, 3)], [ints(2, 3)]),
        Operator("Transpose", [x], attributes={"perm": [2, 0, 1]}),
        Operator("Unsqueeze", [real(3, 4)], [ints(0, -1)]),
        Operator(
            "Upsample",
            [real(1, 2, 2, 3)],
            [np.asarray([1, 1, 2, 3], np.float32)],
            {"mode": "nearest"},
            opset=9,
        ),
    ]


def _quantised() -> list[Operator]:
    codes = whole(2, 8, low=0, high=256, kind=np.uint8)
    zero, signed = np.asarray(7, np.uint8), np.asarray(0, np.int8)
    return [
        Operator("QuantizeLinear", [real(3, 4)], [one(0.02), zero]),
        Operator("QuantizeLinear", [real(3, 4)], [real(3, low=0.1)], {"axis": 0}),
        Operator("DequantizeLinear", [codes], [one(0.02), zero]),
        Operator("DynamicQuantizeLinear", [real(3, 4)], results=3),
        Operator(
            "ConvInteger",
            [whole(1, 2, 5, 5, low=0, high=256, kind=np.uint8)],
            [whole(3, 2, 2, 2, low=-128, high=128, kind=np.int8), zero],
        ),
        Operator(
            "MatMulInteger",
            [codes],
            [whole(8, 3, low=-128, high=128, kind=np.int8), zero, signed],
        ),
    ]


OPERATORS = [
    *_functions(),
    *_arithmetic(),
    *_layers(),
    *_reductions(),
    *_movement(),
    *_quantised(),
]
"""All but those whose results are rounded, which are compared with a tolerance of one."""

_LISTED = """
Abs Acos Acosh Asin Asinh Atan Atanh Ceil Clip Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid HardSwish
Hardmax Identity LeakyRelu Log LogSoftmax Neg Not PRelu Reciprocal Relu Round Selu Sigmoid Sign Sin
Sinh Softmax Softplus Softsign Sqrt Tan Tanh ThresholdedRelu Conv ConvTranspose Gemm MatMul Einsum
AveragePool MaxPool GlobalAveragePool GlobalMaxPool BatchNormalization InstanceNormalization LRN
LpNormalization Add Sub Mul Div Pow Mod Min Max Mean Sum BitShift And Or Xor Equal Greater
GreaterOrEqual Less LessOrEqual Where ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax ReduceMean
ReduceMin ReduceProd ReduceSum ReduceSumSquare ArgMax ArgMin TopK Cast Concat Constant
ConstantOfShape DepthToSpace SpaceToDepth Expand Flatten Gather GatherElements GatherND Pad Range
Reshape Resize ScatterND Shape Slice Split Squeeze Tile Transpose Unsqueeze Upsample Dropout GRU
LSTM QuantizeLinear DequantizeLinear LayerNormalization GroupNormalization RMSNormalization
Attention ConvInteger MatMulInteger DynamicQuantizeLinear
QLinearAdd QLinearAveragePool QLinearConcat QLinearConv QLinearGlobalAveragePool QLinearMatMul
QLinearMul QLinearSigmoid QLinearSoftmax QLinearLeakyRelu QGemm
"""
WANTED = frozenset(_LISTED.split())
"""The operators that must be among the models, without those of classical machine learning."""


@dataclass(frozen=True)
class Quantised:
    """An operator with scales, and the real numbers that its result stands for."""

    operator: Operator
    right: Array
    scale: float
    zero: int


def quantised() -> list[Quantised]:
    """ONNX Runtime's operators and QLinearConv and QLinearMatMul, by what they mean."""
    rows: list[Quantised] = []
    for kind in (np.uint8, np.int8):
        info, middle = np.iinfo(kind), 0 if kind == np.int8 else 128
        low, high = int(info.min), int(info.max) + 1
        zeros = [np.asarray(middle + shift, kind) for shift in (5, -9, 3)]
        scales = [one(0.031), one(0.044), one(0.05)]
        x, other = (whole(1, 4, 6, 6, low=low, high=high, kind=kind) for _ in range(2))
        a, b = (
            (it.astype(np.float64) - int(zero)) * float(scale)
            for it, zero, scale in zip((x, other), zeros, scales, strict=False)
        )
        first, second, last = zip(scales, zeros, strict=True)

        def put(
            name: str,
            inputs: list[Array],
            operands: list[Any],
            right: Array,
            result: tuple[Array, Array] = last,
            **more: Any,
        ) -> None:
            domain = "" if name in ("QLinearConv", "QLinearMatMul") else RUNTIME
            scale, zero = result
            lead = 2 if name == "QLinearConcat" else 0
            row = Operator(name, inputs, operands, more, domain=domain, lead=lead)
            rows.append(Quantised(row, right, float(scale), int(zero)))

        sigmoid = (np.asarray(1 / 256, np.float32), np.asarray(low, kind))
        matrix = whole(36, 5, low=-127, high=128, kind=np.int8)
        exact, wide = (one(0.01), np.asarray(0, np.int8)), (one(0.4), zeros[2])
        flat, rows_of = x.reshape(4, 36), a.reshape(4, 36)
        product = rows_of @ (matrix * 0.01)
        put("QLinearMatMul", [flat], [*first, matrix, *exact, *wide], product, result=wide)
        put("QGemm", [flat], [*first, matrix, *exact, None, *wide], product, result=wide)
        kernel = whole(3, 4, 1, 1, low=-127, high=128, kind=np.int8)
        made = np.tensordot(kernel[:, :, 0, 0] * 0.01, a, (1, 1)).transpose(1, 0, 2, 3)
        put("QLinearConv", [x], [*first, kernel, *exact, *last], made)
        put("QLinearAdd", [x], [*first, other, *second, *last], a + b)
        put("QLinearMul", [x], [*first, other, *second, *wide], a * b, result=wide)
        joined = np.concatenate([a, b], 1)
        put("QLinearConcat", [x], [*last, *first, other, *second], joined, axis=1)
        mean = a.mean((2, 3), keepdims=True)
        put("QLinearGlobalAveragePool", [x], [*first, *last], mean)
        halves = a.reshape(1, 4, 3, 2, 3, 2).mean((3, 5))
        window: dict[str, Any] = {"kernel_shape": [2, 2], "strides": [2, 2]}
        put("QLinearAveragePool", [x], [*first, *last], halves, **window)
        put("QLinearSigmoid", [x], [*first, *sigmoid], 1 / (1 + np.exp(-a)), result=sigmoid)
        leaky = np.where(a < 0, 0.1 * a, a)
        put("QLinearLeakyRelu", [x], [*first, *last], leaky, alpha=0.1)
        for axis in (1, 2, 3):
            powers = np.exp(a - a.max(axis, keepdims=True))
            shares = powers / powers.sum(axis, keepdims=True)
            put(
                "QLinearSoftmax",
                [x],
                [*first, *sigmoid],
                shares,
                result=sigmoid,
                axis=axis,
                opset=13,
            )
    return rows
