"""
Which types each operator is supported in, as a table for people: `nnc ops` prints it.

What an operator takes is decided by its rewrite and the `nn` ops that it makes, which know more
than a type (ranks, constants, versions). This table says in which types it works at all; a test
tries every operator that ONNX's own cases cover in every type that they have.
"""

from __future__ import annotations

from dataclasses import dataclass

from nnc.passes.onnx import REWRITES

_INTEGERS = "i8 u8 i16 i32 i64"
_NUMBERS = f"f32 {_INTEGERS}"
_ALL = f"{_NUMBERS} i1"

_OPERATORS = {
    _ALL: (
        "Cast CastLike CenterCropPad Compress Concat ConstantOfShape DepthToSpace Dropout Equal "
        "Expand EyeLike Flatten Gather GatherElements GatherND Identity If Loop OneHot Pad "
        "Reshape ReverseSequence Scan Scatter ScatterElements ScatterND Shape Size Slice "
        "SpaceToDepth Split Squeeze Tile Transpose Trilu Unsqueeze Where"
    ),
    f"{_NUMBERS} i1": "ReduceMax ReduceMin",
    _NUMBERS: (
        "Abs Add ArgMax ArgMin Clip CumSum Div Einsum Greater GreaterOrEqual Less LessOrEqual "
        "MatMul Max MaxPool MaxUnpool Mean Min Mod Mul Neg PRelu Pow Range ReduceL1 ReduceMean "
        "ReduceProd ReduceSum ReduceSumSquare Relu Sign Sub Sum TopK"
    ),
    "f32 i8 u8": "DequantizeLinear QuantizeLinear",
    "i8 u8": (
        "ConvInteger MatMulInteger QGemm QLinearAdd QLinearAveragePool QLinearConcat QLinearConv "
        "QLinearGlobalAveragePool QLinearLeakyRelu "
        "QLinearMatMul QLinearMul QLinearSigmoid QLinearSoftmax"
    ),
    _INTEGERS: "BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor",
    "f32 i8 u8 i32": "Resize Upsample",
    "i1": "And Not Or Xor",
    "f32 i32 i64": (
        "Binarizer FeatureVectorizer Imputer LabelEncoder LinearClassifier LinearRegressor "
        "Normalizer OneHotEncoder SVMClassifier SVMRegressor Scaler"
    ),
    "i64": "CategoryMapper",
}

TYPES: dict[str, tuple[str, ...]] = {
    operator: tuple(types.split())
    for types, operators in _OPERATORS.items()
    for operator in operators.split()
}
"""The types of the operators that take others than float32."""


@dataclass(frozen=True)
class Supported:
    """An operator and the types that it is supported in."""

    operator: str
    types: tuple[str, ...]


def supported() -> list[Supported]:
    """Every operator that has a rewrite, by name."""
    return [Supported(name, TYPES.get(name, ("f32",))) for name in sorted(REWRITES)]
