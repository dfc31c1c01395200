"""Sources: schedules, claims, how runs end, and blindness."""

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from factories import DAY, NOW, make_source
from sqlalchemy.orm import Session

from collectors.base import Problem
from warden.db import Database
from warden.domain import RunOutcome, SourceState
from warden.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from warden.models import Run, Source
from warden.store import blindness, sources

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
BLIND_HOURS = 26


def make_feed(session: Session, name: str = "feed", **values: Any) -> Source:
    return make_source(session, name, collector="feed", **values)


def run(session: Session, source: Source, now: datetime, outcome: RunOutcome | None = None, **values: Any) -> None:
    claimed = sources.claim(session, source.id, now, ignore_schedule=True)
    assert claimed is not None
    if outcome is None:
        sources.finish_ok(session, *claimed, now=now, **{"seen": 0, "new": 0, "cursor": {}, **values})
    else:
        sources.finish_failed(session, *claimed, now=now, **{"outcome": outcome, "reason": "No.", **values})


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("*/15 * * * *", datetime(2026, 3, 4, 9, 45, tzinfo=UTC)),  # NOW is a quarter hour itself
        ("0 6 * * mon-fri", datetime(2026, 3, 5, 6, tzinfo=UTC)),
        ("0 6 * * sun", datetime(2026, 3, 8, 6, tzinfo=UTC)),
        ("0 0 29 2 *", datetime(2028, 2, 29, tzinfo=UTC)),
    ],
)
def test_a_schedule_names_the_next_moment(schedule: str, expected: datetime) -> None:
    assert sources.next_run(schedule, NOW) == expected


@pytest.mark.parametrize("schedule", ["", "every day", "0 6 * * 1", "61 * * * *", "* * * *", "0 0 31 2 *"])
def test_what_is_no_schedule_is_refused(sqlite_db: Database, schedule: str) -> None:
    with sqlite_db.write() as session:
        with pytest.raises(InvalidInput) as refused:
            make_feed(session, schedule=schedule)
        assert refused.value.faults[0].where == "schedule"


def test_a_new_source_is_due_at_once_and_then_by_its_schedule(db: Database) -> None:
    with db.write() as session:
        source = make_feed(session)
        make_source(session, "pushed")
        assert sources.due(session, NOW) == [source.id]
        run(session, source, NOW, seen=3, new=2, cursor={"etag": "x"}, problems=[Problem("row 2", "no date")])
        assert (source.state, source.cursor, source.last_success_at) == (SourceState.OK, {"etag": "x"}, NOW)
        assert source.next_run_at == NOW + 15 * MINUTE
        assert sources.due(session, NOW + 14 * MINUTE) == []
        assert sources.due(session, NOW + 15 * MINUTE) == [source.id]
        (row,) = sources.runs(session, source.id).items
        assert (row.outcome, row.seen, row.new, row.finished_at) == (RunOutcome.OK, 3, 2, NOW)
        assert row.problems == [{"where": "row 2", "what": "no date"}]


