"""What a study folder would ask of people, before it is loaded."""

from collections import Counter
from typing import Any

from study import design, folder, loading
from study.errors import Refused
from study.spec import Design


def summary(read: folder.StudyFolder) -> dict[str, Any]:
    """Counts of what the folder holds, the votes that a participant adds to a pair, and remarks.

    Raises:
        Refused: there is nothing that people could be asked.
    """
    complaint = loading.unaskable(read, read.spec)
    if complaint:
        raise Refused(f"{read.path}: {complaint}")
    rated = [row for row in read.stimuli if row.condition not in {folder.REFERENCE, folder.CATCH}]
    pairs = loading.rating_pairs(read.stimuli, read.spec.design.rates)
    ask = read.spec.design
    trials = min(ask.trials, len(pairs))
    known = sum(row.condition == folder.CATCH for row in read.stimuli)
    beside = design.numbers(ask, trials, known=known > 0)
    return {
        "name": read.spec.study.name,
        "sources": len({row.crop.source for row in read.stimuli}),
        "crops": len({row.crop for row in read.stimuli}),
        "conditions": dict(sorted(Counter(row.condition for row in rated).items())),
        "pairs": len(pairs),
        "trials_a_participant": trials,
        "beside_them": beside._asdict(),
        "votes_a_pair_expected": _expected(ask, trials, len(pairs)),
        "participants_for_15_votes_a_pair": -(-15 * len(pairs) // trials),
        "in_context": all(row.window for row in read.stimuli),
        "remarks": [*_remarks(rated, len(pairs), ask), *_known(ask, beside, known), *_quotas(ask, trials, len(pairs))],
    }


def _expected(ask: Design, trials: int, pairs: int) -> float | None:
    """Votes a pair, of everybody together; None where neither participants nor votes have a limit."""
    limits = [float(ask.votes_per_pair)] if ask.votes_per_pair else []
    limits += [round(ask.participants * trials / pairs, 1)] if ask.participants else []
    return min(limits, default=None)


def as_text(found: dict[str, Any]) -> str:
    """The same for reading."""
    expected, beside = found["votes_a_pair_expected"], found["beside_them"]
    held = (
        f"{found['crops']} crops of {found['sources']} sources, {len(found['conditions'])} conditions, "
        f"{found['pairs']} pairs; {found['trials_a_participant']} rating trials a participant, and beside them "
        f"{beside['practice']} for practice, {beside['catch']} catch, {beside['identical']} identical and "
        f"{beside['repeat']} repeated ones."
    )
    wide = "Every image has a larger window around it." if found["in_context"] else ""
    people = f"{found['participants_for_15_votes_a_pair']} participants would give 15 votes a pair."
    votes = people if expected is None else f"{expected} votes a pair are expected."
    remarks = [f"Note: {remark}" for remark in found["remarks"]]
    return "\n".join([f"Study `{found['name']}` can be loaded.", held, *filter(None, [wide]), votes, *remarks])


def _known(ask: Design, beside: design.Numbers, crops: int) -> list[str]:
    """Whether practice, which tells the answers, has to use crops of the catch trials that are to count."""
    practice = beside.practice * ask.practice_rounds
    if not (practice and beside.catch) or crops >= practice + beside.catch:
        return []
    remark = (
        f"{crops} crops have a catch, and a session plans {practice} practice and {beside.catch} catch trials: some "
        "show a crop whose answer practice may have told; add sources, or lower `design.practice`, "
        "`design.practice_rounds` or `design.catch_rate`."
    )
    return [remark]


def _quotas(ask: Design, trials: int, pairs: int) -> list[str]:
    """Whether one quota ends the study long before the other one can."""
    needed = -(-ask.votes_per_pair * pairs // trials)
    if not (ask.participants and ask.votes_per_pair) or needed == ask.participants:
        return []
    first = "votes_per_pair" if needed < ask.participants else "participants"
    remark = (
        f"{needed} participants give the {ask.votes_per_pair} votes a pair of `design.votes_per_pair`, and "
        f"`design.participants` is {ask.participants}: `design.{first}` will end the study."
    )
    return [remark]


def _remarks(rated: list[folder.Stimulus], pairs: int, ask: Design) -> list[str]:
    """What is allowed and still worth knowing."""
    remarks = []
    unmatched = sum(not row.rate_matched for row in rated)
    if unmatched:
        remarks.append(f"{unmatched} stimuli miss their rate by more than the tolerance (`rate_matched` is 0).")
    leaked = len({row.crop.source.name for row in rated if row.leak})
    if leaked:
        remarks.append(f"{leaked} sources trained the model that compressed them (`leak` is 1).")
    of_one = Counter((row.crop, float(row.rate) if ask.rates == "within" else 0.0) for row in rated)
    possible = sum(n * (n - 1) // 2 for n in of_one.values())
    if possible > pairs:
        remarks.append(f"{possible - pairs} pairs have the same bytes on both sides and are not asked about.")
    whole = len({row.crop for row in rated})
    uneven = {name for name, n in Counter(row.condition for row in rated).items() if n < whole}
    if uneven:
        remarks.append(f"not every crop has {', '.join(sorted(uneven))}; ratings rest on fewer sources there.")
    return remarks
