"""The ring, whole: photographs, codecs, a study over HTTP, simulated votes, a report, labels; against the known truth.

Every step is the command that a researcher types. The ratings that come out are checked against those that the
simulator's own choice probabilities imply for the trials that were shown, side bias and lapses included. The fit that
turns these probabilities into ratings is a second one, by scipy, and shares nothing with the analysis room's.
"""

import csv
import hashlib
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from math import comb
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_expit
from scipy.stats import chi2, norm

HOUSE = Path(__file__).resolve().parent.parent
SEED = 20241019  # chosen before the first run
PARTICIPANTS = 30
TASTE, SOURCE_TASTE, SIDE_BIAS, LAPSE = 60.0, 60.0, 25.0, 0.04
ELO = 400 / np.log(10)

TRUTH = """condition,rating
jpeg@0.25,-120
webp@0.25,0
avif@0.25,90
jxl@0.25,30
jpeg@0.50,-90
webp@0.50,-20
avif@0.50,60
jxl@0.50,50
"""


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Walk the ring once by its commands, in an empty folder, and return that folder."""
    folder = tmp_path_factory.mktemp("ring")
    (folder / "truth.csv").write_text(TRUTH)
    environment = os.environ | {
        "STUDY_DATABASE_URL": f"sqlite:///{folder / 'study.db'}",
        "STUDY_MEDIA": str(folder / "media"),
        "STUDY_SECRET_KEY": "the secret of the ring test, which nobody else knows",
    }

    def manage(line: str) -> None:
        command = [sys.executable, str(HOUSE / "manage.py"), *line.split()]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"manage.py {line}\n{done.stdout}\n{done.stderr}"

    manage("codec photographs -o photographs")
    manage(
        "codec stimuli --sources photographs --codecs jpeg,webp,avif,jxl --rates 0.25,0.50 --crops 2 --crop-size 192 "
        "--seed 1 -o ring"
    )
    manage("study load ring")
    manage("study open ring")
    manage(
        f"study simulate ring --participants {PARTICIPANTS} --seed {SEED} --truth truth.csv --taste {TASTE} "
        f"--source-taste {SOURCE_TASTE} --side-bias {SIDE_BIAS} --lapse {LAPSE}"
    )
    manage("study votes ring-simulated -o votes.csv")
    manage("analysis report votes.csv --stimuli ring/stimuli.csv -o report")
    manage("analysis labels votes.csv --hallucinated avif@0.50 --faithful jpeg@0.50 -o labels.csv")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_stimuli_are_matched_in_rate(ring: Path) -> None:
    stimuli = rows(ring / "ring/stimuli.csv")
    assert len({row["source"] for row in stimuli}) >= 5
    for row in stimuli:
        if row["condition"] not in {"reference", "catch"}:
            assert abs(float(row["bpp"]) / float(row["rate"]) - 1) <= 0.05, row
            assert float(row["bpp"]) == pytest.approx(
                8 * int(row["bytes"]) / (int(row["source_width"]) * int(row["source_height"])), abs=1e-6
            )
        assert hashlib.sha256((ring / "ring" / row["path"]).read_bytes()).hexdigest() == row["sha256"]


def test_every_planned_trial_became_one_vote(ring: Path) -> None:
    votes, sessions = rows(ring / "votes.csv"), rows(ring / "sessions.csv")
    assert len(sessions) == PARTICIPANTS
    assert {row["outcome"] for row in sessions} == {"complete"}
    assert sum(int(row["trials_planned"]) for row in sessions) == len(votes)
    assert len({row["trial"] for row in votes}) == len(votes)
    assert {row["simulated"] for row in votes} == {"1"}


def test_every_session_holds_what_the_design_says(ring: Path) -> None:
    """The defaults: up to 60 ratings, a catch for each ten, an identical and a repeat for each twenty, and practice."""
    stimuli = [row for row in rows(ring / "ring/stimuli.csv") if row["rate"]]
    shown = Counter((row["source"], row["crop_x"], row["crop_y"], row["rate"]) for row in stimuli)
    rated = min(60, sum(comb(conditions, 2) for conditions in shown.values()))
    by_session: dict[str, Counter[str]] = defaultdict(Counter)
    for vote in rows(ring / "votes.csv"):
        by_session[vote["session"]][vote["kind"]] += 1
        assert (vote["left"] == vote["right"]) == (vote["kind"] == "identical")
    for kinds in by_session.values():
        practice = kinds.pop("practice")
        assert practice in {2, 4}  # a lapse brings a second round
        assert kinds == {
            "rating": rated, "catch": round(rated / 10), "identical": round(rated / 20), "repeat": round(rated / 20),
        }  # fmt: skip


def test_the_mark_of_simulation_reaches_every_file_and_picture(ring: Path) -> None:
    for name in ("report/ratings.csv", "report/wins.csv", "labels.csv"):
        assert {row["simulated"] for row in rows(ring / name)} == {"1"}, name
    page = (ring / "report/report.html").read_text()
    pictures = page.split("<svg")[1:]
    assert pictures
    assert all("SIMULATED" in picture.split("</svg>")[0] for picture in pictures)


def test_derived_files_name_the_votes_that_they_were_made_from(ring: Path) -> None:
    digest = hashlib.sha256((ring / "votes.csv").read_bytes()).hexdigest()
    for name in ("report/ratings.csv", "report/wins.csv", "labels.csv"):
        assert {row["votes_sha256"] for row in rows(ring / name)} == {digest}
    assert digest in (ring / "report/report.html").read_text()


def test_labels_are_the_votes_counted_again(ring: Path) -> None:
    counted: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    for vote in rows(ring / "votes.csv"):
        if vote["kind"] == "rating" and {vote["left"], vote["right"]} == {"avif@0.50", "jpeg@0.50"}:
            crop = (vote["source"], vote["crop_x"], vote["crop_y"])
            counted[crop][vote[vote["choice"]] == "avif@0.50"] += 1
    labels = rows(ring / "labels.csv")
    assert len(labels) == len(counted) > 0
    for label in labels:
        faithful, hallucinated = counted[label["source"], label["crop_x"], label["crop_y"]]
        assert (int(label["faithful_votes"]), int(label["hallucinated_votes"])) == (faithful, hallucinated)
        assert float(label["share"]) == pytest.approx((hallucinated + 0.5) / (hallucinated + faithful + 1), abs=1e-6)


def implied(ring: Path, rate: str, shift: float = 0.0) -> dict[str, float]:
    """Return the ratings that fit best to the simulator's own probabilities of the trials that were shown at a rate.

    `shift` moves the first condition's true ratings: what the check below must notice.
    """
    from study.choosing import population_chances

    used = rows(ring / "simulated/ring-simulated/truth.csv")
    truth = {(row["source"], row["condition"]): float(row["rating"]) for row in used}
    shown = [row for row in rows(ring / "votes.csv") if row["kind"] == "rating" and row["left_rate"] == rate]
    names = sorted({row["left"] for row in shown} | {row["right"] for row in shown})
    moved = {name: shift * (name == names[0]) for name in names}
    chance: dict[tuple[str, str, str], float] = {}
    left = np.array([names.index(row["left"]) for row in shown])
    right = np.array([names.index(row["right"]) for row in shown])
    expected = np.empty(len(shown))
    for index, row in enumerate(shown):
        key = (row["source"], row["left"], row["right"])
        if key not in chance:
            ratings = (truth[row["source"], name] + moved[name] for name in (row["left"], row["right"]))
            chance[key] = population_chances(*ratings, taste=TASTE, side_bias=SIDE_BIAS, lapse=LAPSE).left
        expected[index] = chance[key]

    def loss(theta: NDArray[np.float64]) -> float:
        ahead = theta[left] - theta[right]
        return -float((expected * log_expit(ahead) + (1 - expected) * log_expit(-ahead)).sum() - (theta**2).sum() / 1e6)

    best = minimize(loss, np.zeros(len(names)), method="BFGS", options={"gtol": 1e-6}).x
    return dict(zip(names, ELO * (best - best.mean()), strict=True))


def estimated(ring: Path, rate: str) -> tuple[dict[str, float], NDArray[np.float64]]:
    """Return the report's ratings at a rate, and their covariance over participants, in the order of the names.

    The truth is that of these very sources, so participants alone are what varies.
    """
    from analysis import bradley_terry, counts, intervals, selection, votes

    reported = {
        row["condition"]: float(row["rating"])
        for row in rows(ring / "report/ratings.csv")
        if row["method"] == "bradley-terry" and float(row["rate"]) == float(rate)
    }
    chosen = selection.select(votes.read_votes(ring / "votes.csv"))
    scale = next(scale for scale in counts.count(chosen.rated) if scale.rates == (float(rate),))
    fitted = bradley_terry.fit(scale.first, scale.second, scale.table)
    found = intervals.uncertainty(scale, fitted, "participants")
    assert found is not None
    order = np.argsort([item.condition for item in scale.items])
    return reported, found.covariance[np.ix_(order, order)]


def compare(ring: Path, shift: float = 0.0) -> tuple[float, float]:
    """Return the largest |z| over all pairs of both rates, and the joint chi-square's p."""
    largest, statistic, degrees = 0.0, 0.0, 0
    for rate in sorted({row["left_rate"] for row in rows(ring / "votes.csv") if row["left_rate"]}, key=float):
        (reported, covariance), truth = estimated(ring, rate), implied(ring, rate, shift)
        names = sorted(reported)
        assert names == sorted(truth)
        assert len(names) == 4
        off = np.array([reported[name] - truth[name] for name in names])
        contrasts = np.stack([np.eye(4)[a] - np.eye(4)[b] for a in range(4) for b in range(a)])
        errors = np.sqrt(np.diag(contrasts @ covariance @ contrasts.T))
        largest = max(largest, float(np.abs(contrasts @ off / errors).max()))
        basis = contrasts[[0, 1, 3]]  # three differences that give all the others
        statistic += float((basis @ off) @ np.linalg.solve(basis @ covariance @ basis.T, basis @ off))
        degrees += 3
    return largest, float(chi2.sf(statistic, degrees))


def test_ratings_agree_jointly_with_the_truth_that_the_simulator_implies(ring: Path) -> None:
    largest, p = compare(ring)
    assert largest < 4
    assert p > 2 * norm.sf(4)


def test_the_comparison_would_notice_a_wrong_truth(ring: Path) -> None:
    largest, p = compare(ring, shift=150.0)
    assert largest > 4
    assert p < 2 * norm.sf(4)


def test_simulation_says_what_it_was(ring: Path) -> None:
    said = json.loads((ring / "simulated/ring-simulated/simulation.json").read_text())
    assert said["simulated"] is True
    assert said["settings"]["lapse"] == LAPSE
