"""
Larq's quantisers, as settings of layers and as layers of their own.

As a setting, a quantiser is a text: its class, and in brackets what it computes with, such as
`DoReFa(2, weights)`. What only training reads is not kept. Source: `larq/quantizers.py` 0.14.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Attribute
from xdsl.irdl import irdl_op_definition, opt_prop_def

from nnc.dialects.keras.base import SameShapeOp, is_set
from nnc.dialects.keras.options import (
    Json,
    Option,
    bool_option,
    float_option,
    int_option,
    text_option,
)

SIGNS = ("SteSign", "ApproxSign", "SwishSign")
"""The quantisers that are the sign; they differ in what training sees of them."""

_PLAIN = (*SIGNS, "MagnitudeAwareSign", "SteHeaviside", "NoOp")
_ALIASES = {
    "ste_sign": "SteSign",
    "approx_sign": "ApproxSign",
    "swish_sign": "SwishSign",
    "magnitude_aware_sign": "MagnitudeAwareSign",
    "ste_heaviside": "SteHeaviside",
    "ste_tern": "SteTern",
    "dorefa_quantizer": "DoReFa",
    "DoReFaQuantizer": "DoReFa",
    "NoOpQuantizer": "NoOp",
}
_TEXT = re.compile(r"(\w+)(?:\((.*)\))?")
_MOST_BITS = 32


@dataclass(frozen=True)
class Quantizer:
    """
    A quantiser: of SteTern the `threshold` (None: 0.7 of the mean magnitude), of DoReFa the number
    of bits and whether it is the one for `weights`.
    """

    kind: str
    threshold: float | None = None
    bits: int = 0
    weights: bool = False

    def __str__(self) -> str:
        match self.kind:
            case "SteTern":
                return f"SteTern({'mean' if self.threshold is None else self.threshold})"
            case "DoReFa":
                return f"DoReFa({self.bits}, {'weights' if self.weights else 'activations'})"
            case _:
                return self.kind

    @staticmethod
    def of(text: str) -> Quantizer | None:
        """The quantiser that a text stands for; None if it is none."""
        found = _TEXT.fullmatch(text)
        if found is None:
            return None
        kind, inside = found[1], found[2]
        if kind in _PLAIN and inside is None:
            return Quantizer(kind)
        if kind == "SteTern" and inside is not None:
            return _ternary(inside)
        if kind != "DoReFa" or inside is None:
            return None
        bits, _, mode = inside.partition(", ")
        usable = bits.isdecimal() and 1 <= int(bits) <= _MOST_BITS
        if not usable or mode not in ("weights", "activations"):
            return None
        return Quantizer(kind, bits=int(bits), weights=mode == "weights")


def _ternary(inside: str) -> Quantizer | None:
    if inside == "mean":
        return Quantizer("SteTern")
    try:
        return Quantizer("SteTern", threshold=float(inside))
    except ValueError:
        return None


class QuantizerOption(Option):
    """A quantiser by its name, or as Keras writes an object of its class."""

    def __str__(self) -> str:
        return f"a quantiser of Larq ({', '.join((*_PLAIN, 'SteTern', 'DoReFa'))})"

    def accepts(self, attr: Attribute) -> bool:
        return isinstance(attr, StringAttr) and Quantizer.of(attr.data) is not None

    def read(self, value: Json) -> Attribute:
        config: dict[str, Json] = {}
        name = value
        if isinstance(value, dict):
            name, inner = value.get("class_name"), value.get("config")
            if name == "function":
                name = inner
            elif isinstance(inner, dict):
                config = inner
        if not isinstance(name, str):
            raise self.wrong(value)
        bare = name.rpartition(">")[2]
        text = _text(_ALIASES.get(bare, bare), config)
        quantizer = None if text is None else Quantizer.of(text)
        if quantizer is None:
            raise self.wrong(value)
        return StringAttr(str(quantizer))


def _text(kind: str, config: dict[str, Json]) -> str | None:
    if kind == "SteTern":
        mean = config.get("ternary_weight_networks", False)
        return f"SteTern({'mean' if mean else config.get('threshold_value', 0.05)})"
    if kind == "DoReFa":
        return f"DoReFa({config.get('k_bit', 2)}, {config.get('mode', 'activations')})"
    return kind


def quantizer_option() -> StringAttr | None:
    """A quantiser, or none."""
    return opt_prop_def(QuantizerOption())  # pyright: ignore[reportReturnType]


def quantizer_of(option: StringAttr | None) -> Quantizer | None:
    """The quantiser of a setting, None for one that is not given or does nothing."""
    found = None if option is None else Quantizer.of(option.data)
    return None if found is None or found.kind == "NoOp" else found


class QuantizerOp(SameShapeOp):
    """A quantiser as a layer or an activation."""

    PACKAGE: ClassVar[str] = "Larq"
    IGNORED: ClassVar[frozenset[str]] = frozenset({"clip_value", "beta", "precision", "metrics"})

    @property
    def quantizer(self) -> Quantizer:
        """What it computes."""
        return Quantizer(self.layer())


@irdl_op_definition
class SteSignOp(QuantizerOp):
    """
    -1 where the input is negative, else +1.

    ```mlir
    %y = larq.ste_sign %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```
    """

    name = "larq.ste_sign"


@irdl_op_definition
class ApproxSignOp(QuantizerOp):
    """`larq.ste_sign` with another gradient."""

    name = "larq.approx_sign"


@irdl_op_definition
class SwishSignOp(QuantizerOp):
    """`larq.ste_sign` with another gradient."""

    name = "larq.swish_sign"


@irdl_op_definition
class MagnitudeAwareSignOp(QuantizerOp):
    """The sign times the mean magnitude of all that has the same index along the last axis."""

    name = "larq.magnitude_aware_sign"


@irdl_op_definition
class SteHeavisideOp(QuantizerOp):
    """1 where the input is positive, else 0."""

    name = "larq.ste_heaviside"


@irdl_op_definition
class NoOpOp(QuantizerOp):
    """The input."""

    name = "larq.no_op"


@irdl_op_definition
class SteTernOp(QuantizerOp):
    """
    -1, 0 or +1, with 0 between minus and plus the threshold.

    ```mlir
    %y = larq.ste_tern %x {threshold_value = 1.0e-1 : f64} : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```
    """

    name = "larq.ste_tern"

    threshold_value = float_option(0.05)
    ternary_weight_networks = bool_option()

    @property
    def quantizer(self) -> Quantizer:
        mean = is_set(self.ternary_weight_networks)
        return Quantizer("SteTern", threshold=None if mean else self.threshold_value.value.data)


@irdl_op_definition
class DoReFaOp(QuantizerOp):
    """
    The nearest of 2^k levels between 0 and 1, or (of weights) between -1 and 1.

    ```mlir
    %y = larq.do_re_fa %x {k_bit = 3 : i64} : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```
    """

    name = "larq.do_re_fa"

    k_bit = int_option(2)
    mode = text_option("activations", "weights", default="activations")

    @property
    def quantizer(self) -> Quantizer:
        return Quantizer("DoReFa", bits=self.k_bit.value.data, weights=self.mode.data == "weights")


QUANTIZER_OPS: tuple[type[QuantizerOp], ...] = (
    SteSignOp,
    ApproxSignOp,
    SwishSignOp,
    MagnitudeAwareSignOp,
    SteHeavisideOp,
    NoOpOp,
    SteTernOp,
    DoReFaOp,
)
