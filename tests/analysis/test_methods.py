"""The methods of a report tell what was done, name who described it, and nothing else."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from analysis.elo import EloSettings
from analysis.findings import Asked, gather
from analysis.methods import Methods, methods
from analysis.rating import Settings
from analysis.references import REFERENCES, Cited
from analysis.selection import Selection
from analysis.stimuli import read_stimuli
from tests.analysis.made_votes import stimulus_rows, vote_rows, write_csv

Selected = Callable[..., Selection]
QUICK = Settings(elo=EloSettings(rounds=20))
TRUTH = {0.3: {"avif": 60, "jpeg": -60, "webp": 0}, 0.5: {"avif": 30, "jpeg": -30}}
RATES = {0.5: {"x": 40, "y": 0, "z": -40}}


def text(found: Methods) -> str:
    return "\n".join(f"{name}: {words}" for name, words in found.paragraphs)


def told(selection: Selection, settings: Settings = QUICK, asked: Asked | None = None) -> str:
    return text(methods(gather(selection, settings, asked)))


def test_every_number_in_brackets_is_a_work_and_every_work_is_named(selected: Selected, tmp_path) -> None:
    rows = vote_rows(3, TRUTH, not_sure=0.1)
    stimuli = read_stimuli(write_csv(tmp_path / "stimuli.csv", stimulus_rows(rows)))
    found = methods(gather(selected(rows), QUICK, Asked(stimuli=stimuli)))
    numbers = {int(n) for group in re.findall(r"\[([\d, ]+)\]", text(found)) for n in group.split(",")}
    assert numbers == set(range(1, len(found.references) + 1))
    first = [int(group.split(",")[0]) for group in re.findall(r"\[([\d, ]+)\]", text(found))]
    assert list(dict.fromkeys(first)) == sorted(set(first))  # numbered as they come
    assert len(set(found.references)) == len(found.references)


def test_references_are_whole() -> None:
    for name, work in REFERENCES.items():
        assert re.search(r" \((19|20)\d\d\)\. ", work), name
        assert work.endswith("."), name
        assert "  " not in work
    cited = Cited()
    assert [cited("holm"), cited("elo", "holm"), cited("elo")] == ["[1]", "[2, 1]", "[2]"]
    assert list(cited) == [REFERENCES["holm"], REFERENCES["elo"]]


def test_sentences_are_whole(selected: Selected) -> None:
    for _, words in methods(gather(selected(vote_rows(3, TRUTH, not_sure=0.1)), QUICK)).paragraphs:
        assert words.endswith(".")
        assert not re.search(r"  | [,.;]|[a-z)\]][.;][A-Z]|nan|None", words), words


@pytest.mark.parametrize(
    ("ties", "says", "not_this"),
    [
        ("davidson", "Davidson's model of ties", "Kupper"),
        ("rao-kupper", "the model of ties of Rao and Kupper", "Davidson's model"),
        ("half", "count as half a win for either side, which shrinks the scale", "Davidson's model"),
        ("dropped", "are left out of the likelihood", "Davidson's model"),
    ],
)
def test_ties_are_told_as_they_were_taken(selected: Selected, ties, says: str, not_this: str) -> None:
    found = told(selected(vote_rows(3, RATES, not_sure=0.2)), replace(QUICK, ties=ties))
    assert says in found
    assert not_this not in found
    assert "Davidson's model" not in told(selected(vote_rows(3, RATES)), QUICK)


def test_models_and_units_are_told(selected: Selected) -> None:
    selection = selected(vote_rows(3, RATES))
    assert "the Bradley-Terry model [1]" in told(selection)
    thurstone = told(selection, replace(QUICK, method="thurstone", unit="jod", anchor="y"))
    assert "Thurstone's model, Case V [1]" in thurstone
    assert "One JOD is the difference that 75%" in thurstone
    assert "differences from y@0.50" in thurstone
    assert "Bradley-Terry" not in thurstone
    ridge = told(selection, replace(QUICK, ridge=0.25))
    assert "less a ridge: a Gaussian prior on each rating, of precision 0.25" in ridge
    assert "maximum-likelihood estimates" not in ridge
    side = told(selection, replace(QUICK, side_bias=True))
    assert "The pull of the left side is a parameter of the model" in side


@pytest.mark.parametrize(
    ("over", "says"),
    [
        ("both", "generalise to other participants and other images like these."),
        ("participants", "generalise to other participants, judging these images only."),
        ("sources", "generalise to other images like these, judged by these participants only."),
        ("votes", "generalise to more votes of these participants on these images only."),
    ],
)
def test_intervals_say_what_they_generalise_to(selected: Selected, over, says: str) -> None:
    found = methods(gather(selected(vote_rows(3, RATES)), replace(QUICK, over=over)))
    assert says in text(found)
    assert ("by participant and by image at once" in text(found)) == (over == "both")
    assert any("multiway clustering" in work for work in found.references) == (over == "both")


def test_degrees_of_freedom_and_reasons_are_told(selected: Selected) -> None:
    found = told(selected(vote_rows(3, RATES, participants=12, sources=8)))
    assert "the smaller number of clusters less one (7)" in found
    few = told(selected(vote_rows(3, RATES, sources=4)))
    assert "other participants, judging these images only" in few
    assert "That is less than was asked for, as 4 images are too few" in few
    nobody = told(selected(vote_rows(3, {0.5: {"x": 0, "y": 0}}, participants=1, sources=3, votes=40)))
    assert "There are no intervals: one participant alone" in nobody
    assert "generalise" not in nobody


def test_families_and_the_permutation_test_are_told(selected: Selected) -> None:
    selection = selected(vote_rows(3, RATES))
    assert "No pair was named beforehand, so all 3 comparisons are one exploratory family." in told(selection)
    named = told(selection, asked=Asked(primary=[("x", "y")]))
    assert "1 pair named beforehand is the confirmatory family, the other 2 are exploratory." in named
    assert "sign-flip permutation test on each participant's net wins" in named


def test_elo_is_told_with_every_setting(selected: Selected) -> None:
    elo = EloSettings(start=1500, k=24, rounds=30, seed=7, replay="shuffles", summary="median")
    found = told(selected(vote_rows(3, RATES)), Settings(elo=elo))
    assert "replays the votes in random order, 30 times (seed 7), from 1500 points with K = 24" in found
    assert "the median of the rounds" in found
    assert "update noise" in found


def test_screening_is_told_with_its_price(selected: Selected) -> None:
    rows = vote_rows(3, RATES, response_ms=2000)
    for row in rows:
        if row["participant"] == "p03":
            row["response_ms"] = 300
    found = told(selected(rows), asked=Asked(screen={"time": 1000.0}))
    assert "Participants with a median response under 1000 ms were excluded: 1 of 12." in found
    assert "20 (screened out: p03" in found
    assert "No participant was excluded: no rule was chosen." in told(selected(rows))


def test_what_was_not_done_is_not_told(selected: Selected) -> None:
    found = methods(gather(selected(vote_rows(3, RATES)), QUICK))
    names = [name for name, _ in found.paragraphs]
    assert "Metrics" not in names
    assert "Bits at equal preference" not in names
    for work in ("fieller", "skellam", "horvitz", "thurstone", "kupper", "davidson", "clopper"):
        assert REFERENCES[work] not in found.references


def test_simulated_votes_are_called_so(selected: Selected) -> None:
    assert "No person cast these votes: they were simulated." in told(selected(vote_rows(3, RATES)))
    assert "simulated" not in told(selected(vote_rows(3, RATES, simulated=0)))


def test_what_determines_no_rating_is_told(selected: Selected) -> None:
    rows = vote_rows(3, {0.5: {"x": 0, "y": 0}})
    for row in rows:
        row["choice"] = "left" if row["left_codec"] == "x" else "right"
    found = told(selected(rows))
    assert "The votes determine no ratings" in found
    assert "maximum-likelihood" not in found
    assert "Bradley-Terry" not in found
    assert "update noise" not in found
