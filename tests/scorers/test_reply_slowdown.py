"""Slower replies: the bar and its crossing, working hours, and what a slower reply does."""

from dataclasses import replace

import numpy as np
import pytest
from contracts import ScorerContract, joined, make_events, make_panel, shuffled
from hypothesis import given
from hypothesis import strategies as st

from scorers.base import Events, Exposure, Panel, Scorer, Scores, Terms, spread
from scorers.reply_slowdown import ReplySlowdown, median_variance, working_hours

SCORER = ReplySlowdown()


def terms(partners: int, **options: float) -> Terms:
    return spread([ReplySlowdown.Options.model_validate(options)], np.zeros(partners, dtype=np.intp))


def score(panel: Panel, **options: float) -> Scores:
    return SCORER.score(panel, terms(panel.partners, **options))


def every(days: float, hours: float, *, since: float = 0.5, until: float = 364.0, partner: int = 0) -> Events:
    """Return one reply every so many days, from the youngest age to the oldest."""
    return make_events(*((partner, age, hours) for age in np.arange(since, until, days)))


def panel_of(*replies: Events, partners: int = 1, days: int = 365) -> Panel:
    return make_panel(partners, days, replies=joined(make_events(), *replies))


class TestContract(ScorerContract):
    scorer: Scorer = SCORER

    def steady(self) -> Panel:
        rng = np.random.default_rng(7)
        rows = [(p, age, rng.lognormal(np.log(10.0), 0.7)) for p in range(8) for age in np.arange(1.3 + p / 9, 360, 4)]
        return make_panel(8, 365, replies=make_events(*rows))

    def broken(self) -> Panel:
        panel = self.steady()
        replies = panel.replies
        slow = (replies.partner == 0) & (replies.age_days < 28)
        return replace(panel, replies=replace(replies, value=np.where(slow, replies.value * 8, replies.value)))

    def thin(self) -> Panel:
        return panel_of(every(60, 10.0, since=30.0), every(20, 10.0, since=300, until=360, partner=1), partners=2)

    def began(self) -> tuple[Panel, int]:
        return self.broken(), 365 - 29


def test_a_tail_is_exact_where_everything_is_known() -> None:
    """Many replies of many partners alike: nothing is left to shrink, and the median to come is all that varies."""
    panel = panel_of(*[every(2, 10.0, partner=partner) for partner in range(50)], partners=50)
    scores = score(panel)
    assert scores.measured["usual_reply_hours"] == pytest.approx(np.full(50, 10.0))
    assert scores.measured["reply_hours"] == pytest.approx(np.full(50, 10.0), rel=0.01)
    assert (scores.value < 0.05).all()


@pytest.mark.parametrize("figures", [1, 3, 5, 9])
def test_the_variance_of_a_median_is_that_of_a_simulation(figures: int) -> None:
    drawn = np.random.default_rng(figures).normal(size=(200_000, figures))
    assert median_variance(np.array([figures]))[0] == pytest.approx(np.median(drawn, axis=1).var(), rel=0.03)


def test_slower_replies_do_not_raise_the_bar_for_four_weeks() -> None:
    slow = panel_of(every(3, 10.0, since=28.5), every(3, 60.0, until=27.0))
    assert score(slow).measured["usual_reply_hours"][0] == pytest.approx(10.0)
    assert score(slow).value[0] > 0.6
    usual = panel_of(every(3, 60.0))
    assert score(usual).value[0] < 0.1


def test_seconds_are_no_slowdown() -> None:
    assert score(panel_of(every(3, 0.05, since=28.5), every(3, 0.5, until=27.0))).value[0] < 0.1


def test_a_weekend_and_a_holiday_stop_the_clock() -> None:
    pattern = np.tile(np.array([1.4, 1.4, 1.4, 1.4, 1.4, 0.0, 0.0], dtype=np.float32), 53)[None, :371]
    pattern[0, 364:] = [0.0, 1.4, 0.5, 1.4, 1.4, 0.0, 0.0]  # a holiday on Monday, half of one on Wednesday
    calendar = Exposure(pattern, np.zeros(1, dtype=np.intp))
    now = 364 + 2.75
    replies = make_events(
        (0, now - (357 + 4.5), 6.0),  # within a Friday
        (0, now - (364 + 1.25), (3 + 0.75) * 24),  # Friday 12:00 to Tuesday 6:00
        (0, now - (364 + 2.5), 24.0),  # Tuesday noon to Wednesday noon
        (0, now - (364 + 0.5), 10.0),  # on the holiday
        (0, now - 1.0, 48.0),  # from before the panel begins, a Sunday; then a Monday
    )
    panel = replace(make_panel(1, 371, replies=replies, exposure=calendar), now=np.array([now]))
    assert working_hours(panel, panel.replies) == pytest.approx([6.0, 12.0 + 6.0, 12.0 + 6.0, 0.0, 24.0 + 24.0])


def test_holidays_are_no_slowdown() -> None:
    """Everybody is away for two weeks: replies take that much longer by the clock, and no longer by the calendar."""
    after = make_events(*((0, age, 320.0) for age in np.arange(0.1, 1.3, 0.1)))
    closed = np.ones((1, 365), dtype=np.float32)
    closed[0, 365 - 14 :] = 0.0
    open_all_year = panel_of(every(4, 20.0, since=16.5), after)
    with_holidays = replace(open_all_year, exposure=Exposure(closed, np.zeros(1, dtype=np.intp)))
    assert score(open_all_year).value[0] > 0.4
    assert score(with_holidays).value[0] < 0.1


