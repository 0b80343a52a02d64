"""From a folder of photographs to a study folder: whole or not at all, and the same bytes however it came about."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from codec import making
from codec.errors import Refusal
from codec.folder import UNFINISHED, StudyFolder
from codec.making import make_study_folder
from codec.sources import Source, find_sources
from codec.stimuli import Made, Plan

HOUSE = Path(__file__).resolve().parent.parent.parent
PLAN = Plan(("jpeg", "webp"), ("1.50",), crops=1, crop_size=64)
NAMES = ("a.png", "b.png", "sub/c.png")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def make(sources: Path, output: Path, plan: Plan = PLAN, jobs: int = 1) -> making.Outcome | None:
    return make_study_folder(find_sources(sources), plan, output, jobs)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, folder_of: Callable[..., Path]) -> None:
    sources = folder_of(*NAMES)
    outcome = make(sources, tmp_path / "one")
    assert outcome is not None
    assert len(outcome.stimuli) == 3 * 4
    make(sources, tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert not (tmp_path / "one" / UNFINISHED).exists()


def test_two_processes_give_the_same_bytes_as_one(tmp_path: Path, folder_of: Callable[..., Path]) -> None:
    sources = folder_of("a.png", "b.png", "c.png", width=200, height=180)
    plan = replace(PLAN, codecs=("jpeg", "webp", "avif", "jxl"), crop_size=168)  # large enough for MS-SSIM
    make(sources, tmp_path / "one", plan, jobs=1)
    make(sources, tmp_path / "two", plan, jobs=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_photograph_moves_nobodys_crops(tmp_path: Path, folder_of: Callable[..., Path]) -> None:
    make(folder_of("a.png", "c.png"), tmp_path / "few")
    make(folder_of("a.png", "c.png", "b.png"), tmp_path / "more")
    few, more = ((tmp_path / name / "stimuli.csv").read_text().splitlines() for name in ("few", "more"))
    assert [line for line in more if not line.startswith("b,")] == few


def test_interrupted_work_is_taken_up(
    tmp_path: Path, folder_of: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = folder_of(*NAMES)
    make(sources, tmp_path / "whole")
    real, asked = making.make_stimuli, []

    def dies_at_the_second(source: Source, plan: Plan) -> Made:
        asked.append(source.name)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(source, plan)

    monkeypatch.setattr(making, "make_stimuli", dies_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        make(sources, tmp_path / "broken")
    assert {path.name for path in (tmp_path / "broken").iterdir()} == {UNFINISHED}
    outcome = make(sources, tmp_path / "broken")
    assert outcome is not None
    assert (outcome.done_before, asked) == (1, ["a", "b", "b", "sub/c"])
    assert contents(tmp_path / "broken") == contents(tmp_path / "whole")


def test_work_for_other_settings_is_not_taken_up(
    tmp_path: Path, folder_of: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = folder_of(*NAMES)
    with monkeypatch.context() as patch:
        patch.setattr(StudyFolder, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            make(sources, tmp_path / "study")
    other = replace(PLAN, seed=2)
    outcome = make(sources, tmp_path / "study", other)
    assert outcome is not None
    assert outcome.done_before == 0
    make(sources, tmp_path / "fresh", other)
    assert contents(tmp_path / "study") == contents(tmp_path / "fresh")


@pytest.mark.parametrize("place", range(1, 8))
def test_dying_while_the_folder_is_finished_loses_nothing(
    place: int, tmp_path: Path, folder_of: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop at the first, second, ... file that is moved to its place: stimuli.csv is the last of them."""
    sources = folder_of("a.png")
    make(sources, tmp_path / "whole")
    real, moved = Path.replace, []

    def stops(path: Path, target: Path) -> Path:
        moved.append(target.name)
        if len(moved) == place:
            raise KeyboardInterrupt
        return real(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stops)
        with pytest.raises(KeyboardInterrupt):
            make(sources, tmp_path / "broken")
    assert not (tmp_path / "broken" / "stimuli.csv").exists()
    outcome = make(sources, tmp_path / "broken")
    assert outcome is not None
    assert outcome.done_before == 1
    left = {name: data for name, data in contents(tmp_path / "broken").items() if not name.startswith(".")}
    assert left == contents(tmp_path / "whole")


