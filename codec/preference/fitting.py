"""From labels and their sources to a model, its card and its evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from codec.errors import Refusal
from codec.preference import leakage
from codec.preference.backbones import Backbone
from codec.preference.card import FORMAT, Card, Measured, Trained
from codec.preference.evaluation import Crops, Evaluation, Row, Settings, evaluate, held_out
from codec.preference.features import Frozen, Looks, Measure, Simple, fingerprints, measure
from codec.preference.head import Head, fit_head
from codec.preference.labels import Labels, differences, read_labels, refuse_too_few
from codec.preference.leakage import Fingerprint
from codec.preference.library import Library
from codec.preference.model import Heads, packed

ON_THE_CARD = {
    "cross_validation": ("accuracy", "auc", "log_loss", "calibration_error", "w_mean", "w_sd"),
    "cross_validation_difference": ("log_loss",),
    "yardstick": ("two_participants", "best_prediction", "least_log_loss"),
    "test": ("accuracy", "auc", "log_loss", "calibration_error"),
}


@dataclass(frozen=True)
class Given:
    """What a fit is made from, besides labels and sources: `margins` are further views to evaluate, None the usual."""

    backbone: Backbone
    cache: Path
    margin: int = 0
    margins: tuple[int, ...] | None = None
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True)
class Fit:
    """A model's bytes with all that a page about it shows."""

    model: bytes
    card: Card
    crops: Crops
    library: Library
    evaluation: Evaluation
    rows: list[Row]


@dataclass(frozen=True)
class Held:
    """Labels of other sources to check on, and the folder of these."""

    labels: Path
    sources: Path
    allow_leak: bool = False


def fit(labels_path: Path, sources: Path, given: Given, held: Held | None = None) -> Fit:
    """Read, measure, evaluate, and fit on everything.

    Raises:
        Refusal: labels that are not to be pooled, too few or all alike; a source that is not there; a test set whose
            sources were learned from.
    """
    labels, library = read_labels(labels_path), Library(sources)
    margins = _margins(labels, given)
    crops, prints = _measured(labels, library, given, margins)
    refuse_too_few(labels, crops.groups, given.settings.folds)
    other = _other(held, labels, prints, given) if held else None  # refused before the long part
    evaluation = evaluate(crops, given.settings)
    head = fit_head(crops.votes(), given.settings.seed)
    if other:
        evaluation.rows += held_out(head, crops, other[0], given.settings, leak=other[1])
    rows = [_marked(row, labels, given) for row in evaluation.rows]
    card = _card(crops, prints, given, head, evaluation)
    heads = Heads.of(head, evaluation.validated.heads)
    return Fit(packed(heads, card), card, crops, library, evaluation, rows)


def _measured(
    labels: Labels, library: Library, given: Given, margins: Sequence[int]
) -> tuple[Crops, list[Fingerprint]]:
    """Features, statistics and views of labelled crops, and their sources' fingerprints."""
    views = [Frozen(given.backbone, margin) for margin in margins]
    measures: list[Measure] = [Frozen(given.backbone, given.margin), Simple(), Looks(), *views]
    features, statistics, looks, *others = measure(labels, library, measures, given.cache)
    prints = fingerprints(labels, looks)
    group = np.array(leakage.groups(prints))[labels.source]
    views_of = dict(zip(margins, others, strict=True))
    return Crops(labels, features, statistics, group, given.margin, views=views_of), prints


def _margins(labels: Labels, given: Given) -> tuple[int, ...]:
    """Half a crop's side and twice of it, unless others are asked for."""
    side = min(labels.size)
    wished = given.margins if given.margins is not None else (-side // 4, 0, side // 2)
    return tuple(sorted(set(wished) - {given.margin}))


def _other(held: Held, labels: Labels, prints: list[Fingerprint], given: Given) -> tuple[Crops, bool]:
    """The crops of a test set, and whether the model has learned from some of its sources."""
    other = read_labels(held.labels)
    for name in ("simulated", "asks_for", "reference"):
        if other.asked[name] != labels.asked[name]:
            differ = "; ".join(differences(labels, other))
            raise Refusal(f"{held.labels} answers another question than {labels.path} ({differ}); test on the same.")
    crops, of_other = _measured(other, Library(held.sources), given, ())
    leaks = leakage.leaking(of_other, prints)
    names = {row.source_sha256: row.source for row in other.rows}
    shown = [names[sha256] for sha256 in other.sources]
    leakage.refuse_leaks(shown, leaks, "The model", allowed=held.allow_leak)
    return crops, any(leaks)


def _marked(row: Row, labels: Labels, given: Given) -> Row:
    return replace(
        row,
        backbone=given.backbone.name,
        seed=str(given.settings.seed),
        simulated=str(int(labels.simulated)),
        labels_sha256=labels.sha256,
    )


def _card(crops: Crops, prints: list[Fingerprint], given: Given, head: Head, evaluation: Evaluation) -> Card:
    labels, backbone = crops.labels, given.backbone
    asked = {name: value for name, value in labels.asked.items() if name != "simulated"}
    total = float(labels.yes.sum() + labels.no.sum())
    fold = {source: int(evaluation.validated.fold[labels.source == source][0]) for source in range(len(prints))}
    return Card(
        format=FORMAT,
        simulated=labels.simulated,
        backbone=backbone.name,
        weights_file=backbone.weights.file,
        weights_sha256=backbone.weights.sha256,
        width=backbone.width,
        margin=given.margin,
        crop_width=labels.size[0],
        crop_height=labels.size[1],
        **asked,
        studies=labels.studies,
        labels_sha256=labels.sha256,
        votes_sha256=labels.votes_sha256,
        crops=len(labels.rows),
        votes=round(total),
        hallucinated_share=float(labels.yes.sum()) / total,
        groups=crops.groups,
        folds=len(evaluation.validated.heads),
        seed=given.settings.seed,
        ridge=head.ridge,
        slope=head.slope,
        shift=head.shift,
        evaluation=tuple(_on_the_card(evaluation)),
        sources=tuple(Trained(one.sha256, one.looks, fold[place]) for place, one in enumerate(prints)),
    )


def _on_the_card(evaluation: Evaluation) -> list[Measured]:
    return [
        Measured(row.evaluation, row.predictor, row.measure, row.value, row.low, row.high)
        for row in evaluation.rows
        if row.measure in ON_THE_CARD.get(row.evaluation, ()) and not row.tag
    ]
