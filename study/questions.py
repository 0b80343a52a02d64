"""What a session is asked: the study's question, or the one of two that was drawn for it."""

import msgspec

from study import design
from study.models import Session
from study.spec import AsksFor, Spec, Texts, texts_in


def drawn(spec: Spec, ordinal: int) -> AsksFor | None:
    """The question of the session of this number, where the study draws one for everybody; otherwise none."""
    study = spec.study
    return design.question(spec.design.seed, ordinal, study.asks_for, study.or_asks_for) if study.or_asks_for else None


def of(spec: Spec, asks_for: str | None) -> AsksFor:
    """The question of a session that holds this one, or none of its own."""
    second = spec.study.or_asks_for
    return second if second and asks_for == second else spec.study.asks_for


def texts(spec: Spec, language: str, asks_for: str | None) -> Texts:
    """The study's texts in one of its languages, with the question and the instructions of such a session."""
    said = texts_in(spec, language)
    if of(spec, asks_for) == spec.study.asks_for:
        return said
    return msgspec.structs.replace(said, question=said.or_question, instructions=said.or_instructions)


def texts_of(spec: Spec, session: Session) -> Texts:
    """The texts of this session, in its language; it may as well be a row with the same columns."""
    return texts(spec, session.language, session.asks_for)
