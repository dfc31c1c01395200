"""Partners: making, changing, finding and listing them. Their names and identifiers are in store.identifiers."""

import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, String, cast, exists, func, or_, select
from sqlalchemy.orm import Session, selectinload

from collectors import codes
from warden.calendars import time_zones
from warden.domain import WATCHED_STAGES, Stage
from warden.errors import Conflict, Fault, InvalidInput, NotFound, PreconditionFailed
from warden.i18n import N_
from warden.models import Alias, Assessment, Identifier, Partner, PartnerVersion, Person
from warden.store import meta
from warden.store.batches import in_batches
from warden.store.paging import Page, page
from warden.store.periods import valid
from warden.store.visible import is_plain

VERSIONED = (
    "tier",
    "stage",
    "country",
    "time_zone",
    "annual_value",
    "currency",
    "share",
    "months_to_replace",
    "single_source",
    "contract_end",
)
"""What an assessment reads of a partner: kept in time (PartnerVersion), so that the past can be judged as it was."""

FIELDS = frozenset({*VERSIONED, "name", "region", "owner_id", "sponsor_id", "counterpart_id", "notes", "tags"})
"""What `create` and `update` accept."""

RELATED = tuple(
    selectinload(relation)
    for relation in (Partner.owner, Partner.sponsor, Partner.counterpart, Partner.aliases, Partner.identifiers)
)
"""Loads everything a partner's page or document shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which partners to list; None means any. `text` is sought in names, aliases and identifiers."""

    stage: Stage | None = None
    tier: str | None = None
    owner_id: uuid.UUID | None = None
    tag: str | None = None
    text: str | None = None
    band: str | None = None
    cell: tuple[int, int] | None = None  # levels of likelihood and impact
    unplaced_on: int | None = None  # the version of the matrix on which they are watched and have no place


ANY = Filters()

_NEEDED = frozenset({"name", "tier", "stage", "region", "time_zone", "notes", "tags"})

_CHECKS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "name": (
        lambda value: 0 < len(value.strip(" \u200c\u200d")) <= 200 and is_plain(value),
        "a name of 1 to 200 characters without hidden ones",
    ),
    "tier": (lambda value: 0 < len(value.strip()) <= 40 and is_plain(value), "a tier of 1 to 40 characters"),
    "stage": (lambda value: value in list(Stage), f"one of {', '.join(Stage)}"),
    "country": (codes.is_country, "a country code such as TW (ISO 3166-1)"),
    "region": (lambda value: len(value) <= 60 and is_plain(value), "a region of at most 60 characters, or none"),
    "time_zone": (lambda value: value in time_zones(), "a time zone such as Asia/Taipei"),
    "annual_value": (lambda value: Decimal(0) <= value < Decimal(10) ** 16, "an amount of 0 or more"),
    "currency": (codes.is_currency, "a currency code such as TWD (ISO 4217)"),
    "share": (lambda value: 0 <= value <= 1, "a share between 0 and 1, that is 0% and 100%"),
    "months_to_replace": (lambda value: 0 <= value <= 600, "a number of months from 0 to 600"),
    "notes": (lambda value: len(value) <= 20_000, "a note of at most 20,000 characters"),
    "tags": (
        lambda value: all(isinstance(tag, str) and 0 < len(tag) <= 60 and is_plain(tag) for tag in value),
        "a list of short tags",
    ),
}


def fault_of(field: str, value: Any) -> str | None:
    """Say what is wrong with one field's value, None when it is fine."""
    if field not in FIELDS:
        return "is not a field of a partner"
    if value is None:
        return "is needed" if field in _NEEDED else None
    if field in _CHECKS and not _CHECKS[field][0](value):
        shown = f"{value!s:.80}"
        return f"{shown if is_plain(shown) else ascii(shown)} is not {_CHECKS[field][1]}"
    return None


def create(session: Session, values: Mapping[str, Any], now: datetime) -> Partner:
    """Store a new partner. Raises InvalidInput, or Conflict when the name is taken."""
    return create_many(session, [values], now)[0]


def create_many(session: Session, wanted: Sequence[Mapping[str, Any]], now: datetime) -> list[Partner]:
    """Store new partners at once, each of another name; see `create`."""
    for values in wanted:
        _refuse_faults({"name": None, **values})
    _refuse_taken(session, [values["name"] for values in wanted])
    added = [Partner(**values, created_at=now, updated_at=now) for values in wanted]
    if added:
        session.add_all(added)
        meta.bump_alias_epoch(session)
        session.flush()
        _note_versions(session, added, now)
    return added


def update(
    session: Session, partner_id: uuid.UUID, values: Mapping[str, Any], *, version: int | None, now: datetime
) -> Partner:
    """Change some fields of a partner; its version rises if anything differs.

    `version` is what the caller read (If-Match); None skips the check. Raises NotFound, PreconditionFailed,
    InvalidInput or Conflict.
    """
    partner = get(session, partner_id, lock=True)
    if version is not None and version != partner.version:
        raise PreconditionFailed(f"{partner.name} was changed meanwhile: it is at version {partner.version}.")
    return change(session, partner, values, now)


