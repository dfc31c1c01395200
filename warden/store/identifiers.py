"""What partners are called: identifiers, by which facts find them, and aliases, by which headlines name them."""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, false, func, insert, or_, select, true, update
from sqlalchemy.orm import Session

from collectors.base import Key, normalise_key
from warden import __version__
from warden.errors import Conflict, Fault, InvalidInput, NotFound
from warden.models import Alias, Attribution, FactKey, Identifier, Partner
from warden.store import meta
from warden.store.batches import in_batches
from warden.store.visible import is_visible

_TRIED = "keys_tried"
"""Name in the service's memory of which keys and identifiers there were when all keys had been tried."""

_FEW = 50  # identifiers whose keys are sought one by one; beyond, every key is resolved anew

PUBLIC_MAIL_DOMAINS = frozenset(
    {
        "126.com",
        "139.com",
        "163.com",
        "189.cn",
        "aol.com",
        "foxmail.com",
        "fpt.vn",
        "gmail.com",
        "gmx.com",
        "gmx.de",
        "gmx.net",
        "googlemail.com",
        "hey.com",
        "hinet.net",
        "hotmail.com",
        "hotmail.com.tw",
        "icloud.com",
        "live.com",
        "mac.com",
        "mail.com",
        "mail.ru",
        "me.com",
        "msa.hinet.net",
        "msn.com",
        "outlook.com",
        "pchome.com.tw",
        "pm.me",
        "proton.me",
        "protonmail.com",
        "qq.com",
        "seed.net.tw",
        "sina.cn",
        "sina.com",
        "sohu.com",
        "t-online.de",
        "vip.163.com",
        "vip.qq.com",
        "vnn.vn",
        "web.de",
        "yahoo.co.jp",
        "yahoo.com",
        "yahoo.com.cn",
        "yahoo.com.hk",
        "yahoo.com.tw",
        "yahoo.com.vn",
        "yandex.com",
        "yandex.ru",
        "yeah.net",
        "ymail.com",
        "zoho.com",
    }
)
"""Domains anybody can have an address at: as an identifier such a domain would claim strangers."""


def read_key(scheme: str, value: str) -> Key:
    """Return the normalised key of an identifier.

    Raises InvalidInput for an empty or malformed one, and for a public mail domain.
    """
    try:
        key = normalise_key(scheme, value)
    except ValueError as error:
        raise InvalidInput("The identifier cannot be read.", [Fault("identifier", str(error))]) from error
    if key.scheme == "domain" and key.value in PUBLIC_MAIL_DOMAINS:
        what = f"{key.value} is a public mail domain that belongs to no partner; give full addresses as email instead"
        raise InvalidInput(f"{key.value} is a public mail domain.", [Fault("identifier", what)])
    return key


def add_identifier(session: Session, partner: Partner, scheme: str, value: str, now: datetime) -> Identifier:
    """Give a partner an identifier and attribute the facts that came with it, past ones too.

    Adding what the partner already has returns it unchanged. Raises InvalidInput, or Conflict naming the other partner.
    """
    key = read_key(scheme, value)
    conflicts = add_identifiers(session, [(partner, key)], now)
    if conflicts:
        raise Conflict(conflicts[0])
    return session.scalars(select(Identifier).where(_is(key))).one()


def add_identifiers(session: Session, wanted: Sequence[tuple[Partner, Key]], now: datetime) -> dict[int, str]:
    """Give many partners identifiers at once, as `read_key` returns them.

    Those that belong to another partner are not added: returns, by place in `wanted`, who has them already.
    """
    owners = _owners(session, {key for _partner, key in wanted})
    conflicts: dict[int, str] = {}
    added: list[Key] = []
    for place, (partner, key) in enumerate(wanted):
        if key not in owners:
            session.add(Identifier(partner_id=partner.id, scheme=key.scheme, value=key.value, created_at=now))
            owners[key] = partner.id
            added.append(key)
            _touch(partner, now)
        elif owners[key] != partner.id:
            other = session.get_one(Partner, owners[key])
            conflicts[place] = f"{key.scheme} {key.value} already belongs to {other.name}."
    session.flush()
    attribute_again(session, added, now)
    return conflicts


