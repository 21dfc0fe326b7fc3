"""CMSIS-NN's functions as kernel rows: pooling, softmax, addition and multiplication."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import i8, i32

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn import fixed_point, gemmlowp
from nnc.dialects.nn.arithmetic import AddOp, BinaryOp, MulOp
from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.nn.pooling import AveragePool2DOp, MaxPool2DOp, PoolOp
from nnc.dialects.nn.softmax import SoftmaxOp, lower_int8_softmax
from nnc.dialects.nn.window import Axis, Window
from nnc.dialects.quant import UniformQuantizedType
from nnc.dialects.types import element_of, quantization_of, shape_of
from nnc.dialects.utils import Rounding
from nnc.runtime import cmsis_buffer_sizes as sizes
from nnc.runtime import cmsis_limits as limits
from nnc.runtime.registry import Kernel, Lowering, Target


def _int8(element: object) -> bool:
    return (
        isinstance(element, UniformQuantizedType)
        and element.is_signed
        and element.storage.width.data == 8
    )


class PoolS8(Kernel):
    """`arm_avgpool_s8` and `arm_max_pool_s8`."""

    library = True
    headers = ("nnc_cmsis_nn.h",)
    sources = ("nnc_cmsis_pool_s8.c",)

    def __init__(self, name: str, kind: type[PoolOp]):
        self.name = name
        self.kind = kind

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, self.kind):
            return ""
        return None if _int8(element_of(op.input)) else "its input is not int8"

    def scratch(self, op: NnOp, target: Target) -> int:
        if self.kind is MaxPool2DOp:
            return 0
        return sizes.avgpool_s8(target.core, shape_of(op.results[0]), shape_of(op.operands[0]))

    def in_order(self, target: Target) -> bool:
        return not target.library

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, PoolOp)
        kind = quantization_of(op.output)
        assert kind is not None
        low, high = op.bounds()
        size = self.scratch(op, target) if target.library else 0
        parameters: dict[str, Parameter] = {
            "kernel": tuple(op.kernel.get_values()),
            "strides": tuple(op.strides.get_values()),
            "padding": tuple(op.padding.get_values()),
            "input_shape": shape_of(op.input),
            "output_shape": shape_of(op.output),
            "clamp": (
                kind.storage_min if low is None else int(low),
                kind.storage_max if high is None else int(high),
            ),
            "scratch_bytes": size,
        }
        return lowering.call(self.name, [lowering.buffer(op.input)], parameters, size)

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        source, target = call.numbers("input_shape"), call.numbers("output_shape")
        kernel, strides = call.numbers("kernel"), call.numbers("strides")
        top, bottom, left, right = call.numbers("padding")
        window = Window(
            Axis(source[1], target[1], kernel[0], strides[0], 1, top, bottom),
            Axis(source[2], target[2], kernel[1], strides[1], 1, left, right),
        )
        average = self.kind is AveragePool2DOp

        def element(index: list[IRScalar]) -> IRScalar:
            n, oy, ox, c = index
            rows, columns = window.height.inside(b, oy), window.width.inside(b, ox)

            def tap(so_far: IRScalar, at: list[IRScalar]) -> IRScalar:
                iy = window.height.coordinate(oy, at[0])
                ix = window.width.coordinate(ox, at[1])
                value = b.load(b.inputs[0], [n, iy, ix, c]).to(i32)
                return so_far + value if average else so_far.max(value)

            total = b.reduce([rows, columns], b.constant(0 if average else -128, i32), tap)
            if average:
                height = b.as_index(rows[1]) - b.as_index(rows[0])
                width = b.as_index(columns[1]) - b.as_index(columns[0])
                count = (height * width).to(i32)
                half = count.divide(2)
                signed_half = (total > 0).select(half, 0 - half)
                total = (total + signed_half).divide(count)
            return total.clamp(*call.numbers("clamp")).to(i8)

        b.produce(b.outputs[0], element)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        kernel, strides, bounds = (call.numbers(n) for n in ("kernel", "strides", "clamp"))
        top, _, left, _ = call.numbers("padding")
        buffer = arguments[-1] if call.scratch else "NULL"
        return [
            f"const cmsis_nn_context ctx = {{{buffer}, {call.number('scratch_bytes')}}};",
            "static const cmsis_nn_pool_params params = {",
            f"    {{{strides[1]}, {strides[0]}}}, {{{left}, {top}}}, {{{bounds[0]}, {bounds[1]}}}",
            "};",
            _dims("input_dims", call.numbers("input_shape")),
            _dims("filter_dims", (1, kernel[0], kernel[1], 1)),
            _dims("output_dims", call.numbers("output_shape")),
            f"return {self.name}(&ctx, &params, &input_dims, {arguments[0]}, &filter_dims,",
            f"    &output_dims, {arguments[1]});",
        ]


class SoftmaxS8(Kernel):
    """`arm_softmax_s8`: gemmlowp's fixed-point softmax over the last axis."""

    name = "arm_softmax_s8"
    library = True
    headers = ("nnc_cmsis_nn.h",)
    sources = ("nnc_cmsis_softmax.c",)

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, SoftmaxOp):
            return ""
        if not (_int8(element_of(op.input)) and _int8(element_of(op.output))):
            return "its input or output is not int8"
        return limits.softmax(shape_of(op.input)[-1]) if target.library else None

    def scratch(self, op: NnOp, target: Target) -> int:
        return 0

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, SoftmaxOp)
        source = quantization_of(op.input)
        assert source is not None
        multiplier, shift, diff_min = gemmlowp.softmax_scaling(source.scale, op.beta.value.data)
        *outer, depth = shape_of(op.input)
        rows = 1
        for extent in outer:
            rows *= extent
        parameters: dict[str, Parameter] = {
            "rows": rows,
            "depth": depth,
            "multiplier": multiplier,
            "shift": shift,
            "diff_min": diff_min,
        }
        return lowering.call(self.name, [lowering.buffer(op.input)], parameters)

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        scaling = call.number("multiplier"), call.number("shift"), call.number("diff_min")
        lower_int8_softmax(b, scaling, -128, 127, 8)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        numbers = [call.number(n) for n in ("rows", "depth", "multiplier", "shift", "diff_min")]
        text = ", ".join(str(number) for number in numbers)
        return [f"arm_softmax_s8({arguments[0]}, {text}, {arguments[1]});", "return 0;"]


