"""Silence: how likely a partner's signs of life soon stop for longer than they ever usually do.

Three views, each a probability, pooled in log-odds: the rhythm of the last week and that of the last month, both as
renewal processes with heavy-tailed gaps, and how far the running gap has come towards the silence that is asked about.
It does not look at what was written, nor at how fast it was answered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from scorers.base import (
    BLIND_LIMIT_DAYS,
    WEEK,
    Evidence,
    Floats,
    Index,
    Known,
    Mask,
    Outcome,
    Panel,
    Scorer,
    Scores,
    Terms,
    limited,
    logit,
)
from scorers.rhythm import Rhythm, as_weeks, clock_of, follow

WEIGHTS = {"week_rhythm": 0.3, "month_rhythm": 0.3, "own_tail": 0.4}
"""Of the views in the pool (a logarithmic opinion pool, Genest & Zidek 1986). They sum to 1: the views share their
facts, and adding them up would count these twice."""

WEEK_MEMORY, MONTH_MEMORY, HABIT = 0, 1, 2
"""Places of the memories in scorers.rhythm.MEMORY_DAYS."""

HABIT_WORTH = 1.0
"""What a partner usually does counts like so many active days in what is believed of it now."""

WANDER = 5.0
"""A partner's rate wanders: between one gap and the next it differs by 1/√5 = 45 % (coefficient of variation), however
well it is known. It makes gaps heavy-tailed (Barabási 2005) and the probabilities about as sharp as they should be."""

ASSUMED_RATE, LEAST_WORTH, MOST_WORTH = 0.3, 0.2, 20.0
"""Active days a day before anything is known; and how many active days the portfolio's rate may count like."""

LEAST_KNOWN_DAYS, LEAST_PARTNERS = 14.0, 3
"""The portfolio's rate rests on partners known for at least so long, if there are enough of them."""

CERTAIN = 1e-9
"""No view is surer than this; it keeps its log-odds finite once the silence is there."""

UNANSWERED_DAYS, LEAST_UNANSWERED = 28, 2
"""So many messages without an answer are told of, and only if the partner wrote within so many days."""

LEAST_REMEMBERED = 0.5
"""No interval is told of a partner with fewer active days than this in memory."""

DORMANT_DAYS, DORMANT_RATIO = 180.0, 3.0
"""Silent for longer than both: the outcome began long ago and is no longer a forecast."""

TOO_FEW_MESSAGE = "signs of life so far: %(signs)s, needed: %(needed)s"
DORMANT_MESSAGE = "no sign of life for %(days_silent)s days: dormant, nothing to forecast"


@dataclass(frozen=True, slots=True)
class _Now:
    """What is known of each partner `(n,)` at the panel's moment. Days are days that count, except `days_silent`."""

    silent: Floats  # since the last active day
    days_silent: Floats  # of the calendar
    usual_gap: Floats  # NaN without a gap
    required: Floats  # so long has a silence to be
    rate: Floats  # usual active days a day, shrunk towards the portfolio's
    active: Floats  # (n, 3) active days as remembered
    passed: Floats  # (n, 3) days as remembered


