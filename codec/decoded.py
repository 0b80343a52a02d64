"""Anybody's codec in a study: its decoded images, named like the sources, with the real size of each bitstream.

The folder holds, for every source, a lossless picture of the same size (PNG, PPM, BMP or TIFF) under the source's name,
and beside it the bitstream under the same name with any other suffix; or one `bytes.csv` (file, bytes) for all. Where
both are there they must agree, and the bitstream counts; without a bitstream the table is taken on trust.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from codec.candidates import Candidate, bits_per_pixel, within
from codec.errors import Refusal, listing
from codec.pixels import Pixels, read_pixels
from codec.sources import source_name
from codec.tables import read_table

PICTURES = (".png", ".ppm", ".bmp", ".tif", ".tiff")
SIZES = "bytes.csv"


@dataclass(frozen=True)
class DecodedFile:
    """One source's decoded picture, and its bitstream as a file or as a number of bytes."""

    picture: Path
    bitstream: Path | None
    size: int

    def digest(self) -> str:
        """SHA-256 of the picture's bytes, the size and the bitstream's bytes."""
        parts = (self.picture.read_bytes(), str(self.size).encode(), self._bitstream())
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()

    def _bitstream(self) -> bytes:
        return self.bitstream.read_bytes() if self.bitstream else b""

    def bitstream_sha256(self) -> str:
        """Of the bitstream; empty where only its size is known."""
        return hashlib.sha256(self._bitstream()).hexdigest() if self.bitstream else ""


@dataclass(frozen=True)
class DecodedFolder:
    """`--decoded CODEC@RATE=FOLDER`, with what was found for each source."""

    codec: str
    rate: str
    folder: Path
    files: dict[str, DecodedFile]


def find_decoded(codec: str, rate: str, folder: Path, sources: list[str]) -> DecodedFolder:
    """Look up every source's picture and bitstream. Raises Refusal where one is missing or there are several."""
    if not folder.is_dir():
        raise Refusal(f"{folder} is no folder; --decoded {codec}@{rate} needs one of decoded images.")
    beside: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith(".") and path != folder / SIZES:
            beside.setdefault(source_name(path, folder), []).append(path)
    missing = [name for name in sources if not any(map(_is_picture, beside.get(name, [])))]
    if missing:
        raise Refusal(f"{folder} has no PNG, PPM, BMP or TIFF of {listing(missing)}; add what {codec} decoded.")
    sizes = _read_sizes(folder / SIZES) if (folder / SIZES).exists() else None
    return DecodedFolder(codec, rate, folder, {name: _pick(folder, name, beside[name], sizes) for name in sources})


def given(decoded: DecodedFolder, source: str, original: Pixels, tolerance: float) -> Candidate:
    """The candidate of one source. Raises Refusal where the picture has another size than the source."""
    file = decoded.files[source]
    pixels = read_pixels(file.picture)
    if pixels.shape != original.shape:
        sizes = " and not ".join(f"{image.shape[1]}x{image.shape[0]}" for image in (pixels, original))
        raise Refusal(f"{file.picture} is {sizes} like its source; give the whole decoded picture, upright.")
    bpp = bits_per_pixel(file.size, original)
    return Candidate(
        codec=decoded.codec,
        rate=decoded.rate,
        bpp=bpp,
        bytes=file.size,
        encoder="decoded images as given" if file.bitstream else f"decoded images as given; sizes by {SIZES}",
        bitstream_sha256=file.bitstream_sha256(),
        matched=within(bpp, decoded.rate, tolerance),
        decode=lambda: pixels,
    )


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURES


def _pick(folder: Path, name: str, paths: list[Path], sizes: dict[str, int] | None) -> DecodedFile:
    pictures = [path for path in paths if _is_picture(path)]
    bitstreams = [path for path in paths if not _is_picture(path)]
    if len(pictures) > 1:
        raise Refusal(f"{pictures[0]} and {pictures[1]} are both {name}'s decoded picture; remove one.")
    if len(bitstreams) > 1 or (sizes is None and not bitstreams):
        found = f"{len(bitstreams)} bitstreams" if bitstreams else "no bitstream"
        raise Refusal(f"{folder} has {found} of {name}; put exactly one beside its picture, or all sizes into {SIZES}.")
    bitstream = bitstreams[0] if bitstreams else None
    size = bitstream.stat().st_size if bitstream else 0
    if bitstream and not size:
        raise Refusal(f"{bitstream} is empty; put the real bitstream there.")
    if sizes is not None:
        size = _agreed(folder, sizes, name, pictures[0], bitstream)
    return DecodedFile(pictures[0], bitstream, size)


def _agreed(folder: Path, sizes: dict[str, int], name: str, picture: Path, bitstream: Path | None) -> int:
    """The bytes that the table states, which are those of the bitstream where there is one."""
    stated = sizes.get(picture.relative_to(folder).as_posix(), sizes.get(name))
    if stated is None:
        raise Refusal(f"{folder / SIZES} has no row for {picture.name}; add its file and bytes.")
    if bitstream and bitstream.stat().st_size != stated:
        differ = f"{bitstream} has {bitstream.stat().st_size} bytes, and {folder / SIZES} says {stated}"
        raise Refusal(f"{differ}; put the real bitstream there, or correct the table.")
    return stated


def _read_sizes(path: Path) -> dict[str, int]:
    """The bytes of each bitstream by file name (or by the source's name)."""
    sizes: dict[str, int] = {}
    for row in read_table(path, "file", "bytes"):
        name, size = row["file"], row["bytes"]
        if not size.text.isdecimal() or int(size.text) == 0:
            raise size.refuse(f"'{size.text}' is no number of bytes", "write a whole number above 0")
        if name.text in sizes:
            raise name.refuse(f"{name.text} is listed twice", "leave one of the rows")
        sizes[name.text] = int(size.text)
    return sizes
