"""The methods paragraphs of a report: what was done with these votes, in sentences that a paper may take over.

Every sentence follows from the settings and from what was found: nothing is told that was not done. The works that
are named stand below, each once.
"""

import math
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from analysis import __version__
from analysis.findings import Findings
from analysis.intervals import REACH
from analysis.metrics import MetricAgreement, Part
from analysis.rating import ALPHA, Scale
from analysis.references import Cited
from analysis.scales import WORDS
from analysis.screening import Screening
from analysis.sign_flip import DRAWS
from analysis.verdicts import Judged

LIBRARIES = ("numpy", "scipy", "pandas")
EVERYTHING = Part(None, None)


@dataclass(frozen=True)
class Methods:
    """Paragraphs with a heading each, whose numbers in brackets count the `references`, from 1."""

    paragraphs: tuple[tuple[str, str], ...]
    references: tuple[str, ...]


def methods(findings: Findings) -> Methods:
    """Tell how a report was made of its votes."""
    cited = Cited()
    told = {
        "Votes": _votes(findings),
        "Ratings": _ratings(findings, cited),
        "Intervals": _intervals(findings, cited),
        "Tests": _tests(findings, cited),
        "Model": _model(findings, cited),
        "Participants": _participants(findings, cited),
        "Bits at equal preference": _bits(findings, cited),
        "Metrics": _metrics(findings.metrics, cited) if findings.metrics else iter(()),
        "Paper-comparable Elo": _elo(findings, cited),
        "Software": _software(findings),
    }
    paragraphs = tuple((name, text) for name, found in told.items() if (text := " ".join(found)))
    return Methods(paragraphs, tuple(cited))


def _rated(findings: Findings) -> list[Scale]:
    return [scale for scale in findings.scales if scale.fit]


def _voters(findings: Findings) -> str:
    return "simulated participants" if findings.simulated else "participants"


def _amount(number: int, one: str) -> str:
    return f"{number} {one if number == 1 else one + 's'}"


def _votes(findings: Findings) -> Iterator[str]:
    selection, rated = findings.selection, findings.selection.rated
    people, images = len(set(rated.participant.tolist())), len(set(rated.source[rated.source >= 0].tolist()))
    on = f" on {_amount(images, 'image')}" if images else ""
    items = sum(len(scale.counts.items) for scale in findings.scales)
    if findings.simulated:
        yield "No person cast these votes: they were simulated."
    who = f"{_amount(len(rated), 'vote')} by {_amount(people, _voters(findings)[:-1])}{on}"
    yield f"{who}, between {items} conditions, were analysed, of {_amount(selection.total, 'vote')} in the file."
    if selection.left_out:
        yield "Left out were " + "; ".join(f"{out.votes} ({out.reason})" for out in selection.left_out) + "."
    if selection.asked["asks_for"] == "more_different":
        yield "The question asked which image differs more, so the image that was not chosen counts as preferred."


TIE_WORDS = {
    "davidson": ("Davidson's model of ties", "nu", "davidson"),
    "rao-kupper": ("the model of ties of Rao and Kupper", "η", "kupper"),
    "glenn-david": ("the model of ties of Glenn and David", "threshold", "glenn"),
}


def _ratings(findings: Findings, cited: Cited) -> Iterator[str]:
    rated, settings = _rated(findings), findings.settings
    if not rated:
        yield "The votes determine no ratings, for the reasons that stand with each scale."
        return
    model, unit = settings.model, settings.unit
    if settings.method == "thurstone":
        name = f"Thurstone's model, Case V {cited('thurstone')}"
    else:
        name = f"the Bradley-Terry model {cited('bradley')}"
    if model.ridge:
        yield (
            f"Ratings maximise the likelihood of {name} less a ridge: a Gaussian prior on each rating, of precision "
            f"{model.ridge:g} in the model's unit, which pulls ratings together."
        )
    else:
        yield f"Ratings are maximum-likelihood estimates of {name}, by Newton's method on the counts of each pair."
        yield f"They are given only where a scale's pairs are connected and a finite maximum exists {cited('ford')}."
    yield _unit(unit, cited)
    yield _origin(findings, rated)
    yield from _ties(rated, cited)
    if model.side_bias:
        yield f"The pull of the left side is a parameter of the model {cited('beaver')}."
    if len(rated) > 1 or len(findings.scales) > 1:
        yield "Rates that no vote links have scales of their own, which cannot be compared."
    if any(len(scale.counts.rates) > 1 for scale in rated):
        yield "Rates that votes link share one scale."


