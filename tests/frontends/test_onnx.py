"""The ONNX frontend: what becomes of good files, and what is said of bad ones."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import numpy as np
import onnx
import pytest
from support.compiled import parse
from support.onnx_models import model, node, random_weights, reference, value
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.printer import Printer

from nnc.dialects.nn.interpreter import run
from nnc.frontends.errors import FrontendError
from nnc.frontends.onnx import import_onnx
from nnc.passes.onnx_to_nn import OnnxToNnPass


def printed(module: ModuleOp) -> str:
    stream = StringIO()
    Printer(stream=stream, print_debuginfo=True).print_op(module)
    return stream.getvalue()


def read(proto: onnx.ModelProto, **options: object) -> ModuleOp:
    module = import_onnx(proto.SerializeToString(), **options)  # pyright: ignore[reportArgumentType]
    module.verify()
    return module


def problems(proto: onnx.ModelProto | bytes, **options: object) -> list[str]:
    data = proto if isinstance(proto, bytes) else proto.SerializeToString()
    with pytest.raises(FrontendError) as caught:
        import_onnx(data, **options)  # pyright: ignore[reportArgumentType]
    lines = str(caught.value).splitlines()
    assert all("Traceback" not in line for line in lines)
    return lines


def relu(opset: int = 21) -> onnx.ModelProto:
    return model([node("Relu", ["x"], ["y"])], {"x": [1, 4]}, ["y"], opset=opset)


def test_the_text_is_the_model() -> None:
    weights = random_weights(0)
    proto = model(
        [
            node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
            node("MaxPool", ["c"], ["y", "i"], kernel_shape=[2, 2]),
        ],
        {"x": [1, 2, 5, 5]},
        ["y", "i"],
        {"w": weights(3, 2, 3, 3)},
    )
    text = printed(read(proto))
    assert printed(parse(text)) == text
    assert 'loc("c")' in text and 'loc(fused["y", "i"])' in text


def test_defaults_are_those_of_the_version() -> None:
    def softmax(opset: int) -> str:
        return printed(
            read(model([node("Softmax", ["x"], ["y"])], {"x": [2, 4]}, ["y"], opset=opset))
        )

    assert "axis = 1 : i64" in softmax(12) and "since = 11 : i64" in softmax(12)
    assert "axis = -1 : i64" in softmax(13) and "since = 13 : i64" in softmax(13)


def test_an_open_batch_is_one() -> None:
    proto = model([node("Relu", ["x"], ["y"])], {"x": ["N", 4]}, ["y"])
    text = printed(read(proto))
    assert "tensor<1x4xf32>" in text
    assert "x: the open first dimension is taken as 1" in text
    assert "tensor<3x4xf32>" in printed(read(proto, shapes={"x": (3, 4)}))


def test_open_dimensions_must_be_given() -> None:
    proto = model(
        [node("Add", ["x", "z"], ["y"])], {"x": [1, "time", 4], "z": [1, "time", 4]}, ["y"]
    )
    lines = problems(proto)
    assert len(lines) == 2
    assert "--shape x=1,?,4" in lines[0]
    assert "tensor<1x7x4xf32>" in printed(read(proto, shapes={"x": (1, 7, 4)}))


def test_an_input_that_does_not_exist() -> None:
    assert "inputs are x" in problems(relu(), shapes={"image": (1, 4)})[0]


def test_initializers_that_are_inputs_as_well() -> None:
    proto = model(
        [node("Add", ["x", "b"], ["y"])], {"x": [4], "b": [4]}, ["y"], {"b": np.ones(4, np.float32)}
    )
    assert len(next(iter(read(proto).body.block.ops)).regions[0].block.args) == 1


def test_nodes_in_any_order() -> None:
    proto = model([node("Relu", ["a"], ["y"]), node("Neg", ["x"], ["a"])], {"x": [4]}, ["y"])
    text = printed(read(proto))
    assert text.index("onnx.Neg") < text.index("onnx.Relu")


def test_functions_are_inlined() -> None:
    body = onnx.helper.make_function(
        "own",
        "Twice",
        ["a"],
        ["b"],
        [node("Add", ["a", "a"], ["b"])],
        [onnx.helper.make_opsetid("", 21)],
    )
    proto = model(
        [node("Twice", ["x"], ["y"], domain="own")],
        {"x": [4]},
        ["y"],
        functions=[body],
        domains={"own": 1},
    )
    assert "onnx.Add" in printed(read(proto))


def test_functions_that_call_themselves() -> None:
    body = onnx.helper.make_function(
        "own",
        "Loop",
        ["a"],
        ["b"],
        [node("Loop", ["a"], ["b"], domain="own")],
        [onnx.helper.make_opsetid("", 21), onnx.helper.make_opsetid("own", 1)],
    )
    proto = model(
        [node("Loop", ["x"], ["y"], domain="own")],
        {"x": [4]},
        ["y"],
        functions=[body],
        domains={"own": 1},
    )
    assert (
        problems(proto) == ["error: functions of the model call themselves: Loop"]
        or "Loop" in (problems(proto)[0])
    )


def test_all_problems_at_once() -> None:
    proto = model(
        [
            node("NonMaxSuppression", ["x", "x"], ["a"], name="first"),
            node("Add", ["x", "z"], ["b"], name="second"),
            node("Relu", ["x"], ["c"], name="third", alpha=1.0),
            node("Conv", ["x", "w"], ["d"], name="fourth", group="two"),
            node("Add", ["a", "b"], ["y"]),
        ],
        {"x": [2, 4], "z": [3, 4]},
        ["y"],
        {"w": np.ones((1, 1, 1, 1), np.float32)},
    )
    lines = problems(proto)
    assert len(lines) == 4
    assert '"first": NonMaxSuppression (operator set 21): this operator' in lines[0]
    assert '"second": Add (operator set 21): Incompatible dimensions' in lines[1]
    assert '"third": Relu (operator set 21): it has no attribute alpha' in lines[2]
    assert "expected group to be an integer, got a string" in lines[3]


def test_circles_and_tensors_from_nowhere() -> None:
    proto = model(
        [
            node("Add", ["x", "b"], ["a"]),
            node("Relu", ["a"], ["b"]),
            node("Add", ["b", "nothing"], ["y"]),
        ],
        {"x": [4]},
        ["y", "other"],
    )
    lines = "\n".join(problems(proto))
    assert 'nothing makes the tensor "nothing"' in lines
    assert '"other": output: nothing makes it' in lines
    assert '"a": Add: it needs its own result' in lines


def test_shapes_that_contradict_the_operators() -> None:
    proto = relu()
    proto.graph.output[0].CopyFrom(value("y", [1, 5]))
    assert "it is tensor<1x4xf32>, and the file says tensor<1x5xf32>" in problems(proto)[0]


@pytest.mark.parametrize("last", ["c", ""])
def test_more_results_than_a_split_has_parts(last: str) -> None:
    """ONNX's own inference ends the program for these."""
    split = node("Split", ["x"], ["a", "b", last], axis=1, num_outputs=2)
    (line,) = problems(model([split], {"x": [1, 4]}, ["a"], opset=21))
    assert "expected 2 results, got 3" in line


