"""Announcing on a real database: one message per partner and recipient, why it is sent, and why it is not."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import killed
import pytest
from alarmed import (
    FIRED,
    NOW,
    SETTINGS,
    VAULT,
    acme_with_a_hook,
    announced,
    destabilise,
    happen,
    happened,
    kept,
    messages,
    over,
    pending,
    renewed,
    sent,
    steady,
    worsen,
)
from assessed import destination, partner, person
from assessed import say as assessed_as
from sqlalchemy import select

from warden.db import Database
from warden.domain import Cause, Severity
from warden.models import Alert, Destination, Meeting, Notice, Partner, Told
from warden.pipeline import announce
from warden.settings import Settings
from warden.store import meetings, rules

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="module")
def prepared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Path]]:
    with kept(sqlite_template, tmp_path_factory.mktemp("announce"), acme_with_a_hook) as found:
        yield found


@pytest.fixture
def watched(prepared: tuple[Database, Path]) -> Database:
    return renewed(*prepared)


def test_several_alerts_of_one_partner_are_one_message_worst_first(db: Database) -> None:
    acme_with_a_hook(db)
    for key in ("late", "grave", "quiet"):
        happened(db, key)
    assert announced(db, NOW) == [("first", None)]
    (message,) = messages(db)
    assert message["title"] == "Critical: Acme – Grave and 2 more"
    assert message["lead"] == "This is the first alert about this partner. What speaks for grave"
    assert [item["title"] for item in message["items"]] == [
        "What speaks for grave",
        "What speaks for late",
        "What speaks for quiet",
    ]
    assert (message["reason"], message["notice"], message["severity"]) == ("alert_fired", "first", "critical")
    assert [label for label, _ in message["verdicts"]] == ["Useful", "Noise", "Too late"]
    assert pending(db) == 0
    assert announced(db, NOW + HOUR) == []


def test_a_round_with_nothing_to_tell_asks_little(watched: Database) -> None:
    steps = killed.Steps(fatal=0)
    with killed.watched(watched, steps):
        assert announce.run(watched, VAULT, SETTINGS, NOW) == 0
    assert steps.done <= 8, "two transactions, and a question for each thing that may be due"


def test_each_further_message_says_what_is_new(watched: Database) -> None:
    late = happened(watched, "late")
    assert announced(watched, NOW) == [("first", None)]
    quiet = happened(watched, "quiet", NOW + HOUR)
    assert announced(watched, NOW + HOUR) == [("new_in_group", None)]
    assert messages(watched)[-1]["closing"].endswith("That is asked of “Quiet”."), "what is new is to be judged"
    happened(watched, "grave", NOW + 2 * HOUR)
    assert announced(watched, NOW + 2 * HOUR) == [("worse", None)]
    with watched.write() as session:
        worsen(session, quiet, Severity.CRITICAL, NOW + 3 * HOUR)
    assert announced(watched, NOW + 3 * HOUR) == [("worse", None)], "though something critical was told before"
    assert messages(watched)[-1]["lead"] == "This is worse than what was told before. It worse."
    over(watched, late, NOW + 4 * HOUR)
    assert announced(watched, NOW + 4 * HOUR) == [("resolved", "partly")]
    assert len(messages(watched)) == 4


def test_a_rise_of_the_band_is_worse(watched: Database) -> None:
    with watched.write() as session:
        acme = session.scalars(select(Partner)).one()
        assessed_as(session, acme, NOW - DAY, "high", [])
    happened(watched, "late")
    announced(watched, NOW)
    with watched.write() as session:
        assessed_as(session, acme, NOW, "extreme", [])
    happened(watched, "quiet", NOW + HOUR)
    assert announced(watched, NOW + HOUR) == [("worse", None)]


def test_the_end_is_told_once_when_all_is_over_with_what_ended_before(watched: Database) -> None:
    late, quiet = happened(watched, "late"), happened(watched, "quiet")
    announced(watched, NOW)
    over(watched, late, NOW + HOUR)
    announced(watched, NOW + HOUR)
    over(watched, quiet, NOW + 2 * HOUR)
    assert announced(watched, NOW + 2 * HOUR) == [("resolved", None)]
    message = messages(watched)[-1]
    assert message["reason"] == "alert_resolved"
    assert [item["title"] for item in message["items"]] == ["Late", "Quiet"]
    assert message["items"][0]["group"] == "No longer firing"
    with watched.read() as session:
        assert session.scalars(select(Told)).all() == []


def test_what_ended_is_told_with_the_next_message(watched: Database) -> None:
    late = happened(watched, "late")
    happened(watched, "quiet")
    announced(watched, NOW)
    over(watched, late, NOW + HOUR)
    announced(watched, NOW + HOUR)
    happened(watched, "late", NOW + 2 * HOUR)
    assert announced(watched, NOW + 2 * HOUR) == [("new_in_group", None)]
    groups = [item["group"] for item in messages(watched)[-1]["items"]]
    assert groups == ["Warning: Quiet", "Warning: Late", "No longer firing"]


def test_what_begins_and_ends_before_anybody_is_told_is_only_in_the_ledger(watched: Database) -> None:
    alert = happened(watched, "late")
    over(watched, alert, NOW + HOUR)
    assert announced(watched, NOW + HOUR) == [("first", "over"), ("resolved", "over")]
    assert messages(watched) == []


def test_events_of_one_minute_wait_for_each_other(watched: Database) -> None:
    settings = SETTINGS.model_copy(update={"group_wait_seconds": 60})
    happened(watched, "late")
    assert announced(watched, NOW + timedelta(seconds=59), settings) == []
    happened(watched, "quiet", NOW + timedelta(seconds=59))
    assert announced(watched, NOW + timedelta(seconds=60), settings) == [("first", None)]
    assert messages(watched)[0]["title"] == "Warning: Acme – Late and 1 more"
    happened(watched, "grave", NOW + DAY)
    announce.run(watched, VAULT, settings, NOW + DAY, at_once=True)
    assert len(messages(watched)) == 2


def test_what_a_clock_that_was_ahead_decided_waits_for_nothing(watched: Database) -> None:
    happened(watched, "late", NOW + 400 * DAY)
    assert announced(watched, NOW, Settings()) == [("first", None)]


def test_each_recipient_is_told_what_is_new_to_them(watched: Database) -> None:
    with watched.write() as session:
        destination(session, "critical only", NOW, min_severity=Severity.CRITICAL)
    happened(watched, "late")
    announced(watched, NOW)
    assert [line[1] for line in sent(watched)] == ["hook"]
    happened(watched, "grave", NOW + HOUR)
    assert announced(watched, NOW + HOUR) == [("first", None), ("worse", None)]
    assert messages(watched)[-1]["notice"] != messages(watched)[-2]["notice"]
    assert sorted(len(message["items"]) for message in messages(watched)[1:]) == [1, 2]


def test_without_a_destination_the_ledger_says_so(watched: Database) -> None:
    with watched.write() as session:
        session.scalars(select(Destination)).one().disabled_at = NOW
    happened(watched, "late")
    assert announced(watched, NOW) == [("first", "nobody")]


def test_an_alert_of_the_past_is_shown_with_the_next_one_but_never_announced(watched: Database) -> None:
    past = happened(watched, "quiet", NOW - DAY, sent=False)
    assert announced(watched, NOW) == []
    happened(watched, "late")
    assert announced(watched, NOW) == [("first", None)]
    assert messages(watched)[0]["title"] == "Warning: Acme – Quiet and 1 more"
    over(watched, past, NOW + HOUR)
    assert announced(watched, NOW + HOUR) == [("resolved", "partly")]


def test_late_facts_never_send(watched: Database) -> None:
    alert = happened(watched, "late", cause=Cause.LATE_FACTS)
    assert announced(watched, NOW) == [("first", "late_facts")]
    over(watched, alert, NOW + HOUR)
    assert announced(watched, NOW + HOUR) == [("resolved", "over")]
    assert messages(watched) == []


def test_a_rule_that_is_deleted_takes_its_alerts_out_of_what_is_known(watched: Database) -> None:
    happened(watched, "late")
    announced(watched, NOW)
    with watched.write() as session:
        session.delete(rules.by_key(session, "late"))
    happened(watched, "quiet", NOW + HOUR)
    assert announced(watched, NOW + HOUR) == [("first", None)]


def test_what_fires_and_ends_again_and_again_is_told_once_and_once_when_it_is_steady(watched: Database) -> None:
    first = happened(watched, "late")
    announced(watched, NOW)
    over(watched, first, NOW + HOUR)
    announced(watched, NOW + HOUR)
    second = happened(watched, "late", NOW + 2 * HOUR)
    with watched.write() as session:
        destabilise(session, second, NOW + 2 * HOUR)
    assert announced(watched, NOW + 2 * HOUR) == [("first", "unstable"), ("unstable", None)]
    assert "It fires and ends again and again, and is not told each time." in str(messages(watched)[-1]["items"])
    over(watched, second, NOW + 3 * HOUR)
    third = happened(watched, "late", NOW + 4 * HOUR)
    assert announced(watched, NOW + 4 * HOUR) == [("new_in_group", "unstable"), ("resolved", "unstable")]
    over(watched, third, NOW + 5 * HOUR)
    assert announced(watched, NOW + 5 * HOUR) == [("resolved", "over")]
    with watched.write() as session:
        steady(session, third, NOW + 8 * DAY)
    assert announced(watched, NOW + 8 * DAY) == [("steady", None)]
    assert messages(watched)[-1]["reason"] == "alert_resolved"
    assert len(messages(watched)) == 4


def test_the_meeting_of_an_alert_whose_end_is_not_told_is_called_off_all_the_same(watched: Database) -> None:
    late = happened(watched, "late")
    with watched.write() as session:
        day, asked = NOW.date(), {"partner_id": late.partner_id, "alert_id": late.id}
        session.add(Meeting(proposed_at=NOW, due_on=day, attendees=[], agenda=[], **asked))
    announced(watched, NOW)
    with watched.write() as session:
        destabilise(session, late, NOW + HOUR)
    announced(watched, NOW + HOUR)
    over(watched, late, NOW + 2 * HOUR)
    with watched.write() as session:
        meetings.waive_unarranged(session, [late.id], meetings.RESOLVED_WHY)
    assert announced(watched, NOW + 2 * HOUR) == [("resolved", "unstable")]
    told = [message["title"] for message in messages(watched) if message["reason"].startswith("meeting")]
    assert told == ["Executive meeting proposed: Acme, by Mar 2, 2026", "Executive meeting cancelled: Acme"]


def test_what_is_louder_than_all_that_was_told_is_told_however_unstable(watched: Database) -> None:
    happened(watched, "late")
    announced(watched, NOW)
    grave = happened(watched, "grave", NOW + HOUR)
    with watched.write() as session:
        destabilise(session, grave, NOW + HOUR)
    assert announced(watched, NOW + HOUR) == [("worse", None)]


def test_one_rule_holds_another_back_until_it_ends(watched: Database) -> None:
    with watched.write() as session:
        rules.by_key(session, "late").inhibited_by = [{"rule": "grave", "equal": ["partner"]}]
    grave = happened(watched, "grave")
    happened(watched, "late")
    assert announced(watched, NOW) == [("first", None), ("first", "inhibited")]
    assert messages(watched)[0]["title"] == "Critical: Acme – Grave"
    assert announced(watched, NOW + HOUR) == []
    over(watched, grave, NOW + 2 * HOUR)
    assert announced(watched, NOW + 2 * HOUR) == [("new_in_group", None)]
    assert messages(watched)[-1]["title"] == "Warning: Acme – Late"
    assert [item["group"] for item in messages(watched)[-1]["items"]] == ["Warning: Late", "No longer firing"]
    assert announced(watched, NOW + 3 * HOUR) == []


def test_what_nobody_is_told_of_for_its_late_facts_holds_nothing_back(watched: Database) -> None:
    with watched.write() as session:
        rules.by_key(session, "late").inhibited_by = [{"rule": "grave", "equal": ["partner"]}]
    happened(watched, "grave", cause=Cause.LATE_FACTS)
    happened(watched, "late")
    assert announced(watched, NOW) == [("first", None), ("first", "late_facts")]


def test_a_rule_holds_others_back_for_partners_of_the_same_region(watched: Database) -> None:
    with watched.write() as session:
        rules.by_key(session, "late").inhibited_by = [{"rule": "grave", "equal": ["region"]}]
        session.scalars(select(Partner)).one().region = "APAC"
        partner(session, "Port of Nowhere", NOW, region="APAC")
        partner(session, "Elsewhere", NOW, region="EMEA")
    storm = happened(watched, "grave", name="Port of Nowhere")
    for name in ("Acme", "Elsewhere"):
        happened(watched, "late", name=name)
    assert announced(watched, NOW) == [("first", None), ("first", None), ("first", "inhibited")]
    over(watched, storm, NOW + HOUR)
    assert announced(watched, NOW + HOUR) == [("first", None), ("resolved", None)]
    assert messages(watched)[-1]["title"] == "Warning: Acme – Late"


def test_two_rules_that_hold_each_other_back_are_told(watched: Database) -> None:
    with watched.write() as session:
        for one, other in (("late", "quiet"), ("quiet", "late")):
            rules.by_key(session, one).inhibited_by = [{"rule": other, "equal": ["partner"]}]
    for key in ("late", "quiet"):
        happened(watched, key)
    assert announced(watched, NOW) == [("first", None)]


@pytest.mark.parametrize("told", ["late", "quiet", "grave"])
def test_of_rules_that_hold_each_other_back_in_a_ring_the_loudest_is_told(db: Database, told: str) -> None:
    acme_with_a_hook(db)
    with db.write() as session:
        for one, other in (("late", "quiet"), ("quiet", "grave"), ("grave", "late")):
            rule = rules.by_key(session, one)
            rule.inhibited_by = [{"rule": other, "equal": ["partner"]}]
            rule.severity = Severity.CRITICAL if one == told else Severity.WARNING
    for key in ("late", "quiet", "grave"):
        happened(db, key)
    announced(db, NOW)
    (message,) = messages(db)
    assert message["severity"] == "critical"
    assert message["title"].startswith(f"Critical: Acme – {told.capitalize()}")


def test_of_equally_loud_rules_in_a_ring_somebody_is_told(watched: Database) -> None:
    with watched.write() as session:
        for one, other in (("late", "quiet"), ("quiet", "grave"), ("grave", "late")):
            rule = rules.by_key(session, one)
            rule.inhibited_by, rule.severity = [{"rule": other, "equal": ["partner"]}], Severity.WARNING
    for key in ("late", "quiet", "grave"):
        happened(watched, key)
    assert ("first", None) in announced(watched, NOW)


def many(db: Database, count: int, **values: Any) -> list[str]:
    with db.write() as session:
        return [partner(session, f"P{number:02}", NOW, **values).name for number in range(count)]


def test_two_processes_tell_nothing_twice(db: Database) -> None:
    acme_with_a_hook(db)
    names = many(db, 4)
    for name in names:
        happened(db, "late", name=name)
    other = Database(db.url.render_as_string(hide_password=False))
    ready = Barrier(2)

    def one(database: Database) -> None:
        ready.wait(30)
        announce.run(database, VAULT, SETTINGS, NOW)

    threads = [Thread(target=one, args=(database,)) for database in (db, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    other.close()
    assert len(sent(db)) == 4
    assert pending(db) == 0
    with db.read() as session:
        assert len(session.scalars(select(Notice)).all()) == 4


def test_a_partner_that_cannot_be_told_of_does_not_stop_the_others(watched: Database) -> None:
    many(watched, 1)
    alert = happened(watched, "late")
    with watched.write() as session:
        happen(session, alert, FIRED, NOW)
        session.get_one(Alert, alert.id).diagnosis = {"cause": "no such cause"}
    happened(watched, "late", name="P00")
    assert announced(watched, NOW) == [("first", None)]
    assert pending(watched) == 2
    with watched.write() as session:
        session.get_one(Alert, alert.id).diagnosis = {}
    assert announced(watched, NOW) == [("first", None)]


def test_a_message_is_in_the_readers_language_with_figures_of_the_partner(watched: Database) -> None:
    with watched.write() as session:
        destination(session, "vi", NOW, locale="vi", time_zone="Asia/Ho_Chi_Minh")
        owner = person(session, "Olga Owner")
        acme = session.scalars(select(Partner)).one()
        acme.owner_id = owner.id
        assessed_as(session, acme, NOW, "high", [])
    happened(watched, "late")
    announced(watched, NOW)
    found = {message["lead"].split(".")[0]: dict(message["facts"]) for message in messages(watched)}
    assert found["This is the first alert about this partner"]["Owner"] == "Olga Owner"
    assert found["This is the first alert about this partner"]["Band"] == "High"
    assert (
        found["Đây là cảnh báo đầu tiên về đối tác này"]["Thời điểm xác định"]
        == "2 thg 3, 2026 16:00 (Asia/Ho_Chi_Minh)"
    )
