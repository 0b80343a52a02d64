"""Columns of large CSV files as their different cells and a code a row, found on the bytes with numpy.

Only files that need no parser are read so: no quotes, no NUL, one line a row, every row of the header's width. For all
others `plain_columns` returns None, and `files` reads them cell by cell, which is also what words the refusals.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, overload

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]

COMMA, NEWLINE = ord(","), ord("\n")
WORD = 8  # bytes that are compared at a time
LONGEST = 4096  # bytes of a row; a file with longer ones is left to the parser
BLOCK = 2**20  # bytes searched at a time: they stay in the cache, and so does what is found in them
THREADS = 2  # numpy lets go of the interpreter while it searches, gathers and counts
MIX = np.uint64(0x9E3779B97F4A7C15)  # odd, with bits all over: spreads equal words at different places apart


class Column(Sequence[str]):
    """A column of text: row `i` is `cells[code[i]]`; all cells differ."""

    def __init__(self, cells: Sequence[str], code: Codes) -> None:
        self.cells, self.code = cells, code

    def __len__(self) -> int:
        return len(self.code)

    def __iter__(self) -> Iterator[str]:
        return iter(self.objects().tolist())

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[str]: ...
    def __getitem__(self, row: int | slice) -> str | Sequence[str]:
        if isinstance(row, slice):
            return Column(self.cells, self.code[row])
        return self.cells[int(self.code[row])]

    def objects(self) -> npt.NDArray[Any]:
        """Return the rows as an array of text; equal rows share one object."""
        return np.array(self.cells, object)[self.code] if len(self.code) else np.empty(0, object)


def coded(column: Sequence[str]) -> Column:
    """Return any sequence of cells as a `Column`."""
    if isinstance(column, Column):
        return column
    number = {cell: code for code, cell in enumerate(dict.fromkeys(column))}
    return Column(list(number), np.fromiter(map(number.__getitem__, column), np.int64, len(column)))


class PlainColumns(Mapping[str, Column]):
    """The columns of a plain file by name; each is coded when it is asked for."""

    def __init__(self, data: bytes, header: list[str], ends: npt.NDArray[np.uint32], begin: int) -> None:
        self.data, self.header, self.ends, self.begin = data, header, ends, begin
        self.found: dict[str, Column] = {}

    def __len__(self) -> int:
        return len(self.header)

    def __iter__(self) -> Iterator[str]:
        return iter(self.header)

    def __contains__(self, name: object) -> bool:
        return name in self.header

    def __getitem__(self, name: str) -> Column:
        if name not in self.header:
            raise KeyError(name)
        if name not in self.found:
            self.found[name] = self._coded(self.header.index(name))
        return self.found[name]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.ends)

    @cached_property
    def ascii(self) -> bool:
        """Whether each character is one byte."""
        return self.data.isascii()

    def prepare(self, names: Iterable[str]) -> None:
        """Code several columns at once, on as many threads as there may be."""
        wanted = [name for name in dict.fromkeys(names) if name in self.header and name not in self.found]
        with ThreadPoolExecutor(THREADS) as pool:
            self.found |= zip(wanted, pool.map(self._coded, map(self.header.index, wanted)), strict=True)

    def beginnings(self, name: str, most: int) -> Column:
        """Return a column of the first `most` bytes of each cell; of ASCII that are its first characters."""
        return self._coded(self.header.index(name), most)

    def _coded(self, at: int, most: int = LONGEST) -> Column:
        end = self.ends[:, at].astype(np.int64)
        if at:
            start = self.ends[:, at - 1].astype(np.int64) + 1
        else:
            start = np.concatenate([[self.begin], self.ends[:-1, -1].astype(np.int64) + 1])
        words = _words(self.data, start, np.minimum(end - start, most))
        code, rows = _factorised(words)
        return Column(_texts([word[rows] for word in words]), code)


def beginnings(columns: Mapping[str, Sequence[str]], name: str, most: int) -> Column:
    """Return the first `most` characters of each cell of a column, which is quick where cells are many."""
    if isinstance(columns, PlainColumns) and columns.ascii:
        return columns.beginnings(name, most)
    found = coded(columns[name])
    short = coded([cell[:most] for cell in found.cells])
    return Column(short.cells, short.code[found.code] if len(found) else found.code)


def plain_columns(data: bytes) -> PlainColumns | None:
    """Return the columns of the bytes of a CSV that needs no parser; None where it needs one."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    data = data.replace(b"\r\n", b"\n") if b"\r" in data else data
    if b'"' in data or b"\0" in data or b"\r" in data or len(data) > 2**32 - LONGEST:
        return None
    data = data if data.endswith(b"\n") and len(data) >= WORD else data.removesuffix(b"\n") + b"\n" + bytes(WORD)
    begin = data.index(b"\n") + 1
    header = data[: begin - 1].decode(errors="replace").split(",")
    ends, rows = _separators(data, begin), data.count(b"\n", begin)
    if len(header) < 2 or not rows or len(ends) != rows * len(header):
        return None
    ends = ends.reshape(rows, len(header))
    flat = np.frombuffer(data, np.uint8)
    widths = np.diff(ends[:, -1].astype(np.int64), prepend=begin - 1)
    if not (flat[ends[:, -1]] == NEWLINE).all() or widths.max() > LONGEST:
        return None
    return PlainColumns(data, header, ends, begin)