@pytest.mark.parametrize("data", [b"", b"\x00", b"TFL3" * 10, b"\xff" * 100, b"\x08\x03"])
def test_no_protocol_buffer(data: bytes) -> None:
    assert "this is not a valid ONNX file" in problems(data)[0]


def test_cut_and_changed_files() -> None:
    data = model(
        [node("Conv", ["x", "w"], ["y"])],
        {"x": [1, 2, 5, 5]},
        ["y"],
        {"w": random_weights(0)(3, 2, 3, 3)},
    ).SerializeToString()
    rng = np.random.default_rng(0)
    for _ in range(200):
        broken = bytearray(data[: rng.integers(1, len(data) + 1)])
        for place in rng.integers(0, len(broken), 3):
            broken[place] = rng.integers(0, 256)
        try:
            import_onnx(bytes(broken))
        except FrontendError as error:
            assert str(error)


@pytest.mark.parametrize("opset", [0, 999])
def test_operator_sets_that_are_not_known(opset: int) -> None:
    assert f"got {opset}" in problems(relu(opset))[0]


def test_wrong_sizes_of_constants() -> None:
    proto = model(
        [node("Add", ["x", "b"], ["y"])], {"x": [4]}, ["y"], {"b": np.ones(4, np.float32)}
    )
    proto.graph.initializer[0].dims[0] = 1 << 40
    assert '"b": initializer: expected dimensions of a tensor' in problems(proto)[0]
    proto.graph.initializer[0].dims[0] = 5
    assert '"b": initializer: expected 5 elements' in problems(proto)[0]


