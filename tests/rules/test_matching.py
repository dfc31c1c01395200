"""Which alerts silences and routes are about, and which rules hold others back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from warden.domain import Severity
from warden.rules.matching import Subject, holds_back, in_hours, matcher_faults, matches
from warden.rules.routing import Route, route_faults, take

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
ACME = Subject(
    rule="late_rate",
    severity=Severity.CRITICAL,
    partner="7",
    tier="key",
    tags=frozenset({"line:chips", "asia"}),
    owner="olga@us.example",
    region="APAC",
    country="TW",
    language="zh-Hant",
)
BARE = Subject(rule="late_rate", severity=Severity.INFO, partner="8")


@pytest.mark.parametrize(
    ("matchers", "fits"),
    [
        ({}, True),
        ({"severity": ["critical"]}, True),
        ({"severity": ["warning", "info"]}, False),
        ({"tier": ["standard", "key"], "region": ["APAC"]}, True),
        ({"tier": ["key"], "region": ["EMEA"]}, False),
        ({"tag": ["asia", "other"]}, True),
        ({"tag": ["asi"]}, False),
        ({"owner": ["olga@us.example"], "language": ["zh-Hant"], "country": ["TW"]}, True),
        ({"rule": ["gone_quiet"]}, False),
        ({"partner": ["7"]}, True),
    ],
)
def test_every_name_has_to_fit_and_any_of_its_values(matchers: dict[str, Any], fits: bool) -> None:
    assert matches(matchers, ACME, NOW) is fits


@pytest.mark.parametrize(
    ("begin", "end", "days", "at", "fits"),
    [
        ("09:00", "18:00", [0, 1, 2, 3, 4], datetime(2026, 3, 2, 1, tzinfo=UTC), True),  # 9:00 in Taipei
        ("09:00", "18:00", [0, 1, 2, 3, 4], datetime(2026, 3, 2, 10, tzinfo=UTC), False),
        ("09:00", "18:00", [1], datetime(2026, 3, 2, 1, tzinfo=UTC), False),
        ("18:00", "08:00", [6], datetime(2026, 3, 1, 23, tzinfo=UTC), True),  # Monday 7:00, in Sunday's night
        ("18:00", "08:00", [0], datetime(2026, 3, 1, 23, tzinfo=UTC), False),
        ("00:00", "00:00", [0], datetime(2026, 3, 1, 16, tzinfo=UTC), True),  # all Monday
        ("00:00", "00:00", [0], datetime(2026, 3, 1, 15, 59, tzinfo=UTC), False),
    ],
)
def test_hours_are_those_of_their_zone(begin: str, end: str, days: list[int], at: datetime, fits: bool) -> None:
    assert in_hours({"time_zone": "Asia/Taipei", "days": days, "from": begin, "until": end}, at) is fits


def test_hours_follow_daylight_saving() -> None:
    hours = {"time_zone": "Europe/Berlin", "days": list(range(7)), "from": "09:00", "until": "10:00"}
    winter, summer = datetime(2026, 3, 28, 8, 30, tzinfo=UTC), datetime(2026, 3, 29, 7, 30, tzinfo=UTC)
    assert (in_hours(hours, winter), in_hours(hours, summer)) == (True, True)
    assert not in_hours(hours, summer + timedelta(hours=1))


@pytest.mark.parametrize(
    ("matchers", "where", "what"),
    [
        ({"tire": ["key"]}, "matchers.tire", "did you mean tier?"),
        ({"severity": ["kritical"]}, "matchers.severity[0]", "did you mean critical?"),
        ({"language": ["en", "zh"]}, "matchers.language[1]", "is unknown"),
        ({"tag": []}, "matchers.tag", "expected a list"),
        ({"tag": ["a", 3]}, "matchers.tag[1]", "expected a text"),
        ({"tag": "a"}, "matchers.tag", "expected a list"),
        ([], "matchers", "expected an object"),
    ],
)
def test_a_matcher_that_means_nothing_is_refused_with_its_position(matchers: Any, where: str, what: str) -> None:
    (fault,) = matcher_faults(matchers)
    assert fault.where == where
    assert what in fault.what


def test_hours_are_for_routes_alone_and_checked() -> None:
    hours = {"time_zone": "Mars", "days": [7], "from": "9", "until": "18:00"}
    assert [fault.where for fault in matcher_faults({"hours": hours})] == ["matchers.hours"]
    assert [fault.where for fault in matcher_faults({"hours": hours}, hours=True)] == [
        "matchers.hours.time_zone",
        "matchers.hours.days",
        "matchers.hours.from",
    ]
    assert matcher_faults({"hours": {"days": [0]}}, hours=True)
    fine = {"time_zone": "Asia/Taipei", "days": [0], "from": "09:00", "until": "18:00"}
    assert matcher_faults({"hours": fine}, hours=True) == []


@pytest.mark.parametrize(
    ("attributes", "other", "held"),
    [
        (["partner"], ACME, True),
        (["partner"], BARE, False),
        (["region", "tier"], Subject(rule="x", severity=Severity.INFO, partner="9", region="APAC", tier="key"), True),
        (["region", "tier"], Subject(rule="x", severity=Severity.INFO, partner="9", region="APAC"), False),
        (["tag:line:"], Subject(rule="x", severity=Severity.INFO, partner="9", tags=frozenset({"line:chips"})), True),
        (["tag:line:"], Subject(rule="x", severity=Severity.INFO, partner="9", tags=frozenset({"asia"})), False),
    ],
)
def test_partners_with_equal_values_hold_each_other_back(attributes: list[str], other: Subject, held: bool) -> None:
    assert holds_back(attributes, ACME, other) is held


def test_what_a_partner_has_none_of_is_equal_to_nothing() -> None:
    assert not holds_back(["region"], BARE, BARE)


A, B, C = (Route(key, {}, [key]) for key in "abc")


@pytest.mark.parametrize(
    ("routes", "taken"),
    [
        ([], []),
        ([A, B], "a"),
        ([Route("a", {"tier": ["standard"]}), B], "b"),
        ([Route("a", {}, goes_on=True), B, C], "ab"),
        ([Route("a", {}, goes_on=True), Route("b", {"tier": ["standard"]}), C], "ac"),
        ([Route("a", {"tier": ["standard"]})], ""),
    ],
)
def test_the_first_route_that_fits_takes_an_alert_and_the_next_where_it_goes_on(
    routes: list[Route], taken: str
) -> None:
    assert [route.key for route in take(routes, ACME, NOW)] == list(taken)


def test_a_route_that_reaches_nobody_leaves_the_alert_to_the_next() -> None:
    assert take([A, B], ACME, NOW, lambda route: route.key != "a") == [B]


def test_a_route_to_nobody_is_refused() -> None:
    assert [fault.where for fault in route_faults({"tire": ["x"]}, [], [])] == ["matchers.tire", "destination_ids"]
    assert [fault.where for fault in route_faults({}, [], ["owner", "boss"])] == ["people[1]"]
    assert route_faults({}, ["d"], []) == []
