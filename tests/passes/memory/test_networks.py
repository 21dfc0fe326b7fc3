"""
Arena sizes of the MLPerf Tiny networks, against bounds derived by hand from their shapes.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.tflite_buffers import Sharing, tflite_buffers

from nnc.passes.memory import plan_memory, verify

FOLDER = os.environ.get("NNC_MODELS")

pytestmark = pytest.mark.skipif(not FOLDER, reason="set NNC_MODELS to the folder of the models")

BYTES: dict[Sharing, dict[str, int]] = {
    "nothing": {
        "kws": 2 * 25 * 5 * 64,
        "vww": 48 * 48 * (8 + 16),
        "resnet8": 3 * 32 * 32 * 16,
        "ad": 640 + 128,
        "sww": (28 + 24) * 128,
    },
    "in-place": {
        "kws": 2 * 25 * 5 * 64,
        "vww": 48 * 48 * (8 + 16),
        "resnet8": 3 * 32 * 32 * 16,
        "ad": 640 + 128,
        "sww": 2 * 24 * 128,
    },
    # Each of kws's four padded depthwise layers trails its input by a row and a pixel.
    "forward": {
        "kws": 25 * 5 * 64 + 4 * (5 + 1) * 64,
        "vww": 48 * 48 * 16,
        "resnet8": 2 * 32 * 32 * 16 + (32 + 1) * 16,
        "ad": 640 + 128,
        "sww": 28 * 128,
    },
    "best": {
        "kws": 25 * 5 * 64,
        "vww": 48 * 48 * 16,
        "resnet8": 2 * 32 * 32 * 16 + (32 + 1) * 16,
        "ad": 640 + 128,
        "sww": 28 * 128,
    },
}


@pytest.mark.parametrize("network", ["kws", "vww", "resnet8", "ad", "sww"])
@pytest.mark.parametrize("sharing", ["nothing", "in-place", "forward", "best"])
def test_the_arena_is_as_small_as_it_can_be(network: str, sharing: Sharing) -> None:
    path = Path(FOLDER or "") / "mlperf_tiny" / f"{network}_int8.tflite"
    graph = tflite_buffers(path, sharing)
    plan = plan_memory(graph)
    verify(plan, graph)
    assert plan.arena_bytes == BYTES[sharing][network]
    assert plan.gap == 0
