"""Files that take their places together, whole, at the end; until then, and on failure, what was there stays."""

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, TextIO, TypeVar

Result = TypeVar("Result")
Settle = Callable[[Mapping[Path, str]], None]
"""Is told the SHA-256 of each whole file before any takes its place; if it raises, none does."""


def settled(_digests: Mapping[Path, str]) -> None:
    """Nobody wants to know."""


def together(
    writers: Mapping[Path, Callable[[TextIO], Result]], settle: Settle = settled, *, only_owner: bool = False
) -> dict[Path, Result]:
    """Let each writer write its file, UTF-8 with line ends as given, and say what each one gave back.

    The names until then are random, so that several at the same time do not meet; the last one stays. `only_owner`
    keeps them from being read by other users of the machine.

    Raises:
        OSError: a file could not be written, which it names. None has changed then.
    """

    def as_text(writer: Callable[[TextIO], Result]) -> Callable[[BinaryIO], Result]:
        def written(file: BinaryIO) -> Result:
            with open(file.fileno(), "w", encoding="utf-8", newline="", closefd=False) as text:
                return writer(text)

        return written

    binary = {path: as_text(writer) for path, writer in writers.items()}
    return bytes_together(binary, settle, only_owner=only_owner)


def bytes_together(
    writers: Mapping[Path, Callable[[BinaryIO], Result]], settle: Settle = settled, *, only_owner: bool = False
) -> dict[Path, Result]:
    """The same for files of bytes, in which the writers may go to and fro.

    Raises:
        OSError: a file could not be written, which it names. None has changed then.
    """
    parts = {path: path.with_name(f".{path.name}.{secrets.token_hex(8)}.part") for path in writers}
    try:
        results = {path: _written(path, parts[path], writer, only_owner) for path, writer in writers.items()}
        settle({path: sha256(part) for path, part in parts.items()})
        for path, part in parts.items():
            os.replace(part, path)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    return results


def sha256(path: Path) -> str:
    """The digest of a file's bytes, read a little at a time."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _written(path: Path, part: Path, writer: Callable[[BinaryIO], Result], only_owner: bool) -> Result:
    """Write and sync: a file that took its place before its bytes reached the disk could be empty after a power cut."""
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        with open(os.open(part, flags, 0o600 if only_owner else 0o666), "w+b") as file:
            result = writer(file)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.filename is None:  # a full disk names no file
            error.filename = str(path)
        raise
    return result
