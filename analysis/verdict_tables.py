"""The files of `analysis verdicts`: each table of docs/formats.md as text, and what they were made with."""

import hashlib
import json
import platform
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from itertools import chain

import numpy as np

from analysis import __version__
from analysis.counts import Counts
from analysis.files import csv_text, number
from analysis.fit import CAVEATS, FitCheck
from analysis.judgement import Judgement
from analysis.parts import FEWEST_PARTICIPANTS, FEWEST_VOTES, Part
from analysis.rating import Row, Scale, bounds
from analysis.scales import UNITS, points
from analysis.selection import Selection
from analysis.verdicts import TESTS, Judged, Verdict

MADE = "simulated votes_sha256"
VERDICTS_COLUMNS = tuple(
    f"""
    rate_a condition_a rate_b condition_b difference low high interval degrees_of_freedom p p_holm p_fdr verdict family
    a_wins b_wins not_sure p_participants p_participants_holm p_participants_fdr p_sources scale {MADE}
    """.split()
)
RANKS_COLUMNS = tuple(f"rate condition codec rank rank_low rank_high conditions interval {MADE}".split())
PARTS_COLUMNS = tuple(
    f"by part rate condition codec rating low high interval votes participants sources reason scale {MADE}".split()
)
EQUAL_COLUMNS = tuple(f"codec_a rate_a condition_a bpp_a codec_b bpp_b low high ratio interval reason {MADE}".split())
FIT_COLUMNS = tuple(f"rates check of value degrees_of_freedom p p_participants note {MADE}".split())
RESIDUALS_COLUMNS = tuple(f"rate_a condition_a rate_b condition_b votes share expected z {MADE}".split())
SHARES_COLUMNS = tuple(f"share rate condition rating low high interval votes participants scale {MADE}".split())

MARK = "verdicts.json"
FILES = (
    "verdicts.csv",
    "ranks.csv",
    "parts.csv",
    "equal_preference.csv",
    "fit.csv",
    "residuals.csv",
    "random_share.csv",
    MARK,
)


def verdict_files(judgement: Judgement, selection: Selection) -> dict[str, str]:
    """Return the files by name; the same votes and settings give the same text. `random_share.csv` only where it is."""
    rows: dict[str, tuple[tuple[str, ...], Iterable[Row]]] = {
        "verdicts.csv": (VERDICTS_COLUMNS, chain.from_iterable(map(_verdict_rows, judgement.judged))),
        "ranks.csv": (RANKS_COLUMNS, chain.from_iterable(map(_rank_rows, judgement.judged))),
        "parts.csv": (PARTS_COLUMNS, chain.from_iterable(map(_part_rows, judgement.parts))),
        "equal_preference.csv": (EQUAL_COLUMNS, _equal_rows(judgement)),
        "fit.csv": (FIT_COLUMNS, chain.from_iterable(map(_fit_rows, judgement.checks))),
        "residuals.csv": (RESIDUALS_COLUMNS, chain.from_iterable(map(_residual_rows, judgement.checks))),
    }
    if judgement.shares:
        rows["random_share.csv"] = SHARES_COLUMNS, _share_rows(judgement)
    made = {"simulated": selection.rated.simulated, "votes_sha256": selection.rated.sha256}
    tables = {name: csv_text(columns, ({**row, **made} for row in every)) for name, (columns, every) in rows.items()}
    return {**tables, MARK: json.dumps(record(judgement, selection) | {"files": _digests(tables)}, indent=1) + "\n"}


def _digests(tables: Mapping[str, str]) -> dict[str, str]:
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in tables.items()}


