"""`study check`: what would spoil a study before anyone is asked, and what it would ask of people."""

from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from study import checks_design, checks_folder, checks_precision, finding, folder, loading
from study.errors import Refused
from study.finding import Finding
from study.spec import FILE

REPAIR = "Nothing can be loaded until each refusal is mended."


@dataclass(frozen=True)
class Report:
    """Every finding, the worst first; and what the folder holds and asks for, where it can be loaded."""

    path: Path
    findings: list[Finding]
    summary: dict[str, Any] | None

    @property
    def refused(self) -> bool:
        """Whether `study load` would refuse the folder."""
        return any(found.severity == "refusal" for found in self.findings)


def check(path: Path, watch: folder.Watch = nullcontext) -> Report:
    """Read a study folder as `load` does, but to its end, and look for what would spoil the study.

    A folder with faulty rows is not judged further: what they should say decides the rest.

    Raises:
        Refused: there is no such folder.
    """
    faults: list[str] = []
    try:
        read = folder.read(path, watch, lambda fault: faults.append(fault.message))
    except Refused as refusal:
        if not path.is_dir():
            raise
        return Report(path, _refusals([*faults, refusal.message]), None)
    complaint = None if faults else loading.unaskable(read, read.spec)
    if complaint:
        faults.append(f"{path}: {complaint}")
    if faults:
        return Report(path, _refusals(faults), None)
    session = checks_design.sessions(read, read.spec)
    found = [
        *checks_folder.check(read, read.spec, watch),
        *checks_precision.check(read, read.spec, session),
        *checks_design.check(read, read.spec, session),
    ]
    return Report(path, finding.in_order(found), _summary(read, session))


def _refusals(faults: list[str]) -> list[Finding]:
    """Faults of one column are of one kind."""
    return [Finding("refusal", said.partition("column `")[2].partition("`")[0] or FILE, said) for said in faults]


def _summary(read: folder.StudyFolder, session: checks_design.Sessions) -> dict[str, Any]:
    """What the folder holds, what a session is, and the votes of a pair that the quotas foresee."""
    rated = Counter(row.condition for row in read.stimuli if row.condition not in {folder.REFERENCE, folder.CATCH})
    ask = read.spec.design
    limits = [float(ask.votes_per_pair)] if ask.votes_per_pair else []
    limits += [round(ask.participants * session.trials / session.pairs, 1)] if ask.participants else []
    return {
        "name": read.spec.study.name,
        "sources": len({row.crop.source for row in read.stimuli}),
        "crops": len({row.crop for row in read.stimuli}),
        "conditions": dict(sorted(rated.items())),
        "pairs": session.pairs,
        "trials_a_participant": session.trials,
        "beside_them": session.beside._asdict(),
        "votes_a_pair_expected": min(limits, default=None),
        "participants_for_15_votes_a_pair": -(-15 * session.pairs // session.trials),
        "in_context": all(row.window for row in read.stimuli),
        "seconds_a_session": round(session.seconds),
    }


def as_json(report: Report) -> dict[str, Any]:
    """Everything, for scripts."""
    return {
        "folder": str(report.path),
        "loadable": not report.refused,
        "findings": [found._asdict() for found in report.findings],
        **(report.summary or {}),
    }


def as_text(report: Report) -> str:
    """The same for reading."""
    told = list(finding.lines(report.findings))
    if report.summary is None:
        return "\n".join([*told, REPAIR])
    return "\n".join([*_held(report.summary), *told])


def _held(summary: dict[str, Any]) -> list[str]:
    expected, beside = summary["votes_a_pair_expected"], summary["beside_them"]
    people = f"{summary['participants_for_15_votes_a_pair']} participants would give 15 votes a pair."
    held = (
        f"{summary['crops']} crops of {summary['sources']} sources, {len(summary['conditions'])} conditions, "
        f"{summary['pairs']} pairs; {summary['trials_a_participant']} rating trials a participant, and beside them "
        f"{beside['practice']} for practice, {beside['catch']} catch, {beside['identical']} identical and "
        f"{beside['repeat']} repeated ones."
    )
    return [
        f"Study `{summary['name']}` can be loaded.",
        held,
        *(["Every image has a larger window around it."] if summary["in_context"] else []),
        people if expected is None else f"{expected} votes a pair are expected.",
    ]
