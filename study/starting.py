"""What `study new` writes: a commented study.toml for each kind and question, and a page for an ethics board."""

import json
from pathlib import Path
from typing import Literal

from study.spec_tables import Design, Kind
from study.wording import defaults

TEXTS = Path(__file__).with_name("beginnings")
CONSENT = "consent.md"
Asked = Literal["prefer", "closer", "both"]

HEADINGS = {
    ("compare", "prefer"): "A study that compares codecs: which image do people prefer?",
    ("compare", "closer"): "A study that compares codecs: which image is closer to the original?",
    ("compare", "both"): "A study that compares codecs by two questions, one a participant: preferred, or closer?",
    ("label", "prefer"): "A study that labels hallucination preference: where do people welcome invented detail?",
    ("label", "closer"): "A study that labels where invented detail seems closer to the original.",
    ("label", "both"): "A study that labels hallucination preference by two questions, one a participant.",
}
PURPOSES = {
    "compare": "Their answers show which way of storing images keeps what people want to see.",
    "label": "Their answers show where people welcome detail that a codec invented, and where they do not.",
}


def study_toml(name: str, kind: Kind, asked: Asked) -> str:
    """A commented study.toml with every key of the contract.

    Labels of preference have the original on demand: with it always in view people judge how close an image is, even
    where they are asked which one they would rather have.
    """
    first = "prefer" if asked == "both" else asked
    second = "closer" if asked == "both" else ""
    said = defaults(kind, first, or_asks_for=second, not_sure=False)
    return _text("study.toml").format(
        heading=HEADINGS[kind, asked],
        name=json.dumps(name, ensure_ascii=False),  # on one line, whatever a folder may be called
        kind=kind,
        asks_for=first,
        or_asks_for=second,
        reference="on_demand" if kind == "label" and first == "prefer" else "always",
        **{key: said[key] for key in ("title", "question", "or_question")},
    )


def consent(name: str, kind: Kind) -> str:
    """What an ethics board asks, in Markdown, with open places in square brackets."""
    return _text(CONSENT).format(name=name, purpose=PURPOSES[kind], trials=Design().trials)


def _text(file: str) -> str:
    return (TEXTS / file).read_text(encoding="utf-8")
