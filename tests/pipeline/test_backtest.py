"""Backtests: a past worked out by hand, real facts from the request to the report, and what is said of too little."""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from assessed import known_as, partner, report, year_of_facts
from contracts import make_panel
from sklearn.metrics import roc_auc_score
from worlds import Forecast, terms

from scorers.base import Panel
from warden.db import Database
from warden.domain import Scope
from warden.pipeline import backtest
from warden.pipeline.past import Asked, Past
from warden.settings import Settings
from warden.store import criteria, learning, shipped
from warden.wording import reader_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SUNDAY = datetime(2026, 3, 1, 18, tzinfo=UTC)
SETTINGS = Settings()
SAY = reader_of("en").fact


def foreseen(partners: int = 20, struck: int = 10, missed: int = 1) -> Panel:
    """Partner i is struck on the Thursday of week 12 + i, and on Monday of week 10 + i nearly surely said to be.

    Of the last `missed` of them, and of all who are well, 5 % is said throughout. Everybody writes every day.
    """
    days = 40 * 7
    received, late = np.full((partners, days), 5), np.zeros((partners, days))
    for one in range(struck):
        late[one, 7 * (12 + one) + 3] = 1
        if one < struck - missed:
            received[one, 7 * (10 + one) - 1] = 90
    panel = make_panel(partners, days, daily={"received": received, "late": late})
    return replace(panel, at=SUNDAY)


def replayed(panel: Panel, weeks: int = 104) -> dict[str, Any]:
    everybody = np.ones(panel.partners, dtype=np.bool_)
    asked = Asked(Forecast(), terms(panel.partners), everybody)
    found = backtest.replay(
        Past([uuid.UUID(int=number) for number in range(panel.partners)], panel, [asked], 730),
        weeks,
        lambda _walked, _total: True,
    )
    assert found is not None
    return json.loads(json.dumps(found, allow_nan=False))


def test_a_past_worked_out_by_hand() -> None:
    (outcome,) = replayed(foreseen())["outcomes"]
    # Mondays of week 4 (four weeks after the first message) to 35 (28 days before the panel's last): 32 of 20 partners.
    assert (outcome["rows"], outcome["partners"], outcome["events"]) == (32 * 20, 20, 10)
    assert outcome["began_share"] == 40 / 640
    assert (outcome["spoken_share"], outcome["enough"], outcome["horizon_days"]) == (1, True, [28, 28])
    ours = outcome["methods"][0]
    # The first week that could have foreseen it is week 9 + i, and its horizon ends with week 12 + i: the alarm of week
    # 10 + i came 21 days before.
    assert (ours["foretold"], ours["recall"]["value"], ours["lead_days"]) == (9, 0.9, 21)
    assert (ours["threshold"], ours["false_alarms"]) == (0.9, 0)
    assert SAY(outcome["sentence"]) == (
        "Of 10 beginnings of an outcome it foretold 9, 21 days ahead on the median, with 0 false alarms per 100 "
        "partner-quarters; the best simple rule, “days since contact”, foretold 0."
    )


def test_the_ranking_of_the_same_past_is_that_of_scikit_learn() -> None:
    (outcome,) = replayed(foreseen())["outcomes"]
    right = pairs = 0.0
    for week in range(4, 36):
        began = np.array([9 + one <= week <= 12 + one for one in range(10)] + [False] * 10)
        said = np.array([0.9 if week == 10 + one and one < 9 else 0.05 for one in range(20)])
        if began.any():
            weight = began.sum() * (~began).sum()
            right, pairs = right + weight * roc_auc_score(began, said), pairs + weight
    assert outcome["methods"][0]["auroc"]["value"] == pytest.approx(right / pairs)
    rivals = outcome["methods"][1:]
    assert [rival["name"] for rival in rivals] == ["days_since", "own_tail", "last_period", "scorecard"]
    assert all(rival["threshold"] is None and rival["foretold"] == 0 for rival in rivals[:2])
    assert rivals[0]["auroc"]["value"] == 0.5
    assert rivals[0]["ahead"]["value"] == pytest.approx(right / pairs - 0.5)


