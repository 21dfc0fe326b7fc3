"""Which layers the kernel rows take, and what they say about those that they do not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from support.nn_networks import network, tensor
from xdsl.dialects.builtin import IntegerType, ModuleOp, Signedness, f32, i1, i8, i16, i32, i64
from xdsl.ir import Attribute, SSAValue

from nnc.boards import core
from nnc.dialects.nn.arithmetic import AddOp, BinaryOp, MulOp
from nnc.dialects.nn.base import NnOp, RoundingAttr
from nnc.dialects.nn.binary import MaximumOp, MinimumOp
from nnc.dialects.nn.conversion import ConstantOp
from nnc.dialects.nn.convolution import Conv2DOp, DenseOp, DepthwiseConv2DOp
from nnc.dialects.nn.deconvolution import ConvTranspose2DOp
from nnc.dialects.nn.movement import TransposeOp
from nnc.dialects.nn.placement import PadOp
from nnc.dialects.nn.pooling import AveragePool2DOp
from nnc.dialects.nn.softmax import SoftmaxOp
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import BIN, numpy_dtype
from nnc.dialects.utils import Rounding
from nnc.passes.nn_builder import NnBuilder, flag, integer, integers, real
from nnc.runtime.registry import Target, choose

per_tensor = UniformQuantizedType.per_tensor
U8 = IntegerType(8, Signedness.UNSIGNED)
Q8, QU8, Q16 = per_tensor(i8, 0.5, 3), per_tensor(U8, 0.5, 3), per_tensor(i16, 0.25)
W8, W4, W16 = (per_tensor(IntegerType(bits), 2.0**-8) for bits in (8, 4, 16))
SHIFTED = per_tensor(i8, 2.0**-8, 5)
SHARES = per_tensor(i8, 2.0**-8, -128)
MANY = UniformQuantizedType.per_axis(i8, 0, [2.0**-8, 2.0**-9], [0, 0])
DOUBLE, MB64, F64 = (RoundingAttr(it) for it in (Rounding.DOUBLE, Rounding.MB64, Rounding.F64))

PORTABLE = Target(core("cortex-m3"))
DSP = Target(core("cortex-m4"))
M3, M4, M55 = (Target(core(f"cortex-{name}"), True) for name in ("m3", "m4", "m55"))

OURS = "nnc_conv_s8"

Shape = tuple[int, ...]


def check(module: ModuleOp, target: Target, kernel: str, reason: str = "") -> None:
    """Compares the kernel for the last layer, and what the others said about it."""
    layers = [op for op in module.walk() if isinstance(op, NnOp) and not isinstance(op, ConstantOp)]
    choice = choose(layers[-1], target)
    assert ("" if choice.kernel is None else choice.kernel.name) == kernel, choice.declined
    said = "; ".join(choice.declined)
    assert reason in said if reason else said == ""


def plain(
    kind: type[NnOp],
    inputs: Sequence[tuple[Attribute, Shape]],
    result: tuple[Attribute, Shape],
    **properties: Attribute | None,
) -> ModuleOp:
    """A layer without constants."""
    output = tensor(result[0], *result[1])
    return network(
        [tensor(element, *shape) for element, shape in inputs],
        lambda b, args: [b.op(kind, args, output, **properties)],
    )


def weighted(
    kind: type[NnOp],
    input: tuple[Attribute, Shape],
    weights: tuple[Attribute, Shape],
    result: tuple[Attribute, Shape],
    bias: Attribute | None = None,
    value: int = 1,
    **properties: Attribute | None,
) -> ModuleOp:
    """A layer of constant weights of one value and a bias of 100, or none."""

    def full(b: NnBuilder, element: Attribute, shape: Shape, number: int) -> SSAValue:
        return b.constant(np.full(shape, number, numpy_dtype(element)), element)

    def build(b: NnBuilder, args: Sequence[SSAValue]) -> Sequence[SSAValue]:
        added = None if bias is None else full(b, bias, result[1][-1:], 100)
        operands = [args[0], full(b, *weights, value), added]
        return [b.op(kind, operands, tensor(result[0], *result[1]), **properties)]

    return network([tensor(input[0], *input[1])], build)


def convolution(
    activations: Attribute,
    rounding: RoundingAttr,
    *,
    weights: Attribute = W8,
    bias: Attribute | None = None,
    value: int = 1,
    depth: int = 4,
    outputs: int = 2,
    groups: int = 1,
    padding: Shape = (1, 1, 1, 1),
) -> ModuleOp:
    """A 3x3 convolution of a square of 6 pixels."""
    extents = 4 + padding[0] + padding[1], 4 + padding[2] + padding[3]
    return weighted(
        Conv2DOp,
        (activations, (1, 6, 6, depth)),
        (weights, (outputs, 3, 3, depth // groups)),
        (activations, (1, *extents, outputs)),
        bias,
        value,
        rounding=rounding,
        strides=integers([1, 1]),
        dilations=integers([1, 1]),
        padding=integers(padding),
        groups=integer(groups),
    )


def depthwise(
    activations: Attribute,
    rounding: RoundingAttr,
    bias: Attribute | None = None,
    padding: Shape = (1, 1, 1, 1),
) -> ModuleOp:
    """A 3x3 depthwise convolution of a square of 6 pixels."""
    extents = 4 + padding[0] + padding[1], 4 + padding[2] + padding[3]
    return weighted(
        DepthwiseConv2DOp,
        (activations, (1, 6, 6, 4)),
        (W8, (1, 3, 3, 4)),
        (activations, (1, *extents, 4)),
        bias,
        rounding=rounding,
        strides=integers([1, 1]),
        dilations=integers([1, 1]),
        padding=integers(padding),
    )


def dense(
    activations: Attribute,
    rounding: RoundingAttr,
    *,
    weights: Attribute = W8,
    bias: Attribute | None = None,
    value: int = 1,
    depth: int = 8,
) -> ModuleOp:
    """A dense layer of two outputs."""
    return weighted(
        DenseOp,
        (activations, (1, depth)),
        (weights, (2, depth)),
        (activations, (1, 2)),
        bias,
        value,
        rounding=rounding,
    )


def two(
    kind: type[BinaryOp],
    element: Attribute,
    left: Shape,
    right: Shape,
    **properties: Attribute | None,
) -> ModuleOp:
    """A layer of two operands."""
    shape = tuple(np.broadcast_shapes(left, right))
    return plain(kind, [(element, left), (element, right)], (element, shape), **properties)


CONV, CONV16 = "arm_convolve_wrapper_s8", "arm_convolve_wrapper_s16"
SHORT = UniformQuantizedType.per_tensor(i16, 0.25, 7)
BESIDE = (3, 1, 1, 1)


@pytest.mark.parametrize(
    ("module", "target", "kernel", "reason"),
    [
        (convolution(Q8, DOUBLE), PORTABLE, CONV, ""),
        (convolution(Q8, DOUBLE, weights=W4), PORTABLE, CONV, ""),
        (convolution(Q8, DOUBLE), DSP, OURS, "takes fewer"),
        (convolution(Q8, RoundingAttr(Rounding.SINGLE)), DSP, OURS, "rounds it as single"),
        (convolution(Q8, DOUBLE, weights=W4, depth=3, padding=BESIDE), DSP, OURS, "takes fewer"),
        (convolution(Q8, DOUBLE, groups=2), DSP, CONV, "it has groups"),
        (convolution(Q8, DOUBLE, value=-128), DSP, CONV, "too large for two sums"),
        (convolution(Q8, DOUBLE, depth=64, value=127), DSP, CONV, "too large for two sums"),
        (convolution(Q8, DOUBLE, depth=56, value=127), DSP, OURS, "takes fewer"),
        (convolution(Q8, RoundingAttr(Rounding.SINGLE)), PORTABLE, "", "rounds it as single"),
        (convolution(QU8, DOUBLE), PORTABLE, "", "its input is not int8"),
        (convolution(Q8, DOUBLE, weights=SHIFTED), PORTABLE, "", "weights have a zero point"),
        (convolution(Q8, MB64, bias=i64), PORTABLE, "", "its accumulator is i64, not i32"),
        (convolution(Q8, DOUBLE, padding=BESIDE), PORTABLE, CONV, ""),
        (convolution(Q8, DOUBLE, padding=BESIDE), M4, "", "beside its input of height 6"),
        (convolution(Q16, MB64), PORTABLE, CONV16, ""),
        (convolution(Q16, MB64, bias=i64), M55, CONV16, ""),
        (convolution(Q16, DOUBLE, bias=i32), M4, CONV16, ""),
        (convolution(Q16, MB64, weights=W16), PORTABLE, "", "its weights are not int8"),
        (convolution(SHORT, MB64), PORTABLE, "", "its input has a zero point"),
        (convolution(Q16, MB64, depth=4, groups=2), PORTABLE, CONV16, ""),
        (convolution(Q16, MB64, depth=4, groups=2), M4, "", "knows no groups"),
        (convolution(Q16, MB64, depth=100, value=127), PORTABLE, CONV16, ""),
        (convolution(Q16, MB64, depth=100, value=127), M4, "", "add up to 114300"),
        (convolution(Q16, MB64, depth=100, value=2), M4, CONV16, ""),
        (convolution(Q16, MB64, depth=101, outputs=3), M4, "", "read too far"),
        (convolution(Q16, DOUBLE, bias=i32, depth=100, value=127), M4, CONV16, ""),
    ],
)
def test_convolutions(module: ModuleOp, target: Target, kernel: str, reason: str) -> None:
    check(module, target, kernel, reason)


def test_results_that_need_many_bits() -> None:
    """The library keeps twice a result before its clamp in 32 bits."""
    fine = per_tensor(i16, 2.0**-20)
    module = weighted(
        DenseOp,
        (Q16, (1, 64)),
        (W8, (2, 64)),
        (fine, (1, 2)),
        value=127,
        rounding=MB64,
    )
    check(module, PORTABLE, "arm_fully_connected_s16")
    check(module, M4, "", "its results before the clamp may need more than 31 bits")


@pytest.mark.parametrize(
    ("module", "target", "kernel", "reason"),
    [
        (depthwise(Q8, DOUBLE), M4, "arm_depthwise_conv_wrapper_s8", ""),
        (depthwise(Q8, DOUBLE), DSP, "nnc_depthwise_s8", "takes fewer"),
        (
            depthwise(Q8, RoundingAttr(Rounding.SINGLE)),
            DSP,
            "nnc_depthwise_s8",
            "rounds it as single",
        ),
        (depthwise(Q8, DOUBLE, padding=(1, 1, 1, 2)), M4, "", "reads the middle column"),
        (depthwise(Q16, MB64), M4, "arm_depthwise_conv_wrapper_s16", ""),
        (depthwise(Q16, DOUBLE, i32), PORTABLE, "", "its accumulator is i32, not i64"),
        (depthwise(Q16, MB64, padding=BESIDE), M4, "", "beside its input"),
    ],
)
def test_depthwise(module: ModuleOp, target: Target, kernel: str, reason: str) -> None:
    check(module, target, kernel, reason)


def test_transposed_convolution() -> None:
    def made(activations: Attribute, rounding: RoundingAttr, height: int) -> ModuleOp:
        return weighted(
            ConvTranspose2DOp,
            (activations, (1, 3, 3, 4)),
            (W8, (2, 3, 3, 4)),
            (activations, (1, height, 6, 2)),
            rounding=rounding,
            strides=integers([2, 2]),
            padding=integers([0, 0]),
        )

    check(made(Q8, DOUBLE, 6), M4, "arm_transpose_conv_wrapper_s8")
    check(made(Q8, DOUBLE, 9), PORTABLE, "arm_transpose_conv_wrapper_s8")
    check(made(Q8, DOUBLE, 9), M4, "", "its output height 9 is not what its kernel and stride")
    check(made(Q16, MB64, 6), PORTABLE, "")


OWN, OWN64 = "nnc_dense_s8", "nnc_dense_f64_s8"
DENSE16 = "arm_fully_connected_s16"


@pytest.mark.parametrize(
    ("module", "target", "kernel", "reason"),
    [
        (dense(Q8, DOUBLE), M55, "arm_fully_connected_s8", ""),
        (dense(Q8, DOUBLE, weights=MANY), M4, "arm_fully_connected_per_channel_s8", ""),
        (dense(Q8, F64), PORTABLE, OWN, "rounds it as f64, CMSIS-NN as double"),
        (dense(Q8, F64, weights=SHIFTED), PORTABLE, "", f"{OWN64}: its weights have a zero point"),
        (dense(Q16, MB64), M55, DENSE16, ""),
        (dense(Q16, MB64, bias=i64), M4, DENSE16, ""),
        (dense(Q16, F64), PORTABLE, "", "rounds it as f64, CMSIS-NN as mb64"),
        (dense(Q16, DOUBLE, bias=i32), PORTABLE, "", "its accumulator is i32, not i64"),
        (dense(Q16, MB64, weights=MANY), PORTABLE, "", "more than one scale"),
        (dense(Q16, MB64, depth=600, value=127), M4, "", "add up to 76200"),
        (dense(Q16, MB64, depth=600, value=127), M3, DENSE16, ""),
    ],
)
def test_dense(module: ModuleOp, target: Target, kernel: str, reason: str) -> None:
    check(module, target, kernel, reason)


def test_weights_that_are_not_constant() -> None:
    """Helium needs their sums, our kernels fold the zero point into the bias."""

    def made(rounding: RoundingAttr) -> ModuleOp:
        return network(
            [tensor(Q8, 1, 8), tensor(W8, 2, 8)],
            lambda b, args: [b.op(DenseOp, [*args, None], tensor(Q8, 1, 2), rounding=rounding)],
        )

    check(made(DOUBLE), M4, "arm_fully_connected_s8")
    check(made(DOUBLE), M55, "", "their sums are not known")
    check(made(F64), M4, "", f"{OWN64}: its weights or bias are not constant")


def pool(element: Attribute, side: int, kernel: int, padding: int = 0) -> ModuleOp:
    """An average of a square."""
    output = side + 2 * padding - kernel + 1
    return plain(
        AveragePool2DOp,
        [(element, (1, side, side, 1))],
        (element, (1, output, output, 1)),
        kernel=integers([kernel, kernel]),
        strides=integers([1, 1]),
        padding=integers([padding] * 4),
    )


def softmax(source: Attribute, result: Attribute, depth: int) -> ModuleOp:
    """A softmax of one row."""
    return plain(SoftmaxOp, [(source, (1, depth))], (result, (1, depth)), beta=real(1.0))


@pytest.mark.parametrize(
    ("module", "target", "kernel", "reason"),
    [
        (pool(Q8, 5, 3, 1), M4, "arm_avgpool_s8", ""),
        (pool(SHORT, 5, 3, 1), M4, "arm_avgpool_s16", ""),
        (pool(QU8, 5, 3, 1), PORTABLE, "", "its input is not int8"),
        (pool(f32, 5, 3, 1), PORTABLE, "", "its input is not int8"),
        (pool(Q16, 256, 256), PORTABLE, "", "its window has more than 65535 pixels"),
        (softmax(Q8, SHARES, 10), M4, "arm_softmax_s8", ""),
        (softmax(Q8, SHARES, 512), PORTABLE, "", "a row of 512 is more than 511"),
        (softmax(Q8, per_tensor(i16, 2.0**-16, -32768), 10), M4, "arm_softmax_s8_s16", ""),
        (softmax(Q16, per_tensor(i16, 2.0**-15), 10), PORTABLE, "arm_softmax_s16", ""),
        (softmax(Q16, per_tensor(i16, 2.0**-15), 10), M4, "", "wrap around"),
        (softmax(QU8, per_tensor(U8, 2.0**-8), 10), PORTABLE, "", "its input is not int8"),
    ],
)
def test_without_weights(module: ModuleOp, target: Target, kernel: str, reason: str) -> None:
    check(module, target, kernel, reason)


LEFT15 = integer(15)
FLAG = flag(True)
SQUARE = (4, 5)
ADD16, MUL16 = "arm_elementwise_add_s16", "arm_elementwise_mul_s16"
FLAT = {"rounding": DOUBLE, "left_shift": LEFT15}


@pytest.mark.parametrize(
    ("module", "target", "kernel", "reason"),
    [
        (two(AddOp, Q8, SQUARE, SQUARE, rounding=DOUBLE), M4, "arm_elementwise_add_s8", ""),
        (two(AddOp, Q8, SQUARE, (5,), rounding=DOUBLE), M4, "", "its operands broadcast"),
        (two(AddOp, Q8, SQUARE, SQUARE, **FLAT), M4, "", "its left shift 15 is less than 16"),
        (two(AddOp, Q8, SQUARE, SQUARE, **FLAT), M55, "arm_elementwise_add_s8", ""),
        (two(AddOp, Q16, SQUARE, SQUARE, **FLAT), M4, ADD16, ""),
        (two(AddOp, SHORT, SQUARE, SQUARE, **FLAT), M4, "", "first operand has a zero point"),
        (
            two(AddOp, Q16, SQUARE, SQUARE, powers_of_two=FLAG, **FLAT),
            PORTABLE,
            "",
            "only shifts its operands",
        ),
        (two(MulOp, Q16, SQUARE, SQUARE, rounding=DOUBLE), M4, MUL16, ""),
        (two(MulOp, Q16, SQUARE, SQUARE, rounding=DOUBLE, f32_multiplier=FLAG), M4, MUL16, ""),
        (two(MulOp, f32, SQUARE, SQUARE), PORTABLE, "", "first operand is not int8"),
        (two(MinimumOp, Q8, SQUARE, SQUARE), M4, "arm_minimum_s8", ""),
        (two(MaximumOp, i8, (2, 3, 4, 5), (3, 4, 5)), M4, "arm_maximum_s8", ""),
        (two(MaximumOp, i8, (2, 3, 4, 5), (2, 3, 1, 1)), M4, "arm_maximum_s8", ""),
        (two(MaximumOp, i8, (2, 3, 4, 5), (2, 1, 4, 1)), PORTABLE, "arm_maximum_s8", ""),
        (two(MaximumOp, i8, (2, 3, 4, 5), (2, 1, 4, 1)), M4, "", "its operands broadcast"),
        (two(MaximumOp, i8, (2, 3, 4, 5, 6), (2, 1, 4, 1, 6)), M4, "", "too many axes"),
        (two(MaximumOp, U8, SQUARE, SQUARE), PORTABLE, "", "its operands are not all int8"),
        (two(MaximumOp, Q8, SQUARE, SQUARE, min=integer(0)), PORTABLE, "", "it clamps"),
    ],
)
def test_two_operands(module: ModuleOp, target: Target, kernel: str, reason: str) -> None:
    check(module, target, kernel, reason)


def transpose(element: Attribute, shape: Shape, order: Shape) -> ModuleOp:
    """A transposition."""
    result = tuple(shape[axis] for axis in order)
    properties = integers(order)
    return plain(TransposeOp, [(element, shape)], (element, result), permutation=properties)


def pad(element: Attribute, shape: Shape, before: Shape) -> ModuleOp:
    """As much padding before as after."""
    result = tuple(extent + 2 * more for extent, more in zip(shape, before, strict=True))
    value = real(0.0) if element == f32 else integer(0)
    return plain(PadOp, [(element, shape)], (element, result), before=integers(before), value=value)


MOVE, PAD = "arm_transpose_s8", "arm_pad_s8"
FIVE = (2, 3, 2, 3, 2)


@pytest.mark.parametrize(
    ("module", "target", "kernel", "reason"),
    [
        (transpose(Q8, (2, 3, 4, 5), (0, 3, 1, 2)), M55, MOVE, ""),
        (transpose(QU8, (2, 3, 4, 5), (0, 1, 2, 3)), M55, MOVE, ""),
        (transpose(i1, FIVE, (1, 2, 3, 0, 4)), M4, MOVE, ""),
        (transpose(Q8, FIVE, (4, 3, 2, 1, 0)), PORTABLE, "", "it moves more than 4 axes"),
        (transpose(Q16, (2, 3), (1, 0)), PORTABLE, "", "its elements are not of 8 bits"),
        (transpose(BIN, (2, 3), (1, 0)), PORTABLE, "", "its elements are not of 8 bits"),
        (transpose(Q8, (2, 9363), (1, 0)), M4, MOVE, ""),
        (transpose(Q8, (2, 9363), (1, 0)), M55, "", "too long for the Helium kernel"),
        (pad(Q8, (2, 3, 4, 5), (1, 1, 1, 1)), M55, PAD, ""),
        (pad(U8, FIVE, (1, 0, 1, 1, 0)), M4, PAD, ""),
        (pad(Q8, FIVE, (1, 1, 1, 1, 1)), PORTABLE, "", "it pads more than 4 axes"),
        (pad(f32, (2, 3), (1, 1)), PORTABLE, "", "its elements are not of 8 bits"),
    ],
)
def test_movement(module: ModuleOp, target: Target, kernel: str, reason: str) -> None:
    check(module, target, kernel, reason)
