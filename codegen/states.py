"""The initial values of states, as the C that sets them."""

from __future__ import annotations

import numpy as np

from nnc.codegen.data import array_definition
from nnc.codegen.network import Port
from nnc.dialects.types import memory_type


def initial_definition(network: str, port: Port) -> list[str]:
    """The array that a state is reset from, where no single byte fills it."""
    if port.initial is None or _byte(port) is not None:
        return []
    data = port.initial.data.data
    return [
        f"static {array_definition(_symbol(network, port), memory_type(port.tensor), data)}",
        "",
    ]


def reset_statements(network: str, port: Port) -> list[str]:
    """The statements that give a state its initial value."""
    place = f"context->{port.symbol}"
    byte = _byte(port)
    if byte is not None:
        return [f"    memset({place}, {byte}, sizeof {place});"]
    return [f"    memcpy({place}, {_symbol(network, port)}, sizeof {place});"]


def _symbol(network: str, port: Port) -> str:
    return f"{network}_{port.symbol}_initial"


def _byte(port: Port) -> int | None:
    """The byte that fills the initial value, if one does."""
    if port.initial is None:
        return 0
    values = np.frombuffer(port.initial.data.data, np.uint8)
    return int(values[0]) if values.size and (values == values[0]).all() else None
