"""Labels given away: checked against their own counts and the consent, or refused."""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from analysis.labels import LABELS_COLUMNS
from analysis.release_commands import release

CONSENT = "You may stop at any time. Your answers are published\nwithout your name, as counts a picture."
SENTENCE = "Your answers are published without your name, as counts a picture."
DESIGN = f'study.name = "birds"\ntexts.consent = """{CONSENT}"""\n'
Change = Callable[[list[dict[str, str]]], None]


def rows(simulated: str = "0", config: str | None = None) -> list[dict[str, str]]:
    """Two labels with eight and four votes."""
    digest = hashlib.sha256(DESIGN.encode()).hexdigest() if config is None else config
    alike = {
        "source_sha256": "1" * 64, "tag": "", "crop_x": "0", "crop_y": "0", "crop_width": "64", "crop_height": "64",
        "hallucinated": "gan@0.14", "faithful": "mse@0.14", "rate": "0.14", "asks_for": "prefer", "reference": "never",
        "layout": "flip", "share_low": "0.1", "share_high": "0.9", "study": "birds", "config": digest,
        "votes_sha256": "2" * 64, "simulated": simulated, "view": "crop",
    }  # fmt: skip
    one = {"source": "a", "participants": "8", "votes": "8", "hallucinated_votes": "5", "faithful_votes": "2",
           "not_sure_votes": "1", "share": f"{6 / 9:.6f}"}  # fmt: skip
    two = {"source": "b", "participants": "3", "votes": "4", "hallucinated_votes": "0", "faithful_votes": "4",
           "not_sure_votes": "0", "share": f"{0.5 / 5:.6f}"}  # fmt: skip
    return [alike | one, alike | two]


def written(path: Path, labels: list[dict[str, str]]) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, LABELS_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(labels)
    path.write_text(text.getvalue())
    return path


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    (tmp_path / "design.toml").write_text(DESIGN)

    def invoked(labels: list[dict[str, str]], *words: object, consent: str = SENTENCE, design: bool = True) -> Result:
        path = written(tmp_path / "labels.csv", labels)
        given = ["--design", tmp_path / "design.toml"] if design else []
        asked = [path, "-o", tmp_path / "out", "--licence", "CC-BY-4.0", "--consent", consent, *given, *words]
        return CliRunner().invoke(release, [str(word) for word in asked])

    return invoked


def test_a_release_holds_the_table_its_card_and_its_descriptor(run: Callable[..., Result], tmp_path: Path) -> None:
    done = run(rows())
    assert done.exit_code == 0, done.output
    assert f"Released 2 labels of 12 votes: {tmp_path / 'out'}" in done.stdout
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["README.md", "datapackage.json", "labels.csv"]
    data = (tmp_path / "labels.csv").read_bytes()
    assert (tmp_path / "out" / "labels.csv").read_bytes() == data
    card = (tmp_path / "out" / "README.md").read_text()
    for said in (
        "| asked | which they would rather have (`asks_for` prefer) |",
        "| the original | never in view (`reference` never) |",
        "| labels | 2, of 1 images |",
        "| votes | 12; 4 to 8 a label |",
        "| of them | 5 hallucinated, 6 faithful, 1 not sure |",
        "| simulated | no |",
        "| licence | CC-BY-4.0 |",
        "| gan@0.14 | mse@0.14 | 0.14 | 2 |",
        f'agreed: "{SENTENCE}" This sentence stands in the consent of the frozen study',
        hashlib.sha256(data).hexdigest(),
        "2" * 64,
    ):
        assert said in card
    package = json.loads((tmp_path / "out" / "datapackage.json").read_text())
    assert package["licenses"] == [{"name": "CC-BY-4.0"}]
    resource = package["resources"][0]
    assert (resource["bytes"], resource["hash"]) == (len(data), f"sha256:{hashlib.sha256(data).hexdigest()}")
    assert [field["name"] for field in resource["schema"]["fields"]] == list(LABELS_COLUMNS)


def test_the_same_labels_give_the_same_bytes(run: Callable[..., Result], tmp_path: Path) -> None:
    before = []
    for _ in range(2):
        assert run(rows()).exit_code == 0
        before.append({path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()})
    assert before[0] == before[1]


def test_simulated_labels_are_released_only_as_what_they_are(run: Callable[..., Result], tmp_path: Path) -> None:
    assert "simulated votes, which are no data of people; say so" in run(rows("1")).stderr
    assert not (tmp_path / "out").exists()
    assert run(rows("1"), "--simulated").exit_code == 0
    assert "**Simulated: no person voted." in (tmp_path / "out" / "README.md").read_text()
    assert "made from people's votes; leave `--simulated` out" in run(rows(), "--simulated").stderr


def test_the_consent_must_say_so(run: Callable[..., Result], tmp_path: Path) -> None:
    assert "does not say 'You agree to everything.'" in run(rows(), consent="You agree to everything.").stderr
    assert "is empty" in run(rows(), consent=" ").stderr
    assert "name its design.toml" in run(rows(), design=False).stderr
    assert "is not the frozen study of these labels" in run(rows(config="3" * 64)).stderr
    assert not (tmp_path / "out").exists()
    assert run(rows(config=""), design=False).exit_code == 0
    assert "is the publisher's word, unchecked" in (tmp_path / "out" / "README.md").read_text()


def change(row: int, **cells: str) -> Change:
    return lambda labels: labels[row].update(cells)


SPOILED: dict[str, tuple[Change, str]] = {
    "a count": (change(1, votes="5"), "line 3, column votes: the counts do not add up"),
    "a share": (change(0, share="0.7"), "line 2, column share: '0.7' does not follow"),
    "no share": (change(0, share="nan"), "column share: 'nan' does not follow"),
    "no count": (change(0, faithful_votes="-2"), "'-2' is no count"),
    "two questions": (change(1, asks_for="closer"), "line 3, column asks_for: is 'closer'"),
    "two files": (change(1, votes_sha256="4" * 64), "line 3, column votes_sha256"),
    "mixed with simulated": (change(1, simulated="1"), "line 3, column simulated"),
    "no mark": (lambda labels: [row.update(simulated="") for row in labels] and None, "column simulated: is ''"),
}  # fmt: skip


@pytest.mark.parametrize("fault", SPOILED)
def test_labels_that_contradict_themselves_are_refused(run: Callable[..., Result], tmp_path: Path, fault: str) -> None:
    labels = rows()
    spoil, says = SPOILED[fault]
    spoil(labels)
    done = run(labels)
    assert done.exit_code == 1
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_licence_is_a_short_name_and_a_folder_of_others_stays(run: Callable[..., Result], tmp_path: Path) -> None:
    assert "is no licence's short name" in run(rows(), "--licence", "do what you want").stderr
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert "holds files but no datapackage.json" in run(rows()).stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
