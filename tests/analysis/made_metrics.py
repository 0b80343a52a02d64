"""Votes on images whose true quality is known, and stimuli.csv with metrics that know it, or do not."""

from collections.abc import Mapping, Sequence

import numpy as np

from tests.analysis.made_votes import Rows, digest, stimulus_rows

CODECS = ("avif", "bpg", "jpeg", "jxl")


def study(
    seed: int, *, participants: int = 12, sources: int = 12, votes: int = 72, rates: Sequence[float] = (0.5,)
) -> tuple[Rows, dict[tuple[object, object], float], float]:
    """Return vote rows, the true quality in logits of each (source, condition), and the best score on these votes.

    Participants differ by chance alone. Half of the sources have the tag `text`.
    """
    rng, rows, best = np.random.default_rng(seed), [], []
    names = [
        (f"photo-{one:02d}", f"{codec}@{rate:.2f}") for one in range(sources) for rate in rates for codec in CODECS
    ]
    quality = dict(zip(names, rng.normal(0, 1, len(names)).tolist(), strict=True))
    for person in range(participants):
        for rate in rates:
            for _ in range(votes // len(rates)):
                left, right = rng.permutation(CODECS)[:2]
                source = f"photo-{rng.integers(sources):02d}"
                sides = {"left": left, "right": right}
                gap = quality[source, f"{left}@{rate:.2f}"] - quality[source, f"{right}@{rate:.2f}"]
                chance = 1 / (1 + np.exp(-gap))
                best.append(max(chance, 1 - chance))
                rows.append(
                    {
                        "vote": len(rows) + 1,
                        "simulated": 1,
                        "participant": f"p{person:02d}",
                        "kind": "rating",
                        "asks_for": "prefer",
                        "source": source,
                        "source_sha256": digest(source),
                        "tag": "text" if int(source[-2:]) % 2 else "plain",
                        **dict.fromkeys(("crop_x", "crop_y"), 8),
                        **dict.fromkeys(("crop_width", "crop_height"), 256),
                        **{side: f"{codec}@{rate:.2f}" for side, codec in sides.items()},
                        **{f"{side}_codec": codec for side, codec in sides.items()},
                        **{f"{side}_rate": rate for side in sides},
                        **{f"{side}_sha256": digest(source, codec, rate) for side, codec in sides.items()},
                        "choice": "left" if rng.random() < chance else "right",
                        "strategy": "balanced",
                        "probability": 0.25,
                    }
                )
    return rows, quality, float(np.mean(best))


def stimuli(rows: Rows, **metrics: Mapping[tuple[object, object], float]) -> Rows:
    """Return the rows of stimuli.csv with these metrics, each by (source, condition), and no others."""
    found = []
    for row in stimulus_rows(rows):
        bare = {name: cell for name, cell in row.items() if name not in ("psnr", "ms_ssim")}
        found.append(bare | {name: f"{of[row['source'], row['condition']]:.9f}" for name, of in metrics.items()})
    return found
