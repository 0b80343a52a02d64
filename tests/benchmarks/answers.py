"""What other tools answer about the same votes: ratings and intervals in Elo points, mean 0. Imports no `analysis`.

    peers/bin/python -m tests.benchmarks.answers < asked.json > answers.json

Asked are lists of {"n", "left", "right", "outcome", "tools"}, with the votes as in `peers.Made`.
"""

import json
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.benchmarks import peers
from tests.benchmarks.peers import TIE, Made

ELO = 400 / np.log(10)
Answer = dict[str, Any]


def evalica_intervals(votes: Made) -> Answer:
    """Bradley-Terry, 200 rounds of its percentile bootstrap."""
    tool, data = peers._evalica(votes)
    found = tool.bootstrap(tool.bradley_terry, *data, n_resamples=200, bootstrap_method="percentile", random_state=1)
    names = sorted(found.low.index)
    parts = {"rating": found.result.scores, "low": found.low, "high": found.high}
    return {name: (ELO * np.log(part[names].to_numpy())).tolist() for name, part in parts.items()}


def evalica_fit(votes: Made) -> Answer:
    """Bradley-Terry, as it comes."""
    tool, data = peers._evalica(votes)
    return {"rating": _centred(ELO * np.log(tool.bradley_terry(*data).scores.sort_index().to_numpy()))}


def evalica_elo(votes: Made) -> Answer:
    """Elo, K 32, 200 rounds of its percentile bootstrap."""
    tool, data = peers._evalica(votes)
    found = tool.bootstrap(tool.elo, *data, n_resamples=200, bootstrap_method="percentile", random_state=1, k=32.0)
    return {"low": found.low.sort_index().tolist(), "high": found.high.sort_index().tolist()}


def choix_fit(votes: Made) -> Answer:
    """I-LSR on the votes that are no ties."""
    return {"rating": _centred(ELO * peers.choix_fit(votes, 1)())}


def arena_rank_fit(votes: Made) -> Answer:
    """Its fit and its sandwich over votes."""
    found: Any = peers.arena_rank_fit(votes, 1)()
    order = np.argsort(found["competitors"])
    parts = {"rating": found["ratings"], "low": found["rating_lower"], "high": found["rating_upper"]}
    middle = float(np.mean(np.asarray(found["ratings"])))
    return {name: (np.asarray(part)[order] - middle).tolist() for name, part in parts.items()}


def lbfgs_fit(votes: Made) -> Answer:
    """The multinomial method, once."""
    return {"rating": _centred(ELO * peers.lbfgs_fit(votes, 1)())}


def side_by_side_elo(votes: Made) -> Answer:
    """Elo, K 32, 200 rounds replayed at once."""
    low, high = np.asarray(peers.vectorised_elo(votes, 200)())
    return {"low": low.tolist(), "high": high.tolist()}


def _centred(ratings: np.ndarray) -> list[float]:
    return (ratings - ratings.mean()).tolist()


TOOLS: dict[str, Callable[[Made], Answer]] = {
    "evalica": evalica_intervals,
    "evalica fit": evalica_fit,
    "evalica Elo": evalica_elo,
    "choix": choix_fit,
    "arena-rank": arena_rank_fit,
    "multinomial L-BFGS": lbfgs_fit,
    "all rounds side by side": side_by_side_elo,
}


def answer(tool: str, votes: Made) -> Answer:
    """Return what a tool says, or its error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return TOOLS[tool](votes)
    except ImportError:
        return {"error": "not installed"}
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        return {"error": f"{type(error).__name__}: {error}"[:120]}


def asked(votes: Made, *tools: str) -> dict[str, Any]:
    """Return a question as it is sent."""
    return {
        "n": votes.n,
        "tools": list(tools),
        **{name: getattr(votes, name).tolist() for name in ("left", "right", "outcome")},
    }


def main() -> None:
    """Answer all questions of the standard input."""
    found = []
    for one in json.load(sys.stdin):
        sides = [np.array(one[name]) for name in ("left", "right", "outcome")]
        assert set(np.unique(sides[2])) <= {1, -1, TIE}
        votes = Made(one["n"], *sides, np.zeros_like(sides[0]), np.zeros_like(sides[0]))
        found.append({tool: answer(tool, votes) for tool in one["tools"]})
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
