"""datapackage.json: what each file of an archive is, column by column, as Frictionless Data spells it.

https://specs.frictionlessdata.io/data-package/, with its pages on resources, tabular resources and table schemas.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from study.dictionary import HISTORY, SESSIONS, VOTES, Column

TYPES = {
    "integer": "integer",
    "pixels": "integer",
    "CSS pixels": "integer",
    "milliseconds": "integer",
    "bits": "integer",
    "number": "number",
    "bits per pixel": "number",
    "device pixels": "number",
    "boolean": "boolean",
    "time": "datetime",
    "text": "string",
    "sha256": "string",
}
"""What the dictionary says of a column, in the words of a table schema."""
MEDIA_TYPES = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".toml": "application/toml",
}
COLUMNS_COLUMNS = (
    Column("file", "text", "the table"),
    Column("column", "text", "the column's name"),
    Column("type", "text", "what its cells hold"),
    Column("meaning", "text", "a sentence"),
)
IMAGES = (
    Column("sha256", "sha256", "of the PNG file's bytes"),
    Column("context_sha256", "sha256", "of the PNG of the larger window, where there is one"),
    Column("source", "text", "the original image"),
    Column("source_sha256", "sha256", "of the original's pixels, after its size"),
    Column("tag", "text", "kind of content, where stimuli.csv names one"),
    Column("crop_x", "pixels", "left edge of the crop in the original"),
    Column("crop_y", "pixels", "upper edge of the crop in the original"),
    Column("crop_width", "pixels", "width of the crop"),
    Column("crop_height", "pixels", "height of the crop"),
    Column("condition", "text", "the codec at an operating point, reference, or catch"),
    Column("codec", "text", "empty for reference and catch"),
    Column("rate", "bits per pixel", "target of the condition"),
    Column("bpp", "bits per pixel", "real size of the file, over the whole source"),
)
"""The columns of an archive's images.csv: every image that the study showed."""
TABLES: Mapping[str, Sequence[Column]] = {
    "votes.csv": VOTES,
    "sessions.csv": SESSIONS,
    "history.csv": HISTORY,
    "columns.csv": COLUMNS_COLUMNS,
    "images.csv": IMAGES,
}


def package(
    study: str, title: str, *, simulated: bool, votes: str, files: Iterable[tuple[str, int, str]]
) -> dict[str, Any]:
    """The descriptor of an archive.

    Args:
        study: its name.
        title: what its participants read.
        simulated: whether no person voted.
        votes: the path of its votes.csv.
        files: of every other member the path, the number of bytes and the SHA-256.
    """
    return {
        "profile": "data-package",
        "name": slug(study),
        "title": title,
        "description": "A closed study of image compression: its design, every vote, and what was made of them. "
        "README.md says how to make the report again.",
        "keywords": ["image compression", "pair comparison", "human preference"],
        "simulated": simulated,
        "resources": [resource(path, size, sha256, votes) for path, size, sha256 in files],
    }


def resource(path: str, size: int, sha256: str, votes: str = "votes.csv") -> dict[str, Any]:
    """A file's descriptor; of a table that the dictionary knows with its columns."""
    suffix = PurePosixPath(path).suffix
    described = {
        "name": slug(path),
        "path": path,
        "profile": "data-resource",
        "format": suffix.removeprefix("."),
        "mediatype": MEDIA_TYPES.get(suffix, "application/octet-stream"),
        "bytes": size,
        "hash": f"sha256:{sha256}",
    }
    if suffix not in {".png"}:
        described["encoding"] = "utf-8"
    columns = TABLES.get("votes.csv" if path == votes else path)
    if columns is not None:
        described |= {"profile": "tabular-data-resource", "schema": schema(columns)}
    return described


def schema(columns: Iterable[Column]) -> dict[str, Any]:
    """A table schema; an empty cell is a missing value."""
    return {"fields": [_field(column) for column in columns], "missingValues": [""]}


def slug(name: str) -> str:
    """A name as the specification allows it: lower-case letters, digits, and `. _ - /`."""
    return re.sub(r"[^-a-z0-9._/]+", "-", name.lower())


def _field(column: Column) -> dict[str, Any]:
    described: dict[str, Any] = {"name": column.name, "type": TYPES[column.type], "description": column.meaning}
    if column.type == "boolean":
        described |= {"trueValues": ["1"], "falseValues": ["0"]}
    elif column.type == "time":
        described["format"] = "%Y-%m-%dT%H:%M:%S.%fZ"
    elif column.type == "sha256":
        described["constraints"] = {"pattern": "[0-9a-f]{64}"}
    elif column.type in {"pixels", "CSS pixels", "device pixels", "milliseconds", "bits per pixel", "bits"}:
        described["unit"] = column.type
    return described
