"""docs/heterogeneity.md, row by row: what each format means becomes the same `nn` op."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from support.compiled import parse
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from nnc.dialects.nn.conversion import ConstantOp
from nnc.dialects.nn.resize import ResizeBilinearOp
from nnc.passes import load_pass

DOCUMENT = Path(__file__).parents[2] / "docs/heterogeneity.md"


def imported(text: str, *passes: str) -> list[Operation]:
    """The `nn` ops of a function of another dialect, without its constants."""
    module = converted(text, *passes)
    ops = [op for op in module.walk() if op.name.startswith("nn.")]
    return [op for op in ops if op.name != "nn.constant"]


def converted(text: str, *passes: str) -> ModuleOp:
    """A module of another dialect after some passes."""
    module = parse(text)
    for name in passes:
        load_pass(name)().apply(Context(), module)
    return module


def tfl(text: str, *passes: str) -> list[Operation]:
    return imported(text, "tfl-to-nn", *passes)


def onnx(text: str, *passes: str) -> list[Operation]:
    return imported(text, "onnx-to-nn", "nn-sink-transposes", *passes)


def names(ops: Sequence[Operation]) -> list[str]:
    return [op.name.removeprefix("nn.") for op in ops]


def test_mean() -> None:
    folded = tfl("""
    func.func @main(%x: tensor<2x3xf32>) -> tensor<2x1xf32> {
      %a = tfl.pseudo_const dense<1> : tensor<1xi32> -> tensor<1xi32>
      %y = tfl.mean %x, %a {keep_dims = true} : (tensor<2x3xf32>, tensor<1xi32>) -> tensor<2x1xf32>
      func.return %y : tensor<2x1xf32>
    }""")
    same = onnx("""
    func.func @main(%x: tensor<2x3xf32>) -> tensor<2x1xf32> {
      %y = onnx.ReduceMean %x {axes = array<i64: -1>, keepdims = 1 : i64, since = 13 : i64}
        : (tensor<2x3xf32>) -> tensor<2x1xf32>
      func.return %y : tensor<2x1xf32>
    }""")
    assert names(folded) == names(same) == ["reduce_mean"]
    assert folded[0].properties == same[0].properties
    averaged = onnx("""
    func.func @main(%x: tensor<2x3xf32>, %z: tensor<2x3xf32>) -> tensor<2x3xf32> {
      %y = onnx.Mean %x, %z {since = 13 : i64}
        : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
      func.return %y : tensor<2x3xf32>
    }""")
    assert names(averaged) == ["add", "div"]


def test_convolution() -> None:
    """Orders of axes, padding, and a fused activation."""
    first = tfl(
        """
    func.func @main(%x: tensor<1x4x4x3xf32>) -> tensor<1x2x2x2xf32> {
      %w = tfl.pseudo_const dense<1.0> : tensor<2x3x3x3xf32> -> tensor<2x3x3x3xf32>
      %none = tfl.no_value : none
      %y = tfl.conv_2d %x, %w, %none {padding = "SAME", stride_h = 2 : i32, stride_w = 2 : i32,
        fused_activation_function = "RELU"}
        : (tensor<1x4x4x3xf32>, tensor<2x3x3x3xf32>, none) -> tensor<1x2x2x2xf32>
      func.return %y : tensor<1x2x2x2xf32>
    }""",
        "nn-fuse-activations",
    )
    second = onnx(CONVOLUTION.replace("WHERE", "UPPER"), "nn-fuse-activations")
    assert names(first) == names(second) == ["conv2d"]
    assert [it.type for it in first[0].operands] == [it.type for it in second[0].operands]
    assert first[0].properties == second[0].properties
    lower = onnx(CONVOLUTION.replace("WHERE", "LOWER"), "nn-fuse-activations")
    assert str(first[0].properties["padding"]) == "array<i64: 0, 1, 0, 1>"
    assert str(lower[0].properties["padding"]) == "array<i64: 1, 0, 1, 0>"


CONVOLUTION = """
    func.func @main(%x: tensor<1x3x4x4xf32>) -> tensor<1x2x2x2xf32> {
      %w = onnx.Constant {value = dense<1.0> : tensor<2x3x3x3xf32>} : tensor<2x3x3x3xf32>
      %c = onnx.Conv %x, %w {auto_pad = "SAME_WHERE", group = 1 : i64, strides = array<i64: 2, 2>,
        since = 11 : i64} : (tensor<1x3x4x4xf32>, tensor<2x3x3x3xf32>) -> tensor<1x2x2x2xf32>
      %y = onnx.Relu %c {since = 14 : i64} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
      func.return %y : tensor<1x2x2x2xf32>
    }"""


def test_softmax() -> None:
    first = tfl("""
    func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
      %y = tfl.softmax %x {beta = 1.0 : f32} : (tensor<2x3xf32>) -> tensor<2x3xf32>
      func.return %y : tensor<2x3xf32>
    }""")
    for axis, since in ((1, 11), (-1, 13)):
        second = onnx(f"""
        func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {{
          %y = onnx.Softmax %x {{axis = {axis} : i64, since = {since} : i64}}
            : (tensor<2x3xf32>) -> tensor<2x3xf32>
          func.return %y : tensor<2x3xf32>
        }}""")
        assert names(first) == names(second) == ["softmax"]
        assert first[0].properties == second[0].properties


def test_slope() -> None:
    first = tfl("""
    func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
      %y = tfl.leaky_relu %x {alpha = 0.01 : f32} : (tensor<4xf32>) -> tensor<4xf32>
      func.return %y : tensor<4xf32>
    }""")
    second = onnx("""
    func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
      %y = onnx.LeakyRelu %x {alpha = 0.01 : f32, since = 16 : i64}
        : (tensor<4xf32>) -> tensor<4xf32>
      func.return %y : tensor<4xf32>
    }""")
    assert names(first) == names(second) == ["leaky_relu"]
    assert first[0].properties == second[0].properties


def test_dense_weights_and_quantisation() -> None:
    types = "!x = !quant.uniform<i8:f32, 0.5:3>\n!w = !quant.uniform<i8:f32, 0.25>"
    first = tfl(f"""{types}
    func.func @main(%x: tensor<1x3x!x>) -> tensor<1x2x!x> {{
      %w = tfl.pseudo_const dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi8> -> tensor<2x3x!w>
      %none = tfl.no_value : none
      %y = tfl.fully_connected %x, %w, %none
        : (tensor<1x3x!x>, tensor<2x3x!w>, none) -> tensor<1x2x!x>
      func.return %y : tensor<1x2x!x>
    }}""")
    second = onnx(
        """
    func.func @main(%x: tensor<1x3xi8>) -> tensor<1x2xi8> {
      %w = onnx.Constant {value = dense<[[1, 4], [2, 5], [3, 6]]> : tensor<3x2xi8>} : tensor<3x2xi8>
      %s = onnx.Constant {value = dense<0.5> : tensor<f32>} : tensor<f32>
      %z = onnx.Constant {value = dense<3> : tensor<i8>} : tensor<i8>
      %t = onnx.Constant {value = dense<0.25> : tensor<f32>} : tensor<f32>
      %none = onnx.Constant {value = dense<0> : tensor<i8>} : tensor<i8>
      %y = onnx.QLinearMatMul %x, %s, %z, %w, %t, %none, %s, %z {since = 10 : i64}
        : (tensor<1x3xi8>, tensor<f32>, tensor<i8>, tensor<3x2xi8>, tensor<f32>, tensor<i8>,
           tensor<f32>, tensor<i8>) -> tensor<1x2xi8>
      func.return %y : tensor<1x2xi8>
    }""",
        "nn-fuse-qdq",
    )
    (dense,) = (op for op in first if op.name == "nn.dense")
    (same,) = (op for op in second if op.name == "nn.dense")
    assert [it.type for it in dense.operands] == [it.type for it in same.operands]
    assert dense.results[0].type == same.results[0].type


def values_of(value: SSAValue) -> list[float]:
    """The elements of a constant."""
    assert isinstance(value.owner, ConstantOp)
    return [float(number) for number in value.owner.values.ravel()]


def test_gates() -> None:
    """One unit over one input, each gate with a weight of its own."""
    parts = (
        *(f"%w{gate}" for gate in "ifco"),
        *(f"%w{gate}" for gate in "ifco"),
        *("%none",) * 3,
        *(f"%b{gate}" for gate in "ifco"),
        *("%none",) * 2,
        *("%h", "%c"),
        *("%none",) * 4,
    )
    kinds = {"w": "tensor<1x1xf32>", "b": "tensor<1xf32>", "n": "none"}
    kinds |= {"h": "tensor<1x1xf32>", "c": "tensor<1x1xf32>"}
    constants = "\n".join(
        f"%w{gate} = tfl.pseudo_const dense<{number}.0> : tensor<1x1xf32> -> tensor<1x1xf32>\n"
        f"%b{gate} = tfl.pseudo_const dense<{number}.0> : tensor<1xf32> -> tensor<1xf32>"
        for number, gate in enumerate("ifco", 1)
    )
    first = converted(
        f"""
    func.func @main(%x: tensor<1x4x1xf32>) -> tensor<1x4x1xf32> {{
      {constants}
      %none = tfl.no_value : none
      %h = tfl.variable : tensor<1x1xf32>
      %c = tfl.variable : tensor<1x1xf32>
      %y = tfl.unidirectional_sequence_lstm %x, {", ".join(parts)}
        {{fused_activation_function = "TANH"}} : (tensor<1x4x1xf32>,
        {", ".join(kinds[part[1]] for part in parts)}) -> tensor<1x4x1xf32>
      func.return %y : tensor<1x4x1xf32>
    }}""",
        "tfl-to-nn",
    )
    second = converted(
        """
    func.func @main(%x: tensor<1x4x1xf32>) -> tensor<1x4x1x1xf32> {
      %w = onnx.Constant {value = dense<[[[1.0], [4.0], [2.0], [3.0]]]> : tensor<1x4x1xf32>}
        : tensor<1x4x1xf32>
      %b = onnx.Constant {value = dense<[[0.5, 3.5, 1.5, 2.5, 0.5, 0.5, 0.5, 0.5]]>
        : tensor<1x8xf32>} : tensor<1x8xf32>
      %y = onnx.LSTM %x, %w, %w, %b {hidden_size = 1 : i64, layout = 1 : i64, since = 14 : i64}
        : (tensor<1x4x1xf32>, tensor<1x4x1xf32>, tensor<1x4x1xf32>, tensor<1x8xf32>)
        -> tensor<1x4x1x1xf32>
      func.return %y : tensor<1x4x1x1xf32>
    }""",
        "onnx-to-nn",
    )
    weights = [
        [values_of(operand) for operand in op.operands[1:4]]
        for op in (*first.walk(), *second.walk())
        if op.name == "nn.lstm"
    ]
    assert weights == [[[1.0, 2.0, 3.0, 4.0]] * 3] * 2


def test_resizing() -> None:
    """Which place of the input an output takes; beyond the borders are only the borders."""

    def places(ops: list[Operation]) -> list[float]:
        (resize,) = (op for op in ops if isinstance(op, ResizeBilinearOp))
        found = np.frombuffer(resize.rows.data.data, np.float32)
        return [min(max(float(place), 0.0), 1.0) for place in found]

    first = tfl("""
    func.func @main(%x: tensor<1x2x2x1xf32>) -> tensor<1x4x4x1xf32> {
      %size = tfl.pseudo_const dense<4> : tensor<2xi32> -> tensor<2xi32>
      %y = tfl.resize_bilinear %x, %size {half_pixel_centers = true}
        : (tensor<1x2x2x1xf32>, tensor<2xi32>) -> tensor<1x4x4x1xf32>
      func.return %y : tensor<1x4x4x1xf32>
    }""")
    sizes = "%sizes = onnx.Constant {value = dense<[1, 1, 4, 4]> : tensor<4xi64>} : tensor<4xi64>"
    kinds = "(tensor<1x1x2x2xf32>, none, none, tensor<4xi64>) -> tensor<1x1x4x4xf32>"
    same: dict[str, bool] = {}
    for mode in ("half_pixel", "align_corners"):
        second = onnx(f"""
        func.func @main(%x: tensor<1x1x2x2xf32>) -> tensor<1x1x4x4xf32> {{
          {sizes}
          %none = onnx.NoValue : none
          %y = onnx.Resize %x, %none, %none, %sizes {{mode = "linear",
            coordinate_transformation_mode = "{mode}", since = 13 : i64}} : {kinds}
          func.return %y : tensor<1x1x4x4xf32>
        }}""")
        same[mode] = places(second) == places(first)
    assert same == {"half_pixel": True, "align_corners": False}


def test_number_of_windows() -> None:
    """ONNX may round the number of windows up; what a window then lacks is padding."""
    first = tfl("""
    func.func @main(%x: tensor<1x5x5x1xf32>) -> tensor<1x3x3x1xf32> {
      %y = tfl.max_pool_2d %x {padding = "SAME", stride_h = 2 : i32, stride_w = 2 : i32,
        filter_height = 2 : i32, filter_width = 2 : i32, fused_activation_function = "NONE"}
        : (tensor<1x5x5x1xf32>) -> tensor<1x3x3x1xf32>
      func.return %y : tensor<1x3x3x1xf32>
    }""")
    second = onnx("""
    func.func @main(%x: tensor<1x1x5x5xf32>) -> tensor<1x1x3x3xf32> {
      %y, %places = onnx.MaxPool %x {kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>,
        ceil_mode = 1 : i64, since = 12 : i64}
        : (tensor<1x1x5x5xf32>) -> (tensor<1x1x3x3xf32>, none)
      func.return %y : tensor<1x1x3x3xf32>
    }""")
    pools = [op for op in (*first, *second) if op.name == "nn.max_pool2d"]
    assert len(pools) == 2 and pools[0].properties == pools[1].properties


def test_epsilon() -> None:
    """What is added to a variance, 1e-5 unless given; TFLite has only what follows from it."""
    text = """
    func.func @main(%x: tensor<1x2x1x1xf32>) -> tensor<1x2x1x1xf32> {{
      %one = onnx.Constant {{value = dense<1.0> : tensor<2xf32>}} : tensor<2xf32>
      %y, %m, %v, %sm, %sv = onnx.BatchNormalization %x, %one, %one, %one, %one
        {{{epsilon}since = 9 : i64}} : (tensor<1x2x1x1xf32>, tensor<2xf32>, tensor<2xf32>,
        tensor<2xf32>, tensor<2xf32>) -> (tensor<1x2x1x1xf32>, none, none, none, none)
      func.return %y : tensor<1x2x1x1xf32>
    }}"""
    scales: list[float] = []
    for epsilon in ("", "epsilon = 1.0e-03 : f32, "):
        module = converted(text.format(epsilon=epsilon), "onnx-to-nn", "nn-fold-constants")
        (multiplied,) = (op for op in module.walk() if op.name == "nn.mul")
        scales.append(values_of(multiplied.operands[1])[0])
    assert scales[0] > scales[1]


def test_the_document_has_its_rows() -> None:
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| ")]
    assert len(rows) == 15
