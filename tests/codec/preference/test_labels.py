"""labels.csv is read with its counts, and refused where its rows must not be pooled."""

from collections.abc import Callable
from pathlib import Path

import pytest

from codec.errors import Refusal
from codec.preference.labels import read_labels, refuse_too_few

Labelled = Callable[..., tuple[Path, Path]]


def test_counts_are_read_and_not_sure_is_half_to_each(labelled: Labelled, change: Callable[..., None]) -> None:
    path, _ = labelled(4)
    change(path, 2, hallucinated_votes="3", faithful_votes="1", not_sure_votes="1", votes="5")
    labels = read_labels(path)
    assert (labels.yes[0], labels.no[0]) == (3.5, 1.5)
    assert len(labels.rows) == 8
    assert len(labels.sources) == 4
    assert labels.simulated
    assert labels.size == (48, 48)


def test_rows_of_one_crop_are_added(labelled: Labelled, change: Callable[..., None]) -> None:
    path, _ = labelled(4)
    before = read_labels(path)
    change(path, 3, crop_x="0")
    after = read_labels(path)
    assert len(after.rows) == len(before.rows) - 1
    assert after.yes[0] == before.yes[0] + before.yes[1]


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [
        ("asks_for", "closer", "questions"),
        ("reference", "always", "reference modes"),
        ("rate", "0.30", "rates"),
        ("hallucinated", "hific@0.14", "hallucinated endpoints"),
        ("faithful", "bpg@0.14", "faithful endpoints"),
        ("layout", "flip", "layouts"),
        ("view", "context", "views"),
        ("simulated", "0", "simulated and people's votes"),
    ],
)
def test_what_must_not_be_pooled_is_refused(
    labelled: Labelled, change: Callable[..., None], column: str, value: str, word: str
) -> None:
    path, _ = labelled(4)
    change(path, 5, **{column: value})
    with pytest.raises(Refusal, match=f"line 5, column {column}: the file mixes {word}"):
        read_labels(path)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"votes": "9"}, "column votes: 9 votes are not the sum"),
        ({"faithful_votes": "-1"}, "column faithful_votes: '-1' is no whole number"),
        ({"source_sha256": "0" * 63 + "G"}, "column source_sha256: no SHA-256"),
        ({"crop_width": "0"}, "column crop_width: the crop is empty"),
    ],
)
def test_bad_cells_are_refused_with_their_place(
    labelled: Labelled, change: Callable[..., None], cells: dict[str, str], said: str
) -> None:
    path, _ = labelled(4)
    change(path, 4, **cells)
    with pytest.raises(Refusal, match=f"line 4, {said}"):
        read_labels(path)


def test_one_answer_only_and_too_few_sources_are_refused(labelled: Labelled) -> None:
    path, _ = labelled(4)
    labels = read_labels(path)
    with pytest.raises(Refusal, match="4 different sources are too few for 5 folds"):
        refuse_too_few(labels, groups=4, folds=5)
    path, _ = labelled(4, below="won", hallucinated_votes="6", faithful_votes="0")
    with pytest.raises(Refusal, match="no vote is for the faithful side"):
        refuse_too_few(read_labels(path), groups=4, folds=2)


def test_a_table_without_rows_is_refused(labelled: Labelled) -> None:
    path, _ = labelled(2)
    path.write_text(path.read_text().splitlines()[0] + "\n")
    with pytest.raises(Refusal, match="holds no labels"):
        read_labels(path)
