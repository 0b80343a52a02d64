"""w by content and rectangle, its mean, the controls, and tables that are refused."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from codec.conha import config, preference_source
from codec.conha.batches import Batch, Window
from codec.conha.config import Preference
from codec.conha.data import Picture
from codec.conha.noise import Noise
from codec.conha.preference_source import controlled, opened
from codec.conha.processes import Processes
from codec.conha.steps import plans
from codec.conha.weighing import Weigher
from codec.crops import Crop
from codec.errors import Refusal

A, B = "a" * 64, "b" * 64
PICTURES = [Picture(Path("a.png"), "train", A, 100, 100), Picture(Path("b.png"), "train", B, 64, 64)]
HEADER = "source,source_sha256,crop_x,crop_y,crop_width,crop_height,w,logit,model,simulated\n"
NOTHING = torch.empty(0)
Table = Callable[..., Preference]


@pytest.fixture
def table(tmp_path: Path) -> Table:
    def make(*rows: str, **more: str) -> Preference:
        (tmp_path / "weights.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows))
        return Preference(w="weights", path=str(tmp_path / "weights.csv"), **more)  # type: ignore[arg-type]

    return make


def window(name: str, *crop: int) -> Window:
    return Window(name, 100, 100, Crop(*crop))


def test_a_crop_has_the_mean_of_what_it_overlaps_by_area(table: Table) -> None:
    preference = table(
        f"a,{A},0,0,50,100,0.2,,,0", f"a,{A},50,0,50,100,0.8,,,0", f"b,{B},,,,,0.5,,,0", f"b,{B},0,0,16,16,1,,,0"
    )
    source, left = opened(preference, PICTURES, list)
    assert left == preference
    crops = [(A, 0, 0, 40, 40), (A, 30, 0, 40, 40), (A, 40, 0, 40, 40), (B, 20, 20, 32, 32), (B, 0, 0, 32, 32)]
    found = source([window(name, *crop) for name, *crop in crops], NOTHING)
    torch.testing.assert_close(found, torch.tensor([0.2, 0.5, 0.65, 0.5, 1.0]))
    assert not source.simulated


def test_a_crop_between_rectangles_has_the_pictures_mean_and_simulated_votes_are_remembered(table: Table) -> None:
    source, _ = opened(table(f"a,{A},0,0,8,8,0.2,,,0", f"a,{A},92,92,8,8,0.6,,,1"), PICTURES[:1], list)
    torch.testing.assert_close(source([window(A, 30, 30, 32, 32)], NOTHING), torch.tensor([0.4]))
    assert source.simulated


def test_the_mean_is_of_the_mapped_values_over_the_crops_that_are_drawn(table: Table) -> None:
    rows = (f"a,{A},,,,,0.3,,,1", f"b,{B},,,,,0.9,,,0")
    preference = table(*rows)
    drawn = [window(A, 0, 0, 32, 32)] * 3 + [window(B, 0, 0, 32, 32)]
    for kind, expected in (("identity", 0.45), ("threshold", 0.25), ("power", (3 * 0.09 + 0.81) / 4)):
        asked = Preference(w="mean", path=preference.path, map=kind, power=2.0)  # type: ignore[arg-type]
        source, left = opened(asked, PICTURES, lambda: drawn)
        assert source(drawn, NOTHING).tolist() == pytest.approx([expected] * 4)
        assert left.map == "identity"
        assert source.simulated


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (f"a,{A},,,,,1.5,,,0", "line 2, column w: '1.5' is no number from 0 to 1"),
        (f"a,{A},,,,,nan,,,0", "line 2, column w"),
        (f"a,{A},0,0,0,5,0.5,,,0", "column crop_width: '0' is no whole number from 1 on"),
        (f"a,{A},0,,5,5,0.5,,,0", "column crop_y: '' is no whole number from 0 on"),
        (f"a,{A},,,,,0.5,,,0", "no row about b.png; weigh all training images"),
    ],
)
def test_a_table_that_is_wrong_or_lacks_a_picture_is_refused(table: Table, row: str, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        opened(table(row), PICTURES, list)
    assert said in refused.value.message


def test_a_preference_model_is_refused_in_a_sentence_that_says_what_to_do_instead() -> None:
    for kind in ("model", "mean"):
        with pytest.raises(Refusal, match=r"preference models cannot be used here yet; set preference\.w to weights"):
            opened(Preference(w=kind, path="preference.safetensors"), PICTURES, list)  # type: ignore[arg-type]


@given(
    st.lists(st.floats(0, 1, width=32), min_size=2, max_size=9, unique=True), st.integers(0, 2**40), st.integers(0, 99)
)
def test_shuffling_keeps_all_values_and_leaves_no_crop_its_own(values: list[float], seed: int, step: int) -> None:
    w = torch.tensor(values)
    found = controlled(w, Preference(control="shuffled"), seed, 2, step)
    assert sorted(found.tolist()) == sorted(w.tolist())
    assert not bool((found == w).any())
    assert torch.equal(found, controlled(w, Preference(control="shuffled"), seed, 2, step))


def test_the_other_controls_invert_all_or_a_share() -> None:
    w = torch.full((2000,), 0.25)
    assert torch.equal(controlled(w, Preference(), 1, 2, 3), w)
    assert torch.equal(controlled(w, Preference(control="inverted"), 1, 2, 3), 1 - w)
    noisy = controlled(w, Preference(control="noise", noise=0.3), 1, 2, 3)
    assert set(noisy.tolist()) == {0.25, 0.75}
    assert float((noisy == 0.75).float().mean()) == pytest.approx(0.3, abs=0.04)


def weigher(*settings: str) -> Weigher:
    found = config.read("smoke", ("training.batch=4", *settings))
    return Weigher(found, plans(found)[-1], Processes(0, 1, torch.device("cpu")), PICTURES)


def test_w_goes_from_source_over_control_to_map(table: Table) -> None:
    path = table(f"a,{A},,,,,0.1,,,0", f"b,{B},,,,,0.8,,,0").path
    batch = Batch(
        torch.zeros(4, 3, 16, 16, dtype=torch.uint8),
        Noise(NOTHING, NOTHING),
        [window(A, 0, 0, 16, 16), window(B, 0, 0, 16, 16)] * 2,
    )
    made = weigher(
        "preference.w=weights",
        f"preference.path={path}",
        "preference.control=inverted",
        "preference.map=power",
        "preference.power=2.0",
    )
    torch.testing.assert_close(made(batch, 0), torch.tensor([0.81, 0.04, 0.81, 0.04]))
    assert made.told() == "weights of weights.csv, inverted, map power"
    mean = weigher("preference.w=mean", f"preference.path={path}")
    torch.testing.assert_close(mean(batch, 0), torch.full((4,), 0.45))
    assert mean.told() == "0.4500 for every image (mean of weights.csv)"
    assert weigher().told() == "1 for every image"


def test_all_columns_of_the_contract_are_named() -> None:
    assert set(preference_source.READ) < set(preference_source.COLUMNS)
    assert tuple(HEADER.strip().split(",")) == preference_source.COLUMNS
