"""Measure what each tool gets wrong on the same votes, and print a table in Markdown.

    .venv/bin/python -m tests.benchmarks.wrong --peers peers/bin/python --votes FOLDER -o docs/benchmarks.md

FOLDER holds hific_dev.csv and llmfao.csv, votes of people; without it only made votes are asked about. A cell is empty
where a tool has no such answer.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import bradley_terry as bt
from analysis.counts import Counts, count
from analysis.fitting import why_not
from analysis.intervals import Over, uncertainty
from analysis.models import Model
from analysis.votes import Floats
from tests.benchmarks.answers import asked
from tests.benchmarks.measuring import HOUSE
from tests.benchmarks.ours import coded
from tests.benchmarks.peers import LEFT, RIGHT, TIE, Made, made
from tests.benchmarks.ratings import placed

BEGIN, END = "<!-- measured by tests/benchmarks/wrong.py -->", "<!-- end of what wrong.py measured -->"
TOOLS = ("evalica", "choix", "arena-rank", "multinomial L-BFGS", "all rounds side by side")
STUDIES, PARTICIPANTS, SOURCES, EACH = 60, 40, 10, 38
SPREAD = 80.0  # Elo points, standard deviation of a participant's and of a source's own ratings
TRUTH = np.array([-90.0, -30.0, 30.0, 90.0])
Answers = list[dict[str, dict[str, Any]]]


def ask(python: str, questions: list[dict[str, Any]]) -> Answers:
    """Return what the tools of the peers' environment answer."""
    words = [python, "-m", "tests.benchmarks.answers"]
    done = subprocess.run(words, input=json.dumps(questions), cwd=HOUSE, stdout=subprocess.PIPE, text=True, check=True)
    return list(json.loads(done.stdout))


def wins(ahead: Floats) -> Floats:
    """Return the chance of a win by so many Elo points."""
    return 1 / (1 + 10 ** (-ahead / 400))


def study(seed: int) -> Made:
    """Draw a study in which participants and sources have ratings of their own around `TRUTH`."""
    rng, votes, n = np.random.default_rng(seed), PARTICIPANTS * EACH, len(TRUTH)
    person, image = np.repeat(np.arange(PARTICIPANTS), EACH), rng.integers(0, SOURCES, votes)
    own, of_image = rng.normal(0, SPREAD, (PARTICIPANTS, n)), rng.normal(0, SPREAD, (SOURCES, n))
    ratings = TRUTH + own[person] + of_image[image]
    left = rng.integers(0, n, votes)
    right = (left + rng.integers(1, n, votes)) % n
    row = np.arange(votes)
    won = rng.random(votes) < wins(ratings[row, left] - ratings[row, right])
    return Made(n, left, right, np.where(won, LEFT, RIGHT), person, image)


def population() -> Floats:
    """Return the ratings (4,) that a fit to all participants and sources there could be would give."""
    first, second = np.triu_indices(len(TRUTH), 1)
    own = np.random.default_rng(0).normal(0, 2 * SPREAD, 10**6)  # of both and of two items: four times the variance
    chance = np.array([wins(TRUTH[i] - TRUTH[j] + own).mean() for i, j in zip(first, second, strict=True)])
    table = np.column_stack([chance, 1 - chance, np.zeros_like(chance)])
    return bt.ELO * bt.fit(first, second, 1000 * table).theta


def ours(votes: Made, over: Over) -> tuple[Floats, Floats, Floats]:
    """Return our ratings and the ends of their intervals, in Elo points."""
    counts = counted(votes)
    fit = bt.fit(counts.first, counts.second, counts.table)
    sure = uncertainty(counts, fit, over)
    assert sure is not None
    margins = np.array([sure.margin(sure.contrast(item)) for item in range(votes.n)])
    ratings = bt.ELO * (fit.theta - fit.theta.mean())
    return ratings, ratings - margins, ratings + margins


def counted(votes: Made) -> Counts:
    """Return the counts of the votes, by participant and source."""
    data = coded(votes, clusters=True)
    people, images = (tuple(map(str, range(int(codes.max()) + 1))) for codes in (votes.person, votes.image))
    return count(replace(data, participants=people, sources=images))[0]


def share(low: Floats, high: Floats, truth: Floats) -> float:
    """Return how many of the intervals hold the truth."""
    return float(((np.asarray(low) <= truth) & (truth <= np.asarray(high))).mean())


def coverage(python: str) -> list[str]:
    """Intervals that take votes for independent, where participants and sources differ."""
    studies, truth = [study(seed) for seed in range(STUDIES)], population()
    answers = ask(python, [asked(votes, "evalica", "arena-rank") for votes in studies])
    held = {
        tool: np.mean([share(one[tool]["low"], one[tool]["high"], truth) for one in answers])
        for tool in ("evalica", "arena-rank")
    }
    own = np.mean([share(*ours(votes, "both")[1:], truth) for votes in studies])
    what = f"{STUDIES} made studies, participants and sources differ by {SPREAD:.0f} Elo: 95% intervals that hold"
    return row(what, f"{own:.0%}", {tool: f"{value:.0%}" for tool, value in held.items()})


def tied(seed: int = 3, votes: int = 100_000, nu: float = 0.8) -> Made:
    """Draw votes with Davidson's ties."""
    rng, blank = np.random.default_rng(seed), made(4, votes)
    strength = np.exp(TRUTH / bt.ELO)
    one, other = strength[blank.left], strength[blank.right]
    total = one + other + nu * np.sqrt(one * other)
    drawn = rng.random(votes) * total
    return replace(blank, outcome=np.where(drawn < one, LEFT, np.where(drawn < one + other, RIGHT, TIE)))