def external(location: str, **entries: str) -> onnx.ModelProto:
    proto = model(
        [node("Add", ["x", "b"], ["y"])], {"x": [4]}, ["y"], {"b": np.arange(4, dtype=np.float32)}
    )
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, entry in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=entry)
    return proto


def test_weights_in_another_file(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"xx" + np.arange(4, dtype="<f4").tobytes())
    proto = external("weights.bin", offset="2", length="16")
    module = read(proto, path=tmp_path / "model.onnx")
    assert "dense<[0.000000e+00, 1.000000e+00, 2.000000e+00, 3.000000e+00]>" in printed(module)


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("../secret", "not below the model's own folder"),
        ("/etc/passwd", "not below the model's own folder"),
        ("link", "not below the model's own folder"),
        ("missing", "No such file"),
        ("short", "not within the file"),
    ],
)
def test_weights_that_are_elsewhere(tmp_path: Path, location: str, said: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(16))
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "short").write_bytes(bytes(8))
    lines = problems(external(location, length="16"), path=folder / "model.onnx")
    assert said in lines[0]


def test_weights_of_a_model_that_is_in_no_file() -> None:
    assert "the model comes from none" in problems(external("weights.bin"))[0]


def test_shape_arithmetic_is_folded() -> None:
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Gather", ["shape", "zero"], ["batch"]),
        node("Unsqueeze", ["batch", "axes"], ["first"]),
        node("Concat", ["first", "rest"], ["wanted"], axis=0),
        node("Reshape", ["x", "wanted"], ["y"]),
    ]
    constants = {
        "zero": np.asarray(0, np.int64),
        "axes": np.asarray([0], np.int64),
        "rest": np.asarray([-1], np.int64),
    }
    proto = model(nodes, {"x": [2, 3, 4]}, ["y"], constants)
    module = read(proto)
    OnnxToNnPass().apply(Context(), module)
    assert [op.name for op in module.walk()][2:] == ["nn.reshape", "func.return"]
    x = random_weights(0)(2, 3, 4)
    assert np.array_equal(run(module, [x]).outputs[0], reference(proto, [x])[0])


def test_operators_that_are_defined_by_others() -> None:
    proto = model(
        [node("Attention", ["q", "k", "v", "mask"], ["y"], name="heads", is_causal=1)],
        {"q": [1, 2, 3, 4], "k": [1, 2, 5, 4], "v": [1, 2, 5, 4], "mask": [3, 5]},
        ["y"],
        opset=23,
    )
    module = read(proto)
    text = printed(module)
    assert "onnx.MatMul" in text and 'loc("y")' in text and 'loc("y/' in text
    OnnxToNnPass().apply(Context(), module)
    weights = random_weights(5)
    inputs = [weights(1, 2, 3, 4), weights(1, 2, 5, 4), weights(1, 2, 5, 4), weights(3, 5)]
    difference = run(module, inputs).outputs[0] - reference(proto, inputs)[0]
    assert np.abs(difference).max() < 1e-6
