"""The states of one partner between two moments, each differing from the one before in one thing. For the ledger."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import floor

import numpy as np
from sqlalchemy.orm import Session

from scorers.base import Counts
from warden import calendars
from warden.errors import NotFound
from warden.pipeline.portfolio import Moment, judge
from warden.settings import Settings


@dataclass(frozen=True, slots=True)
class Clocks:
    """A moment, and when what counts was known. Both the same: what was said then."""

    as_of: datetime
    known_at: datetime


@dataclass(frozen=True, slots=True)
class State:
    """What is computed of one partner. `shares`: -ln(1 - p) by outcome, None where unknown; `impact`: 1..5.

    `late`: deliveries that are late, by due date; `first`: the date its columns begin with, in days since 1970.
    """

    shares: Mapping[str, float | None]
    impact: float | None
    late: Counts
    first: int


def chain(session: Session, settings: Settings, partner_id: uuid.UUID, start: Clocks, end: Clocks) -> list[State]:
    """Return five states: at the start; then with what was learned late; at the end's moment with nothing heard since;
    with what was heard; with criteria, matrix, attributes, learned models and attributions as they are at the end.

    Raises NotFound for a partner not watched at both ends. The whole portfolio is judged for each state that differs.
    """
    moments = [
        Moment(start.as_of, start.known_at, start.known_at),
        Moment(start.as_of, end.known_at, start.known_at),
        Moment(end.as_of, end.known_at, start.known_at, start.as_of if start.as_of < end.as_of else None),
        Moment(end.as_of, end.known_at, start.known_at),
        Moment(end.as_of, end.known_at, end.known_at),
    ]
    found = {one: _state(session, settings, partner_id, one) for one in dict.fromkeys(moments)}
    return _held([found[one] for one in moments])


def _state(session: Session, settings: Settings, partner_id: uuid.UUID, moment: Moment) -> State:
    portfolio = judge(session, settings, moment)
    if portfolio is None or partner_id not in portfolio.ids:
        raise NotFound(f"The partner {partner_id} was not watched at {moment.configured_at.isoformat()}.")
    row = portfolio.ids.index(partner_id)
    shares, impact = portfolio.fused.shares, float(portfolio.rating.value[row])
    today = calendars.today(moment.as_of, portfolio.partners[row].time_zone)
    return State(
        shares={one.name: float(shares[one.name][row]) if one.known[row] else None for one in portfolio.signals},
        impact=None if np.isnan(impact) else impact,
        late=portfolio.panel.daily["late"][row],
        first=floor(today) - floor(portfolio.panel.now[row]),
    )


def _held(states: Sequence[State]) -> list[State]:
    """Return the states with what is unknown only in between held as it was: an interval without facts ends nothing."""
    held = [states[0]]
    for number, state in enumerate(states[1:], start=1):
        before, later = held[-1], states[number + 1 :]
        shares = {
            name: before.shares[name] if share is None and any(one.shares[name] is not None for one in later) else share
            for name, share in state.shares.items()
        }
        returns = any(one.impact is not None for one in later)
        impact = before.impact if state.impact is None and returns else state.impact
        held.append(replace(state, shares=shares, impact=impact))
    return held
