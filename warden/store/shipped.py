"""What Warden ships with: the rules and one risk matrix. Missing rows are added; nothing edited is overwritten."""

import json
from datetime import datetime
from functools import lru_cache
from importlib import resources
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from warden.models import Matrix, Rule
from warden.store import matrices, rules

AUTHOR = "warden"
"""Who set what ships."""


@lru_cache
def _read(name: str) -> Any:
    return json.loads((resources.files("warden") / "shipped" / name).read_text("utf-8"))


def seed(session: Session, now: datetime) -> int:
    """Add the shipped rules and matrix where they are missing; return how many rows were added."""
    added = 0
    if session.scalar(select(Matrix.id).limit(1)) is None:
        drafted = matrices.draft(session, _read("matrix.json"), AUTHOR, now)
        matrices.activate(session, drafted.version, AUTHOR, now)
        added += 1
    present = set(session.scalars(select(Rule.key)))
    for shipped in _read("rules.json"):
        values = {name: value for name, value in shipped.items() if name != "key"}
        if shipped["key"] not in present:
            rules.add(session, shipped["key"], values, now)
            added += 1
    return added
