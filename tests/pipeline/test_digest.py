import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from itertools import pairwise

import assessed
import pytest
import samples
from alarmed import a_rule
from outbox import make_destination, rows
from sqlalchemy.orm import Session

from warden.channels.base import Envelope
from warden.channels.email import Email, Options
from warden.db import Database
from warden.domain import Frequency, MeetingStatus, NotificationReason, RuleState, Severity, Side, WhenEmpty
from warden.errors import Conflict, PreconditionFailed
from warden.messages import Message
from warden.messages import digest as digest_message
from warden.models import Action, Alert, Decision, Digest, Meeting, Partner, Person, Rule, RuleStatus
from warden.pipeline import digest
from warden.settings import Settings
from warden.store import assessments, destinations, digests, notifications, shipped, sources
from warden.vault import Vault
from warden.wording import reader_of

DAILY, WEEKLY, MONTHLY = Frequency.DAILY, Frequency.WEEKLY, Frequency.MONTHLY
MAIL = {"host": "mail.example", "security": "none", "sender": "warden@our.example"}


def order(session: Session, vault: Vault, person: Person, now: datetime, **values: object) -> Digest:
    place = make_destination(session, vault, "email", MAIL, now, name=f"mail for {person.email}")
    given = {"frequency": DAILY, **values}
    return digests.add(session, person=person, destination=place, now=now, **given)  # type: ignore[arg-type]


def sent(db: Database) -> list[Message]:
    return [Message.from_data(row.message) for row in rows(db) if row.reason is NotificationReason.DIGEST]


def groups(message: Message) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for item in message.items:
        found.setdefault(item.group, []).append(item.title)
    return found


# --- when it is due ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frequency", "weekday", "hour", "zone", "after", "expected"),
    [
        (DAILY, 0, 8, "UTC", "2026-03-04T07:59:59+00:00", "2026-03-04T08:00:00+00:00"),
        (DAILY, 0, 8, "UTC", "2026-03-04T08:00:00+00:00", "2026-03-05T08:00:00+00:00"),
        (DAILY, 0, 8, "Asia/Taipei", "2026-03-04T00:30:00+00:00", "2026-03-05T00:00:00+00:00"),
        (WEEKLY, 0, 8, "Asia/Taipei", "2026-03-04T00:30:00+00:00", "2026-03-09T00:00:00+00:00"),
        (WEEKLY, 2, 8, "UTC", "2026-03-04T07:00:00+00:00", "2026-03-04T08:00:00+00:00"),
        # the day the clocks go forward: eight o'clock comes an hour earlier in UTC
        (DAILY, 0, 8, "Europe/Berlin", "2026-03-28T12:00:00+00:00", "2026-03-29T06:00:00+00:00"),
        # half past two does not exist; two o'clock is three o'clock summer time
        (DAILY, 0, 2, "Europe/Berlin", "2026-03-28T12:00:00+00:00", "2026-03-29T01:00:00+00:00"),
        # the day they go back: of two o'clock, which comes twice, the first
        (DAILY, 0, 2, "Europe/Berlin", "2026-10-24T12:00:00+00:00", "2026-10-25T00:00:00+00:00"),
        (DAILY, 0, 2, "Europe/Berlin", "2026-10-25T00:00:00+00:00", "2026-10-26T01:00:00+00:00"),
        # once a month, on a day every month has
        (MONTHLY, 0, 8, "UTC", "2026-01-28T09:00:00+00:00", "2026-02-28T08:00:00+00:00"),
        (MONTHLY, 0, 8, "Asia/Taipei", "2026-03-27T23:59:59+00:00", "2026-03-28T00:00:00+00:00"),
        # a midnight that does not exist
        (DAILY, 0, 0, "America/Sao_Paulo", "2018-11-03T12:00:00+00:00", "2018-11-04T03:00:00+00:00"),
    ],
)
def test_next_run(frequency: Frequency, weekday: int, hour: int, zone: str, after: str, expected: str) -> None:
    found = digests.next_run(frequency, weekday, hour, zone, datetime.fromisoformat(after), 28)
    assert found == datetime.fromisoformat(expected)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Taipei"])
