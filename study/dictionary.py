"""The columns of votes.csv, sessions.csv and history.csv, as in docs/formats.md, each with its type and meaning."""

from typing import NamedTuple


class Column(NamedTuple):
    """One column: its name, what its cells hold, and a sentence for whoever opens the file in ten years."""

    name: str
    type: str
    meaning: str


VOTES = (
    Column("vote", "integer", "number of the vote, in the order of saving"),
    Column("study", "text", "the study's name"),
    Column("config", "sha256", "of design.toml, the frozen study"),
    Column("simulated", "boolean", "1 where no person voted"),
    Column("participant", "text", "pseudonym of who voted, one within the study"),
    Column("session", "integer", "number of the sitting"),
    Column("trial", "integer", "number of the showing"),
    Column("block", "integer", "trials between two breaks, from 1"),
    Column("position", "integer", "place of the trial in the session, from 1"),
    Column("kind", "text", "rating, catch, identical, repeat, practice or preview"),
    Column("asks_for", "text", "what the press means: prefer, closer or more_different"),
    Column("reference", "text", "when the original was in view: always, on_demand or never"),
    Column(
        "layout",
        "text",
        "how the images were laid out; docs/formats.md describes each layout",
    ),
    Column("source", "text", "the original image"),
    Column("source_sha256", "sha256", "of the original's pixels, after its size"),
    Column("tag", "text", "kind of content, where stimuli.csv names one"),
    Column("crop_x", "pixels", "left edge of the crop in the original"),
    Column("crop_y", "pixels", "upper edge of the crop in the original"),
    Column("crop_width", "pixels", "width of the crop"),
    Column("crop_height", "pixels", "height of the crop"),
    Column("left", "text", "condition that was shown on the left, or first (A) where both stood in one place"),
    Column("right", "text", "condition that was shown on the right, or second (B)"),
    Column("left_codec", "text", "codec of the left condition"),
    Column("right_codec", "text", "codec of the right condition"),
    Column("left_rate", "bits per pixel", "target of the left condition"),
    Column("right_rate", "bits per pixel", "target of the right condition"),
    Column("left_bpp", "bits per pixel", "real size of the left file, over the whole source"),
    Column("right_bpp", "bits per pixel", "real size of the right file, over the whole source"),
    Column("left_sha256", "sha256", "of the PNG that was shown on the left"),
    Column("right_sha256", "sha256", "of the PNG that was shown on the right"),
    Column("reference_sha256", "sha256", "of the PNG of the original that was shown"),
    Column("choice", "text", "the side that was pressed: left, right or not_sure"),
    Column("expected", "text", "the known answer of a catch or practice trial"),
    Column("response_ms", "milliseconds", "from the showing of the pair to the press, by the browser's clock"),
    Column("shown_at", "time", "when the server first gave the trial out"),
    Column("voted_at", "time", "when the server took the vote in"),
    Column("flips", "integer", "how often the view changed"),
    Column("left_ms", "milliseconds", "how long the left image was in view"),
    Column("right_ms", "milliseconds", "how long the right image was in view"),
    Column("reference_ms", "milliseconds", "how long the original was in view"),
    Column("zoomed", "boolean", "1 where the loupe was used"),
    Column("hidden_ms", "milliseconds", "how long the page was hidden"),
    Column("reloads", "integer", "how often the trial was shown again"),
    Column("viewport_width", "CSS pixels", "width of the window's page area"),
    Column("viewport_height", "CSS pixels", "height of the window's page area"),
    Column("device_pixel_ratio", "number", "device pixels a side of one CSS pixel"),
    Column("device_pixels_per_pixel", "number", "device pixels a side that one image pixel took"),
    Column("pixel_exact", "boolean", "1 where every image pixel lay on whole device pixels"),
    Column("bytes_verified", "boolean", "1 where the page hashed the image bytes and found them as planned"),
    Column("left_x", "device pixels", "left edge of the left image in the window"),
    Column("left_y", "device pixels", "upper edge of the left image in the window"),
    Column("right_x", "device pixels", "left edge of the right image in the window"),
    Column("right_y", "device pixels", "upper edge of the right image in the window"),
    Column("region_x", "pixels", "left edge, in the crop, of the region that decided"),
    Column("region_y", "pixels", "upper edge, in the crop, of the region that decided"),
    Column("region_width", "pixels", "width of the region that decided"),
    Column("region_height", "pixels", "height of the region that decided"),
    Column(
        *("strategy", "text"),
        "how the pair was drawn: balanced, full, adaptive (by priorities), or random (of an adaptive study, without a "
        "look at them); empty where it was not drawn for rating",
    ),
    Column("probability", "number", "chance, given all earlier plans, that the session came to hold the pair"),
    Column("corrects", "integer", "the vote that this one replaces"),
    Column("view", "text", "crop, or context where the crop was outlined inside a larger window"),
    Column("geometry_changes", "integer", "how often window size, density or magnification changed during the trial"),
)

SESSIONS = (
    Column("participant", "text", "as in votes.csv"),
    Column("session", "integer", "as in votes.csv"),
    Column("started_at", "time", "when the participant agreed, or declined"),
    Column("ended_at", "time", "when the last vote was saved or the session ended otherwise; empty while open"),
    Column("last_step", "text", "the last page that was reached; docs/formats.md lists them"),
    Column("outcome", "text", "open, complete, declined, screened_out, withdrawn, or expired (left for too long)"),
    Column("trials_planned", "integer", "showings in the plan, rounds of practice that were needed included"),
    Column("votes", "integer", "votes saved, practice included"),
    Column("language", "text", "of the page"),
    Column("simulated", "boolean", "1 where no person took part"),
    Column("age_band", "text", "as the participant said; these and the next columns are empty where nothing was said"),
    Column("vision", "text", "normal, corrected or impaired, as the participant said"),
    Column("display", "text", "kind of screen, as the participant said"),
    Column("plates_shown", "integer", "colour plates that were shown"),
    Column("plates_right", "integer", "colour plates whose number was read"),
    Column("pixels_per_mm", "number", "device pixels of the screen a millimetre, by a bank card held to it"),
    Column("distance_mm", "number", "from the eyes to the screen, as the participant said"),
    Column("pixels_per_degree", "number", "device pixels a degree of visual angle, from the two before"),
    Column("browser", "text", "family and major version"),
    Column("touch", "boolean", "1 where the main pointer was a finger"),
    Column("screen_width", "CSS pixels", "width of the screen"),
    Column("screen_height", "CSS pixels", "height of the screen"),
    Column("colour_depth", "bits", "of the screen, as the browser says"),
    Column("colour_gamut", "text", "srgb, p3 or rec2020, the widest that the browser claims"),
    Column(
        "plates_missed", "text", "kinds of the plates whose number was not read: control, deutan, protan, joined by ;"
    ),
)

FACTS = tuple(column.name for column in SESSIONS[10:])
"""The columns of sessions.csv that a session may leave empty, in their order: what `fact.name` may be."""

HISTORY = (
    Column("at", "time", "when it was done"),
    Column(
        *("did", "text"),
        "loaded, opened, paused, closed, uncovered or covered (ratings shown or hidden while the study takes votes), "
        "looked (a look that was planned), prioritised, or results (a report was loaded)",
    ),
    Column("sessions", "integer", "complete sessions at that moment"),
    Column("votes", "integer", "rating votes at that moment"),
    Column("detail", "sha256", "of what was loaded"),
)
