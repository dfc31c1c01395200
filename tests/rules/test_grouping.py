"""Why somebody is told of a partner's alerts, or not."""

from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warden.domain import NoticeReason, Severity
from warden.rules.grouping import Group, Known, is_worse, reason_of

INFO, WARNING, CRITICAL = Known(Severity.INFO, 1), Known(Severity.WARNING, 1), Known(Severity.CRITICAL, 1)
EXTREME = Known(Severity.WARNING, 3)
UNRATED = Known(Severity.WARNING, None)


@pytest.mark.parametrize(
    ("group", "reason"),
    [
        (Group(firing={"a": WARNING}, fresh=["a"]), NoticeReason.FIRST),
        (Group(told={"a": WARNING}, firing={"a": WARNING, "b": INFO}, fresh=["b"]), NoticeReason.NEW_IN_GROUP),
        (Group(told={"a": WARNING}, firing={"a": WARNING, "b": CRITICAL}, fresh=["b"]), NoticeReason.WORSE),
        (Group(told={"a": WARNING}, firing={"a": EXTREME}, fresh=["a"]), NoticeReason.WORSE),
        (Group(told={"a": UNRATED}, firing={"a": EXTREME, "b": INFO}, fresh=["b"]), NoticeReason.NEW_IN_GROUP),
        (
            Group(told={"a": INFO, "b": CRITICAL}, firing={"a": WARNING, "b": CRITICAL}, fresh=["a"]),
            NoticeReason.WORSE,
        ),
        (Group(told={"a": CRITICAL, "b": CRITICAL}, firing={"a": WARNING, "b": CRITICAL}, fresh=["a"]), None),
        (Group(told={"a": WARNING}, ended=["a"], over=["a"]), NoticeReason.RESOLVED),
        (Group(told={"a": WARNING, "b": INFO}, firing={"b": INFO}, ended=["a"], over=["a"]), None),
        (Group(told={"a": WARNING, "b": INFO}, ended=["b"], over=["a", "b"]), NoticeReason.RESOLVED),
        (Group(told={"a": WARNING}, over=["a"]), None),
        (Group(ended=["a"], over=["a"]), None),
        (
            Group(told={"a": WARNING}, firing={"c": WARNING}, fresh=["c"], ended=["a"], over=["a"]),
            NoticeReason.NEW_IN_GROUP,
        ),
        (Group(fresh=["a"]), None),
        (Group(firing={"a": WARNING}, fresh=["a"], unstable=["a"]), NoticeReason.UNSTABLE),
        (Group(told={"b": INFO}, firing={"a": WARNING}, fresh=["a"], unstable=["a"]), NoticeReason.WORSE),
        (Group(told={"a": WARNING}, steady=["a"], over=["a"]), NoticeReason.STEADY),
        (Group(unstable=["a"], steady=["a"]), None),
    ],
)
def test_the_reason_of_a_notice(group: Group, reason: NoticeReason | None) -> None:
    assert reason_of(group) is reason


KNOWN = st.builds(Known, st.sampled_from(Severity), st.none() | st.integers(0, 3))
ALERTS = st.dictionaries(st.sampled_from("abcde"), KNOWN)


@given(ALERTS, ALERTS, st.sets(st.sampled_from("abcde")), st.sets(st.sampled_from("abcde")))
def test_nobody_is_told_what_does_not_concern_them(
    told: dict[str, Known], firing: dict[str, Known], fresh: Collection[str], ended: Collection[str]
) -> None:
    over = {"a", "b", "c", "d", "e"} - set(firing)
    reason = reason_of(Group(told=told, firing=firing, fresh=fresh, ended=ended, over=over))
    if reason is NoticeReason.RESOLVED:
        assert told
        assert not set(told) & set(firing)
    elif reason is not None:
        assert set(fresh) & set(firing)
    if told == firing and not is_worse(told.values(), firing.values()):
        assert reason is None
    if not told and set(fresh) & set(firing):
        assert reason is NoticeReason.FIRST


@given(ALERTS)
def test_nothing_is_worse_than_itself(alerts: dict[str, Known]) -> None:
    assert not is_worse(alerts.values(), alerts.values())