class ElementwiseS8(Kernel):
    """`arm_elementwise_add_s8` and `arm_elementwise_mul_s8`: operands of one shape."""

    library = True
    headers = ("nnc_cmsis_nn.h",)
    sources = ("nnc_cmsis_elementwise_s8.c",)

    def __init__(self, name: str, kind: type[BinaryOp]):
        self.name = name
        self.kind = kind

    def legal(self, op: NnOp, target: Target) -> str | None:
        if not isinstance(op, self.kind):
            return ""
        values = op.lhs, op.rhs, op.output
        if not all(_int8(element_of(value)) for value in values):
            return "its operands are not all int8"
        if len({shape_of(value) for value in values}) > 1:
            return "its operands broadcast"
        if op.rounding is None or op.rounding.data is not Rounding.DOUBLE:
            return "the numeric contract does not round it as double"
        return None

    def scratch(self, op: NnOp, target: Target) -> int:
        return 0

    def lower(self, op: NnOp, lowering: Lowering, target: Target) -> CallOp:
        assert isinstance(op, BinaryOp)
        types = [quantization_of(value) for value in (op.lhs, op.rhs, op.output)]
        offsets: list[int] = [0 if kind is None else kind.zero_point for kind in types]
        count = 1
        for extent in shape_of(op.output):
            count *= extent
        multipliers = [fixed_point.quantize_multiplier(real) for real in op.real_multipliers()]
        output = types[2]
        assert output is not None
        parameters: dict[str, Parameter] = {
            "offsets": (-offsets[0], -offsets[1], offsets[2]),
            "multipliers": tuple(multiplier for multiplier, _ in multipliers),
            "shifts": tuple(shift for _, shift in multipliers),
            "left_shift": op.left_shift.value.data if isinstance(op, AddOp) else 0,
            "clamp": (
                output.storage_min if op.min is None else int(op.min.value.data),
                output.storage_max if op.max is None else int(op.max.value.data),
            ),
            "count": count,
        }
        inputs = [lowering.buffer(op.lhs), lowering.buffer(op.rhs)]
        return lowering.call(self.name, inputs, parameters)

    def in_order(self, target: Target) -> bool:
        return True

    def expand(self, call: CallOp, b: LoopBuilder) -> None:
        operands = [b.flat(operand) for operand in b.inputs]
        offsets = call.numbers("offsets")
        pairs = list(zip(call.numbers("multipliers"), call.numbers("shifts"), strict=True))

        def scaled(value: IRScalar, number: int) -> IRScalar:
            multiplier, shift = pairs[number]
            return value.requantize(
                b.constant(multiplier, i32), b.constant(shift, i32), Rounding.DOUBLE
            )

        def element(index: list[IRScalar]) -> IRScalar:
            x, y = (
                b.load(operand, index).to(i32) + offset
                for operand, offset in zip(operands, offsets[:2], strict=True)
            )
            if self.kind is AddOp:
                left_shift = call.number("left_shift")
                total = scaled(x << left_shift, 0) + scaled(y << left_shift, 1)
                result = scaled(total, 2)
            else:
                result = scaled(x * y, 0)
            return (result + offsets[2]).clamp(*call.numbers("clamp")).to(i8)

        b.produce(b.flat(b.outputs[0]), element)

    def body(self, call: CallOp, arguments: Sequence[str]) -> list[str]:
        offsets, clamp = call.numbers("offsets"), call.numbers("clamp")
        multipliers, shifts = call.numbers("multipliers"), call.numbers("shifts")
        left, right, target = arguments[:3]
        tail = f"{clamp[0]}, {clamp[1]}, {call.number('count')});"
        if self.kind is MulOp:
            return [
                f"return {self.name}({left}, {right}, {offsets[0]}, {offsets[1]}, {target},",
                f"    {offsets[2]}, {multipliers[0]}, {shifts[0]}, {tail}",
            ]
        return [
            f"return {self.name}({left}, {right},",
            f"    {offsets[0]}, {multipliers[0]}, {shifts[0]},",
            f"    {offsets[1]}, {multipliers[1]}, {shifts[1]}, {call.number('left_shift')},",
            f"    {target}, {offsets[2]}, {multipliers[2]}, {shifts[2]}, {tail}",
        ]


def _dims(name: str, shape: Sequence[int]) -> str:
    return f"static const cmsis_nn_dims {name} = {{{', '.join(map(str, shape))}}};"


AVERAGE_POOL = PoolS8("arm_avgpool_s8", AveragePool2DOp)
MAX_POOL = PoolS8("arm_max_pool_s8", MaxPool2DOp)
SOFTMAX = SoftmaxS8()
ADD = ElementwiseS8("arm_elementwise_add_s8", AddOp)
MUL = ElementwiseS8("arm_elementwise_mul_s8", MulOp)
