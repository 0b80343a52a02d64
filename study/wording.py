"""What the pages say where study.toml says nothing, and the study.toml that `study new` writes."""

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
        "title": say(TITLES[kind, asks_for]),
        "pay": "",
        "question": say(QUESTIONS[kind, asks_for]),
        "or_question": say(QUESTIONS[kind, or_asks_for]) if or_asks_for else "",
        "consent": "\n\n".join(map(say, _CONSENT)),
        "instructions": instructions(asks_for),
        "or_instructions": instructions(or_asks_for) if or_asks_for else "",
        "thanks": say(_THANKS[kind, asks_for]),
        "screened_out": "\n\n".join(map(say, (_ENDS_EARLY, _PAY[pays_early]))),
    }


TEMPLATE = """\
# A study. Every key may be left out; the values here are the defaults.
# Put this file beside stimuli.csv, then: manage.py study check FOLDER, manage.py study load FOLDER.

[study]
# name = "{name}"        # part of the participants' link; the folder's name where it is left out
kind = "{kind}"          # compare: which codec looks better; label: is hallucinated detail welcome here
asks_for = "prefer"        # prefer, closer, or more_different (then the press names the worse side)
reference = "always"       # the original is in view: always, on_demand (by key or button), or never
languages = ["en"]         # of en, de, ar; the first one where a browser asks for none of them
layout = "side_by_side"    # or flip (A and B in place), flip_reference (A, B and the original in place),
                           # flicker (A and B take turns), flicker_reference (each side takes turns with the original)
flicker_ms = 500           # how long each image of a flicker stays
view = "crop"              # or context: the crop outlined inside a larger window, where stimuli.csv has one
loupe = false              # may participants magnify, 2 and 4 times?
mark_region = false        # may participants mark the region that decided?
not_sure = false           # may participants answer "not sure"?
device_pixels_per_pixel = 1  # one image pixel on n x n pixels of the screen, alike for everybody; or "auto": as
                           # many as the screen has for one CSS pixel
phones = false             # may people take part on a phone?
contact = ""               # who answers questions, for example an e-mail address; shown first and last

[design]
seed = 1                   # order, sides and draws follow from it
trials = 60                # rating trials a participant at most
strategy = "balanced"      # the least-answered pairs first; or full: every pair, in random order
block = 20                 # trials between two breaks
practice = 2               # practice trials, with feedback; they need `catch` rows in stimuli.csv
practice_rounds = 2        # how often practice may be repeated until all of it is right
catch_rate = 0.1           # catch trials per rating trial; they need `catch` rows too
identical_rate = 0.05      # trials with the same image on both sides, per rating trial: they show side bias
repeat_rate = 0.05         # trials that come a second time, per rating trial: they show self-consistency
minimum_view_ms = 500      # each image is in view this long before a choice counts
participants = 0           # how many sessions may count; 0 is no limit
votes_per_pair = 0         # answers wanted of each pair; 0 is no limit
resume_hours = 2.0         # after so long without an answer a session has ended, and others get its open trials

# What participants may say of themselves before they begin; each answer may be left out.
[ask]
age = false                # an age band
vision = false             # normal, corrected or impaired vision
display = false            # the kind of screen
colour_plates = 0          # plates with a number that colour-blind people see differently
screen_size = false        # a bank card held to the screen and the distance to it: pixels per degree

[screening]
catches_missed = 0         # so many wrong catch trials bring a warning at the next break, one more ends the session;
                           # 0 is never

# `{{PROLIFIC_PID}}` and other parameters of the participant's link may stand in these.
[links]
completion = ""            # offered after the last vote has been saved, for example a recruiting service's link
screen_out = ""            # offered to those whom the screening sends away, who are paid as well

# Plain text; blank lines make paragraphs. Left out, each has a default that suits the kind of study. A language beyond
# the first has its texts in [translations.de] and the like.
[texts]
# title = "{title}"
# pay = ""                 # what participants get; shown at the very beginning
# question = "{question}"
# consent = \"\"\"...\"\"\"
# instructions = \"\"\"...\"\"\"
# thanks = \"\"\"...\"\"\"
# screened_out = \"\"\"...\"\"\"  # to those whom the screening sends away
"""


def new_toml(name: str, kind: str) -> str:
    """A commented study.toml for a study of this kind."""
    return TEMPLATE.format(name=name, kind=kind, title=TITLES[kind, "prefer"], question=QUESTIONS[kind, "prefer"])
