"""The report: self-contained, the same bytes each time, and honest about what it cannot say."""

import csv
import hashlib
import io
import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from analysis import __version__
from analysis.elo import EloSettings
from analysis.files import Refusal
from analysis.findings import Asked, gather
from analysis.rating import Settings
from analysis.report import report_files
from analysis.report.tables import TABLES
from analysis.selection import Selection, select
from analysis.stimuli import read_stimuli
from analysis.votes import read_votes
from tests.analysis.made_votes import Rows, pair_rows, stimulus_rows, vote_rows, write_csv

Selected = Callable[..., Selection]
QUICK = Settings(elo=EloSettings(rounds=20))
TRUTH = {0.3: {"avif": 60, "jpeg": -60, "webp": 0}, 0.5: {"avif": 30, "jpeg": -30}}
VOID = {"meta", "wbr", "br", "link", "img", "input"}


class Page(HTMLParser):
    """The page's elements, its text, and whether every tag is closed where it should be."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words += f" {data}"

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", self.words)


def report(selection: Selection, settings: Settings = QUICK, asked: Asked | None = None) -> dict[str, str]:
    """The texts of a report."""
    files = report_files(gather(selection, settings, asked))
    return {name: text for name, text in files.items() if isinstance(text, str)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A simulated study with everything in it."""
    rows, folder = vote_rows(3, TRUTH, not_sure=0.1), tmp_path_factory.mktemp("made")
    stimuli = write_csv(folder / "stimuli.csv", stimulus_rows(rows))
    catch = {"left": "catch", "right": "reference", "kind": "catch", "expected": "right", "choice": "right"}
    catch |= {"left_codec": "", "right_codec": "", "left_rate": "", "right_rate": ""}
    rows += [rows[0] | catch | {"vote": 5000 + number} for number in range(9)]
    for number, row in enumerate(rows[:5]):
        same = {"left": row["right"], "left_codec": row["right_codec"]}
        rows.append(row | same | {"kind": "identical", "vote": 6000 + number})
    votes = read_votes(write_csv(folder / "votes.csv", rows))
    return report(select(votes), asked=Asked(stimuli=read_stimuli(stimuli)))


def test_the_page_is_well_formed_and_asks_nobody_for_anything(made: dict[str, str]) -> None:
    assert list(made) == ["report.html", "report.json", *(name for name in TABLES if name in made), "settings.json"]
    assert set(TABLES) - set(made) == {"random_share.csv"}
    page = Page(made["report.html"])
    for tag, attributes in page.elements:
        assert tag not in {"script", "link", "img", "iframe"}
        assert not {"src", "onload", "onclick"} & set(attributes), (tag, attributes)
    assert not re.search(r"url\(|@import|https?://", made["report.html"])
    links = [attributes["href"] for _, attributes in page.elements if "href" in attributes]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {f"#{one}" for one in ids} >= set(links)
    for _, attributes in page.elements:
        assert set((attributes.get("aria-labelledby") or "").split()) <= set(ids)


def test_every_picture_says_that_it_is_simulated(made: dict[str, str], selected: Selected) -> None:
    pictures = re.findall(r"<svg.*?</svg>", made["report.html"], re.DOTALL)
    assert len(pictures) > 2 * 5
    for picture in pictures:
        assert ">SIMULATED</text>" in picture
        assert re.search(r"<title id=\S+>[^<]+\(simulated\)</title>\s*<desc id=\S+>SIMULATED[^<]+</desc>", picture)
    for caption in re.findall(r'<p class="note" id="[^"]+">([^<]+)', made["report.html"]):
        assert caption.startswith(("SIMULATED. ", "What would have to be drawn")), caption
    page = Page(made["report.html"])
    assert "No person cast these votes" in page.text
    assert not re.search(r"people prefer|participants prefer|viewers|was preferred", page.text)
    assert "simulated participants" in page.text
    human = report(selected(vote_rows(3, TRUTH, simulated=0)))["report.html"]
    said = Page(human).text.replace("simulated no", "").replace("simulated studies of people with one taste", "")
    assert "simulated" not in said.replace("(simulated)", "").lower()
    assert "SIMULATED" not in human


def test_it_tells_what_was_asked_counted_and_left_out(made: dict[str, str]) -> None:
    text = Page(made["report.html"]).text
    for words in (
        "The question: which of two images is preferred; the original was always in view.",
        "rated votes 480",
        "simulated participants 12",
        "images (sources) 8",
        "conditions 5",
        "9: catch votes",
        "5: identical votes",
        "9 of 9 answered as expected (100%",
        "Left among the 5 presses of a side, pairs of the same image",
        "they speak for other participants and other images like these (t with 7 degrees of freedom or more)",
        "over participants and images.",
        "Paper-comparable Elo",
        "update noise",
        "start 1000, K 32, mean of 20 resamples, seed 1",
        "Davidson's \N{GREEK SMALL LETTER NU}, 0.3 bpp",
    ):
        assert words in text, words


