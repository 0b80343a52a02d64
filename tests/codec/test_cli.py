"""The commands as they are typed: what they say, what they refuse, and how they end."""

import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from codec.cli import cli, rate
from codec.pixels import read_pixels

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def invoke(line: str) -> Result:
        return CliRunner().invoke(cli, line.split(), catch_exceptions=False)

    return invoke


STIMULI = "stimuli --sources sources --codecs jpeg,webp --rates 1.5 --crops 1 --crop-size 64 --jobs 1 -o study"


def test_a_folder_of_photographs_becomes_a_study_folder(run: Run, folder_of: Callable[..., Path]) -> None:
    folder_of("a.png", "b.png")
    done = run(STIMULI)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("4 stimuli of 2 crops of 2 photographs are in study (")
    assert done.stderr.splitlines()[-1] == "Making stimuli: 2 of 2"
    assert (run(STIMULI).stdout) == "study is finished already, with these settings and photographs.\n"


def test_json(run: Run, folder_of: Callable[..., Path]) -> None:
    folder_of("a.png")
    first = json.loads(run(f"{STIMULI} --rates 0.02,1.50 --json").stdout)
    assert first.pop("seconds") > 0
    assert first == {
        "folder": "study",
        "made": True,
        "sources": 1,
        "crops": 1,
        "stimuli": 2,
        "done_before": 0,
        "skipped": [{"source": "a", "rate": "0.02", "codec": name} for name in ("jpeg", "webp")],
    }
    assert json.loads(run(f"{STIMULI} --rates 0.02,1.50 --json").stdout) == {"folder": "study", "made": False}


def test_what_is_left_out_is_told(run: Run, folder_of: Callable[..., Path]) -> None:
    folder_of("a.png")
    first = run(f"{STIMULI} --codecs jpeg --rates 0.02,1.50").stdout.splitlines()[0]
    assert first.startswith("Left out: a at 0.02 bpp, because the nearest file of jpeg has 0.")


def test_tags_and_decoded_images(run: Run, folder_of: Callable[..., Path], tmp_path: Path) -> None:
    folder_of("a.png")
    folder_of("a.png", below="mine")
    (tmp_path / "mine/a.bin").write_bytes(bytes(128 * 112 * 3 // 16))
    (tmp_path / "tags.csv").write_text("file,tag\na.png,text\n")
    assert run(f"{STIMULI} --tags tags.csv --decoded my-codec@1.5=mine").exit_code == 0
    rows = (tmp_path / "study/stimuli.csv").read_text().splitlines()[1:]
    assert [row.split(",")[9] for row in rows] == ["reference", "jpeg@1.50", "webp@1.50", "my-codec@1.50", "catch"]
    assert {row.split(",")[4] for row in rows} == {"text"}
    assert (
        run("stimuli --sources sources --codecs= --rates 1.5 --crop-size 64 --decoded m@1.5=mine -o own").exit_code == 0
    )


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("0.3", "0.30"),
        ("0.50", "0.50"),
        (" 0.075", "0.075"),
        ("1", "1.00"),
        ("0.1000", "0.10"),
        ("2e-1", "0.20"),
        ("12", "12.00"),
    ],
)
def test_rates_are_spelled_one_way(text: str, spelled: str) -> None:
    assert rate(text) == spelled


@pytest.mark.parametrize("text", ["", "x", "0", "-0.5", "nan", "inf", "25", "0,5"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no rate in bits per pixel"):
        rate(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--rates 0.5,0.50", "a rate is named twice"),
        ("--codecs jpeg,bpg", "'bpg' is no codec here; choose from jpeg, webp, avif, jxl"),
        ("--codecs jpeg,jpeg", "a codec is named twice"),
        ("--codecs=", "Name at least one codec"),
        ("--tolerance 0", "not in the range"),
        ("--crop-size 8", "not in the range"),
        ("--decoded x=y", "'x=y' is not NAME@RATE=FOLDER"),
        ("--decoded jpeg@1.5=y", "the name 'jpeg' is taken"),
        ("--decoded catch@1.5=y", "the name 'catch' is taken"),
        ("--decoded a/b@1.5=y", "is not NAME@RATE=FOLDER"),
        ("--decoded m@0.7=y", "0.70 is not one of --rates; add it"),
        ("--decoded m@1.5=y --decoded m@1.50=z", "a codec is given twice at a rate"),
    ],
)
def test_wrong_usage_ends_with_2(options: str, message: str, run: Run, folder_of: Callable[..., Path]) -> None:
    folder_of("a.png")
    done = run(f"{STIMULI} {options}")
    assert (done.exit_code, message in " ".join(done.stderr.split())) == (2, True), done.stderr


def spoiled(folder: Path, what: str) -> None:
    if what == "empty":
        (folder / "a.png").unlink()
    elif what == "no image":
        (folder / "notes.txt").write_text("hello")
    elif what == "small":
        Image.new("RGB", (63, 200)).save(folder / "small.png")
    elif what == "transparent":
        Image.new("RGBA", (100, 100)).save(folder / "t.png")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("empty", "Error: sources holds no images; put photographs in it or its subfolders.\n"),
        ("no image", "Error: sources/notes.txt is no whole image of a kind that is read here"),
        (
            "small",
            "Error: Smaller than a crop of 64x64: sources/small.png (63x200); remove them or lower --crop-size.\n",
        ),
        ("transparent", "Error: sources/t.png is transparent in places"),
    ],
)
def test_bad_input_is_one_sentence_and_ends_with_1(
    what: str, message: str, run: Run, folder_of: Callable[..., Path], tmp_path: Path
) -> None:
    spoiled(folder_of("a.png"), what)
    done = run(STIMULI)
    assert done.exit_code == 1
    said = done.stderr[done.stderr.index("Error") :]
    assert said.startswith(message)
    assert said.count("\n") == 1
    assert not (tmp_path / "study").exists()


def test_a_study_inside_its_sources_is_refused(run: Run, folder_of: Callable[..., Path]) -> None:
    folder_of("a.png")
    done = run(f"{STIMULI} -o sources/study")
    assert (done.exit_code, "lies inside sources" in done.stderr) == (1, True)


@pytest.mark.parametrize("place", ["taken", "/proc/study"])
def test_a_place_that_cannot_be_written_to(
    place: str, run: Run, folder_of: Callable[..., Path], tmp_path: Path
) -> None:
    folder_of("a.png")
    (tmp_path / "taken").write_text("")
    done = run(f"{STIMULI} -o {place}")
    assert done.exit_code == 1
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"Error: {place}")
    assert said.endswith("see to that and run again.")


def test_photographs_for_a_first_try(run: Run, tmp_path: Path) -> None:
    assert run("photographs -o photos").stdout == "7 photographs and LICENCES.txt are in photos.\n"
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "photos").iterdir() if path.suffix != ".txt"}
    assert run("photographs -o photos").exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    notes = (tmp_path / "photos/LICENCES.txt").read_text()
    for path in before:
        assert f"{path.name}: " in notes
        assert min(read_pixels(path).shape[:2]) >= 256
