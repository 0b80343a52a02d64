"""What this project does with the same votes, from integer codes to the numbers, counting included."""

import atexit
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pandas as pd

from analysis import bradley_terry as bt
from analysis.bootstrap import bootstrap
from analysis.counts import Counts, count
from analysis.elo import EloSettings, replayed
from analysis.intervals import uncertainty
from analysis.votes import VOTES_COLUMNS, Item, Votes
from tests.benchmarks.peers import Made, Work

HOUSE = Path(__file__).resolve().parents[2]


def coded(votes: Made, *, clusters: bool) -> Votes:
    """Return the votes as `analysis` holds them; without `clusters` all are of one person, on no named image."""
    one = np.zeros_like(votes.left)
    return Votes(
        path=Path("votes.csv"),
        sha256="",
        lines=np.arange(len(one)) + 2,
        frame=pd.DataFrame(index=pd.RangeIndex(len(one))),
        items=tuple(Item(None, f"system-{index:03d}", "") for index in range(votes.n)),
        participants=tuple(map(str, range(40 if clusters else 1))),
        sources=tuple(map(str, range(30))) if clusters else (),
        left=votes.left,
        right=votes.right,
        participant=votes.person if clusters else one,
        source=votes.image if clusters else one - 1,
        outcome=votes.outcome,
    )


def _counted(votes: Votes) -> Counts:
    return count(votes)[0]


def our_bootstrap(votes: Made, rounds: int) -> Work:
    """Bradley-Terry, ties half a win as the peers take them."""
    data = coded(votes, clusters=False)
    return lambda: bootstrap(_counted(data), "votes", rounds, 1, ties="half").interval()


def our_fit(votes: Made, _rounds: int) -> Work:
    """One fit of Davidson's model."""
    data = coded(votes, clusters=False)

    def work() -> bt.Fit:
        counts = _counted(data)
        return bt.fit(counts.first, counts.second, counts.table)

    return work


def our_elo(votes: Made, rounds: int) -> Work:
    """Elo, K 32, resampled."""
    data = coded(votes, clusters=False)
    return lambda: replayed(_counted(data), EloSettings(rounds=rounds))


def our_intervals(votes: Made, _rounds: int) -> Work:
    """A fit with two-way clustered intervals over 40 people and 30 images."""
    data = coded(votes, clusters=True)

    def work() -> object:
        counts = _counted(data)
        return uncertainty(counts, bt.fit(counts.first, counts.second, counts.table), "both")

    return work


def our_report(votes: Made, _rounds: int) -> Work:
    """A report of the votes as the command writes it, from an export with every column to the files, in a process."""
    folder = Path(mkdtemp(prefix="benchmark-report-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    exported(folder / "votes.csv", votes)
    words = [sys.executable, str(HOUSE / "manage.py"), "analysis", "report", "votes.csv", "-o", "report"]

    def work() -> None:
        shutil.rmtree(folder / "report", ignore_errors=True)
        subprocess.run(words, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    return work


def exported(path: Path, votes: Made) -> None:
    """Write the votes as an export does, every column filled but those that only some votes have."""
    digests = [sha256(str(number).encode()).hexdigest() for number in range(max(votes.n, 30))]
    fixed = {
        "study": "made",
        "config": digests[0],
        "simulated": "0",
        "block": "1",
        "kind": "rating",
        "asks_for": "prefer",
        "reference": "always",
        "layout": "side_by_side",
        **dict.fromkeys(("crop_width", "crop_height"), "256"),
        **dict.fromkeys(("crop_x", "crop_y"), "64"),
        **dict.fromkeys(("left_rate", "right_rate"), "0.3"),
        **dict.fromkeys(("left_bpp", "right_bpp"), "0.3012"),
        **dict.fromkeys(("shown_at", "voted_at"), "2024-05-06T07:08:09.123Z"),
        **dict.fromkeys(("left_ms", "right_ms", "reference_ms"), "1200"),
        **dict.fromkeys(("zoomed", "hidden_ms", "reloads", "geometry_changes"), "0"),
        "viewport_width": "1920",
        "viewport_height": "1080",
        "device_pixel_ratio": "1",
        "device_pixels_per_pixel": "1",
        "pixel_exact": "1",
        "bytes_verified": "1",
        "strategy": "random",
        "probability": "1",
        "view": "crop",
    }
    varying = "vote participant session trial position source source_sha256 left right left_codec right_codec".split()
    varying += "left_sha256 right_sha256 reference_sha256 choice response_ms flips".split()
    row = ",".join("%s" if name in varying else fixed.get(name, "") for name in VOTES_COLUMNS) + "\n"
    order = [name for name in VOTES_COLUMNS if name in varying]
    word, trials = {1: "left", -1: "right", 0: "not_sure"}, np.zeros(40, int)
    columns = (votes.left.tolist(), votes.right.tolist(), votes.outcome.tolist(), votes.person.tolist())
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(VOTES_COLUMNS) + "\n")
        for number, (left, right, won, person, image) in enumerate(zip(*columns, votes.image.tolist(), strict=True), 1):
            trials[person] += 1
            cells = {
                "vote": number,
                "participant": f"p{person:02d}",
                "session": f"s{person:02d}",
                "trial": trials[person],
                "position": trials[person],
                "source": f"photo-{image:02d}",
                "source_sha256": digests[image],
                "left": f"system-{left:03d}@0.30",
                "right": f"system-{right:03d}@0.30",
                "left_codec": f"system-{left:03d}",
                "right_codec": f"system-{right:03d}",
                "left_sha256": digests[left],
                "right_sha256": digests[right],
                "reference_sha256": digests[image],
                "choice": word[won],
                "response_ms": 1000 + 37 * number % 4000,
                "flips": 3 + number % 4,
            }
            file.write(row % tuple(cells[name] for name in order))
