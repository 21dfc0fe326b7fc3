"""
The functions that recurrent layers have inside, by name: `tanh`, or `leaky_relu(0.01)` with numbers
for the functions that have some.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from xdsl.dialects.builtin import StringAttr
from xdsl.utils.exceptions import VerifyException

from nnc.dialects.nn.base import S

PARAMETERS: dict[str, tuple[str, ...]] = {
    "identity": (),
    "relu": (),
    "relu6": (),
    "relu_n1_to_1": (),
    "tanh": (),
    "logistic": (),
    "hard_sigmoid_5": (),
    "hard_sigmoid_6": (),
    "softplus": (),
    "softsign": (),
    "affine": ("alpha", "beta"),
    "elu": ("alpha",),
    "hard_sigmoid": ("alpha", "beta"),
    "leaky_relu": ("alpha",),
    "scaled_tanh": ("alpha", "beta"),
    "thresholded_relu": ("alpha",),
}
"""
The activations, each with the names of its numbers. `affine` is `alpha x + beta`, `scaled_tanh`
`alpha tanh(beta x)`, `hard_sigmoid` `affine` between 0 and 1, `hard_sigmoid_5` and `hard_sigmoid_6`
those of slope 1/5 and 1/6 through 1/2, as Keras 2 and 3 compute them.
"""

_FORM = re.compile(r"(\w+)(?:\(([^()]*)\))?")


@dataclass(frozen=True)
class Activation:
    """A function of one float: its name in `PARAMETERS`, and its numbers."""

    name: str
    numbers: tuple[float, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Activation:
        """The activation that a text stands for. Raises `ValueError`."""
        found = _FORM.fullmatch(text)
        name, numbers = found.groups() if found else (text, None)
        if name not in PARAMETERS:
            raise ValueError(f"expected one of {', '.join(PARAMETERS)}, got {name}")
        try:
            values = tuple(float(it) for it in (numbers or "").split(",") if it.strip())
        except ValueError:
            raise ValueError(f"expected numbers, got {text}") from None
        expected = PARAMETERS[name]
        if len(values) != len(expected):
            named = ", ".join(expected) or "no numbers"
            raise ValueError(f"expected {named} of {name}, got {text}")
        return cls(name, values)

    def __str__(self) -> str:
        numbers = ", ".join(f"{number!r}" for number in self.numbers)
        return f"{self.name}({numbers})" if numbers else self.name

    @property
    def attribute(self) -> StringAttr:
        """The activation as an attribute."""
        return StringAttr(str(self))

    def of(self, x: S) -> S:
        """The function of a float."""
        match self.name, *self.numbers:
            case "tanh", *_:
                return x.math("tanh")
            case "logistic", *_:
                return 1.0 / (1.0 + (-x).math("exp"))
            case "relu", *_:
                return x.max(0.0)
            case "relu6", *_:
                return x.clamp(0.0, 6.0)
            case "relu_n1_to_1", *_:
                return x.clamp(-1.0, 1.0)
            case "hard_sigmoid_5", *_:
                return (x * 0.2 + 0.5).clamp(0.0, 1.0)
            case "hard_sigmoid_6", *_:
                return (x + 3.0).clamp(0.0, 6.0) / 6.0
            case "softplus", *_:
                return x.max(0.0) + (-x.math("absf")).math("exp").math("log1p")
            case "softsign", *_:
                return x / (1.0 + x.math("absf"))
            case "affine", alpha, beta:
                return x * alpha + beta
            case "hard_sigmoid", alpha, beta:
                return (x * alpha + beta).clamp(0.0, 1.0)
            case "elu", alpha:
                return (x < 0.0).select(x.math("expm1") * alpha, x)
            case "leaky_relu", alpha:
                return (x < 0.0).select(x * alpha, x)
            case "scaled_tanh", alpha, beta:
                return (x * beta).math("tanh") * alpha
            case "thresholded_relu", alpha:
                return (x < alpha).select(0.0, x)
            case _:
                return x


def activated(given: StringAttr, x: S) -> S:
    """The activation of a float that an attribute, which is known to be one, names."""
    return Activation.parse(given.data).of(x)


def check_activation(given: StringAttr | None) -> None:
    """Raises VerifyException unless an attribute that is there names an activation."""
    if given is None:
        return
    try:
        Activation.parse(given.data)
    except ValueError as error:
        raise VerifyException(str(error)) from error
