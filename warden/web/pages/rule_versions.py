"""Versions of a rule: drafting one, rehearsing it on our own past, seeing for whom it starts and stops, activating."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Request, Response
from sqlalchemy.orm import Session

from warden.domain import LOCALES, NoData, Severity, VersionStatus
from warden.errors import Fault
from warden.models import Rule, RuleVersion
from warden.pipeline import firing, fitting, rehearse
from warden.rules import unused_parameters
from warden.store import partners, rule_versions, rules
from warden.web import rule_words
from warden.web.bounds import check_tag, version_tag
from warden.web.deps import SLOW, Read, Write
from warden.web.pages import fault_words, rule_form
from warden.web.pages.drawing import Manager, View, Viewer, Written, see_other
from warden.web.rule_checks import faults_of
from warden.web.templating import LANGUAGES

router = APIRouter(prefix="/rules/{rule_id}/versions")

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Of = Annotated[int | None, Form(ge=1, le=2**31 - 1)]
Days = Annotated[int, Form(ge=7, le=rehearse.MOST_DAYS)]

SPANS = (91, 182, 365, 730)
"""Days to look back that the page offers."""


async def _typed(request: Request) -> Mapping[str, str]:
    """Return the form as it came: it has an entry for each language of each text."""
    form = await request.form()
    return {name: value[:10_000].replace("\x00", "") for name, value in form.items() if isinstance(value, str)}


Typed = Annotated[Mapping[str, str], Depends(_typed)]
"""Asked for before the session: who sends slowly must keep no place for writing."""


@router.post("", response_model=None)
def draft(view: Manager, session: Write, rule_id: uuid.UUID, of: Of = None) -> Response:
    """Make a draft of what is active, or of an earlier version, to be changed."""
    made = rule_versions.draft(session, rules.get(session, rule_id), view.by, view.now, of=of)
    return see_other(f"/rules/{rule_id}/versions/{made.number}")


@router.get("/{number}", response_model=None)
def show_version(view: Viewer, session: Read, rule_id: uuid.UUID, number: Number) -> Response:
    """Show one version, how it differs from what is active, and what was rehearsed of it."""
    rule = rules.get(session, rule_id)
    return _draw(view, session, rule, rule_versions.get(session, rule.id, number))


@router.post("/{number}", response_model=None)
def change(view: Manager, form: Typed, session: Write, rule_id: uuid.UUID, number: Number) -> Response:
    """Change a draft to what was typed; what is wrong is told beside its field, and what was typed is kept."""
    rule = rules.locked(session, rule_id) or rules.get(session, rule_id)
    version = rule_versions.get(session, rule.id, number)
    check_tag(f'"{form.get("tag", "")}"', version_tag(version), f"Version {number}")
    definition, wrong = rule_form.typed(form)
    wrong += faults_of(session, rule.key, definition)
    if wrong:
        return _draw(view, session, rule, version, form, wrong)
    rule_versions.change(session, rule, number, definition, view.by, view.now, form.get("note", ""))
    return see_other(f"/rules/{rule_id}/versions/{number}")


@router.post("/{number}/delete", response_model=None)
def delete(view: Manager, session: Write, rule_id: uuid.UUID, number: Number) -> Response:
    """Throw a draft away; a rule that was never active goes with its last one."""
    rule = rules.get(session, rule_id)
    rule_versions.delete(session, rule, number)
    return see_other("/rules" if rule.version == 0 else f"/rules/{rule_id}")


@router.post("/{number}/rehearse", response_model=None, dependencies=[SLOW])
def rehearse_version(view: Manager, rule_id: uuid.UUID, number: Number, days: Days = rehearse.DAYS) -> Response:
    """Replay a version over our own past, and show what was found."""
    rehearse.run(view.services.db, view.services.settings, rule_id, number, view.now, days)
    return see_other(f"/rules/{rule_id}/versions/{number}#rehearsal")


@router.get("/{number}/preview", response_model=None, dependencies=[SLOW])
def preview(view: Viewer, session: Read, rule_id: uuid.UUID, number: Number) -> Response:
    """Show for whom a version would start and stop firing; managers can activate a draft from here."""
    rule = rules.get(session, rule_id)
    version = rule_versions.get(session, rule.id, number)
    return view.page(
        "rule_preview.html",
        rule=rule,
        version=version,
        tag=version_tag(version),
        unnamed=_unnamed(version.definition),
        unfit=fault_words.told_all(view.reader, fitting.unfit_now(session, version.definition)),
        unused=fault_words.told_all(view.reader, unused_parameters(version.definition)),
        found=firing.preview(session, rule, version.definition, view.now),
        rule_words=rule_words,
    )


@router.post("/{number}/activate", response_model=None)
def activate(
    view: Manager, session: Write, rule_id: uuid.UUID, number: Number, tag: Written = "", note: Written = ""
) -> Response:
    """Let a draft decide from the next tick on, unless it was changed since it was looked at."""
    rule = rules.locked(session, rule_id) or rules.get(session, rule_id)
    version = rule_versions.get(session, rule.id, number)
    check_tag(f'"{tag}"', version_tag(version), f"Version {number}")
    wrong = faults_of(session, rule.key, version.definition)  # what it speaks of may be gone since it was drafted
    if wrong:
        return _draw(view, session, rule, version, wrong=wrong)
    rule_versions.activate(session, rule, number, view.by, view.now, note)
    return see_other(f"/rules/{rule_id}")


def _draw(
    view: View,
    session: Session,
    rule: Rule,
    version: RuleVersion,
    form: Mapping[str, str] | None = None,
    wrong: Sequence[Fault] = (),
) -> Response:
    definition = {**rule_versions.definition_of(rule), **version.definition}
    active = rule_versions.active(session, rule.id)
    report = version.rehearsal
    entered = rule_form.entered(definition) | {"note": version.note}
    if form is not None:  # a box that is not ticked does not come with the form
        entered = {**dict.fromkeys(entered, ""), **form}
    return view.page(
        "rule_version.html",
        422 if wrong else 200,
        rule=rule,
        version=version,
        definition=definition,
        is_draft=version.status is VersionStatus.DRAFT,
        tag=version_tag(version),
        unnamed=_unnamed(definition),
        entered=entered,
        faults=rule_form.by_entry(view.reader, wrong),
        changed=rule_versions.differences(active.definition, version.definition) if active else [],
        active=active,
        report=report,
        called=_called(session, report),
        locales=LOCALES,
        severities=[severity.value for severity in Severity],
        no_data=[one.value for one in NoData],
        spans=SPANS,
        rule_words=rule_words,
    )


def _unnamed(definition: Mapping[str, Any]) -> list[str]:
    """Return the languages a version has no name in, each in its own words."""
    return [LANGUAGES[locale] for locale in rules.unnamed_in(definition["names"])]


def _called(session: Session, report: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the names of the partners a report lists, by id."""
    wanted = {uuid.UUID(one["partner"]) for one in report["alerts"]} if report else set()
    return {str(partner_id): name for partner_id, name in partners.named(session, wanted).items()}
