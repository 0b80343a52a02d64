"""What nothing changes of a study that is no draft any more; every database that is opened refuses it."""

import re
from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.orm import ORMExecuteState
from sqlalchemy.orm import Session as OrmSession

from study.models import Study

FROZEN = ("name", "design", "config", "stimuli_sha256", "simulated", "version", "follows_id")


def guard() -> None:
    """Refuse such changes from now on, to every session of this process."""
    event.listen(Study, "before_update", _designs_stay)
    event.listen(OrmSession, "do_orm_execute", _studies_change_one_by_one)


def _designs_stay(_mapper: Any, _connection: Any, study: Study) -> None:
    state = inspect(study)
    changed = [name for name in FROZEN if state.attrs[name].history.has_changes()]
    was_draft = "draft" in (state.attrs.state.history.deleted or [study.state])
    if changed and not was_draft:
        raise TypeError(f"{', '.join(changed)} of study {study.name} stay as they were opened: load another version")


def _studies_change_one_by_one(state: ORMExecuteState) -> None:
    """A statement over many studies does not say which of them are drafts."""
    if state.is_update and state.bind_mapper is Study.__mapper__:
        assigned, _, _ = str(state.statement).partition("\nWHERE ")
        changed = [name for name in FROZEN if re.search(rf"\b{name}=", assigned)]
        if changed:
            raise TypeError(f"{', '.join(changed)} of studies are changed one by one: only a draft's may be")
