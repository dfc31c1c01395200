"""Which cause the evidence points to."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warden.domain import DiagnosedCause
from warden.i18n import translations
from warden.rules.diagnosis import CAUSE_NAMES, EVENTS, Circumstances, Event, diagnose
from warden.wording import say

AT = datetime(2026, 3, 2, tzinfo=UTC)

QUIET = {"silence_ratio": 1.4, "days_silent": 21.0, "usual_gap": 15.0}
SLOW = {"reply_hours": 60.0, "usual_reply_hours": 20.0}
LATE = {"late_rate": 0.4, "due_recent": 20.0}


def cause_of(found: Circumstances) -> str | None:
    said = diagnose(found)
    return said.get("cause")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (QUIET, "communication"),
        (SLOW, "communication"),
        (LATE, "performance"),
        (LATE | {"missed_share": 0.5}, "performance"),
        ({"perception_gap": 0.3}, "expectations"),
        ({"satisfaction_falls": 3, "late_rate": 0.02}, "expectations"),
        ({"satisfaction_falls": 3, "late_rate": 0.2}, "performance"),
        ({"satisfaction_falls": 3, "late_rate": None}, "performance"),
        ({"compliance_incidents": 1.0}, "trust"),
        ({"their_threads_share": 0.05, "days_to_contract_end": 30.0}, "interests"),
    ],
)
def test_figures_point_to_a_cause(values: dict[str, Any], expected: str) -> None:
    assert cause_of(Circumstances(values=values)) == expected


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"silence_ratio": None, "late_rate": None, "perception_gap": None},
        {"silence_ratio": 0.5, "late_rate": 0.05, "reply_hours": 20.0, "usual_reply_hours": 19.0},
        {"their_threads_share": 0.25},
        {"reply_hours": 30.0, "usual_reply_hours": 0.0},
        {"late_rate": 0.4, "due_recent": 3.0},
        {"late_rate": 0.4, "due_recent": None},
        {"late_rate": 0.3, "due_recent": 20.0, "usual_late_rate": 0.29},
    ],
)
def test_too_little_evidence_is_no_diagnosis(values: dict[str, Any]) -> None:
    assert diagnose(Circumstances(values=values)) == {}


@pytest.mark.parametrize(("kind", "expected"), sorted(EVENTS.items()))
def test_a_grave_event_in_the_news_is_enough(kind: str, expected: DiagnosedCause) -> None:
    said = diagnose(Circumstances(values={}, events=[Event(kind, "Strike", 60.0)]))
    assert said["cause"] == expected
    assert said["why"] == [
        {"message": "in the news: %(event)s", "params": {"event": {"message": "Strike", "params": {}}}}
    ]


def test_of_one_kind_of_event_the_gravest_counts_once() -> None:
    once = diagnose(Circumstances(values=QUIET, events=[Event("strike", "Strike", 60.0)]))
    twice = diagnose(
        Circumstances(values=QUIET, events=[Event("strike", "Strike", 60.0), Event("strike", "Strike", 20.0)])
    )
    assert once == twice


def test_broken_promises_point_to_trust() -> None:
    assert cause_of(Circumstances(values={}, promises_overdue=2)) == "trust"


def test_a_region_in_trouble_points_outside() -> None:
    said = diagnose(
        Circumstances(values={"silence_ratio": 0.75, "days_silent": 8.0, "usual_gap": 10.0}, neighbours=0.7)
    )
    assert said["cause"] == "external"
    assert [other["cause"] for other in said["others"]] == ["communication"]


def test_friction_abroad_with_good_deliveries_hints_at_culture() -> None:
    good = Circumstances(values=SLOW | {"late_rate": 0.01}, abroad=True)
    assert "culture" in [other["cause"] for other in diagnose(good)["others"]]
    for unsure in (
        Circumstances(values=SLOW | {"late_rate": 0.01}, abroad=None),
        Circumstances(values=SLOW | {"late_rate": None}, abroad=True),
        Circumstances(values=SLOW | {"late_rate": 0.3}, abroad=True),
    ):
        assert "culture" not in [other["cause"] for other in diagnose(unsure)["others"]]


@pytest.mark.parametrize("locale", ["en", "zh-Hant", "zh-Hans", "vi"])
def test_every_reason_is_said_in_every_language(locale: str) -> None:
    everything = Circumstances(
        values=QUIET
        | SLOW
        | LATE
        | {"missed_share": 0.4, "perception_gap": 0.5, "satisfaction_falls": 3, "compliance_incidents": 1.0}
        | {"their_threads_share": 0.1, "days_to_contract_end": 20.0, "executive_overdue_days": 12.0},
        events=[Event("strike", "Strike", 60.0)],
        promises_overdue=1,
        neighbours=0.5,
    )
    tr = translations(locale).gettext
    said = diagnose(everything)
    named = [said["cause"], *(other["cause"] for other in said["others"])]
    assert set(named) == set(DiagnosedCause) - {DiagnosedCause.CULTURE}
    texts = [say(tr, why, locale) for why in said["why"]]
    assert all("%(" not in text for text in texts)
    names = [tr(name) for name in CAUSE_NAMES.values()]
    assert len(set(names)) == len(DiagnosedCause)
    if locale != "en":
        assert not set(names) & set(CAUSE_NAMES.values())


@given(
    st.dictionaries(
        st.sampled_from(["silence_ratio", "late_rate", "missed_share", "perception_gap", "satisfaction_falls"]),
        st.none() | st.floats(-10, 10),
    ),
    st.integers(0, 9),
    st.none() | st.floats(0, 1),
)
def test_shares_are_of_one_whole(values: dict[str, Any], promises: int, neighbours: float | None) -> None:
    said = diagnose(Circumstances(values=values, promises_overdue=promises, neighbours=neighbours))
    if said:
        shares = [said["share"], *(other["share"] for other in said["others"])]
        assert sum(shares) == pytest.approx(1.0)
        assert shares == sorted(shares, reverse=True)
        assert said["why"]
