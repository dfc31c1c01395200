"""Digests as standing orders: who gets which and when, what the next would say, and what was sent."""

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form, Response
from sqlalchemy.orm import Session

from warden.domain import Frequency, WhenEmpty
from warden.i18n import N_
from warden.messages import Message, refusals
from warden.models import Digest, Notification
from warden.pipeline import digest as stage
from warden.store import destinations, digests, people
from warden.store.paging import page
from warden.web.bounds import typed_version
from warden.web.deps import Read, Write
from warden.web.pages import choices
from warden.web.pages.drawing import ROWS, Manager, View, Viewer, Written, see_other

router = APIRouter(prefix="/digests")

Weekday = Annotated[int, Form(ge=0, le=6)]
Day = Annotated[int, Form(ge=1, le=digests.LAST_DAY)]
Hour = Annotated[int, Form(ge=0, le=23)]

TAKEN_MESSAGE = N_("This person has a digest already: change that one.")


@router.get("", response_model=None)
def list_digests(view: Viewer, session: Read, before: str | None = None) -> Response:
    """Show every digest, the next due first."""
    return _draw(view, session, before)


@router.post("", response_model=None)
def order_digest(
    view: Manager,
    session: Write,
    destination_id: Annotated[uuid.UUID, Form()],
    frequency: Annotated[Frequency, Form()],
    weekday: Weekday = 0,
    day: Day = 1,
    hour: Hour = 8,
    only_mine: Annotated[bool, Form()] = False,
    when_empty: Annotated[WhenEmpty, Form()] = WhenEmpty.SEND,
    person: Written = "",
) -> Response:
    """Order a digest for somebody who has none."""
    reader = people.one_called(session, person)
    if reader is None or digests.is_ordered(session, reader.id):
        fault = choices.PERSON_MESSAGE if reader is None else TAKEN_MESSAGE
        return _draw(view, session, faults={"person": view.reader.tr(fault)}, entered=person)
    digests.add(
        session,
        person=reader,
        destination=destinations.get(session, destination_id),
        frequency=frequency,
        weekday=weekday,
        day=day,
        hour=hour,
        only_mine=only_mine,
        when_empty=when_empty,
        now=view.now,
    )
    return see_other("/digests")


@router.get("/{digest_id}", response_model=None)
def show_digest(view: Viewer, session: Read, digest_id: uuid.UUID, before: str | None = None) -> Response:
    """Show what a digest would say now, and what was sent."""
    found = digests.get(session, digest_id)
    message = stage.preview(session, view.services.vault, view.services.settings, found, view.now)
    query = digests.log(digest_id)
    sent = page(session, query, Notification.created_at, Notification.id, before, ROWS, descending=True)
    return view.page(
        "digest.html",
        digest=found,
        message=message,
        groups=_groups(message),
        sent=sent.items,
        in_words=partial(refusals.in_words, view.reader),
        older=view.older(sent.next),
        frequencies=list(Frequency),
        choices=list(WhenEmpty),
    )


@router.post("/{digest_id}", response_model=None)
def change_digest(
    view: Manager,
    session: Write,
    digest_id: uuid.UUID,
    frequency: Annotated[Frequency, Form()],
    weekday: Weekday = 0,
    day: Day = 1,
    hour: Hour = 8,
    only_mine: Annotated[bool, Form()] = False,
    enabled: Annotated[bool, Form()] = False,
    when_empty: Annotated[WhenEmpty, Form()] = WhenEmpty.SEND,
    version: Written = "",
) -> Response:
    """Change when a digest comes and what it tells, or switch it off and on, unless somebody changed it meanwhile."""
    digests.change(
        session,
        digests.get(session, digest_id, lock=True),
        version=typed_version(version),
        now=view.now,
        frequency=frequency,
        weekday=weekday,
        day=day,
        hour=hour,
        only_mine=only_mine,
        enabled=enabled,
        when_empty=when_empty,
    )
    return see_other(f"/digests/{digest_id}")


def _draw(
    view: View,
    session: Session,
    before: str | None = None,
    *,
    faults: Mapping[str, str] | None = None,
    entered: str = "",
) -> Response:
    found = page(session, digests.listing(), Digest.next_run_at, Digest.id, before, ROWS)
    return view.page(
        "digests.html",
        422 if faults else 200,
        digests=found.items,
        older=view.older(found.next),
        people=choices.of_people(session) if view.may_change else [],
        destinations=destinations.all_for_mail(session),
        faults=faults or {},
        entered=entered,
        frequencies=list(Frequency),
        choices=list(WhenEmpty),
    )


def _groups(message: Message) -> Mapping[str, list[tuple[str, str, str]]]:
    """Return the message's items under their headings: (title, text, address)."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for item in message.items:
        found.setdefault(item.group, []).append((item.title, item.text, item.url))
    return found
