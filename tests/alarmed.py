"""Alerts as deciding leaves them: opened, made worse and ended by hand, each with its event to be announced."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assessed import destination, partner, told
from cryptography.fernet import Fernet
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from warden.db import Database
from warden.domain import AlertEventKind, AlertState, Cause, RuleState, Severity, SilenceKind
from warden.models import Alert, AlertEvent, Decision, Notice, Notification, Partner, Rule, RuleStatus, Silence
from warden.pipeline import announce
from warden.settings import Settings
from warden.store import alert_events, rules, shipped, silences
from warden.vault import Vault

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday

VAULT = Vault([Fernet.generate_key().decode()])
SETTINGS = Settings(public_url="https://warden.example", group_wait_seconds=0)
FIRED, WORSE, RESOLVED = AlertEventKind.FIRED, AlertEventKind.WORSE, AlertEventKind.RESOLVED


def a_rule(session: Session, key: str, now: datetime, severity: Severity = Severity.WARNING, **values: Any) -> Rule:
    row = Rule(
        id=uuid.uuid5(uuid.NAMESPACE_DNS, key),
        key=key,
        names={"en": key.capitalize().replace("_", " ")},
        condition=values.pop("condition", "late_rate > 0.2"),
        severity=severity,
        updated_at=now,
        **values,
    )
    session.add(row)
    session.flush()
    return row


def fire(
    session: Session, partner: Partner, rule: Rule, at: datetime, *, cause: Cause = Cause.NEW_FACTS, **values: Any
) -> Alert:
    """Open an alert; `sent` False: in the past, so that it is never told."""
    key = f"{rule.key}/{partner.id}/{at.isoformat()}"
    sent = values.pop("sent", True)
    decision = Decision(
        id=uuid.uuid5(uuid.NAMESPACE_DNS, key),
        key=key,
        rule_id=rule.id,
        partner_id=partner.id,
        at=at,
        before=RuleState.OK,
        after=RuleState.FIRING,
        reason={"message": "It holds.", "params": {}},
        context={},
        cause=cause,
    )
    alert = Alert(
        id=uuid.uuid5(uuid.NAMESPACE_URL, key),
        rule_id=rule.id,
        partner_id=partner.id,
        decision_id=decision.id,
        fired_at=at,
        **{"severity": rule.severity, "evidence": [_evidence(rule)], **values},
    )
    session.add(decision)
    session.flush()
    session.add(alert)
    session.flush()
    happen(session, alert, FIRED, at, cause=cause, sent=sent)
    return alert


def _evidence(rule: Rule) -> dict[str, Any]:
    return {"message": f"what speaks for {rule.key}", "params": {}, "facts": []}


def happen(
    session: Session,
    alert: Alert,
    kind: AlertEventKind,
    at: datetime,
    *,
    cause: Cause = Cause.NEW_FACTS,
    sent: bool = True,
) -> None:
    row = {
        "alert_id": alert.id,
        "partner_id": alert.partner_id,
        "kind": kind,
        "cause": cause,
        "at": at,
        "reason": {"message": f"It {kind.value}.", "params": {}},
        "announced_at": None if sent else at,
    }
    alert_events.add(session, [row])


def end(session: Session, alert: Alert, at: datetime) -> None:
    found = session.get_one(Alert, alert.id)
    found.state, found.resolved_at, found.escalate_at = AlertState.RESOLVED, at, None
    session.flush()
    happen(session, found, RESOLVED, at)


def worsen(session: Session, alert: Alert, severity: Severity, at: datetime) -> None:
    session.get_one(Alert, alert.id).severity = severity
    session.flush()
    happen(session, alert, WORSE, at)


def destabilise(session: Session, alert: Alert, at: datetime) -> None:
    session.merge(
        RuleStatus(
            rule_id=alert.rule_id,
            partner_id=alert.partner_id,
            state=RuleState.FIRING,
            since=at,
            reason={"message": "It holds.", "params": {}},
            unstable_since=at,
        )
    )
    session.flush()
    happen(session, alert, AlertEventKind.UNSTABLE, at)


def steady(session: Session, alert: Alert, at: datetime) -> None:
    found = session.get_one(RuleStatus, (alert.rule_id, alert.partner_id))
    found.unstable_since = None
    session.flush()
    happen(session, alert, AlertEventKind.STEADY, at)


def announced(db: Database, now: datetime, settings: Settings = SETTINGS) -> list[tuple[str, str | None]]:
    """Announce; return (reason, held back) of the notices that adds, sorted."""
    with db.read() as session:
        before = set(session.scalars(select(Notice.id)))
    announce.run(db, VAULT, settings, now)
    with db.read() as session:
        rows = [row for row in session.scalars(select(Notice)) if row.id not in before]
        return sorted(((row.reason.value, row.held_back) for row in rows), key=lambda one: (one[0], one[1] or ""))


def sent(db: Database) -> list[tuple[str, str, str]]:
    """(reason, destination, recipient) of everything in the outbox, sorted."""
    with db.read() as session:
        return told(session)


def messages(db: Database, **filters: Any) -> list[dict[str, Any]]:
    """The messages in the outbox, in the order they were queued."""
    with db.read() as session:
        query = select(Notification).options(joinedload(Notification.destination)).order_by(Notification.id)
        return [row.message for row in session.scalars(query.filter_by(**filters))]


def pending(db: Database) -> int:
    with db.read() as session:
        return len(session.scalars(select(AlertEvent.id).where(AlertEvent.announced_at.is_(None))).all())


def acme_with_a_hook(database: Database) -> None:
    """One partner, one destination that takes everything, and three rules in place of those that ship."""
    with database.write() as session:
        shipped.seed(session, NOW)
        for rule in rules.listing(session):
            session.delete(rule)
        destination(session, "hook", NOW)
        partner(session, "Acme", NOW)
        a_rule(session, "late", NOW)
        a_rule(session, "quiet", NOW)
        a_rule(session, "grave", NOW, Severity.CRITICAL)


def happened(db: Database, key: str, at: datetime = NOW, name: str = "Acme", **values: Any) -> Alert:
    """A rule fires for a partner."""
    with db.write() as session:
        who = session.scalars(select(Partner).where(Partner.name == name)).one()
        return fire(session, who, rules.by_key(session, key), at, **values)


def silenced(db: Database, until: datetime, now: datetime = NOW, **values: Any) -> Silence:
    """Somebody silences everything, or what `values` say."""
    defaults: dict[str, Any] = {
        "kind": SilenceKind.SILENCE,
        "matchers": {},
        "reason": "They move their plant.",
        "author": "olga@us.example",
    }
    with db.write() as session:
        return silences.add(session, ends_at=until, now=now, **defaults | values)


def over(db: Database, alert: Alert, at: datetime) -> None:
    with db.write() as session:
        end(session, alert, at)


@contextmanager
def kept(template: Path, folder: Path, prepare: Callable[[Database], None]) -> Iterator[tuple[Database, Path]]:
    """A SQLite database with what `prepare` puts into it, and a copy of it as it is then, both for `renewed`."""
    database = Database(f"sqlite:///{shutil.copy(template, folder / 'warden.db')}")
    prepare(database)
    yield database, pristine(database)
    database.close()


def pristine(db: Database) -> Path:
    """Keep a copy of a SQLite file as it is now, for `renewed`."""
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    file = Path(str(db.url.database))
    return Path(shutil.copy(file, file.with_name(f"pristine-{file.name}")))


def renewed(db: Database, copy: Path) -> Database:
    """Begin again with a file as it was: cheaper than preparing another one."""
    db.engine.dispose()
    file = Path(str(db.url.database))
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    shutil.copy(copy, file)
    return db
