"""fit, weigh and card as a researcher types them, and what they refuse."""

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from codec.cli import cli
from codec.preference import evaluation, weigh
from codec.preference.features import embed
from codec.preference.leakage import fingerprint
from codec.preference.model import UNSEEN, Weigher, read

Labelled = Callable[..., tuple[Path, Path]]
BACKBONE = "squeezenet1_1+untrained"


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, ["preference", *map(str, words)])


@pytest.fixture
def fit(tmp_path: Path) -> Callable[..., Result]:
    def make(labels: Path, sources: Path, *words: object, output: str = "model") -> Result:
        given = ("--sources", sources, "--backbone", BACKBONE, "--cache", tmp_path / "cache", "--rounds", 100)
        return run("fit", labels, *given, "-o", tmp_path / output, *words)

    return make


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_fit_card_and_weigh(labelled: Labelled, fit: Callable[..., Result], tmp_path: Path) -> None:
    labels, sources = labelled(24)
    done = fit(labels, sources)
    assert done.exit_code == 0, done.output
    assert "SIMULATED: no person cast these votes." in done.output
    table = rows(tmp_path / "model.evaluation.csv")
    assert tuple(table[0]) == evaluation.COLUMNS
    assert {row["simulated"] for row in table} == {"1"}
    of = {(row["evaluation"], row["predictor"], row["measure"], row["tag"]): row for row in table}
    accuracy = of["cross_validation", "model", "accuracy", ""]
    assert float(accuracy["low"]) <= float(accuracy["value"]) <= float(accuracy["high"])
    assert float(accuracy["value"]) > 0.7  # noisy and smooth are told apart by any network
    assert float(of["cross_validation_difference", "model - constant", "log_loss", ""]["high"]) < 0
    assert float(of["yardstick", "yardstick", "best_prediction", ""]["value"]) > 0.7
    shown = (tmp_path / "model.evaluation.html").read_text()
    assert shown.count("SIMULATED</text>") > 20
    assert "http" not in shown.replace("http://www.w3.org", "")

    told = run("card", tmp_path / "model").output
    assert told.startswith("SIMULATED")
    card = json.loads(run("card", tmp_path / "model", "--json").output)
    assert card["simulated"] is True
    assert card["backbone"] == BACKBONE
    assert len(card["sources"]) == 24

    weighed = run("weigh", tmp_path / "model", sources, "-o", tmp_path / "w.csv", "--cache", tmp_path / "cache")
    assert weighed.exit_code == 0, weighed.output
    assert "SIMULATED" in weighed.output
    written = rows(tmp_path / "w.csv")
    assert tuple(written[0]) == weigh.COLUMNS
    assert {(row["simulated"], row["model"]) for row in written} == {("1", read(tmp_path / "model").sha256)}
    assert "24 pictures have labels" in weighed.output
    w = {
        name: np.mean([float(r["w"]) for r in written if int(r["source"][1:]) % 2 == n]) for n, name in enumerate("ab")
    }
    assert w["a"] > 0.6
    assert w["b"] < 0.4


def test_the_same_again_gives_the_same_bytes_without_decoding(
    labelled: Labelled, fit: Callable[..., Result], tmp_path: Path
) -> None:
    labels, sources = labelled()
    assert fit(labels, sources, "--margins", "none").exit_code == 0
    assert fit(labels, sources, "--margins", "none", output="again").exit_code == 0
    assert fit(labels, sources, "--margins", "none", "--cache", tmp_path / "other", output="anew").exit_code == 0
    for suffix in ("", ".evaluation.csv", ".evaluation.html"):
        first = (tmp_path / f"model{suffix}").read_bytes()
        assert first == (tmp_path / f"again{suffix}").read_bytes() == (tmp_path / f"anew{suffix}").read_bytes()


def test_sources_are_found_by_pixels_whatever_they_are_called(
    labelled: Labelled, fit: Callable[..., Result], tmp_path: Path
) -> None:
    labels, sources = labelled()
    names = sorted(sources.iterdir())
    for place, path in enumerate(names):
        path.rename(sources / f"renamed{len(names) - place}.png")
    assert fit(labels, sources, "--margins", "none").exit_code == 0


