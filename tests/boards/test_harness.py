"""Our side of the files that the harness reads and writes."""

import io
import re
import struct

import pytest

from nnc.harness import Failure, Record, RecordReader, Sample, Status
from nnc.toolchain import BOARDS, RUNTIME


def _record(tag: Record, first: int = 0, second: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack("<4I", tag, first, second, len(payload)) + payload


RECORDS = b"".join(
    (
        _record(Record.NETWORK, payload=struct.pack("<8I", 1, 8, 28, 4, 0, 1, 0, 0) + b"tiny"),
        _record(
            Record.TENSOR,
            1,
            0,
            struct.pack("<IIIfiIII", 0, 1, 2, 0.5, -1, 4, 0, 1) + struct.pack("<i", 2) + b"y",
        ),
        _record(Record.CALIBRATION, 0, 0, struct.pack("<Q", 7)),
        _record(Record.OUTPUT, 0, 0, b"ab"),
        _record(Record.SAMPLE, 0, 0, struct.pack("<Q", 1 << 33)),
        _record(Record.DONE, payload=struct.pack("<I", 48)),
    )
)


@pytest.mark.parametrize("step", [1, 3, 16, 1000])
def test_records_are_read_while_they_are_written(step: int) -> None:
    stream = io.BytesIO()
    reader = RecordReader(stream)
    samples: list[Sample] = []
    for start in range(0, len(RECORDS), step):
        place = stream.tell()
        stream.seek(0, io.SEEK_END)
        stream.write(RECORDS[start : start + step])
        stream.seek(place)
        samples += reader.read()
    assert samples == [Sample([b"ab"], [], 1 << 33, [])]
    network = reader.report.network
    assert network is not None
    assert (network.name, network.outputs[0].name, network.outputs[0].shape) == ("tiny", "y", (2,))
    assert reader.report.is_done
    assert (reader.report.stack_bytes, reader.report.empty_run_ticks) == (48, 7)


def _constants(text: str, prefix: str) -> dict[str, int]:
    found: list[tuple[str, str]] = re.findall(rf"\b{prefix}_(\w+) = (-?\d+)", text)
    return {name: int(value) for name, value in found}


def test_both_sides_use_the_same_numbers() -> None:
    harness = (BOARDS / "harness.c").read_text()
    header = (RUNTIME / "nnc.h").read_text()
    assert _constants(harness, "RECORD") == {it.name: it.value for it in Record}
    failures = {it.name: it.value for it in Failure if it is not Failure.FAULT}
    assert _constants(harness, "FAILURE") == {"NONE": 0, **failures}
    status = {name: number for name, number in _constants(header, "NNC").items() if number <= 0}
    assert {f"{it.name}": it.value for it in Status}.items() <= status.items()
