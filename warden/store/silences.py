"""Silences and maintenance windows: about what, from when until when nobody is told; listed, capped and ended early.

What a silence is about is written as warden.rules.matching documents it, and has been checked there.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from warden.calendars import moment_of
from warden.domain import SilenceKind
from warden.errors import Conflict, Fault, InvalidInput, NotFound, hint
from warden.i18n import N_
from warden.models import Partner, Person, Rule, Silence
from warden.store import meta, partners
from warden.store.paging import Page, page
from warden.store.visible import is_visible

LONGEST = timedelta(days=90)
"""No silence ends later than this from now: what is to stay quiet for longer needs a rule that says so."""

_LOCK = "silences"
_MOST_NAMED = 30


def add(
    session: Session,
    *,
    kind: SilenceKind,
    matchers: Mapping[str, Any],
    ends_at: datetime,
    reason: str,
    author: str,
    now: datetime,
    starts_at: datetime | None = None,
    time_zone: str = "UTC",
) -> Silence:
    """Keep quiet about what matches, from now or from `starts_at`. Raises InvalidInput with every fault.

    Times without a zone of their own are what clocks in `time_zone` show. An equal silence that is not over is
    returned, and none added: who ends one of two would believe that alerts sound again.
    """
    faults = [*_unknown(session, matchers)]
    if not is_visible(reason):
        faults.append(Fault.of("reason", N_("is empty; expected why nobody is to be told")))
    begin = _moment("starts_at", starts_at or now, time_zone, faults, last=False)
    end = _moment("ends_at", ends_at, time_zone, faults, last=True)
    if begin and end:
        faults += _span_faults(begin, end, now)
    if faults or begin is None or end is None:
        raise InvalidInput(f"The silence cannot be stored: {faults[0]}.", faults)
    meta.hold(session, _LOCK)
    equal = _equal(session, kind, matchers, begin, end, reason.strip(), author, now)
    if equal is not None:
        return equal
    silence = Silence(
        kind=kind,
        matchers=dict(matchers),
        starts_at=begin,
        ends_at=end,
        time_zone=time_zone,
        reason=reason.strip(),
        author=author,
        created_at=now,
    )
    session.add(silence)
    session.flush()
    return silence


def _equal(
    session: Session,
    kind: SilenceKind,
    matchers: Mapping[str, Any],
    begin: datetime,
    end: datetime,
    reason: str,
    author: str,
    now: datetime,
) -> Silence | None:
    """Return a silence of the same that is to come from the same moment, or in force already where this one is."""
    # one made at the same time may have been given a later `now`, and yet be stored before this one
    in_force = or_(Silence.starts_at <= now, Silence.starts_at <= Silence.created_at)
    query = select(Silence).where(
        Silence.kind == kind,
        Silence.ended_at.is_(None),
        Silence.ends_at == end,
        Silence.reason == reason,
        Silence.author == author,
        in_force if begin <= now else Silence.starts_at == begin,
    )
    return next((one for one in session.scalars(query) if one.matchers == dict(matchers)), None)


def _moment(name: str, given: datetime, time_zone: str, faults: list[Fault], *, last: bool) -> datetime | None:
    if time_zone not in available_timezones():
        if not any(fault.where == "time_zone" for fault in faults):
            what = N_("%(found)s is not a time zone such as Asia/Taipei")
            faults.append(Fault.of("time_zone", what, found=f"{time_zone!r:.80}"))
        return None
    if given.tzinfo is not None:
        return given
    found = moment_of(given, time_zone, last=last)
    if found is None:
        what = N_("clocks in %(time_zone)s never show %(moment)s: they are set forward then")
        faults.append(Fault.of(name, what, time_zone=time_zone, moment=given.isoformat()))
    return found


def _span_faults(begin: datetime, end: datetime, now: datetime) -> list[Fault]:
    if end <= begin:
        return [Fault.of("ends_at", N_("is not after its beginning"))]
    if end <= now:
        return [Fault.of("ends_at", N_("is over already"))]
    if end > now + LONGEST:
        latest = (now + LONGEST).isoformat(timespec="minutes")
        what = N_("is more than %(days)s days ahead; expected %(latest)s at the latest")
        return [Fault.of("ends_at", what, days=LONGEST.days, latest=latest)]
    return []


def _unknown(session: Session, matchers: Mapping[str, Any]) -> list[Fault]:
    """Return a fault for each value that nobody and nothing has: a silence about nothing is a mistake."""
    faults = []
    for place, value in enumerate(matchers.get("rule", ())):
        if session.scalar(select(Rule.id).where(Rule.key == value)) is None:
            what = N_("there is no rule %(found)s")
            faults.append(Fault.of(f"matchers.rule[{place}]", what, found=f"{value!r:.80}"))
    for place, value in enumerate(matchers.get("partner", ())):
        if not _is_partner(session, value):
            what = N_("there is no partner %(found)s")
            faults.append(Fault.of(f"matchers.partner[{place}]", what, found=f"{value!r:.80}"))
    for place, value in enumerate(matchers.get("owner", ())):
        if session.scalar(select(Person.id).where(Person.email == value)) is None:
            what = N_("there is no person with the address %(found)s")
            faults.append(Fault.of(f"matchers.owner[{place}]", what, found=f"{value!r:.80}"))
    for name in ("tier", "tag", "region", "country"):
        held = partners.values_held(session, name) if name in matchers else ()
        for place, value in enumerate(matchers.get(name, ())):
            if value not in held:
                what = N_("no partner has %(found)s; %(hint)s")
                said = {"found": f"{value!r:.80}", "hint": hint(value, sorted(held)[:_MOST_NAMED])}
                faults.append(Fault.of(f"matchers.{name}[{place}]", what, **said))
    return faults


def _is_partner(session: Session, value: str) -> bool:
    try:
        wanted = uuid.UUID(value)
    except ValueError:
        return False
    return str(wanted) == value and session.get(Partner, wanted) is not None


def get(session: Session, silence_id: uuid.UUID, *, lock: bool = False) -> Silence:
    """Return one silence, held against other writers if asked. Raises NotFound."""
    found = session.get(Silence, silence_id, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise NotFound(f"There is no silence {silence_id}.")
    return found


def end(session: Session, silence: Silence, *, who: str, now: datetime) -> Silence:
    """End a silence early; what fires still is told with the next tick. Raises Conflict for one that is over."""
    if is_over(silence, now):
        raise Conflict("This silence is over already.")
    silence.ended_at, silence.ended_by = now, who
    session.flush()
    return silence


def is_over(silence: Silence, now: datetime) -> bool:
    """Tell whether a silence has come to its end, or was ended early."""
    return silence.ended_at is not None or silence.ends_at <= now


def active(session: Session, now: datetime) -> list[Silence]:
    """Return the silences in force, the last to end first."""
    query = select(Silence).where(Silence.ended_at.is_(None), Silence.starts_at <= now, Silence.ends_at > now)
    return list(session.scalars(query.order_by(Silence.ends_at.desc(), Silence.id)))


def untold(session: Session, now: datetime) -> list[uuid.UUID]:
    """Return the silences that are over without having been announced to be, the first to end first."""
    over = or_(Silence.ended_at.is_not(None), Silence.ends_at <= now)
    ended = func.coalesce(Silence.ended_at, Silence.ends_at)
    return list(
        session.scalars(select(Silence.id).where(Silence.announced_at.is_(None), over).order_by(ended, Silence.id))
    )


def listing(
    session: Session, cursor: str | None, limit: int, *, now: datetime, in_force: bool | None = None
) -> Page[Silence]:
    """Return one page, the last to end first; `in_force` False: those to come and those over."""
    query = select(Silence)
    if in_force is not None:
        now_in_force = and_(Silence.ended_at.is_(None), Silence.starts_at <= now, Silence.ends_at > now)
        query = query.where(now_in_force if in_force else ~now_in_force)
    return page(session, query, Silence.ends_at, Silence.id, cursor, limit, descending=True)
