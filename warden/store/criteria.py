"""Risk criteria: what counts as each outcome, how impact is computed, where levels begin.

Rows are ended and never changed. A criterion holds only the fields that differ. Field by field the narrowest scope
wins: partner, tier, portfolio, and what ships where nobody set anything.
"""

import math
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, reduce
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError
from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from scorers import matrix
from scorers.base import Index
from scorers.impact import Formula
from scorers.matrix import Thresholds
from warden import discovery
from warden.domain import Scope
from warden.errors import Conflict, Fault, InvalidInput, NotFound, hint
from warden.i18n import N_
from warden.models import Criterion, Partner
from warden.store import matrices, meta, validation
from warden.store.partners import tiers as tiers_in_use
from warden.store.partners import unknown_tier

IMPACT, PLACEMENT = "impact", "placement"

ENABLED = "enabled"
"""The field every outcome has besides its options: whether it is looked at."""

Whose = tuple[uuid.UUID | None, str]
"""A partner's id and tier; without an id, the tier as such."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where an effective value comes from; all None: it is what ships."""

    scope: Scope | None = None
    subject: str = ""
    criterion_id: uuid.UUID | None = None
    author: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Effective:
    """The options that hold for a partner, a tier or the portfolio. `sources`: of each field, also "enabled"."""

    options: BaseModel
    enabled: bool
    sources: Mapping[str, Source]


@dataclass(frozen=True, slots=True)
class Resolved:
    """The options of many partners: partner i has `options[of[i]]` and is looked at where `enabled[of[i]]`."""

    options: list[BaseModel]
    enabled: list[bool]
    of: Index  # (n,)


@cache
def shipped() -> Mapping[str, type[BaseModel]]:
    """Return the class of options of each name a criterion can have; its defaults are what ships."""
    outcomes = {scorer.name: scorer.Options for scorer in discovery.scorers()}
    return {**outcomes, IMPACT: Formula, PLACEMENT: Thresholds}


def effective(session: Session, name: str, partner: Whose | None, known_at: datetime) -> Effective:
    """Return what held at `known_at` for a partner, a tier as such, or (None) the portfolio. Raises NotFound."""
    model = _model(name)
    sources = {field: Source() for field in _fields(name)}
    rows = _chain(_by_subject(_in_force(session, name, known_at)), partner)
    for row in rows:
        source = Source(row.scope, row.subject, row.id, row.author, row.created_at)
        sources.update(dict.fromkeys(row.data, source))
    options, enabled = _built(model, [row.data for row in rows])
    return Effective(options, enabled, sources)


def resolve(session: Session, name: str, partners: Sequence[tuple[uuid.UUID, str]], known_at: datetime) -> Resolved:
    """Return what held at `known_at` for many partners, each its id and tier. Raises NotFound."""
    model = _model(name)
    rows = _by_subject(_in_force(session, name, known_at))
    if all(scope is Scope.PORTFOLIO for scope, _ in rows):
        options, enabled = _built(model, [row.data for row in rows.values()])
        return Resolved([options], [enabled], np.zeros(len(partners), dtype=np.intp))
    numbers: dict[tuple[uuid.UUID, ...], int] = {}
    built: list[tuple[BaseModel, bool]] = []
    of = np.zeros(len(partners), dtype=np.intp)
    for place, partner in enumerate(partners):
        chain = _chain(rows, partner)
        number = numbers.setdefault(tuple(row.id for row in chain), len(built))
        if number == len(built):
            built.append(_built(model, [row.data for row in chain]))
        of[place] = number
    return Resolved([options for options, _ in built], [enabled for _, enabled in built], of)


def lock(session: Session) -> None:
    """Change criteria one at a time: others wait until the caller's transaction ends. `put` and `end` do so too."""
    meta.hold(session, "criteria")


def put(
    session: Session,
    name: str,
    scope: Scope,
    subject: str,
    data: Mapping[str, Any],
    author: str,
    reason: str,
    now: datetime,
) -> Criterion:
    """Let `data` hold for a scope from `now` on in place of what was set for it.

    Nothing happens when that is the same; a new reason for it replaces the former one in a row of its own. `subject`: a
    tier, a partner's id, or "" for the portfolio. Raises NotFound for a name there is none of, and
    InvalidInput with the path of each fault, also of those that would only show in a narrower scope.
    """
    _refuse([*_data_faults(name, data), *_subject_faults(session, scope, subject)], name)
    if name == PLACEMENT and not data.keys().isdisjoint(matrix.AXES):
        _refuse(_misfits(session, data), name)
    lock(session)
    rows = _standing(session, name)
    former = next((row for row in rows if _place(row) == (scope, _key(scope, subject))), None)
    if former is not None and former.data == data and reason.strip() in ("", former.reason):
        return former
    now = now if former is None else max(now, former.created_at)  # what was set a moment ago by another clock
    added = Criterion(
        id=uuid.uuid4(), name=name, scope=scope, data=dict(data), author=author, reason=reason.strip(), created_at=now,
        subject=subject.strip() if scope is Scope.TIER else _key(scope, subject),
    )  # fmt: skip
    _refuse(_reach_faults(name, [*(row for row in rows if row is not former), added]), name)
    if former is not None:
        former.ended_at, former.ended_by = now, author
    session.add(added)
    session.flush()
    return added


