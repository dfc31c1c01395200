"""Walks through a panel's past, Monday by Monday, and sets what would have been said beside what came of it.

Nothing later than a Monday enters what is said on it; what came later only judges it. It computes no figure of merit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scorers.base import Events, Floats, Incidents, Index, Mask, Panel, Scorer, Scores, Terms, Timed, picked

STEP_DAYS = 7
"""One judgement a week. Weekly ones overlap: an outcome counts in as many rows as its horizon has weeks."""

QUARTER_DAYS = 91.25

FIRST_DAYS = 28
"""A walk begins so many days after the first fact: before, there is nothing to speak from."""

Singles = NDArray[np.float32]
Figures = Callable[[Scores], Mapping[str, Floats]]


@dataclass(frozen=True, slots=True)
class Rows:
    """Judged weeks of one outcome as parallel arrays `(m,)`, by week and then by partner.

    partner: into the panel.
    column: the Monday's column in the panel; what is said rests on the columns before it.
    value: the likelihood that was said, NaN where nothing was.
    began: whether the outcome began within `horizon` days.
    figures: more about each row, by name, as single precision: there may be a million rows.
    """

    partner: Index
    column: Index
    value: Floats
    began: Mask
    horizon: Floats
    figures: Mapping[str, Singles]

    def __len__(self) -> int:
        """Return the number of rows m."""
        return len(self.partner)

    def where(self, chosen: Mask) -> "Rows":
        """Return some of the rows, in their order."""
        return Rows(
            partner=self.partner[chosen],
            column=self.column[chosen],
            value=self.value[chosen],
            began=self.began[chosen],
            horizon=self.horizon[chosen],
            figures={name: values[chosen] for name, values in self.figures.items()},
        )


def mondays(panel: Panel, weeks: int, horizon: float) -> list[int]:
    """Return the columns to stop at, oldest first: at most the last `weeks` that a horizon (days) has passed since."""
    first = first_day(panel)
    if first is None:
        return []
    last = int(np.floor(np.max(panel.now, initial=0.0) - horizon)) // STEP_DAYS
    begin = max(-(-(first + FIRST_DAYS) // STEP_DAYS), last - weeks + 1)
    return [week * STEP_DAYS for week in range(begin, last + 1)]


def first_day(panel: Panel) -> int | None:
    """Return the column of the panel's first fact; None without any."""
    days = [int(np.argmax(some)) for some in (counts.any(axis=0) for counts in panel.daily.values()) if some.any()]
    told: list[Events | Incidents] = [panel.incidents, panel.replies, *panel.measures.values()]
    days += [int(np.floor((panel.now[one.partner] - one.age_days).min())) for one in told if len(one.partner)]
    return max(min(days), 0) if days else None


def recent(panel: Panel, days: int | None) -> Panel:
    """Return a panel of only the last `days`, and the days before them in the same week; None: of all.

    It is what the service reads at that moment, which looks back so far and no further.
    """
    first = 0 if days is None else max(panel.days + 1 - days, 0)
    first -= first % STEP_DAYS
    if not first:
        return panel
    return replace(
        panel,
        now=panel.now - first,
        daily={name: counts[:, first:] for name, counts in panel.daily.items()},
        exposure=replace(panel.exposure, patterns=panel.exposure.patterns[:, first:]),
        incidents=_younger(panel.incidents, panel.now - first),
        replies=_younger(panel.replies, panel.now - first),
        measures={name: _younger(events, panel.now - first) for name, events in panel.measures.items()},
    )


def _younger(events: Timed, age_days: Floats) -> Timed:
    """Return the events not older than `age_days` `(n,)`."""
    return picked(events, events.age_days <= age_days[events.partner])


def judge(
    scorer: Scorer,
    past: Panel,
    whole: Panel,
    terms: Terms,
    asked: Mask,
    *,
    history_days: int | None = None,
    figures: Figures | None = None,
) -> Rows:
    """Return one Monday's judged rows of the partners `(n,)` an outcome is asked about; `past` is `whole.before(…)`.

    `history_days`: how far what is said looks back. `figures` gives more of what was said on that Monday, `(n,)` each,
    to keep with the rows.
    """
    began = scorer.began(past, whole, terms)
    judged = np.flatnonzero(asked & ~np.isnan(began))
    if not judged.size:
        return join(())
    scores = scorer.score(recent(past, history_days), terms)
    kept = figures(scores) if figures else {}
    return Rows(
        partner=judged,
        column=np.full(judged.size, past.days, dtype=np.intp),
        value=scores.value[judged],
        began=began[judged] > 0,
        horizon=terms["horizon_days"][judged],
        figures={name: values[judged].astype(np.float32) for name, values in kept.items()},
    )


def join(parts: Sequence[Rows]) -> Rows:
    """Return the rows of several Mondays, oldest first, as one; figures that are not in all of them are left out."""
    parts = [rows for rows in parts if len(rows)]
    names = [name for name in parts[0].figures if all(name in rows.figures for rows in parts)] if parts else []
    return Rows(
        partner=np.concatenate([np.zeros(0, dtype=np.intp), *(rows.partner for rows in parts)]),
        column=np.concatenate([np.zeros(0, dtype=np.intp), *(rows.column for rows in parts)]),
        value=np.concatenate([np.zeros(0), *(rows.value for rows in parts)]),
        began=np.concatenate([np.zeros(0, dtype=np.bool_), *(rows.began for rows in parts)]),
        horizon=np.concatenate([np.zeros(0), *(rows.horizon for rows in parts)]),
        figures={name: np.concatenate([rows.figures[name] for rows in parts]) for name in names},
    )


def walk(
    scorer: Scorer,
    panel: Panel,
    terms: Terms,
    asked: Mask,
    weeks: int,
    *,
    history_days: int | None = None,
    figures: Figures | None = None,
) -> Iterator[Rows]:
    """Yield the judged rows of one outcome, Monday by Monday, oldest first; see `mondays` and `judge`."""
    if not asked.any():
        return
    for column in mondays(panel, weeks, float(terms["horizon_days"][asked].min())):
        past = panel.before(column)
        yield judge(scorer, past, panel, terms, asked, history_days=history_days, figures=figures)


def deteriorations(rows: Rows) -> Index:
    """Return `(m,)` the number of the deterioration each row tells of, from 0; -1 where nothing began.

    One is told of by all weeks within the horizon of the first that foresees it, and by those that follow without a
    break: a silence in three weeks' time is in the horizons of three Mondays, and a late quarter of many. Counted by
    rows, ten deteriorations would look like a hundred.
    """
    found = np.full(len(rows), -1, dtype=np.intp)
    positive = np.flatnonzero(rows.began)
    order = positive[np.lexsort((rows.column[positive], rows.partner[positive]))]
    partner, column = rows.partner[order], rows.column[order]
    breaks = np.ones(order.size, dtype=np.bool_)
    breaks[1:] = (partner[1:] != partner[:-1]) | (column[1:] - column[:-1] > STEP_DAYS)
    new = np.zeros(order.size, dtype=np.bool_)
    whose, over = -1, 0.0
    for place in np.flatnonzero(breaks):
        if partner[place] != whose or column[place] >= over:
            new[place] = True
            whose, over = partner[place], column[place] + rows.horizon[order[place]]
    found[order] = np.cumsum(new) - 1
    return found
