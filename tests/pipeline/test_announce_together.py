"""One notice about many partners on a real database: first looks, and common causes from their telling to their end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alarmed import NOW, a_rule, acme_with_a_hook, announced, happened, kept, messages, over, pending, renewed, silenced
from assessed import known_as, partner, report, signals, year_of_facts
from assessed import say as assessed_as
from sqlalchemy import select

from warden.db import Database
from warden.domain import Cause, MeetingStatus, NotificationReason, Severity
from warden.models import Meeting, Notice, Partner, Source, Told
from warden.pipeline import together
from warden.store import assessments, destinations, meetings, rules

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="module")
def prepared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Path]]:
    with kept(sqlite_template, tmp_path_factory.mktemp("announce"), acme_with_a_hook) as found:
        yield found


@pytest.fixture
def watched(prepared: tuple[Database, Path]) -> Database:
    return renewed(*prepared)


def many(db: Database, count: int, **values: Any) -> list[str]:
    with db.write() as session:
        return [partner(session, f"P{number:02}", NOW, **values).name for number in range(count)]


@pytest.mark.parametrize(("count", "outbox"), [(4, 4), (5, 1)])
def test_five_first_looks_are_one_message(watched: Database, count: int, outbox: int) -> None:
    alerts = [happened(watched, "late", name=name, cause=Cause.FIRST_LOOK) for name in many(watched, count)]
    announced(watched, NOW)
    assert len(messages(watched)) == outbox
    over(watched, alerts[0], NOW + HOUR)
    assert announced(watched, NOW + HOUR) == [("resolved", None)], "they were told of each partner by name"


@pytest.mark.parametrize(
    ("count", "asking", "status"),
    [(4, 4, MeetingStatus.PROPOSED), (6, 4, MeetingStatus.PROPOSED), (5, 5, MeetingStatus.WAIVED)],
)
def test_a_first_look_asks_for_up_to_four_meetings_and_else_for_none(
    watched: Database, count: int, asking: int, status: MeetingStatus
) -> None:
    for number, name in enumerate(many(watched, count)):
        alert = happened(watched, "grave", name=name, cause=Cause.FIRST_LOOK)
        if number >= asking:
            continue
        asked: dict[str, Any] = {"alert_id": alert.id, "partner_id": alert.partner_id, "proposed_at": NOW}
        with watched.write() as session:
            session.add(
                Meeting(**asked, status=MeetingStatus.PROPOSED, due_on=NOW.date() + DAY, attendees=[], agenda=[])
            )
    announced(watched, NOW)
    with watched.read() as session:
        found = session.scalars(select(Meeting)).all()
        assert [one.status for one in found] == [status] * asking
        if status is MeetingStatus.WAIVED:
            assert {one.waived_why for one in found} == {meetings.TOGETHER_WHY}
    proposed = messages(watched, reason=NotificationReason.MEETING_PROPOSED)
    assert len(proposed) == (0 if status is MeetingStatus.WAIVED else asking)


def test_more_first_looks_than_fit_one_message_are_several(watched: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "MOST_AT_ONCE", 6)
    for name in many(watched, 12):
        happened(watched, "late", name=name, cause=Cause.FIRST_LOOK)
    assert announced(watched, NOW) == [("first", None), ("first", None)]
    assert [len(message["items"]) for message in messages(watched)] == [6, 6]


def test_the_message_of_a_first_look_names_every_partner_worst_first(watched: Database) -> None:
    names = many(watched, 6)
    for number, name in enumerate(names):
        happened(watched, "grave" if number == 3 else "late", name=name, cause=Cause.FIRST_LOOK)
    assert announced(watched, NOW) == [("first", None)]
    (message,) = messages(watched, reason=NotificationReason.ALERT_FIRED)
    assert message["title"] == "First look: 6 partners have alerts"
    assert [item["title"] for item in message["items"]] == ["P03", "P00", "P01", "P02", "P04", "P05"]
    with watched.read() as session:
        (notice,) = session.scalars(select(Notice))
        assert len(notice.partners) == 6


def test_many_partners_of_one_region_are_one_notice_that_says_so(watched: Database) -> None:
    for name in many(watched, 6, region="APAC"):
        happened(watched, "late", name=name)
    happened(watched, "late")  # Acme is of no region
    assert announced(watched, NOW) == [("common_cause", None), ("first", None), *[("first", "common_cause")] * 6]
    (message,) = messages(watched, reason=NotificationReason.COMMON_CAUSE)
    assert message["title"] == "Common cause: Late for 6 partners in the region APAC"
    assert len(message["items"]) == 6
    with watched.write() as session:
        late_comer = partner(session, "Late comer", NOW, region="APAC")
    happened(watched, "late", NOW + HOUR, name=late_comer.name)
    assert announced(watched, NOW + HOUR) == [("first", "common_cause")]
    assert len(messages(watched)) == 2


def test_who_joins_a_common_cause_within_four_weeks_is_not_accused_alone(db: Database) -> None:
    acme_with_a_hook(db)
    for name in many(db, 6, region="APAC"):
        happened(db, "late", name=name)
    announced(db, NOW)
    with db.write() as session:
        names = [partner(session, f"Late {number}", NOW, region="APAC").name for number in range(3)]
    happened(db, "late", NOW + 20 * DAY, name=names[0])
    assert announced(db, NOW + 20 * DAY) == [("first", "common_cause")]
    with db.read() as session:
        line = session.scalars(select(Notice).where(Notice.at == NOW + 20 * DAY)).one()
        told = session.scalars(select(Notice).where(Notice.partner_id.is_(None))).one()
        assert line.why["params"]["notice"] == str(told.id)
        assert line.why["params"]["was"]["params"]["name"] == "APAC"
    happened(db, "late", NOW + 21 * DAY, name=names[1], severity=Severity.CRITICAL)
    assert announced(db, NOW + 21 * DAY) == [("first", None)], "it is louder than what was told"
    happened(db, "late", NOW + 29 * DAY, name=names[2])
    assert announced(db, NOW + 29 * DAY) == [("first", None)]


def test_the_end_of_a_common_cause_is_told_once_to_who_was_told_of_it(db: Database) -> None:
    acme_with_a_hook(db)
    alerts = [happened(db, "late", name=name) for name in many(db, 6, region="APAC")]
    announced(db, NOW)
    happened(db, "quiet", NOW + DAY, name="P00")
    assert announced(db, NOW + DAY) == [("new_in_group", None)], "they know of a part of it"
    with db.write() as session:
        late_comer = partner(session, "Late comer", NOW, region="APAC")
    alerts.append(happened(db, "late", NOW + 2 * DAY, name=late_comer.name))
    assert announced(db, NOW + 2 * DAY) == [("first", "common_cause")]
    for alert in alerts[1:]:
        over(db, alert, NOW + 3 * DAY)
    assert announced(db, NOW + 3 * DAY) == [("resolved", "common_cause")] * 6
    over(db, alerts[0], NOW + 4 * DAY)
    assert announced(db, NOW + 4 * DAY) == [("resolved", None)]
    message = messages(db)[-1]
    assert message["title"] == "Over: the common cause of alerts of 6 partners"
    assert "joined it after it was told: 1." in message["lead"]
    assert pending(db) == 0
    with db.read() as session:
        (row,) = session.scalars(select(Told))
        assert len(row.alerts) == 1, "of the first partner something else fires still"


def test_much_that_nobody_took_is_told_in_one_message_once_somebody_does_and_reminded_of_in_one(db: Database) -> None:
    acme_with_a_hook(db)
    with db.write() as session:
        destinations.named(session, "hook").alerts = False
    for name in many(db, 6):
        happened(db, "late", name=name, cause=Cause.FIRST_LOOK)
    assert announced(db, NOW) == [("first", "nobody")] * 6
    with db.write() as session:
        destinations.named(session, "hook").alerts = True
    assert announced(db, NOW + DAY) == [("first", None)]
    (message,) = messages(db)
    assert message["title"] == "Not told before: alerts of 6 partners"
    assert len(message["items"]) == 6
    assert announced(db, NOW + 2 * DAY) == []
    assert announced(db, NOW + 57 * DAY) == [("reminder", None)]
    assert len(messages(db)) == 2
    assert announced(db, NOW + 58 * DAY) == []


def test_a_common_cause_that_nobody_took_is_told_later_with_its_explanation(watched: Database) -> None:
    with watched.write() as session:
        destinations.named(session, "hook").alerts = False
    raise_of_apac(watched, "late", many(watched, 6, region="APAC"))
    assert announced(watched, NOW) == [("first", "nobody")] * 6
    with watched.write() as session:
        destinations.named(session, "hook").alerts = True
    assert announced(watched, NOW + 2 * DAY) == [("first", None)]
    (message,) = messages(watched)
    assert message["title"] == "Not told before: alerts of 6 partners"
    assert "for 6 of the 6 partners in the region APAC: Late. Look at what happens there" in message["lead"]


def test_the_end_of_two_causes_that_end_at_once_is_told_once_and_the_ledger_says_of_both(db: Database) -> None:
    acme_with_a_hook(db)
    names = many(db, 6, region="APAC")
    raised = [happened(db, "late", name=name) for name in names]
    assert announced(db, NOW)[0] == ("common_cause", None)
    raised += [happened(db, "grave", NOW + DAY, name=name) for name in names]
    assert announced(db, NOW + DAY)[0] == ("common_cause", None), "it is louder"
    for alert in raised:
        over(db, alert, NOW + 2 * DAY)
    assert announced(db, NOW + 2 * DAY) == [("resolved", None), ("resolved", "common_cause")]
    with db.read() as session:
        line = session.scalars(select(Notice).where(Notice.at == NOW + 2 * DAY, Notice.sent.is_(False))).one()
    assert line.why["message"] == "Whoever was told of this common cause was told of its end with another message."
    assert len(messages(db)) == 3


def raise_of_apac(db: Database, key: str, names: list[str], at: datetime = NOW) -> None:
    for name in names:
        happened(db, key, at, name=name)


def test_two_rules_that_fire_at_once_for_the_same_partners_are_one_message_that_names_both(watched: Database) -> None:
    names = many(watched, 6, region="APAC")
    raise_of_apac(watched, "late", names)
    raise_of_apac(watched, "grave", names)
    assert announced(watched, NOW) == [("common_cause", None), *[("first", "common_cause")] * 6]
    (message,) = messages(watched)
    assert message["title"] == "Common cause: Grave, Late for 6 partners in the region APAC"
    assert "for 6 of the 6 partners in the region APAC: Grave, Late." in message["lead"]
    with watched.write() as session:
        names = [partner(session, f"Late {number}", NOW, region="APAC").name for number in range(2)]
    for name, key in zip(names, ("late", "grave"), strict=True):
        happened(watched, key, NOW + HOUR, name=name)
        assert announced(watched, NOW + HOUR) == [("first", "common_cause")], "it is a cause of either rule"


def test_two_rules_that_fire_for_partly_other_partners_are_told_apart_by_name_and_severity(watched: Database) -> None:
    names = many(watched, 7, region="APAC")
    raise_of_apac(watched, "grave", names)
    announced(watched, NOW)
    raise_of_apac(watched, "late", names[1:], NOW + 2 * HOUR)
    assert announced(watched, NOW + 2 * HOUR)[0] == ("common_cause", None)
    (first, second) = messages(watched)
    assert (first["title"], first["severity"]) == (
        "Common cause: Grave for 7 partners in the region APAC",
        Severity.CRITICAL,
    )
    assert (second["title"], second["severity"]) == (
        "Common cause: Late for 6 partners in the region APAC",
        Severity.WARNING,
    )
    assert {item["text"] for item in second["items"]} == {"Warning: Late"}
    with watched.read() as session:
        assert {len(row.alerts) for row in session.scalars(select(Told))} == {1, 2}, "what they knew, they know"


@pytest.mark.parametrize(
    ("locale", "title"),
    [
        ("zh-Hant", "共同原因：APAC 地區的 6 個合作夥伴（遲交）"),
        ("zh-Hans", "共同原因：APAC 地区的 6 个合作伙伴（Late）"),
        ("vi", "Nguyên nhân chung: Late ở 6 đối tác trong khu vực APAC"),
    ],
)
def test_a_common_cause_names_its_rule_in_the_readers_language(watched: Database, locale: str, title: str) -> None:
    with watched.write() as session:
        destinations.named(session, "hook").locale = locale
        rules.by_key(session, "late").names = {"en": "Late", "zh-Hant": "遲交"}
    raise_of_apac(watched, "late", many(watched, 6, region="APAC"))
    announced(watched, NOW)
    assert [message["title"] for message in messages(watched)] == [title]


def test_the_end_of_a_cause_that_is_told_to_nobody_says_why(db: Database) -> None:
    acme_with_a_hook(db)
    raised = [happened(db, "late", name=name) for name in many(db, 6, region="APAC")]
    announced(db, NOW)
    with db.write() as session:
        destinations.named(session, "hook").disabled_at = NOW
    for alert in raised:
        over(db, alert, NOW + DAY)
    assert announced(db, NOW + DAY) == [("resolved", "nobody")]


def test_the_end_of_a_cause_within_a_silence_is_told_after_it(watched: Database) -> None:
    raised = [happened(watched, "late", name=name) for name in many(watched, 6, region="APAC")]
    announced(watched, NOW)
    silenced(watched, NOW + 3 * DAY)
    for alert in raised:
        over(watched, alert, NOW + DAY)
    assert announced(watched, NOW + DAY) == [("resolved", "silenced")] * 7, "of the cause, and of each partner"
    assert announced(watched, NOW + 3 * DAY) == [("silence_ended", None)]


def test_what_most_partners_raise_at_once_is_one_notice_not_one_for_each_region(db: Database) -> None:
    acme_with_a_hook(db)
    for region in ("APAC", "EMEA"):
        with db.write() as session:
            names = [partner(session, f"{region} {number}", NOW, region=region).name for number in range(5)]
        for name in names:
            happened(db, "late", name=name)
    assert announced(db, NOW) == [("common_cause", None), *[("first", "common_cause")] * 10]
    (message,) = messages(db)
    assert message["title"] == "Common cause: Late for 10 partners, most of those watched"
    assert "for 10 of the 11 partners that are watched" in message["lead"]


def test_partners_of_one_source_share_a_cause(watched: Database) -> None:
    names = many(watched, 20)
    with watched.write() as session:
        for name in names:
            who = session.scalars(select(Partner).where(Partner.name == name)).one()
            known_as(session, who, name, NOW)
            assessed_as(session, who, NOW, "low", signals(late=0.5))
    for number, name in enumerate(names):
        report(watched, year_of_facts(name, NOW, every=90), NOW, source="erp" if number < 10 else f"s{number % 4}")
    with watched.write() as session:
        a_rule(session, "rising", NOW, condition="late_rate > 0.1")
        a_rule(session, "band", NOW, condition="likelihood > 0.1")
    for name in names[:6]:
        happened(watched, "late", name=name, assessment_id=last_assessment(watched, name))
    assert announced(watched, NOW) == [("common_cause", None), *[("first", "common_cause")] * 6]
    assert messages(watched)[0]["title"] == "Common cause: Late for 6 partners of the source erp"
    for number, (key, name) in enumerate([("rising", "P07"), ("late", "P12"), ("band", "P08")], start=1):
        later = NOW + number * DAY
        happened(watched, key, later, name=name, assessment_id=last_assessment(watched, name))
        joins = name == "P07"  # P12 is of another source, and a band rests on more than deliveries
        assert announced(watched, later) == [("first", "common_cause" if joins else None)], name


@pytest.mark.parametrize(
    ("blind", "said"),
    [
        (True, "that the source box speaks of: Lost. The source has been blind since Feb 20, 2026"),
        (False, "Look at the source before you accuse the partners."),
    ],
)
def test_what_is_known_no_more_since_a_source_is_blind_names_that_source(
    watched: Database, blind: bool, said: str
) -> None:
    names = many(watched, 6)
    with watched.write() as session:
        a_rule(session, "lost", NOW, condition="coverage_lost > 0.3")
        for name in names:
            who = session.scalars(select(Partner).where(Partner.name == name)).one()
            known_as(session, who, name, NOW)
            assessed_as(session, who, NOW, None, signals(late=None))
    for name in names:
        report(watched, year_of_facts(name, NOW, every=90), NOW, source="box")
        report(watched, year_of_facts(name, NOW, every=80), NOW, source="erp" if blind else "box")
    with watched.write() as session:
        session.scalars(select(Source).where(Source.name == "box")).one().blind_since = (
            datetime(2026, 2, 20, tzinfo=UTC) if blind else None
        )
    for name in names:
        happened(watched, "lost", name=name, assessment_id=last_assessment(watched, name))
    assert announced(watched, NOW) == [("common_cause", None), *[("first", "common_cause")] * 6]
    (message,) = messages(watched)
    assert message["title"] == "Common cause: Lost for 6 partners of the source box"
    assert said in message["lead"]
    happened(watched, "late", NOW + DAY, name=names[0], assessment_id=last_assessment(watched, names[0]))
    assert announced(watched, NOW + DAY) == [("new_in_group", None)], "it rests on deliveries, not on what is known"


def last_assessment(db: Database, name: str) -> Any:
    with db.read() as session:
        who = session.scalars(select(Partner).where(Partner.name == name)).one()
        found = assessments.latest(session, who.id)
        return found.id if found else None
