"""What participants say of themselves and browsers of their screens: held to the contract, kept once, exported."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from study import facts
from study.db import Database
from study.dictionary import FACTS
from study.errors import Malformed
from study.models import Fact
from study.plates import Plate, plates
from study.spec import Ask

Load = Callable[..., str]
Browse = Callable[..., Any]

ALL = Ask(age=True, vision=True, display=True, colour_plates=3, screen_size=True)
ASKING = "[ask]\nage = true\nvision = true\ndisplay = true\ncolour_plates = 3\nscreen_size = true\n"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def kept(database: Database) -> dict[str, str]:
    with database.read() as db:
        return {fact.name: fact.value for fact in db.scalars(select(Fact))}


def walk(browser: Any, step: str, **fields: str) -> Any:
    form = {"csrf_token": browser.token(), "step": step, "action": "agree" if step == "consent" else "next"}
    return browser.client.post(f"{browser.at}/step", data=form | fields, headers={"User-Agent": FIREFOX})


def test_a_participant_who_says_everything_has_every_fact(database: Database, load: Load, browse: Browse) -> None:
    load(toml=ASKING)
    browser = browse()
    silent = {"touch": "0", "screen_width": "1920", "screen_height": "1080", "colour_depth": "24", "colour_gamut": "p3"}
    walk(browser, "consent", **silent)
    said = {"age_band": "30_44", "vision": "corrected", "display": "monitor"}
    walk(browser, "questions", **said)
    numbers = [plate.number for plate in plates(3, "1 1")]
    walk(browser, "plates", plate1=numbers[0], plate2="11", plate3=f" {numbers[2]} ")
    walk(browser, "screen", pixels_per_mm="3.7795", distance_mm="600")
    walk(browser, "instructions", **silent | {"screen_width": "1921"})
    assert browser.state()["step"] == "trial"
    found = kept(database)
    degree = 600 * math.tan(math.pi / 180) * 3.78
    assert float(found.pop("pixels_per_degree")) == pytest.approx(degree, abs=0.01)
    assert found == silent | said | {
        "screen_width": "1921", "plates_shown": "3", "plates_right": "2", "plates_missed": "deutan",
        "pixels_per_mm": "3.780", "distance_mm": "600", "browser": "Firefox 140",
    }  # fmt: skip
    assert {*found, "pixels_per_degree"} == set(FACTS)


def test_who_says_nothing_leaves_nothing_but_the_browser(database: Database, load: Load, browse: Browse) -> None:
    load(toml=ASKING)
    browser = browse()
    for step in ("consent", "questions", "plates", "screen", "instructions"):
        assert walk(browser, step, age_band="", plate1="", pixels_per_mm=" ").status_code == 303
    assert browser.state()["step"] == "trial"
    assert kept(database) == {"browser": "Firefox 140"}


def test_who_declines_leaves_no_fact(database: Database, load: Load, browse: Browse) -> None:
    load()
    browser = browse()
    form = {"csrf_token": browser.token(), "step": "consent", "action": "decline", "screen_width": "800"}
    browser.client.post(f"{browser.at}/step", data=form)
    assert kept(database) == {}


@pytest.mark.parametrize(
    ("step", "field", "value"),
    [
        ("questions", "age_band", "29"),
        ("questions", "vision", "<b>"),
        ("questions", "display", "LAPTOP"),
        ("screen", "pixels_per_mm", "0"),
        ("screen", "pixels_per_mm", "nan"),
        ("screen", "pixels_per_mm", "1e3"),
        ("screen", "distance_mm", "-600"),
        ("screen", "distance_mm", "٦٠٠"),
        ("consent", "touch", "yes"),
        ("consent", "screen_width", "1920.5.1"),
        ("consent", "screen_height", "inf"),
        ("consent", "colour_depth", "65"),
        ("instructions", "colour_gamut", "srgb,p3"),
    ],
)
def test_a_value_that_is_not_in_the_contract_is_refused_by_its_name(step: str, field: str, value: str) -> None:
    with pytest.raises(Malformed, match=f"`{field}`"):
        facts.read(step, {field: value}, ALL)


def test_a_refused_value_changes_nothing_and_the_step_stays_open(
    database: Database, load: Load, browse: Browse
) -> None:
    load(toml=ASKING)
    browser = browse()
    walk(browser, "consent")
    assert walk(browser, "questions", age_band="18_29", vision="eagle").status_code == 400
    assert kept(database) == {"browser": "Firefox 140"}
    assert browser.state()["step"] == "questions"
    assert walk(browser, "questions", plate1="1").status_code == 303
    assert walk(browser, "plates", plate1="1" * 17).status_code == 400
    assert browser.state()["step"] == "plates"


def test_a_stale_page_says_nothing_any_more(database: Database, load: Load, browse: Browse) -> None:
    load(toml=ASKING)
    browser = browse()
    walk(browser, "consent")
    walk(browser, "questions", age_band="18_29")
    assert walk(browser, "questions", age_band="75_over").status_code == 303
    assert kept(database)["age_band"] == "18_29"
    assert browser.state()["step"] == "plates"


def test_what_the_study_did_not_ask_is_not_kept(database: Database, load: Load, browse: Browse) -> None:
    load(toml="[ask]\nvision = true")
    browser = browse()
    walk(browser, "consent", age_band="18_29", plates_right="3")
    walk(browser, "questions", age_band="18_29", vision="normal")
    assert kept(database) == {"vision": "normal", "browser": "Firefox 140"}


def test_plates_are_read_in_the_digits_of_any_script() -> None:
    shown = [Plate("deutan", "24", ()), Plate("protan", "42", ())]
    assert facts.read_plates({"plate1": "٢٤", "plate2": "42 "}, shown) == {"plates_shown": "2", "plates_right": "2"}
    missed = {"plates_shown": "1", "plates_right": "0", "plates_missed": "deutan"}
    assert facts.read_plates({"plate1": "?"}, shown[:1]) == missed


@pytest.mark.parametrize(
    ("wrong", "missed"),
    [((), ""), ((1,), "control"), ((2,), "deutan"), ((1, 3), "control;protan"), ((2, 4), "deutan;deutan")],
)
def test_a_missed_control_is_told_from_a_missed_plate(wrong: tuple[int, ...], missed: str) -> None:
    shown = plates(4, "1 1")
    answers = {f"plate{place}": "" if place in wrong else plate.number for place, plate in enumerate(shown, 1)}
    found = facts.read_plates(answers, shown)
    assert (found["plates_right"], found.get("plates_missed", "")) == (str(4 - len(wrong)), missed)


@given(st.text(max_size=16))
def test_any_answer_to_a_plate_is_right_or_wrong(answer: str) -> None:
    read = facts.read_plates({"plate1": answer}, [Plate("deutan", "24", ())])
    assert (read == {}) is (not answer.strip())
    assert read.get("plates_right") in {None, "0", "1"}


KIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
CHROME = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {KIT} Chrome/139.0.0.0 Safari/537.36"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {KIT}"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox 140"),
        (CHROME, "Chrome 139"),
        (f"{CHROME} Edg/139.0.3405", "Edge 139"),
        (f"{CHROME} OPR/122.0", "Opera 122"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {KIT} Version/18.5 Safari/605.1.15", "Safari 18"),
        (f"{IPHONE} Version/18.5 Mobile/15E148 Safari/604.1", "Safari 18"),
        (f"{IPHONE} CriOS/139.0.7258 Mobile/15E148 Safari/604.1", "Chrome 139"),
        (f"{IPHONE} FxiOS/141.0 Mobile/15E148 Safari/605.1.15", "Firefox 141"),
        (
            f"Mozilla/5.0 (Linux; Android 14) {KIT} SamsungBrowser/28.0 Chrome/130.0 Safari/537.36",
            "Samsung Internet 28",
        ),
    ],
)
def test_browsers_are_told_by_family_and_major_version(agent: str, name: str) -> None:
    assert facts.browser(agent) == {"browser": name}


@given(st.text(max_size=300))
def test_any_user_agent_gives_a_short_fact_or_none(agent: str) -> None:
    for value in facts.browser(agent).values():
        assert len(value) <= 64
