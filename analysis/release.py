"""A release of labels: labels.csv with its counts, described for people and programs, or refused.

What is released is a table of crops with counts; no vote, session or pseudonym is in it. It is refused where its counts
do not add up, where it mixes votes that are never pooled, where no person voted and that is not said, and where the
consent that is quoted stands nowhere in the frozen study.
"""

import hashlib
import json
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from analysis.files import Refusal, Table, read_bytes, read_table
from analysis.labels import LABELS_COLUMNS

LABELS, CARD, MARK = "labels.csv", "README.md", "datapackage.json"
FILES = (LABELS, CARD, MARK)
ONE = ("study", "config", "votes_sha256", "simulated", "asks_for", "reference", "layout", "view")
"""What every row must say alike."""
COUNTS = ("participants", "votes", "hallucinated_votes", "faithful_votes", "not_sure_votes")
INTEGERS = frozenset((*COUNTS, "crop_x", "crop_y", "crop_width", "crop_height"))
NUMBERS = frozenset(("rate", "share", "share_low", "share_high"))
LICENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}")
SHARE_TOLERANCE = 1e-6
WORDS = {
    "prefer": "which they would rather have",
    "closer": "which is closer to the original",
    "more_different": "which differs more from the original (the press names the worse side; the counts here are of "
    "the side that won)",
}
IN_VIEW = {
    "always": "in view all the time",
    "on_demand": "in view only while it was asked for",
    "never": "never in view",
}
COLUMNS = {
    "share": "posterior mean under Beta(1/2, 1/2) of a vote for the hallucinated side, not sure as half to each",
    "share_low": "lower end of its central 95% interval",
    "share_high": "upper end of its central 95% interval",
    "participants": "people behind the votes of the crop",
    "votes": "votes of the crop and the pair of conditions",
    "hallucinated_votes": "votes for the condition that invents detail",
    "faithful_votes": "votes for the condition that does not",
    "not_sure_votes": "votes for neither",
    "source_sha256": "of the original's pixels, after its size: WIDTHxHEIGHT: in ASCII",
    "config": "SHA-256 of design.toml, the frozen study",
    "votes_sha256": "of the votes.csv that the labels were made from",
    "simulated": "1 where no person voted",
}


@dataclass(frozen=True)
class Labels:
    """A labels.csv that can be released: its bytes, its table, and what all of its rows say alike."""

    data: bytes
    table: Table
    said: Mapping[str, str]

    @property
    def simulated(self) -> bool:
        """Whether no person voted."""
        return self.said["simulated"] == "1"

    def total(self, column: str) -> int:
        """The sum of a column of counts."""
        return sum(map(int, self.table.columns[column]))


def read_labels(path: Path) -> Labels:
    """Read a labels.csv and hold its counts to one another; raise `Refusal` for the first that does not fit."""
    data, table = read_bytes(path), read_table(path, LABELS_COLUMNS)
    for row in range(len(table)):
        _check_row(table, row)
    for column in ONE:
        for row, cell in enumerate(table.columns[column]):
            if cell != table.columns[column][0]:
                table.refuse(
                    *(row, column, f"is {cell!r}, but the rows before say {table.columns[column][0]!r}"),
                    "release the labels of each study and question on their own",
                )
    said = {column: table.columns[column][0] for column in ONE}
    if said["simulated"] not in {"0", "1"}:
        table.refuse(0, "simulated", f"is {said['simulated']!r}", "it is 1 where no person voted, else 0")
    return Labels(data, table, said)


def _check_row(table: Table, row: int) -> None:
    cells = {name: table.columns[name][row] for name in LABELS_COLUMNS}
    for name in COUNTS:
        if not re.fullmatch(r"[0-9]{1,9}", cells[name]):
            table.refuse(row, name, f"{cells[name]!r} is no count", "make the labels again with `analysis labels`")
    participants, votes, won, lost, neither = (int(cells[name]) for name in COUNTS)
    if won + lost + neither != votes or not 0 < participants <= votes:
        table.refuse(row, "votes", "the counts do not add up", "make the labels again with `analysis labels`")
    try:
        share = float(cells["share"])
    except ValueError:
        share = float("nan")
    if not abs(share - (won + neither / 2 + 0.5) / (votes + 1)) <= SHARE_TOLERANCE:
        table.refuse(row, "share", f"{cells['share']!r} does not follow from the counts", "make the labels again")


