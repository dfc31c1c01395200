"""A corrected address: the person keeps what was told and what waits, and the old address hears no more."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from alarmed import NOW, a_rule, announced, happened, kept, over, renewed, sent
from assessed import destination, partner, person
from outbox import queue
from sqlalchemy import select

from warden.db import Database
from warden.domain import NotificationReason, NotificationStatus, Severity
from warden.models import Notification, Person, Told
from warden.store import destinations, people, routes

HOUR = timedelta(hours=1)
OLD, NEW = "sam.sponsor@us.example", "sam@us.example"


def prepare(database: Database) -> None:
    with database.write() as session:
        destination(session, "mail", NOW, channel="email", alerts=False)
        owner, sponsor = person(session, "Olga Owner"), person(session, "Sam Sponsor")
        partner(session, "Acme", NOW, owner_id=owner.id, sponsor_id=sponsor.id)
        for key, severity in (("late", Severity.WARNING), ("grave", Severity.CRITICAL)):
            a_rule(session, key, NOW, severity)
        routes.add(session, {"name": "all", "matchers": {}, "destination_ids": [], "people": ["owner", "sponsor"]})


@pytest.fixture(scope="module")
def prepared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Path]]:
    with kept(sqlite_template, tmp_path_factory.mktemp("readdressed"), prepare) as found:
        yield found


@pytest.fixture
def watched(prepared: tuple[Database, Path]) -> Database:
    return renewed(*prepared)


def corrected(db: Database, old: str = OLD, new: str = NEW, **values: str) -> None:
    with db.write() as session:
        sam = session.scalars(select(Person).where(Person.email == old)).one()
        people.update(session, people.get(session, sam.id, lock=True), {"email": new, **values})


def all_is_sent(db: Database) -> None:
    with db.write() as session:
        for row in session.scalars(select(Notification)):
            row.status, row.next_attempt_at, row.sent_at = NotificationStatus.SENT, None, NOW


def fresh(db: Database) -> list[tuple[str, str]]:
    """(recipient, title) of what waits to be sent, in the order it was queued."""
    query = select(Notification).where(Notification.status == NotificationStatus.QUEUED).order_by(Notification.id)
    with db.read() as session:
        return [(row.recipient or "", row.message["title"]) for row in session.scalars(query)]


def test_whoever_knew_is_told_what_is_new_and_of_the_end_at_the_new_address_alone(watched: Database) -> None:
    late = happened(watched, "late")
    announced(watched, NOW)
    all_is_sent(watched)
    corrected(watched, locale="vi")
    grave = happened(watched, "grave", NOW + HOUR)
    assert announced(watched, NOW + HOUR) == [("worse", None)], "and not the first anew"
    assert sorted(to for to, _ in fresh(watched)) == ["olga.owner@us.example", NEW]
    all_is_sent(watched)
    for alert in (late, grave):
        over(watched, alert, NOW + 2 * HOUR)
    announced(watched, NOW + 2 * HOUR)
    assert dict(fresh(watched)) == {
        "olga.owner@us.example": "Resolved: Acme – Grave and 1 more",
        NEW: "Đã hết: Acme – Grave và 1 cảnh báo khác",
    }
    with watched.read() as session:
        assert session.scalars(select(Told)).all() == []


def test_what_waits_is_sent_to_the_new_address_and_is_not_queued_anew(watched: Database) -> None:
    happened(watched, "late")
    announced(watched, NOW)
    corrected(watched)
    assert [to for _, _, to in sent(watched)] == ["olga.owner@us.example", NEW]
    with watched.write() as session:
        mail = destinations.named(session, "mail")
        queue(session, mail, "source/7", NOW, recipient=NEW)
        queue(session, mail, "source/8", NOW, recipient=NEW)
    corrected(watched, NEW, OLD)
    with watched.write() as session:
        again = queue(session, destinations.named(session, "mail"), "source/7", NOW, recipient=NEW)
        assert again.recipient == NEW, "another event's reader, now that nobody else has that address"
    corrected(watched, OLD, NEW)
    assert sorted(to for to, _ in fresh(watched)) == ["olga.owner@us.example", *[NEW] * 3], "each once"


def test_a_link_to_sign_in_stays_with_the_account_it_was_asked_for(watched: Database) -> None:
    with watched.write() as session:
        queue(session, destinations.named(session, "mail"), "link/1", NOW, NotificationReason.SIGN_IN, recipient=OLD)
    corrected(watched)
    assert [to for to, _ in fresh(watched)] == [OLD]


def test_what_two_addresses_of_one_person_were_told_is_known_at_the_one_that_stays(watched: Database) -> None:
    late, grave = happened(watched, "late"), happened(watched, "grave")
    with watched.write() as session:
        mail = destinations.named(session, "mail")
        for address, alert in ((OLD, late), (NEW, grave)):
            known = {str(alert.id): {"severity": alert.severity.value, "rank": None}}
            session.add(
                Told(partner_id=alert.partner_id, destination_id=mail.id, recipient=address, alerts=known, at=NOW)
            )
    corrected(watched)
    with watched.read() as session:
        (row,) = session.scalars(select(Told))
        assert (row.recipient, set(row.alerts)) == (NEW, {str(late.id), str(grave.id)})


def test_an_address_that_is_nobodys_any_more_is_not_told_of_the_end(watched: Database) -> None:
    late = happened(watched, "late")
    announced(watched, NOW)
    all_is_sent(watched)
    with watched.write() as session:
        session.scalars(select(Person).where(Person.email == OLD)).one().email = NEW  # as before addresses followed
    over(watched, late, NOW + HOUR)
    announced(watched, NOW + HOUR)
    assert [to for to, _ in fresh(watched)] == ["olga.owner@us.example"]
