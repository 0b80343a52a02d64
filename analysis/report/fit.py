"""Whether the model is true, on the page: what speaks for and against it, scale by scale; and the random share."""

from collections.abc import Iterator

from analysis.findings import Findings
from analysis.fit import CAVEATS, FAR, STARVED, FitCheck
from analysis.homogeneity import ROUNDS as MOST_ROUNDS
from analysis.rating import ALPHA
from analysis.report.tables import Context, Row, Shown, Tables, by_scale
from analysis.report.words import title
from analysis.triads import BY_CHANCE


def fit_context(findings: Findings, tables: Tables) -> Context:
    """Return what the section on the model tells."""
    residuals = by_scale(tables["residuals"], findings.scales, "rate_a", "condition_a")
    checks = findings.judgement.checks
    fewer = [part.rounds for check in checks for part in check.homogeneity if 0 < part.rounds < MOST_ROUNDS]
    return {
        "by_scale": [
            {"id": f"scale-{place}", **_of(check, rows)}
            for place, (check, rows) in enumerate(zip(checks, residuals, strict=True), 1)
        ],
        "caveats": CAVEATS,
        "starved": STARVED,
        "far": FAR,
        "by_chance": BY_CHANCE,
        "fewer_rounds": min(fewer) if fewer else 0,
        "most_rounds": MOST_ROUNDS,
        "shares": _shares(findings, tables),
    }


def _of(check: FitCheck, residuals: list[Row]) -> Context:
    names = [item.condition for item in check.scale.counts.items]
    pairs = [(f"{names[pair.first]} and {names[pair.second]}", pair.votes) for pair in check.starved]
    return {
        "name": check.scale.name,
        "title": title(check.scale.name),
        "check": check,
        "problem": check.scale.problem,
        "rejected": list(_rejected(check)),
        "never": [pair for pair, votes in pairs if not votes],
        "few": [f"{pair} ({votes})" for pair, votes in pairs if votes],
        "residuals": Shown(residuals),
        "far": sum(1 for row in residuals if row["z"] is not None and abs(float(str(row["z"]))) > FAR),
    }


def _rejected(check: FitCheck) -> Iterator[str]:
    """Give what the votes reject at 5%, each p for itself and whatever the level of verdicts, in words."""
    if check.deviance and check.deviance.p <= ALPHA:
        yield "one distance for each two conditions (deviance)"
    for part in check.homogeneity:
        p = part.p if part.participants_p is None else part.participants_p
        if p is not None and p <= ALPHA:
            yield f"the same ratings by {part.by}"
    if check.side and check.side.p is not None and check.side.p <= ALPHA:
        yield "no pull of a side"


def _shares(findings: Findings, tables: Tables) -> Context | None:
    """Return the ratings from all votes beside those from the random share; None where no plan looked at answers."""
    shares = findings.judgement.shares
    if shares is None:
        return None
    rows = tables["random_share"]
    random = {(row["rate"], row["condition"]): row for row in rows if row["share"] == "random"}
    both = [(row, random.get((row["rate"], row["condition"]))) for row in rows if row["share"] == "all"]
    problems = [f"{scale.name}: {scale.problem}" for scale in shares.random if scale.problem]
    return {
        "votes": shares.votes,
        "random_votes": shares.random_votes,
        "strategies": shares.strategies,
        "lowest": shares.lowest,
        "rows": both,
        "problems": problems,
    }
