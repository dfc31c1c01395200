"""What lies behind the steps of a change ledger, in words. It computes no difference."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from scorers.news import kinds
from warden import plugins
from warden.domain import CorrectionKind, FactKind, Quantity
from warden.i18n import N_
from warden.models import Correction, Criterion, PartnerVersion
from warden.pipeline.chain import Clocks, State
from warden.store import changes, criteria, learning, matrices
from warden.store.changes import Window
from warden.store.partners import VERSIONED

LATE_MESSAGES = {
    FactKind.MESSAGE: N_("messages of before that became known since: %(count)s"),
    FactKind.DELIVERY: N_("deliveries of before that became known or were corrected since: %(count)s"),
    FactKind.ARTICLE: N_("articles of before that became known since: %(count)s"),
    FactKind.MEASURE: N_("figures of before that became known or were corrected since: %(count)s"),
}
REREAD_MESSAGE = N_("articles of before that are read, or put together, otherwise since: %(count)s")
NEW_MESSAGES = {
    FactKind.MESSAGE: N_("new messages: %(count)s"),
    FactKind.DELIVERY: N_("deliveries made, or due and still open: %(count)s"),
    FactKind.ARTICLE: N_("new articles: %(count)s"),
    FactKind.MEASURE: N_("new figures: %(count)s"),
}
DAYS_MESSAGE = N_("days that went by: %(days)s")
BECAME_LATE_MESSAGE = N_("deliveries that became late: %(count)s")
VERSION_MESSAGE = N_("a newer version of the scorer: %(before)s then, %(now)s now")
OTHERWISE_MESSAGE = N_("settings of the service, or the way articles are read, are not what they were")
CRITERION_SET_MESSAGE = N_("criteria set by %(author)s: %(reason)s")
CRITERION_SET_SILENTLY_MESSAGE = N_("criteria set by %(author)s")
CRITERION_ENDED_MESSAGE = N_("criteria ended by %(author)s")
MATRIX_MESSAGE = N_("version %(version)s of the matrix activated by %(author)s")
ATTRIBUTE_MESSAGE = N_("was %(before)s, is %(now)s")
MAPPED_MESSAGE = N_("identifiers mapped to this partner: %(count)s")
UNMAPPED_MESSAGE = N_("identifiers taken from this partner: %(count)s")
OVERRIDE_MESSAGES = {
    "likelihood": N_("%(value_share)s set by %(author)s: %(reason)s"),
    "impact": N_("%(value)s set by %(author)s: %(reason)s"),
}
OVERRIDE_OVER_MESSAGES = {
    "likelihood": N_("%(value_share)s set by %(author)s no longer holds"),
    "impact": N_("%(value)s set by %(author)s no longer holds"),
}
FIELD_MESSAGE = N_("%(field)s was %(before)s, is now %(now)s")
KNOWN_MESSAGE = N_("nothing could be said of it before: %(why)s")
UNKNOWN_MESSAGE = N_("nothing can be said of it any more: %(why)s")

TONE_MESSAGES = {
    "negative": N_("%(author)s said that an article is negative"),
    "neutral": N_("%(author)s said that an article is neutral"),
    "positive": N_("%(author)s said that an article is positive"),
}
OF_EVENT_MESSAGE = N_("%(author)s said that an article tells of: %(event)s")
OF_NO_EVENT_MESSAGE = N_("%(author)s said that an article tells of no known kind of event")
FOREIGN_MESSAGE = N_("%(author)s said that an article is not about this partner")
ABOUT_MESSAGE = N_("%(author)s said that an article is about this partner")
SPLIT_MESSAGE = N_("%(author)s set an article apart from its incident")
JOINED_MESSAGE = N_("%(author)s joined an article with another incident")
TAKEN_BACK_MESSAGE = N_("%(author)s took back what was corrected of an article")

Signals = Sequence[Mapping[str, Any]]
Overrides = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened. `of`: the outcome, criterion, attribute or quantity it is about, None: the partner.

    `facts`: numbers of the facts behind it, newest first, at most 20.
    """

    message: str
    params: Mapping[str, Any]
    of: str | None = None
    facts: Sequence[int] = ()


