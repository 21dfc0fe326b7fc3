"""C identifiers out of the names that people gave to networks, layers and tensors."""

from __future__ import annotations

import re

_KEYWORDS = frozenset(
    word
    for line in (
        "auto bool break case char const continue default do double else enum extern false float",
        "for goto if inline int long register restrict return short signed sizeof static struct",
        "switch true typedef union unsigned void volatile while asm typeof",
    )
    for word in line.split(" ")
)


def identifier(text: str) -> str:
    """The text with everything that C does not allow in a name replaced by underscores."""
    name = re.sub(r"[^0-9A-Za-z]+", "_", text).strip("_")
    if not name or name[0].isdigit():
        name = f"t{name}"
    return f"{name}_" if name in _KEYWORDS else name


class Names:
    """Hands out names of which no two are the same."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def unique(self, wanted: str) -> str:
        """The name itself, or with the first number that makes it new."""
        name, count = wanted, 1
        while name in self._taken:
            count += 1
            name = f"{wanted}_{count}"
        self._taken.add(name)
        return name


def comment(text: str) -> str:
    """The text as it may stand inside a C comment, on one line."""
    return re.sub(r"\s+", " ", text).replace("*/", "* /").replace("/*", "/ *").replace("\\", "/")


def literal(text: str) -> str:
    """The text as a C string literal."""
    escaped = "".join(
        c if " " <= c <= "~" and c not in '\\"?' else "".join(f"\\{b:03o}" for b in c.encode())
        for c in text
    )
    return f'"{escaped}"'