def refuse_unknown_tier(session: Session, scope: Scope, subject: str) -> None:
    """Raise InvalidInput for a tier no partner has: nobody would notice that what is set for it reaches nobody."""
    known = tiers_in_use(session)
    if scope is Scope.TIER and _key(scope, subject) not in {_key(scope, tier) for tier in known}:
        raise InvalidInput("No partner has this tier.", [unknown_tier(subject, known)])


def end(session: Session, criterion_id: uuid.UUID, author: str, now: datetime) -> Criterion:
    """Let a criterion hold no longer. Raises NotFound; Conflict when it has ended; InvalidInput as `put` does."""
    lock(session)
    criterion = session.get(Criterion, criterion_id, populate_existing=True)
    if criterion is None:
        raise NotFound(f"There is no criterion {criterion_id}.")
    if criterion.ended_at is not None:
        raise Conflict("This criterion has ended already.")
    rest = [row for row in _standing(session, criterion.name) if row is not criterion]
    _refuse(_reach_faults(criterion.name, rest), criterion.name)
    criterion.ended_at, criterion.ended_by = max(now, criterion.created_at), author
    session.flush()
    return criterion


def listing(
    session: Session,
    name: str | None = None,
    scope: Scope | None = None,
    subject: str | None = None,
    *,
    history: bool = False,
) -> list[Criterion]:
    """Return what was set, newest first: what holds now, or with `history` what has ended too."""
    query = select(Criterion).order_by(Criterion.created_at.desc(), Criterion.id.desc())
    if name is not None:
        query = query.where(Criterion.name == name)
    if scope is not None:
        query = query.where(Criterion.scope == scope)
    if not history:
        query = query.where(Criterion.ended_at.is_(None))
    rows = session.scalars(query)
    return [row for row in rows if subject is None or _place(row)[1] == _key(row.scope, subject)]


# --- whom a criterion reaches -----------------------------------------------------------------------------------------

Rows = Mapping[tuple[Scope, str], Criterion]
"""By scope and subject, the subject as it is compared."""


def _holds(known_at: datetime) -> ColumnElement[bool]:
    return and_(Criterion.created_at <= known_at, or_(Criterion.ended_at.is_(None), Criterion.ended_at > known_at))


def _in_force(session: Session, name: str, known_at: datetime) -> list[Criterion]:
    query = select(Criterion).where(Criterion.name == name, _holds(known_at))
    return list(session.scalars(query.order_by(Criterion.created_at, Criterion.id)))


def _standing(session: Session, name: str) -> list[Criterion]:
    """Return what nobody has ended yet."""
    query = select(Criterion).where(Criterion.name == name, Criterion.ended_at.is_(None))
    return list(session.scalars(query.order_by(Criterion.created_at, Criterion.id)))


def _by_subject(rows: Iterable[Criterion]) -> Rows:
    return {_place(row): row for row in rows}


def _place(row: Criterion) -> tuple[Scope, str]:
    return row.scope, _key(row.scope, row.subject)


def _key(scope: Scope, subject: str) -> str:
    """Return a subject as it is compared: tiers are written in any case, ids with hyphens or without."""
    subject = subject.strip()
    if scope is Scope.TIER:
        return subject.casefold()
    try:
        return str(uuid.UUID(subject)) if scope is Scope.PARTNER else subject
    except ValueError:
        return subject


def _chain(rows: Rows, partner: Whose | None) -> list[Criterion]:
    """Return the criteria that hold for a partner, the widest first."""
    places = [(Scope.PORTFOLIO, "")]
    if partner is not None:
        partner_id, tier = partner
        places += [(Scope.TIER, _key(Scope.TIER, tier)), (Scope.PARTNER, str(partner_id))]
    return [rows[place] for place in places if place in rows]


def _built(model: type[BaseModel], layers: Iterable[Mapping[str, Any]]) -> tuple[BaseModel, bool]:
    merged = _merged(layers)
    enabled = bool(merged.pop(ENABLED, True))
    return model.model_validate(merged), enabled


