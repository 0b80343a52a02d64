"""The command `raters`: what the votes say of those who cast them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analysis.options import IN, Finite, as_json, only, screening, selected

if TYPE_CHECKING:
    from analysis.quality import Quality


@click.command()
@click.argument("votes", type=IN)
@click.option("-o", "--output", "folder", required=True, type=IN, help="The folder to write.")
@click.option(
    "--lapse",
    default=0.05,
    show_default=True,
    type=Finite(0, 1),
    help="Share of answers that honest participants give at random: what a rule on catch trials costs rests on it.",
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Seeds bootstrap and simulation.")
@screening
@only
@as_json
def raters(votes: Path, folder: Path, lapse: float, seed: int, as_json: bool, **options: Any) -> None:
    """Write what is known of each participant, and the ratings with and without those who fail --screen."""
    from analysis.files import check_folder, write_folder
    from analysis.linking import comparable
    from analysis.quality import FILES, MARK, quality, quality_files
    from analysis.rating import Settings
    from analysis.telling import tell_left_out

    check_folder(folder, FILES, MARK)
    selection = comparable(selected(votes, {"only": options["only"]}))
    found = quality(selection, options["screen"], Settings(), lapse=lapse, seed=seed)
    write_folder(folder, quality_files(found), MARK)
    if as_json:
        click.echo(json.dumps(_record(found) | {"folder": str(folder)}, indent=1))
        return
    tell_left_out(found.screening.kept)
    for line in told(found):
        click.echo(line)
    click.echo(f"Raters: {folder / MARK}")


def told(found: "Quality") -> list[str]:
    """Return what a study knows of its raters, a sentence each."""
    raters, agreed = found.screening.raters, found.agreement
    overall = raters.overall
    lines = [f"{len(raters.names)} participants, {int(raters.votes.sum())} rating votes."]
    for share, words in ((overall.catches, "catch trials right"), (overall.repeats, "repeats answered alike")):
        if share.trials:
            low, high = (100 * end for end in share.ends)
            lines.append(f"{share.hits} of {share.trials} {words} ({low:.0f}% to {high:.0f}%).")
    if overall.identical.trials:
        left, trials, p = overall.identical.hits, overall.identical.trials, overall.identical.even_p
        lines.append(f"Identical pairs: left {left}, right {trials - left} (exact p {p:.2g} if sides are as likely).")
    for verdict in found.screening.verdicts:
        if verdict.checked:
            cost = verdict.false_exclusion
            chance = "unknown" if cost is None else f"{100 * cost:.2g}% ({verdict.how})"
            lines.append(
                f"{verdict.rule.name}, limit {verdict.rule.limit:g}: {int(verdict.flagged.sum())} of {verdict.checked} "
                f"flagged, {int(verdict.excluded.sum())} left out; an honest participant's chance to fail: {chance}."
            )
    if agreed.over != "none":
        lines.append(
            f"Krippendorff's alpha {agreed.alpha:.3f} ({agreed.low:.3f} to {agreed.high:.3f}, resampling "
            f"{agreed.over}; {agreed.units} pairs of images with {agreed.votes} votes)."
        )
    return lines


def _record(found: "Quality") -> dict[str, object]:
    """Return what `--json` prints."""
    from analysis.quality import agreement_row, rater_rows, rule_rows, screened_rows

    rated = found.screening.selection.rated
    return {
        "simulated": rated.simulated,
        "agreement": dict(agreement_row(found)),
        "rules": [dict(row) for row in rule_rows(found.screening)],
        "participants": [dict(row) for row in rater_rows(found)],
        "ratings": [dict(row) for row in screened_rows(found)],
        "votes_sha256": rated.sha256,
    }