@pytest.mark.parametrize("hour", [0, 1, 2, 3, 8, 23])
def test_a_daily_digest_comes_exactly_once_every_day_of_two_years(zone: str, hour: int) -> None:
    moment = datetime(2018, 1, 1, tzinfo=UTC)
    seen = []
    for _ in range(730):
        moment = digests.next_run(DAILY, 0, hour, zone, moment)
        seen.append(moment)
    gaps = {later - earlier for earlier, later in pairwise(seen)}
    assert gaps <= {timedelta(hours=hours) for hours in (23, 23.5, 24, 24.5, 25)}


def test_missed_runs_are_caught_up_exactly_once(db: Database, vault: Vault, settings: Settings) -> None:
    began = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
    with db.write() as session:
        order(session, vault, assessed.person(session, "An"), began)
    assert digest.run(db, vault, settings, began) == 0
    back = began + timedelta(days=9)
    assert digest.run(db, vault, settings, back) == 1
    assert digest.run(db, vault, settings, back) == 0
    assert digest.run(db, vault, settings, back + timedelta(hours=22)) == 0
    assert digest.run(db, vault, settings, back + timedelta(days=1)) == 1
    assert len(rows(db)) == 2


def test_one_slot_is_queued_once_even_if_it_comes_up_again(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with db.write() as session:
        standing = order(session, vault, assessed.person(session, "An"), now)
        slot = standing.next_run_at
    digest.run(db, vault, settings, now + timedelta(days=1))
    with db.write() as session:
        digests.get(session, standing.id).next_run_at = slot  # as if the process had died before noting it
    assert digest.run(db, vault, settings, now + timedelta(days=1)) == 0
    assert len(rows(db)) == 1


@pytest.mark.parametrize("frequency", [DAILY, MONTHLY])
@pytest.mark.parametrize("ahead", [timedelta(days=3), timedelta(days=3650)])
def test_a_clock_that_was_ahead_and_is_set_right_does_not_put_digests_off(
    db: Database, vault: Vault, settings: Settings, now: datetime, frequency: Frequency, ahead: timedelta
) -> None:
    with db.write() as session:
        standing = order(session, vault, assessed.person(session, "An"), now, frequency=frequency)
        planned = standing.next_run_at
    digest.run(db, vault, settings, max(planned, now + ahead))
    assert digest.run(db, vault, settings, now) == 0
    with db.read() as session:
        found = digests.get(session, standing.id)
        assert (found.next_run_at, found.last_run_at) == (planned, None)
        following = digests.next_run(frequency, found.weekday, found.hour, "UTC", planned, found.day)
    assert digest.run(db, vault, settings, planned) == 0, "this one was sent too early"
    assert digest.run(db, vault, settings, following) == 1


def test_a_digest_ordered_while_the_clock_was_ahead_is_due_by_the_right_one(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with db.write() as session:
        order(session, vault, assessed.person(session, "An"), now + timedelta(days=3650))
    assert [digest.run(db, vault, settings, now + timedelta(days=days)) for days in (0, 1, 1)] == [0, 1, 0]


def test_a_switched_off_destination_or_digest_waits(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with db.write() as session:
        standing = order(session, vault, assessed.person(session, "An"), now)
        destinations.disable(session, standing.destination, "gone", now)
    assert digest.run(db, vault, settings, now + timedelta(days=5)) == 0
    with db.write() as session:
        found = digests.get(session, standing.id)
        notifications.resume(session, found.destination)
        digests.unsubscribe(session, found.id)
        digests.unsubscribe(session, found.id)
    assert digest.run(db, vault, settings, now + timedelta(days=5)) == 0
    with db.write() as session:
        found = digests.get(session, standing.id)
        assert (found.enabled, found.version) == (False, 2)
        digests.change(session, found, version=2, now=now + timedelta(days=5), enabled=True)
    assert digest.run(db, vault, settings, now + timedelta(days=5)) == 0, "switched on again, it is not late"
    assert digest.run(db, vault, settings, now + timedelta(days=6)) == 1


def test_an_order_is_checked(db: Database, vault: Vault, now: datetime) -> None:
    with db.write() as session:
        person = assessed.person(session, "An")
        standing = order(session, vault, person, now)
        with pytest.raises(Conflict, match="has a digest already"):
            digests.add(session, person=person, destination=standing.destination, frequency=DAILY, now=now)
        slack = make_destination(session, vault, "slack", {"url": "https://a.example"}, now)
        with pytest.raises(Conflict, match="need an e-mail one"):
            digests.change(session, standing, version=1, now=now, destination=slack)
        with pytest.raises(PreconditionFailed):
            digests.change(session, standing, version=7, now=now, hour=9)


# --- what it says -----------------------------------------------------------------------------------------------------


class Portfolio:
    """Four partners, watched since yesterday: one got worse, one recovered, two stayed."""

    def __init__(self, session: Session, now: datetime) -> None:
        shipped.seed(session, now)
        self.an = assessed.person(session, "An", time_zone="Asia/Taipei", locale="en")
        self.worse, self.better, self.bad, self.calm = (
            assessed.partner(session, name, now, **values)
            for name, values in (
                ("Worse", {"owner_id": self.an.id}),
                ("Better", {"sponsor_id": self.an.id}),
                ("Bad", {}),
                ("Calm", {}),
            )
        )
        before, after = now - timedelta(days=2), now - timedelta(hours=1)
        for partner, was, band in (
            (self.worse, "low", "extreme"),
            (self.better, "high", "low"),
            (self.bad, "high", "high"),
            (self.calm, "low", "low"),
        ):
            assessed.assess(session, partner, before, was)
            assessed.assess(session, partner, after, band)


def fire(session: Session, partner: Partner, rule: Rule, now: datetime, severity: Severity = Severity.WARNING) -> Alert:
    decision = Decision(
        key=f"{rule.key}/{partner.id}",
        rule_id=rule.id,
        partner_id=partner.id,
        at=now,
        before=RuleState.OK,
        after=RuleState.FIRING,
        reason={"message": "", "params": {}},
        context={},
    )
    session.add(decision)
    session.flush()
    alert = Alert(rule_id=rule.id, partner_id=partner.id, decision_id=decision.id, severity=severity, fired_at=now)
    session.add(alert)
    session.flush()
    return alert


def test_the_worst_come_first_and_the_unchanged_in_one_line(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with db.write() as session:
        portfolio = Portfolio(session, now)
        order(session, vault, portfolio.an, now - timedelta(days=1))
    digest.run(db, vault, settings, now)
    (message,) = sent(db)
    assert groups(message) == {"Worst first": ["Worse", "Bad"], "Improved since the last digest": ["Better"]}
    assert "worsened 1, improved 1." in message.lead
    worse, bad, better = message.items
    assert worse.text == "Extreme · was: Low · likelihood 50% · impact 4 of 5"
    assert bad.text == "High · likelihood 50% · impact 4 of 5"
    assert better.text == "Low · was: High · likelihood 50% · impact 4 of 5"
    assert message.closing == "Unchanged: 2 of 4 partners. Not rated: 0."
    assert message.title == "Partners that need attention on Mar 4, 2026: 2"


def test_of_whom_something_critical_fires_comes_first_rated_or_not(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with db.write() as session:
        portfolio = Portfolio(session, now)
        order(session, vault, portfolio.an, now - timedelta(days=1))
        rule = a_rule(session, "breach", now)
        for who in (assessed.partner(session, "Unrated", now), portfolio.calm):
            fire(session, who, rule, now, Severity.CRITICAL)
        fire(session, portfolio.bad, rule, now)
    digest.run(db, vault, settings, now)
    assert groups(sent(db)[0])["Worst first"] == ["Calm", "Unrated", "Worse", "Bad"]


def test_alerts_meetings_and_blind_sources_are_told(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with db.write() as session:
        portfolio = Portfolio(session, now)
        order(session, vault, portfolio.an, now - timedelta(days=1))
        rule = a_rule(session, "calls_rarely", now)
        for partner, due_on in ((portfolio.calm, date(2026, 3, 9)), (portfolio.bad, date(2026, 3, 2))):
            alert = fire(session, partner, rule, now)
            values = {"partner_id": partner.id, "alert_id": alert.id, "proposed_at": now, "due_on": due_on}
            session.add(Meeting(owner_id=portfolio.an.id, status=MeetingStatus.PROPOSED, **values))
        sources.push(session, "Order mailbox", now).blind_since = now - timedelta(hours=30)
    digest.run(db, vault, settings, now)
    (message,) = sent(db)
    assert groups(message) == {
        "Worst first": ["Worse", "Bad", "Calm"],
        "Improved since the last digest": ["Better"],
        "Executive meetings": ["Bad", "Calm"],
        "Blind sources": ["Order mailbox"],
    }
    assert message.items[2].text.endswith("Warning: Calls rarely")
    assert message.items[4].text == "overdue since Mar 2, 2026 · An"
    assert message.items[5].text == "to be held by Mar 9, 2026 · An"
    assert message.items[6].text == "blind since Mar 3, 2026 11:30 (Asia/Taipei)"


def test_somebody_may_hear_of_their_own_partners_only(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with db.write() as session:
        portfolio = Portfolio(session, now)
        order(session, vault, portfolio.an, now - timedelta(days=1), only_mine=True)
    digest.run(db, vault, settings, now)
    (message,) = sent(db)
    assert [item.title for item in message.items] == ["Worse", "Better"]
    assert message.closing == "Unchanged: 0 of 2 partners. Not rated: 0."


def test_changes_count_from_the_last_digest(db: Database, vault: Vault, settings: Settings, now: datetime) -> None:
    with db.write() as session:
        portfolio = Portfolio(session, now)
        order(session, vault, portfolio.an, now - timedelta(days=1))
    digest.run(db, vault, settings, now)
    with db.write() as session:
        assessed.assess(session, portfolio.calm, now + timedelta(hours=2), None)
    digest.run(db, vault, settings, now + timedelta(days=1))
    _, second = sent(db)
    assert groups(second)["Not rated any more"] == ["Calm"]
    assert second.items[-1].text == "Not rated · was: Low · Too little is known."
    assert second.closing == "Unchanged: 3 of 4 partners. Not rated: 1."


def test_it_speaks_the_persons_language_and_can_be_called_off(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with db.write() as session:
        shipped.seed(session, now)
        person = assessed.person(session, "Chen", time_zone="Asia/Taipei", locale="zh-Hant")
        standing = order(session, vault, person, now - timedelta(days=1))
    digest.run(db, vault, settings, now)
    (row,) = rows(db)
    assert (row.locale, row.recipient) == ("zh-Hant", person.email)
    url = Message.from_data(row.message).unsubscribe_url
    path, _, signature = url.partition("?signature=")
    assert path == f"{settings.public_url}/digests/{standing.id}/unsubscribe"
    assert vault.verify(digests.unsubscribe_text(standing.id), signature)


def test_what_is_due_or_overdue_is_told_and_what_is_not_yet_is_not(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with db.write() as session:
        portfolio = Portfolio(session, now)
        order(session, vault, portfolio.an, now - timedelta(days=1))
        promised = (
            ("Plan", Side.OURS, -3, portfolio.an.id),
            ("Ask", Side.OURS, -2, None),
            ("Pay", Side.THEIRS, 0, None),
            ("Later", Side.OURS, 1, portfolio.an.id),
        )
        for text, side, days, owner_id in promised:
            values = {"side": side, "owner_id": owner_id, "due_on": (now + timedelta(days=days)).date()}
            session.add(Action(partner_id=portfolio.calm.id, text=text, created_at=now, author="an", **values))
    digest.run(db, vault, settings, now)
    (message,) = sent(db)
    assert [item.text for item in message.items if item.group == "Actions"] == [
        "Plan · overdue since Mar 1, 2026 · An",
        "Ask · overdue since Mar 2, 2026",
        "Pay · due by Mar 4, 2026 · the partner's side",
    ]
    assert "Actions due: 3." in message.lead


def test_a_likelihood_that_moved_says_by_how_much(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with db.write() as session:
        portfolio = Portfolio(session, now)
        order(session, vault, portfolio.an, now - timedelta(days=1))
        for at, likelihood in ((now - timedelta(days=2), 0.31), (now - timedelta(minutes=5), 0.5)):
            drafted = assessed.drafted(portfolio.bad.id, at + timedelta(minutes=1), "high", assessed.signals())
            assessments.write(session, [replace(drafted, likelihood=likelihood, computed_likelihood=likelihood)])
    digest.run(db, vault, settings, now)
    (message,) = sent(db)
    (line,) = [item.text for item in message.items if item.title == "Bad"]
    assert line == "High · likelihood 50% (+19 points) · impact 4 of 5"


def test_the_matrix_counts_who_stands_where(db: Database, vault: Vault, settings: Settings, now: datetime) -> None:
    with db.write() as session:
        portfolio = Portfolio(session, now)
        order(session, vault, portfolio.an, now - timedelta(days=1))
    digest.run(db, vault, settings, now)
    (message,) = sent(db)
    board = message.board
    assert board is not None
    assert board.columns[0] == "Negligible"
    assert [label for label, _ in board.rows][-1] == "Rare"
    counts = [[cell.count for cell in cells] for _, cells in board.rows]
    assert counts == [[0, 0, 0, 0, 1], [0, 0, 0, 1, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [2, 0, 0, 0, 0]]
    assert board.rows[0][1][4].band == "Extreme"


@pytest.mark.parametrize(("when_empty", "expected"), [(WhenEmpty.SEND, 1), (WhenEmpty.SKIP, 0)])
def test_nothing_new_is_said_or_skipped_by_choice(
    db: Database, vault: Vault, settings: Settings, now: datetime, when_empty: WhenEmpty, expected: int
) -> None:
    with db.write() as session:
        portfolio = Portfolio(session, now)
        standing = order(session, vault, portfolio.an, now - timedelta(days=1), when_empty=when_empty)
    digest.run(db, vault, settings, now)
    assert len(sent(db)) == 1, "what changed is told whatever was chosen"
    assert digest.run(db, vault, settings, now + timedelta(days=1)) == expected
    if expected:
        assert sent(db)[1].title == "Partners that need attention on Mar 5, 2026: 2; nothing is new"
        assert sent(db)[1].lead.startswith("Nothing changed and nothing fell due since")
    with db.read() as session:
        found = digests.get(session, standing.id)
        assert found.last_run_at == now + timedelta(days=1), "a skipped one is dealt with, too"
        assert found.next_run_at > now + timedelta(days=1)
        log = list(session.scalars(digests.log(standing.id)))
    assert len(log) == 1 + expected


def test_a_first_digest_that_comes_late_tells_what_it_would_have_told_in_time(
    db: Database, vault: Vault, settings: Settings, now: datetime
) -> None:
    with db.write() as session:
        order(session, vault, Portfolio(session, now).an, now - timedelta(days=1), when_empty=WhenEmpty.SKIP)
    digest.run(db, vault, settings, now + timedelta(days=3))
    (late,) = sent(db)
    assert "nothing is new" not in late.title


def test_an_alert_that_opened_is_news(db: Database, vault: Vault, settings: Settings, now: datetime) -> None:
    with db.write() as session:
        portfolio = Portfolio(session, now)
        order(session, vault, portfolio.an, now - timedelta(days=1), when_empty=WhenEmpty.SKIP)
        rule = a_rule(session, "calls_rarely", now)
    digest.run(db, vault, settings, now)
    with db.write() as session:
        fire(session, portfolio.calm, rule, now + timedelta(hours=3))
        session.add(
            RuleStatus(
                rule_id=rule.id,
                partner_id=portfolio.better.id,
                state=RuleState.OK,
                since=now,
                reason={},
                unstable_since=now,
            )
        )
    assert digest.run(db, vault, settings, now + timedelta(days=1)) == 1
    assert sent(db)[1].items[3].text.endswith("unstable: Calls rarely")


def test_five_hundred_partners_fit_a_mail(now: datetime) -> None:
    mail = Email(Options(**MAIL, to=("an@our.example",)))
    envelope = Envelope(notification_id=uuid.uuid4(), created_at=now, reader=reader_of("zh-Hant"))
    payload = mail.render(digest_message(samples.digest(500), envelope.reader), envelope, now)
    parts = {part.get_content_type(): part for part in message_from_bytes(payload, policy=policy.default).walk()}
    html, text = (parts[f"text/{kind}"].get_content() for kind in ("html", "plain"))
    assert len(payload) < 100_000
    assert "Partner &lt;0&gt;" in html
    assert "460" in text, "what is left out is counted"
    assert all(f"Partner <{number}>" in text for number in range(30))
