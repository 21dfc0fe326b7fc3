"""
The memory planner: operator order, sharing and offsets, as an algorithm that knows no IR.

Build a `Graph` of buffers and steps, and `plan_memory` says where everything goes; `verify` checks
the result by running it.
"""

from nnc.passes.memory.graph import (
    Alias,
    Buffer,
    Graph,
    Reuse,
    Step,
    in_place,
    overlap,
    overlap_backward,
)
from nnc.passes.memory.plan import Plan, Row, plan_memory, rows
from nnc.passes.memory.verify import PlanError, verify

__all__ = [
    "Alias",
    "Buffer",
    "Graph",
    "Plan",
    "PlanError",
    "Reuse",
    "Row",
    "Step",
    "in_place",
    "overlap",
    "overlap_backward",
    "plan_memory",
    "rows",
    "verify",
]
