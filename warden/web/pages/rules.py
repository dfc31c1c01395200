"""Rules: how each fares and what it is; which value holds for whom and why; values for a tier or a partner."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Response
from sqlalchemy.orm import Session

from warden.domain import NoData, RuleState, Scope, Severity
from warden.errors import Conflict, Fault, InvalidInput
from warden.i18n import N_
from warden.models import Rule
from warden.pipeline import counsel, fitting
from warden.rules import FUNCTIONS, VARIABLES, unused_parameters
from warden.store import partners, rule_settings, rule_versions, rules
from warden.store.rule_settings import FIELDS, Effective
from warden.web import rule_words
from warden.web.bounds import NO_NUL
from warden.web.deps import Read, Write
from warden.web.pages import fault_words, rule_form
from warden.web.pages.drawing import Asked, Manager, View, Viewer, Written, see_other
from warden.web.rule_checks import refuse_faults

router = APIRouter(prefix="/rules")

Short = Annotated[str, Form(max_length=200, pattern=NO_NUL)]

SHOWN = 50
"""Partners listed by their state."""

TAKEN_MESSAGE = N_("There is a rule with this key already.")
NOBODY_MESSAGE = N_("There is no partner of this name.")


@dataclass(frozen=True, slots=True)
class Whose:
    """For whom values are shown: a partner, a tier, or (neither) whoever has no setting.

    nobody: the name that was asked for and that no partner has.
    """

    tier: str = ""
    partner_id: uuid.UUID | None = None
    called: str = ""
    nobody: str = ""


@router.get("", response_model=None)
def list_rules(view: Viewer, session: Read) -> Response:
    """Show every rule: whether it is on, for whom it fires, how often it was right and how much noise it made."""
    known = rules.listing(session)
    return view.page(
        "rules.html",
        rules=known,
        counts=rules.state_counts(session),
        standings=counsel.standings(session, known, view.services.settings.noise_budget, view.now),
    )


@router.get("/context", response_model=None)
def show_context(view: Viewer) -> Response:
    """Show everything a condition may speak of."""
    return view.page("rule_context.html", variables=VARIABLES, functions=FUNCTIONS)


@router.get("/new", response_model=None)
def ask_new(view: Manager) -> Response:
    """Show the form for a rule of one's own."""
    return view.page("rule_new.html", entered={"key": "", "name": "", "condition": ""})


@router.post("", response_model=None)
def create(view: Manager, session: Write, key: Short = "", name: Short = "", condition: Written = "") -> Response:
    """Add a rule of one's own as a draft, which decides nothing yet."""
    entered = {"key": key.strip(), "name": name.strip(), "condition": condition.strip()}
    definition = {"names": {"en": entered["name"]}, "condition": entered["condition"]}
    try:
        refuse_faults(session, entered["key"], definition)
        made = rule_versions.create(session, entered["key"], definition, view.by, view.now)
    except (InvalidInput, Conflict) as error:
        found = error.faults if isinstance(error, InvalidInput) else [Fault.of("key", TAKEN_MESSAGE)]
        faults = rule_form.by_entry(view.reader, found)
        if "names.en" in faults:
            faults["name"] = faults.pop("names.en")
        return view.page("rule_new.html", 422, entered=entered, faults=faults)
    return see_other(f"/rules/{made.rule_id}/versions/{made.number}")


@router.get("/{rule_id}", response_model=None)
def show_rule(view: Viewer, session: Read, rule_id: uuid.UUID, tier: Asked = "", partner: Asked = "") -> Response:
    """Show one rule, with every value that holds for whoever is asked for."""
    return _draw(view, session, rules.get(session, rule_id), _whose(session, tier, partner))


