"""From an ONNX model to the `nn` module of it, or to what is said instead."""

from __future__ import annotations

import onnx
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from nnc.frontends.errors import FrontendError
from nnc.frontends.onnx import import_onnx
from nnc.passes import load_pass
from nnc.passes.nn_sink_transposes import NnSinkTransposesPass
from nnc.passes.nn_verify_contract import NnVerifyContractPass
from nnc.passes.onnx_to_nn import OnnxToNnPass


def lowered(proto: onnx.ModelProto, *passes: str) -> ModuleOp:
    """The verified `nn` module, inputs and outputs as the model has them, then these passes."""
    module = import_onnx(proto.SerializeToString())
    steps: list[ModulePass] = [
        OnnxToNnPass(),
        NnSinkTransposesPass(io="kept"),
        NnVerifyContractPass(),
    ]
    steps += [load_pass(name)() for name in passes]
    for step in steps:
        step.apply(Context(), module)
        module.verify()
    return module


def refusals(proto: onnx.ModelProto) -> list[str]:
    """The lines that are said of a model that does not compile."""
    try:
        lowered(proto)
    except FrontendError as error:
        return str(error).splitlines()
    raise AssertionError("expected a model that is refused")
