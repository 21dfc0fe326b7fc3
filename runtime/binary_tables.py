"""
The compile-time side of convolutions by tables (see runtime/nnc_bin.h): where a table's words come
from, how weights pass by it, and what makes a layer too large for its lanes.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod

import numpy as np
import numpy.typing as npt

from nnc.dialects.kernel.call import CallOp, Parameter
from nnc.dialects.nn.convolution import Conv2DOp
from nnc.dialects.types import BITS_PER_WORD, Array, pack_bits, shape_of

ENTRIES = (4, 8, 16)
"""Words of a table's entry: there is an inner loop for each."""

TABLE_BYTES = 8192
"""How large a table may be before the input channels are taken in several chunks."""

LARGEST_PATCH = 128
"""The most numbers of a window that are the channels of a pixel: what a table of 8 KiB has."""

TALLEST = 32
"""Rows of a kernel, of each of which a bit says whether it is outside the image."""

NIBBLE = 4
END, HALF, FLUSH = 1 << 13, 1 << 14, 1 << 15
"""Bits of an entry of a schedule; see runtime/nnc_bin.h."""


@dataclass(frozen=True)
class Geometry:
    """The shapes of a convolution: NHWC, OHWI, and its window."""

    source: tuple[int, ...]
    kernel: tuple[int, ...]
    output: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    padding: tuple[int, ...]
    groups: int

    @staticmethod
    def of(op: Conv2DOp) -> Geometry:
        """Of a layer; one whose pixels are independent is one of a single row."""
        found = Geometry(
            shape_of(op.input),
            shape_of(op.weights),
            shape_of(op.output),
            tuple(op.strides.get_values()),
            tuple(op.dilations.get_values()),
            tuple(op.padding.get_values()),
            op.groups.value.data,
        )
        if found.kernel[1:3] != (1, 1) or found.strides != (1, 1) or any(found.padding):
            return found
        pixels = prod(found.source[:3])
        source, output = (1, 1, pixels, found.source[3]), (1, 1, pixels, found.output[3])
        return Geometry(source, found.kernel, output, (1, 1), (1, 1), (0, 0, 0, 0), found.groups)

    @property
    def patched(self) -> Geometry | None:
        """
        The same where the numbers of a window are the channels of a pixel, if so many fit a table
        and their weights are shorter.
        """
        taps, half = self.kernel[1] * self.kernel[2], BITS_PER_WORD // 2
        shorter = ceil(self.products / half) < taps * ceil(self.depth / half)
        if self.groups > 1 or not shorter or self.products > LARGEST_PATCH:
            return None
        source = (*self.output[:3], self.products)
        kernel = (self.kernel[0], 1, 1, self.products)
        return Geometry(source, kernel, self.output, (1, 1), (1, 1), (0, 0, 0, 0), 1)

    @property
    def depth(self) -> int:
        """Input channels of a group."""
        return self.kernel[3]

    @property
    def products(self) -> int:
        """Products of one sum, padded ones included."""
        return prod(self.kernel[1:])

    @property
    def live_rows(self) -> int:
        """Output rows that an input row can touch, and those between them."""
        return (self.kernel[1] - 1) * self.dilations[0] // self.strides[0] + 1


@dataclass(frozen=True)
class Entry:
    """
    The words of a table's entry: `columns` are those of the input that their first lane is for,
    relative to the block, `offsets` the first of four words for each column of the kernel.
    """

    columns: tuple[int, ...]
    offsets: tuple[int, ...]

    @staticmethod
    def of(layer: Geometry) -> Entry:
        """
        Columns of the kernel whose distance is a multiple of the stride share words: with stride 2,
        even and odd columns of the image are in two parts of the entry.
        """
        stride, dilation = layer.strides[1], layer.dilations[1]
        places = [divmod(kx * dilation, stride) for kx in range(layer.kernel[2])]
        columns, starts = list[int](), dict[int, int]()
        for residue in sorted({residue for _, residue in places}):
            steps = [step for step, other in places if other == residue]
            starts[residue] = len(columns) - min(steps)
            columns += [residue + stride * m for m in range(min(steps), max(steps) + 4)]
        return Entry(tuple(columns), tuple(starts[residue] + step for step, residue in places))

    @property
    def words(self) -> int | None:
        """How far entries are apart, or None where they would be too long."""
        return next((size for size in ENTRIES if size >= len(self.columns)), None)


