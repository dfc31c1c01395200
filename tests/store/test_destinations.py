from datetime import datetime, timedelta
from typing import Any

import pytest
from outbox import make_destination, queue, webhook_options
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import NotificationReason, NotificationStatus, Severity
from warden.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from warden.models import Destination
from warden.store import destinations, notifications
from warden.vault import Vault

MAIL = {"host": "mail.example", "sender": "warden@our.example"}


def add(session: Session, vault: Vault, now: datetime, name: str, **values: Any) -> Destination:
    options = webhook_options("https://a.example")
    return make_destination(session, vault, "webhook", options, now, name=name, **values)


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        (Severity.INFO, ["all"]),
        (Severity.WARNING, ["all", "warnings"]),
        (Severity.CRITICAL, ["all", "critical", "warnings"]),
    ],
)
def test_an_alert_goes_where_it_is_loud_enough(
    db: Database, vault: Vault, now: datetime, severity: Severity, expected: list[str]
) -> None:
    with db.write() as session:
        add(session, vault, now, "all", min_severity=Severity.INFO)
        add(session, vault, now, "warnings")
        add(session, vault, now, "critical", min_severity=Severity.CRITICAL)
        add(session, vault, now, "operations only", alerts=False, operations=True)
        destinations.disable(session, add(session, vault, now, "off", min_severity=Severity.INFO), "gone", now)
        make_destination(session, vault, "email", MAIL, now, name="mail to single people", operations=True)
        found = destinations.for_alert(session, severity)
        operations = destinations.for_operations(session)
    assert [destination.name for destination in found] == expected
    assert [destination.name for destination in operations] == ["operations only"]


@pytest.mark.parametrize("name", ["\u200b", "ops\r\nBcc: x@y.example", "a\u202eb"])
def test_a_destination_has_a_name_that_hides_nothing(db: Database, vault: Vault, now: datetime, name: str) -> None:
    with db.write() as session:
        ops = add(session, vault, now, "ops")
        with pytest.raises(InvalidInput, match="cannot be stored"):
            add(session, vault, now, name)
        with pytest.raises(InvalidInput, match="cannot be stored"):
            destinations.change(session, ops, None, name=name)


def test_a_failing_destination_is_not_told_of_itself(db: Database, vault: Vault, now: datetime) -> None:
    with db.write() as session:
        one, other = (add(session, vault, now, name, operations=True) for name in ("one", "other"))
        assert destinations.for_operations(session, without=one.id) == [other]


def test_single_people_are_written_to_through_the_oldest_mail_server(db: Database, vault: Vault, now: datetime) -> None:
    with db.write() as session:
        assert destinations.for_mail(session) is None
        make_destination(session, vault, "email", MAIL, now + timedelta(days=1), name="a later one")
        oldest = make_destination(session, vault, "email", MAIL, now, name="b oldest")
        assert destinations.for_mail(session) is oldest
        destinations.disable(session, oldest, "gone", now)
        later = destinations.for_mail(session)
    assert later is not None
    assert later.name == "a later one"


def test_a_change_needs_the_version_that_was_read(db: Database, vault: Vault, now: datetime) -> None:
    with db.write() as session:
        first = add(session, vault, now, "first")
        add(session, vault, now, "second")
        assert destinations.change(session, first, 1, locale="vi").version == 2
        with pytest.raises(PreconditionFailed, match="version 2, not 1"):
            destinations.change(session, first, 1, locale="en")
        with pytest.raises(Conflict, match="'second' already"):
            destinations.change(session, first, None, name="second")
        with pytest.raises(Conflict):
            add(session, vault, now, "first")
        with pytest.raises(NotFound, match="'third'"):
            destinations.named(session, "third")


def test_a_hold_is_never_shortened(db: Database, vault: Vault, now: datetime) -> None:
    with db.write() as session:
        place = add(session, vault, now, "one")
        destinations.hold(session, place, now + timedelta(minutes=9))
        destinations.hold(session, place, now + timedelta(minutes=1))
        assert place.not_before == now + timedelta(minutes=9)


def test_the_pace_is_counted_from_what_was_delivered(db: Database, vault: Vault, now: datetime) -> None:
    limits = [(2, timedelta(seconds=10)), (3, timedelta(minutes=1))]
    with db.write() as session:
        place = add(session, vault, now, "one")
        for seconds in (40, 6, 2):
            row = queue(session, place, f"{seconds}", now)
            row.status, row.sent_at = NotificationStatus.SENT, now - timedelta(seconds=seconds)
        session.flush()
        free_at = destinations.free_again_at(session, place.id, limits, now)
        assert free_at == now + timedelta(seconds=20), "three within the minute weigh more than two within ten seconds"
        assert destinations.free_again_at(session, place.id, limits, now + timedelta(seconds=21)) is None


def test_notifications_are_listed_by_what_they_are_about(db: Database, vault: Vault, now: datetime) -> None:
    with db.write() as session:
        one, other = (add(session, vault, now, name) for name in ("one", "other"))
        queue(session, one, "a", now)
        queue(session, other, "a", now, NotificationReason.TEST).status = NotificationStatus.FAILED
        session.flush()
        of_other = session.scalars(notifications.listing(destination_id=other.id)).all()
        failed = session.scalars(notifications.listing(status=NotificationStatus.FAILED)).all()
        tests = session.scalars(notifications.listing(reason=NotificationReason.TEST)).all()
        both = session.scalars(
            notifications.listing(status=NotificationStatus.FAILED, reason=NotificationReason.ALERT_FIRED)
        ).all()
        assert destinations.waiting(session) == {one.id: 1}
        assert of_other == failed == tests
        assert of_other[0].destination.name == "other"
        assert not both
