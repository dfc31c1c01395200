"""Why a signal is raised: never a figure that is better than usual."""

from typing import Any

import pytest
from assessed import signal

from warden.reasons import AS_USUAL_MESSAGE, REASON_MESSAGE, reasons, why
from warden.wording import Fact, reader_of


def line(text: str, **params: Any) -> dict[str, Any]:
    return {"message": text, "params": params}


def a_signal(name: str, *lines: Fact, share: float = 0.35, **values: Any) -> dict[str, Any]:
    return {**signal(name, "communication"), "evidence": list(lines), "share": share, **values}


GAP = line("gap", days_silent=20.0, usual_gap=60.0)
RHYTHM = line("rhythm", recent_interval=13.1, usual_interval=9.3)


def test_the_rhythm_is_told_while_the_silence_is_below_its_usual_gap() -> None:
    assert why(a_signal("silence", GAP, RHYTHM, measured={"silence_ratio": 0.33})) == RHYTHM


def test_a_silence_that_has_come_far_is_told_though_longer_ones_were_usual() -> None:
    assert why(a_signal("silence", GAP, measured={"silence_ratio": 0.9})) == GAP


@pytest.mark.parametrize(
    ("said", "measured", "is_told"),
    [
        (line("late", late_rate=0.3, usual_late_rate=0.29), {}, True),
        (line("late", late_rate=0.085, usual_late_rate=0.12), {}, False),
        (line("count", late=3.0, due=10.0), {"usual_late_rate": 0.2}, True),
        (line("count", late=1.0, due=10.0), {"usual_late_rate": 0.2}, False),
        (line("count", missed=1.0, due=4.0), {"usual_missed_share": 0.0}, True),
        (line("news", negative=0.0), {}, False),
        (line("news", negative=1.0), {}, True),
        (line("mood", satisfaction=3.0, usual_satisfaction=4.0), {}, True),
        (line("mood", satisfaction=4.5, usual_satisfaction=4.0), {}, False),
        (line("slow", reply_hours=9.0, usual_reply_hours=8.0), {}, True),
    ],
)
def test_only_what_is_worse_than_usual_is_told(said: Fact, measured: dict[str, float], is_told: bool) -> None:
    told = why(a_signal("any", said, measured=measured))
    assert told == (said if is_told else line(AS_USUAL_MESSAGE))


def test_a_scale_on_which_less_is_better_is_read_that_way() -> None:
    said = line("mood", satisfaction=4.5, usual_satisfaction=4.0)
    assert why(a_signal("satisfaction", said, outcome={"best": 1.0, "worst": 5.0})) == said


def test_a_signal_that_compares_nothing_is_told_by_its_headline() -> None:
    assert why(a_signal("mood", line("first", x=1.0), line("second", x=2.0))) == line("first", x=1.0)
    assert why(a_signal("mood")) is None


def test_every_signal_that_carries_a_tenth_is_named_with_its_likelihood() -> None:
    said = [a_signal(name, line(name, x=1.0), share=share) for name, share in (("a", 0.09), ("b", 0.2), ("c", 0.71))]
    told = reasons(said)
    assert [(one["message"], one["params"]["why"]["message"]) for one in told] == [
        (REASON_MESSAGE, "c"),
        (REASON_MESSAGE, "b"),
    ]
    assert told[0]["facts"] == [7, 5]
    before = [{**one, "share": share} for one, share in zip(said, (0.01, 0.2, 0.71), strict=True)]
    assert [one["params"]["why"]["message"] for one in reasons(said, before)] == ["c", "b", "a"]


def test_a_reason_is_one_sentence() -> None:
    (told,) = reasons([a_signal("silence", line("every %(recent_interval)s days", **RHYTHM["params"]))])
    assert reader_of("en").fact(told) == "Going silent 30%: every 13.1 days"
    assert reader_of("zh-Hant").fact(told).startswith("失去聯繫")


def test_a_silence_that_has_come_is_no_likelihood_any_more() -> None:
    gone = line("gone %(days_over)s days", days_silent=87.0, days_over=35.0)
    (told,) = reasons([a_signal("silence", gone, GAP, likelihood=0.99)])
    assert reader_of("en").fact(told) == "gone 35 days"


def test_no_future_is_told_as_nearly_certain() -> None:
    (told,) = reasons([a_signal("late_share", line("late"), likelihood=0.99)])
    assert reader_of("en").fact(told) == "Late deliveries over 95%: late"
