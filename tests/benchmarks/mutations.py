"""Mutates coded pictures and decodes what comes out: `python -m tests.benchmarks.mutations --files 100000`.

Every mutation is a function of its number, so any one can be run again: `--only NUMBER`. Files are decoded in a child
process with limits on memory and on the time of each one; the parent keeps a ledger of finished batches and goes on
from there. Three outcomes are right: a refusal of a known kind; the picture as it was (bits at the end of a stream that
decide nothing, or a mutation that changed nothing); and another picture where all checksums were made anew, that of the
symbols too, for then it is a valid file of that picture. Everything else stops the run: another exception, a signal, a
wrong picture, a file that takes too long.
"""

import argparse
import json
import random
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).resolve().parents[2]
GOLDEN = HOUSE / "tests" / "codec" / "conha" / "golden"
BATCH = 2000
SECONDS = 20  # for one file, which takes some milliseconds
MEMORY = 4 * 2**30  # of data, beside which a tiny model is nothing
HEADER = struct.Struct("<4sBB8sIIIH")
EXTREMES = (0, 1, 2, 15, 16, 17, 255, 256, 2**16 - 1, 2**16, 2**20, 10**8, 2**31 - 1, 2**31, 2**32 - 1)

Mutation = Callable[[bytes, random.Random], bytes]


def cut(data: bytes, chance: random.Random) -> bytes:
    """Its end is missing."""
    return data[: chance.randrange(len(data))]


def flipped(data: bytes, chance: random.Random) -> bytes:
    """One to sixteen bits are the other way round."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def overwritten(data: bytes, chance: random.Random) -> bytes:
    """A stretch is random, zero or all ones."""
    start = chance.randrange(len(data))
    size = min(chance.choice((1, 4, 16, 64)), len(data) - start)
    filling = chance.choice((bytes(size), b"\xff" * size, chance.randbytes(size)))
    return data[:start] + filling + data[start + size :]


def swapped(data: bytes, chance: random.Random) -> bytes:
    """Two stretches have changed places."""
    a, b, c, d = sorted(chance.randrange(len(data) + 1) for _ in range(4))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def moved(data: bytes, chance: random.Random) -> bytes:
    """Bytes are put in, taken out or said twice."""
    start = chance.randrange(len(data) + 1)
    some = chance.randbytes(chance.choice((1, 3, 4, 8, 100)))
    return chance.choice((
        data[:start] + some + data[start:],
        data[:start] + data[start + len(some) :],
        data[:start] + data[max(0, start - len(some)) :],
        data + some,
    ))  # fmt: skip


def foreign(data: bytes, chance: random.Random) -> bytes:
    """Something else altogether, or only the beginning of ours."""
    heads = (
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"RIFF",
        b"CNHA",
        b"CNHA\1",
        data[:28],
        data[: len(data) // 2],
    )
    return chance.choice(heads) + chance.randbytes(chance.choice((0, 1, 7, 50, 400)))


def hostile(data: bytes, chance: random.Random) -> bytes:
    """Claims of the header changed, its checksum made anew."""
    fields = list(HEADER.unpack_from(data))
    for _ in range(chance.choice((1, 1, 2, 3))):
        at = chance.choice((1, 2, 3, 4, 4, 5, 5, 6, 7))
        largest = {1: 255, 2: 255, 7: 2**16 - 1}.get(at, 2**32 - 1)
        small = fields[at] + chance.choice((-17, -1, 1, 15)) if at != 3 else 0
        value = chance.choice((*EXTREMES, small, chance.randrange(largest + 1)))
        fields[at] = chance.randbytes(8) if at == 3 else max(0, min(largest, value))
    body = bytearray(data[HEADER.size :])
    if chance.random() < 0.3:  # a length or a checksum of a stream
        struct.pack_into("<I", body, 4 * chance.randrange(4), chance.choice((*EXTREMES, chance.randrange(2**32))))
    return sealed_head(HEADER.pack(*fields) + bytes(body))


def sealed_head(data: bytes) -> bytes:
    """The header's checksum where it now belongs."""
    end = HEADER.size + 8 * HEADER.unpack_from(data)[-1]
    return data[:end] + struct.pack("<I", zlib.crc32(data[:end])) + data[end + 4 :]


