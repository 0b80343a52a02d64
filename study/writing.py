"""Text files that take their places together, whole, at the end; until then, and on failure, what was there stays."""

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO, TypeVar

Result = TypeVar("Result")


def together(writers: Mapping[Path, Callable[[TextIO], Result]]) -> dict[Path, Result]:
    """Let each writer write its file, UTF-8 with line ends as given, and say what each one gave back.

    The names until then are random, so that several at the same time do not meet; the last one stays.

    Raises:
        OSError: a file could not be written. None has changed then.
    """
    parts = {path: path.with_name(f".{path.name}.{secrets.token_hex(8)}.part") for path in writers}
    try:
        results = {path: _written(parts[path], writer) for path, writer in writers.items()}
        for path, part in parts.items():
            os.replace(part, path)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    return results


def _written(part: Path, writer: Callable[[TextIO], Result]) -> Result:
    with part.open("x", encoding="utf-8", newline="") as file:
        return writer(file)