@pytest.fixture
def started(tmp_path: Path, folder_of: Callable[..., Path]) -> Iterator[tuple[list[str], subprocess.Popen[str]]]:
    """The command, and a run of it into `broken` that has finished a photograph and is at work on others."""
    sources = folder_of(*(f"{letter}.png" for letter in "abcdef"), width=300, height=220)
    command = [sys.executable, str(HOUSE / "manage.py"), "codec", "stimuli", "--sources", str(sources)]
    command += "--rates 1.00,1.50 --codecs jxl --crops 1 --crop-size 64 --jobs 2 --json -o".split()
    with subprocess.Popen(
        [*command, "broken"], cwd=tmp_path, text=True, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        deadline = time.monotonic() + 60
        while not finished(tmp_path / "broken"):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.005)
        yield command, process


def finished(study: Path) -> list[str]:
    return [path.name for path in (study / UNFINISHED).glob("*") if path.is_dir() and "." not in path.name]


def check_it_goes_on(command: list[str], work: Path) -> None:
    done = finished(work / "broken")
    assert not (work / "broken" / "stimuli.csv").exists()
    said = {
        name: subprocess.run([*command, name], cwd=work, capture_output=True, text=True, check=True).stdout
        for name in ("broken", "whole")
    }
    assert json.loads(said["broken"])["done_before"] == len(done) > 0
    assert contents(work / "broken") == contents(work / "whole")


def test_kill_9_loses_only_what_was_in_hand(started: tuple[list[str], subprocess.Popen[str]], tmp_path: Path) -> None:
    command, process = started
    process.kill()
    process.wait()
    deadline = time.monotonic() + 60
    while _alive(process.pid):  # its workers notice, and go too
        assert time.monotonic() < deadline
        time.sleep(0.05)
    check_it_goes_on(command, tmp_path)


def test_ctrl_c_keeps_what_is_in_hand(started: tuple[list[str], subprocess.Popen[str]], tmp_path: Path) -> None:
    command, process = started
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: to the workers too
    said = process.communicate(timeout=60)[1].splitlines()
    assert process.returncode == 1
    assert said[-1] == "Error: Stopped; what is finished is kept, and the same command goes on from there."
    assert not any("Traceback" in line for line in said)
    check_it_goes_on(command, tmp_path)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_finished_folder_is_left_alone(tmp_path: Path, folder_of: Callable[..., Path]) -> None:
    sources, study = folder_of(*NAMES), tmp_path / "study"
    make(sources, study)
    before = {path: path.stat().st_mtime_ns for path in study.rglob("*")}
    assert make(sources, study) is None
    assert {path: path.stat().st_mtime_ns for path in study.rglob("*")} == before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda image: image.unlink(),
        lambda image: image.write_bytes(image.read_bytes()[:-20]),
        lambda image: image.write_bytes(max(image.parent.iterdir()).read_bytes() + b"x"),
    ],
)
def test_a_finished_folder_with_a_lost_or_changed_image_is_mended(
    spoil: Callable[[Path], object], tmp_path: Path, folder_of: Callable[..., Path]
) -> None:
    sources, study = folder_of(*NAMES), tmp_path / "study"
    make(sources, study)
    whole = contents(study)
    spoil(next((study / "images").iterdir()))
    assert make(sources, study) is not None
    assert contents(study) == whole


def test_a_run_stopped_after_its_last_file_leaves_nothing_for_long(
    tmp_path: Path, folder_of: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sources, study = folder_of("a.png"), tmp_path / "study"
    make(sources, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            make(sources, study)
    assert (study / "stimuli.csv").exists()
    assert (study / UNFINISHED).is_dir()
    with StudyFolder(study).claimed(), pytest.raises(Refusal, match="Another run is writing"):
        make(sources, study)
    assert make(sources, study) is None
    assert contents(study) == contents(tmp_path / "whole")
    assert not (study / UNFINISHED).exists()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda plan: replace(plan, seed=2), "seed differ"),
        (lambda plan: replace(plan, rates=("1.50", "2.00")), "rates differ"),
        (lambda plan: replace(plan, tolerance=0.1, crop_size=48), "crop_size, tolerance differ"),
        (lambda plan: replace(plan, codecs=("jpeg",)), "codecs differ"),
    ],
)
def test_a_folder_made_otherwise_is_refused(
    change: Callable[[Plan], Plan], what: str, tmp_path: Path, folder_of: Callable[..., Path]
) -> None:
    sources, study = folder_of("a.png"), tmp_path / "study"
    make(sources, study)
    before = contents(study)
    with pytest.raises(Refusal, match=rf"study holds stimuli that were made otherwise \({what}\); choose another -o"):
        make(sources, study, change(PLAN))
    assert contents(study) == before