def change(session: Session, partner: Partner, values: Mapping[str, Any], now: datetime) -> Partner:
    """Change some fields of a partner that is already loaded; see `update`. Raises InvalidInput or Conflict."""
    change_many(session, [(partner, values)], now)
    return partner


def change_many(session: Session, wanted: Sequence[tuple[Partner, Mapping[str, Any]]], now: datetime) -> None:
    """Change some fields of partners that are already loaded, all at once; see `change`."""
    changed = [(partner, _set(session, partner, values, now)) for partner, values in wanted]
    _note_versions(session, [partner for partner, names in changed if not names.isdisjoint(VERSIONED)], now)
    session.flush()


def _set(session: Session, partner: Partner, values: Mapping[str, Any], now: datetime) -> set[str]:
    """Set what differs, and return the names of these fields."""
    _refuse_faults(values)
    changed = {field: value for field, value in values.items() if getattr(partner, field) != value}
    if "name" in changed:
        _refuse_taken(session, [changed["name"]])
        meta.bump_alias_epoch(session)  # a partner's name is one of the names it is read by
    for field, value in changed.items():
        setattr(partner, field, value)
    if changed:
        partner.version += 1
        partner.updated_at = now
    return set(changed)


def _note_versions(session: Session, changed: Sequence[Partner], now: datetime) -> None:
    """Keep what partners are from `now` on; what they were until then ends. Nothing is kept later: time runs on."""
    by_id = {partner.id: partner for partner in changed}
    present: dict[uuid.UUID, PartnerVersion] = {}
    for batch in in_batches(list(by_id)):
        rows = session.scalars(
            select(PartnerVersion).where(PartnerVersion.partner_id.in_(batch), PartnerVersion.until.is_(None))
        )
        present.update({row.partner_id: row for row in rows})
    for partner_id, partner in by_id.items():
        version = present.get(partner_id)
        if version is not None and version.since < now:
            version.until = now
            version = None
        if version is None:
            version = PartnerVersion(partner_id=partner_id, since=now)
            session.add(version)
        for name in VERSIONED:
            setattr(version, name, getattr(partner, name))
    session.flush()


def get(session: Session, partner_id: uuid.UUID, *, lock: bool = False) -> Partner:
    """Return a partner with its people, aliases and identifiers. `lock` is for changing it. Raises NotFound."""
    query = select(Partner).where(Partner.id == partner_id).options(*RELATED)
    query = query.execution_options(populate_existing=True)
    partner = session.scalar(query.with_for_update(of=Partner) if lock else query)
    if partner is None:
        raise NotFound(f"There is no partner {partner_id}.")
    return partner


def by_name(session: Session, name: str) -> Partner | None:
    """Return the partner of exactly this name, with all it is related to; None when there is none."""
    return session.scalar(select(Partner).where(Partner.name == name).options(*RELATED))


def listing(session: Session, filters: Filters = ANY, *, cursor: str | None = None, limit: int = 100) -> Page[Partner]:
    """Return partners by name, with all they are related to."""
    query = select(Partner).options(*RELATED).where(*_conditions(filters))
    return page(session, query, Partner.name, Partner.id, cursor, limit)


def watched(session: Session, at: datetime) -> Sequence[Row[Any]]:
    """Return every partner that was to be assessed at `at`, by name, with what its assessment rests on as of then.

    Plain rows of id, name (today's) and the fields of `VERSIONED`.
    """
    columns: tuple[Any, ...] = (Partner.id, Partner.name, *(getattr(PartnerVersion, name) for name in VERSIONED))
    query = select(*columns).join(PartnerVersion, PartnerVersion.partner_id == Partner.id)
    query = query.where(valid(PartnerVersion, at), PartnerVersion.stage.in_(WATCHED_STAGES))
    return session.execute(query.order_by(Partner.name)).all()


def names(session: Session) -> list[tuple[uuid.UUID, str]]:
    """Return (id, name) of every partner, in a stable order."""
    return [(row.id, row.name) for row in session.execute(select(Partner.id, Partner.name).order_by(Partner.id))]


def names_with(session: Session, text: str, limit: int) -> Sequence[str]:
    """Return names of partners that mention a text as `Filters.text` does, in order."""
    conditions = [_mentions(text)] if text else []
    return session.scalars(select(Partner.name).where(*conditions).order_by(Partner.name).limit(limit)).all()