def _merged(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {field: value for layer in layers for field, value in layer.items()}


# --- what is wrong with one -------------------------------------------------------------------------------------------


TOGETHER = "data"
"""The place of a fault that lies in no single field."""

SCOPES = {
    Scope.PORTFOLIO: N_("portfolio"),
    Scope.TIER: N_("tier %(subject)s"),
    Scope.PARTNER: N_("partner %(subject)s"),
}
"""What criteria are set for."""


def _model(name: str) -> type[BaseModel]:
    if name not in shipped():
        raise NotFound(f"There are no criteria named {name!r}; there are {', '.join(shipped())}.")
    return shipped()[name]


def _fields(name: str) -> tuple[str, ...]:
    fields = tuple(_model(name).model_fields)
    return fields if name in (IMPACT, PLACEMENT) else (*fields, ENABLED)


def _refuse(faults: Sequence[Fault], name: str) -> None:
    if faults:
        raise InvalidInput(f"The criteria for {name} cannot be used: {faults[0]}.", faults)


def _data_faults(name: str, data: Mapping[str, Any]) -> list[Fault]:
    """Return what is wrong with each field by itself."""
    fields = _fields(name)
    if not data:
        return [Fault.of(TOGETHER, N_("is empty; expected at least one field that differs"))]
    unknown = N_("is not a field of %(name)s; %(hint)s")
    faults = [Fault.of(field, unknown, name=name, hint=hint(field, fields)) for field in data if field not in fields]
    if not isinstance(data.get(ENABLED, True), bool):
        what = N_("found %(found)s; expected true or false")
        faults.append(Fault.of(ENABLED, what, found=f"{data[ENABLED]!r:.80}"))
    faults += [
        Fault.of(path.replace("\x00", ""), N_("holds a NUL character; expected text"))
        for path, value in _leaves("", data)
        if "\x00" in f"{path}{value}"  # which not every database stores
    ]
    known = {field: value for field, value in data.items() if field in fields and field != ENABLED}
    # Whether fields go together depends on what the wider scopes say, see `_reach_faults`.
    return faults + [fault for fault in _model_faults(_model(name), known) if fault.where != TOGETHER]


def _model_faults(model: type[BaseModel], data: Mapping[str, Any]) -> Iterator[Fault]:
    for path, value in _leaves("", data):
        if isinstance(value, float) and not math.isfinite(value):
            yield Fault.of(path, N_("found %(found)s; expected a finite number"), found=str(value))
            return
    try:
        model.model_validate(data, strict=True)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            yield validation.fault_of(details, TOGETHER)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _leaves(f"{path}.{name}".removeprefix("."), part)
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from _leaves(f"{path}[{number}]", part)
    else:
        yield path, value


def _subject_faults(session: Session, scope: Scope, subject: str) -> list[Fault]:
    subject = subject.strip()
    if scope is Scope.PORTFOLIO:
        what = N_("found %(found)s; expected nothing for the portfolio")
        return [Fault.of("subject", what, found=f"{subject!r:.80}")] if subject else []
    if scope is Scope.TIER:
        return [] if 0 < len(subject) <= 40 else [Fault.of("subject", N_("expected a tier of 1 to 40 characters"))]
    try:
        known = session.get(Partner, uuid.UUID(subject))
    except ValueError:
        known = None
    what = N_("found %(found)s; expected the id of a partner")
    return [] if known is not None else [Fault.of("subject", what, found=f"{subject!r:.80}")]


def _misfits(session: Session, data: Mapping[str, Any]) -> list[Fault]:
    """Return the starts of levels that are not as many as the active matrix has levels."""
    grid = matrix.parse(matrices.active(session).data)
    return [Fault.of(one.path, one.message, **one.params) for one in grid.misfits(Thresholds.model_validate(data))]


def _reach_faults(name: str, rows: Sequence[Criterion]) -> list[Fault]:
    """Return what is wrong with any combination of these criteria that can hold for somebody."""
    model, by_subject = _model(name), _by_subject(rows)
    tiers = [key for scope, key in by_subject if scope is Scope.TIER]
    partners = [key for scope, key in by_subject if scope is Scope.PARTNER]
    whose: list[Whose | None] = [None, *((None, tier) for tier in tiers)]
    whose += [(uuid.UUID(partner), tier) for partner in partners for tier in ("", *tiers)]
    faults: dict[str, Fault] = {}
    for one in whose:
        chain = _chain(by_subject, one)
        data = _merged(row.data for row in chain)
        data.pop(ENABLED, None)
        scopes = reduce(_and, [_scope_name(row) for row in chain]) if chain else ""
        for fault in _model_faults(model, data):
            said = {"message": fault.message, "params": fault.params}
            what = N_("%(fault)s (by what is set for %(scopes)s)")
            faults.setdefault(str(fault), Fault.of(fault.where, what, fault=said, scopes=scopes))
    return list(faults.values())


def _and(one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"message": N_("%(one)s and %(other)s"), "params": {"one": one, "other": other}}


def _scope_name(row: Criterion) -> Mapping[str, Any]:
    return {"message": SCOPES[row.scope], "params": {"subject": row.subject} if row.subject else {}}
