"""What stands in a model's file beside its numbers: where they came from, how good they are, and what they are not."""

from typing import Annotated

import msgspec

FORMAT = "conha-preference-1"
SAMPLING = (
    "not known: labels.csv does not say how pairs were drawn; if by an adaptive study, shares and measures are of the"
    " crops that it asked about most, not of all crops alike"
)
LIMITS = (
    "It tells what these participants preferred for this pair of conditions, on crops like these. It does not know what"
    " matters in a picture: text, faces, medicine and evidence need rules of their own."
)
Digest = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64})?$")]


class Trained(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source that was learned from: its pixels, how it looks, and the fold whose head has not seen it."""

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    looks: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{128}$")]
    fold: Annotated[int, msgspec.Meta(ge=0)]


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A measure with its interval, empty where there is none."""

    evaluation: str
    predictor: str
    measure: str
    value: str
    low: str
    high: str


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model's provenance."""

    format: str
    simulated: bool  # no person cast the votes
    backbone: str
    weights_file: str
    weights_sha256: Digest
    width: Annotated[int, msgspec.Meta(ge=1)]  # features
    margin: int  # pixels that are seen beyond a crop on every side
    crop_width: Annotated[int, msgspec.Meta(ge=1)]  # of most labelled crops
    crop_height: Annotated[int, msgspec.Meta(ge=1)]
    hallucinated: str
    faithful: str
    rate: str
    asks_for: str
    reference: str
    layout: str
    view: str
    studies: tuple[str, ...]
    labels_sha256: Digest
    votes_sha256: tuple[str, ...]
    crops: int
    votes: int
    hallucinated_share: float  # of all votes, not sure half to each
    groups: int  # of sources that look alike
    folds: int
    seed: int
    ridge: float
    slope: float  # of the calibration
    shift: float
    evaluation: tuple[Measured, ...]
    sources: tuple[Trained, ...]
    sampling: str = SAMPLING
    limits: str = LIMITS


def described(card: Card) -> str:
    """The card as text of a page's width."""
    marks = ["SIMULATED: no person cast the votes that this model was made from.\n"] if card.simulated else []
    rate = f" at {card.rate} bpp" if card.rate else ""
    labels = (
        f"{card.votes} votes on {card.crops} crops of {len(card.sources)} sources ({card.groups} that look different);"
        f" {100 * card.hallucinated_share:.1f}% for the hallucinated side"
    )
    weights = f"{card.weights_file} {card.weights_sha256[:16]}..." if card.weights_file else "untrained"
    lines = [
        ("predicts", f"the share of votes for {card.hallucinated} against {card.faithful}{rate}"),
        ("question", f"{card.asks_for}, reference {card.reference}, {card.layout}, view {card.view}"),
        ("labels", labels),
        ("crops", f"{card.crop_width}x{card.crop_height} pixels, seen with a margin of {card.margin}"),
        ("backbone", f"{card.backbone}, {card.width} features, {weights}"),
        ("head", f"linear, ridge {card.ridge:g}, calibrated by slope {card.slope:.3f} and shift {card.shift:+.3f}"),
        ("studies", ", ".join(card.studies)),
        ("labels.csv", card.labels_sha256),
        ("votes.csv", ", ".join(card.votes_sha256)),
        ("sampling", card.sampling),
        ("limits", card.limits),
    ]
    told = [f"{name:<11} {text}" for name, text in lines]
    told += [""] + [
        f"{one.evaluation:<27} {one.predictor:<18} {one.measure:<18} {interval(one.value, one.low, one.high)}"
        for one in card.evaluation
    ]
    return "\n".join([*marks, *told])


def interval(value: str, low: str, high: str) -> str:
    """A value and its interval with three decimals."""
    if not value:
        return "-"
    return f"{float(value):.3f}" + (f" [{float(low):.3f}, {float(high):.3f}]" if low and high else "")