def test_calibration_bins_hold_all_rows_about_which_something_was_said() -> None:
    (outcome,) = replayed(foreseen())["outcomes"]
    bins = outcome["calibration"]["bins"]
    assert sum(part["rows"] for part in bins) == 640
    assert sum(part["rows"] * part["came_share"] for part in bins) == pytest.approx(40)
    assert sum(part["rows"] * part["said_share"] for part in bins) == pytest.approx(9 * 0.9 + 631 * 0.05)


@pytest.mark.parametrize(("struck", "enough"), [(10, True), (9, False)])
def test_on_too_few_events_no_figure_is_given(struck: int, enough: bool) -> None:
    found = replayed(foreseen(struck=struck))
    (outcome,) = found["outcomes"]
    assert outcome["enough"] is enough
    assert (outcome["calibration"] is not None) is bool(outcome["methods"]) is enough
    if not enough:
        assert SAY(outcome["sentence"]) == (
            "Too few to say: 9 beginnings of an outcome, of 9 partners; needed are 10, of 5 partners."
        )
        assert len(found["summary"]) == 1


def test_ten_events_of_four_partners_are_too_few() -> None:
    panel = foreseen(struck=4)
    panel.daily["late"][:4, [7 * 20 + 3, 7 * 30 + 3]] = 1
    (outcome,) = replayed(panel)["outcomes"]
    assert (outcome["events"], outcome["enough"]) == (12, False)


def test_the_threshold_carried_forward_is_judged_on_the_second_half() -> None:
    panel = foreseen(partners=40)
    panel.daily["received"][20:, 7 * 30 - 1] = 95
    (outcome,) = replayed(panel)["outcomes"]
    ours = outcome["methods"][0]
    # The first half keeps the budget at 90 %; in the second, twenty partners who are well are alarmed for once.
    assert ours["carried_false_alarms"] == pytest.approx(100 * 20 / (40 * 16 * 7 / 91.25))


def test_the_weeks_walked_are_named_by_their_dates() -> None:
    found = replayed(foreseen(), weeks=10)
    assert (found["weeks"], found["partners"]) == (10, 20)
    # The last Monday whose four weeks had passed before that Sunday, and nine weeks before it.
    assert (found["from"], found["until"]) == ("2025-11-24", "2026-01-26")
    assert "10 weeks of 20 partners" in SAY(found["summary"][0])


def test_it_tells_how_far_it_is_and_stops_when_told() -> None:
    everybody = np.ones(20, dtype=np.bool_)
    past = Past([], foreseen(), [Asked(Forecast(), terms(20), everybody)], 730)
    steps: list[tuple[int, int]] = []

    def until_the_third(walked: int, total: int) -> bool:
        steps.append((walked, total))
        return walked < 3

    assert backtest.replay(past, 10, until_the_third) is None
    assert steps == [(1, 10), (2, 10), (3, 10)]


# --- on a real database -----------------------------------------------------------------------------------------------


@pytest.fixture
def watched(sqlite_db: Database) -> Database:
    """Three partners: one is well, one delivers late in the end, one falls silent."""
    with sqlite_db.write() as session:
        shipped.seed(session, NOW)
        for name in ("Steady", "Late", "Quiet"):
            known_as(session, partner(session, name, NOW), name.lower(), NOW)
    report(sqlite_db, year_of_facts("steady", NOW), NOW)
    report(sqlite_db, year_of_facts("late", NOW, late_from=80) + year_of_facts("quiet", NOW, silent_for=70), NOW)
    return sqlite_db


def test_real_facts_are_replayed_though_they_were_all_recorded_today(watched: Database) -> None:
    found = backtest.run(watched, SETTINGS, NOW, "ann@us.example", weeks=40)
    assert found is not None
    with watched.read() as session:
        stored = learning.latest_backtest(session)
        assert stored is not None
    assert (stored.id, stored.author, stored.until) == (found.id, "ann@us.example", NOW)
    outcomes = {outcome["name"]: outcome for outcome in stored.report["outcomes"]}
    assert set(outcomes) >= {"silence", "late_share"}
    silence = outcomes["silence"]
    assert (silence["partners"], silence["events"], silence["enough"]) == (3, 1, False)
    assert SAY(silence["sentence"]).startswith("Too few to say: 1 silences, of 1 partner;")
    assert any("imported" in SAY(note) for note in stored.report["notes"])


