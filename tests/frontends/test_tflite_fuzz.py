"""
Broken `.tflite` files: whatever is done to a model's bytes, it is imported or refused.

Real models and small ones of many kinds are mutated. NNC_FUZZ_CASES sets the number of cases
(100000 for a long run), NNC_FUZZ_SEED the first seed; a failure names the seed that repeats it.
"""

from __future__ import annotations

import os
import resource
import signal
import struct
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from io import StringIO
from pathlib import Path
from random import Random
from types import FrameType

import numpy as np
import pytest
from support.project import ROOT
from support.tflite_builder import ModelBuilder, per_axis, per_tensor
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.dialects.func import Func
from xdsl.parser import Parser

from nnc.dialects.quant import Quant
from nnc.dialects.tfl import Tfl
from nnc.frontends.errors import FrontendError
from nnc.frontends.tflite import import_tflite
from nnc.passes.mlir_text import ModulePrinter

CASES = int(os.environ.get("NNC_FUZZ_CASES", "2000"))
FIRST_SEED = int(os.environ.get("NNC_FUZZ_SEED", "0"))
CHUNKS = 10

MOST_SECONDS = 60
"""A hang, not a speed: every file here takes a small part of a second."""

MOST_KILOBYTES = 400_000
"""How much the process may grow; the largest model here has less than one megabyte."""

LARGEST_SEED_MODEL = 120_000

SMALL = 4000
"""Bytes up to which an imported model is also printed and read back."""


def recurrent_model() -> bytes:
    model = ModelBuilder(description="recurrent")
    x = model.input("x", (1, 4), "f32")
    feature = model.constant(np.ones((2, 4)), "f32")
    time = model.constant(np.ones((2, 8)), "f32")
    state = model.tensor((1, 16), "f32", name="state", is_variable=True)
    y = model.output_of("SVDF", [x, feature, time, None, state], (1, 2), "f32", rank=1)
    z = model.output_of("SOFTMAX", [y], (1, 2), "f32", beta=1.0)
    model.output(z)
    model.signature()
    return model.build()


def quantised_model() -> bytes:
    model = ModelBuilder()
    q = per_tensor(1.0, -3)
    x = model.input("x", (1, 6, 6, 2), "i8", per_tensor(0.5, 3), shape_signature=(-1, 6, 6, 2))
    weights = model.constant(np.ones((2, 3, 3, 2)), "i4", per_axis(0, [0.5, 0.25]))
    bias = model.constant([1, 2], "i32", per_axis(0, [0.25, 0.125]))
    y = model.output_of(
        *("CONV_2D", [x, weights, bias], (1, 6, 6, 2), "i8", q),
        padding="SAME",
        stride_w=1,
        stride_h=1,
    )
    shape = model.constant([-1, 72], "i32")
    z = model.output_of("RESHAPE", [y, shape], (1, 72), "i8", q, new_shape=[1, 72])
    parts = [model.tensor((1, 36), "i8", q) for _ in range(2)]
    model.op("SPLIT", [model.constant(1, "i32"), z], parts, num_splits=2)
    model.output(model.output_of("CONCATENATION", parts, (1, 72), "i8", q, axis=1))
    return model.build()


def branching_model() -> bytes:
    model = ModelBuilder()
    x = model.input("x", (1,), "f32")
    c = model.input("c", (1,), "i1")
    for name in ("then", "otherwise"):
        graph = model.subgraph(name)
        graph.output(graph.output_of("RELU", [graph.input("a", (1,), "f32")], (1,), "f32"))
    y = model.output_of("IF", [c, x], (1,), "f32", then_subgraph_index=1, else_subgraph_index=2)
    z = model.tensor((1,), "f32")
    model.custom("Odd", [y, None], [z], b"options")
    model.output(z)
    return model.build()


@cache
def models() -> tuple[bytes, ...]:
    """What is mutated."""
    folder = os.environ.get("NNC_MODELS")
    folders = (ROOT / "examples", *([Path(folder)] if folder else []))
    paths = [path for part in folders for path in sorted(part.rglob("*.tflite"))]
    real = [path.read_bytes() for path in paths if path.stat().st_size < LARGEST_SEED_MODEL]
    return recurrent_model(), quantised_model(), branching_model(), *real


