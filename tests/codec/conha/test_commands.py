"""The commands: a picture to a file and back, models found by what a file names, and refusals in one sentence."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray
from PIL import Image

from codec.cli import cli
from codec.conha import coding
from codec.conha.checkpoint import Frozen

HOUSE = Path(__file__).resolve().parents[3]
Noise = Callable[..., NDArray[np.uint8]]


def codec(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


@pytest.fixture
def folder(
    tmp_path: Path, folder_of_models: Path, model: Frozen, noise: Noise, monkeypatch: pytest.MonkeyPatch
) -> Path:
    monkeypatch.setenv("CONHA_MODELS", str(folder_of_models))
    Image.fromarray(noise(50, 70)).save(tmp_path / "colour.png")
    Image.fromarray(noise(50, 70)[..., 0]).save(tmp_path / "grey.png")
    return tmp_path


def test_a_picture_becomes_a_file_and_a_picture_again(folder: Path, model: Frozen, noise: Noise) -> None:
    made = codec("compress", folder / "colour.png", folder / "a.cnha", "--model", "tiny0", "--json")
    assert made.exit_code == 0, made.output
    told = json.loads(made.output)
    assert (told["width"], told["height"], told["model"]) == (70, 50, model.metadata.identity)
    assert told["bytes"] == (folder / "a.cnha").stat().st_size
    assert told["bpp"] == 8 * told["bytes"] / (70 * 50)
    back = codec("decompress", folder / "a.cnha", folder / "a.png")
    assert back.exit_code == 0, back.output
    with Image.open(folder / "a.png") as image:
        assert np.array_equal(np.asarray(image), coding.decompress((folder / "a.cnha").read_bytes(), model))
    assert sorted(path.name for path in folder.iterdir()) == ["a.cnha", "a.png", "colour.png", "grey.png"]


def test_a_grey_picture_comes_back_grey(folder: Path) -> None:
    assert codec("compress", folder / "grey.png", folder / "g.cnha", "--model", "tiny0").exit_code == 0
    assert codec("decompress", folder / "g.cnha", folder / "g.png", "--model", "tiny0").exit_code == 0
    with Image.open(folder / "g.png") as image:
        assert (image.mode, image.size) == ("L", (70, 50))


def test_models_are_listed_with_their_cards(folder: Path, folder_of_models: Path, tmp_path: Path) -> None:
    told = json.loads(codec("models", "--json").output)
    tiny = next(each for each in told if each["name"] == "tiny0")
    assert tiny["card"]["data"] == "none: random weights"
    assert tiny["path"] == str(folder_of_models / "tiny0.safetensors")
    words = codec("models").output
    assert "hallucinates" in words
    assert "simulated: no" in words


def test_a_broken_model_is_listed_as_such_and_stands_in_nobodys_way(
    folder: Path, folder_of_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = folder / "models"
    models.mkdir()
    (models / "broken.safetensors").write_bytes(b"no")
    (models / "good.safetensors").write_bytes((folder_of_models / "tiny0.safetensors").read_bytes())
    monkeypatch.setenv("CONHA_MODELS", str(models))
    assert "no whole safetensors" in codec("models").output
    assert codec("compress", folder / "colour.png", folder / "a.cnha", "--model", "good").exit_code == 0
    assert codec("decompress", folder / "a.cnha", folder / "a.png").exit_code == 0


def test_refusals_are_one_sentence_and_write_nothing(folder: Path, other_model: Frozen) -> None:
    codec("compress", folder / "colour.png", folder / "a.cnha", "--model", "tiny0")
    (folder / "cut.cnha").write_bytes((folder / "a.cnha").read_bytes()[:-1])
    (folder / "empty.cnha").write_bytes(b"")
    refused = [
        (("compress", folder / "none.png", folder / "b.cnha", "--model", "tiny0"), "none.png cannot be"),
        (("compress", folder / "colour.png", folder / "b.cnha", "--model", "other"), "No model 'other' is installed"),
        (("compress", folder / "colour.png", folder / "b.cnha", "--model", "./no.safetensors"), "does not exist"),
        (("compress", folder / "colour.png", folder / "no/b.cnha", "--model", "tiny0"), "cannot be read or written"),
        (("compress", folder / "colour.png", folder / "b.cnha", "--model", "tiny0", "--device", "warp"), "'warp'"),
        (("decompress", folder / "cut.cnha", folder / "b.png"), "cut.cnha: Its end is missing"),
        (("decompress", folder / "empty.cnha", folder / "b.png"), "It is no .cnha file"),
        (("decompress", folder / "grey.png", folder / "b.png"), "It is no .cnha file"),
        (("decompress", folder / "none.cnha", folder / "b.png"), "none.cnha cannot be read"),
        (("decompress", folder, folder / "b.png"), "directory"),
        (("decompress", folder / "a.cnha", folder / "b.png", "--model", "tiny1"), "coded with the model"),
    ]
    for words, sentence in refused:
        result = codec(*words)
        assert result.exit_code in (1, 2), result.output
        assert sentence in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert not (folder / "b.png").exists()
        assert not (folder / "b.cnha").exists()
    assert codec("decompress", folder / "a.cnha", folder / "b.jpg").exit_code == 2


def test_a_file_whose_model_is_missing_names_it(folder: Path, model: Frozen, monkeypatch: pytest.MonkeyPatch) -> None:
    codec("compress", folder / "colour.png", folder / "a.cnha", "--model", "tiny0")
    monkeypatch.delenv("CONHA_MODELS")
    result = codec("decompress", folder / "a.cnha", folder / "b.png")
    assert result.exit_code == 1
    assert model.metadata.mark.hex() in result.output
    assert "CONHA_MODELS" in result.output


def test_help_loads_no_heavy_library() -> None:
    words = "import sys; from codec.cli import cli; sys.exit(bool({'torch', 'numpy', 'PIL'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", words], check=False, cwd=HOUSE).returncode == 0