def test_the_bar_is_configuration() -> None:
    panel = panel_of(every(3, 10.0, since=28.5), every(3, 25.0, until=27.0))
    assert score(panel, times_own=4).value[0] < score(panel).value[0] < score(panel, times_own=1.5).value[0]
    assert score(panel, at_least_hours=100).value[0] < score(panel).value[0]


def test_too_few_replies_say_how_many_there_were() -> None:
    scores = score(panel_of(every(60, 10.0, since=30.0)))
    message = scores.unknown[scores.unknown_reason[0]]
    assert message == "replies in the %(days)s days before the last %(recent)s: %(replies)s, needed: %(needed)s"
    assert {name: values[0] for name, values in scores.unknown_params.items()} == {
        "days": 182.0,
        "recent": 28.0,
        "replies": 3.0,
        "needed": 5.0,
        "blind_days": 0.0,
    }


def test_only_old_replies_are_stale() -> None:
    assert not score(panel_of(every(3, 10.0, since=50.0))).stale[0]
    assert score(panel_of(every(3, 10.0, since=60.0))).stale[0]


def test_the_sentences_name_the_facts() -> None:
    scores = score(panel_of(every(3, 11.0, since=28.5), make_events((0, 3.5, 40.0), (0, 9.5, 60.0))))
    said = {line.message: {name: values[0] for name, values in line.params.items()} for line in scores.evidence}
    headline = said["they now take about %(reply_hours)s hours to reply; usual is %(usual_reply_hours)s"]
    assert headline["usual_reply_hours"] == pytest.approx(11.0)
    assert 11.0 < headline["reply_hours"] < 50.0
    assert said["replies in the last %(days)s days: %(replies)s; the median took %(hours)s hours"] == pytest.approx(
        {"days": 28.0, "replies": 2.0, "hours": 50.0}
    )


def counts(*ages: int) -> np.ndarray:
    row = np.zeros((1, 365))
    row[0, [364 - age for age in ages]] = 1
    return row


def test_who_begins_conversations_is_told_beside_it() -> None:
    daily = {"threads_in": counts(5, *range(100, 160, 4)), "threads_out": counts(3, 10, 20, 40, 60, 150, 170, 180)}
    panel = replace(make_panel(1, 365, daily=daily), replies=every(3, 10.0))
    scores = score(panel)
    assert scores.measured["their_threads_share"][0] == pytest.approx(1 / 6)
    line = scores.evidence[2]
    assert {name: values[0] for name, values in line.params.items()} == pytest.approx(
        {"theirs_share": 1 / 6, "threads": 6.0, "usual_share": 15 / 18}
    )


def test_few_conversations_have_no_share() -> None:
    panel = make_panel(1, 365, daily={"threads_in": counts(5, 7), "threads_out": counts(3, 10, 20, 150, 170)})
    assert np.isnan(score(panel).measured["their_threads_share"][0])


def test_meetings_are_told_and_a_partner_never_met_has_none() -> None:
    daily = {"met": np.concatenate([counts(12, 40, 200), counts()])}
    measured = score(make_panel(2, 365, daily=daily)).measured
    assert measured["days_since_meeting"][0] == 12.0
    assert measured["meetings_held"][0] == 2.0
    assert np.isnan(measured["days_since_meeting"][1])
    assert np.isnan(measured["meetings_held"][1])


def test_too_few_replies_to_come_are_not_judged() -> None:
    fast, slow = every(3, 10.0, since=29.5), make_events((0, 20.0, 90.0), (0, 10.0, 90.0), (0, 3.0, 90.0))
    whole = panel_of(fast, slow)
    past = whole.before(365 - 29)
    assert SCORER.began(past, whole, terms(1))[0] == 1.0
    assert np.isnan(SCORER.began(past, whole, terms(1, min_next=4))[0])
    assert np.isnan(SCORER.began(past, whole, terms(1, min_history=200))[0])
    assert SCORER.began(past, whole, terms(1, times_own=20))[0] == 0.0


def test_a_slowdown_already_there_is_none_to_come() -> None:
    whole = panel_of(every(3, 10.0, since=57.5), every(6, 90.0, until=57.0))
    assert np.isnan(SCORER.began(whole.before(365 - 29), whole, terms(1))[0])
    assert SCORER.began(whole.before(365 - 57), whole, terms(1))[0] == 1.0


histories = st.lists(st.tuples(st.integers(0, 3), st.floats(0, 300), st.floats(0, 400)), min_size=5, max_size=60)


@given(histories, st.floats(0, 27.5), st.floats(0, 400), st.floats(0, 400))
def test_a_slower_reply_never_lowers_it(
    rows: list[tuple[int, float, float]], age: float, hours: float, more: float
) -> None:
    regular = joined(*[every(9, 12.0, partner=partner) for partner in range(4)])
    before = make_panel(4, 365, replies=joined(regular, make_events((0, age, hours), *rows)))
    after = make_panel(4, 365, replies=joined(regular, make_events((0, age, hours + more), *rows)))
    first, second = score(before).value, score(after).value
    assert second[0] >= first[0] - 1e-12
    np.testing.assert_allclose(second[1:], first[1:], atol=1e-12)
    np.testing.assert_allclose(score(shuffled(after)).value, second, atol=1e-12)