def of_versions(said: Signals, differs: bool) -> Iterator[Line]:
    """Tell which scorers have another version than when this was said; `differs`: so is what they say of it now."""
    present = {scorer.name: scorer.version for scorer in plugins.scorers()}
    then = dict.fromkeys((signal["name"], signal["version"]) for signal in said)
    changed = [(name, version) for name, version in then if present.get(name) != version]
    for name, version in changed:
        yield Line(VERSION_MESSAGE, {"before": version, "now": present.get(name)}, name)
    if differs and not changed:
        yield Line(OTHERWISE_MESSAGE, {})


def of_late_facts(session: Session, partner_id: uuid.UUID, start: Clocks, end: Clocks) -> Iterator[Line]:
    """Tell how many facts of the time up to the start became known since."""
    window = Window(start.as_of, end.known_at, start.known_at, learned_after=start.known_at)
    yield from _facts(session, partner_id, window, LATE_MESSAGES)
    again = changes.reread(session, partner_id, window)
    if again.count:
        yield Line(REREAD_MESSAGE, {"count": again.count}, facts=again.newest)


def of_new_facts(session: Session, partner_id: uuid.UUID, start: Clocks, end: Clocks) -> Iterator[Line]:
    """Tell how many facts came true between the ends."""
    window = Window(end.as_of, end.known_at, start.known_at, after=start.as_of)
    yield from _facts(session, partner_id, window, NEW_MESSAGES)


def _facts(session: Session, partner_id: uuid.UUID, window: Window, messages: Mapping[FactKind, str]) -> Iterator[Line]:
    for kind, told in changes.facts(session, partner_id, window).items():
        yield Line(messages[kind], {"count": told.count}, facts=told.newest)
    for correction in changes.corrections(session, partner_id, window):
        said = {"author": correction.author, **_named_event(correction.value)}
        yield Line(_correction_message(correction), said, "tone", [correction.fact_id])


def _correction_message(correction: Correction) -> str:
    value = correction.value
    if not value:
        return TAKEN_BACK_MESSAGE
    if correction.kind is CorrectionKind.TONE:
        return TONE_MESSAGES[value["label"]]
    if correction.kind is CorrectionKind.EVENT:
        return OF_EVENT_MESSAGE if value["event"] else OF_NO_EVENT_MESSAGE
    if correction.kind is CorrectionKind.ABOUT:
        return ABOUT_MESSAGE if value["about"] else FOREIGN_MESSAGE
    return SPLIT_MESSAGE if "apart" in value else JOINED_MESSAGE


def _named_event(value: Mapping[str, Any]) -> dict[str, Any]:
    event = value.get("event")
    return {"event": {"message": kinds.EVENT_MESSAGES.get(event, event), "params": {}}} if event else {}


def of_time(start: Clocks, end: Clocks, before: State, after: State) -> Iterator[Line]:
    """Tell how long it was, and how many open deliveries fell due meanwhile."""
    days = (end.as_of - start.as_of) / timedelta(days=1)
    if days > 0:
        yield Line(DAYS_MESSAGE, {"days": round(days, 1)})
    late = int(after.late.sum()) - int(before.late[max(0, after.first - before.first) :].sum())
    if late > 0:
        yield Line(BECAME_LATE_MESSAGE, {"count": late}, "late_share")


def of_configuration(session: Session, partner_id: uuid.UUID, start: Clocks, end: Clocks) -> Iterator[Line]:
    """Tell who changed which criteria, the matrix and attributes, which models speak anew, and what was mapped."""
    then, now = start.known_at, end.known_at
    versions = [changes.attributes(session, partner_id, at) for at in (then, now)]
    tiers = [version.tier for version in versions if version is not None]
    for row in changes.criteria(session, then, now, partner_id, tiers):
        yield from _criterion(session, partner_id, row, end)
    matrix = matrices.in_force(session, now)
    if matrix.version != matrices.in_force(session, then).version:
        yield Line(MATRIX_MESSAGE, {"version": matrix.version, "author": matrix.author})
    yield from _attributes(*versions)
    yield from _models(session, start, end)
    owned = [changes.keys(session, partner_id, at, now) for at in (then, now)]
    for message, keys in ((MAPPED_MESSAGE, owned[1] - owned[0]), (UNMAPPED_MESSAGE, owned[0] - owned[1])):
        if keys:
            yield Line(message, {"count": len(keys)})


