"""Playbooks: the steps that help against each cause, as versions that are drafted, activated and kept."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from warden.domain import LOCALES, DiagnosedCause, VersionStatus
from warden.models import Playbook
from warden.store import playbooks
from warden.web.api.shapes import Changes, IfMatch, Input, Listed, NoBody, Note, refuse_nulls, set_etag, text
from warden.web.bounds import check_tag, content_tag
from warden.web.deps import Caller, Now, Read, Write, guard
from warden.web.problems import errors

router = APIRouter(prefix="/playbooks", tags=["rules"], dependencies=[guard("rules")])

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Texts = Annotated[
    dict[Annotated[str, text(10)], Annotated[str, text(playbooks.LONGEST_STEP, 0)]],
    Field(max_length=len(LOCALES), description="By language: en, zh-Hant, zh-Hans and vi, all of them."),
]
Steps = Annotated[list[Texts], Field(max_length=playbooks.MOST_STEPS)]

TITLE: dict[str, Any] = {
    "en": "Bring the talk back",
    "zh-Hant": "恢復溝通",
    "zh-Hans": "恢复沟通",
    "vi": "Nối lại trao đổi",
}


class NewPlaybook(Input):
    """A draft; what is left out is as in the version in use."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"titles": TITLE, "note": "Shorter."}]})

    titles: Texts | None = None
    steps: Steps | None = None
    note: Note = ""


class PlaybookChanges(Changes):
    """What to change about a draft."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"titles": TITLE}]})

    titles: Texts | None = None
    steps: Steps | None = None
    note: Note | None = None


class PlaybookOut(BaseModel):
    """One version of the playbook for a cause. At most one is active; drafts can be changed."""

    model_config = ConfigDict(from_attributes=True)

    cause: DiagnosedCause
    number: int
    status: VersionStatus
    titles: dict[str, str]
    steps: list[dict[str, str]]
    note: str
    author: str
    created_at: datetime
    activated_at: datetime | None
    retired_at: datetime | None


@router.get("")
def list_playbooks(session: Read, cause: DiagnosedCause | None = None) -> Listed[PlaybookOut]:
    """List every version, by cause and newest first, on one page."""
    return Listed(items=[PlaybookOut.model_validate(row) for row in playbooks.listing(session, cause)], next=None)


@router.post("/{cause}", status_code=201)
def draft_playbook(
    session: Write,
    caller: Caller,
    now: Now,
    cause: DiagnosedCause,
    new: Annotated[NewPlaybook, Body()],
    response: Response,
) -> PlaybookOut:
    """Draft a version. Nobody is advised by it until it is activated."""
    base = playbooks.active(session).get(cause)
    titles = new.titles if new.titles is not None else base.titles if base else {}
    steps = new.steps if new.steps is not None else base.steps if base else []
    made = playbooks.draft(session, cause, titles, steps, note=new.note, author=caller.name, now=now)
    return _answer(made, response)


@router.get("/{cause}/{number}", responses=errors(404))
def get_playbook(session: Read, cause: DiagnosedCause, number: Number, response: Response) -> PlaybookOut:
    """Return one version; the ETag names its content."""
    return _answer(playbooks.get(session, cause, number), response)


@router.patch("/{cause}/{number}", responses=errors(404, 409, 412))
def change_playbook(
    session: Write,
    cause: DiagnosedCause,
    number: Number,
    changes: Annotated[PlaybookChanges, Body()],
    response: Response,
    if_match: IfMatch = None,
) -> PlaybookOut:
    """Change a draft."""
    found = playbooks.get(session, cause, number, lock=True)
    check_tag(if_match, content_tag(found), f"Version {number}")
    given = refuse_nulls(Playbook, changes.given())
    wanted = {name: given.get(name, getattr(found, name)) for name in ("titles", "steps", "note")}
    return _answer(playbooks.change(session, cause, number, **wanted), response)


@router.delete("/{cause}/{number}", status_code=204, responses=errors(404, 409, 412))
def remove_playbook(session: Write, cause: DiagnosedCause, number: Number, if_match: IfMatch = None) -> None:
    """Throw a draft away."""
    check_tag(if_match, content_tag(playbooks.get(session, cause, number, lock=True)), f"Version {number}")
    playbooks.delete(session, cause, number)


@router.post("/{cause}/{number}/activate", responses=errors(404, 409, 412))
def activate_playbook(
    session: Write,
    now: Now,
    cause: DiagnosedCause,
    number: Number,
    response: Response,
    if_match: IfMatch = None,
    _body: NoBody = None,
) -> PlaybookOut:
    """Advise by a draft from now on. Alerts that fired before keep the version they named."""
    check_tag(if_match, content_tag(playbooks.get(session, cause, number, lock=True)), f"Version {number}")
    return _answer(playbooks.activate(session, cause, number, now), response)


def _answer(row: Playbook, response: Response) -> PlaybookOut:
    set_etag(response, content_tag(row))
    return PlaybookOut.model_validate(row)
