"""Real photographs for a first try, out of scikit-image's wheel: no network, free to use."""

import importlib.util
import os
from pathlib import Path

from codec.errors import Refusal

# Each file's maker and terms, as scikit-image's own documentation states them.
PHOTOGRAPHS = {
    "astronaut.png": "Eileen Collins, by NASA; public domain",
    "chelsea.png": "Chelsea the cat, by Stefan van der Walt; CC0",
    "coffee.png": "A cup of coffee, by Rachel Michetti; CC0",
    "hubble_deep_field.jpg": "Hubble eXtreme Deep Field, by NASA; public domain",
    "ihc.png": "Stained tissue, by the Center for Microscopy and Molecular Imaging; no known copyright restrictions",
    "motorcycle_left.png": "A motorcycle, from the Middlebury 2014 stereo benchmark by D. Scharstein and others",
    "rocket.jpg": "Launch of DSCOVR, by SpaceX; public domain",
}


def copy_photographs(folder: Path) -> list[Path]:
    """Copy the photographs and a LICENCES.txt into the folder; return the photographs.

    Files that are there stay, but for those that an interrupted copy left cut short. Each appears whole or not at all.
    """
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise Refusal("scikit-image, which holds the photographs, is not installed; install requirements.txt.")
    data = Path(spec.origin).parent / "data"
    folder.mkdir(parents=True, exist_ok=True)
    for name in PHOTOGRAPHS:
        _put(folder / name, (data / name).read_bytes())
    notes = [f"{name}: {note}" for name, note in PHOTOGRAPHS.items()]
    text = "These photographs come with scikit-image.\n\n" + "\n".join(notes) + "\n"
    _put(folder / "LICENCES.txt", text.encode())
    return [folder / name for name in PHOTOGRAPHS]


def _put(path: Path, data: bytes) -> None:
    """Write a file beside its place and rename it, unless one is there that is no mere beginning of it."""
    if path.exists():
        there = path.read_bytes()
        if there == data or not data.startswith(there):
            return
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(data)
    part.replace(path)
