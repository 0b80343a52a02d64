"""What the pages say where study.toml says nothing."""

import gettext
from pathlib import Path

TRANSLATIONS = Path(__file__).with_name("translations")


def _(english: str) -> str:
    """The sentence itself: what stands in this call is collected into the catalogues, and translated by `defaults`."""
    return english


QUESTIONS = {
    ("compare", "prefer"): _("Which image do you prefer?"),
    ("compare", "closer"): _("Which image is closer to the original?"),
    ("compare", "more_different"): _("Which image differs more from the original?"),
    ("label", "prefer"): _("Which would you rather have in place of the original?"),
    ("label", "closer"): _("Which stays closer to the original?"),
    ("label", "more_different"): _("Which strays further from the original?"),
}

TITLES = {
    ("compare", "prefer"): _("Which image looks better?"),
    ("compare", "closer"): _("Which image is closer to the original?"),
    ("compare", "more_different"): _("Which image differs more from the original?"),
    ("label", "prefer"): _("Which image would you keep?"),
    ("label", "closer"): _("Which image is closer to the original?"),
    ("label", "more_different"): _("Which image differs more from the original?"),
}

_CONSENT = (
    _("You will see pairs of images and answer one short question about each. Your own eyes decide."),
    _("Taking part is your choice."),
)

_LOOK = _("Please sit at your usual distance from the screen, and leave the browser's zoom at 100%.")

_SHOWN = _("The two images show the same part of a photograph.")
_KEEP = _("Imagine that the original is gone and that you may keep only one of the two.")
_ANSWER = _("Look at both, then answer the question with one of the buttons below the images.")

# Nothing speaks of liking where the question is one of likeness, and nothing ever of what an image may show.
_TASKS = {
    ("compare", "prefer"): (_SHOWN, _ANSWER),
    ("compare", "closer"): (_SHOWN, _ANSWER),
    ("compare", "more_different"): (_SHOWN, _ANSWER),
    ("label", "prefer"): (_SHOWN, _KEEP, _ANSWER),
    ("label", "closer"): (_SHOWN, _ANSWER),
    ("label", "more_different"): (_SHOWN, _ANSWER),
}

_UNDECIDED = {
    False: _(
        "Some differences are small. If you cannot decide, give the answer that seems more likely to you at first "
        "glance."
    ),
    True: _('Some differences are small. If you cannot decide, you may answer "not sure".'),
}

_LIKENESS = _("Your answers help to find out how close to the original different ways of storing images stay.")
_THANKS = {
    ("compare", "prefer"): _(
        "Your answers help to find out which way of storing images keeps what people want to see."
    ),
    ("compare", "closer"): _LIKENESS,
    ("compare", "more_different"): _LIKENESS,
    ("label", "prefer"): _(
        "Your answers help to find out where people welcome invented detail, and where they do not."
    ),
    ("label", "closer"): _LIKENESS,
    ("label", "more_different"): _LIKENESS,
}

# Where some are asked one question and some another, what all see names neither.
_EITHER_TITLE = _("Pairs of images")
_EITHER_THANKS = _("Your answers help to compare different ways of storing images.")

_ENDS_EARLY = _(
    "The study ends here for you, a little early: several pairs had a clear answer that was missed, so the differences "
    "may be hard to see on your screen, or today."
)
_PAY = {
    True: _("You are paid as for the whole study."),
    False: _("If something was promised to you for taking part, tell the code below to whoever promised it."),
}


def defaults(
    kind: str, asks_for: str, *, not_sure: bool, or_asks_for: str = "", pays_early: bool = False, language: str = "en"
) -> dict[str, str]:
    """Every text of a study that gives none, by its key in study.toml, in one language.

    `or_asks_for`: the second question, where each participant is asked one of two. `pays_early`: whoever the screening
    sends away has a link of their own that pays.
    """
    say = gettext.translation("messages", TRANSLATIONS, [language], fallback=language == "en").gettext

    def instructions(question: str) -> str:
        task = " ".join(map(say, _TASKS[kind, question]))
        return "\n\n".join((say(_LOOK), task, say(_UNDECIDED[not_sure])))

    return {
        "title": say(_EITHER_TITLE if or_asks_for else TITLES[kind, asks_for]),
        "pay": "",
        "question": say(QUESTIONS[kind, asks_for]),
        "or_question": say(QUESTIONS[kind, or_asks_for]) if or_asks_for else "",
        "consent": "\n\n".join(map(say, _CONSENT)),
        "instructions": instructions(asks_for),
        "or_instructions": instructions(or_asks_for) if or_asks_for else "",
        "thanks": say(_EITHER_THANKS if or_asks_for else _THANKS[kind, asks_for]),
        "screened_out": "\n\n".join(map(say, (_ENDS_EARLY, _PAY[pays_early]))),
    }
