"""Circular and hyperbolic functions of floats, and others that C's library has."""

from __future__ import annotations

from abc import ABC, abstractmethod

from xdsl.irdl import irdl_op_definition

from nnc.dialects.nn.base import Elements, S
from nnc.dialects.nn.checks import Kind, check_kind, check_same_kind
from nnc.dialects.nn.unary import UnaryOp


class LibraryFunctionOp(UnaryOp, ABC):
    """A function of float32 numbers that needs no more than one of the C library."""

    def verify_(self) -> None:
        super().verify_()
        check_kind("an input", self.input, Kind.F32)
        check_same_kind("an output", self.output, self.input)

    @abstractmethod
    def function(self) -> str:
        """Its name in MLIR's `math` dialect."""

    def body(self, b: Elements[S], *values: S) -> S:
        return values[0].math(self.function())


@irdl_op_definition
class AcosOp(LibraryFunctionOp):
    """
    The angle that has this cosine, from 0 to pi.

    ```mlir
    %y = nn.acos %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.acos"

    def function(self) -> str:
        return "acos"


@irdl_op_definition
class AcoshOp(LibraryFunctionOp):
    """
    The number, at least 0, that has this hyperbolic cosine.

    ```mlir
    %y = nn.acosh %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.acosh"

    def function(self) -> str:
        return "acosh"


@irdl_op_definition
class AsinOp(LibraryFunctionOp):
    """
    The angle that has this sine, from -pi/2 to pi/2.

    ```mlir
    %y = nn.asin %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.asin"

    def function(self) -> str:
        return "asin"


@irdl_op_definition
class AsinhOp(LibraryFunctionOp):
    """
    The number that has this hyperbolic sine.

    ```mlir
    %y = nn.asinh %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.asinh"

    def function(self) -> str:
        return "asinh"


@irdl_op_definition
class AtanOp(LibraryFunctionOp):
    """
    The angle that has this tangent, from -pi/2 to pi/2.

    ```mlir
    %y = nn.atan %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.atan"

    def function(self) -> str:
        return "atan"


@irdl_op_definition
class AtanhOp(LibraryFunctionOp):
    """
    The number that has this hyperbolic tangent.

    ```mlir
    %y = nn.atanh %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.atanh"

    def function(self) -> str:
        return "atanh"


@irdl_op_definition
class CoshOp(LibraryFunctionOp):
    """
    The hyperbolic cosine.

    ```mlir
    %y = nn.cosh %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.cosh"

    def function(self) -> str:
        return "cosh"


@irdl_op_definition
class ErfOp(LibraryFunctionOp):
    """
    The error function.

    ```mlir
    %y = nn.erf %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.erf"

    def function(self) -> str:
        return "erf"


@irdl_op_definition
class Log1pOp(LibraryFunctionOp):
    """
    The natural logarithm of one more than the number.

    ```mlir
    %y = nn.log1p %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.log1p"

    def function(self) -> str:
        return "log1p"


@irdl_op_definition
class SinhOp(LibraryFunctionOp):
    """
    The hyperbolic sine.

    ```mlir
    %y = nn.sinh %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.sinh"

    def function(self) -> str:
        return "sinh"


@irdl_op_definition
class TanOp(LibraryFunctionOp):
    """
    The tangent.

    ```mlir
    %y = nn.tan %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.tan"

    def function(self) -> str:
        return "tan"


@irdl_op_definition
class TruncOp(LibraryFunctionOp):
    """
    The nearest integer towards zero.

    ```mlir
    %y = nn.trunc %x : (tensor<4xf32>) -> tensor<4xf32>
    ```
    """

    name = "nn.trunc"

    def function(self) -> str:
        return "trunc"
