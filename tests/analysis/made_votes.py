"""Votes to test with: made here from known ratings, so every figure has a truth beside it."""

import csv
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

Rows = list[dict[str, object]]


def digest(*parts: object) -> str:
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()


def vote_rows(
    seed: int,
    ratings: Mapping[float, Mapping[str, float]],
    *,
    participants: int = 12,
    sources: int = 8,
    votes: int = 20,
    not_sure: float = 0.0,
    **cells: object,
) -> Rows:
    """Votes at random pairs within a rate: `ratings[rate][codec]` in Elo points, `votes` a participant and rate."""
    rng, rows = np.random.default_rng(seed), []
    for participant in range(participants):
        for rate, of_codec in ratings.items():
            for _ in range(votes):
                left, right = rng.permutation(sorted(of_codec))[:2]
                wins = rng.random() < 1 / (1 + 10 ** ((of_codec[right] - of_codec[left]) / 400))
                choice = "not_sure" if rng.random() < not_sure else "left" if wins else "right"
                source = f"photo-{rng.integers(sources):02d}"
                sides = {"left": left, "right": right}
                rows.append(
                    {
                        "vote": len(rows) + 1,
                        "study": "made",
                        "config": digest("config"),
                        "simulated": 1,
                        "participant": f"p{participant:02d}",
                        "kind": "rating",
                        "asks_for": "prefer",
                        "reference": "always",
                        "layout": "side_by_side",
                        "source": source,
                        "source_sha256": digest(source),
                        "tag": "",
                        "crop_x": 8,
                        "crop_y": 16,
                        "crop_width": 256,
                        "crop_height": 256,
                        **{side: f"{codec}@{rate:.2f}" for side, codec in sides.items()},
                        **{f"{side}_codec": codec for side, codec in sides.items()},
                        **{f"{side}_rate": rate for side in sides},
                        **{f"{side}_sha256": digest(source, codec, rate) for side, codec in sides.items()},
                        "choice": choice,
                        **cells,
                    }
                )
    return rows


def stimulus_rows(votes: Rows) -> Rows:
    """The rows of stimuli.csv that fit the votes, with one mean by codec and rate that tests can predict."""
    rows = {}
    for vote in votes:
        for side in ("left", "right"):
            codec, rate, source = vote[f"{side}_codec"], float(str(vote[f"{side}_rate"])), vote["source"]
            offset = int(str(source)[-2:]) * 0.001 + {"avif": 0.01, "jpeg": -0.01}.get(str(codec), 0)
            rows[source, codec, rate] = {
                **{name: vote[name] for name in ("source", "source_sha256", "tag", "crop_x", "crop_y")},
                "crop_width": 256,
                "crop_height": 256,
                "source_width": 512,
                "source_height": 384,
                "condition": vote[side],
                "codec": codec,
                "rate": rate,
                "rate_matched": 1,
                "path": f"images/{vote[f'{side}_sha256']}.png",
                "sha256": vote[f"{side}_sha256"],
                "context_path": "",
                "bpp": f"{rate + offset:.4f}",
                "bytes": 1000,
                "encoder": "made here",
                "bitstream_sha256": digest("bits", source, codec, rate),
                "model": "",
                "leak": 0,
                "psnr": f"{30 + 10 * rate + offset:.2f}",
                "ms_ssim": "" if codec == "jpeg" else "0.9500",
            }
    return list(rows.values())


def write_csv(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    rows = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def pair_rows(*votes: tuple[str, str, str], **cells: object) -> Rows:
    """Rows of (left, right, choice), one participant and source each unless the cells say otherwise."""
    return [
        {
            "vote": number,
            "participant": f"p{number}",
            "source": f"s{number}",
            "left": left,
            "right": right,
            "choice": choice,
        }
        | cells
        for number, (left, right, choice) in enumerate(votes, 1)
    ]
