"""The photographs of a study: which files they are, what they are called, and their tags."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from codec.errors import Refusal, listing
from codec.tables import read_table

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@/-]*")
ALLOWED = "letters, digits and . _ @ / - after a first letter or digit"
COMPANIONS = ("readme", "license", "licence", "licenses", "licences", "thumbs.db", "desktop.ini")  # no pictures


@dataclass(frozen=True)
class Source:
    """An original picture; its name is its path below the folder without the suffix."""

    name: str
    path: Path
    tag: str = ""


def find_sources(folder: Path, tags: Path | None = None) -> list[Source]:
    """Every picture in the folder and its subfolders, by name; hidden files, README and LICENCE files are passed over.

    `tags` is a CSV with columns `source` (or `file`) and `tag`. Raises Refusal for a missing or empty folder, for a
    name that a study cannot carry, for two files of one name, and for tags that name no picture.
    """
    if not folder.is_dir():
        raise Refusal(f"{folder} is no folder; give --sources a folder of photographs.")
    paths: dict[str, Path] = {}
    odd = []
    for path in picture_files(folder):
        name = source_name(path, folder)
        if name in paths:
            raise Refusal(f"{paths[name]} and {path} would both be the source '{name}'; rename one of them.")
        paths[name] = path
        if not NAME.fullmatch(name):
            odd.append(f"'{name}'")
    if odd:
        raise Refusal(f"{folder}: rename {listing(odd)}; a source's name is made of {ALLOWED}.")
    if not paths:
        raise Refusal(f"{folder} holds no images; put photographs in it or its subfolders.")
    tagged = read_tags(tags, set(paths)) if tags else {}
    return [Source(name, paths[name], tagged.get(name, "")) for name in sorted(paths)]


def source_name(path: Path, folder: Path) -> str:
    """The path below the folder, with forward slashes and without its suffix."""
    return path.relative_to(folder).with_suffix("").as_posix()


def read_tags(path: Path, names: set[str]) -> dict[str, str]:
    """Each source's tag. Rows about other pictures are ignored, as long as some are about these."""
    tags: dict[str, str] = {}
    for row in read_table(path, "source|file", "tag"):
        key = row.get("source") or row["file"]
        name = key.text if key.text in names else Path(key.text).with_suffix("").as_posix()
        tag = row["tag"]
        if name not in names:
            continue
        if tag.text and not NAME.fullmatch(tag.text):
            raise tag.refuse(f"'{tag.text}' is no tag", f"a tag is made of {ALLOWED}")
        if tags.setdefault(name, tag.text) != tag.text:
            raise tag.refuse(f"{name} is tagged both {tags[name]} and {tag.text}", "leave one of the rows")
    if not tags:
        raise Refusal(f"{path} tags none of the photographs; its column source or file must hold their names.")
    return tags


def picture_files(folder: Path) -> Iterator[Path]:
    """All files below the folder that are meant as pictures, in order; linked folders are followed once."""
    seen = set()
    for here, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(here)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if real not in seen else []
        if real not in seen:
            yield from (Path(here, name) for name in sorted(files) if _may_be_a_picture(name))
        seen.add(real)


def _may_be_a_picture(name: str) -> bool:
    return not name.startswith(".") and name.lower().removesuffix(".txt").removesuffix(".md") not in COMPANIONS
