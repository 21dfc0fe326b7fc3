"""
What becomes of scikit-learn's estimators: `sklearn_table.py FOLDER [NAME...]`.

FOLDER is what `sklearn_models.py` has filled. Each model is compiled, its C is run on this machine
with every row of the test set, and what it gives is compared with scikit-learn. With names, only
those are run, and what became of them is printed; without, the tables of docs/scikit-learn.md are
written anew.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.utils.exceptions import DiagnosticException

from nnc.compiler import build
from nnc.emulator import HOST, run_program
from nnc.execution import built, inputs_of, outputs_of, sample_bytes
from nnc.options import Options
from nnc.outputs import stacked_outputs

Array = npt.NDArray[Any]
DOCUMENT = Path(__file__).parents[1] / "docs/scikit-learn.md"
BEGIN, END = "<!-- begin of what benchmarks/sklearn_table.py writes -->", "<!-- end -->"


@dataclass(frozen=True)
class Row:
    """What became of an estimator; texts are cells of the table, empty where there is nothing."""

    name: str
    facts: Mapping[str, Any]
    problem: str = ""
    labels: str = ""
    runtime_labels: str = ""
    scores: str = ""
    runtime_scores: str = ""
    weights: int = 0
    arena: int = 0
    worse: int = 0
    """Rows of which ONNX Runtime gives scikit-learn's label and the network another."""


def main(arguments: list[str]) -> int:
    """Runs all estimators and writes the document, or those that are named and says how it went."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 1
    folder = Path(arguments[0])
    if arguments[1:]:
        for name in arguments[1:]:
            print(_cells(_run(folder, name)))
        return 0
    names = sorted(path.stem for path in folder.glob("*.json"))
    rows: list[Row] = []
    for name in names:
        rows.append(_run(folder, name))
        print(_cells(rows[-1]), flush=True)
    text = DOCUMENT.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    DOCUMENT.write_text(f"{before}{BEGIN}\n{_tables(rows)}{END}{after}", encoding="utf-8")
    return 0


def _run(folder: Path, name: str) -> Row:
    """Compiles and runs one estimator."""
    facts = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    if "problem" in facts:
        return Row(name, facts, f"not converted: {facts['problem']}")
    with np.load(folder / f"{name}.npz") as arrays:
        wanted = {key: arrays[key] for key in arrays.files}
    try:
        found, weights, arena = _results(folder / f"{name}.onnx", wanted["x"])
    except DiagnosticException as error:
        return Row(name, facts, str(error).splitlines()[0])
    runtime = {key.removeprefix("runtime_"): value for key, value in wanted.items() if "_" in key}
    ours, theirs = (_compared(values, wanted) for values in (found, runtime))
    worse = 0
    if ours.right is not None and theirs.right is not None:
        worse = int((theirs.right & ~ours.right).sum())
    return Row(
        name,
        facts,
        labels=ours.labels,
        runtime_labels=theirs.labels,
        scores=ours.scores,
        runtime_scores=theirs.scores,
        weights=weights,
        arena=arena,
        worse=worse,
    )


def _results(model: Path, rows: Array) -> tuple[dict[str, Array], int, int]:
    """The outputs for each row, texts instead of their numbers; bytes of weights and arena."""
    network = build(model, Options("cortex-m4"))
    tensors = inputs_of(network)
    samples = (sample_bytes([row[None]], tensors) for row in rows)
    with built(network, HOST) as program:
        result = run_program(program, samples)
    with np.load(BytesIO(stacked_outputs(result.outputs, outputs_of(network)))) as arrays:
        found = {key: arrays[key].reshape(len(rows), -1) for key in arrays.files}
    for port in network.printer.of_role("output"):
        if port.names and port.name in found:
            found[port.name] = np.asarray(port.names)[found[port.name]]
    return found, network.report.weights_bytes, network.report.memory.bytes


@dataclass(frozen=True)
class _Comparison:
    """How results agree with scikit-learn's; `right` says so of each row's label."""

    labels: str = ""
    scores: str = ""
    right: npt.NDArray[np.bool_] | None = None


def _compared(found: Mapping[str, Array], wanted: Mapping[str, Array]) -> _Comparison:
    label = next((value for key, value in found.items() if "label" in key), None)
    scores = next((value for key, value in found.items() if "label" not in key), None)
    if label is not None and "label" not in wanted:
        scores, label = label, None
    right = None
    if label is not None and "label" in wanted:
        right = label.ravel() == wanted["label"].ravel()
    return _Comparison(
        "" if right is None else f"{int(right.sum())} of {len(right)}",
        _off_by(scores, wanted.get("scores")),
        right,
    )


def _off_by(found: Array | None, right: Array | None) -> str:
    """The largest difference, relative to the largest score of scikit-learn."""
    if found is None or right is None:
        return ""
    right = right.reshape(len(right), -1)
    columns = [found]
    if right.shape[1] == 1 and found.shape[1] == 2:
        # scikit-learn's decision of two classes is the score of one of them.
        columns = [found[:, :1], found[:, 1:]]
    if columns[0].shape != right.shape:
        return "others"
    least = min(float(np.nanmax(np.abs(column - right.astype(np.float64)))) for column in columns)
    return f"{least / max(1e-30, float(np.nanmax(np.abs(right)))):.0e}" if least else "0"


_HEAD = (
    "| estimator | data | labels | ONNX Runtime's | scores | ONNX Runtime's | weights | arena |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def _cells(row: Row) -> str:
    return (
        f"| `{row.name}` | {row.facts['data']} | {row.problem or row.labels} | "
        f"{row.runtime_labels} | {row.scores} | {row.runtime_scores} | {row.weights:,} | "
        f"{row.arena:,} |{f' {row.worse} worse' if row.worse else ''}"
    )


def _tables(rows: list[Row]) -> str:
    ran = [row for row in rows if not row.problem]
    worse = [row for row in ran if row.worse]
    alike = sum(
        row.labels.split(" of ")[0] == row.labels.split(" of ")[-1] for row in ran if row.labels
    )
    labelled = sum(bool(row.labels) for row in ran)
    text = (
        f"Of {len(rows)} estimators, {len(ran)} compile. {labelled} of these give labels, "
        f"{alike} of them scikit-learn's for every row of the test set; "
    )
    text += (
        "no row has another label where ONNX Runtime has scikit-learn's.\n\n"
        if not worse
        else "rows that differ where ONNX Runtime's do not: "
        + ", ".join(f"{row.worse} of `{row.name}`" for row in worse)
        + ".\n\n"
    )
    text += _HEAD + "".join(f"{_cells(row).split(' worse')[0]}\n" for row in ran)
    refused = [row for row in rows if row.problem]
    if refused:
        text += "\nThose that do not compile:\n\n| estimator | why |\n|---|---|\n"
        for row in refused:
            why = row.problem.replace("|", "/")
            text += f"| `{row.name}` | {why[:200]} |\n"
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
