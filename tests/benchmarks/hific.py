"""HiFiC's public votes again, with four kinds of bars: `python -m tests.benchmarks.hific FOLDER [--picture bars.svg]`.

FOLDER holds CSV files in the form that docs/formats.md calls `hific` (rater, seq, image, x, y, w, h, winner, loser,
random_choice), one or several with the same header; others in it are passed by. Each method's rating stands once, with
95% intervals that speak for other raters and other images, for other raters, for other images, and for more votes of
these raters on these images.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import click
import numpy as np

from analysis.convert import convert
from analysis.counts import Counts, count
from analysis.fitting import fitted, why_not
from analysis.intervals import OVERS, uncertainty
from analysis.models import DEFAULT
from analysis.rating import best_first
from analysis.selection import Selection, select
from analysis.votes import Floats, parse_votes

COLUMNS = {"rater", "image", "winner", "loser", "random_choice"}
WAYS = ("two-way", "raters", "images", "votes")
"""What `OVERS` are to these votes."""
LEFT, WIDTH, TOP, TALL = 190, 560, 40, 46  # of the picture, in pixels; a row is TALL
COLOURS = ("#000000", "#0072b2", "#d55e00", "#999999")
PAIR = ("ours_gan_low", "ours_lpips_low")
"""The same network at the low rate with its GAN, and without."""


@dataclass(frozen=True)
class Bars:
    """Ratings (n,) in Elo points, mean 0, and half the widths (4, n) of their intervals, in the order of `OVERS`.

    `pair` is the difference of `PAIR` and `pair_margins` (4,) are its intervals; NaN where the votes lack one of them.
    """

    counts: Counts
    rating: Floats
    margins: Floats
    pair: float
    pair_margins: Floats


def read(folder: Path) -> Selection:
    """Return the rated votes of the folder; refuse one that holds none."""
    texts = [path.read_bytes().removeprefix(b"\xef\xbb\xbf") for path in sorted(folder.glob("*.csv"))]
    tables = [text.partition(b"\n")[::2] for text in texts]
    headers = sorted(
        {header for header, _ in tables if set(header.decode(errors="replace").strip().split(",")) >= COLUMNS}
    )
    if len(headers) != 1:
        what = f"{len(headers)} kinds of them" if headers else "no CSV file with them"
        raise click.ClickException(
            f"{folder} holds {what}: HiFiC's votes have one header with {', '.join(sorted(COLUMNS))}."
        )
    with tempfile.TemporaryDirectory() as place:
        whole = Path(place) / "votes.csv"
        rows = [body.rstrip() + b"\n" for header, body in tables if header == headers[0]]
        whole.write_bytes(headers[0] + b"\n" + b"".join(rows))
        data = convert(whole, "hific", to="csv", output=whole).data
    return select(parse_votes(folder, data))


def bars(selection: Selection) -> Bars:
    """Rate the votes and return every method's four intervals."""
    counts, *others = count(selection.rated)
    if others or (problem := why_not(counts, DEFAULT)):
        raise click.ClickException(f"these votes are no single scale: {'several rates' if others else problem}.")
    fit = fitted(counts, DEFAULT)
    found = [uncertainty(counts, fit, over) for over in OVERS]
    names = [item.condition for item in counts.items]
    margins = [[one.between(item) if one else None for item in range(len(names))] for one in found]
    pair, pair_margins = np.nan, [None] * len(OVERS)
    if set(PAIR) <= set(names):
        first, second = map(names.index, PAIR)
        pair = float(fit.rating[first] - fit.rating[second])
        pair_margins = [one.between(first, second) if one else None for one in found]
    return Bars(counts, fit.rating, np.array(margins, float), pair, np.array(pair_margins, float))


def table(found: Bars, selection: Selection) -> str:
    """Return the table in Markdown, best method first, with what was left out."""
    counts = found.counts
    lines = [
        f"{counts.votes} votes of {counts.participants} raters on {counts.sources} images; left out: "
        + ("; ".join(f"{gone.votes} ({gone.reason})" for gone in selection.left_out) or "none")
        + ".",
        "",
        f"| method | rating | {' | '.join(f'+- {way}' for way in WAYS)} | two-way / votes |",
        "|" + "---|" * (len(WAYS) + 3),
    ]
    lines += [
        _row(counts.items[item].condition, found.rating[item], found.margins[:, item])
        for item in best_first(found.rating)
    ]
    if np.isfinite(found.pair):
        lines.append(_row(" less ".join(PAIR), found.pair, found.pair_margins))
    return "\n".join(lines)


def _row(name: str, value: float, margins: Sequence[float] | Floats) -> str:
    cells = [name, f"{value:.0f}", *(f"{margin:.0f}" for margin in margins), f"{margins[0] / margins[-1]:.1f}"]
    return f"| {' | '.join(cells)} |"


def picture(found: Bars) -> str:
    """Return an SVG: a row a method, best first, with its four bars below one another."""
    low, high = (found.rating - found.margins).min(), (found.rating + found.margins).max()
    rows, base = best_first(found.rating), TOP + TALL * len(found.rating) + 8

    def x(value: float) -> float:
        return round(LEFT + WIDTH * (value - low) / (high - low), 1)

    parts = ['<rect width="100%" height="100%" fill="#ffffff"/>']
    for tick in range(int(np.ceil(low / 100)) * 100, int(high) + 1, 100):
        parts += [_line(f"M{x(tick)} {TOP - 4}V{base}", "#dddddd", 1), _text(x(tick), base + 18, str(tick), "middle")]
    for way, name in enumerate(WAYS):
        at = LEFT + 130 * way
        parts += [_line(f"M{at} 18h24", COLOURS[way], 3), _text(at + 30, 23, name, "start")]
    for top, item in zip(range(TOP, base, TALL), rows, strict=False):
        value = found.rating[item]
        parts.append(_text(LEFT - 12, top + 22, found.counts.items[item].condition, "end"))
        for way, margin in enumerate(found.margins[:, item]):
            parts.append(_line(f"M{x(value - margin)} {top + 5 + 9 * way}H{x(value + margin)}", COLOURS[way], 3))
        parts.append(_line(f"M{x(value)} {top}v{TALL - 8}", "#000000", 1))
    parts.append(_text(LEFT + WIDTH / 2, base + 38, "rating in Elo points, mean 0; 95% intervals", "middle"))
    size = f'width="{LEFT + WIDTH + 20}" height="{base + 48}" font-family="sans-serif" font-size="14"'
    title = "<title>Ratings from HiFiC's public votes with four kinds of intervals</title>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">{title}{"".join(parts)}</svg>\n'


def _line(path: str, colour: str, wide: int) -> str:
    return f'<path d="{path}" stroke="{colour}" stroke-width="{wide}"/>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The Markdown table to write, too.")
@click.option("--picture", "drawn", type=click.Path(path_type=Path), help="An SVG to write.")
def main(folder: Path, output: Path | None, drawn: Path | None) -> None:
    """Print the ratings with their bars."""
    selection = read(folder)
    found = bars(selection)
    text = table(found, selection)
    click.echo(text)
    if output:
        output.write_text(text + "\n", encoding="utf-8")
    if drawn:
        drawn.write_text(picture(found), encoding="utf-8")


if __name__ == "__main__":
    main()
