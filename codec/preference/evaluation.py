"""Everything that a fit says of itself, as rows of evaluation.csv: measures on sources that were not learned from."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, field, fields, replace

import numpy as np

from codec.preference.head import Head, Votes, fit_head, sigmoid
from codec.preference.labels import Floats, Ints, Labels
from codec.preference.measures import (
    Drawn,
    Estimate,
    Outcome,
    calibration_floor,
    difference,
    drawn,
    estimates,
)
from codec.preference.validation import Point, Validated, constant, learning_curve, share_logit, validate
from codec.preference.yardsticks import Counts, Found, yardsticks


@dataclass(frozen=True)
class Row:
    """A row of evaluation.csv, as text."""

    evaluation: str
    predictor: str
    measure: str
    value: str
    low: str = ""
    high: str = ""
    tag: str = ""
    margin: str = ""
    learned_sources: str = ""
    sources: str = ""
    crops: str = ""
    votes: str = ""
    leak: str = "0"
    reason: str = ""
    backbone: str = ""
    seed: str = ""
    simulated: str = ""
    labels_sha256: str = ""
    tested_sha256: str = ""


COLUMNS = tuple(column.name for column in fields(Row))


@dataclass(frozen=True)
class Settings:
    """How an evaluation is made: folds of sources, rounds of the bootstrap, and the seed that all follows from."""

    folds: int = 5
    rounds: int = 1000
    seed: int = 1


@dataclass(frozen=True)
class Crops:
    """Labels with what was measured of them: features and statistics of crops, and groups of sources that look alike.

    `views` holds features of the same crops with other margins; `margin` is that of `features`. `fold` numbers the
    heads that predict the crops in cross-validation.
    """

    labels: Labels
    features: Floats
    statistics: Floats
    group: Ints
    margin: int = 0
    fold: Ints | None = None
    views: dict[int, Floats] = field(default_factory=dict)

    def votes(self, features: Floats | None = None) -> Votes:
        """Votes beside features: the model's unless others are given."""
        return Votes(self.features if features is None else features, self.labels.yes, self.labels.no, self.group)

    @property
    def seen(self) -> Outcome:
        """Votes beside groups."""
        return Outcome(self.labels.yes, self.labels.no, self.group, self.fold)

    @property
    def counts(self) -> Counts:
        """Whole votes beside groups."""
        votes = np.array([(row.hallucinated, row.faithful, row.not_sure) for row in self.labels.rows])
        return Counts(votes[:, 0], votes[:, 1], votes[:, 2], self.group)

    @property
    def groups(self) -> int:
        """How many groups of sources there are."""
        return int(self.group.max()) + 1


@dataclass
class Evaluation:
    """What was found: rows without the cells that all have alike, and what pictures are drawn from."""

    validated: Validated
    yardsticks: Found
    curve: list[tuple[float, Estimate]]
    twice: Estimate
    rows: list[Row] = field(default_factory=list)

    def row(self, evaluation: str, predictor: str, measure: str, margin: str = "") -> Row:
        """The row over all tags; KeyError where there is none."""
        for row in self.rows:
            key = row.evaluation, row.predictor, row.measure, row.tag
            if key == (evaluation, predictor, measure, "") and margin in ("", row.margin):
                return row
        raise KeyError(evaluation, predictor, measure)


def evaluate(crops: Crops, settings: Settings) -> Evaluation:
    """Cross-validation beside plain predictors and yardsticks, other views, and the learning curve."""
    folds, seed = settings.folds, settings.seed
    votes = crops.votes()
    validated = validate(votes, folds, seed)
    crops = replace(crops, fold=validated.fold)
    logits = {
        "model": validated.logits,
        "statistics": validate(crops.votes(crops.statistics), folds, seed).logits,
        "constant": constant(votes, folds, seed),
    }
    points = learning_curve(votes, validated, folds, seed)
    curve, twice = _curve(points, crops.seen, settings)
    found = Evaluation(validated, yardsticks(crops.counts, seed), curve, twice)
    learned = str(round(crops.groups * (folds - 1) / folds))
    own = {"margin": str(crops.margin), "learned_sources": learned}
    found.rows += _compared("cross_validation", logits, crops, settings, **own)
    found.rows += _spread(validated.logits, crops, **own)
    found.rows += _by_tag(validated.logits, crops, settings, **own)
    found.rows += _yardstick_rows("yardstick", found.yardsticks, crops)
    found.rows += _views(crops, validated.logits, settings, learned)
    found.rows += _curve_rows(curve, twice, points, crops)
    return found


def held_out(head: Head, learned: Crops, other: Crops, settings: Settings, *, leak: bool) -> list[Row]:
    """What a head that learned from one set of labels says of another set, beside the same plain predictors."""
    simple = fit_head(learned.votes(learned.statistics), settings.seed)
    logits = {
        "model": head.logits(other.features),
        "statistics": simple.logits(other.statistics),
        "constant": np.full(len(other.labels.rows), share_logit(learned.labels.yes, learned.labels.no)),
    }
    cells = {"margin": str(other.margin), "learned_sources": str(learned.groups)}
    rows = [
        *_compared("test", logits, other, settings, **cells),
        *_spread(logits["model"], other, "test", **cells),
        *_yardstick_rows("test", yardsticks(other.counts, settings.seed), other),
    ]
    digest = other.labels.sha256
    return [replace(row, leak="1" if leak else "0", tested_sha256=digest) for row in rows]


