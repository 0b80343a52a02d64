"""study.toml is read strictly, and the frozen design stands alone."""

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study import spec, spec_tables, wording
from study.errors import Refused


def refusal(text: str) -> str:
    with pytest.raises(Refused) as caught:
        spec.parse(text, "study.toml", "name")
    message = caught.value.message
    assert "\n" not in message
    return message


def test_an_empty_file_is_a_whole_study_named_after_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "grass.and-bricks"
    folder.mkdir()
    (folder / "study.toml").touch()
    read = spec.read(folder)
    assert read.study == spec.Study(name="grass.and-bricks")
    assert read.design == spec.Design()
    assert [name for name, text in msgspec.to_builtins(read.texts).items() if not text] == [
        "pay",
        "or_question",
        "or_instructions",
    ]


def test_a_missing_file_is_refused_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"manage\.py study new"):
        spec.read(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[study]\nkinds = 'label'", r"`study\.kinds` is no key of a study; did you mean `kind`\?"),
        ("[design]\nxyzzy = 1", r"`design\.xyzzy` is no key of a study; known here: `seed`, `trials`"),
        (
            "[plan]\nseed = 1",
            r"`plan` is no key of a study; known here: `study`, `design`, `ask`",
        ),
        ("seed = 1", "`seed` is no key of a study"),
        ("study = 1", "`study`: expected `object`, got `int`"),
        ("[design]\ntrials = '60'", r"`design\.trials`: expected `int`, got `str`"),
        ("[design]\ntrials = 0", r"`design\.trials`: expected `int` >= 1"),
        ("[design]\ntrials = 1.5", r"`design\.trials`: expected `int`"),
        ("[design]\ntrials = true", r"`design\.trials`: expected `int`, got `bool`"),
        ("[design]\ncatch_rate = 1.01", r"`design\.catch_rate`: expected `float` <= 1"),
        ("[design]\ncatch_rate = nan", r"`design\.catch_rate`"),
        ("[study]\nflicker_ms = 166", r"`study\.flicker_ms`: expected `int` >= 167"),  # three flashes a second at most
        ("[study]\nnot_sure = 1", r"`study\.not_sure`: expected `bool`, got `int`"),
        ("[study]\nasks_for = 'best'", r'`study\.asks_for`: .*"prefer" or "closer" or "more_different"'),
        ("[study]\nlayout = 'flap'", r'`study\.layout`: .*write "side_by_side"'),
        ("[study]\nname = '../x'", r"`study\.name` is '\.\./x': use up to 64 letters"),
        ("[study]\nname = '.'", r"`study\.name`"),
        ("[study]\nasks_for = 'closer'\nreference = 'never'", "speaks of the original"),
        ("[links]\ncompletion = 'javascript:alert(1)'", r"`links\.completion` is no link"),
        ("[links]\ncompletion = 'https://'", r"`links\.completion` is no link"),
        ("[links]\ncompletion = 'http://[::1/'", r"`links\.completion` is no link"),
        ('[texts]\ntitle = "a\\u0000b"', r"`texts\.title` has a NUL character"),
        ("[study\n", "is not TOML"),
        ("[study]\nname = 'a'\nname = 'b'", "is not TOML"),
        (f"x = {'[' * 5000}{']' * 5000}", "brackets within brackets too deep"),
    ],
)
def test_refusals_name_the_key_and_the_remedy(text: str, says: str) -> None:
    assert re.search(says, refusal(text)), refusal(text)


PLANS = [
    ("[analysis]\nprimary = ['gan']", r"`analysis\.primary`: 'gan' is not A,B with two different"),
    ("[analysis]\nprimary = ['gan,mse,x']", r"'gan,mse,x' is not A,B"),
    ("[analysis]\nprimary = ['gan,gan']", r"'gan,gan' is not A,B"),
    ("[analysis]\nprimary = ['gan, mse']", r"'gan, mse' is not A,B"),
    ("[analysis]\nprimary = ['gan,mse', 'mse,gan']", r"names 'mse,gan' twice"),
    ("[analysis]\nscreening = ['catches=0.7']", r"'catches=0\.7' is not RULE=LIMIT: write one of catch_accuracy, "),
    ("[analysis]\nscreening = ['time']", r"'time' is not RULE=LIMIT"),
    ("[analysis]\nscreening = ['time=fast']", r"'fast' is no limit of time: write a number of at least 0"),
    ("[analysis]\nscreening = ['time=inf']", "'inf' is no limit"),
    ("[analysis]\nscreening = ['time=-1']", "'-1' is no limit"),
    ("[analysis]\nscreening = ['catch_accuracy=75']", "'75' is no limit of catch_accuracy: write a number from 0 to 1"),
    ("[analysis]\nscreening = ['time=1000', 'time=2000']", "has time twice"),
    ("[analysis]\nscreening = ['likelihood=1.5']", "another taste is no fault"),
    ("[study]\nasks_for = 'closer'\nor_asks_for = 'prefer'\n[analysis]\nscreening = ['likelihood=1.5']", "no fault"),
    ("[analysis]\nscreening = ['flips=1']", 'nobody flips the view under the layout "side_by_side"'),
    ("[design]\nrepeat_rate = 0\n[analysis]\nscreening = ['repeats=0.5']", r"`design\.repeat_rate` is 0"),
    ("[analysis]\nlooks = [20, 20]", r"`analysis\.looks` is \[20, 20\], which does not rise"),
    (
        "[design]\nparticipants = 30\n[analysis]\nlooks = [20, 40]",
        r"ends at 40 sessions, but `design\.participants` is 30",
    ),
    ("[analysis]\nalpha = 0", r"`analysis\.alpha`: expected `float` > 0"),
    ("[study]\nor_asks_for = 'prefer'", r'`study\.or_asks_for` is "prefer", as `study\.asks_for` is'),
    ("[study]\nor_asks_for = 'closer'\nreference = 'never'", r'`study\.or_asks_for` is "closer", which speaks of'),
    ("[texts]\nor_question = 'Which?'", r"`texts\.or_question` is for those who are asked `study\.or_asks_for`"),
    (
        "[design]\nrandom_share = 0.5",
        r'`design\.random_share` is of adaptive studies, but `design\.strategy` is "balanced"',
    ),
    ("[design]\nstrategy = 'adaptive'\nrandom_share = 1", r"priorities would never be followed"),
    ("[design]\nstrategy = 'adaptive'\nrandom_share = 0", r"`design\.random_share`: expected `float` > 0"),
]


