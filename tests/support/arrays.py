"""Random integer arrays whose type the checker knows."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt


def integers(
    generator: np.random.Generator, low: int, high: int, shape: int | Sequence[int]
) -> npt.NDArray[np.int64]:
    """Uniform integers of `[low, high]`, both ends included."""
    # numpy's overloads of `integers` are only partly known to the type checker.
    return cast(Any, generator).integers(low, high, shape, np.int64, endpoint=True)
