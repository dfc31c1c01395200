"""Public talk: the tail to come against exact figures, and how bad news adds up."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from contracts import ScorerContract, joined, make_incidents, make_panel, shuffled
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom

from scorers import tone
from scorers.base import BLIND_MESSAGE, Panel, Scorer, Scores, Terms, spread
from scorers.news import kinds
from scorers.news.events import taxonomy
from scorers.tone import Tone, beta_binomial_tail

SCORER = Tone()
Row = tuple[float, ...]


def terms(partners: int, **options: float) -> Terms:
    return spread([Tone.Options.model_validate(options)], np.zeros(partners, dtype=np.intp))


def score(panel: Panel, **options: float) -> Scores:
    return SCORER.score(panel, terms(panel.partners, **options))


def value_of(*rows: tuple[float, ...]) -> float:
    return float(score(make_panel(1, 30, incidents=make_incidents(*((0, *row) for row in rows)))).value[0])


class TestContract(ScorerContract):
    scorer: Scorer = SCORER

    def steady(self) -> Panel:
        rows = [(partner, 5.0 + 30 * k + partner, 0.1, 20.0, 60.0) for partner in range(8) for k in range(5)]
        return make_panel(8, 365, incidents=make_incidents(*rows))

    def broken(self) -> Panel:
        bad = make_incidents((0, 25.0, 0.9, 60.0, 60.0), (0, 9.0, 0.8, 60.0, 60.0), (0, 1.0, 0.9, 95.0, 365.0))
        calm = make_incidents(*[(1, age, 0.1, 20.0, 60.0) for age in (3.0, 9.0, 20.0)])
        panel = self.steady()
        return replace(panel, incidents=joined(panel.incidents, bad, calm))

    def thin(self) -> Panel:
        return make_panel(2, 365, incidents=make_incidents((1, 400.0, 0.9, 90.0, 365.0)))

    def began(self) -> tuple[Panel, int]:
        return self.broken(), 365 - 29


@given(
    st.lists(st.tuples(st.integers(1, 40), st.floats(0.05, 30), st.floats(0.05, 30), st.floats(0.01, 1)), max_size=20)
)
def test_the_tail_is_that_of_the_beta_binomial(cases: list[tuple[int, float, float, float]]) -> None:
    number, a, b, part = np.array(cases, dtype=np.float64).reshape(len(cases), 4).T
    least = np.ceil(number * part)
    exact = betabinom.sf(least - 1, number, a, b)
    np.testing.assert_allclose(beta_binomial_tail(number, a, b, least), exact, atol=1e-10)


def test_bad_news_is_worse_the_more_severe_it_is_and_the_surer() -> None:
    quiet = value_of((300.0, 0.1, 0.0, 30.0))
    mild, severe = value_of((3.0, 0.9, 25.0, 60.0)), value_of((3.0, 0.9, 90.0, 60.0))
    assert quiet < 0.05 < mild < 0.15 < severe
    assert value_of((3.0, 0.6, 90.0, 60.0)) < severe


def test_many_incidents_of_one_day_are_hardly_more_than_five() -> None:
    story = (0.0, 0.8, 70.0, 60.0)
    assert value_of(*[story] * 40) - value_of(story) < 0.3
    assert value_of(*[story] * 40) - value_of(*[story] * 5) < 0.03


def test_advertising_does_not_drown_a_scandal() -> None:
    scandal, praise = (2.0, 0.95, 95.0, 365.0), (2.0, 0.05, 0.0, 30.0)
    drowned = value_of(scandal, *[praise] * 500)
    assert drowned == pytest.approx(value_of(scandal, *[praise] * 8))
    assert drowned > 2 * value_of(*[praise] * 8)


def test_the_more_outlets_tell_of_it_the_more_it_weighs_up_to_seven() -> None:
    one, three, seven, forty = (value_of((2.0, 0.8, 60.0, 60.0, outlets)) for outlets in (1.0, 3.0, 7.0, 40.0))
    assert one < three < seven == forty


def test_news_fades_as_its_kind_does() -> None:
    assert value_of((200.0, 0.9, 90.0, 45.0)) < value_of((10.0, 0.9, 90.0, 45.0))
    assert value_of((20.0, 0.9, 90.0, 5.0)) < value_of((20.0, 0.9, 90.0, 365.0))


def test_a_partner_always_badly_spoken_of_has_a_worse_background() -> None:
    rows: list[Row] = [(0, 30.0 + 10 * k, 0.9, 0.0, 30.0) for k in range(12)]
    rows += [(1, 30.0 + 10 * k, 0.1, 0.0, 30.0) for k in range(12)]
    background = score(make_panel(2, 365, incidents=make_incidents(*rows))).contributions["background"]
    assert background[0] > background[1] + 1


def test_never_mentioned_is_unknown_not_well() -> None:
    scores = score(make_panel(2, 30, incidents=make_incidents((0, 2.0, 0.2, 0.0, 30.0))))
    assert list(np.isnan(scores.value)) == [False, True]
    assert scores.unknown[scores.unknown_reason[1]] == "no public mention in the last %(days)s days"
    assert np.isnan(scores.measured["negative_incidents"][1])


def test_a_source_blind_for_too_long_is_told_before_an_empty_press() -> None:
    scores = score(make_panel(1, 400, blind={"sentiment": 40.0}))
    assert scores.unknown[scores.unknown_reason[0]] == BLIND_MESSAGE


def test_negative_incidents_count_clear_and_recent_ones() -> None:
    rows = [(0, 2.0, 0.7, 60.0, 30.0), (0, 3.0, 0.4, 60.0, 30.0), (0, 40.0, 0.9, 60.0, 30.0)]
    measured = score(make_panel(1, 30, incidents=make_incidents(*rows))).measured
    assert measured["negative_incidents"][0] == 1.0
    assert measured["mentions"][0] == 3.0


def test_only_old_mentions_are_stale() -> None:
    panel = make_panel(2, 30, incidents=make_incidents((0, 10.0, 0.2, 0.0, 30.0), (1, 100.0, 0.2, 0.0, 30.0)))
    assert list(score(panel).stale) == [False, True]


@pytest.mark.parametrize(
    ("negative", "options", "outcome"),
    [
        ([0.9, 0.9, 0.1], {}, 1.0),
        ([0.9, 0.1, 0.1], {}, 0.0),
        ([0.5, 0.5, 0.1, 0.1], {}, 1.0),
        ([0.9, 0.9], {}, np.nan),
        ([0.9, 0.9], {"min_next": 2}, 1.0),
        ([0.9, 0.1, 0.1], {"at_least": 0.3}, 1.0),
    ],
)
def test_what_counts_as_turned(negative: list[float], options: dict[str, float], outcome: float) -> None:
    rows = [(0, 10.0 + place, p, 50.0, 30.0) for place, p in enumerate(negative)]
    whole = make_panel(1, 365, incidents=make_incidents((0, 50.0, 0.9, 50.0, 30.0), (0, 0.1, 0.9, 50.0, 30.0), *rows))
    assert SCORER.began(whole.before(365 - 30), whole, terms(1, **options))[0] == pytest.approx(outcome, nan_ok=True)


def test_bad_talk_already_there_is_none_to_come() -> None:
    rows = [(0, age, 0.9, 50.0, 30.0) for age in (5.0, 10.0, 15.0, 35.0, 40.0, 45.0)]
    whole = make_panel(1, 365, incidents=make_incidents(*rows))
    assert np.isnan(SCORER.began(whole.before(365 - 29), whole, terms(1))[0])
    assert SCORER.began(whole.before(365 - 57), whole, terms(1))[0] == 1.0


history = st.tuples(st.integers(0, 3), st.floats(0, 500), st.floats(0, 1), st.floats(0, 100), st.floats(0, 700))
fresh = st.tuples(st.just(0), st.floats(0, 27.5), st.floats(0.5, 1), st.floats(0, 100), st.floats(0, 700))


@given(st.lists(history, max_size=30), fresh)
def test_one_more_negative_incident_never_lowers_it(rows: list[Row], more: Row) -> None:
    before = score(make_panel(4, 30, incidents=make_incidents(*rows))).value
    panel = make_panel(4, 30, incidents=make_incidents(more, *rows))
    after = score(panel).value
    assert np.isnan(before[0]) or after[0] >= before[0] - 1e-12
    np.testing.assert_allclose(after[1:], before[1:], atol=1e-12)
    np.testing.assert_allclose(score(shuffled(panel)).value, after, atol=1e-12)


calm = st.tuples(st.just(0), st.floats(0, 27.5), st.floats(0, 0.499), st.floats(0, 100), st.floats(0, 700))


@given(st.lists(history, max_size=30), calm)
def test_one_more_article_that_is_not_bad_never_raises_it(rows: list[Row], more: Row) -> None:
    before = score(make_panel(4, 30, incidents=make_incidents(*rows))).value
    after = score(make_panel(4, 30, incidents=make_incidents(more, *rows))).value
    assert np.isnan(before[0]) or after[0] <= before[0] + 1e-12


@given(st.lists(history, max_size=30), fresh, st.floats(0, 1), st.floats(0, 40), st.floats(0, 300))
def test_a_graver_incident_never_lowers_it(
    rows: list[Row], one: Row, surer: float, severer: float, longer: float
) -> None:
    partner, age, p, severity, half_life = one
    graver = (partner, age, p + surer * (1 - p), min(severity + severer, 100), half_life + longer, 3.0)
    before, after = (
        score(make_panel(4, 30, incidents=make_incidents(last, *rows))).value[0] for last in ((*one, 2.0), graver)
    )
    assert after >= before - 1e-12


WEEKLY = [(3.0 + 7 * week, 0.8, 60.0, 365.0, 6.0) for week in range(100)]
"""A lawsuit a week, for two years."""
PLAIN = [(1.0 + 2 * number, 0.1, 0.0, 30.0, 6.0) for number in range(365)]
INSOLVENCY = (3.0, 0.9, 95.0, 365.0, 4.0)


def test_a_giant_with_a_lawsuit_a_week_is_not_alarmed_for_ever_and_a_small_firm_with_an_insolvency_is() -> None:
    rows = [(0, *row) for row in [*WEEKLY, *PLAIN]] + [(1, 300.0, 0.1, 0.0, 30.0), (1, *INSOLVENCY)]
    rows += [(2, 300.0, 0.1, 0.0, 30.0), (3, *INSOLVENCY), *((3, *row) for row in [*WEEKLY, *PLAIN])]
    giant, small, quiet, struck = score(make_panel(4, 735, incidents=make_incidents(*rows))).value
    assert giant < 0.1
    assert small > 0.5
    assert small > 4 * quiet
    assert struck > 3 * giant, "trouble beyond the usual is seen in a giant, too"


def test_what_is_usual_needs_a_past() -> None:
    measured = score(make_panel(1, 30, incidents=make_incidents((0, *INSOLVENCY)))).measured
    assert measured["usual_news_load"][0] == 0.0
    rows = [(0, *row) for row in WEEKLY]
    young = score(make_panel(1, 735, incidents=make_incidents(*[row for row in rows if row[1] < 90]))).measured
    old = score(make_panel(1, 735, incidents=make_incidents(*rows))).measured
    assert young["news_load"] == pytest.approx(old["news_load"], rel=0.1)
    assert 0 < young["usual_news_load"][0] < old["usual_news_load"][0] < old["news_load"][0]


def stream(chance: np.random.Generator, bad: float, plain: float, outlets: float) -> Iterator[tuple[float, ...]]:
    """Two years of news: so many bad and plain incidents a week, in so many outlets on average."""
    kinds_of = [(95.0, 365.0), (85.0, 365.0), (65.0, 120.0), (60.0, 365.0), (55.0, 120.0), (45.0, 100.0), (25.0, 30.0)]
    for age in chance.uniform(0, 728, chance.poisson(104 * bad)):
        severity, half_life = kinds_of[chance.choice(7, p=[0.01, 0.05, 0.15, 0.3, 0.14, 0.15, 0.2])]
        yield age, chance.uniform(0.6, 1.0), severity, half_life, 1.0 + chance.poisson(outlets)
    for age in chance.uniform(0, 728, chance.poisson(104 * plain)):
        yield age, 0.1, 0.0, 30.0, 1.0 + chance.poisson(outlets)


def test_simulated_giants_raise_no_false_alarms_and_small_firms_real_turns_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = np.random.default_rng(5)
    giants, small = range(40), range(40, 160)
    rows: list[tuple[float, ...]] = []
    for giant in giants:
        bad = chance.uniform(0.4, 1.5)
        rows += [(giant, *row) for row in stream(chance, bad, bad * chance.uniform(3, 8), 6.0)]
    for firm in small:
        rows += [(firm, *row) for row in stream(chance, 0.004, 0.08, 0.5)]
    struck = [*rows, *((firm, *INSOLVENCY) for firm in small)]

    def values(told: list[tuple[float, ...]]) -> Any:
        return score(make_panel(160, 735, incidents=make_incidents(*told))).value

    normalised, hit = values(rows), values(struck)
    monkeypatch.setattr(tone, "_usual_load", lambda partners, _: np.zeros(partners))
    plain, plain_hit = values(rows), values(struck)
    assert np.mean(plain[giants] > 0.5) > 0.1
    assert np.mean(normalised[giants]) < 0.2 * np.mean(plain[giants])
    assert np.mean(normalised[giants] > 0.5) == 0.0
    assert np.nanmean(hit[small]) > 0.95 * np.nanmean(plain_hit[small])
    assert np.nanmean(hit[small]) > 5 * np.nanmean(normalised[small])


def test_the_gravest_incident_of_two_weeks_is_measured_and_named() -> None:
    breach, recall = kinds.EVENTS.index("breach"), kinds.EVENTS.index("recall")
    rows = [
        (0, 13.0, 0.6, 75.0, 180.0, 4.0, breach), (0, 1.0, 0.9, 70.0, 120.0, 9.0, recall),
        (0, 1.0, 0.4, 95.0, 365.0, 9.0, 0.0), (0, 14.0, 0.9, 90.0, 365.0, 9.0, 1.0),
        (1, 2.0, 0.9, 25.0, 30.0), (2, 2.0, 0.1, 0.0, 30.0),
    ]  # fmt: skip
    scores = score(make_panel(4, 30, incidents=make_incidents(*rows)))
    assert scores.measured["serious_event"].tolist() == [75.0, 25.0, 0.0, 0.0], "nobody mentioned: none"
    line = scores.evidence[0]
    messages, which = line.words["event"]
    assert line.incident is not None
    assert (messages[which[0]], line.incident[0]) == ("Data breach or outage", 1)
    assert (line.params["days_ago"][0], line.params["outlets"][0]) == (13.0, 4.0)
    assert (messages[which[1]], line.incident[1]) == ("Bad news of another kind", 5)
    assert np.isnan(line.params["days_ago"][2:]).all()


def test_of_two_events_as_grave_the_one_told_widely_is_named_though_the_other_is_a_little_surer() -> None:
    strike = kinds.EVENTS.index("strike")
    rows = [(0, 2.0, 0.91, 60.0, 45.0, 1.0, strike), (0, 1.0, 0.79, 60.0, 45.0, 3.0, strike)]
    line = score(make_panel(1, 30, incidents=make_incidents(*rows))).evidence[0]
    assert (line.params["days_ago"][0], line.params["outlets"][0]) == (1.0, 3.0)


@pytest.mark.parametrize(("blind", "severity"), [(20.0, 95.0), (29.0, np.nan), (np.nan, np.nan)])
def test_a_serious_event_stands_while_nobody_can_report_and_is_withdrawn_after_four_weeks(
    blind: float, severity: float
) -> None:
    told = make_incidents((0, 3.0 + 20.0, 0.9, 95.0, 365.0))
    scores = score(make_panel(1, 60, incidents=told, blind={"sentiment": blind}))
    np.testing.assert_equal(scores.measured["serious_event"], [severity])


def test_every_kind_of_event_has_a_name() -> None:
    assert set(kinds.EVENTS) == set(taxonomy()["events"])
