"""What the commands say of ratings: sentences on standard error, and the record that `--json` prints."""

from collections.abc import Iterator, Sequence

import click
import numpy as np

from analysis.files import number
from analysis.intervals import FEW_DEGREES, REACH
from analysis.linking import unvoted
from analysis.rating import Row, Scale, rating_rows
from analysis.selection import Selection

NO_VOTES = "the file names conditions of this rate, and no rated vote is about them"


def tell(selection: Selection, scales: Sequence[Scale], method: str = "bradley-terry") -> None:
    """Say on standard error what the ratings leave out and to what their intervals do not reach."""
    tell_left_out(selection)
    for rate in unvoted(selection):
        click.echo(f"Not rated, {number(rate)} bpp: {NO_VOTES}.", err=True)
    for scale in scales:
        if scale.problem:
            click.echo(f"Not rated, {scale.name}: {scale.problem}.", err=True)
        elif method != "elo":
            for said in (*_about_model(scale), *_about_intervals(scale), *_about_rounds(scale)):
                click.echo(f"{scale.name}: {said}.", err=True)
    if method == "elo":
        rounds = "shuffles" if scales[0].settings.elo.replay == "shuffles" else "resamples"
        click.echo(
            f"Low and high hold 95% of the {rounds} of votes: update noise of Elo, no confidence interval.", err=True
        )


def _about_rounds(scale: Scale) -> Iterator[str]:
    """Give how many rounds of a bootstrap were left out."""
    if (rounds := scale.rounds) is None:
        return
    if rounds.separated:
        taken = ", too many for an interval" if np.isnan(rounds.interval()[0]).any() else ""
        yield f"{rounds.separated} of {rounds.drawn} rounds determined no finite ratings and are left out{taken}"
    if rounds.unfinished:
        yield f"{rounds.unfinished} of {rounds.drawn} rounds were not solved and are left out"


def _about_model(scale: Scale) -> Iterator[str]:
    """Give what is to know about the fitted model of a scale."""
    if scale.fit and scale.fit.ridge:
        yield f"ratings are pulled together by a ridge of {scale.fit.ridge:g}"
    not_sure = int(scale.counts.table[:, 2].sum())
    if scale.fit and not_sure and scale.fit.model.ties == "half":
        yield f"{not_sure} votes that are not sure count as half a win each, which shrinks the scale"
    if scale.fit and not_sure and scale.fit.model.ties == "dropped":
        yield f"{not_sure} votes that are not sure are dropped"
    if scale.side:
        yield f"side bias: {scale.side.told(scale.settings.unit)}"


def _about_intervals(scale: Scale) -> Iterator[str]:
    """Give what is to know about the intervals of a scale."""
    if scale.reason:
        told = "no intervals" if scale.over == "none" else f"intervals speak for {REACH[scale.over]}"
        yield f"{told}: {scale.reason}"
    if scale.uncertainty and scale.uncertainty.degrees < FEW_DEGREES:
        degrees = scale.uncertainty.degrees
        noun = "degree" if degrees == 1 else "degrees"
        yield f"t has {degrees} {noun} of freedom only, so the intervals are wide, and rough"
    if scale.alone:
        yield scale.alone


def tell_left_out(selection: Selection) -> None:
    """Say on standard error which votes are not rated, and that votes are simulated."""
    if selection.rated.simulated:
        click.echo("SIMULATED: no person cast these votes.", err=True)
    for left_out in selection.left_out:
        noun = "vote" if left_out.votes == 1 else "votes"
        click.echo(f"Left out: {left_out.votes} {noun} ({left_out.reason}).", err=True)


def summary(selection: Selection, scales: Sequence[Scale], methods: Sequence[str]) -> dict[str, object]:
    """Return what `--json` prints of ratings."""
    unrated = [{"scale": f"{number(rate)} bpp", "problem": NO_VOTES} for rate in unvoted(selection)]
    return {
        "simulated": selection.rated.simulated,
        "votes": selection.total,
        "rated_votes": len(selection.rated),
        "left_out": [{"reason": left_out.reason, "votes": left_out.votes} for left_out in selection.left_out],
        "not_rated": unrated + [{"scale": s.name, "problem": s.problem} for s in scales if s.problem],
        "side_bias": [
            {"scale": s.name, "in": s.settings.unit, **s.side.record(s.settings.unit)} for s in scales if s.side
        ],
        "ratings": [_numbers(row) for row in rating_rows(scales, selection, methods)],
        "votes_sha256": selection.rated.sha256,
    }


def _numbers(row: Row) -> dict[str, object]:
    """Return a row of ratings.csv with numbers for their text, and null for an empty cell."""
    texts = ("rate", "rating", "low", "high")
    return {name: (float(str(cell)) if cell else None) if name in texts else cell for name, cell in row.items()}
