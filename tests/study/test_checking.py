"""`study check` finds what would spoil a study before anyone is paid, and says where and what to do."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from study import checking, finding, png
from study.cli import cli
from study.finding import Finding

ROOT = Path(__file__).resolve().parents[2]
CLEAR = {"reference": 120, "catch": 250}
GOOD = '[design]\ntrials = 40\nparticipants = 2000\n[analysis]\nprimary = ["jpeg@0.50,webp@0.50"]\nwished = 100\n'


def good(maker: Any, sources: int = 10, conditions: tuple[str, ...] = ("jpeg@0.50", "webp@0.50")) -> Any:
    """A folder in which nothing is wrong: catches are as plain as can be."""
    maker.toml = GOOD
    for number in range(sources):
        for at, condition in enumerate(("reference", "catch", *conditions)):
            grey = CLEAR.get(condition, 121 + at)
            maker.add(f"source{number}", condition, (grey, grey, grey + number % 2), 0)
    return maker


def put(maker: Any, at: int, content: bytes) -> None:
    """Give a row another image, with its true hash."""
    row = maker.rows[at]
    row["sha256"] = hashlib.sha256(content).hexdigest()
    row["path"] = f"images/{row['sha256']}.png"
    (maker.path / row["path"]).write_bytes(content)


def said(maker: Any, severity: str | None = None) -> list[str]:
    report = checking.check(maker.write())
    return [f.says for f in report.findings if severity in {None, f.severity}]


def run(*words: object) -> Any:
    return CliRunner().invoke(cli, [str(word) for word in words])


def test_a_good_folder_has_nothing_but_notes(maker: Any) -> None:
    report = checking.check(good(maker).write())
    assert {f.severity for f in report.findings} == {"note"}
    assert [f.kind for f in report.findings] == ["duration"]
    result = run("check", maker.path)
    assert result.exit_code == 0
    assert result.output.startswith("Study `tiny` can be loaded.\n10 crops of 10 sources, 2 conditions, 10 pairs;")


def no_reference(maker: Any, _png: Any) -> None:
    del maker.rows[0]


def no_condition(maker: Any, _png: Any) -> None:
    del maker.rows[2]


def unmatched(maker: Any, _png: Any) -> None:
    maker.rows[3] |= {"rate_matched": "0", "bpp": "0.61"}


def wrong_size(maker: Any, draw: Any) -> None:
    put(maker, 2, draw((1, 2, 3), 9))


def alpha(maker: Any, draw: Any) -> None:
    put(maker, 2, draw((1, 2, 3), kind=6))


def profile(maker: Any, draw: Any) -> None:
    put(maker, 2, draw((1, 2, 3), extra=b"iCCP"))


def gamma(maker: Any, draw: Any) -> None:
    put(maker, 2, draw((1, 2, 3), extra=b"gAMA"))


def words(maker: Any, draw: Any) -> None:
    put(maker, 2, draw((1, 2, 3), extra=b"tEXt"))


def deep(maker: Any, draw: Any) -> None:
    put(maker, 2, draw((1, 2, 3), depth=16))


def faint(maker: Any, draw: Any) -> None:
    put(maker, 1, draw((122, 121, 120)))


def between(maker: Any, draw: Any) -> None:
    """The catch is worse than much, but so is a condition."""
    put(maker, 1, draw((160, 160, 160)))
    put(maker, 3, draw((165, 165, 165)))


def hidden(maker: Any, _png: Any) -> None:
    maker.rows[1] |= {key: maker.rows[0][key] for key in ("path", "sha256")}


def leaked(maker: Any, _png: Any) -> None:
    for at in (2, 6):
        maker.rows[at]["leak"] = "1"


def unknown(maker: Any, _png: Any) -> None:
    maker.toml = maker.toml.replace("webp@0.50", "gan@0.50")


def never(maker: Any, _png: Any) -> None:
    for number in range(10):
        maker.add(f"source{number}", "avif@0.25", (124, 124, 124), 0)
    maker.toml = maker.toml.replace("webp@0.50", "avif@0.25")


def few_votes(maker: Any, _png: Any) -> None:
    maker.toml = maker.toml.replace("2000", "30")


def few_images(maker: Any, _png: Any) -> None:
    maker.rows = maker.rows[:16]


def long(maker: Any, _png: Any) -> None:
    maker.toml = maker.toml.replace("trials = 40", "trials = 300\nrates = 'across'")
    for number in range(10):
        for at in range(6):
            maker.add(f"source{number}", f"avif@0.{at + 1}", (124 + at, 124, 124), 0)


def mixed(maker: Any, draw: Any) -> None:
    for at in range(4):
        put(maker, at, draw(((120, 250, 123, 124)[at],) * 3, 16))
        maker.rows[at] |= {"crop_width": "16", "crop_height": "16"}


def foreign(maker: Any, _png: Any) -> None:
    maker.toml = (
        '[study]\nlanguages = ["en", "de", "ar"]\n' + maker.toml + '[texts]\nquestion = "Which?"\npay = "5"\n'
        '[translations.de]\nquestion = "Welches?"\npay = "5"\n'
    )


def same(maker: Any, _png: Any) -> None:
    maker.rows[3] |= {key: maker.rows[2][key] for key in ("path", "sha256")}


def copied(maker: Any, _png: Any) -> None:
    maker.rows[2] |= {key: maker.rows[0][key] for key in ("path", "sha256")}


GAN = (
    "`analysis.primary` names `gan@0.50`, which is neither a condition nor a codec of stimuli.csv: write one of "
    "jpeg@0.50, webp@0.50, or make its images."
)
NEVER = (
    '`analysis.primary` has "jpeg@0.50,avif@0.25", but no crop shows both at one rate, so they are never compared: '
    'set `design.rates = "across"`, or name others.'
)
MISSING = (
    "`jpeg@0.50` is missing in 1 of 10 crops (first: `source0` at 0,0), so its rating rests on other images than the "
    "others' do: make these images, or take the crops out."
)
UNMATCHED = (
    "1 of 20 stimuli miss their rate by more than the tolerance (`rate_matched` is 0; first: line 5, 0.61 for 0.50 "
    "bits per pixel), so people would compare numbers of bits: leave these images out at that rate for all codecs"
)
FAINT = "the catch of `source0` at 0,0 (line 3) has a PSNR of 45.9 dB, at which many see no fault: degrade it more"
BETWEEN = (
    "the catch of `source0` at 0,0 (line 3) has a PSNR of 16.1 dB, and webp@0.50, which is rated, 15.1 dB: degrade it "
    "more, or delete its row; the answer to a catch must be plain."
)
WEAK = (
    "1 of 1 primary comparisons will have too few votes: jpeg@0.50,webp@0.50 gets about 300 by 30 participants on 10 "
    "sources, which tell 113 points; 62 would tell the 100 Elo points of `analysis.wished` (80% power, level 0.05, "
    "people and images that differ by 80): raise `design.participants` or `design.votes_per_pair`, or wish for less."
)
ARABIC = (
    "`[texts]` has pay, question of its own, `[translations.ar]` has not, so that readers of ar get other words: "
    "translate them there."
)
SAME = (
    "1 pairs have the same bytes on both sides (first: jpeg@0.50 and webp@0.50, lines 4 and 5) and are not asked "
    "about: see whether they should differ."
)
SPOILED: list[tuple[Callable[[Any, Any], None], str, str]] = [
    (no_reference, "refusal", "the crop at 0,0 of `source0` has no `reference` row; make the folder again."),
    (wrong_size, "refusal", "is 9x9, but its row says 8x8; make the folder again"),
    (alpha, "refusal", "is not 8-bit RGB (bit depth 8, PNG colour type 6); make the folder again"),
    (profile, "refusal", "carries a colour profile (chunk iCCP)"),
    (gamma, "refusal", "carries a gamma or primaries chunk (chunk gAMA)"),
    (words, "refusal", "carries text (chunk tEXt)"),
    (deep, "refusal", "is not 8-bit RGB (bit depth 16, PNG colour type 2)"),
    (hidden, "refusal", "this `catch` image has the bytes of its reference (line 2), so no answer is right"),
    (unknown, "refusal", GAN),
    (never, "refusal", NEVER),
    (no_condition, "warning", MISSING),
    (unmatched, "warning", UNMATCHED),
    (faint, "warning", FAINT),
    (between, "warning", BETWEEN),
    (leaked, "warning", "2 sources trained the model that compressed them (jpeg on `source0` and 1 more; `leak` is 1)"),
    (few_votes, "warning", WEAK),
    (few_images, "warning", "all crops come from 4 sources, too few to speak for other images: take 5 at the very"),
    (long, "warning", "a session takes about 39 minutes (7 s a trial), and after 30 people tire: lower"),
    (mixed, "warning", "crops have 2 sizes (9 of 8x8, 1 of 16x16), and faults of larger images are easier to find"),
    (foreign, "warning", ARABIC),
    (same, "note", SAME),
    (copied, "note", "1 stimuli have the very bytes of their reference (first: jpeg@0.50, line 4): see whether they"),
]


@pytest.mark.parametrize(("spoil", "severity", "says"), SPOILED, ids=[spoil.__name__ for spoil, _, _ in SPOILED])
def test_a_spoiled_folder_is_told_in_one_sentence(
    maker: Any, draw_png: Any, spoil: Callable[[Any, Any], None], severity: str, says: str
) -> None:
    spoil(good(maker), draw_png)
    found = said(maker, severity)
    assert [message for message in found if says in message], found
    result = run("check", maker.path)
    assert result.exit_code == (severity == "refusal"), result.output
    assert all("\n" not in message for message in found)
    assert re.search(rf"^{severity.capitalize()}: .*{re.escape(says)}", result.output, re.MULTILINE)


@pytest.mark.parametrize("spoil", [spoil for spoil, severity, _ in SPOILED if severity == "refusal"])
def test_check_refuses_what_load_refuses_in_the_same_words(
    maker: Any, draw_png: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Any, Any], None]
) -> None:
    monkeypatch.setenv("STUDY_DATABASE_URL", f"sqlite:///{tmp_path / 'kept.sqlite'}")
    monkeypatch.setenv("STUDY_MEDIA", str(tmp_path / "media"))
    spoil(good(maker), draw_png)
    folder = maker.write()
    checked, loaded = run("check", folder), run("load", folder)
    assert (checked.exit_code, loaded.exit_code) == (1, 1)
    assert loaded.stderr.removeprefix("Error: ").strip() in checked.stdout
    assert not (tmp_path / "media").exists()


def test_all_refusals_are_told_and_alike_ones_counted(maker: Any, draw_png: Any) -> None:
    good(maker, sources=6)
    for at in range(2, 24, 4):
        put(maker, at, draw_png((at, 2, 3), kind=6))
    maker.rows[3]["bpp"] = "-1"
    found = said(maker, "refusal")
    assert len(found) == 7
    shown = run("check", maker.path).output.splitlines()
    assert sum("PNG colour type 6" in line for line in shown) == 3
    assert "... and 3 more like this; `--json` lists them all." in shown
    assert shown[-1] == checking.REPAIR
    parsed = json.loads(run("check", maker.path, "--json").output)
    assert (parsed["loadable"], [f["says"] for f in parsed["findings"]]) == (False, found)


def test_a_faulty_study_toml_is_one_refusal(maker: Any) -> None:
    good(maker).toml = "[study]\nkinds = 'label'"
    assert said(maker) == [f"{maker.path / 'study.toml'}: `study.kinds` is no key of a study; did you mean `kind`?"]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    result = run("check", tmp_path / "none")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "is no folder" in result.stderr


def test_the_worst_comes_first_and_one_more_alike_is_told() -> None:
    found = [
        Finding("note", "a", "n"),
        *(Finding("warning", "b", f"w{at}") for at in range(4)),
        Finding("refusal", "c", "r"),
    ]
    assert list(finding.lines(found)) == ["Refusal: r", *(f"Warning: w{at}" for at in range(4)), "Note: n"]
    found.append(Finding("warning", "b", "w4"))
    assert list(finding.lines(found))[1:5] == [
        "Warning: w0", "Warning: w1", "Warning: w2", "... and 2 more like this; `--json` lists them all.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("toml", "severity", "says"),
    [
        ("participants = 30", "warning", "a level"),
        ("participants = 0", "note", "62 participants would tell the 100 Elo points of `analysis.wished`"),
        ("participants = 4000", None, ""),
        ("votes_per_pair = 3", "warning", "gets about 30 by 3 participants on 10 sources, which tell"),
    ],
)
def test_the_wished_precision_is_held_against_the_quotas(
    maker: Any, toml: str, severity: str | None, says: str
) -> None:
    good(maker).toml = f"[design]\n{toml}\n[analysis]\nprimary = ['jpeg,webp']\nwished = 100\nlooks = []\n"
    found = [f for f in checking.check(maker.write()).findings if f.kind == "precision"]
    assert [f.severity for f in found] == ([severity] if severity else [])
    if severity and says != "a level":
        assert says in found[0].says, found[0].says


def test_too_few_images_cannot_be_made_up_for_by_people(maker: Any) -> None:
    good(maker, sources=5).toml = "[design]\nparticipants = 100000\n[analysis]\nwished = 20\n"
    (found,) = [f.says for f in checking.check(maker.write()).findings if f.kind == "precision"]
    assert "no number of participants would tell the 20 Elo points of" in found
    assert "on 5 sources, which never tell less than" in found
    maker.toml = "[design]\nparticipants = 100000\n[analysis]\nwished = 20\ninterval = 'participants'\n"
    assert not [f for f in checking.check(maker.write()).findings if f.kind == "precision"]


@pytest.mark.parametrize("more", ["looks = [10, 20]", "primary = ['jpeg,webp', 'jpeg,avif', 'webp,avif']", ""])
def test_looks_comparisons_and_questions_share_the_votes(maker: Any, more: str) -> None:
    def enough(toml: str) -> int:
        good_toml = f"{toml}\n[analysis]\nwished = 100\n{more}\n"
        maker.toml = good_toml
        (found,) = [f.says for f in checking.check(maker.write()).findings if f.kind == "precision"]
        number = re.search(r"(\d+) participants would tell", found)
        assert number, found
        return int(number[1])

    good(maker, conditions=("jpeg@0.50", "webp@0.50", "avif@0.50"))
    alone = enough("")
    maker.toml = ""
    both = enough("[study]\nor_asks_for = 'closer'")
    assert both == 2 * alone
    if more:
        more = ""
        assert enough("") < alone


def test_practice_that_tells_the_answers_of_catches_is_told(maker: Any) -> None:
    for sources, practice, tells in ((4, 1, True), (5, 1, False), (4, 0, False)):
        maker.rows = []
        good(
            maker, sources=sources
        ).toml = f"[design]\npractice = {practice}\npractice_rounds = 2\ntrials = 3\ncatch_rate = 1.0"
        assert any("whose answer practice may have told" in says for says in said(maker)) is tells


@pytest.mark.parametrize(
    ("quotas", "expected", "says"),
    [
        ((0, 15), 15.0, ""),
        ((10, 15), 10.0, "`design.participants` is 10: `design.participants` will end the study."),
        ((30, 15), 15.0, "`design.participants` is 30: `design.votes_per_pair` will end the study."),
        ((15, 15), 15.0, ""),
    ],
)
def test_the_quota_that_ends_the_study_is_named(
    maker: Any, quotas: tuple[int, int], expected: float, says: str
) -> None:
    good(maker, sources=2).toml = "[design]\nparticipants = {}\nvotes_per_pair = {}".format(*quotas)
    report = checking.check(maker.write())
    assert checking.as_json(report)["votes_a_pair_expected"] == expected
    assert any("15 participants give the 15 votes a pair" in f.says for f in report.findings) is bool(says)
    shown = checking.as_text(report)
    assert says in shown
    assert "2 rating trials a participant, and beside them 2 for practice, 0 catch, 0 identical and 0 rep" in shown


def test_the_summary_counts_what_would_be_asked(maker: Any) -> None:
    good(maker, sources=5, conditions=("jpeg@0.50", "jxl@0.50", "webp@0.50"))
    maker.toml = "[design]\ntrials = 4\nparticipants = 30\ncatch_rate = 0.3\nidentical_rate = 0.6\nrepeat_rate = 1.0"
    found = json.loads(run("check", maker.write(), "--json").output)
    del found["findings"]
    assert found == {
        "folder": str(maker.path), "loadable": True,
        "name": "tiny", "sources": 5, "crops": 5, "conditions": {"jpeg@0.50": 5, "jxl@0.50": 5, "webp@0.50": 5},
        "pairs": 15, "trials_a_participant": 4, "votes_a_pair_expected": 8.0, "participants_for_15_votes_a_pair": 57,
        "beside_them": {"practice": 2, "catch": 1, "identical": 2, "repeat": 4}, "in_context": False,
        "seconds_a_session": 91,
    }  # fmt: skip


def test_windows_are_told() -> None:
    assert "Every image has a larger window around it." in run("check", ROOT / "tests/doors/golden/stimuli").output


@pytest.mark.parametrize(("one", "two", "decibels"), [(0, 255, 0.0), (100, 101, 48.13), (100, 110, 28.13)])
def test_the_error_of_a_catch_is_that_of_its_pixels(draw_png: Any, one: int, two: int, decibels: float) -> None:
    found = png.psnr(draw_png((one, one, one)), draw_png((two, two, two)))
    assert found == pytest.approx(decibels, abs=0.01)


def test_images_without_a_difference_have_no_error(draw_png: Any) -> None:
    assert png.psnr(draw_png((1, 2, 3)), draw_png((1, 2, 3))) == float("inf")