@pytest.mark.parametrize(("text", "says"), PLANS)
def test_plans_of_the_analysis_and_questions_that_contradict_are_refused(text: str, says: str) -> None:
    assert re.search(says, refusal(text)), refusal(text)


def test_a_plan_that_holds_together_is_read() -> None:
    read = spec.parse(
        "[study]\nasks_for = 'closer'\nlayout = 'flip'\n[design]\nstrategy = 'adaptive'\nrandom_share = 0.4\n"
        "participants = 40\n[analysis]\nprimary = ['gan,mse', 'avif@0.30,jpeg@0.30']\nlooks = [20, 40]\n"
        "screening = ['catch_accuracy=0.75', 'identical_side=0.01', 'repeats=0', 'time=1000', 'flips=1', "
        "'likelihood=1.5']",
        "f",
        "n",
    )
    assert read.analysis.looks == (20, 40)
    assert read.analysis.looks_in_all == 3
    assert [rule.partition("=")[0] for rule in read.analysis.screening] == list(spec_tables.RULES)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_bytes(b"[study]\nname = '\xff'")
    with pytest.raises(Refused, match="byte 16 is not UTF-8"):
        spec.read(tmp_path)


@pytest.mark.parametrize("kind", ["compare", "label"])
@pytest.mark.parametrize("asks_for", ["prefer", "closer", "more_different"])
def test_default_texts_suit_the_kind_and_the_question(kind: str, asks_for: str) -> None:
    read = spec.parse(f"[study]\nkind = '{kind}'\nasks_for = '{asks_for}'", "f", "n")
    assert read.texts.question == wording.QUESTIONS[kind, asks_for]
    assert msgspec.to_builtins(read.texts) == wording.defaults(kind, asks_for, not_sure=False)
    written = spec.parse(
        f"[study]\nkind = '{kind}'\nasks_for = '{asks_for}'\n[texts]\nquestion = 'Own words?'\nthanks = ''", "f", "n"
    )
    assert written.texts.question == "Own words?"
    assert written.texts.thanks == read.texts.thanks
    assert not [text for text in msgspec.to_builtins(read.texts).values() if "picture" in text]


@pytest.mark.parametrize("kind", ["compare", "label"])
def test_who_cannot_decide_is_told_what_the_study_takes(kind: str) -> None:
    told = {
        answer: spec.parse(f"[study]\nkind = '{kind}'\nnot_sure = {answer}", "f", "n").texts.instructions
        for answer in ("true", "false")
    }
    assert ("not sure" in told["true"], "first glance" in told["true"]) == (True, False)
    assert ("not sure" in told["false"], "first glance" in told["false"]) == (False, True)


prose = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


@given(
    texts=st.builds(
        spec.Texts,
        **dict.fromkeys(("title", "pay", "question", "consent", "instructions", "thanks", "screened_out"), prose),
    ),
    design=st.builds(
        spec.Design,
        seed=st.integers(0, 2**53),
        trials=st.integers(1, 1000),
        strategy=st.sampled_from(["balanced", "full"]),
        catch_rate=st.floats(0, 1),
    ),
    study=st.builds(
        spec.Study, name=st.from_regex(spec.STUDY_NAME, fullmatch=True), not_sure=st.booleans(), contact=prose
    ),
)
def test_the_frozen_text_reads_back_as_the_same_spec(texts: spec.Texts, design: spec.Design, study: spec.Study) -> None:
    given_spec = spec.Spec(study=study, design=design, texts=texts)
    frozen = spec.parse(spec.to_toml(given_spec), "f", "n")
    assert (frozen.study, frozen.design) == (study, design)
    assert spec.parse(spec.to_toml(frozen, "A remark."), "f", "n") == frozen
    defaults = wording.defaults(study.kind, study.asks_for, or_asks_for=study.or_asks_for, not_sure=study.not_sure)
    for name, text in msgspec.to_builtins(texts).items():
        assert getattr(frozen.texts, name) == (text if text.strip() else defaults[name])
