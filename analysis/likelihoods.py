"""Leave-one-out likelihood: how well the votes of all others predict those of a participant.

Observers are compared by the mean log10 likelihood of their votes under a model of everybody else's, and by how far
below the first quartile that lies, in interquartile ranges; over 1.5 is unusual (the analysis of pwcmp, Perez-Ortiz and
Mantiuk 2017, "A practical guide and software for analysing pairwise comparison experiments"). There every scene has a
scale of its own, since taste differs by scene more than by observer, and without that nobody stands out. With a few
votes a pair and image, as studies have, such scales are mostly noise. So the chance of a vote is here a mean of a Beta
posterior: centred where the others' ratings put it, with `PRIOR` votes' weight, and moved by the others' votes on the
same pair and image,

    p = (won by others + PRIOR * F(theta_i - theta_j)) / (votes of others + PRIOR).

Votes that are not sure are left out. A low likelihood is a different opinion or no attention: the two cannot be told
apart, so where the question is one of taste this is reported and excludes nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.special import expit

from analysis.codes import numbered
from analysis.counts import NOT_SURE, Counts
from analysis.votes import Floats, Ints

PRIOR = 4.0  # votes
RIDGE = 0.1  # precision of the prior on each rating of the others, so that it exists whoever is left out; logits
FAR = 1.5  # interquartile ranges
STEPS = 2000
HELD = 2**21  # numbers of participants left out x pairs that are climbed at a time
TOLERANCE = 1e-7


@dataclass(frozen=True)
class LeaveOneOut:
    """The `mean` (p,) log10 likelihood of the votes of `participant` (p,), codes in order, given all others'.

    `distance` (p,) is how far `mean` lies below the first quartile, in interquartile ranges; 0 above it, NaN for all
    where the range is 0 or under four participants leave no quartiles. `votes` (p,) are those that decide.
    """

    participant: Ints
    mean: Floats
    distance: Floats
    votes: Ints


@dataclass(frozen=True)
class Cells:
    """The votes that decide, as rows of one participant, pair and image: `won` of `votes` were for the first item.

    `group` (rows,) numbers pair and image together over all scales, `expected` (rows,) is the chance that the ratings
    of the others give to a win of the first item, `everybody` (groups,) what those of all give.
    """

    participant: Ints
    who: Ints
    group: Ints
    won: Floats
    votes: Floats
    expected: Floats
    everybody: Floats


def leave_one_out(scales: Sequence[Counts]) -> LeaveOneOut:
    """Return how well all others predict each participant's votes, over all scales together."""
    return of_cells(cells(scales))


def of_cells(votes: Cells) -> LeaveOneOut:
    """Return the same from cells."""
    many = np.bincount(votes.who, votes.votes)
    mean = log10_likelihood(votes, votes.won) / many
    return LeaveOneOut(votes.participant, mean, distances(mean), many.astype(np.int64))


def log10_likelihood(votes: Cells, won: Floats) -> Floats:
    """Return the log10 likelihood (p,) of each participant's votes, of which `won` (rows,) were for the first item."""
    groups = len(votes.everybody)
    others = np.bincount(votes.group, votes.votes, groups)[votes.group] - votes.votes
    others_won = np.bincount(votes.group, won, groups)[votes.group] - won
    p = (others_won + PRIOR * votes.expected) / (others + PRIOR)
    return np.asarray(np.bincount(votes.who, won * np.log10(p) + (votes.votes - won) * np.log10(1 - p)), float)


def distances(mean: Floats) -> Floats:
    """Return how far below the first quartile each value lies, in interquartile ranges."""
    if len(mean) < 4:
        return np.full(len(mean), np.nan)
    low, high = np.quantile(mean, [0.25, 0.75])
    if not high - low > 1e-12:
        return np.full(len(mean), np.nan)
    return np.asarray(np.maximum(0.0, (low - mean) / (high - low)))


