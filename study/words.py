"""What the pages' scripts say, by a short key; static/words.js looks the keys up, in the page's language.

`{name}` is filled in by the script. Durations are worded by the browser itself (static/words.js, `minutes`), and
nothing here depends on a number, so that no script needs to know any language's plurals.
"""

from collections.abc import Mapping

from flask_babel import lazy_gettext

TRIAL = {
    "practice": lazy_gettext("Practice"),
    "progress": lazy_gettext("{done} of {of}, about {time}"),
    "left": lazy_gettext("left"),
    "right": lazy_gettext("right"),
    "right_answer": lazy_gettext("✓ Yes, here the clear answer is: {expected}."),
    "wrong_answer": lazy_gettext("✗ Here the clear answer is: {expected}. Have another look."),
    "zoom_out": lazy_gettext("Please zoom out again with two fingers."),
    "turn": lazy_gettext("Please turn your device to its other side."),
    "wider": lazy_gettext("Please make the window wider (by {width} px), or use a larger screen."),
    "higher": lazy_gettext("Please make the window higher (by {height} px), or use a larger screen."),
    "wider_and_higher": lazy_gettext(
        "Please make the window wider (by {width} px) and higher (by {height} px), or use a larger screen."
    ),
    "smaller_words": lazy_gettext(
        "Or zoom out in your browser: words and buttons become smaller, the images keep their pixels."
    ),
    "computer": lazy_gettext("The images need a larger screen than this one. Please use a computer."),
    "no_answer": lazy_gettext("No answer from the server. Trying again; nothing is lost."),
    "offline": lazy_gettext("Offline. This page goes on by itself; nothing is lost."),
    "no_image": lazy_gettext("An image does not arrive. Trying again."),
    "not_saved": lazy_gettext("The server could not save your answer. It is kept in this browser and sent again."),
    "let_go": lazy_gettext("Let go of the other key first."),
    "saving": lazy_gettext("Saving."),
    "not_in_view": lazy_gettext("The images are not in view."),
    "look_first": lazy_gettext("Look at both images first."),
    "look_at": lazy_gettext("Look at {images} first."),
    "look_longer": lazy_gettext("Look at {images} a little longer."),
    "a": lazy_gettext("A"),
    "b": lazy_gettext("B"),
    "original": lazy_gettext("Original"),
    "the_original": lazy_gettext("the original"),
    "not_sure": lazy_gettext("not sure"),
    "again": lazy_gettext("Another round of practice follows."),
    "answered": lazy_gettext("Your answer was: {choice}. Choose again, or leave it."),
    "too_late": lazy_gettext("The last answer cannot be changed any more."),
}
"""Of the trial page: trial.js, page.js, notices.js, answers.js, door.js, images.js."""

DEVICE = {
    "wider": TRIAL["wider"],
    "higher": TRIAL["higher"],
    "wider_and_higher": TRIAL["wider_and_higher"],
    "turn": TRIAL["turn"],
    "computer": TRIAL["computer"],
    "zoom_out": TRIAL["zoom_out"],
    "tiny": lazy_gettext("The images are small on this screen. A screen with larger pixels suits this study better."),
    "copied": lazy_gettext("Copied."),
}
"""Of the check of the window before the trials: device.js."""

SCREEN = {
    "measured": lazy_gettext("{number} pixels of your screen are one millimetre."),
    "at_the_end": lazy_gettext(
        "The slider is at its end. If the outline is not as large as the card, leave the box empty."
    ),
}
"""Of the page with the bank card: screen.js."""

QUESTIONS = {
    "age_band": (
        lazy_gettext("How old are you?"),
        {
            "under_18": lazy_gettext("under 18"),
            "18_29": lazy_gettext("18 to 29"),
            "30_44": lazy_gettext("30 to 44"),
            "45_59": lazy_gettext("45 to 59"),
            "60_74": lazy_gettext("60 to 74"),
            "75_over": lazy_gettext("75 or older"),
        },
    ),
    "vision": (
        lazy_gettext("How well do you see the screen, as you sit before it now?"),
        {
            "normal": lazy_gettext("Well, without glasses or contact lenses"),
            "corrected": lazy_gettext("Well, with glasses or contact lenses"),
            "impaired": lazy_gettext("Not so well"),
        },
    ),
    "display": (
        lazy_gettext("What kind of screen is it?"),
        {
            "laptop": lazy_gettext("A laptop's own screen"),
            "monitor": lazy_gettext("A monitor"),
            "tablet": lazy_gettext("A tablet"),
            "phone": lazy_gettext("A phone"),
            "television": lazy_gettext("A television or a projector"),
        },
    ),
}
"""What a participant may say: for each fact the question, and the words for each value of its vocabulary."""


def said(words: Mapping[str, object]) -> dict[str, str]:
    """The words in the language of the request; a template puts them into `data-words` with `tojson`."""
    return {key: str(word) for key, word in words.items()}
