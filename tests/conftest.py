"""
Settings of all tests: none may fail by chance, or because a machine is slow or busy.

Hypothesis therefore tries the same examples in every run. How long something takes is measured by
the scripts in `benchmarks`, never by a test.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")
