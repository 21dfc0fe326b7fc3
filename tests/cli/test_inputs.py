"""What files and generators of samples mean, and what is refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from nnc import inputs
from nnc.inputs import read_inputs
from nnc.outputs import as_npz
from nnc.passes.diagnostics import UsageError
from nnc.tensors import Tensor

INT8 = Tensor("x", (1, 2, 3), np.dtype(np.int8), 0.5, -10, (-128, 127))
FLOAT = Tensor("x", (1, 2, 3), np.dtype(np.float32))
INDEX = Tensor("i", (4,), np.dtype(np.int32))
BINARY = Tensor("b", (2, 40), np.dtype(np.bool_), is_binary=True)


def npz(path: Path, **arrays: npt.NDArray[Any]) -> str:
    path.write_bytes(as_npz(arrays))
    return str(path)


def test_stored_values_stay(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.int8).reshape(1, 2, 3)
    samples = read_inputs(npz(tmp_path / "a.npz", x=array), [INT8])
    assert (samples.inputs[0][0] == array).all()
    assert samples.notes == []


def test_floats_are_real_values(tmp_path: Path) -> None:
    array = np.array([[[0.25, -0.25, 0.24], [1e9, -1e9, 0]]])
    samples = read_inputs(npz(tmp_path / "a.npz", x=array), [INT8])
    assert samples.inputs[0][0].tolist() == [[[-9, -11, -10], [127, -128, -10]]]
    assert samples.inputs[0][0].dtype == np.int8
    assert samples.notes == ["input 'x': float values were quantised to int8"]


def test_float_input_takes_numbers_of_all_kinds(tmp_path: Path) -> None:
    for kind in (np.uint8, np.float64, np.int64):
        array = np.arange(6).reshape(1, 2, 3).astype(kind)
        (sample,) = read_inputs(npz(tmp_path / "a.npz", x=array), [FLOAT]).inputs
        assert sample[0].dtype == np.float32 and (sample[0] == array).all()


@pytest.mark.parametrize(
    ("tensor", "shape", "count"),
    [
        (INT8, (1, 2, 3), 1),
        (INT8, (5, 2, 3), 5),
        (INT8, (5, 1, 2, 3), 5),
        (INDEX, (4,), 1),
        (INDEX, (7, 4), 7),
        (Tensor("s", (), np.dtype(np.float32)), (3,), 3),
    ],
)
def test_samples(tmp_path: Path, tensor: Tensor, shape: tuple[int, ...], count: int) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape, tensor.dtype))
    samples = read_inputs(str(tmp_path / "a.npy"), [tensor]).inputs
    assert [array.shape for (array,) in samples] == [tensor.shape] * count


def test_several_inputs(tmp_path: Path) -> None:
    x, i = np.zeros((3, 2, 3), np.int8), np.arange(12, dtype=np.int64).reshape(3, 4)
    samples = read_inputs(npz(tmp_path / "a.npz", x=x, i=i), [INT8, INDEX]).inputs
    assert [sample[1].tolist() for sample in samples] == i.tolist()
    assert samples[0][1].dtype == np.int32


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((1, 2, 3), np.uint8), "expected int8 (real = 0.5 * (stored - -10)) or real"),
        (np.zeros((1, 3, 2), np.int8), "expected the shape (1, 2, 3) or (N, 2, 3), got (1, 3, 2)"),
        (np.zeros((2,), np.int8), "expected the shape"),
        (np.full((1, 2, 3), np.nan), "got NaN"),
        (np.zeros((1, 2, 3), np.complex64), "got complex64"),
    ],
)
def test_wrong_arrays(tmp_path: Path, array: npt.NDArray[Any], message: str) -> None:
    with pytest.raises(UsageError) as error:
        read_inputs(npz(tmp_path / "a.npz", x=array), [INT8])
    assert message in str(error.value)
    assert "input 'x'" in str(error.value)


def test_all_problems_at_once(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", y=np.zeros((1, 2, 3), np.int8), i=np.zeros(4, np.float32))
    with pytest.raises(UsageError) as error:
        read_inputs(path, [INT8, INDEX])
    assert str(error.value).splitlines() == [
        f"{path}: no array for the input 'x'; it has y, i",
        f"{path}: input 'i': expected int32, got float32",
    ]


def test_one_array_of_many(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", y=np.zeros((4, 2, 3), np.int8), labels=np.zeros(4))
    assert len(read_inputs(f"{path}:y", [INT8]).inputs) == 4
    with pytest.raises(UsageError, match="no array 'label'; did you mean 'labels'"):
        read_inputs(f"{path}:label", [INT8])
    with pytest.raises(UsageError, match="several inputs"):
        read_inputs(f"{path}:y", [INT8, INDEX])


def test_as_many_samples_of_each(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", x=np.zeros((3, 2, 3), np.int8), i=np.zeros((2, 4), np.int32))
    with pytest.raises(UsageError, match="as many samples for each input, got x: 3, i: 2"):
        read_inputs(path, [INT8, INDEX])


def test_no_samples_are_too_few(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((0, 2, 3), np.int8))
    with pytest.raises(UsageError, match="expected at least one sample, got none"):
        read_inputs(str(tmp_path / "a.npy"), [INT8])


def test_values_that_do_not_fit(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", i=np.array([0, 0, 0, 1 << 40], np.int64))
    with pytest.raises(UsageError, match="expected int32, got int64"):
        read_inputs(path, [INDEX])


@pytest.mark.parametrize("name", ["a.npz", "a.npy", "a.png"])
def test_files_that_are_something_else(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK\3\4 not what its name says")
    pixels = Tensor("x", (1, 2, 3, 1), np.dtype(np.uint8))
    with pytest.raises(UsageError, match="got"):
        read_inputs(str(tmp_path / name), [pixels])


def test_pickles_are_not_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([print], object), allow_pickle=True)
    with pytest.raises(UsageError, match=r"expected a \.npy file"):
        read_inputs(str(tmp_path / "a.npy"), [FLOAT])


def header(shape: tuple[int, ...]) -> bytes:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"
    padded = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded.encode()


def test_bombs_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "LARGEST_ARRAYS", 1 << 20)
    path = npz(tmp_path / "a.npz", x=np.zeros((1 << 18) + 1, np.float32))
    with pytest.raises(UsageError, match="at most 1 MiB"):
        read_inputs(path, [FLOAT])
    np.save(tmp_path / "a.npy", np.zeros((1 << 18) + 1, np.float32))
    with pytest.raises(UsageError, match="at most 1 MiB"):
        read_inputs(str(tmp_path / "a.npy"), [FLOAT])


@pytest.mark.parametrize("size", [7, 1 << 40, 1 << 62, 1 << 80])
def test_a_header_that_lies(tmp_path: Path, size: int) -> None:
    data = header((size,))
    (tmp_path / "a.npy").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", data)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(UsageError, match="got another one"):
            read_inputs(str(tmp_path / name), [FLOAT])


@pytest.mark.parametrize("source", ["random:1", "random:x:2", "smooth:0:0", "a.csv", "random:-1:2"])
def test_sources_that_do_not_exist(source: str) -> None:
    with pytest.raises(UsageError, match="expected"):
        read_inputs(source, [FLOAT])


@pytest.mark.parametrize("kind", ["random", "smooth"])
@pytest.mark.parametrize("tensor", [INT8, FLOAT, INDEX, BINARY])
def test_generated_samples(kind: str, tensor: Tensor) -> None:
    first, again = (read_inputs(f"{kind}:3:5", [tensor]).inputs for _ in range(2))
    assert len(first) == 5
    assert all(a[0].tobytes() == b[0].tobytes() for a, b in zip(first, again, strict=True))
    assert all((s[0].shape, s[0].dtype) == (tensor.shape, tensor.dtype) for s in first)
    other = read_inputs(f"{kind}:4:5", [tensor]).inputs
    assert first[0][0].tobytes() != other[0][0].tobytes()


PIXELS = np.arange(18, dtype=np.uint8).reshape(1, 2, 3, 3) * 14


@pytest.fixture
def image(tmp_path: Path) -> str:
    Image.fromarray(PIXELS[0]).save(tmp_path / "a.png")
    return str(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("tensor", "scale", "expected"),
    [
        (Tensor("x", PIXELS.shape, np.dtype(np.uint8)), None, PIXELS),
        (Tensor("x", PIXELS.shape, np.dtype(np.int8)), None, PIXELS.astype(np.int16) - 128),
        (Tensor("x", PIXELS.shape, np.dtype(np.float32)), None, PIXELS * np.float32(1 / 255)),
        (Tensor("x", PIXELS.shape, np.dtype(np.float32)), 2.0, PIXELS * np.array(2, np.float32)),
        (
            Tensor("x", PIXELS.shape, np.dtype(np.int8), 2.0, -128, (-128, 127)),
            1.0,
            (PIXELS + 1) // 2 - 128.0,
        ),
    ],
)
def test_images(
    image: str, tensor: Tensor, scale: float | None, expected: npt.NDArray[Any]
) -> None:
    ((array,),) = read_inputs(image, [tensor], scale=scale).inputs
    assert array.dtype == tensor.dtype
    assert np.array_equal(array, expected.astype(tensor.dtype))


def test_an_image_has_the_channels_that_are_asked_for(image: str) -> None:
    grey = Tensor("x", (1, 2, 3, 1), np.dtype(np.uint8))
    ((array,),) = read_inputs(image, [grey]).inputs
    assert array.shape == (1, 2, 3, 1)


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (Tensor("x", (1, 3, 2, 3), np.dtype(np.uint8)), "expected an image of 2x3 pixels, got 3x2"),
        (Tensor("x", (1, 18), np.dtype(np.uint8)), "takes no image"),
        (Tensor("x", PIXELS.shape, np.dtype(np.int32)), "expected an input of 8 bits or floats"),
    ],
)
def test_images_that_do_not_fit(image: str, tensor: Tensor, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_inputs(image, [tensor])


def test_one_image_is_one_input(image: str) -> None:
    with pytest.raises(UsageError, match=r"several inputs \(x, i\); use a \.npz file"):
        read_inputs(image, [FLOAT, INDEX])


@pytest.mark.parametrize("tensor", [INT8, FLOAT, INDEX, BINARY])
def test_bytes_and_back(tensor: Tensor) -> None:
    ((array,),) = read_inputs("random:0:1", [tensor]).inputs
    data = tensor.to_bytes(array)
    assert len(data) == (16 if tensor is BINARY else array.nbytes)
    assert np.array_equal(tensor.of_bytes(data), array)


def test_outputs_are_stacked_as_inputs_are_read() -> None:
    for tensor in (INT8, INDEX, Tensor("s", (), np.dtype(np.float32))):
        samples = [sample[0] for sample in read_inputs("random:0:3", [tensor]).inputs]
        stacked = tensor.stack(samples)
        assert stacked.shape == (3, *(tensor.shape[1:] if tensor is INT8 else tensor.shape))


def test_npz_is_the_same_bytes_and_any_name() -> None:
    arrays = {"file": np.array([1], np.int8), "a/b:0": np.array(2, np.float32)}
    data = as_npz(arrays)
    assert data == as_npz(arrays)
    with np.load(io.BytesIO(data)) as read:
        assert {name: read[name].tolist() for name in read.files} == {"file": [1], "a/b:0": 2.0}
