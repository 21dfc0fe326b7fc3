"""`.keras` files: archives of a configuration and of weights, which may be hostile."""

from __future__ import annotations

import io
import zipfile
import zlib

LARGEST_MEMBER = 1 << 30
"""Bytes of the largest file in an archive."""

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"


class ArchiveError(ValueError):
    """What is wrong with an archive."""


def is_archive(data: bytes) -> bool:
    """Whether a file starts as archives do."""
    return data[:4] == b"PK\x03\x04"


def read_archive(data: bytes) -> dict[str, bytes]:
    """
    The files of a `.keras` archive that a model needs, by name; nothing else is unpacked.

    Raises ArchiveError for a broken archive, and for files that are missing or too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: _member(archive, name) for name in (CONFIG, METADATA, WEIGHTS)}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise ArchiveError(f"this is not a valid .keras archive: {error}") from error
    except (ValueError, RuntimeError, MemoryError) as error:
        raise ArchiveError(str(error) or "this is not a valid .keras archive") from error


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    if name not in archive.namelist():
        raise ArchiveError(f"expected '{name}' in the archive, got none")
    with archive.open(name) as stream:
        # What the archive says of a size is only a claim.
        data = stream.read(LARGEST_MEMBER + 1)
    if len(data) > LARGEST_MEMBER:
        raise ArchiveError(f"expected '{name}' of at most {LARGEST_MEMBER >> 20} MiB")
    return data