def _separators(data: bytes, begin: int) -> npt.NDArray[np.uint32]:
    flat = np.frombuffer(data, np.uint8)

    def search(at: int) -> npt.NDArray[np.uint32]:
        block = flat[at : at + BLOCK]
        found = np.flatnonzero((block == COMMA) | (block == NEWLINE)).astype(np.uint32)
        found += np.uint32(at)
        return found

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(search, range(begin, len(flat), BLOCK)))
    return np.concatenate(found) if found else np.empty(0, np.uint32)


def _words(data: bytes, start: Codes, length: Codes) -> list[npt.NDArray[np.uint64]]:
    """Return the cells as words of 8 bytes, NUL beyond a cell's end: cells are alike where all their words are."""
    at_byte: npt.NDArray[np.uint64] = np.ndarray((len(data) - WORD + 1,), "<u8", data, 0, (1,))
    kept = np.array([(1 << 8 * count) - 1 for count in range(WORD)] + [2**64 - 1], np.uint64)
    words, last, shortest = [], len(at_byte) - 1, int(length.min())
    for offset in range(0, max(1, int(length.max())), WORD):
        here = start + offset
        late = np.flatnonzero(here > last)  # in the last bytes of the file: read from there, and moved down
        word = at_byte[np.minimum(here, last)] if len(late) else at_byte[here]
        word[late] >>= 8 * np.minimum(here[late] - last, WORD - 1).astype(np.uint64)
        words.append(word if shortest >= offset + WORD else word & kept[np.clip(length - offset, 0, WORD)])
    return words


def _texts(words: list[npt.NDArray[np.uint64]]) -> list[str]:
    """Return the cells that words hold; no cell has a NUL of its own."""
    cells = np.ascontiguousarray(np.stack(words, axis=1).astype("<u8")).view(f"S{WORD * len(words)}").ravel()
    try:
        return list(cells.astype(str).tolist())
    except UnicodeDecodeError:
        return [cell.decode() for cell in cells.tolist()]


def _factorised(words: list[npt.NDArray[np.uint64]]) -> tuple[Codes, Codes]:
    """Return each row's code and the first row of each code; rows are alike where all words are."""
    import pandas as pd

    key = words[0]
    for word in words[1:]:
        key = (key ^ (key >> np.uint64(29))) * MIX + word
    code = pd.factorize(key)[0].astype(np.int64)
    rows = np.empty(int(code.max()) + 1, np.int64)
    rows[code[::-1]] = np.arange(len(code))[::-1]
    if all((word == word[rows][code]).all() for word in words):
        return code, rows
    _, rows, code = np.unique(np.stack(words), axis=1, return_index=True, return_inverse=True)  # two keys met by chance
    return np.asarray(code, np.int64), np.asarray(rows, np.int64)