@router.post("/{rule_id}/settings", response_model=None)
def add_setting(
    view: Manager,
    session: Write,
    rule_id: uuid.UUID,
    scope: Short = "",
    subject: Short = "",
    name: Short = "",
    value: Short = "",
    reason: Written = "",
) -> Response:
    """Let a tier or a partner have its own value; what is wrong is told at the field, and what was typed is kept."""
    rule = rules.get(session, rule_id)
    entered = {"scope": scope, "subject": subject, "name": name, "value": value, "reason": reason}
    try:
        rule_settings.add(
            session,
            rule,
            scope=Scope(scope) if scope in tuple(Scope) else Scope.PORTFOLIO,
            subject=_subject(session, scope, subject),
            name=name,
            value=rule_form.value_of(name, value, rule.parameters),
            reason=reason,
            author=view.by,
            now=view.now,
        )
    except InvalidInput as error:
        said = {fault.where: fault_words.sentence(view.reader, fault) for fault in error.faults}
        if scope == Scope.PARTNER and "subject" in said:  # people type names, not ids
            said["subject"] = view.reader.tr(NOBODY_MESSAGE)
        return _draw(view, session, rule, Whose(), entered, said)
    return see_other(f"/rules/{rule.id}#settings")


@router.post("/{rule_id}/settings/{setting_id}/end", response_model=None)
def end_setting(view: Manager, session: Write, rule_id: uuid.UUID, setting_id: uuid.UUID) -> Response:
    """Let a setting hold no longer."""
    rule_settings.end(session, rule_id, setting_id, view.by, view.now)
    return see_other(f"/rules/{rule_id}#settings")


_EMPTY = {"scope": "tier", "subject": "", "name": "", "value": "", "reason": ""}
_NO_FAULTS: Mapping[str, str] = {}


def _draw(
    view: View,
    session: Session,
    rule: Rule,
    whose: Whose,
    entered: Mapping[str, str] = _EMPTY,
    faults: Mapping[str, str] = _NO_FAULTS,
) -> Response:
    held = rule_settings.effective(rule, rule_settings.in_force(session, rule.id), whose.tier, whose.partner_id)
    said = rule_settings.listing(session, rule.id, history=True)
    definition = rule_versions.definition_of(rule)
    budget = view.services.settings.noise_budget
    return view.page(
        "rule.html",
        422 if faults else 200,
        rule=rule,
        definition=definition,
        whose=whose,
        held=values(held),
        settings=[row for row in said if row.ended_at is None],
        ended=[row for row in said if row.ended_at is not None],
        called=partners.named(session, {row.partner_id for row in said if row.partner_id is not None}),
        unfit=fault_words.told_all(view.reader, fitting.unfit_now(session, definition) if rule.version else ()),
        unused=fault_words.told_all(view.reader, unused_parameters(definition)),
        versions=history(session, rule),
        counts=rules.state_counts(session).get(rule.id, {}),
        states=rules.in_state(session, rule.id, (RuleState.FIRING, RuleState.RECOVERING, RuleState.PENDING), SHOWN),
        standing=counsel.standings(session, [rule], budget, view.now)[rule.id],
        tiers=partners.tiers(session),
        names=[*rule.parameters, *FIELDS],
        severities=[severity.value for severity in Severity],
        no_data=[one.value for one in NoData],
        entered=entered,
        faults=faults,
        rule_words=rule_words,
    )


def values(held: Effective) -> Sequence[tuple[str, Any, Any]]:
    """Return (name, value, origin) of everything that holds, parameters first."""
    fields = [(name, getattr(held, name), held.origins[name]) for name in FIELDS]
    return [*((name, value, held.origins[name]) for name, value in held.parameters.items()), *fields]


def history(session: Session, rule: Rule) -> list[tuple[Any, list[rule_versions.Difference]]]:
    """Return each version, newest first, with how it differs from the one before it by number."""
    found = rule_versions.listing(session, rule.id)
    older = [*(row.definition for row in found[1:]), None]
    return [
        (row, rule_versions.differences(before, row.definition) if before is not None else [])
        for row, before in zip(found, older, strict=True)
    ]


def _whose(session: Session, tier: str, partner: str) -> Whose:
    """Return for whom values are asked."""
    if not partner.strip():
        return Whose(tier, None, tier)
    found = partners.by_name(session, partner.strip())
    return Whose(nobody=partner) if found is None else Whose(found.tier, found.id, found.name)


def _subject(session: Session, scope: str, subject: str) -> str:
    """Return what was typed as the store takes it: of a partner, whose name people type, the id."""
    if scope != Scope.PARTNER:
        return subject
    found = partners.by_name(session, subject.strip())
    return subject if found is None else str(found.id)
