"""Moved to `nnc.dialects.types`."""

from nnc.dialects.types import *  # noqa: F403
