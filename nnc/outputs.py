"""What a network gave, as a .npz file: the same bytes for the same arrays."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

import numpy as np

from nnc.tensors import Array, Tensor

_TIME = (1980, 1, 1, 0, 0, 0)


def as_npz(arrays: Mapping[str, Array]) -> bytes:
    """The bytes of a .npz file. Names may be any text, unlike those that `np.savez` takes."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.save(member, np.asarray(array, order="C"), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _TIME), member.getvalue())
    return data.getvalue()


def stacked_outputs(samples: Sequence[Sequence[bytes]], tensors: Sequence[Tensor]) -> bytes:
    """The outputs of all samples as a .npz file, an array for each output under its name."""
    arrays: dict[str, Array] = {}
    for k, tensor in enumerate(tensors):
        name = tensor.name if tensor.name not in arrays else f"{tensor.name}_{k}"
        arrays[name] = tensor.stack([tensor.of_bytes(sample[k]) for sample in samples])
    return as_npz(arrays)
