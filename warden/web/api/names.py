"""Names and what they match: ambiguous ones to review, and what a change of one would do."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field

from warden.errors import Fault, InvalidInput
from warden.store import identifiers, names, partners
from warden.store.names import Ambiguous, Answer, Flags, Headline, Mark
from warden.web.api.partners import AliasOut
from warden.web.api.shapes import Cursor, Input, Listed, Name
from warden.web.bounds import MOST_SKIPPED, NO_NUL
from warden.web.deps import SLOW, Caller, Now, Read, Write, guard
from warden.web.problems import errors

router = APIRouter(tags=["names"], dependencies=[guard("partners")])

Limit = Annotated[int, Query(ge=1, le=50, description="Most names on the page: all are sought in every headline.")]


class HeadlineOut(BaseModel):
    """One article that holds a name."""

    model_config = ConfigDict(from_attributes=True)

    fact_id: int
    at: datetime
    title: str
    url: str
    counts: bool = Field(description="It names the partner as it is read now.")
    mark: Mark | None = Field(description="In a preview: what the change would do with it.")


class NameOut(BaseModel):
    """An ambiguous name that nobody has reviewed."""

    model_config = ConfigDict(from_attributes=True)

    partner_id: uuid.UUID
    partner: str
    text: str
    own: bool = Field(description="It is the partner's own name and no alias yet.")
    why: list[Literal["word", "place", "number", "short", "shared"]]
    headlines: list[HeadlineOut] = Field(description="Up to five of the last 90 days, whatever their letter case.")


class NameReview(Input):
    """What a person says of a name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Target", "answer": "second_cue"}]})

    text: Name
    answer: Answer


class NamePreview(BaseModel):
    """What a name would match in the last 90 days if it were looked for so."""

    looked: int = Field(description="Articles that were looked at: the newest 20,000 at most.")
    cut: bool = Field(description="There are more.")
    counts: dict[Mark, int]
    headlines: list[HeadlineOut] = Field(description="Up to 20, changes first.")


@router.get("/names/review", dependencies=[SLOW])
def list_names(session: Read, now: Now, cursor: Cursor = None, limit: Limit = 20) -> Listed[NameOut]:
    """List ambiguous names that nobody has reviewed, by partner."""
    skip = _skip(cursor)
    waiting = names.to_review(session)
    shown = names.with_examples(session, waiting[skip : skip + limit], now)
    after = skip + limit
    return Listed(items=[_name(one) for one in shown], next=str(after) if after < len(waiting) else None)


@router.post("/partners/{partner_id}/names/review", status_code=201, responses=errors(404, 409))
def review_name(
    session: Write, now: Now, caller: Caller, partner_id: uuid.UUID, new: Annotated[NameReview, Body()]
) -> AliasOut:
    """Say how a name counts; a partner's own name becomes an alias. Articles are read again with the next tick."""
    partner = partners.get(session, partner_id, lock=True)
    return AliasOut.model_validate(names.review(session, partner, new.text, new.answer, author=caller.name, now=now))


@router.get("/partners/{partner_id}/names/preview", responses=errors(404), dependencies=[SLOW])
def preview_name(
    session: Read,
    now: Now,
    partner_id: uuid.UUID,
    name: Annotated[str, Query(alias="text", min_length=1, max_length=200, pattern=NO_NUL)],
    case_sensitive: bool = False,
    needs_context: bool = False,
    exclude: bool = False,
    remove: Annotated[bool, Query(description="As if the partner had no such alias.")] = False,
) -> NamePreview:
    """Say which articles would name the partner if this name were looked for so. Nothing is stored."""
    partner = partners.get(session, partner_id)
    flags = None if remove else Flags(case_sensitive, needs_context, exclude)
    try:
        found = names.preview(session, partner, identifiers.alias_text(name), flags, now)
    except InvalidInput as error:
        raise InvalidInput(str(error), [Fault("text", fault.what) for fault in error.faults]) from error
    headlines = [_headline(one) for one in found.headlines]
    return NamePreview(looked=found.looked, cut=found.is_cut, counts=dict(found.counts), headlines=headlines)


def _skip(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < len(str(MOST_SKIPPED))):
        fault = Fault("cursor", "expected the `next` of an earlier page; start again at the first page")
        raise InvalidInput("The cursor is not valid.", [fault])
    return int(cursor)


def _name(one: Ambiguous) -> NameOut:
    return NameOut.model_validate(
        {
            "partner_id": one.partner_id,
            "partner": one.partner,
            "text": one.text,
            "own": one.own,
            "why": one.why,
            "headlines": [_headline(headline) for headline in one.headlines],
        }
    )


def _headline(one: Headline) -> HeadlineOut:
    return HeadlineOut.model_validate(one)
