"""The report's page: one self-contained HTML text from the findings and the rows of the tables."""

from pathlib import Path

import jinja2

from analysis.checklist import checklist
from analysis.codes import how_many
from analysis.findings import Findings
from analysis.intervals import REACH
from analysis.linking import unvoted
from analysis.methods import methods
from analysis.pictures.album import Album
from analysis.recorded import Recorded
from analysis.report.fit import fit_context
from analysis.report.metrics import metrics_context
from analysis.report.raters import raters_context
from analysis.report.ratings import ratings_context
from analysis.report.record import Record
from analysis.report.tables import Context, Tables
from analysis.report.verdicts import verdicts_context
from analysis.report.words import FILTERS
from analysis.telling import NO_VOTES

TEMPLATES = Path(__file__).parents[1] / "templates"
QUESTIONS = {
    "prefer": "which of two images is preferred",
    "closer": "which of two images is closer to the original",
    "more_different": "which of two images differs more from the original (the other one counts as the winner)",
    "": "not stated in the votes",
}
REFERENCES = {
    "always": "the original was always in view",
    "on_demand": "the original was shown on demand",
    "never": "the original was never shown",
    "": "whether the original was in view is not stated in the votes",
}

LAYOUTS = {
    "side_by_side": "The two candidates stood side by side.",
    "flip": "The two candidates took turns in one place, when asked to.",
    "flip_reference": "The two candidates and the original took turns in one place, when asked to.",
    "flicker": "The two candidates took turns in one place by themselves.",
    "flicker_reference": "Each candidate took turns with the original, both in places of their own.",
    "": "How the images were laid out is not stated in the votes.",
    "unknown": "How the images were laid out, and on which side, is not known.",
}
VIEWS = {
    "crop": "Crops of the images were shown.",
    "context": "Crops were outlined inside a larger window of the images.",
    "": "",
}


def page(findings: Findings, known: Recorded, made: Record, tables: Tables, album: Album) -> str:
    """Return the page; `known` lies beside the votes, `made` is what settings.json holds, `tables` the tables' rows."""
    context = told_first(findings) | {
        "made": made,
        "album": album,
        "names": list(tables),
        "settings": findings.settings,
        "ratings": ratings_context(findings),
        "verdicts": verdicts_context(findings, tables),
        "model": fit_context(findings, tables),
        "raters": raters_context(findings, tables),
        "metrics": metrics_context(findings, tables),
        "reach": REACH,
        "methods": methods(findings),
        "checklist": checklist(findings, known),
        "notes": known.notes,
        "in_view": known.in_view,
    }
    return _environment().get_template("report.html.jinja").render(context)


def told_first(findings: Findings) -> Context:
    """Return what the head of the page tells: what was asked of whom, how many, and what was left out."""
    selection, votes = findings.selection, findings.selection.rated
    return {
        "title": selection.asked["study"] or votes.path.stem,
        "simulated": votes.simulated,
        "voters": "simulated participants" if votes.simulated else "participants",
        "question": QUESTIONS[selection.asked["asks_for"]],
        "reference": REFERENCES[selection.asked["reference"]],
        "layout": LAYOUTS.get(selection.asked["layout"], f"Layout: {selection.asked['layout']}."),
        "view": VIEWS[selection.asked["view"]],
        "asked_for": selection.asked["asks_for"],
        "selection": selection,
        "participants": how_many(votes.participant),
        "sources": how_many(votes.source[votes.source >= 0]),
        "conditions": sum(len(scale.counts.items) for scale in findings.scales),
        "unvoted": unvoted(selection),
        "no_votes": NO_VOTES,
    }


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    return environment