def places(data: bytes, random: Random) -> int:
    """A position, mostly near the ends, where a file has its structure and not its weights."""
    reach = min(len(data), random.choice((64, 1024, 8192, len(data))))
    offset = random.randrange(reach)
    return offset if random.random() < 0.5 else len(data) - 1 - offset


def flip_bits(data: bytearray, random: Random) -> None:
    for _ in range(random.choice((1, 1, 2, 8, 64))):
        data[places(data, random)] ^= 1 << random.randrange(8)


def set_bytes(data: bytearray, random: Random) -> None:
    for _ in range(random.choice((1, 2, 8))):
        data[places(data, random)] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))


def set_words(data: bytearray, random: Random) -> None:
    for _ in range(random.choice((1, 1, 4))):
        at = places(data, random) & ~3
        size = len(data)
        value = random.choice((0, 1, 4, size, size - at, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF))
        data[at : at + 4] = struct.pack("<I", value)


def nudge_words(data: bytearray, random: Random) -> None:
    at = min(places(data, random) & ~3, len(data) - 4)
    (value,) = struct.unpack_from("<I", data, at)
    change = random.choice((-1, 1, -4, 4, -8, 8, 1 << 16, 1 << 24))
    struct.pack_into("<I", data, at, (value + change) & 0xFFFFFFFF)


def swap_words(data: bytearray, random: Random) -> None:
    a, b = (min(places(data, random) & ~3, len(data) - 4) for _ in range(2))
    data[a : a + 4], data[b : b + 4] = data[b : b + 4], data[a : a + 4]


def splice(data: bytearray, random: Random) -> None:
    donor = random.choice(models())
    size = random.choice((4, 16, 64, 1024))
    at, source = places(data, random), places(donor, random)
    data[at : at + size] = donor[source : source + size]


def insert_bytes(data: bytearray, random: Random) -> None:
    at = places(data, random)
    data[at:at] = random.randbytes(random.choice((1, 4, 64)))


def delete_bytes(data: bytearray, random: Random) -> None:
    at = places(data, random)
    del data[at : at + random.choice((1, 4, 64))]


def truncate(data: bytearray, random: Random) -> None:
    del data[places(data, random) :]


MUTATIONS: tuple[Callable[[bytearray, Random], None], ...] = (
    *(flip_bits, set_bytes, set_words, nudge_words, swap_words, splice),
    *(insert_bytes, delete_bytes, truncate),
)


def mutated(seed: int) -> bytes:
    """The file of one seed."""
    random = Random(seed)
    data = bytearray(random.choice(models()))
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        if len(data) >= 16:
            random.choice(MUTATIONS)(data, random)
    return bytes(data)


@contextmanager
def time_limit(seconds: int) -> Generator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"no answer after {seconds} seconds")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def high_water() -> int:
    """The most memory this process ever had, in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def check(data: bytes) -> bool:
    """Whether the file was imported; it is refused in lines that can be read, or not at all."""
    try:
        with time_limit(MOST_SECONDS):
            module = import_tflite(data)
    except FrontendError as error:
        assert all(line.isprintable() for line in str(error).splitlines())
        return False
    module.verify()
    if len(data) < SMALL:
        check_text(module)
    return True


def check_text(module: ModuleOp) -> None:
    """The printed module reads back as itself, whatever names and numbers the file has."""
    text = print_text(module)
    context = Context()
    for dialect in (Builtin, Func, Quant, Tfl):
        context.load_dialect(dialect)
    assert print_text(Parser(context, text).parse_module()) == text


def print_text(module: ModuleOp) -> str:
    stream = StringIO()
    ModulePrinter(stream, print_debuginfo=True, print_weights=True).print_op(module)
    return stream.getvalue()


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_mutated_models(chunk: int) -> None:
    before = high_water()
    imported = 0
    seeds = range(FIRST_SEED + chunk, FIRST_SEED + CASES, CHUNKS)
    for seed in seeds:
        try:
            imported += check(mutated(seed))
        except Exception as error:
            raise AssertionError(f"NNC_FUZZ_SEED={seed} NNC_FUZZ_CASES=1") from error
    assert high_water() - before < MOST_KILOBYTES
    # Neither everything nor nothing gets through, or the mutations would test nothing.
    assert len(seeds) < 100 or 0.01 < imported / len(seeds) < 0.99
