"""
Where samples come from: files, images, and generators of random ones.

What a file means is decided by its types, never by its values: an array of the input's own type
holds stored values, one of floats real values. Everything else is refused with a hint, because
guessing wrong gives plausible nonsense.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from nnc.passes.diagnostics import UsageError, suggestion
from nnc.tensors import Array, Tensor, describe_type

IMAGES = ("bmp", "jpeg", "jpg", "png")
LARGEST_ARRAYS = 1 << 30
"""Bytes of all arrays of a file; more than that is refused before it is read."""

_BROKEN_ARCHIVE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, OverflowError),
    # A password, an unknown compression, a header that lies about its size.
    *(RuntimeError, MemoryError),
)
_GENERATOR = re.compile(r"(random|smooth):(\d{1,18}):([1-9]\d{0,6})")


@dataclass
class Samples:
    """
    Inputs for each sample, in the order of the network's inputs; `notes` say what was made of
    them. `outputs` has the results that come with the samples, in the model's order of axes: an
    empty list for a sample without, and nothing at all where none has any.
    """

    inputs: list[list[Array]]
    notes: list[str] = field(default_factory=list[str])
    outputs: list[list[Array]] = field(default_factory=list[list[Array]])


def read_inputs(source: str, tensors: Sequence[Tensor], *, scale: float | None = None) -> Samples:
    """
    The samples that `source` names.

    - `random:SEED:N`: N samples, integers uniform over their whole type, floats normal.
    - `smooth:SEED:N`: N samples of low spatial frequency, as images and spectrograms are.
    - FILE.npz: arrays by the names of the inputs. FILE.npy, FILE.npz:NAME: the array of the only
      input.
    - An image: the only input, 1xHxWxC or 1xCxHxW. A real value is `scale` times a pixel; without
      it, pixels are stored as they are in uint8, less 128 in int8, divided by 255 in float.

    - A folder of ONNX test data: see `nnc.onnx_data`.

    Arrays have the shape of the input, in the model's order of axes or, where that is another
    shape, in the network's; or more samples along the batch axis if that is 1, or along an axis
    before all others. Arrays of floats are real values: they are quantised for a quantised
    input. Raises UsageError, OSError.
    """
    if found := _GENERATOR.fullmatch(source):
        seed, count = int(found[2]), int(found[3])
        make = _random if found[1] == "random" else _smooth
        rng = np.random.default_rng(seed)
        return Samples([[make(rng, tensor) for tensor in tensors] for _ in range(count)])
    if source.startswith(("random:", "smooth:")):
        raise UsageError(f"expected {source.partition(':')[0]}:SEED:N, got '{source}'")
    file, is_npz, array = source.rpartition(".npz:")
    path = Path(f"{file}.npz" if is_npz else source)
    extension = path.suffix[1:].lower()
    if path.is_dir():
        return _test_data(path, tensors)
    if extension in IMAGES:
        return Samples([[_image(path, _only(path, tensors), scale)]])
    if scale is not None:
        raise UsageError("--scale is for images")
    if is_npz:
        arrays = _read_npz(path)
        if array not in arrays:
            raise UsageError(f"{path}: no array '{array}'{_hint(array, arrays)}")
        return _arrays({_only(path, tensors).name: arrays[array]}, tensors, path)
    if extension == "npz":
        return _arrays(_read_npz(path), tensors, path)
    if extension == "npy":
        return _arrays({_only(path, tensors).name: _read_npy(path)}, tensors, path)
    known = ", ".join(f".{name}" for name in ("npz", "npy", *IMAGES))
    raise UsageError(
        f"{path}: expected a file ending in one of {known}, a folder of ONNX test data, "
        "random:SEED:N or smooth:SEED:N"
    )


def _test_data(folder: Path, tensors: Sequence[Tensor]) -> Samples:
    """The samples of a folder of ONNX test data."""
    from nnc.onnx_data import read_test_data

    result = Samples([])
    for data in read_test_data(folder):
        if len(data.inputs) != len(tensors):
            raise UsageError(f"{folder}: expected {len(tensors)} inputs, got {len(data.inputs)}")
        arrays = {it.name: array for it, array in zip(tensors, data.inputs, strict=True)}
        read = _arrays(arrays, tensors, folder)
        result.inputs += read.inputs
        result.notes += read.notes
        result.outputs += [data.outputs] * len(read.inputs)
    result.notes = list(dict.fromkeys(result.notes))
    return result


def _hint(name: str, arrays: Mapping[str, Array]) -> str:
    return suggestion(name, arrays) or f"; it has {', '.join(arrays) or 'none'}"


def _only(path: Path, tensors: Sequence[Tensor]) -> Tensor:
    if len(tensors) != 1:
        names = ", ".join(tensor.name for tensor in tensors)
        raise UsageError(f"{path}: the network has several inputs ({names}); use a .npz file")
    return tensors[0]


def _read_npz(path: Path) -> dict[str, Array]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > LARGEST_ARRAYS:
            raise UsageError(f"{path}: expected at most {LARGEST_ARRAYS >> 20} MiB of arrays")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: cast(Array, arrays[name]) for name in arrays.files}
    except _BROKEN_ARCHIVE as error:
        raise UsageError(f"{path}: expected a .npz file of arrays, got another one") from error


def _read_npy(path: Path) -> Array:
    try:
        if path.stat().st_size > LARGEST_ARRAYS:
            raise UsageError(f"{path}: expected at most {LARGEST_ARRAYS >> 20} MiB")
        # Mapped, because the header may lie about the size.
        with np.errstate(over="ignore"):
            # numpy's annotations of this module are only partly known to the type checker.
            return np.array(cast(Any, np.lib.format).open_memmap(path, mode="r"))
    except (ValueError, EOFError, OverflowError) as error:
        raise UsageError(f"{path}: expected a .npy file, got another one") from error


def _arrays(arrays: Mapping[str, Array], tensors: Sequence[Tensor], path: Path) -> Samples:
    """The samples of arrays by name; all problems at once."""
    problems: list[str] = []
    notes: list[str] = []
    columns: list[list[Array]] = []
    for tensor in tensors:
        name = next((it for it in (tensor.name, *tensor.aliases) if it in arrays), None)
        if name is None:
            problems.append(
                f"{path}: no array for the input '{tensor.name}'{_hint(tensor.name, arrays)}"
            )
            continue
        try:
            stored = _stored(arrays[name], tensor, notes)
            columns.append(_split(stored, tensor))
        except UsageError as error:
            problems.append(f"{path}: {error}")
    counts = {len(column) for column in columns}
    if not problems and len(counts) > 1:
        numbers = ", ".join(f"{t.name}: {len(c)}" for t, c in zip(tensors, columns, strict=True))
        problems.append(f"{path}: expected as many samples for each input, got {numbers}")
    if not problems and 0 in counts:
        problems.append(f"{path}: expected at least one sample, got none")
    if problems:
        raise UsageError("\n".join(problems))
    return Samples([list(sample) for sample in zip(*columns, strict=True)], notes)


def _stored(array: Array, tensor: Tensor, notes: list[str]) -> Array:
    """Stored values of an array of a file."""
    if array.dtype == tensor.dtype:
        return array
    if array.dtype.kind == "f" and tensor.dtype.kind == "f":
        return array.astype(tensor.dtype)
    if array.dtype.kind == "f" and tensor.is_quantized:
        if np.isnan(array).any():
            raise UsageError(f"input '{tensor.name}': expected numbers, got NaN")
        notes.append(f"input '{tensor.name}': float values were quantised to {tensor.dtype}")
        return tensor.quantize(array)
    whole = array.dtype.kind in "iu" and tensor.dtype.kind in "iuf" and not tensor.is_quantized
    if whole and np.array_equal(array.astype(tensor.dtype), array):
        return array.astype(tensor.dtype)
    hint = " or real values as floats" if tensor.is_quantized else ""
    raise UsageError(
        f"input '{tensor.name}': expected {describe_type(tensor)}{hint}, got {array.dtype}"
    )


def _split(array: Array, tensor: Tensor) -> list[Array]:
    """The samples of an array, which may have its axes in the model's order or the network's."""
    samples = _samples_of(array, tensor.model_shape)
    if samples is not None:
        return [tensor.of_model(sample) for sample in samples]
    samples = _samples_of(array, tensor.shape)
    if samples is not None:
        return samples
    shapes = dict.fromkeys([tensor.model_shape, tensor.shape])
    expected = " or ".join(
        f"{shape} or {('N', *shape[1:]) if shape[:1] == (1,) else ('N', *shape)}"
        for shape in shapes
    )
    raise UsageError(
        f"input '{tensor.name}': expected the shape {expected.replace(chr(39), '')}, "
        f"got {array.shape}"
    )


def _samples_of(array: Array, shape: tuple[int, ...]) -> list[Array] | None:
    """The samples of that shape in an array, None if it has another one."""
    if array.shape == shape:
        return [array]
    if shape[:1] == (1,) and array.ndim == len(shape) and array.shape[1:] == shape[1:]:
        return [array[i : i + 1] for i in range(len(array))]
    if array.shape[1:] == shape and array.ndim == len(shape) + 1:
        return list(array)
    return None


def _image(path: Path, tensor: Tensor, scale: float | None) -> Array:
    from PIL import Image, UnidentifiedImageError

    modes = {1: "L", 3: "RGB", 4: "RGBA"}
    shape = tensor.shape
    first = len(shape) == 4 and shape[3] not in modes and shape[1] in modes
    if first:
        shape = (shape[0], *shape[2:], shape[1])
    if len(shape) != 4 or shape[0] != 1 or shape[3] not in modes:
        raise UsageError(f"{path}: the input '{tensor.name}' of shape {shape} takes no image")
    try:
        with Image.open(path) as image:
            if (image.height, image.width) != shape[1:3]:
                raise UsageError(
                    f"{path}: expected an image of {shape[2]}x{shape[1]} pixels, "
                    f"got {image.width}x{image.height}"
                )
            pixels = np.asarray(image.convert(modes[shape[3]]), np.uint8).reshape(shape)
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError) as error:
        raise UsageError(f"{path}: expected an image, got something else") from error
    if first:
        pixels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    return _mapped(pixels, tensor, scale, path)


def _mapped(pixels: Array, tensor: Tensor, scale: float | None, path: Path) -> Array:
    if tensor.dtype.kind == "f":
        factor = np.float32(scale) if scale is not None else np.float32(1) / np.float32(255)
        return (pixels * factor).astype(tensor.dtype)
    if scale is not None and tensor.is_quantized:
        return tensor.quantize(pixels * np.float32(scale))
    if tensor.dtype == np.uint8:
        return pixels
    if tensor.dtype == np.int8:
        return (pixels.astype(np.int16) - 128).astype(np.int8)
    raise UsageError(f"{path}: expected an input of 8 bits or floats, got {describe_type(tensor)}")


def _random(rng: np.random.Generator, tensor: Tensor) -> Array:
    count = int(np.prod(tensor.shape, dtype=np.int64))
    if tensor.dtype.kind == "f":
        return rng.normal(0, 2, tensor.shape).astype(tensor.dtype)
    if tensor.dtype.kind == "b":
        return rng.random(tensor.shape) < 0.5
    # Raw bytes are uniform over an integer type, whatever its width and sign.
    data = rng.bytes(count * tensor.dtype.itemsize)
    return np.frombuffer(data, tensor.dtype.newbyteorder("<")).reshape(tensor.shape)


def _smooth(rng: np.random.Generator, tensor: Tensor) -> Array:
    """Each axis is interpolated between a few random values, so that neighbours are alike."""
    shape = tensor.shape
    wave = np.zeros(shape)
    for axis, size in enumerate(shape):
        knots = rng.uniform(-1, 1, max(2, size // 4 + 1))
        line = np.interp(np.linspace(0, len(knots) - 1, size), np.arange(len(knots)), knots)
        wave = wave + line.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    wave = wave / max(1, len(shape)) + rng.normal(0, 0.02, shape)
    if tensor.dtype.kind == "f":
        return (3 * wave).astype(tensor.dtype)
    if tensor.dtype.kind == "b":
        return wave < 0
    low, high = _range(tensor)
    middle, half = (low + high) / 2, (high - low) / 2
    return np.clip(np.round(middle + half * wave), low, high).astype(tensor.dtype)


def _range(tensor: Tensor) -> tuple[int, int]:
    info = np.iinfo(tensor.dtype)
    return int(info.min), int(info.max)
