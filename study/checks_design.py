"""What of a study's design would spoil it: too long a session, quotas at odds, texts in the wrong language."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from study import design, loading, steps
from study.comparisons import Pair
from study.finding import Finding
from study.folder import CATCH, StudyFolder
from study.spec import Spec, Texts
from study.wording import defaults

LONGEST_S = 30 * 60
"""Sittings should not be longer (ITU-T P.910, ITU-R BT.500)."""


@dataclass(frozen=True)
class Sessions:
    """What a folder asks of one participant, and how often it compares each pair of conditions.

    `pairs` counts pairs of stimuli, `trials` the rating trials of a session, `crops` the crops that show a pair of
    conditions, `sources` the sources of these.
    """

    pairs: int
    trials: int
    beside: design.Numbers
    crops: dict[Pair, int]
    sources: dict[Pair, int]

    @property
    def seconds(self) -> float:
        """About how long a session takes, with one round of practice."""
        return (self.trials + sum(self.beside)) * steps.USUAL_TRIAL_S


def sessions(read: StudyFolder, spec: Spec) -> Sessions:
    """What one session is."""
    rows = {row.line: row for row in read.stimuli}
    pairs = loading.rating_pairs(read.stimuli, spec.design.rates)
    sources: dict[Pair, set[str]] = {}
    for a, b in pairs:
        names = Pair((rows[a].condition, rows[b].condition))
        sources.setdefault(names, set()).add(rows[a].crop.source.sha256)
    trials = min(spec.design.trials, len(pairs))
    known = any(row.condition == CATCH for row in read.stimuli)
    return Sessions(
        pairs=len(pairs),
        trials=trials,
        beside=design.numbers(spec.design, trials, known=known),
        crops=dict(loading.compared(read, spec)),
        sources={names: len(found) for names, found in sources.items()},
    )


def check(read: StudyFolder, spec: Spec, session: Sessions) -> Iterator[Finding]:
    """Everything, in the order in which a reader would mend it."""
    yield from _duration(session)
    yield from _known(read, spec, session)
    yield from _quotas(spec, session)
    yield from _languages(spec)


def _duration(session: Sessions) -> Iterator[Finding]:
    minutes = session.seconds / 60
    said = f"a session takes about {max(1, math.ceil(minutes))} minutes ({steps.USUAL_TRIAL_S:g} s a trial)"
    if session.seconds > LONGEST_S:
        yield Finding(
            "warning",
            "duration",
            f"{said}, and after {LONGEST_S // 60} people tire: lower `design.trials` and invite more participants.",
        )
    else:
        yield Finding("note", "duration", f"{said}: tell people so, and pay for it.")


def _known(read: StudyFolder, spec: Spec, session: Sessions) -> Iterator[Finding]:
    """Whether practice, which tells the answers, has to use crops of the catch trials that are to count."""
    crops = sum(row.condition == CATCH for row in read.stimuli)
    practice = session.beside.practice * spec.design.practice_rounds
    if practice and session.beside.catch and crops < practice + session.beside.catch:
        yield Finding(
            "warning",
            "few_catches",
            f"{crops} crops have a catch, and a session plans {practice} practice and {session.beside.catch} catch "
            "trials, so some show a crop whose answer practice may have told: add sources, or lower `design.practice`, "
            "`design.practice_rounds` or `design.catch_rate`.",
        )


def _quotas(spec: Spec, session: Sessions) -> Iterator[Finding]:
    """Whether one quota ends the study long before the other one can."""
    ask = spec.design
    needed = -(-ask.votes_per_pair * session.pairs // session.trials)
    if ask.participants and ask.votes_per_pair and needed != ask.participants:
        first = "votes_per_pair" if needed < ask.participants else "participants"
        yield Finding(
            "note",
            "quotas",
            f"{needed} participants give the {ask.votes_per_pair} votes a pair of `design.votes_per_pair`, and "
            f"`design.participants` is {ask.participants}: `design.{first}` will end the study.",
        )


def _languages(spec: Spec) -> Iterator[Finding]:
    """Texts of the study's own that some language lacks: its readers would get the default one."""
    own = [key for key in Texts.__struct_fields__ if _own(spec, key, spec.study.languages[0], spec.texts)]
    for language, texts in spec.translations.items():
        lacks = [key for key in own if not _own(spec, key, language, texts)]
        if lacks:
            yield Finding(
                "warning",
                "languages",
                f"`[texts]` has {', '.join(lacks)} of its own, `[translations.{language}]` has not, so that readers of "
                f"{language} get other words: translate them there.",
            )


def _own(spec: Spec, key: str, language: str, texts: Texts) -> bool:
    """Whether the study says something itself where a language has a default."""
    study = spec.study
    usual = defaults(
        study.kind, study.asks_for, or_asks_for=study.or_asks_for, not_sure=study.not_sure,
        pays_early=bool(spec.links.screen_out), language=language,
    )  # fmt: skip
    return bool(getattr(texts, key).strip()) and getattr(texts, key) != usual[key]
