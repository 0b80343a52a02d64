"""Backbones side by side on one file of labels: how well each tells votes out of fold, and what it costs.

    TORCH_HOME=... python tests/benchmarks/backbones.py labels.csv photographs [--untrained] [--device cuda] [NAME ...]

Without names: all of torchvision's whose weights are there. `--untrained` adds the same networks with random weights,
marked as such. The cost is that of features alone, on crops of the labelled size; decoding comes on top.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from codec.errors import Refusal
from codec.preference.backbones import TORCHVISION, UNTRAINED, Backbone, load
from codec.preference.card import interval
from codec.preference.evaluation import Settings
from codec.preference.fitting import Fit, Given, fit
from codec.preference.labels import read_labels

MEASURES = ("accuracy", "auc", "log_loss")
SECONDS = 3.0
BATCH = 8


def main() -> None:
    given = arguments()
    size = read_labels(given.labels).size
    threads = torch.get_num_threads()
    print(f"Crops of {size[0]}x{size[1]} pixels, batches of {BATCH}, {given.device}, {threads} threads.\n")
    print("| backbone | features | parameters, M | crops/s | " + " | ".join(MEASURES) + " | sd of w |")
    print("|---|---|---|---|" + "---|" * (len(MEASURES) + 1))
    with tempfile.TemporaryDirectory() as folder:
        for backbone in there(given.names or TORCHVISION, untrained=given.untrained):
            backbone.to(given.device)
            settings = Settings(rounds=500)
            cache = given.cache or Path(folder)
            found = fit(given.labels, given.sources, Given(backbone, cache, margins=(), settings=settings))
            print(line(backbone, found, speed(backbone, size)), flush=True)
        if found.card.simulated:
            print("\nSIMULATED: no person cast these votes.")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labels", type=Path)
    parser.add_argument("sources", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--untrained", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--cache", type=Path)
    return parser.parse_args()


def there(names: tuple[str, ...], *, untrained: bool) -> list[Backbone]:
    """Those whose weights are there; which are not, on standard error."""
    found = []
    for name in names:
        try:
            found.append(load(name))
        except Refusal as refusal:
            print(f"{name} is left out: {refusal.message}", file=sys.stderr)
    return found + ([load(name + UNTRAINED) for name in names if not name.endswith(UNTRAINED)] if untrained else [])


def speed(backbone: Backbone, size: tuple[int, int]) -> float:
    """Crops a second."""
    images = torch.rand(BATCH, 3, size[1], size[0], device=backbone.device)
    done, began = -BATCH, time.perf_counter()
    with torch.inference_mode():
        while time.perf_counter() - began < SECONDS:
            backbone(images).cpu()  # waits for the device
            done += BATCH
            if not done:
                began = time.perf_counter()  # the first batch only warms up
    return done / (time.perf_counter() - began)


def line(backbone: Backbone, found: Fit, rate: float) -> str:
    of = {(row.evaluation, row.predictor, row.measure): row for row in found.rows if not row.tag}
    values = [of["cross_validation", "model", measure] for measure in (*MEASURES, "w_sd")]
    told = [interval(row.value, row.low, row.high) for row in values]
    millions = backbone.parameters_count / 1e6
    return f"| {backbone.name} | {backbone.width} | {millions:.1f} | {rate:.1f} | {' | '.join(told)} |"


if __name__ == "__main__":
    main()
