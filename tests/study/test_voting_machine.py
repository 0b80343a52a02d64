"""Whatever participants do, in whatever order and in two tabs at once, the votes are those of a simple model."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import delete, select

from study import scheduling, steps, voting
from study.db import Database
from study.errors import AlreadyCast, NotOpen, Problem
from study.models import Participant, Session, Trial, Vote, now

Load = Callable[..., str]
TOML = (
    "[design]\npractice = 1\npractice_rounds = 2\nblock = 3\ncatch_rate = 0.5\nidentical_rate = 0.3\nrepeat_rate = 0.3"
)
SIDES = st.sampled_from(["left", "right"])


@dataclass
class Card:
    """A planned trial, and what the model says of it."""

    public: str
    key: str
    correction_key: str
    kind: str
    block: int
    expected: str | None
    cast: str | None = None
    corrected: str | None = None


class Walks(RuleBasedStateMachine):
    """One participant. The model is a list of trials, the block that was begun, and whether the words were read."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        with self.database.write() as db:
            for table in (Vote, Trial, Session, Participant):  # the plan is the same in every example
                db.execute(delete(table.__table__))
            study = scheduling.find(db, "tiny", lock=True)
            person = Participant(study_id=study.id, token="t", pseudonym="p", simulated=False, created_at=now())  # noqa: S106
            db.add(person)
            db.flush()
            self.session = scheduling.begin(db, study, person, now()).id
            planned = db.scalars(select(Trial).where(Trial.session_id == self.session).order_by(Trial.position))
            self.cards = [Card(t.public, t.key, str(t.correction_key), t.kind, t.block, t.expected) for t in planned]
        self.begun, self.block = False, 1

    # The model.

    def ahead(self) -> list[Card]:
        practised = any(card.kind == "practice" and card.cast == card.expected for card in self.cards)
        return [c for c in self.cards if c.cast is None and not (practised and c.kind == "practice")]

    def step(self) -> str:
        ahead = self.ahead()
        if not ahead:
            return "thanks"
        if not self.begun:
            return "instructions"
        return "break" if ahead[0].block > self.block else "trial"

    def open(self) -> Card | None:
        return self.ahead()[0] if self.step() == "trial" else None

    def last(self) -> Card | None:
        """What may be corrected now."""
        here, cast = self.open(), [card for card in self.cards if card.cast]
        if here is None or not cast or cast[-1].kind == "practice" or cast[-1].corrected:
            return None
        return cast[-1] if cast[-1].block == here.block else None

    # The world.

    def send(self, card: Card, choice: str, key: str) -> voting.Saved | Problem:
        ballot = voting.Ballot(trial=card.public, key=key, choice=choice)
        try:
            return voting.cast(self.database, "tiny", "t", ballot, now())
        except Problem as problem:
            return problem

    def refused(self, card: Card, choice: str, key: str, by: type[Problem]) -> None:
        assert type(self.send(card, choice, key)) is by

    def saved(self, card: Card, choice: str, key: str, *, duplicate: bool) -> None:
        answer = self.send(card, choice, key)
        assert isinstance(answer, voting.Saved), answer
        assert answer.duplicate is duplicate

    @rule(choice=SIDES)
    @precondition(lambda self: self.open())
    def vote(self, choice: str) -> None:
        card = self.open()
        self.saved(card, choice, card.key, duplicate=False)
        card.cast = choice

    @rule(choice=SIDES, data=st.data())
    @precondition(lambda self: any(card.cast for card in self.cards))
    def vote_again(self, choice: str, data: Any) -> None:
        card = data.draw(st.sampled_from([card for card in self.cards if card.cast]))
        if choice == card.cast:
            self.saved(card, choice, card.key, duplicate=True)
        else:
            self.refused(card, choice, card.key, AlreadyCast)

    @rule(choice=SIDES, data=st.data())
    @precondition(lambda self: any(card.cast is None and card is not self.open() for card in self.cards))
    def vote_too_early(self, choice: str, data: Any) -> None:
        here = self.open()
        card = data.draw(st.sampled_from([card for card in self.cards if card.cast is None and card is not here]))
        self.refused(card, choice, card.key, NotOpen)

    @rule(choice=SIDES)
    @precondition(lambda self: self.last())
    def correct(self, choice: str) -> None:
        card = self.last()
        self.saved(card, choice, card.correction_key, duplicate=False)
        card.corrected = choice

    @rule(choice=SIDES, data=st.data())
    def correct_something(self, choice: str, data: Any) -> None:
        card, last = data.draw(st.sampled_from(self.cards)), self.last()
        if card is last:
            return
        if card.corrected == choice:
            self.saved(card, choice, card.correction_key, duplicate=True)
        else:
            self.refused(card, choice, card.correction_key, AlreadyCast if card.corrected else NotOpen)

    @rule(choices=st.tuples(SIDES, SIDES), correcting=st.booleans())
    @precondition(lambda self: self.open())
    def in_two_tabs(self, choices: tuple[str, str], correcting: bool) -> None:
        card = self.last() if correcting else self.open()
        if card is None:
            return
        if card.kind == "practice":  # which tab wins must not decide what comes next: examples are played again
            choices = (choices[0], choices[0])
        key = card.correction_key if correcting else card.key
        with ThreadPoolExecutor(2) as tabs:
            answers = list(tabs.map(lambda choice: self.send(card, choice, key), choices))
        saved = [at for at, answer in enumerate(answers) if isinstance(answer, voting.Saved) and not answer.duplicate]
        assert len(saved) == 1, answers
        other = answers[1 - saved[0]]
        assert isinstance(other, voting.Saved if choices[0] == choices[1] else AlreadyCast), other
        if correcting:
            card.corrected = choices[saved[0]]
        else:
            card.cast = choices[saved[0]]

    @rule(shown=st.sampled_from(["instructions", "break", "warning", "trial", "thanks"]))
    def go_on(self, shown: str) -> None:
        can = shown == self.step() and shown in {"instructions", "break"}
        with self.database.write() as db:
            assert steps.go_on(db, db.get_one(Session, self.session), shown, now()) is can
        if can:
            self.begun, self.block = True, self.block + (shown == "break")

    @invariant()
    def a_reload_shows_what_the_model_says(self) -> None:
        with self.database.read() as db:
            session = db.get_one(Session, self.session)
            here = steps.here(db, session, now())
        card, last = self.open(), self.last()
        assert here.step == self.step()
        assert (here.trial and here.trial.public) == (card and card.public)
        assert (here.undo and here.undo.public) == (last and last.public)
        assert here.progress.done == sum(c.cast is not None and c.kind != "practice" for c in self.cards)
        assert session.outcome == ("complete" if here.step == "thanks" else "open")

    @invariant()
    def the_votes_are_those_of_the_model(self) -> None:
        with self.database.read() as db:
            rows = db.execute(
                select(Vote.id, Vote.choice, Vote.corrects, Trial.public)
                .join(Trial, Trial.id == Vote.trial_id)
                .where(Trial.session_id == self.session)
            ).all()
        first = {row.public: row.id for row in rows if row.corrects is None}
        assert sorted((r.public, r.choice) for r in rows if r.corrects is None) == sorted(
            (card.public, card.cast) for card in self.cards if card.cast
        )
        assert sorted((r.public, r.choice, r.corrects) for r in rows if r.corrects is not None) == sorted(
            (card.public, card.corrected, first[card.public]) for card in self.cards if card.corrected
        )


def test_votes_follow_a_simple_model(database: Database, load: Load) -> None:
    load(sources=5, toml=TOML)
    machine = type("Walks", (Walks,), {"database": database})
    run_state_machine_as_test(machine, settings=settings(max_examples=15, stateful_step_count=40, deadline=None))
