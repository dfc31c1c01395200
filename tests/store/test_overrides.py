"""Overrides: they hold until they expire, are withdrawn or replaced, and never outlive that."""

from datetime import datetime, timedelta

import pytest
from factories import DAY, NOW, make_partner
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import Quantity
from warden.errors import Conflict, InvalidInput, NotFound
from warden.models import Override, Partner
from warden.store import overrides

INSTANT = timedelta(microseconds=1)
L, IMPACT = Quantity.LIKELIHOOD, Quantity.IMPACT


def add(
    session: Session,
    partner: Partner,
    value: float = 0.5,
    *,
    quantity: Quantity = L,
    days: float = 30,
    now: datetime = NOW,
    reason: str = "They told us.",
) -> Override:
    return overrides.add(session, partner, quantity, value, "olga", reason, now + days * DAY, now)


def holding(session: Session, at: datetime, known_at: datetime | None = None) -> dict[Quantity, float]:
    return {quantity: row.value for (_, quantity), row in overrides.holding(session, at, known_at).items()}


def test_an_override_holds_from_its_making_until_it_expires(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session)
        made = add(session, acme, days=30)
        assert (made.author, made.reason, made.withdrawn_at) == ("olga", "They told us.", None)
        assert holding(session, NOW - INSTANT) == {}
        assert holding(session, NOW) == {L: 0.5}
        assert holding(session, NOW + 30 * DAY - INSTANT) == {L: 0.5}
        assert holding(session, NOW + 30 * DAY) == {}
        assert list(overrides.holding(session, NOW)) == [(acme.id, L)]


def test_a_new_one_takes_the_place_of_the_former_of_its_quantity(db: Database) -> None:
    with db.write() as session:
        acme, bolt = make_partner(session), make_partner(session, "Bolt")
        first = add(session, acme, 0.5)
        add(session, acme, 4.0, quantity=IMPACT)
        add(session, bolt, 0.9)
        second = overrides.add(session, acme, L, 0.25, "an", "Better.", NOW + 9 * DAY, NOW + DAY)
        assert (first.withdrawn_at, first.withdrawn_by) == (NOW + DAY, "an")
        found = overrides.holding(session, NOW + DAY)
        assert {key: row.value for key, row in found.items()} == {
            (acme.id, L): 0.25,
            (acme.id, IMPACT): 4.0,
            (bolt.id, L): 0.9,
        }
        assert overrides.holding(session, NOW)[acme.id, L] is first, "the past stays as it was"
        assert overrides.listing(session, acme.id)[0] is second
        assert len(overrides.listing(session, acme.id)) == 3


def test_a_withdrawn_one_ends_at_once_and_only_once(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session)
        made = add(session, acme)
        overrides.withdraw(session, acme.id, made.id, "an", NOW + 2 * DAY)
        assert (made.withdrawn_at, made.withdrawn_by) == (NOW + 2 * DAY, "an")
        assert holding(session, NOW + 2 * DAY - INSTANT) == {L: 0.5}
        assert holding(session, NOW + 2 * DAY) == {}
        with pytest.raises(Conflict, match="over already"):
            overrides.withdraw(session, acme.id, made.id, "an", NOW + 3 * DAY)
        expired = add(session, acme, days=1, now=NOW + 5 * DAY)
        with pytest.raises(Conflict, match="over already"):
            overrides.withdraw(session, acme.id, expired.id, "an", NOW + 6 * DAY)
        with pytest.raises(NotFound):
            overrides.withdraw(session, acme.id, acme.id, "an", NOW)
        with pytest.raises(NotFound):
            overrides.withdraw(session, made.id, made.id, "an", NOW)


def test_what_was_known_then_decides(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session)
        made = add(session, acme)
        overrides.withdraw(session, acme.id, made.id, "an", NOW + 2 * DAY)
        add(session, acme, 0.75, now=NOW + 4 * DAY)
        assert holding(session, NOW + 3 * DAY, NOW + DAY) == {L: 0.5}, "nobody knew that it would be withdrawn"
        assert holding(session, NOW + 3 * DAY, NOW + 9 * DAY) == {}
        assert holding(session, NOW + DAY, NOW + 9 * DAY) == {L: 0.5}
        assert holding(session, NOW + 5 * DAY, NOW + 3 * DAY) == {}, "the second was not made yet"


@pytest.mark.parametrize(
    ("quantity", "value", "reason", "days", "where"),
    [
        (L, 0.0, "x", 9, ["value"]),
        (L, 1.0, "x", 9, ["value"]),
        (L, float("nan"), "x", 9, ["value"]),
        (IMPACT, 0.5, "x", 9, ["value"]),
        (IMPACT, 5.01, "x", 9, ["value"]),
        (L, 0.5, "  ", 9, ["reason"]),
        (L, 0.5, "x", 0, ["expires_at"]),
        (L, 0.5, "x", 367, ["expires_at"]),
        (L, -1.0, "", -1, ["value", "reason", "expires_at"]),
    ],
)
def test_an_override_says_what_why_and_for_how_long(
    db: Database, quantity: Quantity, value: float, reason: str, days: float, where: list[str]
) -> None:
    with db.write() as session:
        acme = make_partner(session)
        with pytest.raises(InvalidInput) as refused:
            add(session, acme, value, quantity=quantity, reason=reason, days=days)
        assert [fault.where for fault in refused.value.faults] == where
        assert overrides.listing(session, acme.id) == []
