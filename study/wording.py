"""What the pages say where study.toml says nothing, and the study.toml that `study new` writes."""

QUESTIONS = {
    ("compare", "prefer"): "Which image do you prefer?",
    ("compare", "closer"): "Which image is closer to the original?",
    ("compare", "more_different"): "Which image differs more from the original?",
    ("label", "prefer"): "Which would you rather have in place of the original?",
    ("label", "closer"): "Which stays closer to the original?",
    ("label", "more_different"): "Which strays further from the original?",
}

TITLES = {"compare": "Which image looks better?", "label": "Which image would you keep?"}

_CONSENT = """\
You will see pairs of images and answer one short question about each. There are no right or wrong answers: \
your own eyes decide.

Taking part is your choice."""

_LOOK = """\
Please use a computer screen, sit at your usual distance and leave the browser's zoom at 100%."""

_TASKS = {
    "compare": "The two images show the same part of a photograph, stored in two different ways. Look at both, then "
    "choose one: click the button below it, or press the key that the button names.",
    "label": "The two images stand for the same part of a photograph. One may be softer; the other may be sharper but "
    "show details that were invented. Imagine that the original is gone and that you may keep only one of the two. "
    "Choose it with the button below it, or press the key that the button names.",
}

_UNDECIDED = {
    False: "Some differences are small. If you cannot decide, choose what your first glance favours.",
    True: 'Some differences are small. If you cannot decide, you may answer "not sure".',
}

_THANKS = {
    "compare": "Your answers help to find out which way of storing images keeps what people want to see.",
    "label": "Your answers help to find out where people welcome invented detail, and where they do not.",
}


def defaults(kind: str, asks_for: str, *, not_sure: bool) -> dict[str, str]:
    """Every text of a study that gives none, by its key in study.toml."""
    return {
        "title": TITLES[kind],
        "question": QUESTIONS[kind, asks_for],
        "consent": _CONSENT,
        "instructions": "\n\n".join((_LOOK, _TASKS[kind], _UNDECIDED[not_sure])),
        "thanks": _THANKS[kind],
    }


TEMPLATE = """\
# A study. Every key may be left out; the values here are the defaults.
# Put this file beside stimuli.csv, then: manage.py study check FOLDER, manage.py study load FOLDER.

[study]
# name = "{name}"        # part of the participants' link; the folder's name where it is left out
kind = "{kind}"          # compare: which codec looks better; label: is hallucinated detail welcome here
asks_for = "prefer"        # prefer, closer, or more_different (then the press names the worse side)
reference = "always"       # the original is in view: always, on_demand (by key or button), or never
layout = "side_by_side"
not_sure = false           # may participants answer "not sure"?
device_pixels_per_pixel = 1  # one image pixel on n x n pixels of the screen, alike for everybody
contact = ""               # who answers questions, for example an e-mail address; shown first and last

[design]
seed = 1                   # order, sides and draws follow from it
trials = 60                # rating trials a participant at most
strategy = "balanced"      # the least-answered pairs first; or full: every pair, in random order
block = 20                 # trials between two breaks
practice = 2               # practice trials, with feedback; they need `catch` rows in stimuli.csv
catch_rate = 0.1           # catch trials per rating trial; they need `catch` rows too
minimum_view_ms = 500      # both images are in view this long before a choice counts
participants = 0           # how many may begin; 0 is no limit

[links]
completion = ""            # offered after the last vote has been saved, for example a recruiting service's link

# Plain text; blank lines make paragraphs. Left out, each has a default that suits the kind of study.
[texts]
# title = "{title}"
# question = "{question}"
# consent = \"\"\"...\"\"\"
# instructions = \"\"\"...\"\"\"
# thanks = \"\"\"...\"\"\"
"""


def new_toml(name: str, kind: str) -> str:
    """A commented study.toml for a study of this kind."""
    return TEMPLATE.format(name=name, kind=kind, title=TITLES[kind], question=QUESTIONS[kind, "prefer"])
