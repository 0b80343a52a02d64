"""Who looks how: one colour and one shape a codec in every picture of a report, and names that fit beside one."""

from collections.abc import Mapping, Sequence

from analysis.votes import Item

# Okabe and Ito 2008 ("Color universal design"), without black and yellow, which vanish on one of the two grounds.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
SHAPES = ("circle", "square", "diamond", "triangle", "wedge", "cross")
PLAIN = "currentColor"
LONGEST = 22  # letters of a name; the full one is in the description

Palette = Mapping[str, str]


def colours(items: Sequence[Item]) -> Palette:
    """Return a colour a codec (a condition that names none counts as its own), the same in every picture of a report.

    With more codecs than colours that eyes can tell apart all are drawn in the text's colour: the names say which is
    which.
    """
    families = sorted({family(item) for item in items})
    if len(families) > len(PALETTE):
        return dict.fromkeys(families, PLAIN)
    return dict(zip(families, PALETTE, strict=False))


def family(item: Item) -> str:
    """Return the codec of an item, or its condition where the votes name no codec."""
    return item.codec or item.condition


def look(item: Item, palette: Palette) -> tuple[str, str]:
    """Return the colour and the shape of an item's codec; the shape tells it to whoever sees no colours."""
    colour = palette.get(family(item), PLAIN)
    return colour, SHAPES[PALETTE.index(colour)] if colour in PALETTE else SHAPES[0]


def short(name: str, longest: int = LONGEST, tail: int = 6) -> str:
    """Return a name that fits beside a picture: its beginning and its end."""
    return name if len(name) <= longest else f"{name[: longest - tail - 1]}…{name[-tail:]}"


def short_names(names: Sequence[str]) -> list[str]:
    """Return names that fit beside a picture, and that differ where the names do: with a longer end, or at full length.

    Where none of that is short enough they are as long as they have to be.
    """
    for longest in range(LONGEST, max(map(len, names)) + LONGEST, 6):
        for tail in range(6, longest - 6, 4):
            found = [short(name, longest, tail) for name in names]
            if len(set(found)) == len(set(names)):
                return found
    return list(names)
