"""The state machine: every transition by table, and what must hold whatever happens, restarts included."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warden.domain import RuleState
from warden.rules import Outcome, Status, Transition, Verdict, compile_rule, decision_key, retire, step

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OK, PENDING, FIRING = RuleState.OK, RuleState.PENDING, RuleState.FIRING
RECOVERING, UNKNOWN = RuleState.RECOVERING, RuleState.UNKNOWN

VERDICTS = {
    "+": Verdict(Outcome.MET),
    "-": Verdict(Outcome.UNMET),
    "?": Verdict(Outcome.UNKNOWN, {"message": "not known", "params": {}}),
    ".": Verdict(Outcome.OVER, {"message": "dormant", "params": {}}),
}


def a_rule(hold: int = 0, linger: int = 0) -> Any:
    """A rule with `for` and `keep_firing_for` in hours."""
    return compile_rule(key="k", condition="true", for_seconds=hold * 3600, keep_firing_for_seconds=linger * 3600)


def walk(verdicts: str, hold: int = 0, linger: int = 0) -> list[Transition | None]:
    """One verdict an hour; what each caused."""
    status, seen = None, []
    for hour, sign in enumerate(verdicts):
        transition = step(status, VERDICTS[sign], T0 + hour * HOUR, a_rule(hold, linger))
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


verdicts = st.text(alphabet="+-?.", max_size=40)
hours = st.integers(min_value=0, max_value=5)


@given(verdicts, hours, hours)
def test_alerts_open_and_resolve_in_turn(signs: str, hold: int, linger: int) -> None:
    is_open = False
    for transition in walk(signs, hold, linger):
        if transition is not None:
            assert not (transition.opens and transition.resolves)
            assert transition.opens <= (not is_open)
            assert transition.resolves <= is_open
            is_open = (is_open or transition.opens) and not transition.resolves
            known = transition.status.known
            assert is_open == (known in (FIRING, RECOVERING))


@given(verdicts, hours, hours)
def test_asking_twice_changes_nothing(signs: str, hold: int, linger: int) -> None:
    status = None
    for hour, sign in enumerate(signs):
        now = T0 + hour * HOUR
        transition = step(status, VERDICTS[sign], now, a_rule(hold, linger))
        status = transition.status if transition else status
        assert step(status, VERDICTS[sign], now, a_rule(hold, linger)) is None


@given(verdicts, hours, hours)
def test_a_restart_changes_nothing(signs: str, hold: int, linger: int) -> None:
    """Only the status survives a restart; writing it down and reading it back must lose nothing."""
    status, path = None, []
    for hour, sign in enumerate(signs):
        transition = step(status, VERDICTS[sign], T0 + hour * HOUR, a_rule(hold, linger))
        if transition is not None:
            status = Status(**asdict(transition.status))
        path.append(status.state if status else OK)
    assert path == states(walk(signs, hold, linger))


@given(verdicts, hours, hours)
def test_unknowns_never_delay_firing(signs: str, hold: int, linger: int) -> None:
    """Replacing verdicts by unknowns may hide a state for a while; it never restarts the clock of `for`."""
    path = states(walk("+" + "?" * len(signs) + "+", hold))
    assert path[-1] is (FIRING if len(signs) + 1 >= hold else PENDING)
