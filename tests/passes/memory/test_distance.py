"""
The distances between a kernel's reads and writes, against kernels that run byte by byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nnc.passes.memory.distance import (
    elementwise_distance,
    row_buffer_rows,
    strided_distance,
    window_distance,
)

Point = tuple[list[int], list[int]]
"""The byte addresses that a point of the output reads, and those that it writes."""


def is_safe(points: list[Point], in_bytes: int, difference: int) -> bool:
    """Run the points in order, the input starting `difference` bytes behind the output."""
    memory = {difference + address: address for address in range(in_bytes)}
    for reads, writes in points:
        if any(memory.get(difference + address) != address for address in reads):
            return False
        memory.update((address, -1) for address in writes)
    return True


def check_least(points: list[Point], in_bytes: int, distance: int) -> None:
    """The distance and everything above it is safe; one byte less is not."""
    out_bytes = 1 + max(address for _, writes in points for address in writes)
    assert -in_bytes <= distance <= out_bytes
    for difference in range(distance, out_bytes + 1):
        assert is_safe(points, in_bytes, difference)
    if distance > -in_bytes:
        assert not is_safe(points, in_bytes, distance - 1)


def check_least_backward(points: list[Point], in_bytes: int, distance: int) -> None:
    """The same, for the points in reverse, and the output behind the input."""
    out_bytes = 1 + max(address for _, writes in points for address in writes)
    assert -out_bytes <= distance <= in_bytes
    for difference in range(distance, in_bytes + 1):
        assert is_safe(points[::-1], in_bytes, -difference)
    if distance > -out_bytes:
        assert not is_safe(points[::-1], in_bytes, -(distance - 1))


@dataclass(frozen=True)
class Window:
    batch: int
    extents: tuple[int, int]
    out_extents: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    per_group: tuple[int, int]
    sizes: tuple[int, int]

    @property
    def in_shape(self) -> tuple[int, int, int, int]:
        return self.batch, *self.extents, self.groups * self.per_group[0]

    @property
    def out_shape(self) -> tuple[int, int, int, int]:
        return self.batch, *self.out_extents, self.groups * self.per_group[1]

    @property
    def in_bytes(self) -> int:
        batch, height, width, channels = self.in_shape
        return batch * height * width * channels * self.sizes[0]

    def distance(self, backward: bool, writes: str = "pixel", row_buffer: bool = False) -> int:
        return window_distance(
            self.in_shape,
            self.out_shape,
            self.kernel,
            self.stride,
            self.pad,
            self.dilation,
            groups=self.groups,
            in_size=self.sizes[0],
            out_size=self.sizes[1],
            writes="element" if writes == "element" else "pixel",
            row_buffer=row_buffer,
            backward=backward,
        )

    def taps(self, axis: int, index: int) -> list[int]:
        taps = [
            index * self.stride[axis] - self.pad[axis] + tap * self.dilation[axis]
            for tap in range(self.kernel[axis])
        ]
        return [tap for tap in taps if 0 <= tap < self.extents[axis]]

    def read(self, image: int, row: int, column: int, channels: range) -> list[int]:
        pixel = (image * self.extents[0] + row) * self.extents[1] + column
        size = self.sizes[0]
        return [
            (pixel * self.in_shape[3] + channel) * size + byte
            for channel in channels
            for byte in range(size)
        ]

    def written(self, image: int, row: int, column: int, channels: range) -> list[int]:
        pixel = (image * self.out_extents[0] + row) * self.out_extents[1] + column
        size = self.sizes[1]
        return [
            (pixel * self.out_shape[3] + channel) * size + byte
            for channel in channels
            for byte in range(size)
        ]

    def pixels(self) -> Iterator[tuple[int, int, int]]:
        return product(range(self.batch), range(self.out_extents[0]), range(self.out_extents[1]))

    def by_pixel(self) -> Iterator[Point]:
        inputs, outputs = range(self.in_shape[3]), range(self.out_shape[3])
        for image, y, x in self.pixels():
            window = product(self.taps(0, y), self.taps(1, x))
            reads = [byte for row, col in window for byte in self.read(image, row, col, inputs)]
            yield reads, self.written(image, y, x, outputs)

    def by_element(self) -> Iterator[Point]:
        for image, y, x in self.pixels():
            for channel in range(self.out_shape[3]):
                group = channel // self.per_group[1]
                first = group * self.per_group[0]
                inputs = range(first, first + self.per_group[0])
                window = product(self.taps(0, y), self.taps(1, x))
                reads = [byte for row, col in window for byte in self.read(image, row, col, inputs)]
                yield reads, self.written(image, y, x, range(channel, channel + 1))

    def by_row(self, backward: bool) -> Iterator[Point]:
        """Each output row first copies the input rows that are not in the buffer yet."""
        inputs, outputs = range(self.in_shape[3]), range(self.out_shape[3])
        order = list(range(self.out_extents[0]))[:: -1 if backward else 1]
        for image in range(self.batch)[:: -1 if backward else 1]:
            buffered: set[int] = set()
            for number, y in enumerate(order):
                ahead = [tap for later in order[number:] for tap in self.taps(0, later)]
                window = self.taps(0, y)
                copied = range(min(ahead), max(window) + 1) if window else range(0)
                if backward:
                    copied = range(min(window), max(ahead) + 1) if window else range(0)
                rows = [row for row in copied if row not in buffered]
                buffered.update(rows)
                assert buffered.issuperset(window)
                columns = range(self.extents[1])
                reads = [b for r in rows for c in columns for b in self.read(image, r, c, inputs)]
                columns = range(self.out_extents[1])
                yield reads, [b for c in columns for b in self.written(image, y, c, outputs)]


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
windows = st.builds(
    Window,
    batch=st.integers(1, 2),
    extents=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    out_extents=st.tuples(st.integers(1, 5), st.integers(1, 4)),
    kernel=pairs,
    stride=pairs,
    pad=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    dilation=st.tuples(st.integers(1, 3), st.integers(1, 2)),
    groups=st.integers(1, 2),
    per_group=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    sizes=st.sampled_from([(1, 1), (1, 2), (2, 1), (1, 4)]),
)


@given(windows)
def test_a_window_read_before_its_pixel_is_written(window: Window) -> None:
    points = list(window.by_pixel())
    check_least(points, window.in_bytes, window.distance(backward=False))
    check_least_backward(points, window.in_bytes, window.distance(backward=True))


@given(windows)
def test_a_window_read_anew_for_each_channel(window: Window) -> None:
    points = list(window.by_element())
    check_least(points, window.in_bytes, window.distance(False, "element"))
    check_least_backward(points, window.in_bytes, window.distance(True, "element"))


@given(windows)
def test_input_rows_kept_in_a_buffer(window: Window) -> None:
    forward = list(window.by_row(backward=False))
    check_least(forward, window.in_bytes, window.distance(False, row_buffer=True))
    backward = list(window.by_row(backward=True))[::-1]
    check_least_backward(backward, window.in_bytes, window.distance(True, row_buffer=True))


@given(st.integers(1, 9), st.sampled_from([1, 2, 4]), st.sampled_from([1, 2, 4]))
def test_elements(count: int, in_size: int, out_size: int) -> None:
    points = [
        (
            list(range(index * in_size, (index + 1) * in_size)),
            list(range(index * out_size, (index + 1) * out_size)),
        )
        for index in range(count)
    ]
    check_least(points, count * in_size, elementwise_distance(count, in_size, out_size))
    backward = elementwise_distance(count, in_size, out_size, backward=True)
    check_least_backward(points, count * in_size, backward)


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(-3, 6)), min_size=1, max_size=3),
    st.integers(0, 20),
    st.sampled_from([(1, 1), (1, 2), (2, 1)]),
)
def test_strided_access(axes: list[tuple[int, int]], offset: int, sizes: tuple[int, int]) -> None:
    in_size, out_size = sizes
    shape = [extent for extent, _ in axes]
    strides = [stride * in_size for _, stride in axes]
    points: list[Point] = []
    for number, index in enumerate(product(*map(range, shape))):
        address = offset + sum(map(int.__mul__, index, strides))
        assume(address >= 0)
        reads = list(range(address, address + in_size))
        points.append((reads, list(range(number * out_size, (number + 1) * out_size))))
    in_bytes = 1 + max(max(reads) for reads, _ in points)
    for backward, check in ((False, check_least), (True, check_least_backward)):
        distance = strided_distance(
            shape, strides, in_bytes, in_size, out_size, in_offset=offset, backward=backward
        )
        check(points, in_bytes, distance)


def test_known_distances() -> None:
    padded = window_distance((1, 25, 5, 64), (1, 25, 5, 64), (3, 3), pad=(1, 1))
    assert padded == (5 + 1) * 64, "a 3x3 window trails by a row and a pixel"
    pointwise = window_distance((1, 48, 48, 8), (1, 48, 48, 16), (1, 1))
    assert pointwise == 47 * 48 * 8 + 47 * 8, "an output twice as large catches up at the end"
    valid = window_distance((1, 28, 1, 128), (1, 24, 1, 128), (5, 1))
    assert valid == 0, "without padding the output may start where the input does"
    buffered = window_distance((1, 25, 5, 64), (1, 25, 5, 64), (3, 3), pad=(1, 1), row_buffer=True)
    assert buffered == -5 * 64, "row buffers have read a row more than was written"
    assert row_buffer_rows(3) == 3
    whole = window_distance((1, 8, 8, 64), (1, 1, 1, 64), (8, 8), (8, 8), groups=64)
    assert whole == -8 * 8 * 64, "one output pixel may lie anywhere over the input"


@pytest.mark.parametrize(("in_size", "out_size", "distance"), [(1, 4, 297), (4, 1, -3), (2, 2, 0)])
def test_elements_of_other_sizes(in_size: int, out_size: int, distance: int) -> None:
    assert elementwise_distance(100, in_size, out_size) == distance
