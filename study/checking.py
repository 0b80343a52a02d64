"""What a study folder would ask of people, before it is loaded."""

from collections import Counter
from typing import Any

from study import folder, loading
from study.errors import Refused


def summary(read: folder.StudyFolder) -> dict[str, Any]:
    """Counts of what the folder holds, the votes that a participant adds to a pair, and remarks.

    Raises:
        Refused: there is nothing that people could be asked.
    """
    complaint = loading.unaskable(read, read.spec)
    if complaint:
        raise Refused(f"{read.path}: {complaint}")
    rated = [row for row in read.stimuli if row.condition not in {folder.REFERENCE, folder.CATCH}]
    pairs = loading.rating_pairs(read.stimuli)
    trials = min(read.spec.design.trials, len(pairs))
    people = read.spec.design.participants
    return {
        "name": read.spec.study.name,
        "sources": len({row.crop.source for row in read.stimuli}),
        "crops": len({row.crop for row in read.stimuli}),
        "conditions": dict(sorted(Counter(row.condition for row in rated).items())),
        "pairs": len(pairs),
        "trials_a_participant": trials,
        "votes_a_pair_expected": round(people * trials / len(pairs), 1) if people else None,
        "participants_for_15_votes_a_pair": -(-15 * len(pairs) // trials),
        "remarks": _remarks(rated, len(pairs)),
    }


def as_text(found: dict[str, Any]) -> str:
    """The same for reading."""
    expected = found["votes_a_pair_expected"]
    held = (
        f"{found['crops']} crops of {found['sources']} sources, {len(found['conditions'])} conditions, "
        f"{found['pairs']} pairs; {found['trials_a_participant']} rating trials a participant."
    )
    people = f"{found['participants_for_15_votes_a_pair']} participants would give 15 votes a pair."
    votes = people if expected is None else f"{expected} votes a pair are expected."
    remarks = [f"Note: {remark}" for remark in found["remarks"]]
    return "\n".join([f"Study `{found['name']}` can be loaded.", held, votes, *remarks])


def _remarks(rated: list[folder.Stimulus], pairs: int) -> list[str]:
    """What is allowed and still worth knowing."""
    remarks = []
    unmatched = sum(not row.rate_matched for row in rated)
    if unmatched:
        remarks.append(f"{unmatched} stimuli miss their rate by more than the tolerance (`rate_matched` is 0).")
    leaked = len({row.crop.source.name for row in rated if row.leak})
    if leaked:
        remarks.append(f"{leaked} sources trained the model that compressed them (`leak` is 1).")
    possible = sum(n * (n - 1) // 2 for n in Counter((row.crop, float(row.rate)) for row in rated).values())
    if possible > pairs:
        remarks.append(f"{possible - pairs} pairs have the same bytes on both sides and are not asked about.")
    whole = len({row.crop for row in rated})
    uneven = {name for name, n in Counter(row.condition for row in rated).items() if n < whole}
    if uneven:
        remarks.append(f"not every crop has {', '.join(sorted(uneven))}; ratings rest on fewer sources there.")
    return remarks