def record(judgement: Judgement, selection: Selection) -> dict[str, object]:
    """Return what was judged and how, with the findings in sentences; `--json` prints it, too."""
    settings, measures = judgement.settings, judgement.measures
    return {
        "made_by": "analysis verdicts",
        "simulated": selection.rated.simulated,
        "votes": {"file": selection.rated.path.name, "sha256": selection.rated.sha256, "rows": selection.total},
        "stimuli": {"file": measures.name, "sha256": measures.sha256} if measures else None,
        "only": dict(selection.only),
        "asked": dict(selection.asked),
        "rated_votes": len(selection.rated),
        "left_out": [{"reason": out.reason, "votes": out.votes} for out in selection.left_out],
        "settings": {
            "method": settings.method,
            "ties": settings.model.ties,
            "side_bias": settings.side_bias,
            "ridge": settings.ridge,
            "resample": settings.over,
            "scale": settings.unit,
            "alpha": settings.alpha,
            "seed": judgement.seed,
            "fewest_votes": FEWEST_VOTES,
            "fewest_participants": FEWEST_PARTICIPANTS,
        },
        "confirmatory": [list(pair) for pair in judgement.primary],
        "not_rated": [{"scale": scale.name, "problem": scale.problem} for scale in judgement.scales if scale.problem],
        "findings": list(judgement.told()),
        "notes": {**TESTS, **CAVEATS},
        "versions": {
            "conha": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "pandas", "scipy")},
        },
    }


def _verdict_rows(one: Judged) -> Iterator[Row]:
    for verdict in one.verdicts:
        yield {**_pair(one.scale.counts, verdict.better, verdict.other), **_tested(one.scale, verdict)}


def _pair(counts: Counts, a: int, b: int) -> Row:
    first, second = counts.items[a], counts.items[b]
    return {
        "rate_a": number(first.rate),
        "condition_a": first.condition,
        "rate_b": number(second.rate),
        "condition_b": second.condition,
    }


def _tested(scale: Scale, verdict: Verdict) -> Row:
    unit, margin = scale.settings.unit, np.nan if verdict.margin is None else verdict.margin
    size = UNITS[unit]
    return {
        "difference": points(verdict.difference / size, unit),
        "low": points((verdict.difference - margin) / size, unit),
        "high": points((verdict.difference + margin) / size, unit),
        "interval": "none" if verdict.margin is None else scale.over,
        "degrees_of_freedom": verdict.degrees,
        "p": _p(verdict.p),
        "p_holm": _p(verdict.holm),
        "p_fdr": _p(verdict.fdr),
        "verdict": verdict.word,
        "family": verdict.family,
        "a_wins": verdict.won,
        "b_wins": verdict.lost,
        "not_sure": verdict.not_sure,
        "p_participants": _p(verdict.participants.p if verdict.participants else None),
        "p_participants_holm": _p(verdict.participants_holm),
        "p_participants_fdr": _p(verdict.participants_fdr),
        "p_sources": _p(verdict.sources.p if verdict.sources else None),
        "scale": unit,
    }


def _p(value: float | None) -> str:
    return "" if value is None or np.isnan(value) else format(value, ".4g")


def _rank_rows(one: Judged) -> Iterator[Row]:
    for index in one.scale.order if one.ranks else ():
        item, rank = one.scale.counts.items[index], one.ranks[index]
        yield {
            "rate": number(item.rate),
            "condition": item.condition,
            "codec": item.codec,
            "rank": rank.rank,
            "rank_low": rank.low,
            "rank_high": rank.high,
            "conditions": rank.n,
            "interval": one.scale.over,
        }


def _rated(scale: Scale) -> Iterator[Row]:
    """Give the ratings of a scale, best first; nothing where it has none."""
    if not scale.fit:
        return
    values, lows, highs, over = bounds(scale, scale.settings.method)
    unit = scale.settings.unit
    for index in scale.order:
        item = scale.counts.items[index]
        votes, participants, sources = scale.counts.about(int(index))
        yield {
            "rate": number(item.rate),
            "condition": item.condition,
            "codec": item.codec,
            "rating": points(values[index], unit),
            "low": points(lows[index], unit),
            "high": points(highs[index], unit),
            "interval": "none" if np.isnan(lows[index]) else over,
            "votes": votes,
            "participants": participants,
            "sources": sources,
            "reason": "",
            "scale": unit,
        }


def _part_rows(part: Part) -> Iterator[Row]:
    named = {"by": part.by, "part": part.name}
    empty = dict.fromkeys(PARTS_COLUMNS, "")
    if part.small:
        sizes = {"votes": part.votes, "participants": part.participants}
        yield {**empty, **named, **sizes, "interval": "none", "reason": part.small}
    for scale in part.scales:
        yield from ({**named, **row} for row in _rated(scale))
        if scale.problem:
            sizes = {"votes": scale.counts.votes, "participants": scale.counts.participants}
            rate = number(scale.counts.rates[0]) if len(scale.counts.rates) == 1 else ""
            yield {**empty, **named, **sizes, "rate": rate, "interval": "none", "reason": scale.problem}


