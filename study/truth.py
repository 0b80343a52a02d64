"""The ratings that simulated participants go by: read from truth.csv or drawn from a seed, and written whole."""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from study.choosing import draw
from study.errors import Refused

COLUMNS = ("tag", "source", "crop_x", "crop_y", "crop_width", "crop_height", "condition", "rating")
CROP = COLUMNS[2:6]
LISTED = 8
"""How many known names a refusal lists."""
SPREAD = 100.0
"""Standard deviation, in Elo points, of ratings that are drawn because no truth.csv was given."""


@dataclass(frozen=True)
class Place:
    """A crop, as truth.csv names it; `crop` is x, y, width and height in pixels of the source."""

    tag: str
    source: str
    crop: tuple[int, int, int, int]


@dataclass(frozen=True)
class Row:
    """One row of truth.csv; None stands for every tag, source or crop."""

    tag: str | None
    source: str | None
    crop: tuple[int, int, int, int] | None
    condition: str
    rating: float

    def matches(self, place: Place, condition: str) -> bool:
        """Whether the row speaks of this condition at this place."""
        return (
            self.condition == condition
            and self.tag in {None, place.tag}
            and self.source in {None, place.source}
            and self.crop in {None, place.crop}
        )

    @property
    def names_source(self) -> bool:
        """Whether the row speaks of one source, or of one place in it."""
        return self.source is not None or self.crop is not None

    @property
    def weight(self) -> int:
        """How specific the row is: a crop counts before a source, a source before a tag."""
        return 4 * (self.crop is not None) + 2 * (self.source is not None) + (self.tag is not None)


def read(path: Path, stimuli: Iterable[tuple[Place, str]]) -> list[Row]:
    """The rows of a truth.csv, for a study that rates these stimuli: place and condition of each.

    Raises:
        Refused: the file cannot be read, a column is missing, a value is no number, a row speaks of nothing that the
            study has, or two rows speak of the same thing.
    """
    places: dict[str, list[Place]] = {}
    for place, condition in stimuli:
        places.setdefault(condition, []).append(place)
    everywhere = [place for group in places.values() for place in group]
    known = {
        "condition": set(places),
        "source": {place.source for place in everywhere},
        "tag": {place.tag for place in everywhere if place.tag},
    }
    seen: dict[tuple[object, ...], int] = {}
    rows = []
    for line, cells in _cells(path):
        row = _row(path, line, cells)
        _check_names(path, line, row, known)
        if not any(row.matches(place, row.condition) for place in places[row.condition]):
            raise Refused(
                f"{path}, line {line}: the study rates nothing of this tag, source and crop: correct the row."
            )
        key = (row.tag, row.source, row.crop, row.condition)
        if key in seen:
            raise Refused(f"{path}, line {line}: says again what line {seen[key]} says: delete one of them.")
        seen[key] = line
        rows.append(row)
    return rows


def _cells(path: Path) -> list[tuple[int, dict[str, str | None]]]:
    """The lines below the header with their numbers; spreadsheets may have put a byte order mark before them."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} cannot be read as UTF-8 text ({error}): name a truth.csv.") from error
    table = csv.DictReader(io.StringIO(text, newline=""))
    try:
        for column in ("condition", "rating"):
            if column not in (table.fieldnames or ()):
                raise Refused(f"{path} has no column `{column}`: see docs/formats.md, truth.csv.")
        return [(table.line_num, cells) for cells in table]
    except csv.Error as error:
        raise Refused(f"{path}, line {table.reader.line_num}: no line of a CSV table ({error}): correct it.") from error


def _check_names(path: Path, line: int, row: Row, known: Mapping[str, set[str]]) -> None:
    """Refuse a row that would be of no effect: most likely a name is misspelt."""
    for column, names in known.items():
        name = getattr(row, column)
        if name is not None and name not in names:
            raise Refused(
                f"{path}, line {line}, column {column}: the study rates no `{name}`, but {_listed(names)}: "
                "correct the name or delete the row."
            )


def _listed(names: set[str]) -> str:
    """A few names, so that the sentence stays short."""
    first, rest = sorted(names)[:LISTED], len(names) - LISTED
    return ", ".join(first) + (f" and {rest} more" if rest > 0 else "") if names else "nothing that has one"


def drawn(seed: int, conditions: Iterable[str]) -> list[Row]:
    """Ratings for a simulation without a truth.csv: normal, of standard deviation `SPREAD`, by seed and name."""
    return [
        Row(None, None, None, name, round(draw(seed, "rating", name).gauss(0, SPREAD), 1))
        for name in sorted(conditions)
    ]


def rate(
    rows: list[Row], stimuli: Iterable[tuple[Place, str]], seed: int, source_taste: float
) -> dict[tuple[Place, str], float]:
    """The rating of every stimulus: its most specific row, and what its source does to its condition.

    A row that names a source says what the condition is worth there, source and all, so nothing is added to it; that
    is why a truth that was written can be given again and is the same.

    Args:
        rows: of `read` or `drawn`.
        stimuli: place and condition of each stimulus that gets rated.
        seed, source_taste: a normal number of standard deviation `source_taste`, one per source and condition, is
            added to the rating of a row that names neither source nor crop.

    Raises:
        Refused: no row speaks of a stimulus.
    """
    speaking: dict[str, list[Row]] = {}
    for row in rows:
        speaking.setdefault(row.condition, []).append(row)
    ratings = {}
    for place, condition in stimuli:
        matching = [row for row in speaking.get(condition, []) if row.matches(place, condition)]
        if not matching:
            raise Refused(f"The truth says nothing of `{condition}` on {place.source}: add a row for it to truth.csv.")
        row = max(matching, key=lambda row: row.weight)
        effect = 0.0 if row.names_source else draw(seed, "source", place.source, condition).gauss(0, source_taste)
        ratings[place, condition] = round(row.rating + effect, 6)
    return ratings


def write(ratings: Mapping[tuple[Place, str], float]) -> str:
    """truth.csv of what was used: one row per source and condition, or per crop where a source's crops differ."""
    groups: dict[tuple[str, str], dict[Place, float]] = {}
    for (place, condition), rating in ratings.items():
        groups.setdefault((place.source, condition), {})[place] = rating
    rows: list[tuple[object, ...]] = []
    for (source, condition), group in sorted(groups.items()):
        alike = len(set(group.values())) == 1
        for place, rating in sorted(group.items(), key=lambda item: item[0].crop)[: 1 if alike else None]:
            crop = ("",) * 4 if alike else place.crop
            rows.append(("", source, *crop, condition, f"{rating:.6f}"))
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return out.getvalue()


def _row(path: Path, line: int, cells: Mapping[str, str | None]) -> Row:
    def number(column: str) -> float:
        try:
            value = float(cells[column] or "")
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise Refused(f"{path}, line {line}, column {column}: `{cells[column] or ''}` is no number: correct it.")
        return value

    given = [column for column in CROP if cells.get(column)]
    if given and len(given) < len(CROP):
        raise Refused(f"{path}, line {line}: a crop needs {', '.join(CROP)}: fill in all four or none.")
    x, y, width, height = (int(number(column)) for column in CROP) if given else (0, 0, 0, 0)
    return Row(
        tag=cells.get("tag") or None,
        source=cells.get("source") or None,
        crop=(x, y, width, height) if given else None,
        condition=cells["condition"] or "",
        rating=number("rating"),
    )
