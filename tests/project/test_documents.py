"""What the documents show can be done, and what they point at exists."""

from __future__ import annotations

import re
import shutil
import sysconfig
from pathlib import Path

import pytest
from shown_output import Shown, run, shown
from support.project import ROOT

DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/*.md"))
)
SETUP = ("make ", "git ")
"""What commands start with that set the project up or test it."""


def test_a_document_is_read() -> None:
    text = "Text\n\n    $ a b\n    one\n    $ c\n\n    two\n\n    $ d | e\n      f\n"
    assert shown(text) == [
        Shown("a b", ("one",)),
        Shown("c", ()),
        Shown("d | e", ("  f",)),
    ]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_shown_commands_work(document: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/bin").symlink_to(sysconfig.get_path("scripts"))
    for it in shown((ROOT / document).read_text()):
        if it.command.startswith(SETUP):
            continue
        code, output = run(it.command, tmp_path)
        if it.output and it.output[0].startswith("error: "):
            assert (code, output.splitlines()) == (1, list(it.output))
        else:
            assert code == 0, output


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    targets = re.findall(r"\]\(([^)#:]+)(?:#[\w-]*)?\)", path.read_text())
    assert [target for target in targets if not (path.parent / target).exists()] == []
