"""The door from analysis to codec: the golden labels.csv is read whole, and both rooms' yardsticks agree."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import yardsticks as of_analysis
from analysis.labels import LABELS_COLUMNS
from codec.preference import yardsticks as of_codec
from codec.preference.labels import REQUIRED, read_labels

GOLDEN = Path(__file__).parent / "golden"


def test_what_analysis_writes_is_read() -> None:
    labels = read_labels(GOLDEN / "labels.csv")
    assert tuple(REQUIRED) == LABELS_COLUMNS
    assert len(labels.rows) == 3
    assert labels.yes.tolist() == [3, 3, 2.5]
    assert labels.no.tolist() == [1, 1, 1.5]
    assert labels.simulated
    assert labels.asked["hallucinated"] == "hific@0.30"


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), spread=st.floats(0.3, 30), not_sure=st.floats(0, 0.4))
def test_both_rooms_say_how_well_anything_could_predict(seed: int, spread: float, not_sure: float) -> None:
    rng = np.random.default_rng(seed)
    crops = 80
    chance = rng.beta(0.55 * spread, 0.45 * spread, crops)
    decided = rng.binomial(6, 1 - not_sure, crops)
    won = rng.binomial(decided, chance)
    source = np.arange(crops) // 2
    theirs = of_analysis.yardsticks(
        of_analysis.Cells(np.zeros(crops, np.int64), source, won, decided, 6 - decided), rounds=2
    )
    ours = of_codec.yardsticks(of_codec.Counts(won, decided - won, 6 - decided, source), 1, rounds=2)
    assert ours.values["two_participants"].value == pytest.approx(theirs.two_participants.value, abs=2e-4)
    assert ours.values["best_prediction"].value == pytest.approx(theirs.best_prediction.value, abs=2e-4)
    assert ours.telling == theirs.telling