def test_a_claim_is_given_once(db: Database) -> None:
    with db.write() as session:
        source = make_feed(session)
    barrier = threading.Barrier(4)
    won: list[uuid.UUID] = []

    def try_it() -> None:
        barrier.wait(10)
        with db.write() as session:
            claimed = sources.claim(session, source.id, NOW)
        if claimed is not None:
            won.append(claimed[1].id)

    threads = [threading.Thread(target=try_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_a_lease_runs_out_and_the_late_one_may_not_write(db: Database) -> None:
    with db.write() as session:
        source = make_feed(session)
        first = sources.claim(session, source.id, NOW)
        assert first is not None
        assert sources.claim(session, source.id, NOW + sources.LEASE - MINUTE) is None
        second = sources.claim(session, source.id, NOW + sources.LEASE)
        assert second is not None
        assert sources.reclaim(session, first[1]) is None
        assert sources.reclaim(session, second[1]) is source
        session.expire_all()
        abandoned = session.get_one(Run, first[1].id)
        assert (abandoned.outcome, abandoned.error) == (RunOutcome.FAILED, "Warden was stopped during this visit.")


@pytest.mark.parametrize(("alone", "after", "freed"), [(True, MINUTE, 1), (False, MINUTE, 0), (False, DAY, 1)])
def test_dead_claims_are_freed_at_the_start(db: Database, alone: bool, after: timedelta, freed: int) -> None:
    with db.write() as session:
        source = make_feed(session)
        sources.claim(session, source.id, NOW)
        assert sources.release_stale(session, NOW + after, alone=alone) == freed
        assert len(sources.due(session, NOW + after)) == freed


def test_a_failing_source_is_tried_later_and_later(db: Database) -> None:
    with db.write() as session:
        source = make_feed(session, schedule="0 * * * *")
        delays = []
        for _ in range(12):
            run(session, source, NOW, RunOutcome.UNAVAILABLE)
            assert source.next_run_at is not None
            delays.append((source.next_run_at - NOW) / MINUTE)
        assert delays == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]
        assert (source.state, source.failures, source.blind_since) == (SourceState.UNAVAILABLE, 12, None)
        run(session, source, NOW + HOUR)
        assert (source.state, source.failures, source.reason) == (SourceState.OK, 0, "")


@pytest.mark.parametrize(
    ("asked", "expected"), [(timedelta(hours=3), timedelta(hours=3)), (timedelta(days=900), timedelta(days=7))]
)
def test_a_source_that_asks_to_be_left_alone_is(db: Database, asked: timedelta, expected: timedelta) -> None:
    with db.write() as session:
        source = make_feed(session)
        run(session, source, NOW, not_before=NOW + asked)
        assert source.next_run_at == NOW + expected
        run(session, source, NOW, RunOutcome.UNAVAILABLE, not_before=NOW + asked)
        assert source.next_run_at == NOW + expected


def test_a_refused_source_waits_for_a_person(db: Database) -> None:
    with db.write() as session:
        source = make_feed(session)
        run(session, source, NOW)
        run(session, source, NOW + HOUR, RunOutcome.REFUSED, reason="401: the password is wrong.")
        run(session, source, NOW + 2 * HOUR, RunOutcome.REFUSED, reason="401: the password is wrong.")
        assert (source.state, source.state_since, source.paused) == (SourceState.REFUSED, NOW + HOUR, True)
        assert source.blind_since == NOW, "since its last good run"
        assert sources.due(session, NOW + 30 * DAY) == []
        sources.resume(session, source.id, NOW + 3 * HOUR)
        assert sources.due(session, NOW + 3 * HOUR) == [source.id]
        run(session, source, NOW + 3 * HOUR)
        assert (source.state, source.paused, source.blind_since) == (SourceState.OK, False, None)


def test_a_changed_source_is_tried_again_a_day_later(db: Database) -> None:
    with db.write() as session:
        source = make_feed(session)
        run(session, source, NOW, RunOutcome.CHANGED, reason="No column due_on.")
        assert (source.state, source.paused, source.blind_since) == (SourceState.CHANGED, False, NOW)
        assert source.next_run_at == NOW + DAY


def test_a_defect_of_ours_is_tried_again_like_an_outage(db: Database) -> None:
    with db.write() as session:
        source = make_feed(session)
        run(session, source, NOW, RunOutcome.FAILED)
        assert (source.state, source.next_run_at) == (SourceState.UNAVAILABLE, NOW + MINUTE)
        assert sources.runs(session, source.id).items[0].outcome is RunOutcome.FAILED


def test_a_source_without_a_good_run_turns_blind_once(db: Database) -> None:
    with db.write() as session:
        source, _weekly = make_feed(session), make_source(session, "slow", collector="feed", schedule="0 0 * * mon")
        make_source(session, "pushed")
        run(session, source, NOW)
        assert sources.mark_blind(session, BLIND_HOURS, NOW + 26 * HOUR) == []
        assert sources.mark_blind(session, BLIND_HOURS, NOW + 27 * HOUR) == [source]
        assert sources.mark_blind(session, BLIND_HOURS, NOW + 28 * HOUR) == []
        assert source.blind_since == NOW
        run(session, source, NOW + 29 * HOUR)
        assert source.blind_since is None


def test_the_last_runs_of_many_sources_are_read_at_once(db: Database) -> None:
    with db.write() as session:
        often, once, never = (make_feed(session, name=name) for name in ("often", "once", "never"))
        for number in range(4):
            run(session, often, NOW + number * HOUR, seen=number)
        run(session, once, NOW)
        found = sources.last_runs(session, [often.id, once.id, never.id], each=3)
        assert [one.seen for one in found[often.id]] == [3, 2, 1]
        assert len(found[once.id]) == 1
        assert found[never.id] == []


def test_blindness_of_the_past_is_read_from_the_runs(db: Database) -> None:
    with db.write() as session:
        source = make_feed(session)
        source.kinds = {"message": NOW.isoformat()}
        run(session, source, NOW)
        run(session, source, NOW + 5 * DAY, RunOutcome.REFUSED)
        run(session, source, NOW + 6 * DAY)

        def days(after: float) -> float:
            at = NOW + after * DAY
            (known,) = blindness.blind_days(session, BLIND_HOURS, at, at).values()
            return known[source.id]

        assert [days(after) for after in (0, 1, 3, 5.5, 6, 7, 9)] == [0, 0, 3, 5.5, 0, 0, 3]
        assert blindness.blind_days(session, BLIND_HOURS, NOW - DAY, NOW - DAY) == {}
        (backfilled,) = blindness.blind_days(session, BLIND_HOURS, NOW - 90 * DAY, NOW + DAY).values()
        assert backfilled == {source.id: 0.0}


def test_changing_a_source(db: Database) -> None:
    with db.write() as session:
        source = make_feed(session, options={"url": "a"})
        run(session, source, NOW, cursor={"etag": "x"})
        run(session, source, NOW, RunOutcome.REFUSED)
        version = source.version
        with pytest.raises(PreconditionFailed):
            sources.update(session, source.id, version=version + 1, now=NOW, name="x")
        sources.update(session, source.id, version=version, now=NOW, name="news", schedule="0 6 * * *")
        assert (source.cursor, source.paused, source.version) == ({"etag": "x"}, True, version + 1)
        sources.update(session, source.id, version=None, now=NOW, options={"url": "b"}, secrets="sealed")
        assert (source.cursor, source.paused, source.next_run_at) == ({}, False, NOW)
        assert (source.options, source.secrets) == ({"url": "b"}, "sealed")
        assert sources.pause(session, source.id).paused
        assert sources.get(session, source.id).name == "news"
        assert [one.name for one in sources.listing(session).items] == ["news"]
        with pytest.raises(NotFound):
            sources.get(session, uuid.uuid4())


@pytest.mark.parametrize("act", [lambda s: make_feed(s), lambda s: sources.push(s, "feed", NOW)])
def test_a_name_is_taken_by_one_source(sqlite_db: Database, act: Callable[[Session], Source]) -> None:
    with sqlite_db.write() as session:
        make_feed(session)
        with pytest.raises(Conflict):
            act(session)


@pytest.mark.parametrize("name", ["", "\u200b", "erp\nevil", "a\u202eb", "x" * 101])
def test_a_source_has_a_name_that_hides_nothing(sqlite_db: Database, name: str) -> None:
    with sqlite_db.write() as session:
        feed = make_feed(session)
        with pytest.raises(InvalidInput, match="cannot be stored"):
            sources.push(session, name, NOW)
        with pytest.raises(InvalidInput, match="cannot be stored"):
            sources.update(session, feed.id, version=None, now=NOW, name=name)


def test_a_push_source_is_made_when_first_used(db: Database) -> None:
    with db.write() as session:
        first = sources.push(session, "crm", NOW)
        assert sources.push(session, "crm", NOW + DAY) is first
        assert first.next_run_at is None
