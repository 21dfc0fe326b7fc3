"""
Configurations of Keras as typed values.

A configuration is JSON of a known shape until somebody writes another one. Whatever is not as
expected becomes one `ConfigError` that says where.
"""

from __future__ import annotations

import json
from typing import TypeAlias, cast

from nnc.dialects.keras.options import Json

JsonObject: TypeAlias = dict[str, Json]

LARGEST_CONFIG = 64 << 20
"""Bytes of the largest configuration that is read."""

_DEEPEST = 100


class ConfigError(ValueError):
    """What is wrong with a configuration."""


def parse(text: str | bytes, what: str) -> JsonObject:
    """The object that a text is. Raises ConfigError."""
    if len(text) > LARGEST_CONFIG:
        raise ConfigError(f"expected {what} of at most {LARGEST_CONFIG >> 20} MiB")
    try:
        value = cast(Json, json.loads(text))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"expected {what} to be JSON: {error}") from error
    if _depth_exceeds(value, _DEEPEST):
        raise ConfigError(f"expected {what} nested at most {_DEEPEST} deep")
    return as_object(value, what)


def _depth_exceeds(value: Json, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        deeper: list[Json] = []
        for it in level:
            deeper.extend(
                it.values() if isinstance(it, dict) else it if isinstance(it, list) else ()
            )
        if not deeper:
            return False
        level = deeper
    return True


def as_object(value: Json, what: str) -> JsonObject:
    """A value that must be an object. Raises ConfigError."""
    if not isinstance(value, dict):
        raise ConfigError(f"expected {what} to be an object, got {type(value).__name__}")
    return value


def as_list(value: Json, what: str) -> list[Json]:
    """A value that must be a list. Raises ConfigError."""
    if not isinstance(value, list):
        raise ConfigError(f"expected {what} to be a list, got {type(value).__name__}")
    return value


def as_text(value: Json, what: str) -> str:
    """A value that must be a text. Raises ConfigError."""
    if not isinstance(value, str):
        raise ConfigError(f"expected {what} to be a text, got {type(value).__name__}")
    return value


def as_int(value: Json, what: str) -> int:
    """A value that must be a whole number. Raises ConfigError."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"expected {what} to be a whole number, got {type(value).__name__}")
    return value
