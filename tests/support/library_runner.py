"""
The child process of `support.compiled`: runs the networks of a shared library by their descriptors.

    python -I -S library_runner.py LIBRARY < request > response

Request and response are pickles of tuples, lists, strings, numbers and bytes. Needs the standard
library only, so that it starts at once and also under a preloaded sanitizer.
"""

from __future__ import annotations

import ctypes
import pickle
import sys
from ctypes import (
    POINTER,
    c_char_p,
    c_float,
    c_int,
    c_int32,
    c_size_t,
    c_uint,
    c_uint8,
    c_uint16,
    c_uint32,
    c_void_p,
)
from typing import Any

Tensor = tuple[str, int, tuple[int, ...]]
"""Name, `nnc_type` and shape."""

Sample = tuple[list[bytes], list[list[bytes | None]]]
"""Outputs, and for each layer its outputs; None for one outside the arena."""

Job = tuple[str, bool, list[list[bytes]]]
"""The symbol of a descriptor, whether state lasts from sample to sample, and the samples."""

Answer = tuple[list[Tensor], list[list[Tensor]], list[Sample]]
"""The network's outputs and its layers' outputs, and what each sample gave."""

OUTSIDE = 0xFFFF_FFFF
GUARD = 64
POISON = 0xA5

_Hook = ctypes.CFUNCTYPE(None, c_void_p, c_void_p, c_void_p, c_uint16, c_int)


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("name", c_char_p),
        ("type", c_int),
        ("rank", c_uint8),
        ("shape", POINTER(c_int32)),
        ("bytes", c_uint32),
        ("scale", c_float),
        ("zero_point", c_int32),
        ("offset", c_uint32),
        ("flags", c_uint32),
    )


class _Layer(ctypes.Structure):
    _fields_ = (
        ("name", c_char_p),
        ("op", c_char_p),
        ("n_outputs", c_uint16),
        ("outputs", POINTER(_Tensor)),
    )


class _Network(ctypes.Structure):
    _fields_ = (
        ("abi_version", c_uint32),
        ("name", c_char_p),
        ("context_bytes", c_uint32),
        ("arena_bytes", c_uint32),
        ("arena_align", c_uint32),
        ("n_inputs", c_uint16),
        ("n_outputs", c_uint16),
        ("inputs", POINTER(_Tensor)),
        ("outputs", POINTER(_Tensor)),
        ("n_layers", c_uint16),
        ("layers", POINTER(_Layer)),
        ("init", ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t)),
        ("reset", ctypes.CFUNCTYPE(None, c_void_p)),
        ("run", ctypes.CFUNCTYPE(c_int, c_void_p)),
        ("input", ctypes.CFUNCTYPE(c_void_p, c_void_p, c_uint)),
        ("output", ctypes.CFUNCTYPE(c_void_p, c_void_p, c_uint)),
        ("set_hook", ctypes.CFUNCTYPE(None, c_void_p, _Hook, c_void_p)),
        ("bind_input", ctypes.CFUNCTYPE(None, c_void_p, c_uint, c_void_p)),
        ("bind_output", ctypes.CFUNCTYPE(None, c_void_p, c_uint, c_void_p)),
    )


class _Memory:
    """Blocks from the C library's heap, where an address sanitizer watches their ends."""

    def __init__(self, sanitized: bool) -> None:
        self.guard = 0 if sanitized else GUARD
        self.libc = ctypes.CDLL(None)
        self.libc.free.argtypes = [c_void_p]
        self.blocks: list[tuple[int, int]] = []

    def block(self, size: int, align: int) -> int:
        """A poisoned block of that many bytes."""
        place = c_void_p()
        total = c_size_t(max(1, size) + self.guard)
        if self.libc.posix_memalign(ctypes.byref(place), c_size_t(max(8, align)), total):
            raise MemoryError
        assert place.value is not None
        ctypes.memset(place.value, POISON, total.value)
        self.blocks.append((place.value, max(1, size)))
        return place.value

    def release(self) -> None:
        """Frees all blocks; raises `RuntimeError` if something was written behind one."""
        for place, size in self.blocks:
            if ctypes.string_at(place + size, self.guard) != bytes([POISON] * self.guard):
                raise RuntimeError("wrote past the end of a block")
            self.libc.free(place)
        self.blocks.clear()


def _tensor(entry: _Tensor) -> Tensor:
    shape = tuple(entry.shape[i] for i in range(entry.rank))
    return (entry.name.decode(), entry.type, shape)


def _check(status: int, what: str) -> None:
    if status:
        raise RuntimeError(f"{what} returned {status}")


def _run(library: ctypes.CDLL, job: Job, memory: _Memory) -> Answer:
    symbol, keep_state, samples = job
    network = _Network.in_dll(library, symbol)
    assert network.abi_version == 1, "another descriptor"
    layers = [network.layers[i] for i in range(network.n_layers)]
    arena = memory.block(network.arena_bytes, network.arena_align)
    context = memory.block(network.context_bytes, 8)
    _check(network.init(context, arena, network.arena_bytes), "init")
    _bind(network, context, memory)
    seen: list[list[bytes | None]] = []

    def look(_: Any, __: Any, base: int, number: int, event: int) -> None:
        if event == 1:
            layer = layers[number]
            entries = [layer.outputs[i] for i in range(layer.n_outputs)]
            seen.append(
                [
                    None if e.offset == OUTSIDE else ctypes.string_at(base + e.offset, e.bytes)
                    for e in entries
                ]
            )

    hook = _Hook(look)
    network.set_hook(context, hook, None)
    results: list[Sample] = []
    for sample in samples:
        ctypes.memset(arena, POISON, network.arena_bytes)
        if not keep_state:
            network.reset(context)
        for i, data in enumerate(sample):
            assert len(data) == network.inputs[i].bytes, f"input {i} of {len(data)} bytes"
            ctypes.memmove(network.input(context, i), data, len(data))
        seen.clear()
        _check(network.run(context), "run")
        outputs = [
            ctypes.string_at(network.output(context, i), network.outputs[i].bytes)
            for i in range(network.n_outputs)
        ]
        results.append((outputs, list(seen)))
    described = [[_tensor(e.outputs[i]) for i in range(e.n_outputs)] for e in layers]
    return [_tensor(network.outputs[i]) for i in range(network.n_outputs)], described, results


def _bind(network: _Network, context: int, memory: _Memory) -> None:
    for count, entries, get, bind in (
        (network.n_inputs, network.inputs, network.input, network.bind_input),
        (network.n_outputs, network.outputs, network.output, network.bind_output),
    ):
        for i in range(count):
            if not get(context, i):
                bind(context, i, memory.block(entries[i].bytes, network.arena_align))


def main() -> None:
    """Runs all jobs of the request; the last line on standard error names the one that died."""
    sanitized, jobs = pickle.load(sys.stdin.buffer)
    library = ctypes.CDLL(sys.argv[1])
    memory = _Memory(sanitized)
    answers: list[Answer | str] = []
    for job in jobs:
        print(job[0], file=sys.stderr, flush=True)
        try:
            answer = _run(library, job, memory)
            memory.release()
            answers.append(answer)
        except (RuntimeError, AssertionError) as error:
            answers.append(str(error))
    sys.stdout.buffer.write(pickle.dumps(answers))


if __name__ == "__main__":
    main()
