"""Partners, sources and facts for tests, made by plain functions with sensible defaults."""

import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy.orm import Session

from collectors.base import Article, Delivery, Fact, Key, Measure, Message
from warden.models import Partner, Source
from warden.store import identifiers, partners, sources

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
ADDRESS = Key("email", "an@acme.example")
CODE = Key("supplier_code", "7")

_numbers = itertools.count(1)


def make_partner(
    session: Session,
    name: str = "Acme",
    *,
    keys: Sequence[tuple[str, str]] = (),
    aliases: Sequence[str] = (),
    now: datetime = NOW,
    **values: Any,
) -> Partner:
    """A partner with identifiers (scheme, value) and aliases; `values` are fields of store.partners."""
    partner = partners.create(session, {"name": name, **values}, now)
    for scheme, value in keys:
        identifiers.add_identifier(session, partner, scheme, value, now)
    for alias in aliases:
        identifiers.add_alias(session, partner, alias, now)
    return partner


def make_source(session: Session, name: str = "mailbox", *, now: datetime = NOW, **values: Any) -> Source:
    """A source; a push source unless `collector` says otherwise."""
    return sources.add(session, name=name, now=now, **{"collector": sources.PUSH, "options": {}, **values})


def message(at: datetime = NOW - DAY, *, key: Key = ADDRESS, **values: Any) -> Message:
    """One message from the partner, unless `sent=True`."""
    return Message(**{"identity": f"message-{next(_numbers)}", "key": key, "at": at, "sent": False, **values})


def messages(moments: Sequence[datetime], *, key: Key = ADDRESS, **values: Any) -> list[Fact]:
    """Messages at these moments, from the partner and to it by turns."""
    return [message(at, key=key, **{"sent": bool(i % 2), **values}) for i, at in enumerate(moments)]


def delivery(due_on: date, made_on: date | None = None, *, key: Key = CODE, **values: Any) -> Delivery:
    """One delivery; open when `made_on` is None."""
    at = datetime.combine(made_on or due_on, time(), UTC)
    fixed = {"identity": f"delivery-{next(_numbers)}", "key": key, "at": at, "due_on": due_on, "made_on": made_on}
    return Delivery(**{**fixed, **values})


def deliveries(due: Sequence[date], *, days_late: int = 0, key: Key = CODE, **values: Any) -> list[Fact]:
    """Deliveries due on these dates, each made `days_late` after it."""
    return [delivery(on, on + days_late * DAY, key=key, **values) for on in due]


def article(title: str, at: datetime = NOW - DAY, **values: Any) -> Article:
    """One headline."""
    number = next(_numbers)
    fixed = {"identity": f"article-{number}", "url": f"https://news.example/{number}", "outlet": "Example Times"}
    return Article(**{**fixed, "at": at, "title": title, **values})


def measure(name: str, value: float, at: datetime = NOW - DAY, *, key: Key = CODE, **values: Any) -> Measure:
    """One number about a partner."""
    return Measure(
        **{"identity": f"measure-{next(_numbers)}", "key": key, "at": at, "name": name, "value": value, **values}
    )
