"""A compiled network, run: on this machine or on an emulated core, with CMSIS-NN where it is."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from nnc.compiler import Network
from nnc.emulator import HOST, Program, build_network
from nnc.options import CMSIS_NN_ROOT
from nnc.tensors import Array, Tensor
from nnc.toolchain import BuildOptions


def inputs_of(network: Network) -> list[Tensor]:
    """The inputs of a network, in order; they also go by the names of the model's tensors."""
    tensors = [Tensor.of(port) for port in network.printer.of_role("input")]
    if len(network.input_names) != len(tensors):
        return tensors
    pairs = zip(tensors, network.input_names, strict=True)
    return [replace(tensor, aliases=(name,)) for tensor, name in pairs]


def outputs_of(network: Network) -> list[Tensor]:
    """The outputs of a network, in order."""
    return [Tensor.of(port) for port in network.printer.of_role("output")]


def sample_bytes(sample: list[Array], tensors: list[Tensor]) -> list[bytes]:
    """The inputs of one sample as the network takes them."""
    return [tensor.to_bytes(array) for tensor, array in zip(tensors, sample, strict=True)]


@contextmanager
def built(network: Network, on: str, *, hook: bool = False) -> Generator[Program]:
    """
    The network as a program for a core or the host; with `hook` it calls back after each layer.

    Raises ToolError.
    """
    library = network.library(on)
    options = library.options() if library is not None else BuildOptions()
    with network.folder(library) as sources, tempfile.TemporaryDirectory(prefix="nnc-") as name:
        yield build_network(sources, network.name, Path(name), on=on, hook=hook, options=options)


def linking_note(network: Network, on: str) -> str:
    """What the user should know of the CMSIS-NN that a network runs with; empty if nothing."""
    if network.options.chosen_kernels != "cmsis-nn" or network.library(on) is not None:
        return ""
    why = "the library is for Cortex-M" if on == HOST else f"{CMSIS_NN_ROOT} is not set"
    return f"linked with our portable implementation of CMSIS-NN: {why}"
