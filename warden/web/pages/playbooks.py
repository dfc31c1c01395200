"""Playbooks: what helps against each cause; drafting a version, editing it in four languages, activating it."""

import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from warden.domain import LOCALES, DiagnosedCause, VersionStatus
from warden.errors import Fault, InvalidInput, NotFound
from warden.i18n import N_
from warden.models import Playbook
from warden.store import playbooks
from warden.web import alert_words
from warden.web.bounds import check_tag, content_tag
from warden.web.deps import Read, Write
from warden.web.pages.drawing import Manager, View, Viewer, Written, see_other
from warden.web.pages.matcher_form import Typed, first
from warden.web.templating import LANGUAGES

router = APIRouter(prefix="/alerts/playbooks")

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]

TITLE_MESSAGE = N_("%(language)s: the title is missing, or longer than %(longest)s characters.")
STEP_MESSAGE = N_("%(language)s: step %(number)s is missing, or longer than %(longest)s characters.")
COUNT_MESSAGE = N_("Write 1 to %(most)s steps.")


@router.get("", response_model=None)
def list_playbooks(view: Viewer, session: Read) -> Response:
    """Show the versions for each cause, newest first."""
    rows = playbooks.listing(session)
    versions = {cause: [row for row in rows if row.cause is cause] for cause in DiagnosedCause}
    return view.page("playbooks.html", versions=versions, alert_words=alert_words)


@router.post("/{cause}", response_model=None)
def draft(view: Manager, session: Write, cause: DiagnosedCause) -> Response:
    """Make a draft of what is in use, to be changed."""
    base = playbooks.active(session).get(cause)
    if base is None:
        raise NotFound(f"No playbook for {cause} is in use.")
    made = playbooks.draft(session, cause, base.titles, base.steps, note="", author=view.by, now=view.now)
    return see_other(f"/alerts/playbooks/{cause}/{made.number}")


@router.get("/{cause}/{number}", response_model=None)
def show_playbook(view: Viewer, session: Read, cause: DiagnosedCause, number: Number) -> Response:
    """Show one version; a draft can be changed here."""
    found = playbooks.get(session, cause, number)
    return _draw(view, found, _entered(found))


@router.post("/{cause}/{number}", response_model=None)
def change(view: Manager, typed: Typed, session: Write, cause: DiagnosedCause, number: Number) -> Response:
    """Replace what a draft holds; what is missing is told, and what was typed is kept."""
    found = playbooks.get(session, cause, number, lock=True)
    check_tag(f'"{first(typed, "tag")}"', content_tag(found), f"Version {number}")
    entered = {name: first(typed, name) for name in _entered(found)}
    try:
        playbooks.change(session, cause, number, *_read(entered), note=entered["note"])
    except InvalidInput as error:
        return _draw(view, found, entered, error.faults)
    return see_other(f"/alerts/playbooks/{cause}/{number}")


@router.post("/{cause}/{number}/activate", response_model=None)
def activate(view: Manager, session: Write, cause: DiagnosedCause, number: Number, tag: Written = "") -> Response:
    """Advise by a draft from now on, unless it was changed since it was looked at."""
    check_tag(f'"{tag}"', content_tag(playbooks.get(session, cause, number, lock=True)), f"Version {number}")
    playbooks.activate(session, cause, number, view.now)
    return see_other(f"/alerts/playbooks/{cause}/{number}")


@router.post("/{cause}/{number}/delete", response_model=None)
def delete(view: Manager, session: Write, cause: DiagnosedCause, number: Number) -> Response:
    """Throw a draft away."""
    playbooks.delete(session, cause, number)
    return see_other("/alerts/playbooks")


def _entered(found: Playbook) -> dict[str, str]:
    """Return what stands in the form: a title and one step a line for each language, and the note."""
    titles = {f"title.{locale}": found.titles.get(locale, "") for locale in LOCALES}
    steps = {f"steps.{locale}": "\n".join(step.get(locale, "") for step in found.steps) for locale in LOCALES}
    return {**titles, **steps, "note": found.note}


def _read(entered: Mapping[str, str]) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Return titles and steps as typed; the first lines of all languages are one step, and so on."""
    lines = [[line.strip() for line in entered[f"steps.{locale}"].splitlines() if line.strip()] for locale in LOCALES]
    steps = [dict(zip(LOCALES, row, strict=True)) for row in zip_longest(*lines, fillvalue="")]
    return {locale: entered[f"title.{locale}"] for locale in LOCALES}, steps


def _draw(view: View, found: Playbook, entered: Mapping[str, str], wrong: Sequence[Fault] = ()) -> Response:
    return view.page(
        "playbook.html",
        422 if wrong else 200,
        playbook=found,
        is_draft=found.status is VersionStatus.DRAFT,
        tag=content_tag(found),
        entered=entered,
        wrong=[_in_words(view, fault) for fault in wrong],
        rows=max(4, len(found.steps) + 1),
        alert_words=alert_words,
    )


def _in_words(view: View, fault: Fault) -> str:
    place = re.fullmatch(r"(titles|steps\[(\d+)\])\.(.+)", fault.where)
    if place is None:
        return view.reader.say(COUNT_MESSAGE, most=playbooks.MOST_STEPS)
    params: dict[str, Any] = {"language": LANGUAGES[place[3]]}
    if place[2] is None:
        return view.reader.say(TITLE_MESSAGE, longest=playbooks.LONGEST_TITLE, **params)
    return view.reader.say(STEP_MESSAGE, number=int(place[2]) + 1, longest=playbooks.LONGEST_STEP, **params)
