"""What was learned, in versions, and backtests from the request to the report, as rows."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from assessed import learned
from worlds import Forecast, random_panel, terms

from scorers.learning import FEW_MESSAGE, OTHER_VERSION_MESSAGE, UNLEARNED_MESSAGE, Form, Lesson, Model
from warden.db import Database
from warden.errors import NotFound
from warden.store import learning

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
WEEK = timedelta(days=7)
SCORER = Forecast()
MODEL = Model(-0.1, 0.9, ("part half",), (0.3,), (1.2,), (0.05,))


class NextForecast(Forecast):
    """The same formula, revised."""

    version = "2"


def lesson(form: Form = "supervised", model: Model | None = MODEL, positives: int = 120) -> Lesson:
    why = {"message": FEW_MESSAGE, "params": {"positives": positives, "needed": 50}}
    report: dict[str, Any] = {"why": why, "positives": positives, "trial": None}
    return Lesson(form, model.arrays() if model else {}, report)


def test_a_lesson_holds_until_another_is_learned(db: Database) -> None:
    with db.write() as session:
        assert learning.keep(session, SCORER, lesson("default", None), NOW)
    with db.write() as session:
        assert learning.keep(session, SCORER, lesson(), NOW + WEEK)
    with db.read() as session:
        assert learning.in_force(session, NOW - WEEK) == {}
        found = [learning.in_force(session, NOW + late)["forecast"] for late in (0 * WEEK, WEEK / 2, WEEK, 9 * WEEK)]
        assert [row.number for row in found] == [1, 1, 2, 2]
        assert [row.form for row in learned(session, "forecast")] == ["supervised", "default"]
        assert found[0].retired_at == found[-1].created_at == NOW + WEEK


def test_the_same_lesson_again_is_not_kept_another_is(db: Database) -> None:
    with db.write() as session:
        assert learning.keep(session, SCORER, lesson(), NOW)
        assert not learning.keep(session, SCORER, lesson(), NOW + WEEK)
        assert learning.keep(session, SCORER, lesson(positives=121), NOW + 2 * WEEK)
        assert learning.keep(session, NextForecast(), lesson(positives=121), NOW + 3 * WEEK)
        assert learning.in_force(session, NOW + 3 * WEEK)["forecast"].number == 3


def test_what_is_stored_speaks_as_what_was_learned(db: Database) -> None:
    with db.write() as session:
        learning.keep(session, SCORER, lesson(), NOW)
    with db.read() as session:
        speaker = learning.speaker(learning.in_force(session, NOW)["forecast"], SCORER)
    assert (speaker.number, speaker.form, speaker.model) == (1, "supervised", MODEL)
    scores = SCORER.score(random_panel(1), terms(12))
    assert not np.array_equal(speaker.speak(scores).value, scores.value, equal_nan=True)


def test_a_model_is_not_used_for_another_version_of_the_formula(db: Database) -> None:
    with db.write() as session:
        learning.keep(session, SCORER, lesson(), NOW)
        speaker = learning.speaker(learning.in_force(session, NOW)["forecast"], NextForecast())
    assert (speaker.form, speaker.number) == ("default", None)
    assert speaker.why == {"message": OTHER_VERSION_MESSAGE, "params": {"learned": "1", "version": "2"}}


def test_before_anything_was_learned_the_default_speaks_and_says_so(db: Database) -> None:
    speaker = learning.speaker(None, SCORER)
    assert (speaker.form, speaker.why) == ("default", {"message": UNLEARNED_MESSAGE, "params": {}})
    with db.write() as session:
        learning.keep(session, SCORER, lesson("default", None, 12), NOW)
        kept = learning.speaker(learning.in_force(session, NOW)["forecast"], SCORER)
    assert (kept.form, kept.number) == ("default", None)
    assert kept.why == lesson(positives=12).report["why"]


def test_when_it_was_last_learned_is_remembered(db: Database) -> None:
    with db.write() as session:
        assert learning.last_learned(session) is None
        learning.note_learned(session, NOW)
        learning.note_learned(session, NOW + WEEK)
        assert learning.last_learned(session) == NOW + WEEK


def test_a_backtest_is_asked_for_once_and_claimed_once(db: Database) -> None:
    with db.write() as session:
        assert learning.claim_backtest(session, NOW) is None
        assert learning.pending_backtest(session) is None
        learning.request_backtest(session, "ann@us.example", NOW)
        again = learning.request_backtest(session, "bob@us.example", NOW + WEEK)
        assert (again.author, again.requested_at, again.started_at) == ("ann@us.example", NOW, None)
    with db.write() as session:
        claimed = learning.claim_backtest(session, NOW)
        assert claimed is not None
        assert learning.claim_backtest(session, NOW + learning.LEASE / 2) is None
        learning.note_progress(session, claimed, 3, 104)
        pending = learning.pending_backtest(session)
        assert pending is not None
        assert (pending.started_at, pending.walked, pending.total) == (NOW, 3, 104)


def test_a_backtest_whose_process_died_is_begun_again(db: Database) -> None:
    with db.write() as session:
        learning.request_backtest(session, "ann@us.example", NOW)
        assert learning.claim_backtest(session, NOW)
        assert learning.claim_backtest(session, NOW + learning.LEASE)
        learning.release_backtest(session)
        assert learning.claim_backtest(session, NOW + learning.LEASE + timedelta(seconds=1))


def test_a_walk_that_outlived_its_lease_touches_nothing_of_the_next_one(db: Database) -> None:
    with db.write() as session:
        learning.request_backtest(session, "ann@us.example", NOW)
        slow = learning.claim_backtest(session, NOW)
        next_one = learning.claim_backtest(session, NOW + learning.LEASE)
        assert slow is not None
        assert not learning.note_progress(session, slow, 3, 104)
        learning.release_backtest(session, slow)
        learning.finish_backtest(session, slow)
        assert learning.pending_backtest(session) == next_one


def test_a_finished_backtest_is_kept_and_another_can_be_asked_for(db: Database) -> None:
    with db.write() as session:
        assert learning.latest_backtest(session) is None
        learning.request_backtest(session, "ann@us.example", NOW)
        claimed = learning.claim_backtest(session, NOW)
        assert claimed is not None
        first = learning.add_backtest(session, "ann@us.example", {"weeks": 3}, NOW)
        learning.finish_backtest(session, claimed)
        assert learning.pending_backtest(session) is None
        learning.release_backtest(session)
        assert learning.pending_backtest(session) is None
        second = learning.add_backtest(session, "bob@us.example", {"weeks": 4}, NOW + WEEK)
        assert learning.request_backtest(session, "bob@us.example", NOW).author == "bob@us.example"
    with db.read() as session:
        latest = learning.latest_backtest(session)
        assert latest is not None
        assert latest.id == second.id
        assert learning.backtest(session, first.id).report == {"weeks": 3}
        assert [one[0] for one in learning.backtests(session)] == [second.id, first.id]
        with pytest.raises(NotFound):
            learning.backtest(session, uuid.uuid4())