class Silence(Scorer):
    """Probability that a silence of at least max(30 days, own 99th-percentile gap) begins, or is already running."""

    name: ClassVar[str] = "silence"
    family: ClassVar[str] = "communication"
    version: ClassVar[str] = "2"
    min_points: ClassVar[int] = 5
    weight: ClassVar[float] = 0.4

    class Options(Outcome):
        """When a silence counts as begun."""

        days: float = Field(30, ge=7, le=365, description="A silence of at least so many days.")
        own_gap_quantile: float | None = Field(
            0.99, ge=0.9, lt=1, description="It must also be longer than this share of the partner's own gaps."
        )
        deliveries_count: float = Field(0, ge=0, le=1, description="1: a delivery made is a sign of life, too.")

    def score(self, panel: Panel, terms: Terms) -> Scores:
        """Score every partner at `panel.at`; days while no source could report do not count as silence."""
        return self.read(rhythm_of(panel, terms), panel, terms)

    def read(self, rhythm: Rhythm, panel: Panel, terms: Terms) -> Scores:
        """Score every partner whose rhythm has been followed up to the panel's last column."""
        now, too_few = _now(rhythm, panel, terms), rhythm.facts < self.min_points
        dormant = now.silent > np.maximum(DORMANT_DAYS, DORMANT_RATIO * now.required)
        known = Known.unless(
            panel.blind_days[self.family], few=[(TOO_FEW_MESSAGE, too_few)], quiet=[(DORMANT_MESSAGE, dormant)]
        )
        value, contributions = limited({name: WEIGHTS[name] * view for name, view in _views(now, terms).items()})
        return known.scores(
            value,
            contributions,
            sample=now.active[:, HABIT],
            measured={
                "days_silent": now.days_silent,
                "usual_gap": np.where(too_few, np.nan, now.usual_gap),
                "silence_ratio": known.only(now.silent / now.required),
            },
            evidence=_evidence(known, now, *_unanswered(panel)),
            params={"signs": rhythm.facts, "needed": self.min_points, "days_silent": now.days_silent},
            over=known.because(DORMANT_MESSAGE),
        )

    def began(self, past: Panel, whole: Panel, terms: Terms) -> Floats:
        """Return whether it began; see Scorer.began. A silence that runs at `past` and becomes long enough counts.

        How long it has to be is settled when it starts, by the gaps before it.
        """
        until = np.floor(past.now) + terms["horizon_days"]
        rhythm = rhythm_of(past, terms)
        began = _silences(rhythm, whole, until, terms)
        before = _position(past, past.now) - rhythm.last >= _required(rhythm, terms)
        blind = np.isnan(whole.blind_days[self.family]) | (_seen(whole) < until)
        unjudged = before | (rhythm.facts < self.min_points) | blind
        return np.where(unjudged, np.nan, began)


def rhythm_of(panel: Panel, terms: Terms) -> Rhythm:
    """Return the rhythm of each partner's signs of life up to the panel's last column."""
    alive, facts = signs_of_life(panel, terms, slice(0, panel.days), slice(None))
    return follow(alive, facts, panel.exposure)


def signs_of_life(panel: Panel, terms: Terms, columns: slice, rows: Index | slice) -> tuple[Mask, Floats]:
    """Return the days with a sign of life `(m, k)` of some partners and columns, and how many signs there were `(m,)`.

    `terms` are those of the chosen partners.

    A message of either side is one, and a meeting held: the outcome is that the conversation dies, on both sides;
    counting only what the partner writes foretold that worse on real mail (same-week AUROC .64 against .73). A
    conversation that became one-sided is another signal, of replies. Where deliveries count, a day's are one sign.
    """
    alive: Mask = panel.daily["received"][rows, columns] > 0
    facts: Floats = panel.daily["received"][rows, columns].sum(axis=1).astype(np.float64)
    for name in ("sent", "met"):
        counts = panel.daily[name][rows, columns]
        alive |= counts > 0
        facts += counts.sum(axis=1)
    count_deliveries = terms["deliveries_count"] > 0
    if count_deliveries.any():
        delivered = (panel.daily["made"][rows, columns] > 0) & count_deliveries[:, None]
        alive |= delivered
        facts += delivered.sum(axis=1)
    return alive, facts


def _now(rhythm: Rhythm, panel: Panel, terms: Terms) -> _Now:
    seen = _seen(panel)
    position = _position(panel, seen)
    active, passed = rhythm.remembered(position, panel.exposure.of)
    known = rhythm.last_day >= 0
    return _Now(
        silent=np.where(known, np.maximum(position - rhythm.last, 0.0), np.nan),
        days_silent=np.where(known, np.maximum(seen - rhythm.last_day, 0.0), np.nan),
        usual_gap=rhythm.long_gap(np.nan_to_num(terms["own_gap_quantile"], nan=0.99)),
        required=_required(rhythm, terms),
        rate=_usual_rate(active[:, HABIT], passed[:, HABIT]),
        active=active,
        passed=passed,
    )


