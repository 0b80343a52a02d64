"""A study's plan as a registry takes it: Markdown out of the frozen design, which adds nothing to what that says."""

import re
from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session as OrmSession

from study.folder import CATCH, REFERENCE
from study.models import Condition, Crop, Pair, Source, Stimulus, Study
from study.scheduling import spec_of
from study.spec import Spec

OPEN = "not decided"
ASKED = {"prefer": "which one is preferred", "closer": "which one is closer to the original",
         "more_different": "which one differs more from the original (the press names the worse side)"}  # fmt: skip
SEEN = {"always": "always in view", "on_demand": "in view while the participant asks for it", "never": "never shown"}
DRAWN = {
    "balanced": "the pairs with the fewest answers first, those with equally many drawn at random",
    "full": "drawn at random from all pairs, whatever was answered",
    "adaptive": "drawn with chances that follow from priorities which are loaded while the study runs",
}
RULES = {
    "catch_accuracy": "the share of catch trials answered as expected is below {}",
    "identical_side": "the exact two-sided p of the sides chosen between identical images is below {}",
    "repeats": "the share of repeated pairs with the same winner is below {}",
    "time": "the median response is below {} ms",
    "flips": "the median number of changes of the view is below {}",
    "likelihood": "the mean likelihood of the votes, given all others', lies more than {} interquartile ranges below "
    "the first quartile",
}
OVER = {"both": "participants and sources", "participants": "participants", "sources": "sources",
        "votes": "votes, as if they were independent"}  # fmt: skip


def text(db: OrmSession, study: Study) -> str:
    """The plan of a study, ready for a registry."""
    spec = spec_of(study)
    parts = {
        "Hypotheses": _hypotheses(spec),
        "Question": _question(spec),
        "Stimuli": _stimuli(db, study),
        "Participants": _participants(spec),
        "Randomisation": _randomisation(spec),
        "Trials of known answer": _known(spec),
        "Exclusion": _exclusion(spec),
        "Analysis": _analysis(spec),
        "Looks and stopping": _looks(spec),
        "How to check this plan": _proof(study),
    }
    sections = ["\n".join([f"## {number}. {title}", "", *parts[title]]) for number, title in enumerate(parts, 1)]
    return "\n\n".join([_head(db, study, spec), *sections]) + "\n"


def _head(db: OrmSession, study: Study, spec: Spec) -> str:
    before = db.get_one(Study, study.follows_id).name if study.follows_id is not None else None
    lines = [
        f"# Plan of the study `{study.name}`",
        "",
        f"- Title: {spec.texts.title}",
        f"- Kind: {'labels of hallucination preference' if spec.study.kind == 'label' else 'comparison of codecs'}",
        f"- Version: {study.version}" + (f", following `{before}`" if before else ""),
        f"- SHA-256 of the frozen design: `{study.config}`",
        *(["- Simulated: no person takes part"] if study.simulated else []),
    ]
    return "\n".join(lines)


def _hypotheses(spec: Spec) -> Iterator[str]:
    if not spec.analysis.primary:
        yield f"Primary comparisons: {OPEN}. All comparisons are exploratory."
        return
    yield "Primary comparisons, each two-sided; all others are exploratory:"
    yield ""
    for number, pair in enumerate(spec.analysis.primary, 1):
        a, b = pair.split(",")
        yield f"{number}. `{a}` and `{b}` are not rated alike."


def _question(spec: Spec) -> Iterator[str]:
    study = spec.study
    yield f"- Asked: {ASKED[study.asks_for]}. In the words of the page:"
    yield from _quoted(spec.texts.question)
    if study.or_asks_for:
        yield f"- Or: {ASKED[study.or_asks_for]}; each participant is asked one of the two, drawn by the seed:"
        yield from _quoted(spec.texts.or_question)
    yield f"- Answers: left, right{', not sure' if study.not_sure else ' (a choice is forced)'}"
    yield f"- The original: {SEEN[study.reference]}"
    yield f"- Layout: `{study.layout}`; view: `{study.view}`"
    yield f"- Loupe: {_yes(study.loupe)}; regions marked: {_yes(study.mark_region)}"
    yield f"- One image pixel on {study.device_pixels_per_pixel} device pixels a side; phones: {_yes(study.phones)}"
    yield f"- A choice is taken once each image has been in view for {spec.design.minimum_view_ms} ms"
    yield f"- Languages: {', '.join(study.languages)}"
    yield "- Instructions:"
    yield from _quoted(spec.texts.instructions)


def _stimuli(db: OrmSession, study: Study) -> Iterator[str]:
    of_study = select(func.count(Crop.id)).join(Source).where(Source.study_id == study.id)
    sources = db.scalars(select(Source).where(Source.study_id == study.id).order_by(Source.id)).all()
    yield f"- SHA-256 of `stimuli.csv`, which lists the digest of every image: `{study.stimuli_sha256}`"
    yield f"- {db.scalar(of_study)} crops of {len(sources)} sources"
    pairs = select(func.count()).where(Pair.study_id == study.id, Pair.kind == "rating")
    yield f"- {db.scalar(pairs)} pairs of images"
    yield ""
    yield "| condition | codec | bits per pixel | crops |"
    yield "|---|---|---|---|"
    query = (
        select(Condition, func.count(Stimulus.id))
        .join(Stimulus, Stimulus.condition_id == Condition.id)
        .where(Condition.study_id == study.id, Condition.name.not_in((REFERENCE, CATCH)))
        .group_by(Condition.id)
        .order_by(Condition.name)
    )
    for condition, crops in db.execute(query):
        yield f"| `{condition.name}` | `{condition.codec}` | {condition.rate} | {crops} |"
    yield ""
    yield "| source | SHA-256 of its pixels |"
    yield "|---|---|"
    for source in sources:
        yield f"| `{source.name}` | `{source.sha256}` |"


