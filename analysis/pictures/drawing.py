"""Pictures as files: an SVG that stands alone, readable on white, and from it a PNG of twice its size.

The PNG's letters come from a font that is installed with the requirements, so that it looks the same on every machine.
"""

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2

from analysis.pictures.canvas import Picture

TEMPLATES = Path(__file__).parents[1] / "templates"
TWICE = 2.0
FONTS = ("Roboto-Regular.ttf", "Roboto-Bold.ttf")


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def style() -> str:
    """Return the style of a picture on white: pictures.css with the light colours of report.css in their places."""
    light = dict(re.findall(r"--([a-z]+): (#[0-9a-f]+)", (TEMPLATES / "report.css").read_text().split("}")[0]))
    return re.sub(r"var\(--([a-z]+)\)", lambda name: light[name[1]], (TEMPLATES / "pictures.css").read_text()).strip()


def svg(picture: Picture, *, simulated: bool) -> str:
    """Return the picture as an SVG file; SIMULATED stands in it where no person voted."""
    macros: Any = _environment().get_template("pictures.html.jinja").module
    return f"{str(macros.file(picture, simulated, style())).strip()}\n"


def png(drawn: str) -> bytes:
    """Return an SVG of `svg` as a PNG of twice its size."""
    import resvg_py

    return resvg_py.svg_to_bytes(
        svg_string=drawn,
        skip_system_fonts=True,
        font_files=list(_fonts()),
        font_family="Roboto",
        sans_serif_family="Roboto",
        zoom=TWICE,
    )


@cache
def _fonts() -> tuple[str, ...]:
    folder = files("font_roboto") / "files"
    return tuple(str(folder / name) for name in FONTS)
