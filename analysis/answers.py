"""Answers to what a checklist asks of a study, each with the file that told it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import TypeGuard

import numpy as np

from analysis.files import Table, number
from analysis.findings import Findings
from analysis.recorded import Recorded

Answer = tuple[str, str]  # what was recorded, and the file that says so; both empty where nothing does
NOTHING: Answer = ("", "")


@dataclass(frozen=True)
class Study:
    """What is known of one study; every method without a name in its brackets answers one item."""

    findings: Findings
    known: Recorded

    def nothing(self) -> Answer:
        """Answer what no file ever tells."""
        return NOTHING

    def setting(self, section: str, name: str) -> Answer:
        """Answer with a setting of the frozen study, where it is not empty."""
        value = self.known.setting(section, name)
        return (str(value), "design.toml") if value not in (None, "") else NOTHING

    def text(self, name: str) -> Answer:
        """Answer with a text of the frozen study, in quotes, on one line."""
        value = self.known.setting("texts", name)
        return (f"“{' '.join(str(value).split())}”", "design.toml") if value else NOTHING

    def column(self, name: str) -> list[str]:
        """Return what sessions.csv says of the sessions behind the rated votes; cells that say nothing are left out."""
        table = self.known.sessions
        if table is None or name not in table.columns:
            return []
        voted = set(zip(*_voters(self.findings), strict=True))
        cells = zip(table.columns["participant"], table.columns["session"], table.columns[name], strict=True)
        return [cell for who, session, cell in cells if cell and ((who, session) in voted or (who, "") in voted)]

    def votes_that(self, name: str) -> Mapping[str, int]:
        """Return how many of the rated votes say what of themselves in a column."""
        return self.known.circumstances.get(name, {})

    def share_of(self, name: str) -> Answer:
        """Answer with how many sessions said what."""
        said = self.column(name)
        if not said:
            return NOTHING
        unsaid = self.sessions_behind() - len(said)
        more = f"; {unsaid} said nothing" if unsaid > 0 else ""
        return _counted(said, "sessions") + more, "sessions.csv"

    def sessions_behind(self) -> int:
        """Return how many sessions of sessions.csv are behind the rated votes."""
        return len(self.column("session"))

    def spread(self, name: str, unit: str) -> Answer:
        """Answer with the median and the range of a number of each session."""
        values = [float(cell) for cell in self.column(name)]
        return (f"{_range(values)} {unit}, from {len(values)} sessions", "sessions.csv") if values else NOTHING

    def number_of_participants(self) -> Answer:
        """Answer: number of participants."""
        people = len(np.unique(self.findings.selection.rated.participant))
        before = len(np.unique(self.findings.everybody.rated.participant))
        kind = "simulated participants; no person took part" if self.findings.simulated else "participants"
        return f"{people} {kind}" + (f" (of {before} before screening)" if before != people else ""), "votes.csv"

    def outcomes(self) -> Answer:
        """Answer: outcomes."""
        table = self.known.sessions
        return (_counted(table.columns["outcome"], "sessions"), "sessions.csv") if _has(table, "outcome") else NOTHING

    def colour_plates(self) -> Answer:
        """Answer: colour plates."""
        shown, right = self.column("plates_shown"), self.column("plates_right")
        if not shown or len(shown) != len(right) or not any(map(int, shown)):
            return NOTHING
        missed = sum(int(a) < int(b) for a, b in zip(right, shown, strict=True))
        return f"{len(shown)} sessions were shown plates, {missed} of them missed one or more", "sessions.csv"

    def screening(self) -> Answer:
        """Answer: screening."""
        screening = self.findings.quality.screening
        chosen = [v for v in screening.verdicts if v.rule.chosen]
        if not chosen:
            return "no rule was chosen, nobody was left out", "quality.csv"
        rules = "; ".join(
            f"{v.rule.name} {'above' if v.rule.above else 'below'} {v.rule.limit:g}: {v.excluded.sum()} of {v.checked}"
            for v in chosen
        )
        return f"{rules}. Left out: {int(screening.excluded.sum())} participants", "quality.csv"

    def catches(self) -> Answer:
        """Answer: catches."""
        share = self.findings.quality.screening.raters.overall.catches
        if not share.trials:
            return NOTHING
        low, high = share.ends
        return f"{share.hits} of {share.trials} right ({low:.0%} to {high:.0%})", "votes.csv"

    def screening_live(self) -> Answer:
        """Answer: screening live."""
        limit = self.known.setting("screening", "catches_missed")
        if limit is None:
            return NOTHING
        return (
            f"a warning after {limit} missed catch trials, the end after one more" if limit else "none"
        ), "design.toml"

    def left_out(self) -> Answer:
        """Answer: left out."""
        out = self.findings.selection.left_out
        return "; ".join(f"{one.votes}: {one.reason}" for one in out) or "none", "votes.csv"

    def consent(self) -> Answer:
        """Answer: consent."""
        return self.text("consent")

    def withdrawals(self) -> Answer:
        """Answer: withdrawals."""
        table = self.known.sessions
        if not _has(table, "outcome"):
            return NOTHING
        return f"{table.columns['outcome'].count('withdrawn')} of {len(table)} sessions", "sessions.csv"

    def screens(self) -> Answer:
        """Answer: screens."""
        widths, heights = self.column("screen_width"), self.column("screen_height")
        if not widths or len(widths) != len(heights):
            return NOTHING
        sizes = [f"{a} x {b}" for a, b in zip(widths, heights, strict=True)]
        return f"in CSS pixels: {_counted(sizes, 'sessions', 5)}", "sessions.csv"

    def magnification(self) -> Answer:
        """Answer: magnification."""
        found = self.votes_that("device_pixels_per_pixel")
        return (_counted(found, "votes"), "votes.csv") if found else NOTHING

    def pixel_exact(self) -> Answer:
        """Answer: pixel exact."""
        exact = self.votes_that("pixel_exact")
        told = f"{exact.get('1', 0)} of {sum(exact.values())} votes, as the page measured"
        return (told, "votes.csv") if exact else NOTHING

    def colour(self) -> Answer:
        """Answer: colour."""
        depth, gamut = self.column("colour_depth"), self.column("colour_gamut")
        told = [f"{unit} {_counted(cells, 'sessions')}" for cells, unit in ((depth, "bits"), (gamut, "gamut")) if cells]
        return ("; ".join(told), "sessions.csv") if told else NOTHING

    def sources(self) -> Answer:
        """Answer: sources."""
        rated = self.findings.selection.rated
        many = len(np.unique(rated.source[rated.source >= 0]))
        if not many:
            return NOTHING
        tags = sorted({str(tag) for tag in rated.frame["tag"].unique() if tag})
        return f"{many} images" + (f", tagged {', '.join(tags)}" if tags else ""), "votes.csv"

    def crops(self) -> Answer:
        """Answer: crops."""
        frame = self.findings.selection.rated.frame[["crop_width", "crop_height"]].dropna()
        if frame.empty:
            return NOTHING
        often = frame.groupby(list(frame.columns)).size().reset_index(name="votes")
        sizes = {f"{number(width)} x {number(height)}": int(n) for width, height, n in often.itertuples(index=False)}
        return f"in image pixels: {_counted(sizes, 'votes', 5)}", "votes.csv"

    def conditions(self) -> Answer:
        """Answer: conditions."""
        names = [item.condition for scale in self.findings.scales for item in scale.counts.items]
        return f"{len(names)}: {_listed(names)}", "votes.csv"

    def encoders(self) -> Answer:
        """Answer: encoders."""
        table = self.findings.asked.stimuli
        if not _has(table, "encoder"):
            return NOTHING
        rated = {item.condition for scale in self.findings.scales for item in scale.counts.items}
        used = zip(table.columns["condition"], table.columns["encoder"], strict=True)
        return _listed(
            sorted({encoder for condition, encoder in used if encoder and condition in rated})
        ), "stimuli.csv"

    def bits(self) -> Answer:
        """Answer: bits."""
        measures = self.findings.measures
        if measures is None:
            rates = [rate for scale in self.findings.scales for rate in scale.counts.rates if rate is not None]
            return (f"aimed at {', '.join(map(number, rates))}", "votes.csv") if rates else NOTHING
        told = [
            f"{condition} {means['bpp']:.3f}" for (_, condition), means in measures.mean.items() if means.get("bpp")
        ]
        return (f"means over the images shown: {_listed(sorted(told))}", "stimuli.csv") if told else NOTHING

    def method(self) -> Answer:
        """Answer: method."""
        asked = self.findings.selection.asked
        unsure = self.known.setting("study", "not_sure")
        if (self.findings.selection.rated.outcome == 0).any():
            unsure = True
        layout = asked["layout"].replace("_", " ") if asked["layout"] not in ("", "unknown") else ""
        choice = {True: ", with “not sure” as an answer", False: ", one of which had to be chosen"}.get(unsure, "")
        view = f", {asked['view']} in view" if asked["view"] else ""
        return "paired comparison of two images" + choice + (f"; {layout}{view}" if layout else ""), "votes.csv"

    def question(self) -> Answer:
        """Answer: question."""
        wording = self.text("question")
        asked = self.findings.selection.asked["asks_for"].replace("_", " ")
        return (f"{wording[0]} ({asked})", "design.toml") if wording[0] else (asked, "votes.csv" if asked else "")

    def reference(self) -> Answer:
        """Answer: reference."""
        mode = self.findings.selection.asked["reference"]
        words = {"always": "always in view", "on_demand": "in view on demand", "never": "never in view"}
        return (words[mode], "votes.csv") if mode else NOTHING

    def loupe(self) -> Answer:
        """Answer: loupe."""
        used, allowed = self.votes_that("zoomed"), self.known.setting("study", "loupe")
        if used:
            return f"used in {used.get('1', 0)} of {sum(used.values())} votes", "votes.csv"
        return ("allowed" if allowed else "not allowed", "design.toml") if allowed is not None else NOTHING

    def minimum_view(self) -> Answer:
        """Answer: minimum view."""
        value, file = self.setting("design", "minimum_view_ms")
        return (f"{value} ms for each candidate", file) if value else NOTHING

    def votes_a_pair(self) -> Answer:
        """Answer: votes a pair."""
        votes = [int(n) for scale in self.findings.scales for n in scale.counts.table.sum(axis=1)]
        every = sum(len(scale.counts.items) * (len(scale.counts.items) - 1) // 2 for scale in self.findings.scales)
        missing = f"; {every - len(votes)} pairs have none" if every > len(votes) else ""
        return f"{_range(votes)}, over {len(votes)} pairs{missing}", "votes.csv"

    def trials(self) -> Answer:
        """Answer: trials."""
        votes = np.unique(self.findings.selection.rated.participant, return_counts=True)[1]
        most = self.known.setting("design", "trials")
        planned = f"; at most {most} planned" if most else ""
        return f"{_range(votes.tolist())} rated votes{planned}", "design.toml" if most else "votes.csv"

    def strategy(self) -> Answer:
        """Answer: strategy."""
        names = sorted({str(name) for name in self.findings.selection.rated.frame["strategy"].unique() if name})
        return (", ".join(names), "votes.csv") if names else self.setting("design", "strategy")

    def randomisation(self) -> Answer:
        """Answer: randomisation."""
        seed = self.known.setting("design", "seed")
        if seed is not None:
            return f"drawn for each participant, seed {seed}", "design.toml"
        if self.findings.selection.asked["layout"] == "unknown":
            return "the file does not say which image stood on which side", "votes.csv"
        return NOTHING

    def control_trials(self) -> Answer:
        """Answer: control trials."""
        overall = self.findings.quality.screening.raters.overall
        told = []
        if overall.repeats.trials:
            told.append(f"{overall.repeats.hits} of {overall.repeats.trials} repeats had the same answer")
        if overall.identical.trials:
            share = overall.identical
            told.append(f"of {share.trials} votes between identical images {share.hits} were for the left one")
        return ("; ".join(told), "votes.csv") if told else NOTHING

    def primary(self) -> Answer:
        """Answer: primary."""
        named = self.findings.asked.primary
        return (
            ("; ".join(f"{a} and {b}" for a, b in named), "the command")
            if named
            else ("none were named", "the command")
        )

    def practice(self) -> Answer:
        """Answer: practice."""
        trials, rounds = (self.known.setting("design", name) for name in ("practice", "practice_rounds"))
        if trials is None:
            return NOTHING
        return f"{trials} trials with feedback, in {rounds} rounds at most" if trials else "none", "design.toml"

    def breaks(self) -> Answer:
        """Answer: breaks."""
        block = self.known.setting("design", "block")
        return (f"after {block} trials at most", "design.toml") if block else NOTHING

    def duration(self) -> Answer:
        """Answer: duration."""
        minutes = list(_minutes(self.known.sessions)) if _has(self.known.sessions, "ended_at") else []
        if not minutes:
            return NOTHING
        return f"{_range(minutes, 1)} minutes, of {len(minutes)} complete sessions", "sessions.csv"

    def response_time(self) -> Answer:
        """Answer: response time."""
        times = self.findings.selection.rated.frame["response_ms"].dropna().to_numpy(float) / 1000
        if not times.size:
            return NOTHING
        low, middle, high = np.quantile(times, [0.25, 0.5, 0.75])
        return f"median {middle:.1f} s, middle half {low:.1f} to {high:.1f} s", "votes.csv"

    def dates(self) -> Answer:
        """Answer: dates."""
        days = sorted(self.votes_that("voted_at"))
        if not days:
            return NOTHING
        return days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}", "votes.csv"

    def left_aside(self) -> Answer:
        """Answer which files beside the votes were not used, and why."""
        return ("; ".join(self.known.notes), "design.toml") if self.known.notes else ("none", "the report")

    def agreement(self) -> Answer:
        """Answer: agreement."""
        agreed = self.findings.quality.agreement
        if agreed.over == "none":
            return NOTHING
        return f"Krippendorff's alpha {agreed.alpha:.3f} ({agreed.low:.3f} to {agreed.high:.3f})", "agreement.csv"


def _voters(findings: Findings) -> tuple[list[str], list[str]]:
    """Return the participant and the session of each rated vote."""
    rated = findings.selection.rated
    names = np.array(rated.participants, object)[rated.participant]
    return names.tolist(), rated.frame["session"].tolist()


def _has(table: Table | None, column: str) -> TypeGuard[Table]:
    return table is not None and column in table.columns


def _minutes(sessions: Table | None) -> Iterator[float]:
    """Give how long each complete session took."""
    if sessions is None:
        return
    columns = [sessions.columns[name] for name in ("started_at", "ended_at", "outcome")]
    for began, ended, outcome in zip(*columns, strict=True):
        if began and ended and outcome == "complete":
            begin, end = (datetime.fromisoformat(cell) for cell in (began, ended))
            yield (end - begin).total_seconds() / 60


def _counted(cells: Sequence[str] | Mapping[str, int], unit: str, most: int = 12) -> str:
    """Return how often each cell is there, most frequent first: "normal (24 sessions), corrected (3)"."""
    ranked = sorted(Counter(cells).items(), key=lambda entry: (-entry[1], entry[0]))
    more = f" and {len(ranked) - most} others" if len(ranked) > most else ""
    first = unit if ranked and ranked[0][1] != 1 else unit.removesuffix("s")
    units = [f" {first}", *[""] * len(ranked)]
    return ", ".join(f"{cell} ({n}{of})" for (cell, n), of in zip(ranked[:most], units, strict=False)) + more


def _listed(names: Sequence[str], most: int = 40) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _range(values: Sequence[float], digits: int = 0) -> str:
    """Return the median and the range of some numbers."""
    low, middle, high = min(values), median(values), max(values)
    told = [format(round(value, digits), ".10g") for value in (middle, low, high)]
    return told[0] if low == high else f"median {told[0]}, from {told[1]} to {told[2]}"
