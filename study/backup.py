"""A backup: one zip with every table as lines, the images by content, and a manifest that says what is in it.

It is of one moment, though people vote meanwhile, and of no kind of database, so it goes into either.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
from sqlalchemy import Connection, Table, select
from sqlalchemy.orm import Session as OrmSession

from study import deeds, leaving, tables, writing
from study.db import Database
from study.errors import Refused
from study.models import Stimulus, Study, now
from study.storage import HASH, Store

FORMAT = "conha backup"
VERSION = 1
MANIFEST = "backup.json"
LARGEST_MANIFEST = 64 * 2**20
CHUNK = 2**20
Watch = Callable[[str, int], None]
"""Is told what was done, and how many rows or images of it, a few thousand at a time."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup holds. `missing` are images that the store lacked; `images` is None where none were wanted."""

    format: str
    version: int
    made_at: datetime
    revision: str
    tables: tuple[tables.Extent, ...]
    images: tuple[str, ...] | None
    missing: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows all tables have."""
        return sum(table.rows for table in self.tables)


def silent(_does: str, _number: int) -> None:
    """Nobody watches."""


def write(database: Database, path: Path, store: Store | None, watch: Watch = silent) -> Manifest:
    """Write a backup, with the images of the store where one is given; only its owner can read the file.

    Each study's export is noted before the file takes its place.

    Raises:
        OSError: the file cannot be written, or the store does not answer. What was there stays.
    """
    with database.read() as db:
        reaches = [leaving.reach_of(db, study) for study in db.scalars(select(Study).order_by(Study.id))]
        revision = database.revision() or ""

        def written(file: BinaryIO) -> Manifest:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
                return _fill(archive, db, revision, store, watch)

        def settle(digests: Mapping[Path, str]) -> None:
            sha256 = digests[path]
            with database.write() as noting:
                for reach in reaches:
                    leaving.add(noting, reach, "backup", path.name, sha256)
                deeds.record(noting, deeds.COMMAND_LINE, "exported", what="backup", name=path.name, sha256=sha256)

        path.parent.mkdir(parents=True, exist_ok=True)
        return writing.bytes_together({path: written}, settle, only_owner=True)[path]


def _fill(archive: zipfile.ZipFile, db: OrmSession, revision: str, store: Store | None, watch: Watch) -> Manifest:
    connection, made_at = db.connection(), now()
    extents = tuple(_write_table(archive, connection, table, watch) for table in tables.found(connection))
    kept, missing = _write_images(archive, db, store, watch) if store else (None, ())
    manifest = Manifest(FORMAT, VERSION, made_at, revision, extents, kept, missing)
    archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    return manifest


def _write_table(archive: zipfile.ZipFile, connection: Connection, table: Table, watch: Watch) -> tables.Extent:
    lines = tables.Lines(connection, table)
    with archive.open(_member(table.name), "w", force_zip64=True) as file:
        _each(lines, file.write, lambda number: watch(f"Wrote rows of {table.name}", number))
    return lines.extent


def _write_images(
    archive: zipfile.ZipFile, db: OrmSession, store: Store, watch: Watch
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The digests of the images that were written, and of those that the store lacks or holds with other bytes."""
    kept, missing = [], []
    for sha256 in images(db):
        content = store.read(sha256)
        if content is None or hashlib.sha256(content).hexdigest() != sha256:
            missing.append(sha256)
            continue
        archive.writestr(zipfile.ZipInfo(_image(sha256)), content)  # PNGs are compressed already
        kept.append(sha256)
        watch("Wrote images", 1)
    return tuple(kept), tuple(missing)


def images(db: OrmSession) -> list[str]:
    """The digest of every image that a study shows, in alphabetical order."""
    shown = select(Stimulus.sha256).union(select(Stimulus.context_sha256).where(Stimulus.context_sha256.is_not(None)))
    return sorted(db.scalars(shown))