def _seen(panel: Panel) -> Floats:
    """Return the column `(n,)` before which each partner could be seen, the first one for want of any."""
    return np.maximum(panel.seen(Silence.family), 0.0)


def _position(panel: Panel, column: Floats) -> Floats:
    """Return where the start of a column `(n,)` lies on the partner's clock."""
    clock = clock_of(panel.exposure)
    return np.asarray(clock[panel.exposure.of, np.minimum(np.floor(column), panel.days).astype(np.intp)])


def _required(rhythm: Rhythm, terms: Terms) -> Floats:
    """Return how long `(n,)` a silence has to be that starts at the last active day; it must exceed the own gaps."""
    return np.fmax(terms["days"], np.nextafter(rhythm.long_gap(terms["own_gap_quantile"]), np.inf))


def _usual_rate(active: Floats, passed: Floats) -> Floats:
    """Return active days a day `(n,)`, shrunk towards the portfolio's: Gamma-Poisson, its prior fitted by moments.

    (Empirical Bayes, Efron & Morris 1975.) What rates differ by beyond chance is how much partners differ.
    """
    known = passed >= LEAST_KNOWN_DAYS
    rate, worth = ASSUMED_RATE, 1.0
    if known.sum() >= LEAST_PARTNERS and active[known].sum() > 0:
        own = active[known] / passed[known]
        rate = float(active[known].sum() / passed[known].sum())
        chance = rate * float(np.mean(1.0 / passed[known]))
        worth = float(np.clip(rate**2 / max(own.var() - chance, 0.05 * rate**2), LEAST_WORTH, MOST_WORTH))
    return (worth + active) / (worth / rate + passed)


def _views(now: _Now, terms: Terms) -> Mapping[str, Floats]:
    """Return the log-odds `(n,)` of each view, before weights."""
    ratio = np.clip((now.silent + 0.5) / (now.required + 0.5), CERTAIN, 1 - CERTAIN)
    return {
        "week_rhythm": _renewal(now, WEEK_MEMORY, terms["horizon_days"]),
        "month_rhythm": _renewal(now, MONTH_MEMORY, terms["horizon_days"]),
        "own_tail": logit(ratio),
    }


def _renewal(now: _Now, memory: int, horizon: Floats) -> Floats:
    """Return the log-odds that the running gap, or one that starts within the horizon, becomes long enough.

    The rate of active days is Gamma(a, b), from the habit (as a prior) and one memory; WANDER lowers a at the same mean
    (1/a' = 1/a + 1/WANDER). Gaps are then Lomax: they outlast m days with probability S(m) = (1 + m/b)^-a, and
        P = 1 - (1 - S(R - g)) · exp(-horizon · a/b · S(R))
    with g the running gap and R the length that is asked about: it is long enough, or one of the next is.
    """
    believed = HABIT_WORTH + now.active[:, memory]
    days = HABIT_WORTH / now.rate + now.passed[:, memory]
    shape = believed * WANDER / (believed + WANDER)
    scale = days * shape / believed
    runs_on = np.exp(-shape * np.log1p(np.maximum(now.required - now.silent, 0.0) / scale))
    others = horizon * shape / scale * np.exp(-shape * np.log1p(now.required / scale))
    none = others - np.log1p(-np.minimum(runs_on, 1 - CERTAIN))  # -ln of the probability of no silence
    return np.asarray(np.log(np.expm1(np.minimum(none, -np.log(CERTAIN)))), dtype=np.float64)