def payload(data: bytes, chance: random.Random) -> bytes:
    """Streams changed, cut, lengthened, emptied or exchanged, and all checksums of the container made anew."""
    from codec.conha import bitstream

    picture = bitstream.unpack(data)
    streams = list(picture.streams)
    for _ in range(chance.choice((1, 1, 2))):
        at = chance.randrange(len(streams))
        kind = chance.choice(
            (flipped, flipped, flipped, overwritten, overwritten, swapped, resized, nines, noise, nothing)
        )
        streams[at] = kind(streams[at] or bytes(8), chance)
    if chance.random() < 0.05:
        streams.reverse()
    return bitstream.pack(replace(picture, streams=tuple(streams)))


def resized(stream: bytes, chance: random.Random) -> bytes:
    """Some words more or fewer."""
    words = chance.choice((1, 2, 8, 64))
    return stream[: -4 * words] if chance.random() < 0.5 else stream + chance.randbytes(4 * words)


def nines(stream: bytes, chance: random.Random) -> bytes:
    """All ones: escapes that ask for ever more groups."""
    return b"\xff" * chance.choice((8, len(stream), 400, 4000))


def noise(stream: bytes, chance: random.Random) -> bytes:
    """Random words."""
    return chance.randbytes(4 * chance.randrange(2, 200))


def nothing(stream: bytes, chance: random.Random) -> bytes:
    """Zeros."""
    return bytes(chance.choice((8, len(stream), 400)))


def resized_picture(data: bytes, chance: random.Random) -> bytes:
    """Another size of nearly the same number of latents, header's checksum made anew."""
    fields = list(HEADER.unpack_from(data))
    fields[4], fields[5] = chance.choice(((fields[5], fields[4]), (fields[4] + chance.randrange(-15, 16), fields[5])))
    fields[4] = max(1, fields[4])
    return sealed_head(HEADER.pack(*fields) + data[HEADER.size :])


def forged(data: bytes, chance: random.Random) -> bytes:
    """As `payload`, and the checksum of the symbols made anew as well: a valid file of another picture."""
    from codec.conha import bitstream, coding

    changed = payload(data, chance)
    picture = bitstream.unpack(data)
    try:
        coding.read_symbols(bitstream.unpack(changed), MODEL[0])
    except bitstream.BadFile:
        pass
    else:
        return changed
    found = _symbols_whatever(changed)
    return (
        changed
        if found is None
        else bitstream.pack(replace(bitstream.unpack(changed), symbols_crc=found, grey=picture.grey))
    )


def _symbols_whatever(data: bytes) -> int | None:
    """The checksum that the symbols of a file have, whatever it says."""
    from codec.conha import bitstream, coding

    seen: list[int] = []

    class Noted(coding.Symbols):
        def crc(self, started: int) -> int:
            seen.append(super().crc(started))
            return seen[-1]

    kept, coding.Symbols = coding.Symbols, Noted  # type: ignore[misc]
    try:
        coding.read_symbols(bitstream.unpack(data), MODEL[0])
    except bitstream.BadFile:
        pass
    finally:
        coding.Symbols = kept  # type: ignore[misc]
    return seen[0] if seen else None


MUTATIONS: dict[str, tuple[Mutation, int]] = {
    "cut off": (cut, 12), "bits flipped": (flipped, 16), "a stretch overwritten": (overwritten, 10),
    "stretches exchanged": (swapped, 6), "bytes put in or out": (moved, 8), "foreign, empty": (foreign, 6),
    "hostile header, its CRC anew": (hostile, 12), "another size, its CRC anew": (resized_picture, 4),
    "payload, all container CRCs anew": (payload, 22), "payload, the symbols' CRC too": (forged, 4),
}  # fmt: skip
MODEL: list[Any] = []


