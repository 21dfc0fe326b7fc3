"""
Images of another size. Formats disagree about where the pixels of an image lie; here each row and
column of the output says where in the input it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import DenseArrayBase, f32, i32, i64
from xdsl.irdl import irdl_op_definition, prop_def
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.algebra import INDEX
from nnc.dialects.nn.base import Elements, S
from nnc.dialects.nn.checks import Kind, check_kind, check_output, check_rank
from nnc.dialects.nn.movement import MovementOp
from nnc.dialects.types import Array, element_of, numpy_dtype, scalar_type, shape_of

_ONE = 1 << 10


@irdl_op_definition
class ResizeNearestOp(MovementOp):
    """
    Row y and column x of the output are row `rows[y]` and column `columns[x]` of the input.

    ```mlir
    %y = nn.resize_nearest %x {rows = array<i64: 0, 0>, columns = array<i64: 0, 1>}
      : (tensor<1x1x2x3xf32>) -> tensor<1x2x2x3xf32>
    ```
    """

    name = "nn.resize_nearest"

    rows = prop_def(DenseArrayBase.constr(i64))
    columns = prop_def(DenseArrayBase.constr(i64))

    def verify_(self) -> None:
        super().verify_()
        check_rank("an input", self.input, 4)
        batch, height, width, channels = shape_of(self.input)
        rows, columns = self.rows.get_values(), self.columns.get_values()
        check_output(self.output, (batch, len(rows), len(columns), channels))
        for places, extent in ((rows, height), (columns, width)):
            if not all(0 <= place < extent for place in places):
                raise VerifyException(f"expected places of an axis of {extent}, got {places}")

    def element(self, b: Elements[S], index: Sequence[S], result: int) -> S:
        n, y, x, c = index
        row = _look_up(b, self, np.asarray(self.rows.get_values()), y)
        column = _look_up(b, self, np.asarray(self.columns.get_values()), x)
        return b.load(0, [n, row, column, c])


def _look_up(b: Elements[S], op: MovementOp, places: Array, position: S) -> S:
    table = op.interned(places.astype(np.int32))
    return b.lookup(table, i32, [position]).to(INDEX)


@irdl_op_definition
class ResizeBilinearOp(MovementOp):
    """
    Linear interpolation of stored values, in rows and in columns. `rows[y]` is where in the input
    row y of the output lies, `columns[x]` the same for columns: as floats, or in 1024ths of a pixel
    for the integer arithmetic of TFLite `reference/resize_bilinear.h`, which rounds half away from
    zero.

    ```mlir
    %y = nn.resize_bilinear %x {rows = array<f32: 0.0, 0.5>, columns = array<f32: 0.0>}
      : (tensor<1x2x1x3xf32>) -> tensor<1x2x1x3xf32>
    ```
    """

    name = "nn.resize_bilinear"

    BINARY: ClassVar = False

    rows = prop_def(DenseArrayBase)
    columns = prop_def(DenseArrayBase)

    def verify_(self) -> None:
        super().verify_()
        check_kind("an input", self.input, Kind.F32 | Kind.QUANTIZED)
        check_rank("an input", self.input, 4)
        batch, _, _, channels = shape_of(self.input)
        if {self.rows.elt_type, self.columns.elt_type} not in ({f32}, {i64}):
            raise VerifyException("expected all positions as f32 or all as i64")
        check_output(self.output, (batch, len(self.rows), len(self.columns), channels))

    def element(self, b: Elements[S], index: Sequence[S], result: int) -> S:
        n, y, x, c = index
        _, height, width, _ = shape_of(self.input)
        top, bottom, down = self._neighbours(b, self.rows, height, y)
        left, right, along = self._neighbours(b, self.columns, width, x)
        element = element_of(self.input)
        whole = self.rows.elt_type == i64
        kind = (i64 if numpy_dtype(element).itemsize > 1 else i32) if whole else f32
        one = _ONE if whole else 1.0
        down, along = down.to(kind), along.to(kind)

        def corner(row: S, column: S, weight_y: S, weight_x: S) -> S:
            value = b.load(0, [n, row, column, c])
            number = value if element == f32 else b.widen(value, element, i32).to(kind)
            return number * weight_y * weight_x

        total = (
            corner(top, left, one - down, one - along)
            + corner(bottom, left, down, one - along)
            + corner(top, right, one - down, along)
            + corner(bottom, right, down, along)
        )
        if element == f32:
            return total
        if not whole:
            return (total + 0.5).to(i32).to(scalar_type(element))
        half = (total > 0).select(_ONE * _ONE // 2, b.constant(-(_ONE * _ONE // 2), kind))
        return (total + half).divide(_ONE * _ONE).to(scalar_type(element))

    def _neighbours(
        self, b: Elements[S], given: DenseArrayBase, extent: int, index: S
    ) -> tuple[S, S, S]:
        """The positions before and after, and how far behind the first one the place lies."""
        kind = i32 if given.elt_type == i64 else f32
        first, last, offsets = neighbours(given, extent)
        offset = b.lookup(self.interned(offsets), kind, [index])
        return _look_up(b, self, first, index), _look_up(b, self, last, index), offset


def neighbours(given: DenseArrayBase, extent: int) -> tuple[Array, Array, Array]:
    """
    For each place along an axis the positions before and after it, and how far behind the first
    one it lies.
    """
    if given.elt_type == i64:
        places = np.frombuffer(given.data.data, "<i8")
        before, after = np.trunc(places / _ONE), np.trunc((places + _ONE - 1) / _ONE)
        dtype, one = np.dtype(np.int32), _ONE
    else:
        places = np.frombuffer(given.data.data, "<f4")
        before, after = np.floor(places), np.ceil(places)
        dtype, one = np.dtype(np.float32), 1
    first = np.maximum(before, 0).astype(np.int64)
    last = np.minimum(after, extent - 1).astype(np.int64)
    return first, last, (places - one * first).astype(dtype)