@dataclass(frozen=True)
class Tables:
    """
    How a layer's weights pass by its tables.

    `lanes` of a word hold pixels, `lanes_x` of them beside each other. A lane may take `reach`
    channels before it must be flushed.
    """

    layer: Geometry
    entry: Entry
    lanes: int
    reach: int
    windows: Geometry | None = None
    """The layer whose windows the pixels are, if they are."""

    @property
    def entry_words(self) -> int:
        """How far entries are apart."""
        assert self.entry.words is not None
        return self.entry.words

    @property
    def three_columns(self) -> bool:
        """
        Whether there is a loop for the layer's kernels of three columns beside each other: of whole
        words of weights that all fit the lanes.
        """
        whole = self.layer.depth % BITS_PER_WORD == 0 and 3 * self.chunk <= self.reach
        return whole and self.entry.offsets == (0, 1, 2) and self.entry_words == 8

    @property
    def lanes_x(self) -> int:
        """As many as give the fewest rows of blocks, and rather more than fewer."""
        _, height, width, _ = self.layer.output

        def rows(beside: int) -> int:
            return ceil(width / (4 * beside)) * ceil(height / (self.lanes // beside))

        choices = [size for size in (4, 2, 1) if size <= self.lanes]
        return min(choices, key=rows)

    @property
    def chunk(self) -> int:
        """Input channels of a table."""
        most = TABLE_BYTES // (16 * self.entry_words) // BITS_PER_WORD
        most = max(1, min(most, self.reach // BITS_PER_WORD))
        words = ceil(self.layer.depth / BITS_PER_WORD)
        return ceil(words / ceil(words / most)) * BITS_PER_WORD

    @property
    def chunks(self) -> list[int]:
        """The input channels of each table of a group."""
        depth, chunk = self.layer.depth, self.chunk
        return [min(chunk, depth - first) for first in range(0, depth, chunk)]

    def schedule(self, channels: int) -> tuple[int, ...]:
        """How the weights of so many input channels pass by, for one row of the kernel."""
        full, rest = divmod(channels, BITS_PER_WORD)
        half = 0 < rest <= BITS_PER_WORD // 2
        full += rest > 0 and not half
        steps = full * BITS_PER_WORD + half * BITS_PER_WORD // 2
        parts, taken = list[int](), 0
        # Where the part before ended: at first, that of the channel before.
        place = 4 * self.entry.offsets[-1] + steps // NIBBLE * 64 * self.entry_words
        for offset in self.entry.offsets:
            if taken + steps > self.reach:
                parts[-1] |= FLUSH
                taken = 0
            taken += steps
            distance = 4 * offset - place
            place = 4 * offset + steps // NIBBLE * 64 * self.entry_words
            parts.append((distance & 0xFFFF) << 16 | full | HALF * half)
        parts[-1] |= FLUSH | END
        return tuple(parts)

    def pack(self, bits: Array) -> npt.NDArray[np.int32]:
        """
        The words of OHWI weights in the order of groups, chunks, rows, outputs, columns; or with
        columns last, for the loop for three of them.
        """
        order = (1, 0, 3, 2) if self.three_columns else (1, 0, 2, 3)
        parts: list[npt.NDArray[np.int32]] = []
        for group in np.split(bits.reshape(self.layer.kernel), self.layer.groups):
            first = 0
            for channels in self.chunks:
                words = pack_bits(group[..., first : first + channels])
                parts.append(words.transpose(order).reshape(-1))
                first += channels
        return np.concatenate(parts)

    def parameters(self) -> dict[str, Parameter]:
        """What a call has to know."""
        layer, chunks = self.layer, self.chunks
        return {
            "input_shape": layer.source,
            "output_shape": layer.output,
            "kernel": layer.kernel[1:3],
            "depth": layer.depth,
            "strides": layer.strides,
            "dilations": layer.dilations,
            "padding": layer.padding,
            "groups": layer.groups,
            "chunk": self.chunk,
            "lanes_x": self.lanes_x,
            "live_rows": layer.live_rows,
            "entry": self.entry_words,
            "three_columns": int(self.three_columns),
            "columns": self.entry.columns,
            "schedule": self.schedule(chunks[0]),
            "last_schedule": self.schedule(chunks[-1]),
            "patches": self.patches,
        }

    @property
    def patches(self) -> tuple[int, ...]:
        """Image, kernel, strides, dilations and padding of the windows."""
        if self.windows is None:
            return ()
        layer = self.windows
        places = (*layer.kernel[1:3], *layer.strides, *layer.dilations, *layer.padding[::2])
        return (*layer.source[1:], *places)

    @property
    def table_bytes(self) -> int:
        """Bytes of a table, that of the first chunk, and of two windows after it."""
        channels = max(self.chunks)
        rounded = ceil(channels / 16) * 16
        windows = 0 if self.windows is None else ceil(2 * channels / 4) * 4
        return rounded // NIBBLE * 16 * self.entry_words * 4 + windows

    @property
    def accumulator_bytes(self) -> int:
        """Bytes of the accumulators: 8 words for each channel of each row."""
        return self.layer.live_rows * self.layer.output[3] * 32


def tables_problem(layer: Geometry, entry: Entry) -> str | None:
    """Why a layer cannot be run by tables, whatever its activations are."""
    if entry.words is None or max(entry.columns) > 255:
        return f"its windows are wider than tables of {ENTRIES[-1]} words serve"
    if layer.kernel[1] > TALLEST:
        return f"its kernel has {layer.kernel[1]} rows, more than {TALLEST}"
    if layer.groups > 1 and layer.depth % 16:
        return f"the channels of a group are {layer.depth}, not a multiple of 16"
    return None


def geometry_text(call: CallOp, channel_bits: int, padding: bytes | None, sums: str) -> list[str]:
    """
    The C struct of a call's geometry: of input channels of so many bits, whose groups are `padding`
    around the image; `sums` are those of the weights of each row of the kernel.
    """
    batch, height, width, channels = call.numbers("input_shape")
    _, out_height, out_width, outputs = call.numbers("output_shape")
    top, _, left, _ = call.numbers("padding")
    strides, dilations = call.numbers("strides"), call.numbers("dilations")
    columns = call.numbers("columns")
    in_bytes = 4 * -(-channels // BITS_PER_WORD) if channel_bits == 1 else channels
    numbers = [
        *(batch, height, width, in_bytes, out_height, out_width, outputs),
        *(*call.numbers("kernel"), *strides, dilations[0], top, left),
        *(call.number(name) for name in ("groups", "depth", "chunk", "live_rows", "lanes_x")),
        *(call.number("unit"), len(columns), call.number("zero_point")),
    ]
    tables = [("uint8_t", "columns", columns)]
    tables += [("uint32_t", name, call.numbers(name)) for name in ("schedule", "last_schedule")]
    if padding is not None:
        tables.append(("uint8_t", "padding", tuple(padding)))
    lines = [
        f"static const {kind} {name}[] = {{{', '.join(f'{value}U' for value in values)}}};"
        for kind, name, values in tables
    ]
    pointers = ["padding" if padding is not None else "NULL", sums, "columns"]
    patches = call.numbers("patches")
    pointers += ["schedule", "last_schedule", "&patches" if patches else "NULL"]
    if patches:
        text = ", ".join(map(str, patches))
        lines.append(f"static const nnc_bin_patches patches = {{{text}}};")
    return [
        *wrapped_lines(lines),
        f"{'static ' if sums == 'NULL' else ''}const nnc_bin_geometry geometry = {{",
        *(f"    {line}" for line in textwrap.wrap(f"{', '.join(map(str, numbers))},", 90)),
        f"    {', '.join(pointers)}",
        "};",
    ]


def wrapped_lines(lines: Sequence[str]) -> list[str]:
    """C lines of at most 96 characters."""
    return [
        part
        for line in lines
        for part in textwrap.wrap(line, 96, subsequent_indent="    ", break_long_words=False)
    ]