def _equal_rows(judgement: Judgement) -> Iterator[Row]:
    for found in judgement.equal:
        codecs = {"codec_a": found.codec_a, "codec_b": found.codec_b}
        if found.problem:
            yield {**dict.fromkeys(EQUAL_COLUMNS, ""), **codecs, "interval": "none", "reason": found.problem}
        for point in found.points:
            values = {"bpp_a": point.bpp_a, "bpp_b": point.bpp, "low": point.low, "high": point.high}
            yield {
                **codecs,
                "rate_a": number(point.item.rate),
                "condition_a": point.item.condition,
                **{name: "" if value is None else format(value, ".5g") for name, value in values.items()},
                "ratio": "" if point.ratio is None else format(point.ratio, ".5g"),
                "interval": point.over,
                "reason": point.problem,
            }


def _fit_rows(check: FitCheck) -> Iterator[Row]:
    rates = " ".join(number(rate) for rate in check.scale.counts.rates if rate is not None)
    for row in chain(_model_rows(check), _triad_rows(check), _starved_rows(check)):
        yield {**dict.fromkeys(FIT_COLUMNS, ""), "rates": rates, **row}


def _model_rows(check: FitCheck) -> Iterator[Row]:
    if found := check.deviance:
        note = f"{found.rounds} rounds, {found.unsolved} without finite ratings; p by chi-squared "
        note += _p(found.chi_squared_p)
        yield {
            "check": "deviance",
            "value": f"{found.statistic:.4f}",
            "degrees_of_freedom": found.degrees,
            "p": _p(found.p),
            "note": note,
        }
    if side := check.side:
        unit = check.scale.settings.unit
        yield {
            "check": "side_bias",
            "value": points(side.points / UNITS[unit], unit),
            "degrees_of_freedom": 1,
            "p": _p(side.p),
            "note": f"in {unit}; p by likelihood ratio, as if votes were independent",
        }
    for part in check.homogeneity:
        if part.statistic is not None:
            yield {
                "check": "same_ratings",
                "of": part.by,
                "value": f"{part.statistic:.4f}",
                "degrees_of_freedom": part.degrees,
                "p": _p(part.p),
                "p_participants": _p(part.participants_p),
                "note": f"{len(part.parts)} parts, {part.rounds} rounds",
            }
        for name in part.small:
            yield {"check": "too_small", "of": f"{part.by} {name}"}


def _triad_rows(check: FitCheck) -> Iterator[Row]:
    if found := check.transitivity:
        pooled = found.pooled
        yield {
            "check": "circular_triads",
            "of": "all votes",
            "value": pooled.circular,
            "note": f"of {pooled.decided}; {found.even} pairs without a winner",
        }
        zeta = "" if found.zeta is None else f"; {found.complete} decided every pair, mean zeta {found.zeta:.4f}"
        yield {
            "check": "circular_triads",
            "of": "participants",
            "value": found.circular,
            "note": f"of {found.decided}{zeta}",
        }


def _starved_rows(check: FitCheck) -> Iterator[Row]:
    items = check.scale.counts.items
    if check.scale.problem:
        yield {"check": "not_rated", "note": check.scale.problem}
    for pair in check.starved:
        names = f"{items[pair.first].condition} {items[pair.second].condition}"
        yield {"check": "few_votes" if pair.votes else "never_compared", "of": names, "value": pair.votes}


def _residual_rows(check: FitCheck) -> Iterator[Row]:
    for one in check.residuals:
        yield {
            **_pair(check.scale.counts, one.first, one.second),
            "votes": one.votes,
            "share": f"{one.share:.4f}",
            "expected": f"{one.expected:.4f}",
            "z": "" if np.isnan(one.z) else f"{one.z:.3f}",
        }


def _share_rows(judgement: Judgement) -> Iterator[Row]:
    if judgement.shares:
        for share, scales in (("all", judgement.shares.everything), ("random", judgement.shares.random)):
            yield from ({"share": share, **row} for scale in scales for row in _rated(scale))