class Judge:
    """The golden files with the pictures that they hold."""

    def __init__(self) -> None:
        import gzip

        import torch

        from codec.conha import checkpoint, coding

        torch.set_num_threads(1)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.safetensors"
            path.write_bytes(gzip.decompress((GOLDEN / "model.safetensors.gz").read_bytes()))
            MODEL[:] = [checkpoint.load(path)]
        self.files = [path.read_bytes() for path in sorted(GOLDEN.glob("*.cnha"))]
        self.pictures = [coding.decompress(data, MODEL[0]) for data in self.files]

    def outcome(self, number: int) -> tuple[str, str]:
        """Kind of mutation and what came of it; raises where that is not right."""
        from codec.conha import bitstream, coding

        chance = random.Random(number)
        kind = chance.choices(list(MUTATIONS), [weight for _, weight in MUTATIONS.values()])[0]
        at = chance.choice((0, 0, 0, 1, 1, 2))
        data = MUTATIONS[kind][0](self.files[at], chance)
        try:
            found = coding.decompress(data, MODEL[0])
        except bitstream.BadFile as refused:
            return kind, type(refused).__name__
        if found.shape == self.pictures[at].shape and (found == self.pictures[at]).all():
            return kind, "the same picture"
        if any(data == file for file in self.files):
            return kind, "the same picture"
        if MUTATIONS[kind][0] is forged:
            return kind, "valid, another picture"
        raise AssertionError(f"mutation {number} ({kind}) decodes to a wrong picture without a word")


def run_batch(first: int, count: int) -> Counter[tuple[str, str]]:
    """In this process, under its limits."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    judge, seen = Judge(), Counter[tuple[str, str]]()
    for number in range(first, first + count):
        signal.alarm(SECONDS)  # nobody handles it, so it ends the process
        sys.stderr.write(f"{number}\n")
        seen[judge.outcome(number)] += 1
    signal.alarm(0)
    return seen


def child(first: int, count: int) -> dict[str, dict[str, int]]:
    """A batch in a process of its own; ends the run where the process does not end well."""
    words = [sys.executable, "-m", "tests.benchmarks.mutations", "--batch", str(first), str(count)]
    done = subprocess.run(words, cwd=HOUSE, capture_output=True, text=True, check=False)
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if line.isdigit()][-1:]
        raise SystemExit(f"mutation {''.join(last)} ended its process ({done.returncode}):\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def table(batches: list[dict[str, dict[str, int]]]) -> str:
    """Markdown: a row a mutation, a column an outcome."""
    seen: dict[str, Counter[str]] = {kind: Counter() for kind in MUTATIONS}
    for batch in batches:
        for kind, outcomes in batch.items():
            seen[kind] += Counter(outcomes)
    columns = sorted({outcome for outcomes in seen.values() for outcome in outcomes})
    lines = [f"| mutation | files | {' | '.join(columns)} |", f"|---|{'---:|' * (len(columns) + 1)}"]
    for kind, outcomes in [*seen.items(), ("all", sum(seen.values(), Counter()))]:
        cells = [f"{outcomes[column]:,}" if outcomes[column] else "" for column in columns]
        lines.append(f"| {kind} | {outcomes.total():,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run what the ledger does not hold yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--ledger", type=Path, default=Path("mutations.jsonl"))
    parser.add_argument("--batch", nargs=2, type=int, metavar=("FIRST", "COUNT"), help=argparse.SUPPRESS)
    parser.add_argument("--only", type=int, metavar="NUMBER", help="one mutation again, in this process")
    wanted = parser.parse_args()
    if wanted.only is not None:
        print(Judge().outcome(wanted.only))
        return
    if wanted.batch:
        nested: dict[str, dict[str, int]] = {}
        for (kind, outcome), times in run_batch(*wanted.batch).items():
            nested.setdefault(kind, {})[outcome] = times
        print(json.dumps(nested))
        return
    lines = wanted.ledger.read_text().splitlines() if wanted.ledger.exists() else []
    batches: dict[int, dict[str, dict[str, int]]] = dict(map(json.loads, lines))
    for first in range(0, wanted.files, BATCH):
        if first not in batches:
            batches[first] = child(first, min(BATCH, wanted.files - first))
            with wanted.ledger.open("a") as ledger:
                ledger.write(json.dumps([first, batches[first]]) + "\n")
    print(table(list(batches.values())))


if __name__ == "__main__":
    main()
