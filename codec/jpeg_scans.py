"""Whether a JPEG's scans hold all of its picture: libjpeg fills what is missing with grey and only warns, unheard.

Two things are looked at. What a decoder reads past the end of a whole scan changes nothing, so a picture that changes
when bytes are put there was cut short (a cut of some bits, or one that loses nothing visible, may pass). And together
the scans must give every coefficient of every component to its last bit. Damage that keeps all lengths, such as flipped
bits within the data, cannot be told from a picture.
Source: ITU-T T.81, B.1.1.5 (entropy-coded segments), B.2.2 and B.2.3 (frame and scan headers), G.1.1 (progression).
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
RESTARTS = range(0xD0, 0xD8)
HUFFMAN_FRAMES = (0xC0, 0xC1, 0xC2)  # an arithmetic coder may rightly leave out its last bytes
PROGRESSIVE = 0xC2
MARKER = re.compile(rb"\xff+([\x01-\xfe])")
FILLING = bytes(((place * 97 + 181) ^ (place * place)) % 251 for place in range(64))  # never the 255 of a marker


@dataclass(frozen=True)
class Scans:
    """The kind of frame, its components, its scans (components, first and last coefficient, lowest bit), its ends.

    `ends` gives, for each scan, the places of the markers that end entropy-coded data: restarts, then what follows it.
    """

    frame: int
    components: tuple[int, ...]
    scans: tuple[tuple[tuple[int, ...], int, int, int], ...]
    ends: tuple[tuple[int, ...], ...]


def is_incomplete(data: bytes, decoded: Image.Image) -> bool:
    """Whether data of the JPEG, or whole scans, are missing. `decoded` is what Pillow made of it, unturned."""
    scans = read_scans(data)
    if scans.frame not in HUFFMAN_FRAMES:
        return False
    return _lacks_scans(scans) or not np.array_equal(np.asarray(decoded), _decode(_filled(data, scans.ends)))


def read_scans(data: bytes) -> Scans:
    """What the markers of the first picture in a JPEG file say, up to its EOI."""
    frame, components = 0, tuple[int, ...]()
    scans, ends = [], []
    for marker, place, body in _segments(data):
        if marker in HUFFMAN_FRAMES:
            frame, components = marker, tuple(body[6::3][: body[5]])
        elif marker == SOS:
            count = body[0]
            first, last, bits = body[1 + 2 * count : 4 + 2 * count]
            scans.append((tuple(body[1 : 1 + 2 * count : 2]), first, last, bits & 15))
            ends.append(tuple(_ends(data, place)))
    return Scans(frame, components, tuple(scans), tuple(ends))


def _segments(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Each marker but SOI and EOI, the place behind its segment, and what the segment holds."""
    place = 2
    while (found := MARKER.search(data, place)) and found[1][0] != EOI:
        marker, start = found[1][0], found.end()
        if marker == 1 or marker in RESTARTS or marker == SOI:
            place = start
            continue
        place = start + int.from_bytes(data[start : start + 2], "big")
        yield marker, place, data[start + 2 : place]


def _ends(data: bytes, start: int) -> Iterator[int]:
    """The markers from the beginning of a scan's data to that which ends it."""
    for found in MARKER.finditer(data, start):
        yield found.start()
        if found[1][0] not in RESTARTS:
            return


def _lacks_scans(scans: Scans) -> bool:
    """Whether some coefficient of some component is never given to its lowest bit."""
    given = {
        (component, place)
        for members, first, last, lowest in scans.scans
        for component in members
        for place in (range(first, last + 1) if scans.frame == PROGRESSIVE else range(64))
        if lowest == 0 or scans.frame != PROGRESSIVE
    }
    return any((component, place) not in given for component in scans.components for place in range(64))


def _filled(data: bytes, ends: tuple[tuple[int, ...], ...]) -> bytes:
    """The file with something to read at every end; a scan that ends before its time finds its next restarts too."""
    parts, start = [], 0
    for places in ends:
        for place in places:
            parts += [data[start:place], FILLING]
            start = place
        for more in range(len(FILLING)):
            parts += [bytes((0xFF, RESTARTS[(len(places) - 1 + more) % 8])), FILLING[more:], FILLING[:more]]
    return b"".join([*parts, data[start:]])


def _decode(data: bytes) -> NDArray[np.uint8]:
    with JpegImageFile(io.BytesIO(data)) as image:
        return np.asarray(image)