@pytest.mark.parametrize("asking", [lambda db: None, lambda db: switch_off(db)])
def test_a_portfolio_without_facts_or_without_questions_has_nothing_to_judge(
    sqlite_db: Database, asking: Callable[[Database], None]
) -> None:
    with sqlite_db.write() as session:
        shipped.seed(session, NOW)
    asking(sqlite_db)
    found = backtest.run(sqlite_db, SETTINGS, NOW, "ann@us.example")
    assert found is not None
    assert [SAY(fact) for fact in found.report["summary"]] == [
        "There is no past to judge yet: no horizon has passed since the first facts."
    ]
    assert (found.report["weeks"], found.report["from"], found.report["until"]) == (0, None, None)


def switch_off(db: Database) -> None:
    with db.write() as session:
        partner(session, "Steady", NOW)
        for name in criteria.shipped():
            if name not in (criteria.IMPACT, criteria.PLACEMENT):
                criteria.put(session, name, Scope.PORTFOLIO, "", {"enabled": False}, "ann@us.example", "", NOW)


def test_an_outcome_is_judged_on_the_terms_of_today_where_it_is_asked_about(watched: Database) -> None:
    with watched.write() as session:
        quiet = partner(session, "Unasked", NOW).id
        criteria.put(session, "silence", Scope.PORTFOLIO, "", {"days": 90}, "ann", "", NOW)
        criteria.put(session, "silence", Scope.PARTNER, str(quiet), {"enabled": False}, "ann", "", NOW)
    found = backtest.run(watched, SETTINGS, NOW, "ann@us.example", weeks=20)
    assert found is not None
    silence = next(outcome for outcome in found.report["outcomes"] if outcome["name"] == "silence")
    assert (silence["events"], silence["partners"]) == (0, 3)


def test_a_backtest_that_was_asked_for_is_done_once_in_the_name_of_whoever_asked(watched: Database) -> None:
    assert backtest.run_requested(watched, SETTINGS, NOW) == 0
    with watched.write() as session:
        learning.request_backtest(session, "ann@us.example", NOW)
    assert backtest.run_requested(watched, SETTINGS, NOW) == 1
    with watched.read() as session:
        assert learning.pending_backtest(session) is None
        stored = learning.latest_backtest(session)
        assert stored is not None
        assert stored.author == "ann@us.example"
    assert backtest.run_requested(watched, SETTINGS, NOW) == 0


def test_a_backtest_that_has_to_stop_waits_for_its_next_turn(watched: Database) -> None:
    with watched.write() as session:
        learning.request_backtest(session, "ann@us.example", NOW)
    seen = []

    def go_on() -> bool:
        with watched.read() as session:
            pending = learning.pending_backtest(session)
        assert pending is not None
        seen.append((pending.walked, pending.started_at))
        return len(seen) < 2

    assert backtest.run_requested(watched, SETTINGS, NOW, go_on) == 0
    assert seen == [(1, NOW), (2, NOW)]
    with watched.read() as session:
        assert learning.latest_backtest(session) is None
        pending = learning.pending_backtest(session)
        assert pending is not None
        assert pending.started_at is None
    assert backtest.run_requested(watched, SETTINGS, NOW) == 1


def test_a_walk_that_breaks_leaves_the_request_waiting(watched: Database) -> None:
    with watched.write() as session:
        learning.request_backtest(session, "ann@us.example", NOW)

    def breaks() -> bool:
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        backtest.run_requested(watched, SETTINGS, NOW, breaks)
    with watched.read() as session:
        pending = learning.pending_backtest(session)
    assert pending is not None
    assert pending.started_at is None


@pytest.mark.parametrize("locale", ["en", "zh-Hant", "zh-Hans", "vi"])
def test_everything_is_said_in_words_in_every_language(locale: str) -> None:
    found = replayed(foreseen())
    say = reader_of(locale).fact
    facts = [*found["summary"], *found["notes"], *(outcome["sentence"] for outcome in found["outcomes"])]
    facts += [method["title"] for outcome in found["outcomes"] for method in outcome["methods"]]
    for fact in facts:
        assert "%(" not in say(fact)
        assert say(fact)