def test_a_labelled_source_is_weighed_by_the_head_that_has_not_seen_it(
    labelled: Labelled, fit: Callable[..., Result], tmp_path: Path
) -> None:
    labels, sources = labelled()
    assert fit(labels, sources, "--margins", "none").exit_code == 0
    model = read(tmp_path / "model")
    mirrored = tmp_path / "pictures"
    mirrored.mkdir()
    pixels = np.array(Image.open(sources / "s3.png"))
    Image.fromarray(pixels[:, ::-1]).save(mirrored / "a.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 96, 3)).astype(np.uint8)).save(mirrored / "b.png")
    done = run(
        "weigh", tmp_path / "model", mirrored, "-o", tmp_path / "w.csv", "--whole", "--cache", tmp_path / "cache"
    )
    assert done.exit_code == 0, done.output
    known, unknown = rows(tmp_path / "w.csv")
    (fold,) = model.fold_of([fingerprint(pixels)])
    assert "1 pictures have labels" in done.output
    assert unknown["source"] == "b"
    features = embed(model.backbone(), np.array(Image.open(mirrored / "a.png"))[None])
    assert float(known["logit"]) == pytest.approx(model.heads.logits(features, fold)[0], abs=1e-5)
    assert abs(float(known["logit"]) - model.heads.logits(features, UNSEEN)[0]) > 1e-6

    inside = Weigher(model)
    image = torch.from_numpy(np.array(Image.open(mirrored / "a.png"))).permute(2, 0, 1)[None].float() / 255
    assert inside(image, torch.tensor([fold])).item() == pytest.approx(float(known["w"]), abs=1e-5)
    assert inside(image).item() == pytest.approx(1 / (1 + np.exp(-model.heads.logits(features)[0])), abs=1e-5)


def test_another_set_is_checked_and_leaks_are_refused_or_marked(
    labelled: Labelled, fit: Callable[..., Result], tmp_path: Path
) -> None:
    labels, sources = labelled(12)
    other, elsewhere = labelled(8, below="two", first=50)
    done = fit(labels, sources, "--margins", "none", "--test", other, "--test-sources", elsewhere)
    assert done.exit_code == 0, done.output
    tested = [row for row in rows(tmp_path / "model.evaluation.csv") if row["evaluation"] == "test"]
    assert {row["leak"] for row in tested} == {"0"}
    assert {row["tested_sha256"] for row in tested} != {""}
    assert next(float(r["value"]) for r in tested if (r["predictor"], r["measure"]) == ("model", "accuracy")) > 0.65

    again = ("--margins", "none", "--test", labels, "--test-sources", sources)
    refused = fit(labels, sources, *again, output="leaky")
    assert refused.exit_code == 1
    assert "learned from s0, " in refused.output
    assert not (tmp_path / "leaky").exists()
    assert fit(labels, sources, *again, "--allow-leak", output="leaky").exit_code == 0
    marked = [row["leak"] for row in rows(tmp_path / "leaky.evaluation.csv") if row["evaluation"].startswith("test")]
    assert set(marked) == {"1"}


def test_labels_of_other_questions_are_no_test(labelled: Labelled, fit: Callable[..., Result]) -> None:
    labels, sources = labelled()
    other, elsewhere = labelled(8, below="two", first=50, asks_for="closer")
    done = fit(labels, sources, "--test", other, "--test-sources", elsewhere)
    assert done.exit_code == 1
    assert "answers another question" in done.output
    assert "asks_for prefer against closer" in done.output


def test_votes_one_a_crop_have_no_yardsticks_and_that_is_said(
    labelled: Labelled, fit: Callable[..., Result], tmp_path: Path
) -> None:
    labels, sources = labelled(votes=1)
    done = fit(labels, sources, "--margins", "none")
    assert done.exit_code == 0, done.output
    assert "How well anything could do is not told: 0 crops have two votes or more" in done.output
    best = next(r for r in rows(tmp_path / "model.evaluation.csv") if r["measure"] == "best_prediction")
    assert (best["value"], "0 crops" in best["reason"]) == ("", True)


def test_bad_input_is_one_sentence(
    labelled: Labelled, fit: Callable[..., Result], change: Callable[..., None], tmp_path: Path
) -> None:
    labels, sources = labelled()
    pixels = np.array(Image.open(sources / "s4.png"))
    pixels[0, 0] ^= 1
    Image.fromarray(pixels).save(sources / "s4.png")
    assert_refused(fit(labels, sources), "s4.png has other pixels than the ones that were labelled as 's4'")
    (sources / "s4.png").unlink()
    assert_refused(fit(labels, sources), "holds no picture with the pixels that were labelled as 's4'")
    fresh, folder = labelled(below="fresh")
    change(fresh, 2, crop_x="60")
    assert_refused(fit(fresh, folder), "the crop of 48x48 pixels at 60,16 is not inside 's0', which has 96x96")
    few, folder = labelled(4, below="few")
    assert_refused(fit(few, folder), "4 different sources are too few for 5 folds")
    assert not (tmp_path / "model").exists()


def test_damaged_and_foreign_models_are_refused(tmp_path: Path, labelled: Labelled, fit: Callable[..., Result]) -> None:
    labels, sources = labelled()
    assert fit(labels, sources, "--margins", "none").exit_code == 0
    whole = (tmp_path / "model").read_bytes()
    for name, data, said in (
        ("cut", whole[:-9], "is damaged, or no model of preference"),
        ("text", b"hello", "is damaged, or no model of preference"),
        ("format", whole.replace(b"conha-preference-1", b"conha-preference-9"), "is a model of another kind"),
        ("card", whole.replace(b"sampling", b"samplinG"), "has a card that is not read here"),
    ):
        (tmp_path / name).write_bytes(data)
        assert_refused(run("card", tmp_path / name), said)
    assert_refused(run("card", tmp_path / "absent"), "cannot be read (No such file or directory)")


def assert_refused(done: Result, said: str) -> None:
    assert done.exit_code == 1, done.output
    assert said in done.output
    assert "Traceback" not in done.output
    assert len([line for line in done.output.splitlines() if line.startswith("Error:")]) == 1


def test_a_grid_covers_the_picture() -> None:
    for width, height, side in ((100, 60, 32), (64, 64, 64), (33, 200, 48)):
        crops = weigh.grid(width, height, side)
        seen = np.zeros((height, width), bool)
        for crop in crops:
            assert crop.of(seen).shape == (crop.height, crop.width) == (min(side, width, height),) * 2  # type: ignore[arg-type]
            seen[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width] = True
        assert seen.all()


def test_a_stopped_cache_write_is_measured_again(
    labelled: Labelled, fit: Callable[..., Result], tmp_path: Path
) -> None:
    labels, sources = labelled()
    assert fit(labels, sources, "--margins", "none").exit_code == 0
    first = (tmp_path / "model").read_bytes()
    for path in list((tmp_path / "cache").rglob("*.safetensors"))[::3]:
        path.write_bytes(path.read_bytes()[:20])
    assert fit(labels, sources, "--margins", "none").exit_code == 0
    assert (tmp_path / "model").read_bytes() == first
    assert not [name for name in os.listdir(tmp_path / "cache") if name.startswith(".")]
