"""
What operators meant in older operator sets: defaults, attributes that became operands, flattening.

What is right is written down with numpy, since ONNX's reference implementation knows few of the old
meanings.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from support.compiled import How, run_all
from support.onnx_models import Array, model, node, random_weights
from support.onnx_operators import Operator, ints, one, real
from support.onnx_run import lowered, refusals

FAST = How(flags=("-O0",))

X = real(2, 3, 4)
IMAGE = real(1, 2, 4, 6)


def softmax(x: Array, axis: int | tuple[int, ...]) -> Array:
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def hardmax(x: Array) -> Array:
    """Of rows."""
    return (np.arange(x.shape[1]) == x.argmax(1)[:, None]).astype(np.float32)


def linear(x: Array, axis: int, scale: int) -> Array:
    """Between neighbours, places counted from the edge."""
    places = np.minimum(np.arange(x.shape[axis] * scale) / scale, x.shape[axis] - 1)
    low = places.astype(int)
    high = np.minimum(low + 1, x.shape[axis] - 1)
    shape = [1] * x.ndim
    shape[axis] = -1
    share = (places - low).reshape(shape)
    return x.take(low, axis) * (1 - share) + x.take(high, axis) * share


def blocks(x: Array) -> Array:
    """DepthToSpace of blocks of 2, depth first."""
    n, c, h, w = x.shape
    moved = x.reshape(n, 2, 2, c // 4, h, w).transpose(0, 3, 4, 1, 5, 2)
    return moved.reshape(n, c // 4, h * 2, w * 2)


SLOPE = real(4)
STATISTICS: list[Array | None] = [real(2), real(2), real(2), real(2, low=0.5)]
NORMAL: Array = sum(
    (
        (IMAGE - m.reshape(1, 2, 1, 1))
        / np.sqrt(v.reshape(1, 2, 1, 1) + 1e-5)
        * s.reshape(1, 2, 1, 1)
        + b.reshape(1, 2, 1, 1)
        for s, b, m, v in [[np.asarray(it) for it in STATISTICS]]
    ),
    np.zeros(IMAGE.shape),
)
GROUPS = real(1, 4, 5)
CENTRED = GROUPS.reshape(1, 2, 10) - GROUPS.reshape(1, 2, 10).mean(2, keepdims=True)
WHITE = CENTRED / np.sqrt((CENTRED**2).mean(2, keepdims=True) + 1e-5)
PAIR, FOUR = real(2), real(4)
ORDER = np.sort(X, 2)[:, :, ::-1]

VERSIONS: dict[str, tuple[Operator, list[Array]]] = {
    "softmax 11": (
        Operator("Softmax", [X], opset=11),
        [softmax(X.reshape(2, 12), 1).reshape(X.shape)],
    ),
    "softmax 11 last": (
        Operator("Softmax", [X], [], {"axis": -1}, opset=11),
        [softmax(X, 2)],
    ),
    "softmax 7 first": (
        Operator("Softmax", [X], [], {"axis": 0}, opset=7),
        [softmax(X, (0, 1, 2))],
    ),
    "softmax 13": (Operator("Softmax", [X], opset=13), [softmax(X, 2)]),
    "log softmax 12": (
        Operator("LogSoftmax", [X], opset=12),
        [np.log(softmax(X.reshape(2, 12), 1)).reshape(X.shape)],
    ),
    "hardmax 11": (
        Operator("Hardmax", [X], opset=11),
        [hardmax(X.reshape(2, 12)).reshape(X.shape)],
    ),
    "hardmax 13": (
        Operator("Hardmax", [X], opset=13),
        [hardmax(X.reshape(6, 4)).reshape(X.shape)],
    ),
    "clip 6": (
        Operator("Clip", [X], [], {"min": -0.5, "max": 1.0}, opset=7),
        [np.clip(X, -0.5, 1)],
    ),
    "clip 6 below": (Operator("Clip", [X], [], {"min": 0.25}, opset=10), [np.maximum(X, 0.25)]),
    "clip 6 open": (Operator("Clip", [X], opset=10), [X]),
    "clip 11": (Operator("Clip", [X], [None, one(0.5)], opset=11), [np.minimum(X, 0.5)]),
    "upsample 7": (
        Operator("Upsample", [IMAGE], [], {"scales": [1.0, 1.0, 2.0, 3.0]}, opset=7),
        [IMAGE.repeat(2, 2).repeat(3, 3)],
    ),
    "upsample 9": (
        Operator(
            "Upsample",
            [IMAGE],
            [np.asarray([1, 1, 2, 2], np.float32)],
            {"mode": "linear"},
            opset=9,
        ),
        [linear(linear(IMAGE, 2, 2), 3, 2)],
    ),
    "resize 10": (
        Operator("Resize", [IMAGE], [np.asarray([1, 1, 0.5, 2], np.float32)], opset=10),
        [IMAGE[:, :, ::2].repeat(2, 3)],
    ),
    "resize 10 linear": (
        Operator(
            "Resize",
            [IMAGE],
            [np.asarray([1, 1, 1, 3], np.float32)],
            {"mode": "linear"},
            opset=10,
        ),
        [linear(IMAGE, 3, 3)],
    ),
    "dropout 7": (
        Operator("Dropout", [X], [], {"ratio": 0.3}, 2, opset=7),
        [X, np.ones(X.shape, np.float32)],
    ),
    "dropout 10": (
        Operator("Dropout", [X], [], {"ratio": 0.3}, 2, opset=10),
        [X, np.ones(X.shape, bool)],
    ),
    "dropout 12": (
        Operator("Dropout", [X], [one(0.3)], {}, 2, opset=12),
        [X, np.ones(X.shape, bool)],
    ),
    "normalisation 7": (
        Operator("BatchNormalization", [IMAGE], STATISTICS, {"spatial": 1}, opset=7),
        [NORMAL],
    ),
    "normalisation 9": (Operator("BatchNormalization", [IMAGE], STATISTICS, opset=9), [NORMAL]),
    "groups 18": (
        Operator("GroupNormalization", [GROUPS], [PAIR, PAIR], {"num_groups": 2}, opset=18),
        [(WHITE * PAIR.reshape(1, 2, 1) + PAIR.reshape(1, 2, 1)).reshape(1, 4, 5)],
    ),
    "groups 21": (
        Operator("GroupNormalization", [GROUPS], [FOUR, FOUR], {"num_groups": 2}, opset=21),
        [WHITE.reshape(1, 4, 5) * FOUR.reshape(1, 4, 1) + FOUR.reshape(1, 4, 1)],
    ),
    "pad 2": (
        Operator("Pad", [X], [], {"pads": [0, 1, 2, 1, 0, 0], "value": 1.5}, opset=7),
        [np.pad(X, ((0, 1), (1, 0), (2, 0)), constant_values=1.5)],
    ),
    "pad 2 reflected": (
        Operator("Pad", [X], [], {"pads": [0, 1, 2, 0, 1, 1], "mode": "reflect"}, opset=10),
        [np.pad(X, ((0, 0), (1, 1), (2, 1)), mode="reflect")],
    ),
    "pad 11": (
        Operator("Pad", [X], [ints(0, 0, 1, 0, 0, 1)], opset=11),
        [np.pad(X, ((0, 0), (0, 0), (1, 1)))],
    ),
    "slice 1": (
        Operator(
            "Slice", [X], [], {"starts": [1, -3], "ends": [3, 1000], "axes": [1, 2]}, opset=9
        ),
        [X[:, 1:3, -3:]],
    ),
    "slice 1 all": (
        Operator("Slice", [X], [], {"starts": [0, 1], "ends": [1, 3]}, opset=7),
        [X[0:1, 1:3]],
    ),
    "slice 10": (
        Operator("Slice", [X], [ints(3), ints(-5), ints(2), ints(-1)], opset=10),
        [X[:, :, 3:-5:-1]],
    ),
    "squeeze 1": (
        Operator("Squeeze", [X.reshape(1, 6, 1, 4)], [], {"axes": [2]}, opset=7),
        [X.reshape(1, 6, 4)],
    ),
    "squeeze 11": (
        Operator("Squeeze", [X.reshape(1, 6, 4, 1)], [], {"axes": [-1]}, opset=11),
        [X.reshape(1, 6, 4)],
    ),
    "unsqueeze 1": (
        Operator("Unsqueeze", [X], [], {"axes": [0, 2]}, opset=7),
        [X[None, :, None]],
    ),
    "reduce 1": (
        Operator("ReduceSum", [X], [], {"axes": [0, -1], "keepdims": 0}, opset=11),
        [X.sum((0, 2))],
    ),
    "reduce 13": (
        Operator("ReduceMean", [X], [], {"axes": [1]}, opset=13),
        [X.mean(1, keepdims=True)],
    ),
    "reduce 18": (Operator("ReduceMax", [X], [ints(1)], opset=18), [X.max(1, keepdims=True)]),
    "top 1": (
        Operator("TopK", [X], [], {"k": 2}, 2, opset=7),
        [ORDER[:, :, :2], np.argsort(-X, 2)[:, :, :2]],
    ),
    "top 10": (
        Operator("TopK", [X], [ints(3)], {}, 2, opset=10),
        [ORDER[:, :, :3], np.argsort(-X, 2)[:, :, :3]],
    ),
    "split 2": (
        Operator("Split", [X], [], {"axis": 2, "split": [1, 3]}, 2, opset=7),
        [X[:, :, :1], X[:, :, 1:]],
    ),
    "split 11": (Operator("Split", [X], [], {}, 2, opset=11), [X[:1], X[1:]]),
    "depth 1": (
        Operator("DepthToSpace", [real(1, 8, 2, 3)], [], {"blocksize": 2}, opset=7),
        [],
    ),
    "slope 7": (Operator("PRelu", [X], [SLOPE], opset=7), [np.where(X < 0, X * SLOPE, X)]),
    "scatter 9": (
        Operator("Scatter", [X[0]], [ints(0, 3).reshape(1, 2), one(9).repeat(2).reshape(1, 2)],
            {"axis": 1}, opset=9),
        [np.where((np.arange(12) == 0) | (np.arange(12) == 3), 9, X[0].ravel()).reshape(3, 4)],
    ),
}  # fmt: skip


def test_old_meanings() -> None:
    versions = dict(VERSIONS)
    depth, _ = versions["depth 1"]
    versions["depth 1"] = depth, [blocks(depth.inputs[0])]
    cases = [(lowered(row.model()), [row.inputs]) for row, _ in versions.values()]
    wrong: list[str] = []
    for (name, (_, expected)), runs in zip(versions.items(), run_all(cases, FAST), strict=True):
        outputs = runs[0].outputs
        assert len(outputs) == len(expected), name
        for found, right in zip(outputs, expected, strict=True):
            same = found.shape == right.shape and found.dtype.kind == right.dtype.kind
            if not same or not np.allclose(found, right, 1e-5, 1e-6):
                wrong.append(f"{name}: {found} instead of {right}")
    assert not wrong, "\n".join(wrong)


def test_statistics_of_every_element() -> None:
    row = Operator("BatchNormalization", [IMAGE], STATISTICS, {"spatial": 0}, opset=7)
    (line,) = refusals(row.model())
    assert "BatchNormalization (since operator set 7)" in line
    assert "expected statistics of channels" in line


@pytest.mark.parametrize("ratio", [0.0, 0.5])
def test_dropping_in_training(ratio: float) -> None:
    row = Operator("Dropout", [X], [one(ratio), np.asarray(True)])
    if ratio:
        (line,) = refusals(row.model())
        assert "it drops random elements; a model that is exported for inference works" in line
    else:
        (run,) = run_all([(lowered(row.model()), [[X]])], FAST)
        assert np.array_equal(run[0].outputs[0], X)


def test_a_pad_of_a_computed_number() -> None:
    nodes = [
        node("ReduceMin", ["x"], ["low"], keepdims=0),
        node("Pad", ["x", "pads", "low", "axes"], ["y"]),
    ]
    constants = {"pads": ints(1, -1, 2, 2), "axes": ints(0, -1)}
    proto = model(nodes, {"x": [2, 3, 4]}, ["y"], constants)
    (run,) = run_all([(lowered(proto), [[X]])], FAST)
    right = np.pad(X[:, :, 1:], ((1, 2), (0, 0), (0, 2)), constant_values=X.min())
    assert np.array_equal(run[0].outputs[0], right)


def test_double_precision_inside_a_model() -> None:
    nodes = [
        node("Cast", ["x"], ["wide"], to=onnx.TensorProto.DOUBLE),
        node("Mul", ["wide", "factor"], ["scaled"]),
        node("Softmax", ["scaled"], ["shares"]),
        node("Cast", ["shares"], ["y"], to=onnx.TensorProto.FLOAT),
    ]
    proto = model(nodes, {"x": [2, 3, 4]}, ["y"], {"factor": np.asarray(0.5, np.float64)})
    module = lowered(proto)
    assert "computed in float32" in str(module)
    (run,) = run_all([(module, [[X]])], FAST)
    np.testing.assert_allclose(run[0].outputs[0], softmax(X * 0.5, 2), rtol=1e-5)
    (line,) = refusals(model(nodes[:3], {"x": [2, 3, 4]}, ["shares"], {"factor": np.asarray(0.5)}))
    assert "outputs in double precision are not supported; a Cast to float32 works" in line


def test_numbers_of_blocks() -> None:
    codes, scales = real(2, 6, low=-99, high=99).astype(np.int8), np.abs(random_weights(1)(2, 3))
    row = Operator("DequantizeLinear", [codes], [scales], {"block_size": 2, "axis": 1})
    (run,) = run_all([(lowered(row.model()), [[codes]])], FAST)
    assert np.array_equal(run[0].outputs[0], codes * scales.repeat(2, 1))


def test_regions_of_images() -> None:
    """Cut out and resized; beyond the image there is another number."""
    roi = np.asarray([0.25, -0.5, 1.5, 1.0], np.float32)
    attributes: dict[str, Any] = {
        "coordinate_transformation_mode": "tf_crop_and_resize",
        "extrapolation_value": 7.0,
        "axes": [2, 3],
    }
    rows = [
        Operator("Resize", [IMAGE], [roi, None, ints(5, 4)], {**attributes, "mode": mode})
        for mode in ("linear", "nearest")
    ]
    runs = run_all([(lowered(row.model()), [[IMAGE]]) for row in rows], FAST)
    y, x = 0.75 + np.arange(5) * 1.25 * 3 / 4, -2.5 + np.arange(4) * 1.5 * 5 / 3
    outside = ((y < 0) | (y > 3))[:, None] | ((x < 0) | (x > 5))[None]
    nearest = IMAGE[:, :, np.ceil(y - 0.5).clip(0, 3).astype(int)]
    nearest = nearest[:, :, :, np.ceil(x - 0.5).clip(0, 5).astype(int)]
    assert np.array_equal(runs[1][0].outputs[0], np.where(outside, 7, nearest))
    found = runs[0][0].outputs[0]
    assert (found[:, :, outside] == 7).all()
    interp: Any = np.interp
    rows_of: Array = np.stack([interp(y, np.arange(4), column) for column in IMAGE[0, 0].T], 1)
    whole: Array = np.stack([interp(x, np.arange(6), row) for row in rows_of])
    np.testing.assert_allclose(found[0, 0], np.where(outside, 7, whole), rtol=1e-5)
