"""What a paper has to report of a subjective test, filled from what was recorded; "not recorded" where nothing was.

The items follow what ITU-R BT.500 and ITU-T P.910 ask a report to state, in our own words. Nothing is guessed: an
answer names the file that it comes from, and what no file tells is to be written by those who ran the study.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from analysis.answers import Answer, Study
from analysis.findings import Findings
from analysis.recorded import Recorded
from analysis.references import REFERENCES

NOT_RECORDED = "not recorded"
SOURCES = (REFERENCES["bt500"], REFERENCES["p910"])


@dataclass(frozen=True)
class Item:
    """One thing to report: what it is, the answer, and the file that told it (empty: none did)."""

    name: str
    answer: str
    file: str

    @property
    def told(self) -> bool:
        """Whether anything was recorded."""
        return bool(self.answer)

    @property
    def words(self) -> str:
        """The answer, or that there is none."""
        return self.answer or NOT_RECORDED


@dataclass(frozen=True)
class Group:
    """Items under one heading."""

    heading: str
    items: tuple[Item, ...]


Asked = Mapping[str, Mapping[str, Callable[[Study], Answer]]]

ITEMS: Asked = {
    "Observers": {
        "Number of participants": Study.number_of_participants,
        "How sessions ended": Study.outcomes,
        "How participants were recruited": Study.nothing,
        "Expertise": Study.nothing,
        "Ages": lambda of: of.share_of("age_band"),
        "Sight": lambda of: of.share_of("vision"),
        "Colour vision": Study.colour_plates,
        "Languages of the pages": lambda of: of.share_of("language"),
        "Pay": lambda of: of.text("pay"),
    },
    "Screening": {
        "Rules, limits and who was left out": Study.screening,
        "Catch trials": Study.catches,
        "Screening during the study": Study.screening_live,
        "Votes left out": Study.left_out,
    },
    "Ethics": {
        "Consent": Study.consent,
        "Withdrawals": Study.withdrawals,
        "Approval by a review board": Study.nothing,
        "Who answers questions": lambda of: of.setting("study", "contact"),
    },
    "Display and viewing": {
        "Displays": lambda of: of.share_of("display"),
        "Resolution of the screens": Study.screens,
        "Pixels a degree of visual angle": lambda of: of.spread("pixels_per_degree", "pixels a degree"),
        "Viewing distance": lambda of: of.spread("distance_mm", "mm"),
        "Device pixels for an image pixel": Study.magnification,
        "Images shown pixel for pixel": Study.pixel_exact,
        "Colour depth and gamut": Study.colour,
        "Browsers": lambda of: of.share_of("browser"),
        "Luminance and calibration of the display": Study.nothing,
        "Light in the room": Study.nothing,
    },
    "Stimuli": {
        "Sources": Study.sources,
        "Size of what was shown": Study.crops,
        "Conditions": Study.conditions,
        "Encoders": Study.encoders,
        "Bits per pixel": Study.bits,
        "How sources were chosen": Study.nothing,
    },
    "Method": {
        "Comparison": Study.method,
        "Question": Study.question,
        "Reference": Study.reference,
        "Magnifying": Study.loupe,
        "Minimum viewing time": Study.minimum_view,
    },
    "Design": {
        "Votes a pair": Study.votes_a_pair,
        "Trials a participant": Study.trials,
        "Choice of pairs": Study.strategy,
        "Order and sides": Study.randomisation,
        "Repeated and identical pairs": Study.control_trials,
        "Pairs named beforehand": Study.primary,
        "Preregistration": Study.nothing,
    },
    "Training and sessions": {
        "Instructions": lambda of: of.text("instructions"),
        "Practice": Study.practice,
        "Breaks": Study.breaks,
        "Duration of a session": Study.duration,
        "Time of an answer": Study.response_time,
        "When votes were cast": Study.dates,
    },
    "Processing and results": {
        "Model, intervals and tests": lambda _: ("see the methods", "votes.csv"),
        "Agreement of participants": Study.agreement,
        "Votes": lambda of: (f"SHA-256 {of.findings.selection.rated.sha256}", "votes.csv"),
        "Files beside the votes that were left aside": Study.left_aside,
        "Where the data can be had": Study.nothing,
    },
}


def checklist(findings: Findings, known: Recorded) -> tuple[Group, ...]:
    """Return every item with its answer; those that no file could tell are there, too."""
    of = Study(findings, known)
    return tuple(
        Group(heading, tuple(Item(name, *answer(of)) for name, answer in items.items()))
        for heading, items in ITEMS.items()
    )
