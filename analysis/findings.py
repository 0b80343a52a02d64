"""Everything that a report tells, computed once: who is left out, ratings, verdicts, checks, raters and metrics."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from analysis.elo import replayed
from analysis.files import Refusal, Table
from analysis.judgement import Judgement, judge
from analysis.linking import comparable
from analysis.metric_values import measure
from analysis.metrics import MetricAgreement, metric_agreement
from analysis.quality import Quality, quality
from analysis.rating import Scale, Settings
from analysis.selection import Selection
from analysis.stimuli import Measures, measured
from analysis.verdicts import Primary

STEPS = 7  # how often `done` hears of every vote: Elo, raters, four times verdicts, metrics


@dataclass(frozen=True)
class Asked:
    """What a report was asked to tell, beside how ratings are made.

    `screen` maps exclusion rules to limits, `primary` holds the pairs that were named beforehand. `stimuli` and
    `sessions` are the study's tables; metrics in `lower` and `higher` say which end of theirs is better.
    """

    screen: Mapping[str, float] = field(default_factory=dict)
    primary: Primary = ()
    stimuli: Table | None = None
    sessions: Table | None = None
    lower: Sequence[str] = ()
    higher: Sequence[str] = ()


@dataclass(frozen=True)
class Findings:
    """All that a report knows. `everybody` is the selection before exclusions, `selection` what the ratings rest on.

    `metrics` is None for the reason `no_metrics`.
    """

    asked: Asked
    settings: Settings
    everybody: Selection
    selection: Selection
    scales: tuple[Scale, ...]
    judgement: Judgement
    quality: Quality
    measures: Measures | None = None
    metrics: MetricAgreement | None = None
    no_metrics: str = ""

    @property
    def simulated(self) -> bool:
        """Whether no person cast these votes."""
        return self.selection.rated.simulated


def gather(
    everybody: Selection, settings: Settings, asked: Asked | None = None, done: Callable[[int], None] = lambda _: None
) -> Findings:
    """Compute a report of the selected votes; `settings.elo.seed` seeds all that is drawn.

    Raises `Refusal` for what a command refuses: an exclusion rule without a place here, a primary pair on no scale,
    stimuli that are not those of the votes. `done` hears of votes, `STEPS` times each.
    """
    asked, seed = asked or Asked(), settings.elo.seed
    everybody = comparable(everybody, settings.model)
    known = quality(everybody, asked.screen, settings, seed=seed)
    done(len(everybody.rated))
    selection = comparable(known.screening.kept, settings.model)
    measures = measured(asked.stimuli, selection.rated) if asked.stimuli else None
    scales = tuple(
        replace(scale, elo=replayed(scale.counts, settings.elo, done) if scale.fit else None)
        for scale in known.with_kept
    )
    placeless = _placeless(selection)
    judgement = judge(
        placeless,
        settings,
        primary=asked.primary,
        measures=measures,
        sessions=asked.sessions,
        seed=seed,
        scales=scales,
        done=done,
    )
    metrics, why = _metrics(placeless, settings, asked, done)
    return Findings(asked, settings, everybody, selection, scales, judgement, known, measures, metrics, why)


def _placeless(selection: Selection) -> Selection:
    """Return the selection with the bare name of its file, since reasons that name it are told wherever it lies."""
    name = Path(selection.rated.path.name)
    return replace(selection, rated=replace(selection.rated, path=name), others=replace(selection.others, path=name))


def _metrics(
    selection: Selection, settings: Settings, asked: Asked, done: Callable[[int], None]
) -> tuple[MetricAgreement | None, str]:
    """Return what metrics say, or why they say nothing; a metric that is named and not there is refused."""
    if asked.stimuli is None:
        return None, "no stimuli.csv was given, which would hold the metrics of the images that were shown"
    stimuli = replace(asked.stimuli, path=Path(asked.stimuli.path.name))
    missing = [name for name in (*asked.lower, *asked.higher) if name not in stimuli.columns]
    if missing:
        raise Refusal(f"{asked.stimuli.path} has no metric {missing[0]}; name one of its columns.")
    try:
        found = metric_agreement(
            selection,
            lambda rated: measure(stimuli, rated, asked.lower, asked.higher),
            over=settings.over,
            seed=settings.elo.seed,
            done=done,
        )
    except Refusal as refusal:
        return None, refusal.message.rstrip(".")
    return found, ""
