"""Pooling over the two spatial axes."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import (
    DenseArrayBase,
    Float32Type,
    FloatAttr,
    IntegerAttr,
    IntegerType,
    TensorType,
    f32,
    i32,
    i64,
)
from xdsl.ir import Attribute
from xdsl.irdl import irdl_op_definition, operand_def, opt_prop_def, prop_def, result_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.base import NnOp
from nnc.dialects.nn.checks import (
    Kind,
    check_element,
    check_kind,
    check_output,
    check_rank,
    check_same_element,
)
from nnc.dialects.nn.loops import IRScalar, LoopBuilder
from nnc.dialects.nn.quantized import arithmetic_type
from nnc.dialects.nn.window import Axis, Window
from nnc.dialects.types import (
    Array,
    BinType,
    element_of,
    is_unsigned,
    numpy_dtype,
    scalar_type,
    shape_of,
)


class WindowOp(NnOp, ABC):
    """
    `kernel` and `strides` are [height, width], `padding` is [top, bottom, left, right] in input
    positions; padded positions take no part. `dilations`, [1, 1] if left out, is how far apart the
    positions of a window are.
    """

    input = operand_def(TensorType)
    output = result_def(TensorType)

    kernel = prop_def(DenseArrayBase.constr(i64))
    strides = prop_def(DenseArrayBase.constr(i64))
    padding = prop_def(DenseArrayBase.constr(i64))
    dilations = opt_prop_def(DenseArrayBase.constr(i64))

    KINDS: ClassVar[Kind] = Kind.NUMBER

    def window(self) -> Window:
        """The geometry of the sliding window."""
        _, height, width, _ = shape_of(self.input)
        _, out_height, out_width, _ = shape_of(self.output)
        kernel, strides = self.kernel.get_values(), self.strides.get_values()
        top, bottom, left, right = self.padding.get_values()
        down, across = self.spread
        return Window(
            Axis(height, out_height, kernel[0], strides[0], down, top, bottom),
            Axis(width, out_width, kernel[1], strides[1], across, left, right),
        )

    @property
    def spread(self) -> tuple[int, int]:
        """The dilations, downwards and across."""
        if self.dilations is None:
            return 1, 1
        down, across = self.dilations.get_values()
        return down, across

    def verify_(self) -> None:
        if len(self.kernel) != 2 or len(self.strides) != 2 or len(self.padding) != 4:
            raise VerifyException("expected 2 kernel extents, 2 strides and 4 paddings")
        if self.dilations is not None and len(self.dilations) != 2:
            raise VerifyException(f"expected 2 dilations, got {len(self.dilations)}")
        check_kind("an input", self.input, self.KINDS)
        self.check_elements()
        for what, value in (("an input", self.input), ("an output", self.output)):
            check_rank(what, value, 4)
        if min(*self.kernel.get_values(), *self.strides.get_values(), *self.spread) < 1:
            raise VerifyException("expected kernel extents, strides and dilations of at least 1")
        batch, _, _, channels = shape_of(self.input)
        check_output(self.output, [batch, *shape_of(self.output)[1:3], channels])
        self.window().verify()

    def check_elements(self) -> None:
        """Element types that go together. Raises VerifyException."""
        check_same_element("an output", self.output, self.input)


class PoolOp(WindowOp, ABC):
    """
    One number of each window. Works on stored values: input and output have one quantisation. `min`
    and `max` clamp the output.
    """

    min = opt_prop_def(IntegerAttr | FloatAttr)
    max = opt_prop_def(IntegerAttr | FloatAttr)

    def bounds(self) -> tuple[float | None, float | None]:
        """The clamp, in stored units or as floats."""
        return (
            None if self.min is None else self.min.value.data,
            None if self.max is None else self.max.value.data,
        )

    @property
    def is_float(self) -> bool:
        """Whether values are floats."""
        return isinstance(element_of(self.input), Float32Type)


def _lowest(element: Attribute) -> int:
    """The smallest stored integer of a type."""
    return int(np.iinfo(str(numpy_dtype(element))).min)


@irdl_op_definition
class MaxPool2DOp(PoolOp):
    """
    The largest value of each window; of binary values, +1 if any is.

    ```mlir
    %y = nn.max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>,
      padding = array<i64: 0, 0, 0, 0>} : (tensor<1x8x8x16xf32>) -> tensor<1x4x4x16xf32>
    ```
    """

    name = "nn.max_pool2d"

    BINARY: ClassVar = True
    KINDS: ClassVar[Kind] = Kind.NUMBER | Kind.BINARY

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (image,) = inputs
        if isinstance(element_of(self.input), BinType):
            patches = self.window().patches(image, True)
            return (patches.all(axis=(3, 4)),)
        lowest = -np.inf if self.is_float else np.iinfo(image.dtype).min
        patches = self.window().patches(image, lowest)
        low, high = self.bounds()
        result = patches.max(axis=(3, 4))
        if low is not None or high is not None:
            result = np.clip(result, low, high)
        return (result.astype(image.dtype),)

    def lower(self, b: LoopBuilder) -> None:
        element = element_of(self.input)
        binary = isinstance(element, BinType)
        if binary and self.window().reads():
            self._lower_words(b)
            return
        window, source = self.window(), b.inputs[0]
        kind = arithmetic_type(element)

        def read(at: list[IRScalar]) -> IRScalar:
            value = b.load(source, at)
            return value.to(i32) if binary else b.widen(value, element, kind)

        def pooled(index: list[IRScalar]) -> IRScalar:
            n, oy, ox, c = index
            bounds = [window.height.inside(b, oy), window.width.inside(b, ox)]
            initial = 1 if binary else -np.inf if self.is_float else _lowest(element)

            def tap(best: IRScalar, at: list[IRScalar]) -> IRScalar:
                iy = window.height.coordinate(oy, at[0])
                ix = window.width.coordinate(ox, at[1])
                value = read([n, iy, ix, c])
                return best & value if binary else best.max(value)

            best = b.reduce(bounds, b.constant(initial, kind), tap, ("ky", "kx"))
            return best.clamp(*self.bounds()).to(scalar_type(element))

        b.produce(b.outputs[0], pooled)

    def _lower_words(self, b: LoopBuilder) -> None:
        """
        32 signs at a time. Every window has a tap in the input, so bits that no channel uses are
        those of a word in which they are 0.
        """
        window, source, target = self.window(), b.words(b.inputs[0]), b.words(b.outputs[0])

        def pooled(index: list[IRScalar]) -> IRScalar:
            n, oy, ox, word = index
            bounds = [window.height.inside(b, oy), window.width.inside(b, ox)]

            def tap(best: IRScalar, at: list[IRScalar]) -> IRScalar:
                iy = window.height.coordinate(oy, at[0])
                ix = window.width.coordinate(ox, at[1])
                return best & b.load(source, [n, iy, ix, word])

            return b.reduce(bounds, b.constant(-1, i32), tap, ("ky", "kx"))

        b.produce(target, pooled)


@irdl_op_definition
class AveragePool2DOp(PoolOp):
    """
    The mean of the positions of each window that lie inside the input. Of stored integers: the
    integer nearest to the mean of the stored values, ties away from zero, the zero point unused
    (TFLite `reference/integer_ops/pooling.h`). Of signs and of plain integers also as a float: the
    whole sum divided by their number.

    ```mlir
    %y = nn.average_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>,
      padding = array<i64: 0, 0, 0, 0>} : (tensor<1x8x8x16xf32>) -> tensor<1x4x4x16xf32>
    ```
    """

    name = "nn.average_pool2d"

    BINARY: ClassVar = True
    KINDS: ClassVar[Kind] = Kind.NUMBER | Kind.BINARY

    def check_elements(self) -> None:
        element = element_of(self.input)
        if self.gives_floats and isinstance(element, BinType | IntegerType):
            return
        if isinstance(element, BinType):
            raise VerifyException(f"expected an output of f32, got {self.output.type}")
        super().check_elements()

    @property
    def gives_floats(self) -> bool:
        """Whether means are floats."""
        return isinstance(element_of(self.output), Float32Type)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (image,) = inputs
        if isinstance(element_of(self.input), BinType):
            image = np.where(image, -1, 1)
        window = self.window()
        ones = window.patches(np.ones((1, *image.shape[1:3], 1)), 0)
        count = ones.sum(axis=(3, 4))
        low, high = self.bounds()
        if self.gives_floats:
            patches = window.patches(image, 0)
            whole = not self.is_float
            total = patches.sum(axis=(3, 4), dtype=np.int32 if whole else np.float32)
            mean = total.astype(np.float32) / count.astype(np.float32)
            return (np.clip(mean, low, high) if (low, high) != (None, None) else mean,)
        total = window.patches(image.astype(np.int64), 0).sum(axis=(3, 4))
        whole = count.astype(np.int64)
        half = whole // 2
        away = np.where(total > 0, (total + half) // whole, -((half - total) // whole))
        if is_unsigned(element_of(self.input)):
            away = (total + half) // whole
        info = np.iinfo(image.dtype)
        result = np.clip(away, info.min if low is None else low, info.max if high is None else high)
        return (result.astype(image.dtype),)

    def lower(self, b: LoopBuilder) -> None:
        window, source = self.window(), b.inputs[0]
        element = element_of(self.input)
        kind = i32 if isinstance(element, BinType) else arithmetic_type(element)

        def pooled(index: list[IRScalar]) -> IRScalar:
            n, oy, ox, c = index
            rows, columns = window.height.inside(b, oy), window.width.inside(b, ox)

            def tap(total: IRScalar, at: list[IRScalar]) -> IRScalar:
                iy = window.height.coordinate(oy, at[0])
                ix = window.width.coordinate(ox, at[1])
                value = b.load(source, [n, iy, ix, c])
                if isinstance(element, BinType):
                    return total + (1 - (value.to(i32) << 1))
                return total + b.widen(value, element, kind)

            total = b.reduce([rows, columns], b.constant(0, kind), tap, ("ky", "kx"))
            height = b.as_index(rows[1]) - b.as_index(rows[0])
            width = b.as_index(columns[1]) - b.as_index(columns[0])
            count = (height * width).to(i32 if self.is_float else kind)
            if self.gives_floats:
                return (total.to(f32) / count.to(f32)).clamp(*self.bounds())
            half = count.divide(2)
            mean = (total > 0).select((total + half).divide(count), (total - half).divide(count))
            return mean.clamp(*self.bounds()).to(scalar_type(element))

        b.produce(b.outputs[0], pooled)


@irdl_op_definition
class ArgMaxPool2DOp(WindowOp):
    """
    Where in its plane the largest value of each window is, as `row * width + column` of the input;
    the first of equals, row by row.

    ```mlir
    %y = nn.arg_max_pool2d %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>,
      padding = array<i64: 0, 0, 0, 0>} : (tensor<1x8x8x16xf32>) -> tensor<1x4x4x16xi32>
    ```
    """

    name = "nn.arg_max_pool2d"

    def check_elements(self) -> None:
        check_element("an output", self.output, i32)

    def verify_(self) -> None:
        super().verify_()
        if not self.window().reads():
            raise VerifyException("expected windows that each have a position inside the input")

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (image,) = inputs
        window, width = self.window(), image.shape[2]
        rows, columns = window.height.taps(), window.width.taps()
        best = np.zeros(shape_of(self.output), image.dtype)
        place = np.full(shape_of(self.output), -1, np.int32)
        for y in rows.T:
            for x in columns.T:
                inside = _inside(y, image.shape[1])[:, None] & _inside(x, width)
                taps = np.clip(y, 0, image.shape[1] - 1), np.clip(x, 0, width - 1)
                value = image[:, taps[0][:, None], taps[1][None]]
                better = inside[None, :, :, None] & ((place < 0) | (value > best))
                best = np.where(better, value, best)
                place = np.where(better, (y[:, None] * width + x)[None, :, :, None], place)
        return (place.astype(np.int32),)

    def lower(self, b: LoopBuilder) -> None:
        window, source = self.window(), b.inputs[0]
        kind = arithmetic_type(source.element)

        def searched(index: list[IRScalar]) -> IRScalar:
            n, oy, ox, c = index
            rows, columns = window.height.inside(b, oy), window.width.inside(b, ox)

            def tap(ky: IRScalar, kx: IRScalar) -> list[IRScalar]:
                iy = window.height.coordinate(oy, ky)
                ix = window.width.coordinate(ox, kx)
                value = b.widen(b.load(source, [n, iy, ix, c]), source.element, kind)
                return [value, (iy * source.shape[2] + ix).to(i32)]

            def across(ky: IRScalar, best: list[IRScalar]) -> list[IRScalar]:
                def step(kx: IRScalar, best: list[IRScalar]) -> list[IRScalar]:
                    found = tap(ky, kx)
                    better = found[0] > best[0]
                    return [better.select(a, c) for a, c in zip(found, best, strict=True)]

                return b.fold(*columns, best, step, "kx")

            first = tap(b.as_index(rows[0]), b.as_index(columns[0]))
            return b.fold(*rows, first, across, "ky")[1]

        b.produce(b.outputs[0], searched)


def _inside(positions: Array, extent: int) -> Array:
    return (positions >= 0) & (positions < extent)
