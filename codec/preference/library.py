"""The sources of labels, found by their pixels: names only say where to look first."""

from pathlib import Path

from codec.errors import Refusal
from codec.pixels import Pixels, pixels_sha256, read_pixels
from codec.sources import Source, find_sources


class Library:
    """A folder of pictures. Each is decoded when it is asked for, and its pixels are compared with what was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pictures = find_sources(folder)
        self._named = {picture.name: picture for picture in self.pictures}
        self._path: dict[str, Path] = {}
        self._unread = list(self.pictures)

    def open(self, name: str, sha256: str) -> Pixels:
        """The pixels with this SHA-256, which were called `name` once.

        Raises:
            Refusal: no picture in the folder has them.
        """
        if sha256 in self._path:
            return read_pixels(self._path[sha256])
        likely = self._named.get(name)
        order = [likely] if likely in self._unread else []
        for picture in [*order, *(other for other in list(self._unread) if other is not likely)]:
            pixels = self._read(picture)
            if sha256 in self._path:
                return pixels
        if likely:
            what = f"{likely.path} has other pixels than the ones that were labelled as '{name}'"
        else:
            what = f"{self.folder} holds no picture with the pixels that were labelled as '{name}'"
        raise Refusal(f"{what} (SHA-256 {sha256[:16]}...); give --sources the pictures that the study was made from.")

    def _read(self, picture: Source) -> Pixels:
        pixels = read_pixels(picture.path)
        self._path.setdefault(pixels_sha256(pixels), picture.path)
        self._unread.remove(picture)
        return pixels