class Backup:
    """A backup whose every byte was found as its manifest says."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Manifest, sha256: str) -> None:
        self._archive, self.manifest, self.sha256 = archive, manifest, sha256

    def lines(self, table: str) -> Iterator[bytes]:
        """A table's rows."""
        with self._archive.open(_member(table)) as file:
            yield from file

    def image(self, sha256: str) -> bytes:
        """An image."""
        return self._archive.read(_image(sha256))


@contextmanager
def checked(path: Path, knows: Callable[[str], bool], watch: Watch = silent) -> Iterator[Backup]:
    """A backup, read wholly and compared with its manifest before anything is done with it.

    Args:
        path: of the file.
        knows: whether this code knows a revision of the schema.
        watch: is told how far the check is.

    Raises:
        Refused: it is damaged, cut off, no backup, or made by a newer release.
    """
    broken = f"{path} is damaged or cut off"
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _manifest(archive, path)
            if not knows(manifest.revision):
                raise Refused(
                    f"{path} was made by a newer release (revision {manifest.revision}): restore it with that one."
                )
            _check_members(archive, manifest, broken)
            for table in manifest.tables:
                if _measured(archive, table.name, watch) != (table.rows, table.sha256):
                    raise Refused(f"{broken} (table {table.name}): take another copy.")
            for sha256 in manifest.images or ():
                if hashlib.sha256(archive.read(_image(sha256))).hexdigest() != sha256:
                    raise Refused(f"{broken} (image {sha256}): take another copy.")
                watch("Checked images", 1)
            yield Backup(archive, manifest, writing.sha256(path))
    except FileNotFoundError as error:
        raise Refused(f"{path} is missing: name a file that `manage.py study backup` wrote.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError) as error:
        raise Refused(f"{broken}, or no backup of a study: take another copy.") from error


def _manifest(archive: zipfile.ZipFile, path: Path) -> Manifest:
    foreign = f"{path} is no backup of a study: name a file that `manage.py study backup` wrote."
    try:
        found = archive.getinfo(MANIFEST)
    except KeyError as error:
        raise Refused(foreign) from error
    if found.file_size > LARGEST_MANIFEST:
        raise Refused(foreign)
    said = archive.read(found)
    try:
        head = msgspec.json.decode(said, type=dict[str, msgspec.Raw])
        form, version = (msgspec.json.decode(head.get(name, b"null")) for name in ("format", "version"))
        if form != FORMAT:
            raise Refused(foreign)
        if version != VERSION:
            raise Refused(f"{path} was made by another release (form {version}): restore it with that one.")
        return msgspec.json.decode(said, type=Manifest)
    except msgspec.MsgspecError as error:
        raise Refused(f"{path} is damaged: its {MANIFEST} cannot be read; take another copy.") from error


def _check_members(archive: zipfile.ZipFile, manifest: Manifest, broken: str) -> None:
    expected = [MANIFEST, *(_member(table.name) for table in manifest.tables), *map(_image, manifest.images or ())]
    fine = sorted(archive.namelist()) == sorted(expected) and all(map(HASH.fullmatch, manifest.images or ()))
    if not fine:
        raise Refused(f"{broken}: it holds other files than its {MANIFEST} names; take another copy.")


def _measured(archive: zipfile.ZipFile, table: str, watch: Watch) -> tuple[int, str]:
    """How many lines a table's member has, and their digest."""
    sha256, rows = hashlib.sha256(), 0
    with archive.open(_member(table)) as file:
        while chunk := file.read(CHUNK):
            sha256.update(chunk)
            rows += (ended := chunk.count(b"\n"))
            watch(f"Checked rows of {table}", ended)
    return rows, sha256.hexdigest()


def _each(lines: tables.Lines, write: Callable[[bytes], object], watch: Callable[[int], None]) -> None:
    """Write all lines, telling how many after every few thousand."""
    number = 0
    for number, line in enumerate(lines, start=1):
        write(line)
        if number % tables.AT_ONCE == 0:
            watch(tables.AT_ONCE)
    watch(number % tables.AT_ONCE)


def _member(table: str) -> str:
    return f"tables/{table}.jsonl"


def _image(sha256: str) -> str:
    return f"images/{sha256}.png"
