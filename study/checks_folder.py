"""What of a study folder's rows and images would spoil the study, although they can be loaded."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from study import png
from study.finding import Finding
from study.folder import CATCH, REFERENCE, Crop, Stimulus, StudyFolder, Watch, image_path
from study.spec import Spec

FEWEST_SOURCES = 5
"""Below so many sources no interval over sources says much: analysis.agreement and the like ask for as many."""
CLEAR_DB = 3.0
"""So much lower, in dB, the PSNR of a catch must be than that of everything that is rated on its crop."""
HARD_TO_SEE_DB = 34.0
"""Above this PSNR many people find no fault at a glance."""


def check(read: StudyFolder, spec: Spec, watch: Watch) -> Iterator[Finding]:
    """Everything, in the order in which a reader would mend it."""
    rated = [row for row in read.stimuli if row.condition not in {REFERENCE, CATCH}]
    yield from _missing(rated)
    yield from _rates(rated)
    yield from _sizes(read.stimuli)
    yield from _leaked(rated)
    yield from _sources(rated)
    yield from _same_bytes(read.stimuli, spec)
    yield from _catches(read, watch)


def _missing(rated: Sequence[Stimulus]) -> Iterator[Finding]:
    """Conditions that some crop lacks."""
    crops = list(dict.fromkeys(row.crop for row in rated))
    has = defaultdict(set)
    for row in rated:
        has[row.condition].add(row.crop)
    for condition, those in sorted(has.items()):
        without = [crop for crop in crops if crop not in those]
        if without:
            yield Finding(
                "warning",
                "missing_condition",
                f"`{condition}` is missing in {len(without)} of {len(crops)} crops (first: {place(without[0])}), so "
                "its rating rests on other images than the others' do: make these images, or take the crops out.",
            )


def _rates(rated: Sequence[Stimulus]) -> Iterator[Finding]:
    missed = [row for row in rated if not row.rate_matched]
    if missed:
        row = missed[0]
        yield Finding(
            "warning",
            "unmatched_rate",
            f"{len(missed)} of {len(rated)} stimuli miss their rate by more than the tolerance (`rate_matched` is 0; "
            f"first: line {row.line}, {row.bpp} for {row.rate} bits per pixel), so people would compare numbers of "
            "bits: leave these images out at that rate for all codecs, as `codec stimuli` does.",
        )


def _sizes(rows: Sequence[Stimulus]) -> Iterator[Finding]:
    sizes = Counter((crop.width, crop.height) for crop in {row.crop for row in rows})
    if len(sizes) > 1:
        said = ", ".join(f"{number} of {width}x{height}" for (width, height), number in sizes.most_common(4))
        yield Finding(
            "warning",
            "mixed_sizes",
            f"crops have {len(sizes)} sizes ({said}), and faults of larger images are easier to find: cut all alike.",
        )


def _leaked(rated: Sequence[Stimulus]) -> Iterator[Finding]:
    names = sorted({row.crop.source.name for row in rated if row.leak})
    if names:
        codecs = ", ".join(sorted({row.codec for row in rated if row.leak}))
        yield Finding(
            "warning",
            "leak",
            f"{len(names)} sources trained the model that compressed them ({codecs} on {_some(names)}; `leak` is 1), "
            "so it would look better than it is: show images that it has never seen.",
        )


def _sources(rated: Sequence[Stimulus]) -> Iterator[Finding]:
    number = len({row.crop.source.sha256 for row in rated})
    if number < FEWEST_SOURCES:
        yield Finding(
            "warning",
            "few_sources",
            f"all crops come from {number} {'source' if number == 1 else 'sources'}, too few to speak for other "
            f"images: take {FEWEST_SOURCES} at the very least, better 30.",
        )


def _same_bytes(rows: Sequence[Stimulus], spec: Spec) -> Iterator[Finding]:
    """Pairs with one image on both sides, which are never asked about, and conditions that are the original."""
    groups: dict[tuple[Crop, float, str], list[Stimulus]] = defaultdict(list)
    for row in rows:
        if row.rate:
            rate = float(row.rate) if spec.design.rates == "within" else 0.0
            groups[row.crop, rate, row.sha256].append(row)
    pairs = sum(len(group) * (len(group) - 1) // 2 for group in groups.values())
    if pairs:
        first = next(group for group in groups.values() if len(group) > 1)
        yield Finding(
            "note",
            "same_bytes",
            f"{pairs} pairs have the same bytes on both sides (first: {first[0].condition} and {first[1].condition}, "
            f"lines {first[0].line} and {first[1].line}) and are not asked about: see whether they should differ.",
        )
    references = {(row.crop, row.sha256) for row in rows if row.condition == REFERENCE}
    same = [row for row in rows if row.rate and (row.crop, row.sha256) in references]
    if same:
        yield Finding(
            "note",
            "is_reference",
            f"{len(same)} stimuli have the very bytes of their reference (first: {same[0].condition}, line "
            f"{same[0].line}): see whether they should.",
        )


def _catches(read: StudyFolder, watch: Watch) -> Iterator[Finding]:
    """Catch images that are no clear fault, by the error of their pixels; no measure is an eye, so look as well."""
    crops: dict[Crop, dict[str, Stimulus]] = defaultdict(dict)
    for row in read.stimuli:
        crops[row.crop][row.condition] = row
    catches = [row for row in read.stimuli if row.condition == CATCH]
    with watch(catches) as rows:
        for row in rows:
            yield from _obvious(read.path, row, crops[row.crop])


def _obvious(folder: Path, catch: Stimulus, beside: dict[str, Stimulus]) -> Iterator[Finding]:
    reference = _bytes(folder, beside[REFERENCE])
    error = png.psnr(reference, _bytes(folder, catch))
    others = {name: row for name, row in beside.items() if name not in {REFERENCE, CATCH}}
    worst = min(((png.psnr(reference, _bytes(folder, row)), name) for name, row in others.items()),
                default=(math.inf, ""))  # fmt: skip
    where = f"the catch of {place(catch.crop)} (line {catch.line})"
    remedy = "degrade it more, or delete its row; the answer to a catch must be plain."
    if error > HARD_TO_SEE_DB:
        says = f"{where} has a PSNR of {error:.1f} dB, at which many see no fault: {remedy}"
    elif error > worst[0] - CLEAR_DB:
        says = f"{where} has a PSNR of {error:.1f} dB, and {worst[1]}, which is rated, {worst[0]:.1f} dB: {remedy}"
    else:
        return
    yield Finding("warning", "faint_catch", says)


def _bytes(folder: Path, row: Stimulus) -> bytes:
    path = image_path(folder, row.images[0])
    return path.read_bytes() if path else b""


def place(crop: Crop) -> str:
    """A crop in a sentence."""
    return f"`{crop.source.name}` at {crop.x},{crop.y}"


def _some(names: Iterable[str]) -> str:
    first, *others = names
    return f"`{first}`" + (f" and {len(others)} more" if others else "")