def _participants(spec: Spec) -> Iterator[str]:
    ask = spec.design
    yield f"- Complete sessions at most: {ask.participants or OPEN}"
    yield f"- Answers a pair of images at most: {ask.votes_per_pair or OPEN}"
    yield f"- Rating trials a participant at most: {ask.trials}"
    yield f"- A session that is left for {ask.resume_hours:g} hours has ended, and others get its open trials"
    yield f"- Whom, and where they are found: {OPEN}"
    yield f"- What they get: {'as follows' if spec.texts.pay.strip() else OPEN}"
    if spec.texts.pay.strip():
        yield from _quoted(spec.texts.pay)


def _randomisation(spec: Spec) -> Iterator[str]:
    ask = spec.design
    yield f"- Pairs: {'of one rate' if ask.rates == 'within' else 'of any two rates'}, {DRAWN[ask.strategy]}"
    if ask.strategy == "adaptive":
        yield f"- {100 * ask.random_share:g}% of the rating trials are drawn as `balanced` draws, whatever is loaded"
    yield "- The chance with which each pair was drawn is stored with its vote"
    yield "- Sides: half of a session's trials flipped, at random"
    yield "- Order: at random, no source after itself where that can be"
    yield f"- Breaks: after {ask.block} trials at most"
    yield f"- Everything follows from the seed {ask.seed} and the number of the session"


def _known(spec: Spec) -> Iterator[str]:
    ask = spec.design
    yield f"- Practice, with feedback: {ask.practice} trials a round, {ask.practice_rounds} rounds at most"
    yield f"- Catch trials (the original against a strongly degraded image): {ask.catch_rate:g} per rating trial"
    yield f"- Identical images on both sides: {ask.identical_rate:g} per rating trial"
    yield f"- Rating trials that come a second time: {ask.repeat_rate:g} per rating trial"
    yield "- None of them is used for ratings"


def _exclusion(spec: Spec) -> Iterator[str]:
    missed = spec.screening.catches_missed
    if missed:
        yield f"- During a session: {missed} wrong catch trials bring a warning at a break, one more ends the session"
    else:
        yield "- During a session: nobody is sent away"
    if not spec.analysis.screening:
        yield "- Afterwards: nobody is left out of the ratings"
        return
    yield "- Afterwards, a participant is left out of the ratings where"
    for rule, _, limit in (text.partition("=") for text in spec.analysis.screening):
        yield f"  - `{rule}`: {RULES[rule].format(limit)}"


def _analysis(spec: Spec) -> Iterator[str]:
    plan = spec.analysis
    yield f"- Family-wise error of the primary comparisons: {plan.alpha:g}"
    yield f"- Intervals generalise over {OVER[plan.interval]}"
    yield f"- The difference that the study ought to tell: {plan.wished:g} Elo points"
    yield f"- Votes, questions, layouts and ways to show the original are never pooled{_two(spec)}"
    words = [f"--primary {pair}" for pair in plan.primary] + [f"--screen {rule}" for rule in plan.screening]
    words += [f"--resample {plan.interval}", f"--alpha {plan.alpha / plan.looks_in_all:.6g}"]
    command = " ".join(["manage.py analysis verdicts votes.csv", *words, "-o verdicts"])
    yield f"- By: `{command}`"


def _two(spec: Spec) -> str:
    return "; each of the two questions is judged on its own" if spec.study.or_asks_for else ""


def _looks(spec: Spec) -> Iterator[str]:
    looks, ask = spec.analysis.looks, spec.design
    if looks:
        number = spec.analysis.looks_in_all
        each = f"{spec.analysis.alpha:g} / {number} = {spec.analysis.alpha / number:.4g}"
        yield f"- Ratings are looked at once so many sessions are complete: {', '.join(map(str, looks))}"
        yield "- They are looked at for the last time after the study has closed"
        yield f"- Each of these {number} looks is at a level of {each}"
    else:
        yield "- Nobody looks at ratings before the study has closed"
    limits = [f"{ask.participants} complete sessions"] if ask.participants else []
    limits += [f"{ask.votes_per_pair} answers of every pair"] if ask.votes_per_pair else []
    yield f"- The study ends at {' or '.join(limits) if limits else 'a point that is ' + OPEN}"


def _proof(study: Study) -> Iterator[str]:
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", study.design)), default=0))
    yield f"`manage.py study votes {study.name}` writes the frozen design beside the votes, and each vote names its"
    yield "digest in the column `config`. This prints the same digest:"
    yield ""
    yield "```"
    yield "sha256sum design.toml"
    yield f"{study.config}  design.toml"
    yield "```"
    yield ""
    yield "The frozen design, whole:"
    yield ""
    yield f"{fence}toml"
    yield study.design.rstrip("\n")
    yield fence


def _quoted(said: str) -> Iterator[str]:
    yield ""
    yield from (f"  > {line}".rstrip() for line in said.strip().splitlines())
    yield ""


def _yes(value: bool) -> str:
    return "yes" if value else "no"
