"""A study folder: images/, skipped.csv, study.toml, recipe.json and, last of all, stimuli.csv.

Finished photographs wait in `.unfinished/`, each in a folder named by everything that it was made from, so that a run
that was interrupted goes on where it was. What a folder was made from stands in its recipe.json.
"""

import csv
import fcntl
import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from codec.errors import Refusal
from codec.stimuli import SKIPPED_COLUMNS, STIMULI_COLUMNS, Made, Skipped, Stimulus, as_rows

UNFINISHED = ".unfinished"
DEFAULT_STUDY = Path(__file__).parent / "default_study.toml"


def digest(content: object) -> str:
    """SHA-256 of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class StudyFolder:
    """The folder that stimuli are written to."""

    path: Path

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep other runs out for a while."""
        work = self.path / UNFINISHED
        work.mkdir(parents=True, exist_ok=True)
        with (work / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Refusal(f"Another run is writing to {self.path}; wait for it, or choose another -o.") from None
            yield

    def is_finished(self, recipe: dict[str, Any]) -> bool:
        """Whether it has been made by this recipe, with every image as it was written. Raises Refusal if by another."""
        if not (self.path / "stimuli.csv").exists():
            return False
        try:
            made_by = json.loads((self.path / "recipe.json").read_text())
        except (OSError, ValueError):
            raise Refusal(f"{self.path} holds a stimuli.csv without its recipe.json; choose another -o.") from None
        if made_by != recipe:
            other = ", ".join(sorted(key for key in recipe if made_by.get(key) != recipe[key]))
            raise Refusal(f"{self.path} holds stimuli that were made otherwise ({other} differ); choose another -o.")
        with (self.path / "stimuli.csv").open(newline="") as file:
            images = {(row.get("path") or "", row.get("sha256") or "") for row in csv.DictReader(file)}
        return bool(images) and all(_holds(self.path / path, sha256) for path, sha256 in images)

    def clear_leftovers(self) -> None:
        """Remove what a run left that was stopped between its last file and its end."""
        if (self.path / UNFINISHED).exists():
            with self.claimed():
                shutil.rmtree(self.path / UNFINISHED)

    def keep(self, key: str, made: Made) -> None:
        """Put aside what one photograph gave; it is there whole or not at all."""
        part = self.path / UNFINISHED / f"{key}.{os.getpid()}"
        part.mkdir(parents=True, exist_ok=True)
        for sha256, data in made.images.items():
            (part / f"{sha256}.png").write_bytes(data)
        rows = {"stimuli": [asdict(row) for row in made.stimuli], "skipped": [asdict(row) for row in made.skipped]}
        (part / "rows.json").write_text(json.dumps(rows))
        part.rename(self.path / UNFINISHED / key)

    def kept(self, key: str) -> bool:
        """Whether the photograph with this key is done."""
        return (self.path / UNFINISHED / key).is_dir()

    def rows(self, keys: Sequence[str]) -> tuple[list[Stimulus], list[Skipped]]:
        """What the photographs gave, in the order of the keys."""
        rows = [json.loads((self.path / UNFINISHED / key / "rows.json").read_text()) for key in keys]
        stimuli = [Stimulus(**row) for made in rows for row in made["stimuli"]]
        return stimuli, [Skipped(**row) for made in rows for row in made["skipped"]]

    def finish(self, keys: Sequence[str], recipe: dict[str, Any]) -> None:
        """Bring everything to its place, stimuli.csv last, and clear away the unfinished work."""
        stimuli, skipped = self.rows(keys)
        (self.path / "images").mkdir(exist_ok=True)
        for key in keys:
            for image in sorted((self.path / UNFINISHED / key).glob("*.png")):
                image.replace(self.path / "images" / image.name)
        if not (self.path / "study.toml").exists():
            write(self.path / "study.toml", DEFAULT_STUDY.read_bytes())
        write(self.path / "skipped.csv", _csv(SKIPPED_COLUMNS, as_rows(skipped)))
        write(self.path / "recipe.json", (json.dumps(recipe, indent=1, sort_keys=True) + "\n").encode())
        write(self.path / "stimuli.csv", _csv(STIMULI_COLUMNS, as_rows(stimuli)))
        shutil.rmtree(self.path / UNFINISHED)

    def abandon(self) -> None:
        """Throw the unfinished work away, and the folder too if there is nothing else in it."""
        shutil.rmtree(self.path / UNFINISHED)
        if not any(self.path.iterdir()):
            self.path.rmdir()


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _holds(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _csv(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()