def _silences(rhythm: Rhythm, whole: Panel, until: Floats, terms: Terms) -> Floats:
    """Return whether a silence starts before column `until` `(n,)` that becomes long enough; NaN: not settled.

    `rhythm` is that at the moment from which on silences count; one that runs then does.
    """
    began = np.full(whole.partners, np.nan)
    seen = _position(whole, _seen(whole))
    still = np.flatnonzero(rhythm.last_day >= 0)  # whose last active day is before `until`, nothing settled
    rhythm = rhythm.part(still)
    while still.size and rhythm.column < whole.days:
        columns = slice(rhythm.column, min(rhythm.column + WEEK, whole.days))
        own = {name: values[still] for name, values in terms.items()}
        alive, facts = signs_of_life(whole, own, columns, still)
        week, patterns, of = as_weeks(alive)[:, 0], whole.exposure.patterns[:, columns], whole.exposure.of[still]
        gap = rhythm.waited(week, patterns, of)
        gap = np.where(week > 0, gap, np.minimum(gap, seen[still] - rhythm.last))
        enough = gap >= _required(rhythm, own)
        rhythm.add(week, facts, patterns, of)
        over = rhythm.last_day >= until[still]
        began[still[over]] = 0.0
        began[still[enough]] = 1.0
        left = np.flatnonzero(~enough & ~over)
        still, rhythm = still[left], rhythm.part(left)
    return began


def _evidence(known: Known, now: _Now, unheard: Floats, unanswered: Floats) -> tuple[Evidence, ...]:
    silent, usual = known.only(now.days_silent), np.round(now.usual_gap)
    gone = known.mask & (now.silent >= now.required)
    return (
        Evidence(
            "has gone silent: %(days_silent)s days without a sign of life, %(days_over)s more than its limit",
            {
                "days_silent": np.where(gone, now.days_silent, np.nan),
                "days_over": np.where(gone, np.ceil(now.silent - now.required), np.nan),
            },
        ),
        Evidence(
            "silent for %(days_silent)s days; the usual longest gap is %(usual_gap)s",
            {"days_silent": silent, "usual_gap": usual},
        ),
        Evidence(
            "counts as gone silent from day %(required_days)s on",
            {"required_days": known.only(np.ceil(now.required))},
        ),
        Evidence(
            "in the last weeks a sign of life every %(recent_interval)s days, usually every %(usual_interval)s",
            {
                "recent_interval": known.only(_interval(now.active, now.passed, MONTH_MEMORY)),
                "usual_interval": known.only(np.round(1.0 / now.rate, 1)),
            },
        ),
        Evidence(
            "%(unanswered)s messages sent since the partner last wrote, %(days_unheard)s days ago",
            {
                "unanswered": known.only(np.where(unanswered >= LEAST_UNANSWERED, unanswered, np.nan)),
                "days_unheard": known.only(unheard),
            },
        ),
    )


def _interval(active: Floats, passed: Floats, memory: int) -> Floats:
    """Return days a sign of life `(n,)` as remembered, NaN where there is next to none."""
    some = active[:, memory] >= LEAST_REMEMBERED
    return np.where(some, np.round(passed[:, memory] / np.where(some, active[:, memory], 1.0), 1), np.nan)


def _unanswered(panel: Panel) -> tuple[Floats, Floats]:
    """Return days `(n,)` since the partner last wrote, and messages `(n,)` sent after that day; NaN if too long ago."""
    start = max(panel.days - UNANSWERED_DAYS - BLIND_LIMIT_DAYS, 0)
    received, sent = panel.daily["received"][:, start:], panel.daily["sent"][:, start:]
    column = np.arange(start, panel.days)
    last = np.max(np.where(received > 0, column, -1), axis=1, initial=-1)[:, None]
    after = np.sum(sent * (column > last), axis=1, dtype=np.float64)
    unheard = np.maximum(_seen(panel) - last[:, 0], 0.0)
    lately = (last[:, 0] >= 0) & (unheard <= UNANSWERED_DAYS)
    return np.where(lately, unheard, np.nan), np.where(lately, after, np.nan)
