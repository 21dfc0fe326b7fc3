"""Options of custom operators: what a flexbuffer writer wrote, and what nobody should have."""

from __future__ import annotations

from typing import Any

import pytest
from flatbuffers import flexbuffers
from hypothesis import given
from hypothesis import strategies as st
from support.project import ROOT
from support.tflite_builder import ModelBuilder

from nnc.frontends.errors import FrontendError
from nnc.frontends.flatbuffer import FlatbufferError
from nnc.frontends.flexbuffer import read_integers
from nnc.frontends.tflite import import_tflite

NUMBERS = st.one_of(st.booleans(), st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-200, 200))
NAMES = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=8)


def written(values: dict[str, Any]) -> bytes:
    """What the flatbuffers package writes for a map."""
    builder: Any = flexbuffers.Builder()
    builder.MapFromElements(values)
    return bytes(builder.Finish())


@given(st.dictionaries(NAMES, NUMBERS, max_size=12))
def test_reads_what_was_written(values: dict[str, int]) -> None:
    assert read_integers(written(values)) == {name: int(value) for name, value in values.items()}


@given(st.binary(max_size=40))
def test_any_bytes(data: bytes) -> None:
    try:
        read_integers(data)
    except FlatbufferError:
        return


@given(st.dictionaries(NAMES, NUMBERS, min_size=1, max_size=4), st.data())
def test_broken_bytes(values: dict[str, int], data: st.DataObject) -> None:
    broken = bytearray(written(values))
    for _ in range(data.draw(st.integers(1, 3))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_integers(bytes(broken))
    except FlatbufferError:
        return


@pytest.mark.parametrize("values", [[1, 2], {"a": "text"}, {"a": 1.5}, {"a": [1]}, 7])
def test_refuses_other_contents(values: Any) -> None:
    builder: Any = flexbuffers.Builder()
    builder.Add(values)
    with pytest.raises(FlatbufferError, match="expected options that are"):
        read_integers(bytes(builder.Finish()))


def pool(options: bytes) -> bytes:
    """A model with one binary pooling."""
    model = ModelBuilder()
    x = model.input("x", (1, 4, 4, 2), "i32")
    y = model.tensor((1, 2, 2, 2), "i32", name="pooled")
    model.custom("LceBMaxPool2d", [x], [y], options)
    model.output(y)
    return model.build()


POOL = {"filter_height": 2, "filter_width": 2, "padding": 1, "stride_height": 2, "stride_width": 2}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (b"", "expected options of at least 3 bytes, got 0"),
        (written({**POOL, "padding": 9}), "expected padding to be one of SAME, VALID, got 9"),
        (written({"padding": 1}), "expected options filter_height, filter_width"),
        (written({**POOL, "stride_width": 1 << 40}), "expected stride_width of 32 bits"),
        (written({**POOL, "filter_width": 0}), "expected filter_width of at least 1, got 0"),
    ],
)
def test_bad_options_of_an_operator(options: bytes, reason: str) -> None:
    with pytest.raises(FrontendError, match=reason) as caught:
        import_tflite(pool(options))
    assert len(caught.value.problems) == 1
    assert 'layer "pooled": LceBMaxPool2d: ' in str(caught.value)


def test_operators_of_the_fixtures_are_read() -> None:
    text = str(import_tflite((ROOT / "tests/data/lce/network.tflite").read_bytes()))
    for name in ("larq.lce_quantize", "larq.lce_bconv2d"):
        assert name in text
    assert "tfl.custom" not in text