def named(session: Session, partner_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the names of these partners by id; ids of nobody are left out."""
    chosen = select(Partner.id, Partner.name)
    batches = in_batches(list(partner_ids))
    return {row.id: row.name for ids in batches for row in session.execute(chosen.where(Partner.id.in_(ids)))}


def ids_of(session: Session, names: Collection[str]) -> dict[str, uuid.UUID]:
    """Return the ids of the partners of exactly these names; names of nobody are left out."""
    chosen = select(Partner.id, Partner.name)
    batches = in_batches(list(names))
    return {row.name: row.id for some in batches for row in session.execute(chosen.where(Partner.name.in_(some)))}


def tiers(session: Session) -> list[str]:
    """Return every tier some partner has, in order."""
    return list(session.scalars(select(Partner.tier).distinct().order_by(Partner.tier)))


def values_held(session: Session, name: str) -> frozenset[str]:
    """Return what partners have of tier, country, region or tag."""
    if name == "tag":
        return frozenset(tag for tags in session.scalars(select(Partner.tags)) for tag in tags)
    column = {"tier": Partner.tier, "country": Partner.country, "region": Partner.region}[name]
    return frozenset(value for value in session.scalars(select(column).distinct()) if value)


def held_by_nobody(session: Session, several: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return, for each of several matchers, the tiers, tags, regions and countries it names that no partner has."""
    named = {name for matchers in several for name in ("tier", "tag", "region", "country") if name in matchers}
    held = {name: values_held(session, name) for name in sorted(named)}
    return [
        [value for name, wanted in matchers.items() if name in held for value in wanted if value not in held[name]]
        for matchers in several
    ]


def unknown_tier(found: str, known: Iterable[str]) -> Fault:
    """Return the fault of naming a tier that no partner has."""
    expected = ", ".join(known) or {"message": N_("there is none yet"), "params": {}}
    what = N_("found %(found)s; expected a tier some partner has: %(expected)s")
    return Fault.of("subject", what, found=f"{found!r:.80}", expected=expected)


def cues(session: Session) -> dict[uuid.UUID, tuple[str, ...]]:
    """Return what else an article says when it means a partner: its domains, its executive, its tags."""
    found: dict[uuid.UUID, list[str]] = defaultdict(list)
    domains = select(Identifier.partner_id, Identifier.value).where(Identifier.scheme == "domain")
    executives = select(Partner.id, Person.name).join(Partner.counterpart)
    for partner_id, cue in [*session.execute(domains), *session.execute(executives)]:
        found[partner_id].append(cue)
    for partner_id, words in session.execute(select(Partner.id, Partner.tags)):
        found[partner_id] += words
    return {partner_id: tuple(sorted(words)) for partner_id, words in found.items()}


def tags(session: Session) -> list[str]:
    """Return every tag in use, sorted."""
    return sorted({tag for row in session.scalars(select(Partner.tags)) for tag in row})


def latest_assessment_is(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that a partner's newest assessment meets all of these."""
    newest = (
        select(func.max(Assessment.at)).where(Assessment.partner_id == Partner.id).correlate(Partner).scalar_subquery()
    )
    return exists().where(Assessment.partner_id == Partner.id, Assessment.at == newest, *conditions)


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.stage is not None:
        conditions.append(Partner.stage == filters.stage)
    if filters.tier is not None:
        conditions.append(Partner.tier == filters.tier)
    if filters.owner_id is not None:
        conditions.append(Partner.owner_id == filters.owner_id)
    if filters.tag is not None:
        # Tags are a short JSON list of strings in both databases; each appears in it exactly as JSON writes it.
        conditions.append(cast(Partner.tags, String).contains(json.dumps(filters.tag), autoescape=True))
    if filters.text is not None:
        conditions.append(_mentions(filters.text))
    if filters.band is not None:
        conditions.append(latest_assessment_is(Assessment.band == filters.band))
    if filters.cell is not None:
        likelihood, impact = filters.cell
        in_cell = (Assessment.likelihood_level == likelihood, Assessment.impact_level == impact)
        conditions.append(latest_assessment_is(*in_cell, Assessment.band.is_not(None)))
    if filters.unplaced_on is not None:
        levels = (Assessment.likelihood_level.is_not(None), Assessment.impact_level.is_not(None))
        placed = latest_assessment_is(*levels, Assessment.matrix_version == filters.unplaced_on)
        conditions += [Partner.stage.in_(WATCHED_STAGES), ~placed]
    return conditions


def _mentions(text: str) -> ColumnElement[bool]:
    """Return the condition that a partner's name, an alias or an identifier holds `text`, whatever its case."""
    return or_(
        Partner.name.icontains(text, autoescape=True),
        exists().where(Alias.partner_id == Partner.id, Alias.text.icontains(text, autoescape=True)),
        exists().where(Identifier.partner_id == Partner.id, Identifier.value.icontains(text, autoescape=True)),
    )


def _refuse_faults(values: Mapping[str, Any]) -> None:
    found = ((field, fault_of(field, value)) for field, value in values.items())
    faults = [Fault(field, what) for field, what in found if what]
    if faults:
        raise InvalidInput("The partner cannot be stored.", faults)


def _refuse_taken(session: Session, names: Sequence[str]) -> None:
    for batch in in_batches(names):
        taken = session.scalar(select(Partner.name).where(Partner.name.in_(batch)).order_by(Partner.name).limit(1))
        if taken is not None:
            raise Conflict(f"There is already a partner named {taken}.")
