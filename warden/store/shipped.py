"""What Warden ships with: rules, playbooks, one risk matrix. What is missing is added; nothing is overwritten."""

import json
from datetime import datetime
from functools import lru_cache
from importlib import resources
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from warden.domain import DiagnosedCause
from warden.models import Matrix, Playbook, Rule
from warden.store import matrices, playbooks, rule_versions, rules

AUTHOR = "warden"
"""Who set what ships."""


@lru_cache
def _read(name: str) -> Any:
    return json.loads((resources.files("warden") / "shipped" / name).read_text("utf-8"))


def seed(session: Session, now: datetime) -> int:
    """Add what ships where it is missing; return how many rows were added."""
    added = _seed_playbooks(session, now)
    if session.scalar(select(Matrix.id).limit(1)) is None:
        drafted = matrices.draft(session, _read("matrix.json"), AUTHOR, now)
        matrices.activate(session, drafted.version, AUTHOR, now)
        added += 1
    present = set(session.scalars(select(Rule.key)))
    for shipped in _read("rules.json"):
        values = {name: value for name, value in shipped.items() if name != "key"}
        if shipped["key"] not in present:
            rule_versions.keep_first(session, rules.add(session, shipped["key"], values, now), AUTHOR)
            added += 1
    return added


def _seed_playbooks(session: Session, now: datetime) -> int:
    present = set(session.scalars(select(Playbook.cause)))
    missing = [book for book in _read("playbooks.json") if book["cause"] not in present]
    for book in missing:
        cause = DiagnosedCause(book["cause"])
        drafted = playbooks.draft(session, cause, book["titles"], book["steps"], note="", author=AUTHOR, now=now)
        playbooks.activate(session, cause, drafted.number, now)
    return len(missing)