def test_a_changed_photograph_and_a_foreign_table_are_refused(tmp_path: Path, folder_of: Callable[..., Path]) -> None:
    sources, study = folder_of("a.png"), tmp_path / "study"
    make(sources, study)
    image = np.array(Image.open(sources / "a.png"))
    image[0, 0] ^= 1
    Image.fromarray(image).save(sources / "a.png")
    with pytest.raises(Refusal, match=r"\(photographs differ\)"):
        make(sources, study)
    (study / "recipe.json").unlink()
    with pytest.raises(Refusal, match=r"holds a stimuli\.csv without its recipe\.json; choose another -o"):
        make(sources, study)


def test_a_study_toml_that_is_there_stays(tmp_path: Path, folder_of: Callable[..., Path]) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study/study.toml").write_text("# mine\n")
    make(folder_of("a.png"), tmp_path / "study")
    assert (tmp_path / "study/study.toml").read_text() == "# mine\n"


def test_bad_photographs_are_refused_before_anything_is_written(tmp_path: Path, folder_of: Callable[..., Path]) -> None:
    sources = folder_of("a.png", "b.png")
    with pytest.raises(Refusal, match=r"Smaller than a crop of 120x120: .*a\.png \(128x112\), .*b\.png \(128x112\); "):
        make(sources, tmp_path / "study", replace(PLAN, crop_size=120))
    (sources / "copy.png").write_bytes((sources / "a.png").read_bytes())
    with pytest.raises(Refusal, match=r"a\.png and .*copy\.png are the same picture; remove one"):
        make(sources, tmp_path / "study")
    (sources / "copy.png").write_bytes((sources / "a.png").read_bytes()[:500])
    for jobs in (1, 2):
        with pytest.raises(Refusal, match=r"copy\.png cannot be decoded"):
            make(sources, tmp_path / "study", jobs=jobs)
    assert not (tmp_path / "study").exists()


def test_where_nothing_is_left_nothing_is_written(tmp_path: Path, folder_of: Callable[..., Path]) -> None:
    sources, plan = folder_of("a.png"), replace(PLAN, rates=("0.02",))
    with pytest.raises(
        Refusal,
        match=r"^Every rate is missed on every photograph, by jpeg on a at 0\.02 bpp \(0\.\d+ at best\).*tolerance\.$",
    ):
        make(sources, tmp_path / "new", plan)
    assert not (tmp_path / "new").exists()
    (tmp_path / "old").mkdir()
    (tmp_path / "old/study.toml").write_text("")
    with pytest.raises(Refusal, match="Every rate"):
        make(sources, tmp_path / "old", plan)
    assert contents(tmp_path / "old") == {"study.toml": b""}


def test_what_is_missed_is_listed(tmp_path: Path, folder_of: Callable[..., Path]) -> None:
    outcome = make(folder_of("a.png"), tmp_path / "study", replace(PLAN, rates=("0.02", "1.50")))
    assert outcome is not None
    assert {(row.source, row.rate) for row in outcome.skipped} == {("a", "0.02")}
    lines = (tmp_path / "study/skipped.csv").read_text().splitlines()
    assert lines[0] == "source,rate,codec,nearest_bpp,reason"
    assert [line.split(",")[:3] for line in lines[1:]] == [["a", "0.02", "jpeg"], ["a", "0.02", "webp"]]


def test_two_runs_do_not_meet_in_one_folder(tmp_path: Path, folder_of: Callable[..., Path]) -> None:
    claim = StudyFolder(tmp_path / "study").claimed()
    with claim, pytest.raises(Refusal, match=r"Another run is writing to .*study; wait for it, or choose another -o"):
        make(folder_of("a.png"), tmp_path / "study")


def _exits(_item: object) -> None:
    os._exit(3)


def test_a_worker_that_dies_is_told_in_a_sentence() -> None:
    from codec.workers import workers

    with pytest.raises(Refusal, match=r"A worker process died.*--jobs 1"), workers(2) as team:
        team.run(_exits, [1, 2], "Dying")
