"""From the digest of a file to everything that was made from it: files name what they were made from by its SHA-256.

So a votes.csv leads to its labels, ratings and reports, and the digest of a labels.csv to the models that learned from
it, and of a model to the weights that it gave. Formats need not be known: a digest is 64 hexadecimal digits anywhere in
a file, or in a file inside of a zip.
"""

import hashlib
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
OVERLAP = 65
CHUNK = 2**20
LOG_HEADER = b"at,did,sessions,votes,detail"
"""How a history.csv begins: it names files without being made from them."""


class Trace(NamedTuple):
    """A file that is a digest's own (`is_it`), or was made from it, directly or through others."""

    path: Path
    is_it: bool
    sha256: str


class Found(NamedTuple):
    """Which files lead back to the digests, and which could not be read."""

    traces: list[Trace]
    unread: list[Path]


def search(folder: Path, digests: Iterable[str], watch: Callable[[int], None] = lambda _number: None) -> Found:
    """Look through all files below a folder; links are not followed.

    Args:
        folder: where to look.
        digests: of the files that are to be traced.
        watch: is told how many files have been read, after each.
    """
    named: dict[Path, tuple[str, frozenset[str]]] = {}
    unread: list[Path] = []
    for number, path in enumerate(_files(folder, unread), start=1):
        try:
            named[path] = _read(path)
        except OSError:
            unread.append(path)
        watch(number)
    return Found(_follow(named, frozenset(digests)), sorted(unread))


def _follow(named: dict[Path, tuple[str, frozenset[str]]], digests: frozenset[str]) -> list[Trace]:
    """Go on from what was found until nothing more is."""
    known, made = digests, set[Path]()
    while True:
        more = {path for path, (_, names) in named.items() if names & known} - made
        if not more:
            break
        made |= more
        known |= {named[path][0] for path in more}
    return [
        Trace(path, sha256 in digests, sha256)
        for path, (sha256, _) in sorted(named.items())
        if path in made or sha256 in digests
    ]


def _files(folder: Path, unread: list[Path]) -> Iterator[Path]:
    for root, folders, names in os.walk(folder, onerror=lambda error: unread.append(Path(error.filename))):
        folders.sort()
        yield from (path for name in sorted(names) if (path := Path(root, name)).is_file() and not path.is_symlink())


def _read(path: Path) -> tuple[str, frozenset[str]]:
    """The digest of a file, and the digests that it names."""
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        names = _names(file, sha256.update)
    if zipfile.is_zipfile(path):
        names |= _inside(path)
    return sha256.hexdigest(), frozenset(names)


def _names(file: IO[bytes], take: Callable[[bytes], object] = lambda _chunk: None) -> set[str]:
    names: set[str] = set()
    before, is_log = b"", None
    while chunk := file.read(CHUNK):
        take(chunk)
        if is_log is None:
            is_log = chunk.startswith(LOG_HEADER)
        if not is_log:
            names.update(found.decode() for found in DIGEST.findall(before + chunk))
        before = (before + chunk)[-OVERLAP:]
    return names


def _inside(path: Path) -> set[str]:
    """What the files inside of a zip name, and their own digests; a broken one names what could be read."""
    names: set[str] = set()
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                sha256 = hashlib.sha256()
                with archive.open(member) as file:
                    names |= _names(file, sha256.update)
                names.add(sha256.hexdigest())
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        pass
    return names
