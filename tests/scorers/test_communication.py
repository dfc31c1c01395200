"""Silence: own_tail against a brute-force oracle, and what counts as a sign of life."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from contracts import ScorerContract, make_panel
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scorers.base import HIGHEST, LOWEST, Panel, Scorer
from scorers.communication import Communication, own_gap_quantiles

SCORER = Communication()


def messages(*days: int, total: int = 365) -> np.ndarray:
    """Return one partner's row `(total,)` with a message on each of these days, counted back from the last."""
    row = np.zeros(total, dtype=np.float32)
    row[[total - 1 - day for day in days]] = 1
    return row


def weekly(since: int = 0, total: int = 365) -> np.ndarray:
    return messages(*range(since, total, 7), total=total)


class TestContract(ScorerContract):
    scorer: Scorer = SCORER

    def steady(self) -> Panel:
        rng = np.random.default_rng(3)
        received = rng.poisson(0.4, size=(8, 365))
        received[:, -4:] = [0, 1, 0, 0]
        return make_panel(8, 365, daily={"received": received, "sent": rng.poisson(0.4, size=(8, 365))})

    def broken(self) -> Panel:
        panel = self.steady()
        received = panel.daily["received"].copy()
        received[0, -60:] = 0
        sent = panel.daily["sent"].copy()
        sent[0, -60:] = 0
        return replace(panel, daily={**panel.daily, "received": received, "sent": sent})

    def thin(self) -> Panel:
        return make_panel(3, 365, daily={"received": np.stack([messages(), messages(3), messages(3, 9, 20, 40)])})


def oracle(received: np.ndarray, blind: float = 0.0) -> list[float]:
    """own_tail, partner by partner, in plain Python, for partners that all write."""
    gaps = []
    for row in received:
        days = [day for day, count in enumerate(row) if count > 0]
        gaps.append(sorted(b - a for a, b in pairwise(days)))
    own = [g[math.ceil(0.99 * len(g)) - 1] for g in gaps]
    weights = [len(g) / (len(g) + 2) for g in gaps]
    centre = sum(w * math.log(q) for w, q in zip(weights, own, strict=True)) / sum(weights)
    values = []
    for row, q, w in zip(received, own, weights, strict=True):
        silent = max(0.0, len(row) - 1 - max(np.flatnonzero(row)) - blind)
        usual = math.exp(w * math.log(q) + (1 - w) * centre)
        odds = (silent + 0.5) / (max(30.0, usual) + 0.5)
        dormant = silent > max(180.0, 3 * max(30.0, usual))
        values.append(math.nan if dormant else min(max(odds / (1 + odds), LOWEST), HIGHEST))
    return values


@given(hnp.arrays(np.int8, (4, 60), elements=st.integers(0, 1)), st.integers(0, 20))
def test_it_agrees_with_plain_python(drawn: np.ndarray, blind: int) -> None:
    drawn[:, [0, 9, 20, 31, 33]] = 1  # five active days each
    panel = make_panel(4, 60, daily={"received": drawn}, blind={"communication": float(blind)})
    np.testing.assert_allclose(SCORER.score(panel).value, oracle(drawn, blind), rtol=1e-9)


@given(hnp.arrays(np.bool_, (5, 40)), st.sampled_from([0.5, 0.9, 0.99]))
def test_gap_quantiles_agree_with_numpy(alive: np.ndarray, quantile: float) -> None:
    count, found = own_gap_quantiles(alive, quantile)
    for row, number, value in zip(alive, count, found, strict=True):
        gaps = np.diff(np.flatnonzero(row))
        assert number == len(gaps)
        if len(gaps):
            assert value == np.quantile(gaps, quantile, method="inverted_cdf")
        else:
            assert np.isnan(value)


def test_odds_are_even_at_the_longest_usual_gap() -> None:
    scores = SCORER.score(make_panel(1, 365, daily={"received": weekly(30)[None]}))
    assert scores.value[0] == pytest.approx(0.5)
    assert scores.measured["silence_ratio"][0] == 1.0
    assert scores.measured["usual_gap"][0] == pytest.approx(7.0)


def test_a_partner_used_to_long_gaps_may_be_silent_for_longer() -> None:
    monthly = messages(*range(25, 365, 60))
    value = SCORER.score(make_panel(2, 365, daily={"received": np.stack([weekly(25), monthly])})).value
    assert value[1] < value[0]


def test_few_gaps_lean_on_the_portfolio() -> None:
    few = messages(10, 20, 30, 40, 160)  # one gap of 120 among four
    rows = np.stack([few, *[weekly(10)] * 20])
    usual = SCORER.score(make_panel(21, 365, daily={"received": rows})).measured["usual_gap"]
    assert 30 < usual[0] < 60
    assert usual[1] == pytest.approx(7.0, rel=0.05)


def test_a_message_from_either_side_is_a_sign_of_life() -> None:
    rows = {"received": np.stack([weekly(40), weekly(3)]), "sent": np.stack([weekly(3), weekly(40)])}
    assert list(SCORER.score(make_panel(2, 365, daily=rows)).measured["days_silent"]) == [3.0, 3.0]


def test_a_blind_source_is_not_a_silent_partner() -> None:
    panel = make_panel(2, 365, daily={"received": np.stack([weekly(12)] * 2)}, blind={"communication": [0.0, 10.0]})
    scores = SCORER.score(panel)
    assert list(scores.measured["days_silent"]) == [12.0, 2.0]
    assert scores.value[1] < scores.value[0]


def test_a_long_dormant_partner_is_not_forecast() -> None:
    old = messages(*range(200, 360, 10))
    scores = SCORER.score(make_panel(1, 365, daily={"received": old[None]}))
    assert np.isnan(scores.value[0])
    assert np.isnan(scores.measured["silence_ratio"][0])
    assert scores.measured["days_silent"][0] == 200.0
    assert "dormant" in scores.unknown[scores.unknown_reason[0]]


@given(st.lists(st.integers(0, 179), min_size=1, max_size=60))
def test_longer_silence_is_never_likelier_to_be_well(days: list[int]) -> None:
    rows = np.stack([weekly(day) for day in sorted(days)])
    values = [SCORER.score(make_panel(1, 365, daily={"received": row[None]})).value[0] for row in rows[:4]]
    assert values == sorted(values)