def _unit(unit: str, cited: Cited) -> str:
    if unit == "jod":
        return f"One JOD is the difference that 75% of the votes prefer {cited('perez')}."
    return f"They are told in Elo points {cited('elo')}: 100 points more are 64% of the votes that decide, 400 are 91%."


def _origin(findings: Findings, rated: list[Scale]) -> str:
    anchors = sorted({scale.counts.items[scale.anchor].condition for scale in rated if scale.anchor is not None})
    if anchors:
        return f"They are differences from {', '.join(anchors)}, with the intervals of those differences."
    return "The mean of each scale is 0." if len(findings.scales) > 1 else "Their mean is 0."


def _ties(rated: list[Scale], cited: Cited) -> Iterator[str]:
    tied = [scale for scale in rated if scale.counts.table[:, 2].any()]
    if not tied or tied[0].fit is None:
        yield "Every vote named a side."
        return
    ties = tied[0].fit.model.ties
    if ties in TIE_WORDS:
        model, parameter, key = TIE_WORDS[ties]
        yield f"Votes that were not sure enter through {model} {cited(key)}, whose {parameter} is estimated, too."
    elif ties == "half":
        yield "Votes that were not sure count as half a win for either side, which shrinks the scale."
    else:
        yield "Votes that were not sure are left out of the likelihood."


def _intervals(findings: Findings, cited: Cited) -> Iterator[str]:
    rated = _rated(findings)
    overs = [over for over in REACH if over != "none" and any(scale.over == over for scale in rated)]
    if not overs:
        if rated:
            yield "There are no intervals: " + "; ".join(dict.fromkeys(scale.reason for scale in rated)) + "."
        return
    drawn = [scale.rounds for scale in rated if scale.rounds is not None]
    if drawn:
        yield from _bootstrapped(findings, cited)
    else:
        yield (
            "Intervals are 95% confidence intervals from the sandwich covariance of the likelihood's scores, "
            f"{_clusters(overs, cited)}, with the factor k/(k-1) for k clusters."
        )
        yield _degrees(rated, overs)
        yield "No variance is below that of independent votes; what rests on one cluster alone has no interval."
    for over in overs:
        of = [scale.name for scale in rated if scale.over == over]
        where = "" if len(of) == len(rated) else f" at {', '.join(of)}"
        yield f"The intervals{where} generalise to {REACH[over]}."
    for reason in dict.fromkeys(scale.reason for scale in rated if scale.reason):
        yield f"That is less than was asked for, as {reason}."


def _clusters(overs: Sequence[str], cited: Cited) -> str:
    if "both" in overs:
        return (
            "clustered by participant and by image at once, V(participants) + V(images) - V(participants x images) "
            f"{cited('cameron')}, never below either one-way variance"
        )
    return {
        "participants": "clustered by participant",
        "sources": "clustered by image",
        "votes": "with every vote for itself",
    }[overs[0]]


def _degrees(rated: list[Scale], overs: Sequence[str]) -> str:
    degrees = sorted({scale.uncertainty.degrees for scale in rated if scale.uncertainty})
    number = f"{degrees[0]}" if len(degrees) == 1 else f"{degrees[0]} to {degrees[-1]} by scale"
    if "both" not in overs:
        return f"Student's t has {number} degrees of freedom, fewer where fewer clusters saw a condition."
    return (
        "Student's t has the degrees of freedom of the variance that was taken: the smaller number of clusters less "
        f"one ({number}) where it is of both ways together, that way's where one alone is larger, and those of both "
        "where neither exceeds the noise of independent votes; fewer where fewer clusters saw a condition."
    )