def consent(labels: Labels, design: Path | None, sentence: str) -> str:
    """Return the sentence by which participants agreed to a release, as it stands in the consent of the frozen study.

    Votes from elsewhere have no frozen study: there the sentence is the publisher's word. Raises `Refusal` where the
    design is missing or another one, or its consent says no such thing.
    """
    wanted = " ".join(sentence.split())
    if not wanted:
        raise Refusal("--consent is empty: quote the sentence of the consent that allows a release.")
    if not labels.said["config"]:
        return wanted
    if design is None:
        raise Refusal(
            "These labels are of a frozen study, so its consent can be looked up: name its design.toml with `--design`."
        )
    data = read_bytes(design)
    if hashlib.sha256(data).hexdigest() != labels.said["config"]:
        raise Refusal(f"{design} is not the frozen study of these labels; name the design.toml beside their votes.csv.")
    try:
        texts = tomllib.loads(data.decode())["texts"]
        given = " ".join(str(texts["consent"]).split())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError):
        raise Refusal(f"{design} has no texts.consent that can be read; export the votes again.") from None
    if wanted not in given:
        raise Refusal(
            f"The consent in {design} does not say {wanted!r}; quote what it says, or do not release these labels."
        )
    return wanted


def release_files(labels: Labels, licence: str, agreed: str) -> dict[str, str | bytes]:
    """Return the files of a release by name; the same labels and words give the same bytes."""
    if not LICENCE.fullmatch(licence):
        raise Refusal(f"--licence {licence!r} is no licence's short name; write it as SPDX does, such as CC-BY-4.0.")
    return {
        LABELS: labels.data,
        CARD: _card(labels, licence, agreed),
        MARK: json.dumps(_package(labels, licence, agreed), indent=1, ensure_ascii=False) + "\n",
    }


def _package(labels: Labels, licence: str, agreed: str) -> dict[str, Any]:
    """datapackage.json, as specs.frictionlessdata.io/data-package says it."""
    fields = [{"name": name, "type": _type(name), **_meaning(name)} for name in labels.table.columns]
    study = re.sub(r"[^-a-z0-9._]+", "-", labels.said["study"].lower()) or "votes"
    return {
        "profile": "data-package",
        "name": f"labels-{study}",
        "title": f"Labels of hallucination preference, study {labels.said['study'] or 'unnamed'}",
        "licenses": [{"name": licence}],
        "keywords": ["image compression", "hallucination", "human preference"],
        "simulated": labels.simulated,
        "consent": agreed,
        "votes_sha256": labels.said["votes_sha256"],
        "resources": [
            {
                "name": "labels",
                "path": LABELS,
                "profile": "tabular-data-resource",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "bytes": len(labels.data),
                "hash": f"sha256:{hashlib.sha256(labels.data).hexdigest()}",
                "schema": {"fields": fields, "missingValues": [""]},
            }
        ],
    }


def _type(name: str) -> str:
    if name in INTEGERS:
        return "integer"
    return "number" if name in NUMBERS else "string"


def _meaning(name: str) -> dict[str, str]:
    return {"description": COLUMNS[name]} if name in COLUMNS else {}


def _card(labels: Labels, licence: str, agreed: str) -> str:
    """The README: what was asked and shown, how much there is, how it may be used, and where it comes from."""
    said, columns = labels.said, labels.table.columns
    pairs = Counter(zip(columns["hallucinated"], columns["faithful"], columns["rate"], strict=True))
    checked = "stands in the consent of the frozen study" if said["config"] else "is the publisher's word, unchecked"
    given = {
        "said": said,
        "simulated": labels.simulated,
        "asked": WORDS.get(said["asks_for"], "not recorded"),
        "in_view": IN_VIEW.get(said["reference"], "not recorded"),
        "labels": len(labels.table),
        "images": len(set(columns["source_sha256"])),
        "total": {name: labels.total(name) for name in COUNTS},
        "votes": _range(sorted(map(int, columns["votes"]))),
        "people": _range(sorted(map(int, columns["participants"]))),
        "pairs": sorted(pairs.items()),
        "licence": licence,
        "agreed": agreed,
        "checked": checked,
        "sha256": hashlib.sha256(labels.data).hexdigest(),
    }
    templates = FileSystemLoader(Path(__file__).parent / "templates")
    pages = Environment(loader=templates, undefined=StrictUndefined, trim_blocks=True)  # noqa: S701 - Markdown, no HTML
    return pages.get_template("data_card.md.jinja").render(given)


def _range(numbers: Sequence[int]) -> str:
    return f"{numbers[0]} to {numbers[-1]}" if numbers[0] != numbers[-1] else f"{numbers[0]}"
