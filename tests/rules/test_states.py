"""The state machine: every transition by table, and what must hold whatever happens, restarts included."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warden.domain import NoData, RuleState
from warden.rules import (
    Outcome,
    Status,
    Transition,
    Verdict,
    becomes_unstable,
    compile_rule,
    decision_key,
    due,
    is_steady,
    retire,
    step,
)

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OK, PENDING, FIRING = RuleState.OK, RuleState.PENDING, RuleState.FIRING
RECOVERING, UNKNOWN, ERROR = RuleState.RECOVERING, RuleState.UNKNOWN, RuleState.ERROR
KEEP, RESOLVE, ALERT = NoData.KEEP, NoData.RESOLVE, NoData.ALERT

VERDICTS = {
    "+": Verdict(Outcome.MET),
    "-": Verdict(Outcome.UNMET),
    "?": Verdict(Outcome.UNKNOWN, {"message": "not known", "params": {}}),
    ".": Verdict(Outcome.OVER, {"message": "dormant", "params": {}}),
    "#": Verdict(Outcome.HELD_BACK, {"message": "held back", "params": {}}),
    "!": Verdict(Outcome.ERROR, {"message": "failed", "params": {}}),
}


def a_rule(hold: int = 0, linger: int = 0, no_data: NoData = KEEP, grace: int = 0) -> Any:
    """A rule with `for`, `keep_firing_for` and the grace of its no-data policy in hours."""
    return compile_rule(
        key="k",
        condition="true",
        for_seconds=hold * 3600,
        keep_firing_for_seconds=linger * 3600,
        no_data=no_data,
        no_data_for_seconds=grace * 3600,
    )


def walk(
    verdicts: str, hold: int = 0, linger: int = 0, no_data: NoData = KEEP, grace: int = 0
) -> list[Transition | None]:
    """One verdict an hour; what each caused."""
    status, seen = None, []
    for hour, sign in enumerate(verdicts):
        transition = step(status, VERDICTS[sign], T0 + hour * HOUR, a_rule(hold, linger, no_data, grace))
        status = transition.status if transition else status
        seen.append(transition)
    return seen


def states(seen: list[Transition | None]) -> list[RuleState]:
    state, path = OK, []
    for transition in seen:
        state = transition.status.state if transition else state
        path.append(state)
    return path


@pytest.mark.parametrize(
    ("verdicts", "hold", "linger", "path"),
    [
        ("-", 0, 0, [OK]),
        ("+", 0, 0, [FIRING]),
        ("+-", 0, 0, [FIRING, OK]),
        ("++", 1, 0, [PENDING, FIRING]),
        ("+++", 2, 0, [PENDING, PENDING, FIRING]),
        ("+-+", 1, 0, [PENDING, OK, PENDING]),
        ("+--", 0, 1, [FIRING, RECOVERING, OK]),
        ("+-+-", 0, 2, [FIRING, RECOVERING, FIRING, RECOVERING]),
        ("+---", 0, 2, [FIRING, RECOVERING, RECOVERING, OK]),
        ("?", 0, 0, [UNKNOWN]),
        ("?-", 0, 0, [UNKNOWN, OK]),
        ("?+", 0, 0, [UNKNOWN, FIRING]),
        ("?+", 1, 0, [UNKNOWN, PENDING]),
        ("+?+", 0, 0, [FIRING, UNKNOWN, FIRING]),
        ("+?-", 0, 0, [FIRING, UNKNOWN, OK]),
        ("+?-", 0, 1, [FIRING, UNKNOWN, RECOVERING]),
        ("+?+", 2, 0, [PENDING, UNKNOWN, FIRING]),  # `for` went on through the unknown
        ("+?+", 3, 0, [PENDING, UNKNOWN, PENDING]),
        ("+?-", 2, 0, [PENDING, UNKNOWN, OK]),
        ("+-?-", 0, 2, [FIRING, RECOVERING, UNKNOWN, OK]),  # and so did `keep_firing_for`
        ("+-?-", 0, 3, [FIRING, RECOVERING, UNKNOWN, RECOVERING]),
        ("+-?+", 0, 2, [FIRING, RECOVERING, UNKNOWN, FIRING]),
        ("+??", 0, 0, [FIRING, UNKNOWN, UNKNOWN]),
        (".", 0, 0, [OK]),
        ("+.", 0, 0, [FIRING, OK]),
        ("+.", 0, 9, [FIRING, OK]),  # what is over is not waited for
        ("+.", 9, 0, [PENDING, OK]),
        ("+?.", 0, 9, [FIRING, UNKNOWN, OK]),
        ("+-.+", 0, 9, [FIRING, RECOVERING, OK, FIRING]),
        ("?.?", 0, 0, [UNKNOWN, OK, UNKNOWN]),
        ("#", 0, 0, [UNKNOWN]),
        ("+#-", 0, 0, [FIRING, UNKNOWN, OK]),
        ("+#?-", 0, 0, [FIRING, UNKNOWN, UNKNOWN, OK]),
        ("!", 0, 0, [ERROR]),
        ("+!+", 0, 0, [FIRING, ERROR, FIRING]),
        ("+!-", 0, 1, [FIRING, ERROR, RECOVERING]),
        ("+!?+", 3, 0, [PENDING, ERROR, UNKNOWN, FIRING]),  # `for` goes on through an error, too
        ("+-!?-", 0, 3, [FIRING, RECOVERING, ERROR, UNKNOWN, OK]),
        ("+!.", 0, 9, [FIRING, ERROR, OK]),
    ],
)
def test_the_path_of_states(verdicts: str, hold: int, linger: int, path: list[RuleState]) -> None:
    assert states(walk(verdicts, hold, linger)) == path


def test_one_episode_opens_one_alert_and_resolves_it_once() -> None:
    seen = walk("++-+?+-?---", hold=1, linger=2)
    assert [t.opens for t in seen if t].count(True) == 1
    assert [t.resolves for t in seen if t].count(True) == 1
    assert states(seen)[-1] is OK


def test_an_unknown_while_firing_keeps_the_alert_open() -> None:
    _, unknown, back = walk("+?+")
    assert unknown is not None
    assert not unknown.resolves
    assert unknown.status.before_unknown is FIRING
    assert back is not None
    assert not back.opens


def test_what_is_over_resolves_with_its_reason() -> None:
    for verdicts in ("+.", "+?.", "+-."):
        last = walk(verdicts, linger=9)[-1]
        assert last is not None
        assert last.resolves
        assert last.reason == {"message": "dormant", "params": {}}
    pending = walk("+.", hold=9)[-1]
    assert pending is not None
    assert not pending.resolves


@pytest.mark.parametrize(
    ("verdicts", "no_data", "grace", "effects"),
    [  # o: an alert opens; r: it resolves
        ("+?????", KEEP, 0, "o....."),
        ("+?????", RESOLVE, 3, "o...r."),
        ("+?????", RESOLVE, 0, "o.r..."),
        ("+??+", RESOLVE, 1, "o.ro"),  # another episode
        ("+??-+", RESOLVE, 1, "o.r.o"),
        ("-????", RESOLVE, 1, "....."),
        ("-????", ALERT, 2, "...o."),
        ("?????", ALERT, 2, "..o.."),
        ("-???+", ALERT, 2, "...o."),  # still the same alert when it turns out that the condition holds
        ("-???-", ALERT, 2, "...or"),
        ("+????", ALERT, 2, "o...."),  # open already
        ("-??-??", ALERT, 2, "......"),  # the grace begins anew with each spell
        ("+###??", RESOLVE, 2, "o...r."),  # the state began with being held back
        ("+####", RESOLVE, 2, "o...."),  # held back is not unknown
        ("-####", ALERT, 2, "....."),
        ("+!!!!", RESOLVE, 2, "o...."),  # nor is an error
        ("-!!!!", ALERT, 2, "....."),
    ],
)
def test_a_policy_for_no_data_takes_effect_once_after_its_grace(
    verdicts: str, no_data: NoData, grace: int, effects: str
) -> None:
    seen = walk(verdicts, no_data=no_data, grace=grace)
    assert "".join("o" if t and t.opens else "r" if t and t.resolves else "." for t in seen) == effects


def test_what_opens_or_ends_for_want_of_data_stays_unknown_and_says_so() -> None:
    for no_data, known, words in ((ALERT, FIRING, "asks to be told so"), (RESOLVE, OK, "without an answer")):
        last = walk("-??" if no_data is ALERT else "+??", no_data=no_data, grace=1)[-1]
        assert last is not None
        assert (last.before, last.status.state, last.status.known) == (UNKNOWN, UNKNOWN, known)
        assert words in last.reason["message"]
        assert last.reason["params"] == {"hours": 1.0, "why": VERDICTS["?"].reason}


def test_a_pending_rule_ends_for_want_of_data_without_an_alert() -> None:
    last = walk("+??", hold=9, no_data=RESOLVE, grace=1)[-1]
    assert last is not None
    assert not last.resolves
    assert last.status.known is OK


def test_three_openings_in_fourteen_days_are_unstable() -> None:
    day = 24 * HOUR
    assert not becomes_unstable([T0, T0 + day], T0 + day)
    assert becomes_unstable([T0, T0 + day, T0 + 13 * day], T0 + 13 * day)
    assert not becomes_unstable([T0, T0 + day, T0 + 14 * day], T0 + 14 * day), "the first is two weeks old"
    assert not becomes_unstable([T0 + day, T0 + 2 * day, T0 + 3 * day], T0 + 2 * day), "the last is yet to come"


def test_seven_days_without_a_change_are_steady() -> None:
    changes = [T0, T0 + HOUR]
    assert not is_steady(changes, T0 + 7 * 24 * HOUR)
    assert is_steady(changes, T0 + 7 * 24 * HOUR + HOUR)


def test_the_reason_says_for_how_long_the_condition_held() -> None:
    last = walk("++++", hold=3)[-1]
    assert last is not None
    assert last.reason == {
        "message": "The condition of the rule has held for %(hours)s hours.",
        "params": {"hours": 3.0},
    }


def test_a_verdict_from_before_the_present_state_changes_nothing() -> None:
    status = Status(FIRING, T0, episode_at=T0)
    assert step(status, VERDICTS["-"], T0 - HOUR, a_rule()) is None


def test_a_retired_rule_ends_in_ok_and_resolves_what_was_open() -> None:
    firing = retire(Status(UNKNOWN, T0, before_unknown=RECOVERING, episode_at=T0), T0 + HOUR)
    assert firing is not None
    assert firing.resolves
    assert firing.status == Status(OK, T0 + HOUR)
    pending = retire(Status(PENDING, T0, episode_at=T0), T0 + HOUR)
    assert pending is not None
    assert not pending.resolves
    assert retire(Status(OK, T0), T0 + HOUR) is None


def test_a_transition_has_one_name_and_every_other_transition_another() -> None:
    keys, status = [], None
    for hour, sign in enumerate("++-+?+-?---+."):
        transition = step(status, VERDICTS[sign], T0 + hour * HOUR, a_rule(1, 2))
        if transition:
            keys.append(decision_key("k", "p", transition, status))
            assert keys[-1] == decision_key("k", "p", transition, status)
            status = transition.status
    assert len(set(keys)) == len(keys)
    assert keys[0] == "k/p/2026-01-05T12:00:00+00:00/pending@2026-01-05T12:00:00+00:00"


verdicts = st.text(alphabet="+-?.#!", max_size=40)
hours = st.integers(min_value=0, max_value=5)
policies = st.sampled_from(NoData)


@given(verdicts, hours, hours, policies, hours)
def test_there_is_one_open_alert_at_most(signs: str, hold: int, linger: int, no_data: NoData, grace: int) -> None:
    is_open = False
    for transition in walk(signs, hold, linger, no_data, grace):
        if transition is not None:
            assert not (transition.opens and transition.resolves)
            assert transition.opens <= (not is_open)
            assert transition.resolves <= is_open
            is_open = (is_open or transition.opens) and not transition.resolves
            known = transition.status.known
            assert is_open == (known in (FIRING, RECOVERING))


@given(verdicts, hours, hours, policies, hours)
def test_nothing_opens_or_resolves_unknown_unless_the_policy_says_so(
    signs: str, hold: int, linger: int, no_data: NoData, grace: int
) -> None:
    for sign, transition in zip(signs, walk(signs, hold, linger, no_data, grace), strict=True):
        if transition is not None and sign in "?#!":
            assert transition.opens <= (sign == "?" and no_data is ALERT)
            assert transition.resolves <= (sign == "?" and no_data is RESOLVE)


@given(verdicts, hours, hours, policies, hours)
def test_every_transition_changes_the_state_or_the_alert_and_has_a_reason(
    signs: str, hold: int, linger: int, no_data: NoData, grace: int
) -> None:
    for transition in walk(signs, hold, linger, no_data, grace):
        if transition is not None:
            interrupts = transition.status.state is UNKNOWN
            assert transition.before is not transition.status.state or interrupts
            assert transition.reason["message"]


@given(verdicts, hours, hours, policies, hours)
def test_asking_twice_changes_nothing(signs: str, hold: int, linger: int, no_data: NoData, grace: int) -> None:
    status, rule = None, a_rule(hold, linger, no_data, grace)
    for hour, sign in enumerate(signs):
        now = T0 + hour * HOUR
        transition = step(status, VERDICTS[sign], now, rule)
        status = transition.status if transition else status
        assert step(status, VERDICTS[sign], now, rule) is None


@given(verdicts, hours, hours, policies, hours)
def test_a_restart_changes_nothing(signs: str, hold: int, linger: int, no_data: NoData, grace: int) -> None:
    """Only the status survives a restart; writing it down and reading it back must lose nothing."""
    status, path, rule = None, [], a_rule(hold, linger, no_data, grace)
    for hour, sign in enumerate(signs):
        transition = step(status, VERDICTS[sign], T0 + hour * HOUR, rule)
        if transition is not None:
            status = Status(**asdict(transition.status))
        path.append(status.state if status else OK)
    assert path == states(walk(signs, hold, linger, no_data, grace))


@given(verdicts, hours, hours, policies, hours)
def test_every_transition_of_a_walk_has_its_own_name(
    signs: str, hold: int, linger: int, no_data: NoData, grace: int
) -> None:
    status, keys = None, []
    for hour, sign in enumerate(signs):
        transition = step(status, VERDICTS[sign], T0 + hour * HOUR, a_rule(hold, linger, no_data, grace))
        if transition is not None:
            keys.append(decision_key("k", "p", transition, status))
            status = transition.status
    assert len(set(keys)) == len(keys)


@given(verdicts, hours, hours, policies, hours)
def test_the_same_verdict_changes_a_status_at_the_moment_it_is_due_and_not_before(
    signs: str, hold: int, linger: int, no_data: NoData, grace: int
) -> None:
    status, rule = None, a_rule(hold, linger, no_data, grace)
    for hour, sign in enumerate(signs):
        transition = step(status, VERDICTS[sign], T0 + hour * HOUR, rule)
        status = transition.status if transition else status
        if status is None:
            continue
        moment = due(status, rule)
        later = T0 + 99 * HOUR if moment is None else max(moment, T0 + hour * HOUR) - timedelta(microseconds=1)
        assert step(status, VERDICTS[sign], later, rule) is None
        if moment is not None and sign != "#" and moment > T0 + hour * HOUR:
            assert step(status, VERDICTS[sign], moment, rule) is not None


@given(st.text(alphabet="?#!", max_size=40), hours)
def test_unknowns_and_errors_never_delay_firing(signs: str, hold: int) -> None:
    """Replacing verdicts by unknowns may hide a state for a while; it never restarts the clock of `for`."""
    path = states(walk("+" + signs + "+", hold))
    assert path[-1] is (FIRING if len(signs) + 1 >= hold else PENDING)
