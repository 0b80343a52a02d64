"""`study new` writes a file with every key of the contract, whose comments keep what they promise."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from study import spec, starting, wording
from study.cli import cli

KINDS = [(kind, asked) for kind in ("compare", "label") for asked in ("prefer", "closer", "both")]
CHOSEN = {"study.kind", "study.asks_for", "study.or_asks_for", "study.reference"}
"""Keys whose value follows from the kind and the question; each has its default in the comment beside it."""
LINE = re.compile(r"(?P<out># )?(?P<key>[a-z_]+) = (?P<value>[^#]*?)\s*(?:#(?P<comment>.*))?")


def lines(text: str) -> Iterator[tuple[str, bool, str, str]]:
    """The dotted key of each line, whether it is commented out, its value as written, and its comment."""
    table = ""
    for line in text.splitlines():
        if line.startswith("["):
            table = line.strip("[]")
        elif (found := LINE.fullmatch(line)) and table:
            yield f"{table}.{found['key']}", bool(found["out"]), found["value"], found["comment"] or ""


def defaults() -> dict[str, Any]:
    structs = {"study": spec.Study, "design": spec.Design, "ask": spec.Ask, "screening": spec.Screening,
               "analysis": spec.Analysis, "links": spec.Links, "texts": spec.Texts}  # fmt: skip
    return {
        f"{table}.{key}": list(value) if isinstance(value, tuple) else value
        for table, kind in structs.items()
        for key, value in msgspec.to_builtins(kind()).items()
    }


@pytest.mark.parametrize(("kind", "asked"), KINDS)
def test_every_key_of_the_contract_is_there_once(kind: Any, asked: Any) -> None:
    written = [key for key, *_ in lines(starting.study_toml("grass", kind, asked))]
    assert sorted(written) == sorted(defaults())


@pytest.mark.parametrize(("kind", "asked"), KINDS)
def test_values_and_comments_are_the_defaults(kind: Any, asked: Any) -> None:
    for key, out, value, comment in lines(starting.study_toml("grass", kind, asked)):
        if key.startswith("texts.") or key == "study.name":
            assert out, key
            continue
        promised = re.search(r"\(default: (\w+)\)", comment)
        assert bool(promised) == (key in CHOSEN), key
        said = (promised[1] if promised[1] != "none" else "") if promised else tomllib.loads(f"x = {value}")["x"]
        assert said == defaults()[key], key


@pytest.mark.parametrize(("kind", "asked"), KINDS)
def test_the_file_is_the_study_that_its_heading_promises(kind: Any, asked: Any) -> None:
    text = starting.study_toml("grass", kind, asked)
    read = spec.parse(text, "f", "grass")
    assert (read.study.kind, read.study.name) == (kind, "grass")
    assert read.study.asks_for == ("prefer" if asked == "both" else asked)
    assert read.study.or_asks_for == ("closer" if asked == "both" else "")
    assert read.study.reference == ("on_demand" if kind == "label" and asked != "closer" else "always")
    assert f'question = "{read.texts.question}"' in text
    assert f'title = "{read.texts.title}"' in text
    assert f'or_question = "{read.texts.or_question}"' in text


def test_labels_of_preference_are_asked_for_in_the_words_of_the_question() -> None:
    read = spec.parse(starting.study_toml("grass", "label", "prefer"), "f", "grass")
    assert read.texts.question == "Which would you rather have in place of the original?"
    closer = spec.parse(starting.study_toml("grass", "label", "closer"), "f", "grass")
    assert closer.texts.question == wording.QUESTIONS["label", "closer"]


@pytest.mark.parametrize("name", ['a "quoted" one', "two\nlines", "Wiesen und Bäume"])
def test_any_folder_may_be_begun_in(name: str) -> None:
    text = starting.study_toml(name, "compare", "prefer")
    assert spec.parse(text, "f", "grass") == spec.parse(starting.study_toml("grass", "compare", "prefer"), "f", "grass")


@pytest.mark.parametrize("kind", ["compare", "label"])
def test_the_page_for_the_board_leaves_no_open_place_unmarked(kind: Any) -> None:
    page = starting.consent("grass", kind)
    assert page.startswith("# Consent and ethics: grass\n")
    assert starting.PURPOSES[kind] in page.replace("\n", " ")
    assert not re.search(r"[{}]", page)
    asked = re.findall(r"\[[^\]]*\]", page)
    assert len(asked) > 20
    assert [place for place in asked if place.upper() != place] == []
    for subject in ("Risks", "stored", "Withdrawing", "published", "Legal basis", "in plain words"):
        assert subject in page


def run(*words: object) -> Any:
    return CliRunner().invoke(cli, [str(word) for word in words])


@pytest.mark.parametrize(("kind", "asked"), KINDS)
def test_new_writes_files_that_check_takes(maker: Any, kind: str, asked: str) -> None:
    maker.fill(sources=5).write()
    (maker.path / "study.toml").unlink()
    written = run("new", maker.path, "--kind", kind, "--asks-for", asked)
    assert written.output == f"Wrote {maker.path / 'study.toml'}\nWrote {maker.path / 'consent.md'}\n"
    assert "Study `tiny` can be loaded." in run("check", maker.path).output
    again = run("new", maker.path)
    assert (again.exit_code, "is there already" in again.output) == (1, True)


def test_a_page_for_the_board_that_somebody_filled_in_is_kept(tmp_path: Path) -> None:
    (tmp_path / "consent.md").write_text("ours", encoding="utf-8")
    assert "Kept" in run("new", tmp_path).output
    assert (tmp_path / "consent.md").read_text(encoding="utf-8") == "ours"


def test_a_folder_that_takes_no_files_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = run("new", tmp_path / "file" / "study")
    assert (result.exit_code, result.output.count("\n")) == (1, 1), result.output
