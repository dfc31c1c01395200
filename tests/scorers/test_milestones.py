"""Milestones: few as they are, the portfolio speaks for them; one missed of one is no certainty."""

from dataclasses import replace

import numpy as np
from contracts import ScorerContract, make_panel

from scorers.base import Panel, Scorer, Scores, spread
from scorers.milestones import Milestones

SCORER = Milestones()


def score(panel: Panel) -> Scores:
    return SCORER.score(panel, spread([Milestones.Options()], np.zeros(panel.partners, dtype=np.intp)))


def every(step: int, partners: int = 8, days: int = 728) -> np.ndarray:
    """Return one milestone every `step` days, the last one five days ago."""
    due = np.zeros((partners, days), dtype=np.float32)
    due[:, np.arange(days - 6, -1, -step)] = 1
    return due


class TestContract(ScorerContract):
    scorer: Scorer = SCORER

    def steady(self) -> Panel:
        due = every(28, days=364)
        rng = np.random.default_rng(11)
        return make_panel(8, 364, daily={"milestones": due, "missed": rng.binomial(due.astype(int), 0.1)})

    def broken(self) -> Panel:
        panel = self.steady()
        missed = panel.daily["missed"].copy()
        missed[0, -150:] = panel.daily["milestones"][0, -150:]
        return replace(panel, daily={**panel.daily, "missed": missed})

    def thin(self) -> Panel:
        due = np.zeros((2, 364))
        due[1, [100, 300]] = 1
        return make_panel(2, 364, daily={"milestones": due, "missed": due})

    def began(self) -> tuple[Panel, int]:
        return self.broken(), 210


def test_two_missed_of_four_are_not_a_coin_toss() -> None:
    due = every(90, partners=20, days=360)
    missed = np.zeros_like(due)
    missed[0, np.flatnonzero(due[0])[-2:]] = 1
    scores = score(make_panel(20, 360, daily={"milestones": due, "missed": missed}))
    assert scores.value[1] < scores.value[0] < 0.5
    assert scores.measured["missed_share"][0] < 0.4


def test_figures_and_words() -> None:
    panel = make_panel(3, 728, daily={"milestones": every(30, partners=3), "missed": every(60, partners=3)})
    scores = score(panel)
    assert scores.measured["milestones_recent"].tolist() == [6.0] * 3
    assert 0.3 < scores.measured["missed_share"][0] < 0.6
    said = scores.evidence[1].message % {name: values[0] for name, values in scores.evidence[1].params.items()}
    assert said == "3.0 of the 6.0 milestones due in the last 182.0 days were missed"


def test_none_due_for_a_year_is_unknown() -> None:
    due = every(30)
    due[0, -200:] = 0
    due[1, -400:] = 0
    scores = score(make_panel(8, 728, daily={"milestones": due, "missed": due * 0}))
    assert list(scores.stale[:3]) == [True, False, False]
    assert list(np.isnan(scores.value[:3])) == [False, True, False]
    assert "no milestone was due" in scores.unknown[scores.unknown_reason[1]]
