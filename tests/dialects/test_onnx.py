"""The tables of the `onnx` dialect against the schemas of the `onnx` package."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, cast

import onnx
import pytest

from nnc.dialects.onnx import OPERATORS
from nnc.dialects.onnx.base import Part
from nnc.dialects.onnx.quantization import RUNTIME_DOMAIN
from nnc.frontends.onnx_model import OLDEST_OPSET

_KINDS = {1: "f", 2: "i", 3: "s", 4: "t", 5: "g", 6: "fs", 7: "is", 8: "ss"}


def _versions() -> dict[tuple[str, str], list[Any]]:
    """The schemas of every operator that a readable model can mean, oldest first."""
    schemas: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for schema in cast(Any, onnx.defs).get_all_schemas_with_history():
        schemas[schema.domain, schema.name].append(schema)
    found: dict[tuple[str, str], list[Any]] = {}
    for key, versions in schemas.items():
        versions.sort(key=lambda it: it.since_version)
        ends = [it.since_version for it in versions[1:]] + [1 << 20]
        found[key] = [
            schema
            for schema, end in zip(versions, ends, strict=True)
            if not schema.deprecated and (key[0] or end > OLDEST_OPSET)
        ]
    return found


VERSIONS = _versions()
SPECIFIED = sorted(key for key in OPERATORS if key[0] != RUNTIME_DOMAIN)


@pytest.mark.parametrize("key", SPECIFIED, ids=lambda key: key[1])
def test_attributes(key: tuple[str, str]) -> None:
    wanted = {
        name: _KINDS[int(attribute.type.value)]
        for schema in VERSIONS[key]
        for name, attribute in schema.attributes.items()
        if int(attribute.type.value) in _KINDS
    }
    assert OPERATORS[key].SIGNATURE.attributes == wanted


@pytest.mark.parametrize("key", SPECIFIED, ids=lambda key: key[1])
def test_operands_and_results(key: tuple[str, str]) -> None:
    signature = OPERATORS[key].SIGNATURE
    for schema in VERSIONS[key]:
        if key[1] == "Scan" and schema.since_version == 8:
            # It has the lengths of sequences as one more operand, before all others.
            continue
        _check(signature.operands, schema.inputs)
        _check(signature.results, schema.outputs)


def _check(parts: tuple[Part, ...], formal: list[Any]) -> None:
    """Whatever a version allows, the table allows; names are those of the newest version."""
    assert len(formal) <= len(parts)
    for part, parameter in zip(parts, formal, strict=False):
        option = parameter.option.name
        assert part.repeats == (option == "Variadic")
        assert part.optional or option != "Optional"
    assert all(part.optional or part.repeats for part in parts[len(formal) :])


def test_no_numeric_operator_is_forgotten() -> None:
    """What is left out has sequences, strings, random numbers, or is for training."""
    missing = {name for domain, name in VERSIONS if (domain, name) not in OPERATORS and not domain}
    assert len(missing) < 80
    assert not missing & {"Conv", "Softmax", "LSTM", "Gather", "QLinearConv"}
