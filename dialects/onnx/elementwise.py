"""Operators that work element by element: functions, arithmetic, logic, comparisons."""

from __future__ import annotations

from nnc.dialects.onnx.base import operators

ELEMENTWISE_OPS = operators("""
Abs(X) -> Y
Acos(input) -> output
Acosh(input) -> output
Add(A, B) -> C
And(A, B) -> C
Asin(input) -> output
Asinh(input) -> output
Atan(input) -> output
Atanh(input) -> output
BitShift(X, Y; direction: s) -> Z
BitwiseAnd(A, B) -> C
BitwiseNot(X) -> Y
BitwiseOr(A, B) -> C
BitwiseXor(A, B) -> C
Cast(input; round_mode: s, saturate: i, to: i) -> output
CastLike(input, target_type; round_mode: s, saturate: i) -> output
Ceil(X) -> Y
Celu(X; alpha: f) -> Y
Clip(input, min?, max?; max: f, min: f) -> output
Cos(input) -> output
Cosh(input) -> output
Div(A, B) -> C
Elu(X; alpha: f) -> Y
Equal(A, B) -> C
Erf(input) -> output
Exp(input) -> output
Floor(X) -> Y
Gelu(X; approximate: s) -> Y
Greater(A, B) -> C
GreaterOrEqual(A, B) -> C
HardSigmoid(X; alpha: f, beta: f) -> Y
HardSwish(X) -> Y
IsInf(X; detect_negative: i, detect_positive: i) -> Y
IsNaN(X) -> Y
LeakyRelu(X; alpha: f) -> Y
Less(A, B) -> C
LessOrEqual(A, B) -> C
Log(input) -> output
Max(data_0*) -> max
Mean(data_0*) -> mean
Min(data_0*) -> min
Mish(X) -> Y
Mod(A, B; fmod: i) -> C
Mul(A, B) -> C
Neg(X) -> Y
Not(X) -> Y
Or(A, B) -> C
PRelu(X, slope) -> Y
Pow(X, Y) -> Z
Reciprocal(X) -> Y
Relu(X) -> Y
Round(X) -> Y
Selu(X; alpha: f, gamma: f) -> Y
Shrink(input; bias: f, lambd: f) -> output
Sigmoid(X) -> Y
Sign(input) -> output
Sin(input) -> output
Sinh(input) -> output
Softplus(X) -> Y
Softsign(input) -> output
Sqrt(X) -> Y
Sub(A, B) -> C
Sum(data_0*) -> sum
Swish(X; alpha: f) -> Y
Tan(input) -> output
Tanh(input) -> output
ThresholdedRelu(X; alpha: f) -> Y
Where(condition, X, Y) -> output
Xor(A, B) -> C
""")
