"""Makes the golden files anew, for a new version of the format: `python -m tests.codec.conha.make_golden`."""

import gzip
import json
import tempfile
from pathlib import Path

import numpy as np

from codec.conha import checkpoint, coding
from tests.codec.conha.conftest import CARD, random_codec

GOLDEN = Path(__file__).with_name("golden")


def main() -> None:
    codec, settings = random_codec(seed=2026, base=2)
    data = checkpoint.freeze(codec, settings, CARD)
    (GOLDEN / "model.safetensors.gz").write_bytes(gzip.compress(data, mtime=0))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        path.write_bytes(data)
        model = checkpoint.load(path)
    rows, columns = np.mgrid[:90, :150]
    waves = 128 + 100 * np.sin(rows / 9) * np.cos(columns / 13) + np.random.default_rng(0).normal(0, 12, (90, 150))
    colour = np.stack([waves, waves[::-1], waves[:, ::-1]], -1).clip(0, 255).astype(np.uint8)
    told = {"identity": model.metadata.identity}
    for name, pixels in (("colour", colour), ("grey", np.repeat(colour[:40, :37, :1], 3, 2)), ("one", colour[:1, :1])):
        coded = coding.compress(pixels, model)
        (GOLDEN / f"{name}.cnha").write_bytes(coded)
        told[name] = {
            "symbols_crc": coding.symbols_of(pixels, model).crc(0),
            "mean": [round(float(value), 3) for value in coding.decompress(coded, model).mean((0, 1))],
        }
    (GOLDEN / "golden.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
