"""
What a network costs on a core: executed instructions, memory and code, all measured.

Instructions are counted by the emulator and are the same on every run; they are not cycles. Sizes
are read off the linked program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nnc.compiler import Network
from nnc.emulator import Progress, run_program
from nnc.execution import built, inputs_of, linking_note, sample_bytes
from nnc.sizes import measure_size
from nnc.tensors import Array
from nnc.toolchain import BuildOptions


@dataclass(frozen=True)
class LayerCost:
    """What one layer costs; see `Record`."""

    name: str
    op: str
    kernel: str
    instructions: int
    macs: int


@dataclass(frozen=True)
class Record:
    """
    What a network costs on a core.

    - `instructions` of one inference, the most over all samples. Those of layers are counted in
      another build, which calls back after each, and add up to about as many. `macs` are
      multiply-accumulates of the model.
    - `ram_bytes` is all memory: the arena that a caller provides, which is `arena_bytes` of
      activations and `scratch_bytes` (of the layer during which most of it is in use); the context;
      variables; and by how much `stack_bytes`, the most that runs were seen to use, is above 512.
    - `weights_bytes` are weights, their copies and tables; `code_bytes` is everything else that is
      read-only, with what comes in from the C library and without start-up code.
    """

    model: str
    core: str
    optimize: str
    kernels: str
    instructions: int
    ram_bytes: int
    arena_bytes: int
    scratch_bytes: int
    stack_bytes: int
    weights_bytes: int
    code_bytes: int
    macs: int
    layers: tuple[LayerCost, ...]


@dataclass(frozen=True)
class Measurement:
    """A record, and what the user should know of how it was measured."""

    record: Record
    notes: tuple[str, ...]


def bench(
    network: Network,
    samples: Sequence[list[Array]],
    *,
    model: str,
    timeout: float = 120.0,
    progress: Progress | None = None,
) -> Measurement:
    """
    Measures a network on the core that it was compiled for.

    `model` is what the record calls it. Raises ToolError.
    """
    core, report = network.options.target, network.report
    tensors = inputs_of(network)
    inputs = [sample_bytes(sample, tensors) for sample in samples]
    with built(network, core) as program:
        whole = run_program(program, inputs, timeout=timeout, progress=progress)
    with built(network, core, hook=True) as program:
        hooked = run_program(program, inputs, dumped=0, timeout=timeout)
    library = network.library(core)
    options = library.options() if library is not None else BuildOptions()
    with network.folder(library) as sources:
        sizes = measure_size(sources, network.name, core, options=options)
    assert whole.instructions is not None and whole.stack_bytes is not None, "a core counts"
    assert hooked.layer_instructions is not None, "a core counts each layer"
    by_layer = [max(counts) for counts in zip(*hooked.layer_instructions, strict=True)]
    scratch = report.memory.scratch_bytes
    record = Record(
        model=model,
        core=core,
        optimize=report.request.optimize,
        kernels=report.request.kernels,
        instructions=max(whole.instructions),
        ram_bytes=sizes.ram_bytes(whole.stack_bytes),
        arena_bytes=sizes.arena - scratch,
        scratch_bytes=scratch,
        stack_bytes=whole.stack_bytes,
        weights_bytes=sizes.weights,
        code_bytes=sizes.code_bytes,
        macs=report.macs,
        layers=tuple(
            LayerCost(layer.name, layer.op, layer.kernel, instructions, layer.macs)
            for layer, instructions in zip(report.layers, by_layer, strict=True)
        ),
    )
    return Measurement(record, tuple(filter(None, (whole.note, linking_note(network, core)))))
