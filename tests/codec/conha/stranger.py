"""A decoder of `.cnha` symbols by somebody who has read docs/bitstream.md and nothing else: plain Python integers."""

import struct
import zlib
from collections.abc import Sequence

Numbers = dict[str, list]  # the model's tensors as nested lists
Planes = list[list[list[int]]]


def header(data: bytes) -> dict[str, int]:
    magic, version, flags, _, width, height, crc, count = struct.unpack_from("<4sBB8sIIIH", data)
    assert (magic, version, flags & ~1) == (b"CNHA", 1, 0)
    assert zlib.crc32(data[: 28 + 8 * count]) == struct.unpack_from("<I", data, 28 + 8 * count)[0]
    return {"width": width, "height": height, "crc": crc, "streams": count}


def streams(data: bytes) -> list[bytes]:
    count, found = header(data)["streams"], []
    start = 32 + 8 * count
    for length, crc in struct.iter_unpack("<II", data[28 : 28 + 8 * count]):
        found.append(data[start : start + length])
        assert zlib.crc32(found[-1]) == crc
        start += length
    assert start == len(data)
    return found


class Coder:
    """The state of one stream."""

    def __init__(self, stream: bytes) -> None:
        self.words = [int.from_bytes(stream[at : at + 4], "little") for at in range(0, len(stream), 4)][::-1]
        self.x = self.word() + (self.word() << 32)

    def word(self) -> int:
        return self.words.pop() if self.words else 0

    def renew(self) -> None:
        if self.x < 2**31:
            self.x = (self.x << 32) + self.word()

    def raw(self) -> int:
        value, self.x = self.x % 16, self.x // 16
        self.renew()
        return value

    def symbol(self, frequencies: Sequence[int], offset: int) -> int:
        f, c, s = self.x % 65536, 0, 0
        while c + frequencies[s] <= f:
            c += frequencies[s]
            s += 1
        self.x = frequencies[s] * (self.x // 65536) + f - c
        self.renew()
        if s < len(frequencies) - 1:
            return s + offset
        groups = group = self.raw()
        while group == 15:
            group = self.raw()
            groups += group
        r = sum(self.raw() << 4 * place for place in range(groups))
        return offset - (r + 1) // 2 if r % 2 else len(frequencies) - 1 + r // 2 + offset


def decoded(coded: list[bytes], rows: list[int], model: Numbers, name: str) -> list[int]:
    """All symbols of some streams, each with the table of its row."""
    tables, start = [], 0
    for symbols in model[f"{name}.symbols"]:
        tables.append(model[f"{name}.frequencies"][start : start + symbols])
        start += symbols
    found: list[int] = []
    for index, stream in enumerate(coded):
        coder = Coder(stream)
        part = rows[index * 262144 : (index + 1) * 262144]
        found += [coder.symbol(tables[row], model[f"{name}.offset"][row]) for row in part]
    return found


def planes(numbers: list[int], height: int, width: int) -> Planes:
    lines = [numbers[at : at + width] for at in range(0, len(numbers), width)]
    return [lines[at : at + height] for at in range(0, len(lines), height)]


def held(number: int) -> int:
    return max(-(2**20) + 1, min(2**20 - 1, number))


def divided(number: int, shift: int) -> int:
    return (number + 2 ** (shift - 1)) // 2**shift if shift else number


def up(a: Planes, weight: list, bias: list[int], shift: int) -> Planes:
    height, width = len(a[0]), len(a[0][0])
    found = [[[bias[out]] * (2 * width) for _ in range(2 * height)] for out in range(len(bias))]
    for source, plane in enumerate(a):
        for out in range(len(bias)):
            for y in range(height):
                for x in range(width):
                    for ky in range(5):
                        for kx in range(5):
                            oy, ox = 2 * y + ky - 1, 2 * x + kx - 1
                            if 0 <= oy < 2 * height and 0 <= ox < 2 * width:
                                found[out][oy][ox] += weight[source][out][ky][kx] * plane[y][x]
    return [[[held(max(0, divided(v, shift))) for v in line] for line in plane] for plane in found]


def last(a: Planes, weight: list, bias: list[int], shift: int) -> Planes:
    height, width = len(a[0]), len(a[0][0])

    def at(out: int, y: int, x: int) -> int:
        return bias[out] + sum(
            weight[out][source][ky][kx] * plane[y + ky - 1][x + kx - 1]
            for source, plane in enumerate(a)
            for ky in range(3)
            for kx in range(3)
            if 0 <= y + ky - 1 < height and 0 <= x + kx - 1 < width
        )

    return [[[divided(at(out, y, x), shift) for x in range(width)] for y in range(height)] for out in range(len(bias))]


def symbols(data: bytes, model: Numbers) -> tuple[list[int], list[int]]:
    """The hyper-latent's and the latent's symbols of a file."""
    head, coded = header(data), streams(data)
    h, w = -(-head["height"] // 16), -(-head["width"] // 16)
    hyper_h, hyper_w, channels = -(-h // 4), -(-w // 4), len(model["medians"])
    of_hyper = channels * hyper_h * hyper_w
    count = -(-of_hyper // 262144)
    rows = [channel for channel in range(channels) for _ in range(hyper_h * hyper_w)]
    hyper = decoded(coded[:count], rows, model, "hyper_tables")
    offsets = model["scales.offsets"]
    z = planes(hyper, hyper_h, hyper_w)
    a = [[[held(1024 * v + offsets[n]) for v in line] for line in plane] for n, plane in enumerate(z)]
    for name in ("first", "second"):
        a = up(a, *(model[f"scales.{name}.{part}"] for part in ("weight", "bias", "shift")))
    numbers = last(a, *(model[f"scales.last.{part}"] for part in ("weight", "bias", "shift")))
    thresholds = model["scales.thresholds"]
    table = [sum(v > t for t in thresholds) for plane in numbers for line in plane[:h] for v in line[:w]]
    return hyper, decoded(coded[count:], table, model, "gaussian_tables")