def remove_identifier(session: Session, partner: Partner, identifier_id: uuid.UUID, now: datetime) -> None:
    """Take an identifier from a partner; its facts go to whoever else they fit, or to nobody. Raises NotFound."""
    identifier = session.get(Identifier, identifier_id)
    if identifier is None or identifier.partner_id != partner.id:
        raise NotFound(f"{partner.name} has no identifier {identifier_id}.")
    key = Key(identifier.scheme, identifier.value)
    session.delete(identifier)
    _touch(partner, now)
    session.flush()
    attribute_again(session, [key], now)


def add_alias(
    session: Session,
    partner: Partner,
    text: str,
    now: datetime,
    *,
    case_sensitive: bool = False,
    needs_context: bool = False,
    exclude: bool = False,
    reviewed_by: str | None = None,
) -> Alias:
    """Give a partner an alias, or change the flags of one it has; all articles will be read again.

    Two partners may share an alias: a headline then names both. `reviewed_by`: who looked at what the name matches and
    set these flags; flags changed without a look are nobody's word any more. Raises InvalidInput.
    """
    text = alias_text(text)
    alias = session.scalar(select(Alias).where(Alias.partner_id == partner.id, Alias.text == text))
    if alias is None:
        alias = Alias(partner_id=partner.id, text=text)
        session.add(alias)
    alias.case_sensitive, alias.needs_context, alias.exclude = case_sensitive, needs_context, exclude
    is_changed = session.is_modified(alias) or alias in session.new
    if is_changed or (reviewed_by is not None and alias.reviewed_at is None):
        alias.reviewed_at, alias.reviewed_by = (None, None) if reviewed_by is None else (now, reviewed_by)
        _touch(partner, now)
        meta.bump_alias_epoch(session)
    session.flush()
    return alias


def add_aliases(session: Session, wanted: Sequence[tuple[Partner, str]], now: datetime) -> None:
    """Give many partners plain aliases at once; those they have keep their flags. Raises InvalidInput."""
    known: set[tuple[uuid.UUID, str]] = set()
    for batch in in_batches(sorted({partner.id for partner, _text in wanted})):
        rows = session.execute(select(Alias.partner_id, Alias.text).where(Alias.partner_id.in_(batch)))
        known.update((partner_id, text) for partner_id, text in rows)
    before = len(known)
    for partner, given in wanted:
        text = alias_text(given)
        if (partner.id, text) not in known:
            session.add(Alias(partner_id=partner.id, text=text))
            known.add((partner.id, text))
            _touch(partner, now)
    if len(known) > before:
        meta.bump_alias_epoch(session)
    session.flush()


def remove_alias(session: Session, partner: Partner, alias_id: uuid.UUID, now: datetime) -> None:
    """Take an alias from a partner; all articles will be read again. Raises NotFound."""
    alias = session.get(Alias, alias_id)
    if alias is None or alias.partner_id != partner.id:
        raise NotFound(f"{partner.name} has no alias {alias_id}.")
    session.delete(alias)
    _touch(partner, now)
    meta.bump_alias_epoch(session)
    session.flush()


def all_aliases(session: Session) -> Sequence[Alias]:
    """Return every alias, in a stable order."""
    return session.scalars(select(Alias).order_by(Alias.partner_id, Alias.text)).all()


def resolve(session: Session, keys: Collection[Key]) -> dict[Key, uuid.UUID]:
    """Return the partner of each key that has one: by exact identifier, else by the closest domain it lies in."""
    owners = _owners(session, {candidate for key in keys for candidate in _candidates(key)})
    matches = ((key, next((owners[c] for c in _candidates(key) if c in owners), None)) for key in keys)
    return {key: partner_id for key, partner_id in matches if partner_id is not None}


def attribute_new(session: Session, now: datetime) -> int:
    """Map the keys nobody owns yet and return how many found a partner.

    What fitted nobody is tried again only once there are other identifiers: strangers are many, and come to stay.
    """
    tried, present = meta.get(session, _TRIED), _present(session)
    if tried == present:
        return 0
    which: ColumnElement[bool] = FactKey.partner_id.is_(None)
    if tried is not None and tried["identifiers"] == present["identifiers"]:
        # On PostgreSQL a key with a smaller number may be committed later: then all are tried.
        before = FactKey.id <= tried["newest"]
        if session.scalar(select(func.count()).select_from(FactKey).where(before)) == tried["keys"]:
            which = and_(which, ~before)
    found = _attribute(session, which, now)
    meta.put(session, _TRIED, present)
    return found


