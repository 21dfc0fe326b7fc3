"""
The passes, found by name: one name per thing.

The pass `tfl-to-nn` is the class `TflToNnPass` of the module `nnc.passes.tfl_to_nn`, and its tests
are in `tests/filecheck/passes/tfl-to-nn.mlir`. Nothing is imported before a name is looked up.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xdsl.passes import ModulePass

PASSES: tuple[str, ...] = (
    "expand-kernels",
    "keras-to-nn",
    "larq-to-nn",
    "nn-eliminate-channels",
    "nn-encode-splits",
    "nn-fold-batch-norm",
    "nn-fold-constants",
    "nn-fuse-activations",
    "nn-fuse-pads",
    "nn-fuse-qdq",
    "nn-fuse-thresholds",
    "nn-keep-binary",
    "nn-keep-states",
    "nn-merge-requantize",
    "nn-narrow-integers",
    "nn-simplify-shapes",
    "nn-sink-transposes",
    "nn-tabulate",
    "nn-to-kernel",
    "nn-verify-contract",
    "onnx-to-nn",
    "plan-memory",
    "tfl-to-nn",
)
"""Every pass of the compiler, by the name used in pipelines; a new one is one more name here."""


def load_pass(name: str) -> type[ModulePass]:
    """The pass of that name, which must be one of `PASSES`."""
    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    words = (word.capitalize() for word in name.split("-"))
    return getattr(module, "".join(words) + "Pass")
