"""The page beside a model: its evaluation in tables, drawings and crops, in one file that opens offline."""

from collections.abc import Callable, Sequence
from html import escape

import numpy as np

from codec.preference import pictures
from codec.preference.card import interval
from codec.preference.evaluation import Evaluation, Row
from codec.preference.fitting import Fit
from codec.preference.head import sigmoid
from codec.preference.labels import Floats

EACH = 7
MISTAKEN = 14
MEASURES = ("accuracy", "auc", "log_loss", "calibration_error")
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin: 2.4rem 0 0.4rem; } p { max-width: 44rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
th, td { padding: 0.2rem 0.9rem 0.2rem 0; text-align: right; border-bottom: 1px solid #8885; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } .wide { overflow-x: auto; }
.pair { display: flex; flex-wrap: wrap; gap: 1.5rem; } .pair svg { width: 420px; max-width: 100%; background: #fff; }
.sheet { display: flex; flex-wrap: wrap; gap: 14px; } figure { margin: 0; width: 128px; font-size: 0.78rem; }
figure svg { width: 128px; height: 128px; display: block; }
figcaption { line-height: 1.35; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.simulated { border: 2px solid currentColor; padding: 0.4rem 0.8rem; font-weight: 600; max-width: none; }
@media print { body { max-width: none; } }
"""


def page(fit: Fit) -> str:
    """The whole page."""
    card, found = fit.card, fit.evaluation
    simulated = (
        "No person cast these votes: they are SIMULATED. The page tests the machinery and says nothing of people."
    )
    parts = [
        f"<h1>{escape(card.hallucinated)} or {escape(card.faithful)}: what {escape(card.backbone)} tells of it</h1>",
        f'<p class="simulated">{simulated}</p>' if card.simulated else "",
        f"<p>{escape(_labels(fit))}</p>",
        "<h2>On sources that were not learned from</h2>",
        f"<p>{escape(sentence(found))}</p>",
        _measures(fit.rows, "cross_validation", ("model", "statistics", "constant")),
        _differences(fit.rows),
        _drawings(fit),
        _tags(fit.rows),
        _views(fit),
        _tested(fit.rows),
        _sheets(fit),
        f"<h2>Limits</h2><p>{escape(card.limits)}</p><p>Sampling: {escape(card.sampling)}.</p>",
    ]
    title = f"Preference for {card.hallucinated}"
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>\n'


def sentence(found: Evaluation) -> str:
    """What the measures mean, in words: against one number for all, statistics, people, and the possible."""
    model = {name: _value(found.row("cross_validation", "model", name)) for name in (*MEASURES, "w_sd")}
    beside = _against(found, "constant", "one number for all crops"), _against(found, "statistics", "three statistics")
    said = [f"It tells {model['accuracy']} of votes, {beside[0]}, and {beside[1]}."]
    if found.yardsticks.reason and np.isnan(found.yardsticks.precision):
        said.append(f"How well anything could do is not told: {found.yardsticks.reason}.")
    else:
        agree, best = (
            _value(found.row("yardstick", "yardstick", name)) for name in ("two_participants", "best_prediction")
        )
        said.append(f"Another participant's vote would tell {agree}, the best possible prediction {best}.")
    said.append(f"Over crops, w has a standard deviation of {model['w_sd']}.")
    said.append(more_labels(found))
    return " ".join(said)


def more_labels(found: Evaluation) -> str:
    """What twice the sources would bring, by the curve."""
    if np.isnan(found.twice.value):
        return "There are too few sources for a learning curve."
    last, loss = found.curve[-1]
    ahead = interval(*(f"{value:.6f}" for value in (found.twice.value, found.twice.low, found.twice.high)))
    return (
        f"Learned from {2 * last:.0f} instead of {last:.0f} sources, its log-loss would be about {ahead} instead of"
        f" {loss.value:.3f}, as far as a + b / sources goes on as it began."
    )


def _against(found: Evaluation, name: str, words: str) -> str:
    row = found.row("cross_validation_difference", f"model - {name}", "log_loss")
    if not row.low:
        return f"beside {words} too few sources to compare"
    better = "better than" if float(row.high) < 0 else "worse than" if float(row.low) > 0 else "not told apart from"
    return f"{better} {words} by log-loss ({_value(row)})"


def _labels(fit: Fit) -> str:
    card = fit.card
    return (
        f"{card.votes} votes on {card.crops} crops of {len(card.sources)} sources; {100 * card.hallucinated_share:.1f}%"
        f" for the hallucinated side. Question {card.asks_for}, reference {card.reference}, {card.layout}. All values"
        f" are of sources that the predicting head had not seen, nor any that look like them; intervals are 95%, over"
        f" sources."
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    names = "".join(f"<th>{escape(name)}</th>" for name in header)
    return f'<div class="wide"><table><thead><tr>{names}</tr></thead><tbody>{cells}</tbody></table></div>'


def _measures(rows: list[Row], evaluation: str, predictors: Sequence[str]) -> str:
    found = {(row.predictor, row.measure): row for row in rows if row.evaluation == evaluation and not row.tag}
    body = [[name, *(_value(found[name, measure]) for measure in MEASURES)] for name in predictors]
    by_chance = found["model", "calibration_error_by_chance"]
    body.append(["a right model, by chance", "", "", "", _value(by_chance)])
    where = "yardstick" if evaluation == "cross_validation" else "test"
    best = {row.measure: _value(row) for row in rows if row.evaluation == where and row.predictor == "yardstick"}
    body.append(["another participant", best["two_participants"], "", "", ""])
    body.append(["the best possible", best["best_prediction"], "", best["least_log_loss"], ""])
    return _table(("", *(measure.replace("_", " ") for measure in MEASURES)), body)


def _differences(rows: list[Row]) -> str:
    names = ("model - constant", "model - statistics")
    of = {(r.predictor, r.measure): r for r in rows if r.evaluation == "cross_validation_difference"}
    body = [[name, *(_value(of[name, measure]) for measure in ("accuracy", "auc", "log_loss"))] for name in names]
    return "<p></p>" + _table(("difference", "accuracy", "auc", "log loss"), body)


def _drawings(fit: Fit) -> str:
    found, simulated = fit.evaluation, fit.card.simulated
    drawn = pictures.calibration(sigmoid(found.validated.logits), fit.crops.seen, simulated=simulated)
    if found.curve:
        constant = float(found.row("cross_validation", "constant", "log_loss").value)
        least = found.yardsticks.values["least_log_loss"]
        drawn += pictures.learning(found.curve, found.twice, least, constant, simulated=simulated)
    return f'<h2>Calibration, and what more labels would bring</h2><div class="pair">{drawn}</div>'


def _tags(rows: list[Row]) -> str:
    tagged = [row for row in rows if row.evaluation == "cross_validation" and row.tag]
    of = {(row.tag, row.measure): row for row in tagged}
    measures = ("w_mean", "accuracy", "log_loss")
    body = [
        [tag, of[tag, "accuracy"].crops, *(_value(of[tag, measure]) for measure in measures)]
        for tag in sorted({row.tag for row in tagged})
    ]
    return "<h2>By tag</h2>" + _table(("tag", "crops", "mean w", "accuracy", "log loss"), body) if body else ""


def _views(fit: Fit) -> str:
    rows = [row for row in fit.rows if row.evaluation == "size_and_context"]
    own = [row for row in fit.rows if row.evaluation == "cross_validation" and row.predictor == "model" and not row.tag]
    of = {(int(row.margin), row.measure): row for row in [*own, *rows]}
    margins = sorted({margin for margin, _ in of})
    side = fit.card.crop_width
    body = [
        [f"{side + 2 * margin} pixels", f"{margin:+d}", *(_value(of[margin, measure]) for measure in MEASURES[:3])]
        for margin in margins
    ]
    header = ("seen of a source", "margin", "accuracy", "auc", "log loss")
    return "<h2>Size and context</h2>" + _table(header, body) if len(body) > 1 else ""


def _tested(rows: list[Row]) -> str:
    tested = [row for row in rows if row.evaluation == "test"]
    if not tested:
        return ""
    words = " It has learned from some of these sources (leak = 1)." if tested[0].leak == "1" else ""
    head = f"<h2>On another set of labels</h2><p>{tested[0].votes} votes on {tested[0].crops} crops.{words}</p>"
    return head + _measures(rows, "test", ("model", "statistics", "constant"))


def _sheets(fit: Fit) -> str:
    labels, logits = fit.crops.labels, fit.evaluation.validated.logits
    order = np.argsort(logits, kind="stable")
    wrong = np.argsort(-deviance(sigmoid(logits), labels.yes, labels.no), kind="stable")
    drawn = _drawer(fit)
    return "".join(
        f'<h2>{title}</h2><div class="sheet">{"".join(drawn(int(place)) for place in places)}</div>'
        for title, places in (
            ("Surest that people prefer the hallucination", order[::-1][:EACH]),
            ("Surest that people prefer the faithful one", order[:EACH]),
            ("Most mistaken", wrong[:MISTAKEN]),
        )
    )


def deviance(chance: Floats, yes: Floats, no: Floats) -> Floats:
    """How far votes are from their prediction, in log-likelihood: 0 where the share is the predicted one."""
    many = yes + no
    share: Floats = yes / many

    def part(votes: Floats, of: Floats, predicted: Floats) -> Floats:
        return np.asarray(np.where(votes > 0, votes * np.log(np.where(votes > 0, of, 1) / predicted), 0.0))

    return part(yes, share, chance) + part(no, np.asarray(1 - share), np.asarray(1 - chance))


def _drawer(fit: Fit) -> Callable[[int], str]:
    labels, w = fit.crops.labels, sigmoid(fit.evaluation.validated.logits)

    def drawn(place: int) -> str:
        row = labels.rows[place]
        pixels = row.crop.of(fit.library.open(row.source, row.source_sha256))
        counts = f"{row.hallucinated}:{row.faithful}" + (f" ({row.not_sure} not sure)" if row.not_sure else "")
        said = f"w {w[place]:.2f}, votes {counts}"
        where = f"{row.tag + ', ' if row.tag else ''}{row.source}"
        image = pictures.crop(pixels, f"{said}; {where}", simulated=labels.simulated)
        return f"<figure>{image}<figcaption>{escape(said)}<br>{escape(where)}</figcaption></figure>"

    return drawn


def _value(row: Row) -> str:
    return interval(row.value, row.low, row.high)