def scale(ratings: Floats, truth: Floats) -> str:
    """Return by what the truth is to be multiplied to give the ratings."""
    ratings = np.asarray(ratings)
    return f"{float(ratings @ truth / (truth @ truth)):.3f}"


FITS = ("evalica fit", "choix", "arena-rank", "multinomial L-BFGS")


def ties(python: str) -> list[str]:
    """Ties that count as half a win each."""
    votes = tied()
    (answers,) = ask(python, [asked(votes, *FITS)])
    what = f"100,000 made votes, {np.mean(votes.outcome == TIE):.0%} ties: scale of the ratings (true: 1)"
    return row(
        what, scale(ours(votes, "votes")[0], TRUTH), {tool: scale(answers[tool]["rating"], TRUTH) for tool in FITS}
    )


def bars(python: str) -> list[str]:
    """Bars that do not shrink with the votes."""
    files = [made(7, votes) for votes in (1531, 20_000)]
    answers = ask(python, [asked(votes, "evalica Elo", "all rounds side by side") for votes in files])
    widths = {
        tool: " -> ".join(f"{np.mean(np.subtract(one[tool]['high'], one[tool]['low'])):.0f}" for one in answers)
        for tool in ("evalica Elo", "all rounds side by side")
    }
    own = " -> ".join(f"{np.mean(np.subtract(*ours(votes, 'both')[:0:-1])):.0f}" for votes in files)
    return row("7 systems, 1,531 -> 20,000 votes: mean width of the 95% bars, Elo (theirs: K 32)", own, widths)


def few(*votes: tuple[int, int]) -> Made:
    """Return votes of (winner, loser), twenty times each."""
    pairs = np.repeat(np.array(votes), 20, axis=0)
    zero = np.zeros(len(pairs), int)
    return Made(int(pairs.max()) + 1, pairs[:, 0], pairs[:, 1], zero + LEFT, zero, zero)


def impossible(python: str) -> list[str]:
    """Votes that determine no ratings."""
    files = {
        "A and B met, C and D met, nobody else": few((0, 1), (0, 1), (1, 0), (2, 3), (3, 2)),
        "A won every vote against B and C": few((0, 1), (0, 2), (1, 2), (2, 1)),
    }
    answers = ask(python, [asked(votes, *FITS) for votes in files.values()])
    lines = []
    for (what, votes), found in zip(files.items(), answers, strict=True):
        said = {
            tool: f"error: {one['error'].split(':')[0]}" if "error" in one else listed(one["rating"])
            for tool, one in found.items()
        }
        lines += row(f"{what}: ratings", f"refused: {why_not(counted(votes), Model())}", said)
    return lines


def listed(ratings: list[float]) -> str:
    """Return ratings in whole points."""
    return ", ".join(f"{rating:,.0f}" for rating in ratings)


def people(python: str, folder: Path) -> list[str]:
    """Votes of people: HiFiC's, where images and raters count, and LLMFAO's, with many ties."""
    frame = pd.read_csv(folder / "hific_dev.csv")
    frame = frame[frame["winner"] != frame["loser"]]
    names = sorted(set(frame["winner"]) | set(frame["loser"]))
    sides = [pd.Index(names).get_indexer(frame[side]) for side in ("winner", "loser")]
    clusters = [pd.factorize(frame[name])[0] for name in ("rater", "image")]
    hific = Made(len(names), *sides, np.full(len(frame), LEFT), *clusters)
    frame = pd.read_csv(folder / "llmfao.csv")
    names = sorted(set(frame["left"]) | set(frame["right"]))
    sides = [pd.Index(names).get_indexer(frame[side]) for side in ("left", "right")]
    word = frame["winner"].map({"left": LEFT, "right": RIGHT, "tie": TIE}).to_numpy()
    llmfao = Made(len(names), *sides, word, np.zeros(len(frame), int), np.zeros(len(frame), int))
    first, second = ask(python, [asked(hific, "evalica", "arena-rank"), asked(llmfao, *FITS)])
    widths = {tool: f"{np.mean(np.subtract(one['high'], one['low'])):.0f}" for tool, one in first.items()}
    own = {over: f"{np.mean(np.subtract(*ours(hific, over)[:0:-1])):.0f}" for over in ("both", "votes")}
    true = ours(llmfao, "votes")[0]
    return [
        *row(
            "HiFiC's votes: mean width of the 95% intervals, Elo", f"{own['both']} ({own['votes']} if by votes)", widths
        ),
        *row(
            f"LLMFAO's votes, {np.mean(word == TIE):.0%} ties: scale against Davidson's model",
            "1.000",
            {
                tool: scale(one["rating"], true) if "rating" in one else f"error: {one['error'].split(':')[0]}"
                for tool, one in second.items()
            },
        ),
    ]


def row(what: str, own: str, theirs: dict[str, str]) -> list[str]:
    """Return a line of the table; a tool's name may be followed by what it was asked for."""
    of_tool = {tool: [text for name, text in theirs.items() if name.startswith(tool)] for tool in TOOLS}
    return [f"| {what} | {own} | " + " | ".join((texts or [""])[0] for texts in of_tool.values()) + " |"]


def main() -> None:
    """Ask everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default=sys.executable, help="the Python of the peers' environment")
    parser.add_argument("--votes", type=Path, help="the folder of hific_dev.csv and llmfao.csv")
    parser.add_argument("-o", "--output", type=Path, help="the page to put the table into")
    options = parser.parse_args()
    head = ["on the same votes", "ours", *TOOLS]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for part in (coverage, ties, bars, impossible):
        lines += part(options.peers)
        print(lines[-1], file=sys.stderr, flush=True)
    lines += people(options.peers, options.votes) if options.votes else []
    print("\n".join(lines))
    if options.output:
        options.output.write_text(placed(options.output.read_text(), lines, BEGIN, END))


if __name__ == "__main__":
    main()