def simulated(votes: Cells, rounds: int, rng: Generator) -> Floats:
    """Return distances (rounds, p) of studies whose participants all share one taste and otherwise do as these did.

    Each votes on the same pairs and images as in this study. The chances are Beta means of everybody's votes, so images
    differ as they seem to; participants differ by chance alone.
    """
    groups = len(votes.everybody)
    many, won = (np.bincount(votes.group, part, groups) for part in (votes.votes, votes.won))
    truth = ((won + PRIOR * votes.everybody) / (many + PRIOR))[votes.group]
    each, total = votes.votes.astype(np.int64), np.bincount(votes.who, votes.votes)
    drawn = (rng.binomial(each, truth).astype(float) for _ in range(rounds))
    return np.array([distances(log10_likelihood(votes, row) / total) for row in drawn])


def cells(scales: Sequence[Counts]) -> Cells:
    """Return the votes that decide of all scales, with what ratings predict of them."""
    found, groups, offset = [], [], 0
    for counts in scales:
        pair, outcome = np.divmod(counts.cell, 3)
        keep = outcome != NOT_SURE
        images = int(counts.source.max()) + 2
        key = ((counts.participant * len(counts.first) + pair) * images + counts.source + 1)[keep]
        key, row = numbered(key)
        votes, won = (
            np.bincount(row, counts.cell_votes[keep] * of, len(key)).astype(float)
            for of in (np.ones(int(keep.sum())), outcome[keep] == 0)
        )
        who, here = np.divmod(key, len(counts.first) * images)
        of_group, group = numbered(here)
        all_, others = _ratings(counts, who, here // images, won, votes)
        found.append((who, group + offset, won, votes, others))
        groups.append(all_[of_group // images])
        offset += len(of_group)
    who, group, won, votes, expected = (np.concatenate(part) for part in zip(*found, strict=True))
    participant, who = numbered(who)
    return Cells(participant, who, group, won, votes, expected, np.concatenate(groups))


def _ratings(counts: Counts, who: Ints, pair: Ints, won: Floats, votes: Floats) -> tuple[Floats, Floats]:
    """Return the chance of each pair's first item by the votes of all (pairs,), and by those of the others (rows,).

    One fit for everybody left out in turn, climbed together: the curvature never exceeds that of even chances, so steps
    with it always lead up (Boehning and Lindsay 1988, "Monotonicity of quadratic-approximation algorithms").
    """
    people, row = numbered(who)
    n, pairs = len(counts.items), len(counts.first)
    whole = [np.bincount(pair, part, pairs).astype(float) for part in (won, votes)]
    incidence = np.zeros((pairs, n))
    incidence[np.arange(pairs), counts.first], incidence[np.arange(pairs), counts.second] = 1, -1
    steepest = incidence.T @ (whole[1][:, None] / 4 * incidence) + RIDGE * np.eye(n)
    inverse, others = np.linalg.inv(steepest), np.empty(len(row))
    everybody = _climbed(whole[0][None], whole[1][None], incidence, inverse)[0]
    size = max(1, HELD // pairs)
    for begin in range(0, len(people), size):
        here = np.flatnonzero((row >= begin) & (row < begin + size))
        shape = min(size, len(people) - begin), pairs
        place = (row[here] - begin) * pairs + pair[here]
        away = [np.bincount(place, part[here], shape[0] * pairs).reshape(shape) for part in (won, votes)]
        chance = _climbed(whole[0] - away[0], whole[1] - away[1], incidence, inverse)
        others[here] = chance[row[here] - begin, pair[here]]
    return everybody, others


def _climbed(won: Floats, votes: Floats, incidence: Floats, inverse: Floats) -> Floats:
    """Return the chances (k, pairs) of first items by fits to k tables: `won` of `votes` (k, pairs) by the first."""
    theta = np.zeros((len(won), len(inverse)))
    for _ in range(STEPS):
        slope = (won - votes * expit(theta @ incidence.T)) @ incidence - RIDGE * theta
        step = slope @ inverse
        theta += step
        if np.abs(step).max(initial=0) < TOLERANCE:
            break
    return np.asarray(expit(theta @ incidence.T))
