"""
Control flow: operators with graphs inside, which are regions.

A graph's inputs are the arguments of its region's block, its outputs the operands of the
`onnx.Yield` at its end. What a graph uses of those around it, its region uses directly.
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.irdl import IRDLOperation, irdl_op_definition, traits_def, var_operand_def
from xdsl.traits import IsTerminator, Pure

from nnc.dialects.onnx.base import VALUE, operators

CONTROL_OPS = operators("""
If(cond; else_branch: g, then_branch: g) -> outputs*
Loop(M?, cond?, v_initial*; body: g) -> v_final_and_scan_outputs*
Scan(initial_state_and_scan_inputs?*; body: g, directions: is, num_scan_inputs: i,
    scan_input_axes: is, scan_input_directions: is, scan_output_axes: is,
    scan_output_directions: is) -> final_state_and_scan_outputs*
""")


@irdl_op_definition
class YieldOp(IRDLOperation):
    """
    The end of a graph inside an operator: its outputs.

    ```mlir
    %y = onnx.If %c else_branch {
      onnx.Yield %a : tensor<4xf32>
    } then_branch {
      onnx.Yield %b : tensor<4xf32>
    } {since = 21 : i64} : (tensor<i1>) -> tensor<4xf32>
    ```
    """

    name = "onnx.Yield"
    assembly_format: ClassVar[str | None] = "operands attr-dict `:` type(operands)"
    traits = traits_def(IsTerminator(), Pure())

    outputs = var_operand_def(VALUE)