def table(rows: Iterable[Row]) -> bytes:
    """evaluation.csv."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(astuple(row) for row in rows)
    return text.getvalue().encode()


def _compared(
    evaluation: str, logits: dict[str, Floats], crops: Crops, settings: Settings, **cells: str
) -> Iterator[Row]:
    """Each predictor's measures, and the model's less those of the plain ones on the same resampled sources."""
    seen, groups = crops.seen, crops.groups
    values = {name: _drawn(sigmoid(of), seen, settings) for name, of in logits.items()}
    for name, of in values.items():
        yield from _rows(evaluation, name, estimates(of, groups), seen, groups, **cells)
    floor = calibration_floor(sigmoid(logits["model"]), seen, settings.seed)
    by_chance = {"calibration_error_by_chance": Estimate(floor)}
    yield from _rows(evaluation, "model", by_chance, seen, groups, **cells)
    for name in ("constant", "statistics"):
        less = difference(values["model"], values[name], groups)
        yield from _rows(f"{evaluation}_difference", f"model - {name}", less, seen, groups, **cells)


def _spread(logits: Floats, crops: Crops, evaluation: str = "cross_validation", **cells: str) -> Iterator[Row]:
    """Mean and standard deviation of w over crops: a model that shrinks to one number conditions nothing."""
    w = sigmoid(logits)
    found = {"w_mean": Estimate(float(w.mean())), "w_sd": Estimate(float(w.std()))}
    yield from _rows(evaluation, "model", found, crops.seen, crops.groups, **cells)


def _by_tag(logits: Floats, crops: Crops, settings: Settings, **cells: str) -> Iterator[Row]:
    tags = np.array([row.tag for row in crops.labels.rows])
    for tag in sorted(set(tags.tolist()) - {""}):
        chosen = np.nonzero(tags == tag)[0]
        part = crops.seen.of(chosen)
        groups = int(part.group.max()) + 1
        found = estimates(_drawn(sigmoid(logits[chosen]), part, settings), groups)
        found["w_mean"] = Estimate(float(sigmoid(logits[chosen]).mean()))
        yield from _rows("cross_validation", "model", found, part, groups, tag=tag, **cells)


def _yardstick_rows(evaluation: str, found: Found, crops: Crops) -> Iterator[Row]:
    for row in _rows(evaluation, "yardstick", found.values, crops.seen, crops.groups):
        yield replace(row, reason=found.reason)


def _views(crops: Crops, own: Floats, settings: Settings, learned: str) -> Iterator[Row]:
    """The same with other margins, and how that differs from the model's own."""
    ours = _drawn(sigmoid(own), crops.seen, settings)
    for margin, features in sorted(crops.views.items()):
        logits = validate(crops.votes(features), settings.folds, settings.seed).logits
        theirs = _drawn(sigmoid(logits), crops.seen, settings)
        cells = {"margin": str(margin), "learned_sources": learned}
        yield from _rows(
            "size_and_context", "model", estimates(theirs, crops.groups), crops.seen, crops.groups, **cells
        )
        less = difference(theirs, ours, crops.groups)
        name = "this margin - the model's"
        yield from _rows("size_and_context_difference", name, less, crops.seen, crops.groups, **cells)


def _curve(points: list[Point], seen: Outcome, settings: Settings) -> tuple[list[tuple[float, Estimate]], Estimate]:
    """Log-loss at each number of learned sources, and at twice the most: a + b / sources, by least squares."""
    groups = int(seen.group.max()) + 1
    losses = []
    for point in points:
        parts = [_drawn(sigmoid(logits), seen, settings)["log_loss"] for logits in point.logits]
        losses.append(np.mean(parts, axis=0))
    curve = [
        (point.groups, estimates({"log_loss": loss}, groups)["log_loss"])
        for point, loss in zip(points, losses, strict=True)
    ]
    if len(points) < 3:
        return curve, Estimate(np.nan)
    design = np.column_stack([np.ones(len(points)), [1 / point.groups for point in points]])
    line = np.linalg.lstsq(design, np.stack(losses), rcond=None)[0]
    ahead = line[0] + line[1] / (2 * points[-1].groups)
    return curve, estimates({"log_loss": np.asarray(ahead)}, groups)["log_loss"]


def _curve_rows(
    curve: list[tuple[float, Estimate]], twice: Estimate, points: list[Point], crops: Crops
) -> Iterator[Row]:
    for count, loss in curve:
        cells = {"learned_sources": f"{count:.6g}", "margin": str(crops.margin)}
        yield from _rows("learning_curve", "model", {"log_loss": loss}, crops.seen, crops.groups, **cells)
    if len(curve) < 3:
        reason = "too few sources for a curve"
        yield Row("learning_curve", "extrapolated", "log_loss", "", reason=reason)
        return
    cells = {"learned_sources": f"{2 * points[-1].groups:.6g}", "margin": str(crops.margin)}
    yield from _rows("learning_curve", "extrapolated", {"log_loss": twice}, crops.seen, crops.groups, **cells)


def _drawn(chance: Floats, seen: Outcome, settings: Settings) -> Drawn:
    return drawn(chance, seen, settings.seed, settings.rounds)


def _rows(
    evaluation: str, predictor: str, found: dict[str, Estimate], seen: Outcome, groups: int, **cells: str
) -> Iterator[Row]:
    counts = {
        "sources": str(groups),
        "crops": str(len(seen.yes)),
        "votes": f"{float((seen.yes + seen.no).sum()):.0f}",
    }
    for measure, estimate in found.items():
        value, low, high = (_text(number) for number in (estimate.value, estimate.low, estimate.high))
        yield Row(evaluation, predictor, measure, value, low, high, **counts, **cells)


def _text(number: float) -> str:
    return f"{number:.6f}" if np.isfinite(number) else ""