def _criterion(session: Session, partner_id: uuid.UUID, row: Criterion, end: Clocks) -> Iterator[Line]:
    if row.ended_at is not None and row.ended_at <= end.known_at:
        at = row.ended_at
        yield Line(CRITERION_ENDED_MESSAGE, {"author": row.ended_by}, row.name)
    else:
        at = row.created_at
        reason = {"reason": row.reason} if row.reason else {}
        message = CRITERION_SET_MESSAGE if row.reason else CRITERION_SET_SILENTLY_MESSAGE
        yield Line(message, {"author": row.author, **reason}, row.name)
    then, now = (_values(session, partner_id, row.name, moment) for moment in (at - timedelta(microseconds=1), at))
    for field, value in now.items():
        if value != then[field]:
            params = {"field": field, "before": then[field], "now": value}
            yield Line(FIELD_MESSAGE, params, row.name)


def _values(session: Session, partner_id: uuid.UUID, name: str, at: datetime) -> Mapping[str, Any]:
    """Return what held for a partner, in texts and numbers."""
    version = changes.attributes(session, partner_id, at)
    held = criteria.effective(session, name, (partner_id, version.tier if version else ""), at)
    values = {**held.options.model_dump(), criteria.ENABLED: held.enabled}
    return {field: _written(value) for field, value in values.items()}


def _written(value: Any) -> str | float | None:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {part:g}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(f"{part:g}" for part in value)
    return str(value).lower() if isinstance(value, bool) else value


def _attributes(before: PartnerVersion | None, after: PartnerVersion | None) -> Iterator[Line]:
    for name in VERSIONED:
        then, now = (_plain(getattr(version, name, None)) for version in (before, after))
        if then != now:
            yield Line(ATTRIBUTE_MESSAGE, {"before": then, "now": now}, name)


def _plain(value: Any) -> str | float | None:
    return value if value is None or isinstance(value, float) else str(value)


def _models(session: Session, start: Clocks, end: Clocks) -> Iterator[Line]:
    before, after = (learning.in_force(session, clocks.known_at) for clocks in (start, end))
    for scorer in plugins.scorers():
        then, now = (learning.speaker(found.get(scorer.name), scorer) for found in (before, after))
        if (then.form, then.number) != (now.form, now.number) and now.why is not None:
            yield Line(now.why["message"], now.why["params"], scorer.name)


def of_overrides(before: Overrides, after: Overrides) -> Iterator[Line]:
    """Tell which overrides hold at the end only, and which at the start only."""
    held, holding = ({override["id"] for override in overrides} for overrides in (before, after))
    for override in after:
        if override["id"] not in held:
            yield _override(override, OVERRIDE_MESSAGES)
    for override in before:
        if override["id"] not in holding:
            yield _override(override, OVERRIDE_OVER_MESSAGES)


def _override(override: Mapping[str, Any], messages: Mapping[str, str]) -> Line:
    quantity, value = override["quantity"], override["value"]
    said = {"value_share" if quantity == Quantity.LIKELIHOOD else "value": value, "author": override["author"]}
    return Line(messages[quantity], {**said, "reason": override["reason"]}, quantity)


def of_ends(before: Signals, after: Signals) -> Iterator[Line]:
    """Tell of which outcomes something can be said at one end only, and why not at the other."""
    why = [{signal["name"]: signal["unknown"] for signal in signals} for signals in (before, after)]
    for name in dict.fromkeys([*why[0], *why[1]]):
        then, now = (unknown.get(name) for unknown in why)
        if then and not now and name in why[1]:
            yield Line(KNOWN_MESSAGE, {"why": then}, name)
        if now and not then and name in why[0]:
            yield Line(UNKNOWN_MESSAGE, {"why": now}, name)
