"""All pictures of a report, and their files."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from analysis.findings import Findings
from analysis.pictures.canvas import Picture
from analysis.pictures.drawing import png, svg
from analysis.pictures.looks import colours
from analysis.pictures.metrics import metrics_picture
from analysis.pictures.raters import raters_picture
from analysis.pictures.ratings import rate_picture, ratings_picture
from analysis.pictures.residuals import residual_picture
from analysis.pictures.sources import sources_picture
from analysis.pictures.verdicts import verdict_picture
from analysis.pictures.wins import wins_picture
from analysis.rating import Scale, bounds

FOLDER = "pictures"
Found = tuple[Picture | None, ...]


@dataclass(frozen=True)
class Album:
    """The pictures of a report; None where there is nothing to draw. Those of a scale stand in the order of the scales.

    `ratings` are by the report's method, `elo` by the paper-comparable one, on the same axis.
    """

    simulated: bool
    ratings: Found
    elo: Found
    wins: Found
    sources: Found
    verdicts: Found
    residuals: Found
    rates: Picture | None
    metrics: Picture | None
    raters: Picture | None

    def __iter__(self) -> Iterator[Picture]:
        of_scales = zip(self.ratings, self.elo, self.wins, self.sources, self.verdicts, self.residuals, strict=True)
        every = chain(chain.from_iterable(of_scales), (self.rates, self.metrics, self.raters))
        return (picture for picture in every if picture is not None)

    @cached_property
    def files(self) -> dict[str, bytes]:
        """Every picture as SVG and as PNG, by its path in the report's folder."""
        return files(self, simulated=self.simulated)


def album(findings: Findings) -> Album:
    """Draw everything that a report has pictures of."""
    scales, judgement = findings.scales, findings.judgement
    rated = findings.settings.method
    palette = colours([item for scale in scales for item in scale.counts.items])
    beside = [_beside(scale, (rated, "elo")) for scale in scales]
    sources = findings.selection.rated.sources
    return Album(
        simulated=findings.simulated,
        ratings=tuple(ratings_picture(scale, rated, palette, ends) for scale, ends in zip(scales, beside, strict=True)),
        elo=tuple(ratings_picture(scale, "elo", palette, ends) for scale, ends in zip(scales, beside, strict=True)),
        wins=tuple(map(wins_picture, scales)),
        sources=tuple(sources_picture(scale, sources, palette) for scale in scales),
        verdicts=tuple(map(verdict_picture, judgement.judged)),
        residuals=tuple(map(residual_picture, judgement.checks)),
        rates=rate_picture(scales, findings.measures, palette),
        metrics=metrics_picture(findings.metrics) if findings.metrics else None,
        raters=raters_picture(findings.quality.screening),
    )


def _beside(scale: Scale, methods: Sequence[str]) -> list[float]:
    """Return what the axes of both pictures of ratings hold, where they have the same unit and the same zero."""
    if not scale.fit or scale.settings.unit != "elo" or scale.anchor is not None:
        return []
    return [float(end) for method in methods for ends in bounds(scale, method)[:3] for end in ends]


def files(pictures: Iterable[Picture], *, simulated: bool) -> dict[str, bytes]:
    """Return each picture as `pictures/NAME.svg` and `pictures/NAME.png`.

    Two are painted at a time: the painter is compiled, and takes some 40 ms each.
    """
    drawn = {picture.name: svg(picture, simulated=simulated) for picture in pictures}
    with ThreadPoolExecutor(2) as pool:
        painted = dict(zip(drawn, pool.map(png, drawn.values()), strict=True))
    return {
        f"{FOLDER}/{name}.{suffix}": data
        for name in drawn
        for suffix, data in (("svg", drawn[name].encode()), ("png", painted[name]))
    }
