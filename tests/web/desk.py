"""A study with something to watch, an owner who is logged in, and every page of the dashboard."""

import csv
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from click.testing import CliRunner
from playwright.sync_api import Page
from sqlalchemy import create_engine, text

from study.cli import cli
from tests.web.drawn import HEADER, Server, noise, put, row, toml

PASSWORD = "a sentence is easy to keep"  # noqa: S105 - of nobody
CODECS = ("avif", "jpeg", "jxl", "webp")
CONDITIONS = tuple(f"{codec}@{rate}" for rate in ("0.30", "0.50") for codec in CODECS)
SOURCES = ("harbour", "market", "meadow", "tower")
RATINGS = {"avif": 64.2, "jxl": 41.0, "webp": -9.5, "jpeg": -95.7}
ANALYSIS = '[analysis]\nscreening = ["catch_accuracy=0.75"]\nlooks = [10, 20]\n'


def studied(site: Server, name: str, people: int = 14) -> str:
    """A simulation that `people` have taken (one of them half-way), with a report; its name."""
    folder = site.folder / name
    (folder / "images").mkdir(parents=True)
    design = {"trials": 24, "block": 10, "catch_rate": 0.2, "identical_rate": 0.2, "repeat_rate": 0.2, "practice": 1}
    (folder / "study.toml").write_text(toml(name, **design) + ANALYSIS, encoding="utf-8")
    with (folder / "stimuli.csv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, HEADER, lineterminator="\n", restval="")
        writer.writeheader()
        for source in SOURCES:
            for condition in ("reference", *CONDITIONS, "catch"):
                writer.writerow(row(source, condition, put(folder, noise(f"{source}/{condition}")), ""))
    site.command("load", str(folder))
    site.command("simulate", name, "--participants", str(people), "--seed", "3")
    copy = f"{name}-simulated"
    _leave_one_half_way(site, copy)
    site.command("results", copy, str(report(site, copy)))
    return copy


def report(site: Server, name: str) -> Path:
    """A small report of the study's votes, as the analysis room writes one."""
    folder = site.folder / f"{name}-report"
    folder.mkdir()
    site.command("votes", name, "-o", str(folder / "votes.csv"))
    votes = (folder / "votes.csv").read_bytes()
    sha256 = hashlib.sha256(votes).hexdigest()
    first = next(csv.DictReader(votes.decode().splitlines()))
    ratings = ["rate,condition,codec,method,rating,low,high,votes"]
    ratings += [f"{c.partition('@')[2]},{c},{c.partition('@')[0]},bradley-terry,{_rating(c):g},{_rating(c) - 38:g},"
                f"{_rating(c) + 38:g},84" for c in CONDITIONS]  # fmt: skip
    people = sorted({vote["participant"] for vote in csv.DictReader(votes.decode().splitlines())})
    quality = ["participant,rule,value,limit,excluded,flagged,chosen,trials"]
    for at, person in enumerate(people):
        quality += [f"{person},catch_accuracy,{0.6 if at == 2 else 1},0.75,{int(at == 2)},{int(at == 2)},1,5",
                    f"{person},time,{900 if at == 4 else 2400},1000,0,{int(at == 4)},0,24"]  # fmt: skip
    needed = ["rate,condition_a,condition_b,difference,standard_error,votes_needed,votes,wished,votes_sha256"]
    needed += [f"0.30,avif@0.30,{other}@0.30,{numbers},{sha256}"
               for other, numbers in (("jxl", "23.2,31.5,110,14,50"), ("jpeg", "159.9,33,0,14,50"))]  # fmt: skip
    files = {"ratings.csv": ratings, "quality.csv": quality}
    contents = {file: "\n".join(lines) + "\n" for file, lines in files.items()}
    contents["report.html"] = "<!doctype html><title>Report</title><h1>Report</h1>"
    digests = {file: hashlib.sha256(content.encode()).hexdigest() for file, content in contents.items()}
    record = {
        "simulated": True,
        "votes": {"sha256": sha256},
        "asked": {name: first[name] for name in ("study", "config")},
    }
    contents |= {"settings.json": json.dumps(record | {"files": digests}), "needed.csv": "\n".join(needed) + "\n"}
    for file, content in contents.items():
        (folder / file).write_text(content, encoding="utf-8")
    return folder


def account(site: Server, name: str, role: str) -> None:
    """An account of a researcher."""
    arguments = ["researcher", "add", name, "--role", role, "--password-stdin"]
    result = CliRunner().invoke(cli, arguments, input=PASSWORD, env=site.environ)
    assert result.exit_code == 0, result.output


def log_in(page: Page, site: Server, name: str) -> None:
    """Log in by the form."""
    page.goto(f"{site.address}/researchers/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    with page.expect_navigation():
        page.get_by_role("button", name="Log in").click()


def desk(page: Page, site: Server, study: str, draft: str) -> Iterator[str]:
    """Every page of the dashboard, each by its name while it is open; ends with a closed study."""
    at = f"{site.address}/researchers"
    page.context.clear_cookies()
    page.goto(f"{at}/login")
    yield "login"
    page.get_by_label("Name").fill("nobody")
    page.get_by_label("Password").fill("no password of anybody")
    with page.expect_navigation():
        page.get_by_role("button", name="Log in").click()
    yield "login-failed"
    log_in(page, site, "ada")
    yield "studies"
    for name, path in {
        "overview": f"studies/{study}", "overview-draft": f"studies/{draft}", "log-of-all": "log",
        "participants": f"studies/{study}/participants", "design": f"studies/{study}/design",
        "log": f"studies/{study}/log", "results-covered": f"studies/{study}/results",
        "results-none": f"studies/{draft}/results", "uncover": f"studies/{study}/uncover",
        "open": f"studies/{draft}/open", "pause": f"studies/{study}/pause", "close": f"studies/{study}/close",
        "message": "studies/nothing-of-this-name",
    }.items():  # fmt: skip
        page.goto(f"{at}/{path}")
        yield name
    page.goto(f"{at}/studies/{study}/participants")
    page.locator("tbody a").nth(2).click()
    page.wait_for_url(re.compile(r"/participants/\d+$"))
    yield "card"
    yield from _uncovered(page, f"{at}/studies/{study}")


def _uncovered(page: Page, at: str) -> Iterator[str]:
    page.goto(f"{at}/results")
    with page.expect_navigation():
        page.get_by_role("button", name="Take look 1").click()
    yield "results-look"
    page.goto(f"{at}/uncover")
    page.get_by_role("textbox").fill(at.rpartition("/")[2])
    with page.expect_navigation():
        page.get_by_role("button", name="Uncover").click()
    yield "results-uncovered"
    with page.expect_navigation():
        page.get_by_role("button", name="Cover them again").click()


def _rating(condition: str) -> float:
    return RATINGS[condition.partition("@")[0]] * (1 if condition.endswith("0.30") else 0.6)


def _leave_one_half_way(site: Server, name: str) -> None:
    """The last one has not answered the last block yet."""
    engine = create_engine(site.environ["STUDY_DATABASE_URL"])
    last = "(SELECT max(s.id) FROM session s JOIN study ON study.id = s.study_id WHERE study.name = :name)"
    gone = f"SELECT id FROM trial WHERE session_id = {last} AND block > 2"  # noqa: S608 - made above
    with engine.begin() as connection:
        connection.execute(text(f"DELETE FROM vote WHERE trial_id IN ({gone})"), {"name": name})  # noqa: S608
        connection.execute(
            text(f"UPDATE session SET outcome = 'open', ended_at = NULL, block = 2, turn = turn + 1 WHERE id = {last}"),  # noqa: S608
            {"name": name},
        )
    engine.dispose()