def _bootstrapped(findings: Findings, cited: Cited) -> Iterator[str]:
    elo, drawn = findings.settings.elo, [scale.rounds for scale in _rated(findings) if scale.rounds]
    resampled = {"sources": "images"}.get(findings.settings.over, findings.settings.over)
    yield (
        f"Intervals hold the central 95% of {elo.rounds} bootstrap rounds {cited('efron')} that resample {resampled} "
        f"(seed {elo.seed})."
    )
    lost = sum(rounds.separated + rounds.unfinished for rounds in drawn)
    if lost:
        yield f"{_amount(lost, 'round')} without finite ratings were left out, and counted."


def _tests(findings: Findings, cited: Cited) -> Iterator[str]:
    judged = [one for one in findings.judgement.judged if one.scale.fit and one.verdicts]
    tested = [verdict for one in judged for verdict in one.verdicts if verdict.word != "untested"]
    if not tested:
        return
    level = findings.settings.alpha
    yield "Two conditions are compared by their difference, whose interval and two-sided p come from one covariance."
    yield (
        f"A verdict stands where the p adjusted by Holm's method {cited('holm')} is at most {level:g}; p adjusted for "
        f"the false discovery rate {cited('benjamini')} stand beside."
    )
    if level != ALPHA:
        yield "Intervals of ratings and of differences hold 95% all the same."
    named = sum(verdict.confirmatory for one in judged for verdict in one.verdicts)
    every = sum(len(one.verdicts) for one in judged)
    if named:
        others = f"the other {every - named} are exploratory"
        are = "is" if named == 1 else "are"
        yield f"{_amount(named, 'pair')} named beforehand {are} the confirmatory family, {others}."
    else:
        yield f"No pair was named beforehand, so all {every} comparisons are one exploratory family."
    yield from _flips(judged, findings, cited)
    if any(one.ranks for one in judged):
        yield f"Intervals of ranks follow from Holm's verdicts on all pairs of a scale {cited('mohamad')}."


def _flips(judged: list[Judged], findings: Findings, cited: Cited) -> Iterator[str]:
    flips = [verdict.participants for one in judged for verdict in one.verdicts if verdict.participants]
    if not flips:
        return
    exact = all(one.exact for one in flips)
    some = "" if exact else f", or from {DRAWS} drawn signs (seed {findings.judgement.seed}) where they are too many"
    yield (
        "Beside it stands a sign-flip permutation test on each participant's net wins in the direct votes on the pair "
        f"{cited('fisher')}, exact{some}; it needs no model of preference and holds the images fixed."
    )
    if any(verdict.sources for one in judged for verdict in one.verdicts):
        yield "The same test by image holds the participants fixed."


def _model(findings: Findings, cited: Cited) -> Iterator[str]:
    checks = [check for check in findings.judgement.checks if check.scale.fit]
    if deviances := [check.deviance for check in checks if check.deviance]:
        rounds = sorted({one.rounds for one in deviances})
        yield (
            "Fit is judged by the deviance against free shares for all pairs, with p from "
            f"{' or '.join(map(str, rounds))} rounds of votes that the model made itself {cited('efron')}."
        )
    if any(check.transitivity for check in checks):
        yield f"Circular triads are counted {cited('kendall')}."
    divided = list(dict.fromkeys(part.by for check in checks for part in check.homogeneity if part.p is not None))
    if divided:
        ways = ", ".join("image" if way == "source" else way for way in divided)
        yield f"Score tests {cited('rao')} ask whether ratings are the same by {ways}."
    if any(check.side for check in checks):
        yield f"A pull of the left side is tested by likelihood ratio {cited('beaver')}."


RULE_WORDS = {
    "catch_accuracy": "a share of catch trials right under {:g}",
    "identical_side": "sides of identical pairs with an exact p under {:g}",
    "repeats": "a share of repeated pairs answered alike under {:g}",
    "time": "a median response under {:g} ms",
    "flips": "a median under {:g} changes of the view",
    "likelihood": "a mean likelihood of the votes, given all others', more than {:g} interquartile ranges below the "
    "first quartile",
}


