"""What the repository says in public: nothing unfinished, nothing about one machine, licences."""

from __future__ import annotations

import re
import subprocess

import pytest
from support.project import ROOT, sources

KNOWN_HOSTS = {"flatbuffers.dev", "www.apache.org"}
"""The hosts of cited sources, the only ones named; where packages come from is nobody's text."""

UNWANTED = {
    "unfinished": re.compile("TO" + "DO|FIX" + "ME|XX" + "X|raise NotImplemented" + "Error"),
    "a path of one machine": re.compile(r"(?<![\w.<])/(work|root|home|opt|tmp)/[\w.]"),
}


def public_text() -> dict[str, str]:
    """The tracked files that are text, by path."""
    # Whoever runs the tests may not be the owner of the files.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    texts: dict[str, str] = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if not path.is_file() or path.is_symlink():
            continue
        data = path.read_bytes()
        if b"\0" not in data and path.suffix != ".pb":
            texts[name] = data.decode()
    return texts


@pytest.mark.parametrize("what", UNWANTED)
def test_nothing_unwanted(what: str) -> None:
    found = [
        f"{name}: {match[0]}"
        for name, text in public_text().items()
        for match in UNWANTED[what].finditer(text)
    ]
    assert found == []


def test_addresses() -> None:
    found = {
        (name, host)
        for name, text in public_text().items()
        for host in re.findall(r"\w+://([\w.-]+)", text)
        if host not in KNOWN_HOSTS
    }
    assert found == set()


def test_text_ends_with_one_line_break() -> None:
    assert [
        name for name, text in public_text().items() if text != text.rstrip("\n") + "\n" and text
    ] == []


@pytest.mark.parametrize("pattern", ["*.c", "*.h"])
def test_c_files_state_their_licence(pattern: str) -> None:
    line = "/* SPDX-License-Identifier: Apache-2.0 */"
    files = [path for path in sources(pattern) if not path.read_text().startswith(line)]
    assert files == []