def test_numbers_of_page_and_tables_agree(made: dict[str, str]) -> None:
    first = made["ratings.csv"].splitlines()[1].split(",")
    text = Page(made["report.html"]).text
    assert f"{first[1]} {round(float(first[4]))} {round(float(first[5]))} {round(float(first[6]))} " in text
    record = json.loads(made["settings.json"])
    assert record["made_by"] == "analysis report"
    assert record["simulated"] is True
    assert record["votes"]["sha256"] == first[12]
    assert record["rated_votes"] == 480
    elo = {"start": 1000.0, "k": 32.0, "rounds": 20, "seed": 1, "replay": "resamples", "summary": "mean"}
    assert record["settings"]["elo"] == elo
    assert [scale["interval"] for scale in record["scales"]] == ["both", "both"]
    assert record["stimuli"]["file"] == "stimuli.csv"


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert __version__ == project["version"]


def test_the_same_votes_give_the_same_bytes(selected: Selected) -> None:
    rows = vote_rows(3, TRUTH)
    assert report(selected(rows)) == report(selected(rows))


def test_what_cannot_be_rated_is_told(selected: Selected) -> None:
    apart = pair_rows(("a", "b", "left"), ("a", "b", "right"), ("c", "d", "left"), ("c", "d", "right"))
    page = Page(report(selected(apart))["report.html"])
    assert "No ratings here: no vote links (a + b) with (c + d)" in page.text
    assert "Who won against whom" in page.text
    alone = pair_rows(("a", "b", "left"), ("a", "b", "left"))
    assert "(a) never lost a vote" in Page(report(selected(alone))["report.html"]).text
    ridge = Page(report(selected(alone), Settings(ridge=0.25, elo=EloSettings(rounds=20)))["report.html"]).text
    assert "pulled together by a ridge of 0.25, which was asked for" in ridge


def test_one_participant_gets_a_report_with_the_reason(selected: Selected) -> None:
    rows = vote_rows(3, {0.5: {"x": 0, "y": 0}}, participants=1, sources=3, votes=40)
    page = Page(report(selected(rows))["report.html"])
    assert "No intervals: one participant alone says nothing about other participants" in page.text
    assert "40 votes by 1 simulated participant on 3 images" in page.text


def test_few_images_are_these_images_only(selected: Selected) -> None:
    page = Page(report(selected(vote_rows(3, TRUTH, sources=4)))["report.html"])
    assert "they speak for other participants, judging these images only, because 4 images are too few" in page.text


def test_text_from_files_stays_text(selected: Selected) -> None:
    study = "<script>alert(1)</script>&\"'"
    html = report(selected(pair_rows(("a", "b", "left"), ("a", "b", "right"), study=study)))["report.html"]
    assert "<script" not in html
    assert f"Ratings of {study}" in Page(html).text


def test_a_file_with_nothing_but_the_four_columns_gets_a_report(selected: Selected) -> None:
    rows: Rows = [
        {"participant": who, "left": "a", "right": "b", "choice": choice}
        for who in ("p", "q", "r")
        for choice in ("left", "left", "right")
    ]
    page = Page(report(selected(rows))["report.html"])
    assert "not stated in the votes" in page.text
    assert "images (sources) not named" in page.text
    assert "because the votes name no source" in page.text