def _participants(findings: Findings, cited: Cited) -> Iterator[str]:
    screening, quality = findings.quality.screening, findings.quality
    yield from _screened(screening)
    overall = screening.raters.overall
    told = [
        f"{share.hits} of {share.trials} {words}"
        for share, words in (
            (overall.catches, "catch trials were right"),
            (overall.repeats, "repeats were answered alike"),
        )
        if share.trials
    ]
    if told:
        yield f"{'; '.join(told)} (exact binomial intervals {cited('clopper')})."
    excludes = any(verdict.rule.name == "likelihood" and verdict.rule.chosen for verdict in screening.verdicts)
    yield (
        f"Crowd-BT reliabilities {cited('chen')} and leave-one-out likelihoods of each participant's votes "
        f"{cited('perez')} are reported{'' if excludes else ', and exclude nobody'}."
    )
    agreed = quality.agreement
    if agreed.over != "none":
        yield (
            f"Agreement is Krippendorff's alpha for nominal values {cited('krippendorff')}, with {agreed.rounds} "
            f"bootstrap rounds over {'images' if agreed.over == 'sources' else 'pairs of images'}."
        )


def _screened(screening: Screening) -> Iterator[str]:
    chosen = [verdict for verdict in screening.verdicts if verdict.rule.chosen]
    if not chosen:
        yield "No participant was excluded: no rule was chosen."
        return
    rules = " or ".join(RULE_WORDS[v.rule.name].format(v.rule.limit) for v in chosen)
    out, everyone = int(screening.excluded.sum()), len(screening.raters.names)
    yield f"Participants with {rules} were excluded: {out} of {everyone}."
    known = [v for v in chosen if v.false_exclusion is not None]
    chances = ", ".join(f"{v.rule.name} {v.false_exclusion:.2%} ({v.how})" for v in known)
    if known:
        yield f"The chance that an honest participant fails: {chances}."
    if out:
        yield "Ratings with and without the excluded stand side by side."


def _bits(findings: Findings, cited: Cited) -> Iterator[str]:
    if any(found.points for found in findings.judgement.equal):
        yield (
            "Bits at equal preference are read off ratings that are linear in the logarithm of bits per pixel between "
            f"a codec's own rates, never beyond them, with Fieller's intervals {cited('fieller')}."
        )


def _metrics(found: MetricAgreement, cited: Cited) -> Iterator[str]:
    scores = [score for score in found.scores if score.part == EVERYTHING and score.agreement]
    if not scores:
        return
    names = ", ".join(metric.name for metric in found.metrics)
    yield f"A metric's score ({names}) is the share of votes for the image it prefers, ties and not sure half."
    yield "Its interval is clustered as that of a rating."
    if found.weighting == "random_share":
        yield "Only votes count whose pairs were drawn without looking at answers."
    elif found.weighting == "inverse_probability":
        yield f"Votes are weighted by the inverse of the chance that their pair was drawn {cited('horvitz')}."
    bounds = dict(found.yardsticks)[EVERYTHING]
    if not math.isnan(bounds.best_prediction.value):
        yield f"Both yardsticks come from a beta-binomial fit {cited('skellam')}, intervals from resampled images."
    held_out = found.combination.held_out
    if held_out is not None:
        yield (
            f"The combination is a logistic regression of votes on differences of {len(found.combination.used)} "
            f"metrics, each vote predicted by a fit to other images ({len(held_out.folds)} folds, seed "
            f"{found.combination.seed})."
        )


def _elo(findings: Findings, cited: Cited) -> Iterator[str]:
    if not any(scale.elo for scale in findings.scales):
        return
    elo = findings.settings.elo
    what = "the votes in random order"
    if elo.replay == "resamples":
        what = "as many votes as there are, drawn with replacement in random order"
    yield (
        f"For comparison with published scores, Elo {cited('elo')} replays {what}, {elo.rounds} times (seed "
        f"{elo.seed}), from {elo.start:g} points with K = {elo.k:g}; the score is the {elo.summary} of the "
        "rounds, less the start."
    )
    yield "Bars hold the central 95% of the rounds: update noise, not shortened by more votes, and no interval."
    yield f"The paper that names bootstrapped Elo {cited('aczel')} states none of these settings."


def _software(findings: Findings) -> Iterator[str]:
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    rated = findings.selection.rated
    yield f"conha {__version__} on Python {platform.python_version()} with {libraries}."
    yield f"Votes: {rated.path.name}, SHA-256 {rated.sha256}."
    yield f"Ratings in {WORDS[findings.settings.unit]}."
