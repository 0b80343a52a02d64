"""The tables of study.toml as frozen structs: every key with its type, its range and its default."""

from typing import Annotated, Any, Literal

import msgspec

Kind = Literal["compare", "label"]
AsksFor = Literal["prefer", "closer", "more_different"]
ReferenceMode = Literal["always", "on_demand", "never"]
Layout = Literal["side_by_side", "flip", "flip_reference", "flicker", "flicker_reference"]
View = Literal["crop", "context"]
Strategy = Literal["balanced", "full", "adaptive"]
Rates = Literal["within", "across"]
Interval = Literal["both", "participants", "sources", "votes"]
Language = Literal["en", "de", "ar"]
Line = Annotated[str, msgspec.Meta(max_length=300)]
Prose = Annotated[str, msgspec.Meta(max_length=20_000)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]

RULES = ("catch_accuracy", "identical_side", "repeats", "time", "flips", "likelihood")
"""The names of `analysis.screening`: those of `analysis report --screen`."""
IN_PLACE = ("flip", "flip_reference", "flicker")
"""Layouts that show both candidates in one place, one after the other."""


class Study(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked, of whom, and what is in view."""

    name: str = ""
    kind: Kind = "compare"
    asks_for: AsksFor = "prefer"
    or_asks_for: AsksFor | Literal[""] = ""
    reference: ReferenceMode = "always"
    languages: tuple[Language, ...] = ("en",)
    layout: Layout = "side_by_side"
    flicker_ms: Annotated[int, msgspec.Meta(ge=167, le=5000)] = 500
    view: View = "crop"
    loupe: bool = False
    mark_region: bool = False
    not_sure: bool = False
    device_pixels_per_pixel: Annotated[int, msgspec.Meta(ge=1, le=8)] | Literal["auto"] = 1
    phones: bool = False
    contact: Line = ""


class Design(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many trials, of which kinds, in which order."""

    seed: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 1
    trials: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 60
    strategy: Strategy = "balanced"
    random_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.25
    rates: Rates = "within"
    block: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20
    practice: Annotated[int, msgspec.Meta(ge=0, le=20)] = 2
    practice_rounds: Annotated[int, msgspec.Meta(ge=1, le=5)] = 2
    catch_rate: Share = 0.1
    identical_rate: Share = 0.05
    repeat_rate: Share = 0.05
    minimum_view_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 500
    participants: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    votes_per_pair: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    resume_hours: Annotated[float, msgspec.Meta(ge=0.1, le=720)] = 2.0


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What participants may say of themselves and their screen before they begin; each answer may be left out."""

    age: bool = False
    vision: bool = False
    display: bool = False
    colour_plates: Annotated[int, msgspec.Meta(ge=0, le=6)] = 0
    screen_size: bool = False


class Screening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a session ends early: after a warning."""

    catches_missed: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0


class Analysis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is decided before the first vote: how the votes will be judged, and when anybody may look."""

    primary: tuple[Line, ...] = ()
    alpha: Annotated[float, msgspec.Meta(gt=0, lt=0.5)] = 0.05
    interval: Interval = "both"
    screening: tuple[Line, ...] = ()
    wished: Annotated[float, msgspec.Meta(gt=0, le=10_000)] = 50.0
    looks: tuple[Annotated[int, msgspec.Meta(ge=1, le=1_000_000)], ...] = ()

    @property
    def looks_in_all(self) -> int:
        """How many looks share alpha: those at `looks`, and the one after the study has closed."""
        return len(self.looks) + 1


class Links(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a participant goes afterwards."""

    completion: Line = ""
    screen_out: Line = ""


class Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the pages say in one language; an empty text is the default one (that of `pay` says nothing)."""

    title: Line = ""
    pay: Line = ""
    question: Line = ""
    or_question: Line = ""
    consent: Prose = ""
    instructions: Prose = ""
    or_instructions: Prose = ""
    thanks: Prose = ""
    screened_out: Prose = ""


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole study.toml."""

    study: Study = Study()
    design: Design = Design()
    ask: Ask = Ask()
    screening: Screening = Screening()
    analysis: Analysis = Analysis()
    links: Links = Links()
    texts: Texts = Texts()
    translations: dict[Language, Texts] = {}


def tables(spec: Spec) -> dict[str, dict[str, Any]]:
    """Every table of the file by its dotted name."""
    found: dict[str, dict[str, Any]] = msgspec.to_builtins(spec)
    translations = found.pop("translations")
    return found | {f"translations.{language}": texts for language, texts in translations.items()}


def struct(table: str) -> Any:
    """The struct of a table by its dotted name; the whole file's for every other name."""
    if table.partition(".")[0] == "translations":
        return Texts
    found = {field.name: field.type for field in msgspec.structs.fields(Spec)}.get(table, Spec)
    return found if isinstance(found, type) else Spec


def keys(table: str) -> list[str]:
    """The keys of a table."""
    return [field.name for field in msgspec.structs.fields(struct(table))]
