"""What Warden ships with: rules, playbooks, one risk matrix. What is missing is added; nothing is overwritten."""

import json
from datetime import datetime
from functools import lru_cache
from importlib import resources
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from warden.domain import DiagnosedCause, VersionStatus
from warden.models import Matrix, Playbook, Rule
from warden.store import matrices, rule_versions

AUTHOR = "warden"
"""Who set what ships."""


@lru_cache
def _read(name: str) -> Any:
    return json.loads((resources.files("warden") / "shipped" / name).read_text("utf-8"))


def seed(session: Session, now: datetime) -> int:
    """Add what ships where it is missing; return how many rows were added."""
    books, missing = _playbooks(session, now), _rules(session, now)
    session.add_all([*books, *missing])
    session.flush()
    session.add_all(rule_versions.first(rule, AUTHOR) for rule in missing)
    added = len(books) + len(missing)
    if session.scalar(select(Matrix.id).limit(1)) is None:
        drafted = matrices.draft(session, _read("matrix.json"), AUTHOR, now)
        matrices.activate(session, drafted.version, AUTHOR, now)
        added += 1
    session.flush()
    return added


def _rules(session: Session, now: datetime) -> list[Rule]:
    present = set(session.scalars(select(Rule.key)))
    return [
        Rule(**shipped, version=1, updated_at=now) for shipped in _read("rules.json") if shipped["key"] not in present
    ]


def _playbooks(session: Session, now: datetime) -> list[Playbook]:
    """Return the first version of each playbook that has none; it advises at once."""
    present = set(session.scalars(select(Playbook.cause)))
    return [
        Playbook(
            cause=DiagnosedCause(book["cause"]),
            number=1,
            status=VersionStatus.ACTIVE,
            titles=book["titles"],
            steps=book["steps"],
            author=AUTHOR,
            created_at=now,
            activated_at=now,
        )
        for book in _read("playbooks.json")
        if book["cause"] not in present
    ]
