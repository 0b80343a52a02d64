"""From a folder of photographs to a study folder: check everything first, then work picture by picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from codec import catch
from codec.baselines import CODECS
from codec.decoded import given
from codec.errors import Refusal, listing
from codec.folder import StudyFolder, digest
from codec.pixels import pixels_sha256, read_pixels
from codec.sources import Source
from codec.stimuli import Plan, Skipped, Stimulus, make_stimuli
from codec.workers import workers


@dataclass(frozen=True)
class Checked:
    """A photograph that can be used: its size and content, and the content of what was decoded of it."""

    source: Source
    width: int
    height: int
    content: str
    decoded: dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """What a run gave: all rows; how many photographs had been finished before it began."""

    stimuli: list[Stimulus]
    skipped: list[Skipped]
    done_before: int


def make_study_folder(sources: Sequence[Source], plan: Plan, path: Path, jobs: int) -> Outcome | None:
    """Make the stimuli of all photographs; None where the folder was finished already, by the same recipe.

    Nothing is written before every photograph has been checked. Raises Refusal for a photograph that cannot be used,
    for a folder that was made by another recipe, and where no photograph has a rate that every codec reaches.
    """
    folder = StudyFolder(path)
    with workers(min(jobs, len(sources))) as team:
        checked = team.run(partial(check, plan=plan), sources, "Checking photographs")
        _refuse_small(checked, plan.crop_size)
        _refuse_twins(checked)
        recipe = make_recipe(plan, checked)
        if folder.is_finished(recipe):
            folder.clear_leftovers()
            return None
        keys = {photograph.source: key(recipe, photograph) for photograph in checked}
        with folder.claimed():
            waiting = [source for source in sources if not folder.kept(keys[source])]
            work = partial(_make_and_keep, plan=plan, folder=folder)
            team.run(work, [(source, keys[source]) for source in waiting], "Making stimuli")
            stimuli, skipped = folder.rows(list(keys.values()))
            if not stimuli:
                folder.abandon()
                raise Refusal(_nothing_left(skipped))
            folder.finish(list(keys.values()), recipe)
    return Outcome(stimuli, skipped, len(sources) - len(waiting))


def check(source: Source, plan: Plan) -> Checked:
    """Decode a photograph and everything that was decoded of it. Raises Refusal where something cannot be used."""
    pixels = read_pixels(source.path)
    for decoded in plan.decoded:
        given(decoded, source.name, pixels, plan.tolerance)
    files = {f"{decoded.codec}@{decoded.rate}": decoded.files[source.name].digest() for decoded in plan.decoded}
    return Checked(source, pixels.shape[1], pixels.shape[0], pixels_sha256(pixels), files)


def make_recipe(plan: Plan, checked: Sequence[Checked]) -> dict[str, Any]:
    """Everything that the stimuli follow from. Codecs are described at the lowest setting of their dials."""
    return {
        "catch": catch.recipe(),
        "codecs": {name: CODECS[name].describe(CODECS[name].dial.marks[0]) for name in plan.codecs},
        "context": plan.context,
        "crop_size": plan.crop_size,
        "crops": plan.crops,
        "decoded": [f"{decoded.codec}@{decoded.rate}" for decoded in plan.decoded],
        "rates": list(plan.rates),
        "seed": plan.seed,
        "photographs": [_photograph(photograph) for photograph in checked],
        "tolerance": plan.tolerance,
    }


def key(recipe: dict[str, Any], photograph: Checked) -> str:
    """Names one photograph's share of the work: it changes with the settings, but not with the other photographs."""
    return digest({**recipe, "photographs": [_photograph(photograph)]})


def _photograph(photograph: Checked) -> dict[str, Any]:
    return {
        "source": photograph.source.name,
        "source_sha256": photograph.content,
        "tag": photograph.source.tag,
        "decoded": photograph.decoded,
    }


def _make_and_keep(item: tuple[Source, str], plan: Plan, folder: StudyFolder) -> None:
    source, name = item
    folder.keep(name, make_stimuli(source, plan))


def _refuse_small(checked: Sequence[Checked], side: int) -> None:
    small = [
        f"{photograph.source.path} ({photograph.width}x{photograph.height})"
        for photograph in checked
        if min(photograph.width, photograph.height) < side
    ]
    if small:
        raise Refusal(f"Smaller than a crop of {side}x{side}: {listing(small)}; remove them or lower --crop-size.")


def _refuse_twins(checked: Sequence[Checked]) -> None:
    seen: dict[str, Path] = {}
    for photograph in checked:
        path = photograph.source.path
        if photograph.content in seen:
            raise Refusal(f"{seen[photograph.content]} and {path} are the same picture; remove one of them.")
        seen[photograph.content] = path


def _nothing_left(skipped: Sequence[Skipped]) -> str:
    misses = [f"{row.codec} on {row.source} at {row.rate} bpp ({row.nearest_bpp} at best)" for row in skipped]
    return f"Every rate is missed on every photograph, by {listing(misses, 3)}; choose other --rates or --tolerance."
