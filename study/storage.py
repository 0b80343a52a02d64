"""Where images are kept by content: a folder, or a store at an address that fsspec knows (`s3://BUCKET/PREFIX`).

An image's name is the SHA-256 of its bytes and nothing else, so no name leads anywhere outside, and what is kept never
changes.
"""

import errno
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Overdue
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

from study.errors import Refused

Result = TypeVar("Result")

KEPT_AT = 946_684_800
"""The time on every kept image, 2000-01-01 in Unix seconds: when one was loaded would tell its condition."""
PATIENCE_S = 5.0
"""How long a page's image may take. A browser asks again, and a vote must not wait behind images that hang."""
COMMAND_PATIENCE_S = 60.0
RESPITE_S = 3.0
"""For so long after it did not answer a store is not asked again, so that its trouble does not hold up everything."""
AT_ONCE = 8
HASH = re.compile(r"[0-9a-f]{64}")


class StoreAway(OSError):  # noqa: N818 - named by what it says, as all refusals are
    """The store does not answer, or not in time; it may later."""


class Store(Protocol):
    """What keeps images."""

    address: str

    def read(self, sha256: str) -> bytes | None:
        """The bytes of an image, or None where it is not there.

        Raises:
            StoreAway: it cannot be told now.
        """
        ...

    def put(self, sha256: str, content: bytes) -> None:
        """Keep an image, whole or not at all.

        Raises:
            OSError: it cannot be kept now.
        """
        ...


def at(address: Path | str, patience_s: float = COMMAND_PATIENCE_S) -> Store:
    """The store at an address; a path is a folder's.

    Raises:
        Refused: nothing here can talk to such an address.
    """
    said = str(address)
    if said.startswith("file://"):
        return Folder(Path(said.removeprefix("file://")))
    return Remote(said, patience_s) if "://" in said else Folder(Path(said))


class Folder:
    """Files in a folder of this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.address = str(self.path)

    def read(self, sha256: str) -> bytes | None:
        """The bytes of an image, or None where it is not there or cannot be read."""
        try:
            return (self.path / _name(sha256)).read_bytes()
        except (FileNotFoundError, PermissionError, NotADirectoryError):
            return None

    def put(self, sha256: str, content: bytes) -> None:
        """Keep an image, whole or not at all; every one gets the same time."""
        self.path.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.path, suffix=".part", delete=False) as part:
            part.write(content)
        Path(part.name).chmod(0o644)
        os.utime(part.name, (KEPT_AT, KEPT_AT))
        os.replace(part.name, self.path / _name(sha256))

    def forget_time(self, sha256: str) -> None:
        """Give an image that is there already the time that all have."""
        with suppress(PermissionError):  # somebody else's file cannot be given the time, but serves as well
            os.utime(self.path / _name(sha256), (KEPT_AT, KEPT_AT))


class Remote:
    """Objects below an address that fsspec knows. It may be slow or away, which must not hold up whoever asks."""

    def __init__(self, address: str, patience_s: float) -> None:
        self.address = address.rstrip("/")
        self._patience_s = patience_s
        self._pool = ThreadPoolExecutor(AT_ONCE, "images")
        self._lock, self._away_until = threading.Lock(), 0.0
        _check(self.address)

    def read(self, sha256: str) -> bytes | None:
        """The bytes of an image, or None where it is not there."""
        place = self._place(sha256)

        def fetch() -> bytes | None:
            try:
                content: bytes = self._files.cat_file(place)
            except FileNotFoundError:
                return None
            return content

        return self._asked(fetch)

    def put(self, sha256: str, content: bytes) -> None:
        """Keep an image, whole or not at all."""
        place = self._place(sha256)
        self._asked(lambda: self._files.pipe_file(place, content))

    def _place(self, sha256: str) -> str:
        return f"{self.address}/{_name(sha256)}"

    @cached_property
    def _files(self) -> Any:
        """Made where it is first used: what it runs beside it does not survive a fork."""
        import fsspec

        return fsspec.url_to_fs(self.address)[0]

    def _asked(self, question: Callable[[], Result]) -> Result:
        with self._lock:
            if time.monotonic() < self._away_until:
                raise StoreAway(errno.EAGAIN, "the store did not answer a moment ago", self.address)
        future = self._pool.submit(question)
        try:
            return future.result(self._patience_s)
        except Overdue as error:
            future.cancel()
            raise self._away(f"no answer within {self._patience_s:g} seconds") from error
        except Exception as error:  # every store has exceptions of its own
            raise self._away(f"{type(error).__name__}: {error}".partition("\n")[0]) from error

    def _away(self, why: str) -> StoreAway:
        with self._lock:
            self._away_until = time.monotonic() + RESPITE_S
        return StoreAway(errno.EAGAIN, why, self.address)


def _check(address: str) -> None:
    """Be silent where a library can talk to such an address; nothing is asked of the store yet.

    Raises:
        Refused: there is none, or it is not installed.
    """
    import fsspec

    protocol = address.partition("://")[0]
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        raise Refused(
            f"STUDY_MEDIA is {address}, but the library for `{protocol}://` is not installed: "
            f"`pip install -r study/requirements-s3.txt`, or the one that fsspec names for it."
        ) from error
    except ValueError as error:
        raise Refused(
            f"STUDY_MEDIA is {address}, but nothing knows `{protocol}://`: write a folder, or `s3://BUCKET/PREFIX`."
        ) from error


def _name(sha256: str) -> str:
    if not HASH.fullmatch(sha256):
        raise ValueError(f"{sha256!r} is no SHA-256")
    return f"{sha256}.png"
