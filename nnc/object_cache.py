"""Why: the same runtime sources are compiled for every network; compile each of them once.

The key of an object is everything that determines it: compiler, flags, source text, and the text of
every header it included. Which headers those are is known from the dependency file of an earlier
compilation with the same source and flags; if that list is outdated, the key is one under which
nothing was ever stored, and the file is compiled again.
"""

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 512 << 20
"""A cache larger than this loses its least recently used objects when it is opened."""

RECENT_SECONDS = 3600.0
"""Objects used within this time are never removed: another process may be linking them."""


def default_cache_folder() -> Path:
    """The user's cache folder for objects, by the platform's convention; not created."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "nnc" / "objects"


@dataclass(frozen=True)
class Header:
    """An included file: `path` relative to include folder `root`, absolute when root is -1."""

    root: int
    path: str

    def find(self, roots: Sequence[Path]) -> Path:
        """Where the file lies for this compilation."""
        return Path(self.path) if self.root < 0 else roots[self.root] / self.path


class ObjectCache:
    """Object files by content, in a folder that any number of processes may share."""

    def __init__(self, folder: Path) -> None:
        """Opens `folder`, makes it if needed, and prunes it when it has grown past MAX_BYTES."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        _prune(folder)

    def find(self, recipe: bytes, roots: Sequence[Path]) -> Path | None:
        """The object compiled by `recipe` from headers as they are now, or None."""
        headers = self._headers(_digest(recipe))
        if headers is None:
            return None
        key = _key(recipe, headers, roots)
        if key is None:
            return None
        path = self.folder / f"{key}.o"
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    def store(
        self, recipe: bytes, roots: Sequence[Path], headers: Sequence[Header], built: Path
    ) -> Path:
        """Keeps the object file `built`; returns its place."""
        key = _key(recipe, headers, roots)
        assert key is not None, "headers of a compilation that just succeeded"
        place = self.folder / f"{key}.o"
        _publish(built.read_bytes(), place)
        lines = "".join(f"{header.root}\t{header.path}\n" for header in headers)
        _publish(lines.encode(), self.folder / f"{_digest(recipe)}.headers")
        return place

    def _headers(self, key: str) -> list[Header] | None:
        try:
            text = (self.folder / f"{key}.headers").read_text()
        except FileNotFoundError:
            return None
        rows = [line.split("\t", 1) for line in text.splitlines()]
        return [Header(int(root), path) for root, path in rows]


def headers_in(depfile: str, source: Path, roots: Sequence[Path]) -> list[Header]:
    """The headers named by a make-style dependency file, without `source` itself.

    Relative names in it are relative to the folder of `source`, where the compiler ran.
    """
    names = _prerequisites(depfile)
    paths = [(source.parent / name).resolve() for name in names]
    return [_relative(path, roots) for path in paths if path != source.resolve()]


def _prerequisites(depfile: str) -> list[str]:
    text = depfile.replace("\\\n", " ").split(":", 1)[-1]
    words = text.replace("\\ ", "\0").split()
    return [word.replace("\0", " ").replace("$$", "$") for word in words]


def _relative(path: Path, roots: Sequence[Path]) -> Header:
    for number, root in enumerate(roots):
        if path.is_relative_to(root.resolve()):
            return Header(number, path.relative_to(root.resolve()).as_posix())
    return Header(-1, str(path))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _key(recipe: bytes, headers: Sequence[Header], roots: Sequence[Path]) -> str | None:
    state = hashlib.sha256(recipe)
    for header in headers:
        path = header.find(roots)
        if not path.is_file():
            return None
        state.update(f"\0{header.root}\0{header.path}\0".encode())
        state.update(hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()


def _publish(data: bytes, place: Path) -> None:
    """Writes a whole file or none: another process may read it at any time."""
    handle, name = tempfile.mkstemp(dir=place.parent)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
    os.replace(name, place)


def _prune(folder: Path) -> None:
    files = [(entry, stat) for entry in os.scandir(folder) if (stat := _stat(entry)) is not None]
    excess = sum(stat.st_size for _, stat in files) - MAX_BYTES
    if excess <= 0:
        return
    limit = time.time() - RECENT_SECONDS
    for entry, stat in sorted(files, key=lambda pair: pair[1].st_mtime):
        if stat.st_mtime > limit or excess <= -MAX_BYTES // 2:
            return
        Path(entry.path).unlink(missing_ok=True)
        excess -= stat.st_size


def _stat(entry: os.DirEntry[str]) -> os.stat_result | None:
    """What is known of a file; None if it is none, or if another process has removed it by now."""
    try:
        return entry.stat() if entry.is_file() else None
    except FileNotFoundError:
        return None
