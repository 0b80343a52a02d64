"""Whole runs, tiny: what is written, going on after a kill, two processes as one, stages from other runs, refusals."""

import csv
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import load_file

from codec.cli import cli
from codec.conha import checkpoint, config, training
from codec.conha.processes import Processes
from codec.conha.run_folder import RunFolder
from codec.errors import Refusal

HOUSE = Path(__file__).parents[3]
HERE = Processes(0, 1, torch.device("cpu"))
TINY = (
    "model.base=4", "model.latent=6", "model.hyper=5", "model.blocks=1",
    "discriminator.base=4", "discriminator.context=4", "rate.target=0.5", "rate.weight_above=2.0",
    "rate.weight_below=0.0625",
    "data.crop=32", "training.batch=4", "loss.perceptual=lpips_random", "rate.warmup_steps=2",
    "training.stage1.steps=4", "training.stage2.steps=6", "training.checkpoint_every=2", "training.pictures_every=4",
    "training.log_every=1", "training.ema=0.9", "training.clip=1.0", "training.keep=9",
)  # fmt: skip


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures of coarse noise, and a file that is none."""
    folder = tmp_path_factory.mktemp("sources") / "sources"
    folder.mkdir()
    for seed, name in enumerate("abc"):
        coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), np.uint8)
        Image.fromarray(coarse).resize((48, 40), Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def whole(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, to be looked at only."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    run(settings(images), folder)
    return folder


def settings(images: Path, *more: str) -> config.Config:
    return config.read("smoke", (*TINY, f"data.train={images}", *more))


def run(found: config.Config, folder: Path, *, resume: bool = False) -> Path:
    torch.set_num_threads(1)
    return training.train(found, folder, HERE, resume=resume)


def command(images: Path, folder: Path, *more: str) -> list[str]:
    options = [part for one in (*TINY, f"data.train={images}", *more) if "=" in one for part in ("--set", one)]
    flags = [one for one in more if one.startswith("--")]
    return ["codec", "train", "smoke", *options, "-o", str(folder), "--device", "cpu", *flags]


def started(arguments: list[str], **environment: str) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments], cwd=HOUSE, text=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )  # fmt: skip


def ends(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    """Everything that the last checkpoint of each stage holds."""
    return {
        one.path.name: load_file(one.path / "tensors.safetensors")
        for one in RunFolder(folder).checkpoints()
        if (one.stage, one.step) in {(1, 4), (2, 6)}
    }


def same(one: Path, other: Path, *, model: bool = True) -> None:
    """Two runs ended in the same bytes, in networks, optimisers, running means and the finished model."""
    left, right = ends(one), ends(other)
    assert list(left) == list(right) == ["stage1-00000004", "stage2-00000006"]
    for stage, tensors in left.items():
        assert tensors.keys() == right[stage].keys()
        assert [name for name, value in tensors.items() if not torch.equal(value, right[stage][name])] == []
    if model:
        assert (one / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "curves.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_a_model_that_compresses_curves_pictures_and_its_images(images: Path, whole: Path) -> None:
    folder = whole
    frozen = checkpoint.load(folder / "model.safetensors")
    card = frozen.metadata.card
    assert (card.steps, card.crops, card.seeds, card.simulated) == (10, (4 + 2 * 6) * 4, (1,), False)
    assert card.w == "1 for every image"
    assert "3 images of sources" in card.data
    held = load_file(folder / "checkpoints/stage2-00000006/tensors.safetensors")
    name = "head.1.weight"
    torch.testing.assert_close(frozen.generator.state_dict()[name], held[f"mean_generator.{name}"].half().float())
    found = rows(folder)
    logged = [(row["stage"], row["step"]) for row in found if row["bpp"]]
    assert logged == [("1", str(n)) for n in (1, 2, 3, 4)] + [("2", str(n)) for n in (1, 2, 3, 4, 5, 6)]
    assert all(0 < float(row["d_real"]) < 1 for row in found if row["stage"] == "2" and row["bpp"])
    assert [float(row["target"]) for row in found if row["stage"] == "1" and row["bpp"]] == pytest.approx(
        [0.5 / 0.7, 0.5 / 0.7, 0.5, 0.5], rel=1e-4
    )
    pictures = sorted(path.name for path in (folder / "pictures").iterdir())
    assert pictures == ["stage1-00000004.png", "stage2-00000004.png", "stage2-00000006.png"]
    grid = np.array(Image.open(folder / "pictures" / pictures[-1]))
    assert grid.shape == (64, 96, 3)
    assert np.array_equal(grid[:32, :32], np.array(Image.open(images / "a.png"))[4:36, 8:40])
    assert "notes.txt: is no whole image" in (folder / "log.txt").read_text()
    assert list((folder / "tensorboard").iterdir())


def test_the_same_run_twice_is_the_same_and_another_seed_is_not(images: Path, whole: Path, tmp_path: Path) -> None:
    run(settings(images), tmp_path / "two")
    same(whole, tmp_path / "two")
    run(settings(images, "training.seed=2"), tmp_path / "three")
    with pytest.raises(AssertionError):
        same(whole, tmp_path / "three")


@pytest.mark.slow
def test_a_run_that_is_killed_in_either_stage_goes_on_to_the_very_same_bytes(
    images: Path, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "killed"
    for stage, resume in ((1, ()), (2, ("--resume",))):
        process = started(command(images, folder, *resume))
        deadline = time.monotonic() + 200
        while not any(one.stage == stage and one.step >= 2 for one in RunFolder(folder).checkpoints()):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
        process.communicate()
        assert not (folder / "model.safetensors").exists()
    run(settings(images, "data.workers=1"), folder, resume=True)
    assert (whole / "images.csv").read_bytes() == (folder / "images.csv").read_bytes()
    same(whole, folder, model=False)  # whose settings tell of the worker
    kept = [(row["stage"], row["step"], row["bpp"], row["mse"]) for row in rows(whole)]
    assert [(row["stage"], row["step"], row["bpp"], row["mse"]) for row in rows(folder)] == kept


def test_a_run_goes_on_from_every_checkpoint_to_the_very_same_bytes(images: Path, whole: Path, tmp_path: Path) -> None:
    """As the test above, without the wait for processes: a folder as a kill at that moment leaves it."""
    for last in ((1, 2), (1, 4), (2, 4)):
        folder = tmp_path / "from-{}-{}".format(*last)
        (folder / "checkpoints").mkdir(parents=True)
        for name in ("config.json", "images.csv", "curves.csv"):
            shutil.copy(whole / name, folder / name)
        with (folder / "curves.csv").open("a") as file:
            file.write("2,5,0.1")  # a line that was being written
        for one in RunFolder(whole).checkpoints():
            if (one.stage, one.step) <= last:
                shutil.copytree(one.path, folder / "checkpoints" / one.path.name)
        (folder / "checkpoints" / ".stage2-00000006").mkdir()  # a checkpoint that was being written
        run(settings(images), folder, resume=True)
        same(whole, folder)
        told = [{**row, "steps_per_second": ""} for row in rows(folder)]
        assert told == [{**row, "steps_per_second": ""} for row in rows(whole)]


@pytest.mark.slow
def test_two_processes_train_as_one_does_on_the_joined_batch(images: Path, tmp_path: Path) -> None:
    more = (
        "loss.constant_total=true", "preference.w=constant", "preference.value=0.3", "training.clip=0.0",
        "training.stage1.steps=1", "training.stage2.steps=1",
    )  # fmt: skip
    run(settings(images, *more), tmp_path / "one")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    both = [started(command(images, tmp_path / "two", *more), RANK=str(n), LOCAL_RANK=str(n), **shared) for n in (0, 1)]
    said = [process.communicate(timeout=280)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    for stage in ("stage1-00000001", "stage2-00000001"):
        left, right = (
            load_file(tmp_path / name / "checkpoints" / stage / "tensors.safetensors") for name in ("one", "two")
        )
        for name in (name for name in left if name.endswith("exp_avg")):  # a tenth of the gradient, after one step
            most = float(left[name].abs().max())
            torch.testing.assert_close(
                right[name], left[name], rtol=1e-5, atol=1e-5 * most + 1e-9, msg=f"{stage} {name}"
            )
    for one, two in zip(rows(tmp_path / "one"), rows(tmp_path / "two"), strict=True):
        assert {key: float(one[key]) for key in one if key != "steps_per_second" and one[key]} == pytest.approx(
            {key: float(two[key]) for key in two if key != "steps_per_second" and two[key]}, rel=1e-4, abs=1e-5
        )


def test_a_second_stage_starts_from_another_runs_first(images: Path, whole: Path, tmp_path: Path) -> None:
    more = (f"training.start={whole}", "training.freeze_encoder=true")
    run(settings(images, *more), tmp_path / "hific")
    run(settings(images, *more, "preference.w=constant", "preference.value=0.0"), tmp_path / "without")
    left, right = (
        load_file(tmp_path / name / "checkpoints/stage2-00000006/tensors.safetensors") for name in ("hific", "without")
    )
    start = load_file(whole / "checkpoints/stage1-00000004/tensors.safetensors")
    frozen = [name for name in start if name.startswith("codec.") and not name.startswith("codec.generator")]
    assert frozen
    assert all(torch.equal(left[name], right[name]) and torch.equal(left[name], start[name]) for name in frozen)
    assert not torch.equal(left["codec.generator.head.1.weight"], right["codec.generator.head.1.weight"])
    with pytest.raises(Refusal, match=r"another \[model\]"):
        run(settings(images, *more, "model.blocks=0"), tmp_path / "other")
    with pytest.raises(Refusal, match="is no folder of a run"):
        run(settings(images, f"training.start={images}"), tmp_path / "none")


def test_a_folder_with_a_run_is_gone_on_with_only_when_asked_and_with_the_same_settings(
    images: Path, whole: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "run"))
    with pytest.raises(Refusal, match="holds a run; add --resume"):
        run(settings(images), folder)
    with pytest.raises(Refusal, match=r"was begun with training\.batch = 4, not 2; leave it"):
        run(settings(images, "training.batch=2"), folder, resume=True)
    before = checkpoint.read_metadata(folder / "model.safetensors")
    run(settings(images, "training.log_every=3", "data.cache=1"), folder, resume=True)
    after = checkpoint.read_metadata(folder / "model.safetensors")
    assert (after.identity, after.card) == (before.identity, before.card)
    assert after.config.training.log_every == 3


def test_a_request_to_stop_keeps_the_step_at_hand(
    images: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    see, folder = training.Watcher.see, tmp_path / "run"

    def interrupted(self: training.Watcher, learner: object, step: int, *rest: object) -> None:
        see(self, learner, step, *rest)  # type: ignore[arg-type]
        if (self.plan.number, step) == (2, 2):
            signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(training.Watcher, "see", interrupted)
        with pytest.raises(Refusal, match="Stopped after step 3 of stage 2, which is kept; go on with --resume"):
            run(settings(images), folder)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    run(settings(images), folder, resume=True)
    same(whole, folder)


def test_a_damaged_checkpoint_is_refused_by_name(images: Path, whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "run"))
    last = RunFolder(folder).checkpoints()[-1].path
    (last / "tensors.safetensors").write_bytes(b"cut off")
    with pytest.raises(Refusal, match=r"stage2-00000006/tensors\.safetensors is damaged .*an earlier one is used"):
        run(settings(images), folder, resume=True)


def test_only_the_last_checkpoints_are_kept_and_those_at_the_ends(images: Path, tmp_path: Path) -> None:
    more = ("training.keep=1", "training.checkpoint_every=1")
    run(settings(images, *more), tmp_path / "run")
    kept = [(one.stage, one.step) for one in RunFolder(tmp_path / "run").checkpoints()]
    assert kept == [(1, 4), (2, 5), (2, 6)]


def test_the_command_trains_and_refuses_in_one_sentence(images: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    done = runner.invoke(cli, command(images, tmp_path / "run")[1:])
    assert done.exit_code == 0, done.output
    assert f"The model is {tmp_path / 'run' / 'model.safetensors'}" in done.output
    assert "stage 2" in done.output
    again = runner.invoke(cli, command(images, tmp_path / "run")[1:])
    assert again.exit_code == 1
    assert again.output.startswith("Error: ")
    assert again.output.count("\n") == 1
    for wrong, said in (
        ("preference.w=model", "name the file"),
        ("data.train=", "Name a folder of images"),
        ("training.stage1.steps=-1", "`training.stage1.steps`"),
    ):
        refused = runner.invoke(cli, command(images, tmp_path / "other", wrong)[1:])
        assert refused.exit_code == 1, refused.output
        assert said in refused.output


def test_settings_that_processes_cannot_share_are_refused_before_anything_is_written(
    images: Path, tmp_path: Path
) -> None:
    with pytest.raises(Refusal, match="is 3, which 2 processes cannot share"):
        training.train(settings(images, "training.batch=3"), tmp_path / "run", Processes(0, 2, torch.device("cpu")))
    assert not (tmp_path / "run").exists()


@pytest.mark.gpu
def test_on_a_gpu_a_deterministic_run_goes_on_to_the_same_bytes(images: Path, tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    cuda = Processes(0, 1, torch.device("cuda"))
    found = settings(images, "training.deterministic=true")
    try:
        training.train(found, tmp_path / "one", cuda)
        training.train(found, tmp_path / "two", cuda)
        for late in ("stage2-00000004", "stage2-00000006"):
            for file in (tmp_path / "two" / "checkpoints" / late).iterdir():
                file.unlink()
            (tmp_path / "two" / "checkpoints" / late).rmdir()
        training.train(found, tmp_path / "two", cuda, resume=True)
        same(tmp_path / "one", tmp_path / "two")
    finally:
        torch.use_deterministic_algorithms(mode=False)