@pytest.mark.browser
def test_it_opens_offline_and_fits_a_telephone(made: dict[str, str], tmp_path: Path, chromium) -> None:
    (tmp_path / "report.html").write_text(made["report.html"])
    for width in (390, 1280):
        for scheme in ("light", "dark"):
            context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)
            page, said = context.new_page(), []
            page.on("console", lambda message, said=said: said.append(message.text))
            page.goto((tmp_path / "report.html").as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") == width
            ground, ink = page.evaluate("(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))")
            assert (sum(map(int, re.findall(r"\d+", ground))) > 600) == (scheme == "light")
            assert ground != ink
            assert said == []
            context.close()


def section(html: str, name: str) -> str:
    """The text of one section of a page."""
    html = html.split(f'<section id="{name}">\n')[1]
    depth = 1
    for tag in re.finditer("<(/?)section", html):
        depth += -1 if tag[1] else 1
        if not depth:
            return Page(html[: tag.start()]).text
    raise AssertionError(name)


def test_conditions_without_an_interval_and_few_clusters_are_told(selected: Selected) -> None:
    rows = vote_rows(3, {0.5: {"x": 0, "y": 0}}, participants=3, votes=40)
    rows += [
        {**rows[0], "vote": 900 + at, "left": "z@0.50", "left_codec": "z", "choice": choice, "right": "x@0.50"}
        | {"right_codec": "x"}
        for at, choice in enumerate(("left", "right"))
    ]
    text = Page(report(selected(rows), Settings("participants", elo=EloSettings(rounds=20)))["report.html"]).text
    assert "There is no interval for z@0.50, nor for differences from others, as these rest on one participant" in text
    assert "(t with 2 degrees of freedom: few, so the intervals are wide, and rough)" in text
    rows.append({**rows[-1], "vote": 990, "participant": "p01"})
    text = Page(report(selected(rows), Settings("participants", elo=EloSettings(rounds=20)))["report.html"]).text
    assert "(t with 2 degrees of freedom, fewer where fewer saw a condition: few, so" in text
    assert "There is no interval" not in text


def test_not_sure_counts_half_in_the_win_matrix(selected: Selected) -> None:
    votes = [("a", "b", "left")] * 3 + [("a", "b", "right"), ("a", "b", "not_sure"), ("a", "b", "not_sure")]
    text = Page(report(selected(pair_rows(*votes)))["report.html"]).text
    assert "3 of 6 67% " in text
    assert "1 of 6 33% " in text


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def cells_of(html: str, caption: str) -> list[list[str]]:
    """The cells of the table below a caption, row by row."""
    body = html.split(f'id="{caption}"')[1].split("<tbody>")[1].split("</tbody>", maxsplit=1)[0]
    rows = re.findall(r"<tr.*?</tr>", body, re.DOTALL)
    return [
        [Page(f"<i>{cell}</i>").text.strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in rows
    ]


def test_report_json_holds_the_tables_number_by_number(made: dict[str, str]) -> None:
    found = json.loads(made["report.json"])
    assert found["simulated"] is True
    settings = json.loads(made["settings.json"])
    assert found["made"] == {name: value for name, value in settings.items() if name != "files"}
    for name, digest in settings["files"].items():
        if name in made:
            assert hashlib.sha256(made[name].encode()).hexdigest() == digest
    assert set(found["tables"]) == {name.removesuffix(".csv") for name in made if name.endswith(".csv")}
    for name, rows in found["tables"].items():
        written = table(made[f"{name}.csv"])
        assert len(rows) == len(written)
        for row, cells in zip(rows, written, strict=True):
            same = {column for column in cells if column in ("simulated", "votes_sha256", "stimuli_sha256")}
            assert set(row) == set(cells) - same
            for column, value in row.items():
                if value is None:
                    assert cells[column] == ""
                elif isinstance(value, str):
                    assert value == cells[column]
                else:
                    assert float(value) == float(cells[column])


def test_every_verdict_of_the_table_stands_on_the_page(made: dict[str, str]) -> None:
    shown = cells_of(made["report.html"], "scale-1-differences") + cells_of(made["report.html"], "scale-2-differences")
    written = table(made["verdicts.csv"])
    assert len(shown) == len(written) == 3 + 1
    for row, cells in zip(written, shown, strict=True):
        assert cells[:3] == [row["condition_a"], row["condition_b"], row["verdict"]]
        assert cells[3:6] == [str(round(float(row[name]))) for name in ("difference", "low", "high")]
        for cell, name in zip(cells[6:9], ("p", "p_holm", "p_fdr"), strict=True):
            assert cell == (f"{float(row[name]):.3f}" if float(row[name]) >= 0.001 else "< 0.001")
        assert cells[9:12] == [row[name] for name in ("a_wins", "b_wins", "not_sure")]
    better = sum(row["verdict"] == "better" for row in written)
    brief = section(made["report.html"], "brief")
    assert f"Exploratory: beyond chance by Holm's p at 5%: {better} of 4 differences" in brief
    assert "nothing here is confirmatory" in json.loads(made["report.json"])["findings"][1]


def test_pairs_named_beforehand_are_confirmatory_and_named_so(selected: Selected) -> None:
    files = report(selected(vote_rows(3, TRUTH)), asked=Asked(primary=(("avif", "jpeg"),)))
    shown = cells_of(files["report.html"], "scale-1-differences")
    assert [row[2] for row in shown] == ["confirmatory", "exploratory", "exploratory"]
    said = section(files["report.html"], "verdicts")
    assert "Confirmatory are the pairs that were named before the votes were seen: avif and jpeg." in said
    assert json.loads(files["settings.json"])["primary"] == [["avif", "jpeg"]]
    assert json.loads(files["report.json"])["tables"]["verdicts"][0]["family"] == "confirmatory"


def test_the_model_the_raters_and_the_metrics_have_their_numbers(made: dict[str, str]) -> None:
    html, tables = made["report.html"], json.loads(made["report.json"])["tables"]
    checks = {row[0]: row for row in cells_of(html, "scale-1-checks")}
    (deviance,) = [row for row in tables["fit"] if row["check"] == "deviance" and row["rates"] == "0.3"]
    statistic = checks["one distance for each two conditions"]
    assert statistic[1:5] == [
        f"{deviance['p']:.3f}",
        "",
        f"{deviance['value']:.1f}",
        str(deviance["degrees_of_freedom"]),
    ]
    alpha = tables["agreement"][0]
    said = section(html, "raters")
    assert f"{alpha['alpha']:.3f}, 95% interval {alpha['low']:.3f} to {alpha['high']:.3f}" in said
    rules = cells_of(html, "rules")
    assert [row[0] for row in rules] == [row["rule"] for row in tables["rules"]]
    assert [row[4] for row in rules] == [str(row["flagged"]) for row in tables["rules"]]
    people = cells_of(html, "people")
    assert [row[0] for row in people] == [row["participant"] for row in tables["raters"]]
    assert [row[1] for row in people] == [str(row["votes"]) for row in tables["raters"]]
    overall = {row["metric"]: row for row in tables["metrics"] if row["rate"] is None and row["tag"] is None}
    scores = {row[0]: row[2] for row in cells_of(html, "metric-scores")}
    for name, row in overall.items():
        assert scores[name] == f"{100 * row['score']:.1f}"


def test_who_is_screened_out_is_told_and_recorded(selected: Selected) -> None:
    rows = vote_rows(3, TRUTH, participants=8)
    catch = {"left": "catch", "right": "reference", "kind": "catch", "expected": "right", "left_codec": ""}
    catch |= {"right_codec": "", "left_rate": "", "right_rate": ""}
    for at in range(8 * 6):
        person = f"p{at % 8:02d}"
        rows.append(rows[0] | catch | {"participant": person, "choice": "left" if person == "p03" else "right"})
        rows[-1]["vote"] = 7000 + at
    files = report(selected(rows), asked=Asked(screen={"catch_accuracy": 0.7}))
    record = json.loads(files["settings.json"])
    assert record["screen"] == {"catch_accuracy": 0.7}
    assert record["excluded"] == ["p03 (catch_accuracy 0 < 0.7)"]
    assert record["rated_votes"] == 7 * 40
    said = section(files["report.html"], "raters")
    assert "1 of 8 simulated participants is left out of the ratings by the rules that were chosen" in said
    assert "p03 (catch_accuracy 0 < 0.7)" in said
    assert "Nobody was excluded" not in said
    screened = table(files["screened.csv"])
    shown = cells_of(files["report.html"], "screened")
    assert [row[5] for row in shown] == [str(round(float(row["kept_rating"]))) for row in screened]
    rated = {row["condition"]: row for row in table(files["ratings.csv"]) if row["method"] == "bradley-terry"}
    for row in screened:
        assert row["kept_rating"] == rated[row["condition"]]["rating"]
        assert int(row["votes"]) > int(row["kept_votes"])
    plain = section(report(selected(vote_rows(3, TRUTH)))["report.html"], "raters")
    assert "Nobody was excluded." in plain


def test_a_rate_without_rated_votes_is_named(selected: Selected) -> None:
    rows = vote_rows(3, TRUTH)
    for row in rows:
        row["kind"] = "practice" if row["left_rate"] == 0.5 else "rating"
    files = report(selected(rows))
    why = "the file names conditions of this rate, and no rated vote is about them"
    assert f"Not rated, 0.5 bpp: {why}." in Page(files["report.html"]).text
    assert json.loads(files["settings.json"])["not_rated"] == [{"scale": "0.5 bpp", "problem": why}]


def test_the_random_share_stands_beside_all_votes(selected: Selected) -> None:
    rows = vote_rows(3, {0.5: {"x": 60, "y": 0, "z": -60}}, votes=40)
    for at, row in enumerate(rows):
        row |= {"strategy": "random" if at % 3 else "information", "probability": 0.25}
    files = report(selected(rows))
    shown = cells_of(files["report.html"], "random-share")
    every, random = (
        [row for row in table(files["random_share.csv"]) if row["share"] == name] for name in ("all", "random")
    )
    of = {row["condition"]: row for row in random}
    assert [row[0] for row in shown] == [row["condition"] for row in every]
    for row, one in zip(shown, every, strict=True):
        assert row[1] == str(round(float(one["rating"])))
        assert row[5] == str(round(float(of[one["condition"]]["rating"])))
        assert row[8] == of[one["condition"]]["votes"]
    assert 'id="random-share"' not in report(selected(vote_rows(3, TRUTH)))["report.html"]


def test_stimuli_without_a_metric_are_told_in_a_sentence(selected: Selected, tmp_path: Path) -> None:
    rows = vote_rows(3, TRUTH)
    bare = [
        {name: cell for name, cell in row.items() if name not in ("psnr", "ms_ssim")} for row in stimulus_rows(rows)
    ]
    stimuli = read_stimuli(write_csv(tmp_path / "stimuli.csv", bare))
    files = report(selected(rows), asked=Asked(stimuli=stimuli))
    said = section(files["report.html"], "metrics")
    assert "Nothing is told of metrics: stimuli.csv holds no metric; add columns such as psnr" in said
    assert str(tmp_path) not in "".join(files.values())
    assert "metrics.csv" not in files
    with pytest.raises(Refusal, match="has no metric vmaf"):
        report(selected(rows), asked=Asked(stimuli=stimuli, lower=("vmaf",)))


@pytest.mark.parametrize("votes", [1, 3])
def test_the_smallest_files_get_a_whole_report(selected: Selected, votes: int) -> None:
    rows: Rows = [{"participant": f"p{at}", "left": "a", "right": "b", "choice": "left"} for at in range(votes)]
    files = report(selected(rows))
    assert "(a) never lost a vote" in Page(files["report.html"]).text
    assert json.loads(files["report.json"])["tables"]["ratings"] == []
    assert table(files["verdicts.csv"]) == []


def test_nothing_depends_on_the_place(tmp_path: Path) -> None:
    found = []
    for name in ("here", "a/longer/way/there"):
        (tmp_path / name).mkdir(parents=True)
        path = write_csv(tmp_path / name / "votes.csv", vote_rows(3, TRUTH))
        found.append(report_files(gather(select(read_votes(path)), QUICK)))
    assert found[0] == found[1]
    assert {name for name in found[0] if name.endswith(".png")}


def test_hostile_names_stay_text_everywhere(selected: Selected) -> None:
    hostile = "<img src=x onerror=alert(1)>\"'&{{ 7*7 }}"
    rows = vote_rows(3, TRUTH, participants=6)
    for row in rows:
        if row["participant"] == "p00":
            row["participant"] = hostile
        row |= {"study": hostile, "layout": hostile, "strategy": hostile}
    html = report(selected(rows))["report.html"]
    assert "<img" not in html
    assert Page(html).text.count(hostile) >= 3
    assert "49" not in html.split("</title>")[0]


def test_simulated_pages_claim_nothing_about_people(made: dict[str, str]) -> None:
    """Whoever prefers, sees or agrees here is simulated, or the sentence is about the question or the method."""
    text = Page(made["report.html"]).text.replace("say nothing about what people see", "")
    assert not re.search(
        r"\b(people|viewers|observers|participants|users|humans) (prefer|like|see|saw|chose|find|agree)", text
    )
    assert not re.search(r"\bmetrics against people|preferred by\b", text, re.IGNORECASE)
    for bare in re.finditer(r"(\w+) participants\b", section(made["report.html"], "brief")):
        assert bare[1] == "simulated"


def test_a_report_keeps_the_level_that_it_is_given(selected: Selected) -> None:
    selection = selected(vote_rows(5, TRUTH, votes=40))
    files = report_files(gather(selection, replace(QUICK, alpha=0.0125)))
    page, numbers = str(files["report.html"]), json.loads(files["report.json"])
    assert json.loads(files["settings.json"])["settings"]["alpha"] == 0.0125
    words = " ".join(Page(page).words.split())
    assert "with Holm's p at most 1.25%" in words
    assert "Intervals hold 95% whatever that level is." in words
    assert "in at least 98.75% of studies" in words
    assert "is at most 0.0125" in words
    assert "hold 95% all the same" in words
    assert any("at 1.25%" in sentence for sentence in numbers["findings"])
    drawn = [str(text) for name, text in files.items() if name.startswith("pictures/verdicts") and name.endswith("svg")]
    assert drawn
    assert all("s p at 1.25%" in text for text in drawn)
    for row in numbers["tables"]["verdicts"]:
        assert (row["verdict"] == "better") == (row["p_holm"] <= 0.0125)