def _present(session: Session) -> dict[str, Any]:
    """Return which keys and identifiers there are, and who would try them, as far as trying again may find more."""
    keys, newest = session.execute(select(func.count(), func.max(FactKey.id)).select_from(FactKey)).one()
    identifiers, added = session.execute(select(func.count(), func.max(Identifier.created_at))).one()
    known = [__version__, identifiers, added and added.isoformat()]
    return {"keys": keys, "newest": newest or 0, "identifiers": known}


def attribute_again(session: Session, identifiers: Sequence[Key], now: datetime) -> int:
    """Resolve anew every key that these identifiers may speak of; return how many changed hands."""
    if len(identifiers) > _FEW:
        return _attribute(session, true(), now)
    return _attribute(session, or_(false(), *(_affected(key) for key in identifiers)), now)


def _attribute(session: Session, which: ColumnElement[bool], now: datetime) -> int:
    rows = session.execute(select(FactKey.id, FactKey.scheme, FactKey.value, FactKey.partner_id).where(which)).all()
    owners = resolve(session, {Key(row.scheme, row.value) for row in rows})
    changes = [
        {"id": row.id, "partner_id": owner, "attributed_at": now if owner else None}
        for row in rows
        if (owner := owners.get(Key(row.scheme, row.value))) != row.partner_id
    ]
    if changes:
        session.execute(update(FactKey), changes)
        _note_attributions(session, {change["id"]: change["partner_id"] for change in changes}, now)
    return len(changes)


def _note_attributions(session: Session, owners: Mapping[int, uuid.UUID | None], now: datetime) -> None:
    """Keep whose keys these are from `now` on; whose they were ends. Time runs forward: nothing is kept later."""
    for batch in in_batches(list(owners)):
        ours = Attribution.key_id.in_(batch)
        session.execute(delete(Attribution).where(ours, Attribution.since >= now))
        over = or_(Attribution.until.is_(None), Attribution.until > now)
        session.execute(update(Attribution).where(ours, over).values(until=now))
        rows = [{"key_id": key_id, "partner_id": owners[key_id], "since": now} for key_id in batch if owners[key_id]]
        if rows:
            session.execute(insert(Attribution), rows)


def _affected(key: Key) -> ColumnElement[bool]:
    """Return which keys an identifier can decide about: itself, and for a domain all that lies in it."""
    exact = and_(FactKey.scheme == key.scheme, FactKey.value == key.value)
    if key.scheme != "domain":
        return exact
    inside = or_(
        FactKey.value.endswith("@" + key.value, autoescape=True),
        FactKey.value.endswith("." + key.value, autoescape=True),
    )
    return or_(exact, and_(FactKey.scheme.in_(("email", "domain")), inside))


def _candidates(key: Key) -> Iterator[Key]:
    """Yield the identifiers that would claim a key, closest first. A bare top-level domain claims nothing."""
    yield key
    if key.scheme not in ("email", "domain"):
        return
    labels = key.value.rpartition("@")[2].split(".")
    for start in range(len(labels) - 1):
        domain = Key("domain", ".".join(labels[start:]))
        if domain != key and domain.value not in PUBLIC_MAIL_DOMAINS:
            yield domain


def _owners(session: Session, keys: Iterable[Key]) -> dict[Key, uuid.UUID]:
    """Return whose identifiers exactly these are, those of nobody left out."""
    owners: dict[Key, uuid.UUID] = {}
    for scheme, values in _by_scheme(keys):
        for batch in in_batches(sorted(values)):
            query = select(Identifier.value, Identifier.partner_id)
            found = session.execute(query.where(Identifier.scheme == scheme, Identifier.value.in_(batch)))
            owners.update({Key(scheme, value): partner_id for value, partner_id in found})
    return owners


def _is(key: Key) -> ColumnElement[bool]:
    return and_(Identifier.scheme == key.scheme, Identifier.value == key.value)


def alias_text(text: str) -> str:
    """Return a name as stored, with single spaces. Raises InvalidInput for one that is empty, invisible or too long."""
    text = " ".join(text.replace("\0", "").split())
    if not (is_visible(text) and len(text) <= 200):
        raise InvalidInput("The alias cannot be stored.", [Fault("alias", "expected 1 to 200 characters")])
    return text


def _by_scheme(keys: Iterable[Key]) -> Iterator[tuple[str, set[str]]]:
    schemes: dict[str, set[str]] = {}
    for key in keys:
        schemes.setdefault(key.scheme, set()).add(key.value)
    yield from schemes.items()


def _touch(partner: Partner, now: datetime) -> None:
    partner.version += 1
    partner.updated_at = now
