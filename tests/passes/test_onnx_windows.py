"""
Windows over one to three axes against ONNX's reference implementation, through the generated C:
convolutions, pooling, the places of maxima.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.compiled import WHOLE, How, run_all
from support.onnx_models import Array, model, node, random_weights, reference, value
from support.onnx_run import lowered, refusals

from nnc.dialects.nn.conversion import DequantizeOp
from nnc.dialects.nn.convolution import Conv2DOp

FAST = How(flags=("-O0",))


def check(protos: list[onnx.ModelProto], inputs: list[list[Array]], how: How = FAST) -> None:
    """All models in one library; floats as near as sums in another order are."""
    cases = [(lowered(proto), [sample]) for proto, sample in zip(protos, inputs, strict=True)]
    for proto, sample, runs in zip(protos, inputs, run_all(cases, how), strict=True):
        for found, right in zip(runs[0].outputs, reference(proto, sample), strict=True):
            assert found.shape == right.shape
            assert found.dtype == right.dtype
            np.testing.assert_allclose(found, right, rtol=2e-5, atol=2e-5)


VOLUMES: dict[str, dict[str, Any]] = {
    "plain": {},
    "strides": {"strides": [2, 1, 2], "pads": [1, 0, 2, 0, 1, 1]},
    "dilations": {"dilations": [2, 1, 2], "pads": [1, 1, 1, 1, 1, 1]},
    "groups": {"group": 2, "strides": [1, 2, 1]},
    "channels": {"group": 4, "pads": [1, 1, 1, 1, 1, 1]},
    "same": {"auto_pad": "SAME_UPPER", "strides": [2, 2, 2]},
}


def volume(operator: str, attributes: dict[str, Any], seed: int) -> onnx.ModelProto:
    weights = random_weights(seed)
    groups = attributes.get("group", 1)
    shape = (8, 4 // groups, 2, 3, 2) if operator == "Conv" else (4, 8 // groups, 2, 3, 2)
    constants = {"w": weights(*shape), "b": weights(8)}
    nodes = [node(operator, ["x", "w", "b"], ["y"], **attributes)]
    return model(nodes, {"x": [2, 4, 5, 4, 6]}, ["y"], constants)


def test_convolutions_of_volumes() -> None:
    protos = [volume("Conv", attributes, k) for k, attributes in enumerate(VOLUMES.values())]
    x = random_weights(9)(2, 4, 5, 4, 6)
    check(protos, [[x]] * len(protos))


def transposed_volume(x: Array, proto: onnx.ModelProto, attributes: dict[str, Any]) -> Array:
    """
    ConvTranspose by its definition: every input element puts the kernel into the output, of which
    the padding is cut off. (ONNX's reference has it for one group only.)
    """
    w, b = (cast(Any, onnx.numpy_helper).to_array(it) for it in proto.graph.initializer)
    groups = attributes.get("group", 1)
    strides, dilations = (attributes.get(key, [1] * 3) for key in ("strides", "dilations"))
    extra, pads = attributes.get("output_padding", [0] * 3), attributes.get("pads", [0] * 6)
    extents = [
        (n - 1) * s + (k - 1) * d + 1 + e
        for n, s, k, d, e in zip(x.shape[2:], strides, w.shape[2:], dilations, extra, strict=True)
    ]
    outputs = w.shape[1] * groups
    result = np.zeros((x.shape[0], outputs, *extents), np.float64)
    for place in np.ndindex(*x.shape[2:]):
        for tap in np.ndindex(*w.shape[2:]):
            steps = zip(place, strides, tap, dilations, strict=True)
            at = tuple(p * s + t * d for p, s, t, d in steps)
            pixels = x[(slice(None), slice(None), *place)]
            for group in range(groups):
                own = slice(group * x.shape[1] // groups, (group + 1) * x.shape[1] // groups)
                kernel = w[(own, slice(None), *tap)]
                made = slice(group * w.shape[1], (group + 1) * w.shape[1])
                result[(slice(None), made, *at)] += pixels[:, own] @ kernel
    cut = tuple(slice(pads[k], extents[k] - pads[3 + k]) for k in range(3))
    return result[(slice(None), slice(None), *cut)] + b.reshape(-1, 1, 1, 1)


SPREAD: dict[str, dict[str, Any]] = {
    "plain": {},
    "strides": {"strides": [2, 1, 2], "pads": [1, 0, 1, 0, 1, 1]},
    "cut": {"strides": [3, 2, 1], "pads": [2, 1, 0, 1, 0, 1]},
    "dilations": {"dilations": [2, 1, 2], "strides": [1, 2, 1]},
    "extra": {"strides": [2, 2, 2], "output_padding": [1, 0, 1], "group": 2},
}


def test_transposed_convolutions_of_volumes() -> None:
    protos = [volume("ConvTranspose", it, k) for k, it in enumerate(SPREAD.values())]
    x = random_weights(8)(2, 4, 5, 4, 6)
    runs = run_all([(lowered(proto), [[x]]) for proto in protos], FAST)
    for proto, attributes, run in zip(protos, SPREAD.values(), runs, strict=True):
        right = transposed_volume(x, proto, attributes)
        assert run[0].outputs[0].shape == right.shape
        np.testing.assert_allclose(run[0].outputs[0], right, rtol=2e-5, atol=2e-5)


def test_quantised_volumes_are_one_layer() -> None:
    rng: Any = np.random.default_rng(1)
    constants = {
        "s": np.asarray(0.05, np.float32),
        "z": np.asarray(3, np.int8),
        "w": rng.integers(-127, 128, (6, 4, 2, 3, 3)).astype(np.int8),
        "ws": rng.uniform(0.01, 0.02, 6).astype(np.float32),
        "wz": np.zeros(6, np.int8),
        "ys": np.asarray(0.6, np.float32),
    }
    # The reference has QLinearConv for planes only: these pairs are what it means.
    nodes = [
        node("DequantizeLinear", ["x", "s", "z"], ["xr"]),
        node("DequantizeLinear", ["w", "ws", "wz"], ["wr"], axis=0),
        node("Conv", ["xr", "wr"], ["yr"], pads=[1, 1, 1, 1, 1, 1]),
        node("QuantizeLinear", ["yr", "ys", "z"], ["y"]),
    ]
    proto = model(nodes, [value("x", [1, 4, 4, 5, 3], "i8")], ["y"], constants)
    x = rng.integers(-128, 128, (1, 4, 4, 5, 3)).astype(np.int8)
    module = lowered(proto, "nn-fuse-qdq")
    names = [type(op) for op in module.walk()]
    assert names.count(Conv2DOp) == 1 and DequantizeOp not in names
    (run,) = run_all([(module, [[x]])], WHOLE)
    error = run[0].outputs[0].astype(int) - reference(proto, [x])[0].astype(int)
    assert np.abs(error).max() <= 1 and (error != 0).mean() < 0.01


POOLS = ("MaxPool", "AveragePool", "LpPool")


@st.composite
def pools(draw: st.DrawFn) -> tuple[str, list[int], dict[str, Any]]:
    rank = draw(st.integers(1, 3))
    operator = draw(st.sampled_from(POOLS))
    some = st.integers(1, 3)
    kernel, strides, dilations = (
        draw(st.lists(some, min_size=rank, max_size=rank)) for _ in range(3)
    )
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    # A padding below the kernel, so that every window sees the input.
    pads = [draw(st.integers(0, (k - 1) // 2)) for k in kernel] * 2
    spatial = [draw(st.integers(r, r + 4)) for r in reach]
    attributes: dict[str, Any] = {
        "kernel_shape": kernel,
        "strides": strides,
        "dilations": dilations,
        "pads": pads,
    }
    if operator == "AveragePool":
        attributes["count_include_pad"] = draw(st.integers(0, 1))
    return operator, [draw(st.integers(1, 2)), 3, *spatial], attributes


@given(st.lists(pools(), min_size=30, max_size=30))
@settings(max_examples=2)
def test_pooling(drawn: list[tuple[str, list[int], dict[str, Any]]]) -> None:
    protos = [
        model([node(operator, ["x"], ["y"], **attributes)], {"x": shape}, ["y"], opset=22)
        for operator, shape, attributes in drawn
    ]
    check(protos, [[random_weights(k)(*shape)] for k, (_, shape, _) in enumerate(drawn)])


def unpadded_maxima(x: Array, attributes: dict[str, Any]) -> tuple[Array, Array]:
    """MaxPool with places by its definition, in two spatial axes."""
    (kh, kw), (sh, sw) = attributes["kernel_shape"], attributes["strides"]
    (dh, dw), pads = attributes.get("dilations", [1, 1]), attributes.get("pads", [0] * 4)
    batch, channels, height, width = x.shape
    rows = (height + pads[0] + pads[2] - (kh - 1) * dh - 1) // sh + 1
    columns = (width + pads[1] + pads[3] - (kw - 1) * dw - 1) // sw + 1
    values = np.zeros((batch, channels, rows, columns), x.dtype)
    places = np.zeros(values.shape, np.int64)
    for n, c, oy, ox in np.ndindex(*values.shape):
        taps = [
            (y, column)
            for y in range(oy * sh - pads[0], oy * sh - pads[0] + kh * dh, dh)
            for column in range(ox * sw - pads[1], ox * sw - pads[1] + kw * dw, dw)
            if 0 <= y < height and 0 <= column < width
        ]
        y, column = max(taps, key=lambda tap: x[(n, c, *tap)])
        values[n, c, oy, ox] = x[n, c, y, column]
        inner = y + column * height if attributes.get("storage_order") else y * width + column
        places[n, c, oy, ox] = (n * channels + c) * height * width + inner
    return values, places


@pytest.mark.parametrize("kind", ["float32", "uint8", "int8"])
def test_places_of_maxima(kind: str) -> None:
    """The first of equals, of which there are many among small integers."""
    rng: Any = np.random.default_rng(5)
    x = rng.integers(0, 4, (2, 3, 6, 5)).astype(kind)
    settings: list[dict[str, Any]] = [
        {"kernel_shape": [2, 2], "strides": [2, 2]},
        {"kernel_shape": [3, 3], "strides": [1, 2], "pads": [1, 1, 1, 1]},
        {"kernel_shape": [2, 2], "strides": [1, 1], "dilations": [2, 3], "storage_order": 1},
    ]
    short = {"float32": "f32", "uint8": "u8", "int8": "i8"}[kind]
    protos = [
        model([node("MaxPool", ["x"], ["y", "i"], **it)], [value("x", x.shape, short)], ["y", "i"])
        for it in settings
    ]
    for it, run in zip(settings, run_all([(lowered(p), [[x]]) for p in protos], FAST), strict=True):
        for found, right in zip(run[0].outputs, unpadded_maxima(x, it), strict=True):
            assert np.array_equal(found, right)


def test_places_over_one_axis_and_over_three() -> None:
    x = random_weights(3)(2, 3, 9)
    attributes = {"kernel_shape": [3], "strides": [2], "dilations": [2]}
    proto = model([node("MaxPool", ["x"], ["y", "i"], **attributes)], {"x": x.shape}, ["y", "i"])
    check([proto], [[x]])
    nodes = [node("MaxPool", ["x"], ["y", "i"], kernel_shape=[2, 2, 2])]
    lines = refusals(model(nodes, {"x": [1, 1, 4, 4, 4]}, ["y", "i"]))
    assert lines == [
        'layer "y": MaxPool (since operator set 12): the indices of the maxima over three spatial '
        "axes are not supported; values alone work"
    ]


def test_numbers_go_back_to_their_places() -> None:
    nodes = [
        node("MaxPool", ["x"], ["m", "i"], kernel_shape=[2, 2], strides=[2, 2]),
        node("MaxUnpool", ["m", "i"], ["y"], kernel_shape=[2, 2], strides=[2, 2]),
    ]
    x = random_weights(4)(2, 3, 6, 4)
    check([model(nodes, {"x": x.shape}, ["y"])], [[x]])


def test_integer_convolution_with_a_zero_point_of_run_time() -> None:
    """As ONNX Runtime's dynamic quantisation writes it; the padding is with that zero point."""
    rng: Any = np.random.default_rng(2)
    protos: list[onnx.ModelProto] = []
    for storage in (np.uint8, np.int8):
        info = np.iinfo(storage)
        constants = {
            "w": rng.integers(info.min, info.max + 1, (3, 2, 3, 3)).astype(storage),
            "wz": rng.integers(info.min // 2, info.max // 2, 3).astype(storage),
        }
        nodes = [
            node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
            node("ConvInteger", ["q", "w", "z", "wz"], ["y"], pads=[1, 1, 1, 1]),
        ]
        protos.append(model(nodes, {"x": [1, 2, 6, 5]}, ["y"], constants))
    x = rng.uniform(-1, 2, (1, 2, 6, 5)).astype(np.float32)
    check(protos, [[x]] * 2)
