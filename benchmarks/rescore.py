"""Measures what scoring a large portfolio costs in memory, against reading the same arrays once.

python benchmarks/rescore.py [partners] [weeks]        default 100,000 partners, 104 weeks

Three signals: silence, late_share and tone. A full rescore reads all days of all partners and says everything of them.
A weekly tick adds one week to what is remembered; then the likelihoods can be read off it. Nothing is asserted: times
are the machine's, ratios mostly the code's. Seconds of the processor tell more where others use the machine, too.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from scorers.base import (
    DAILY,
    FAMILIES,
    WEEK,
    Counts,
    Exposure,
    Incidents,
    Panel,
    Scorer,
    Terms,
    spread,
)
from scorers.late_share import LateShare
from scorers.rates import Portfolio, Record, Seen, believe, chances, remember
from scorers.rhythm import Rhythm, as_weeks
from scorers.shrinkage import NO_EVENTS
from scorers.silence import Silence, rhythm_of, signs_of_life
from warden.discovery import scorers

SIGNALS = ("silence", "late_share", "tone")
ROUNDS = 3
AT = datetime(2026, 6, 29, tzinfo=UTC)

PER_DAY: Mapping[str, float] = {"received": 0.3, "sent": 0.25, "met": 0.01, "due": 0.3}
"""Facts per partner and day, on average; partners differ by a factor that is Gamma with shape 1."""

LATE_SHARE = 0.08
MENTIONS = 5
"""Public mentions per partner, over the whole time."""

Work = Callable[[], object]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("partners", type=int, nargs="?", default=100_000)
    parser.add_argument("weeks", type=int, nargs="?", default=104)
    given = parser.parse_args()
    print(f"Making {given.partners:,} partners over {given.weeks} weeks …", file=sys.stderr)
    panel = made_up(given.partners, given.weeks * WEEK)
    reading = timed(lambda: read_once(panel))
    size = sum(counts.nbytes for counts in arrays(panel)) / 1e6
    print(f"\n| what | seconds | of the processor | against reading {size:,.0f} MB once, {reading.processor:.3f} s |")
    print("|---|---|---|---|")
    chosen = [scorer for scorer in scorers() if scorer.name in SIGNALS]
    works = {scorer.name: (rescoring(scorer, panel), *ticking(scorer, panel)) for scorer in chosen}
    for place, what in enumerate(("full rescore", "one weekly tick", "likelihoods after a tick")):
        found = {name: timed(work[place]) for name, work in works.items()}
        found["all three"] = Time(*(sum(column) for column in zip(*found.values(), strict=True)))
        for name, time_ in found.items():
            ratio = time_.processor / reading.processor
            print(f"| {what}: {name} | {time_.seconds:.3f} | {time_.processor:.3f} | {ratio:.1f} |")


def made_up(partners: int, days: int) -> Panel:
    """Return a panel of counts that are Poisson, some partners much livelier than others."""
    chance = np.random.default_rng(7)
    pace = chance.gamma(1.0, 1.0, (partners, 1)).astype(np.float32)
    daily: dict[str, Counts] = dict.fromkeys(DAILY, np.broadcast_to(np.uint8(0), (partners, days)))
    for name, rate in PER_DAY.items():
        daily[name] = np.empty((partners, days), dtype=np.uint8)
        for start in range(0, partners, 5_000):
            rows = slice(start, start + 5_000)
            daily[name][rows] = chance.poisson(np.repeat(pace[rows] * rate, days, axis=1)).clip(max=255)
    daily["late"] = chance.binomial(daily["due"], LATE_SHARE).astype(np.uint8)
    return Panel(
        at=AT,
        now=np.full(partners, float(days)),
        daily=daily,
        blind_days={family: np.zeros(partners) for family in FAMILIES},
        exposure=Exposure(np.ones((1, days), dtype=np.float32), np.zeros(partners, dtype=np.intp)),
        incidents=mentions(chance, partners, days),
        replies=NO_EVENTS,
        measures={},
    )


def mentions(chance: np.random.Generator, partners: int, days: int) -> Incidents:
    """Return public mentions, one in five bad."""
    count = partners * MENTIONS
    return Incidents(
        partner=np.sort(chance.integers(0, partners, count)),
        age_days=chance.uniform(0, days, count),
        p_negative=np.where(chance.random(count) < 0.2, 0.9, 0.1),
        severity=chance.uniform(0, 100, count),
        half_life_days=np.full(count, 30.0),
        outlets=np.ones(count),
        event=np.full(count, -1, dtype=np.intp),
        number=np.arange(count),
    )


def arrays(panel: Panel) -> list[Counts]:
    """Return the arrays that the three signals read."""
    talk = panel.incidents
    counts = [panel.daily[name] for name in ("received", "sent", "met", "due", "late")]
    told = [talk.partner, talk.age_days, talk.p_negative, talk.severity, talk.half_life_days, talk.outlets]
    return [*counts, *told]


def read_once(panel: Panel) -> int:
    """Add up the bytes of all arrays, eight at a time: nothing that reads them is faster."""
    whole = (counts.reshape(-1).view(np.uint8) for counts in arrays(panel))
    return sum(int(part[: len(part) // 8 * 8].view(np.uint64).sum()) for part in whole)


def terms_of(scorer: Scorer, panel: Panel) -> Terms:
    """Return the shipped terms of an outcome."""
    return spread([scorer.Options()], np.zeros(panel.partners, dtype=np.intp))


def rescoring(scorer: Scorer, panel: Panel) -> Work:
    """Return what scores everybody from all days."""
    terms = terms_of(scorer, panel)
    return lambda: scorer.score(panel, terms)


def ticking(scorer: Scorer, panel: Panel) -> tuple[Work, Work]:
    """Return what adds the last week to what is remembered, and what then says how likely the outcome is for all.

    A scorer without a memory reads everything in the latter.
    """
    terms = terms_of(scorer, panel)
    past, last = panel.before(panel.days - WEEK), slice(panel.days - WEEK, panel.days)
    if isinstance(scorer, Silence):
        return ticks_of_silence(scorer, panel, terms, rhythm_of(past, terms), last)
    if isinstance(scorer, LateShare):
        return ticks_of_lateness(scorer, panel, terms, remember(Seen.of(past, *scorer.counted, scorer.family)), last)
    return lambda: None, rescoring(scorer, panel)


def ticks_of_silence(scorer: Silence, panel: Panel, terms: Terms, rhythm: Rhythm, last: slice) -> tuple[Work, Work]:
    """Return how a week is added to a rhythm, and how silences are read off it."""

    def add() -> None:
        alive, facts = signs_of_life(panel, terms, last, slice(None))
        rhythm.add(as_weeks(alive)[:, 0], facts, panel.exposure.patterns[:, last], panel.exposure.of)

    add()
    grown = rhythm.part(np.arange(panel.partners))  # the rounds of `add` go on, by a week like the last each
    return add, lambda: scorer.read(grown, panel, terms)


def ticks_of_lateness(scorer: LateShare, panel: Panel, terms: Terms, record: Record, last: slice) -> tuple[Work, Work]:
    """Return how a week is added to a record, and how late shares are read off it."""
    seen = Seen.of(panel, *scorer.counted, scorer.family)

    def add() -> None:
        due, late = (counts[:, last].sum(axis=1, dtype=np.float64) for counts in (seen.due, seen.bad))
        record.add(due, late, np.full(panel.partners, WEEK))

    def read() -> None:
        bar, belief = scorer.bar(seen, record, terms), believe(record, Portfolio.of(record))
        chances(record, belief, bar, terms["horizon_days"], terms["min_next"])

    return add, read


class Time(NamedTuple):
    """The best of a few rounds, in seconds."""

    seconds: float
    processor: float


def timed(work: Work) -> Time:
    """Return how long something takes."""
    found = []
    for _ in range(ROUNDS):
        wall, processor = time.perf_counter(), time.process_time()
        work()
        found.append((time.perf_counter() - wall, time.process_time() - processor))
    return Time(*(min(column) for column in zip(*found, strict=True)))


if __name__ == "__main__":
    main()
