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
    def weight(self) -> int:
        """How specific the row is: a crop counts before a source, a source before a tag."""
        return 4 * (self.crop is not None) + 2 * (self.source is not None) + (self.tag is not None)


def read(path: Path, conditions: Iterable[str]) -> list[Row]:
    """The rows of a truth.csv.

    Raises:
        Refused: the file cannot be read, a column is missing, a value is no number, a condition is not the study's,
            or two rows speak of the same thing.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} cannot be read as UTF-8 text ({error}): name a truth.csv.") from error
    table = csv.DictReader(io.StringIO(text, newline=""))
    for column in ("condition", "rating"):
        if column not in (table.fieldnames or ()):
            raise Refused(f"{path} has no column `{column}`: see docs/formats.md, truth.csv.")
    known = set(conditions)
    seen: dict[tuple[object, ...], int] = {}
    rows = []
    for cells in table:
        row = _row(path, table.line_num, cells)
        if row.condition not in known:
            raise Refused(
                f"{path}, line {table.line_num}, column condition: the study rates no `{row.condition}`, "
                f"but {', '.join(sorted(known))}: correct the name or delete the row."
            )
        key = (row.tag, row.source, row.crop, row.condition)
        if key in seen:
            raise Refused(f"{path}, line {table.line_num}: says again what line {seen[key]} says: delete one of them.")
        seen[key] = table.line_num
        rows.append(row)
    return rows


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

    Args:
        rows: of `read` or `drawn`.
        stimuli: place and condition of each stimulus that gets rated.
        seed, source_taste: a normal number of standard deviation `source_taste` is added, one per source and condition.

    Raises:
        Refused: no row speaks of a stimulus.
    """
    ratings = {}
    for place, condition in stimuli:
        matching = [row for row in rows if row.matches(place, condition)]
        if not matching:
            raise Refused(f"The truth says nothing of `{condition}` on {place.source}: add a row for it to truth.csv.")
        effect = draw(seed, "source", place.source, condition).gauss(0, source_taste)
        ratings[place, condition] = round(max(matching, key=lambda row: row.weight).rating + effect, 6)
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
