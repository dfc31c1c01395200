"""What is publicly said of partners: incidents with their articles, and people's corrections of how they were read."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from warden.domain import CorrectionKind
from warden.errors import Fault, InvalidInput
from warden.models import Correction, Fact, Mention
from warden.store import articles, partners
from warden.store.articles import Incident, Said, Story, Told
from warden.store.editions import Edition
from warden.web.api.shapes import Cursor, Input, Limit, Listed, text
from warden.web.bounds import RowNumber
from warden.web.deps import Caller, Now, Read, Write, guard
from warden.web.problems import errors

router = APIRouter(tags=["public talk"], dependencies=[guard("assessments")])

_FIELDS: Mapping[CorrectionKind, frozenset[str]] = {
    CorrectionKind.TONE: frozenset({"label"}),
    CorrectionKind.EVENT: frozenset({"event"}),
    CorrectionKind.ABOUT: frozenset({"about"}),
    CorrectionKind.INCIDENT: frozenset({"with", "apart"}),
}


class ToneOut(BaseModel):
    """The tone towards the partner; the three sum to 1."""

    label: Literal["negative", "neutral", "positive", "uncertain"] = Field(
        description="Uncertain: none reaches a half."
    )
    p_negative: float
    p_neutral: float
    p_positive: float


class CorrectionValue(Input):
    """What holds instead; which field depends on the kind. An empty object takes the person's word back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"label": "neutral"}]})

    label: Literal["negative", "neutral", "positive"] | None = Field(None, description="Of a tone.")
    event: Annotated[str, text(40)] | None = Field(None, description="Of an event: its kind, null for none.")
    about: StrictBool | None = Field(None, description="Of about: false when the article does not mean the partner.")
    apart: StrictBool | None = Field(None, description="Of an incident: true to make it an incident of its own.")
    joined: Annotated[StrictInt, Field(ge=1, le=2**63 - 1)] | None = Field(
        None, alias="with", description="Of an incident: the number of an article that tells of the same thing."
    )


class NewCorrection(Input):
    """What a person says of how an article was read for one partner."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "partner_id": "6d2f0c1e-3b55-4f0e-9a41-5e0f6a1c7b10",
                    "kind": "about",
                    "value": {"about": False},
                }
            ]
        }
    )

    partner_id: uuid.UUID
    kind: CorrectionKind
    value: CorrectionValue


class CorrectionOut(BaseModel):
    """What a person said. The newest of each kind holds; an empty value took it back."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    fact_id: int
    partner_id: uuid.UUID
    kind: CorrectionKind
    value: dict[str, Any]
    author: str
    created_at: datetime


class EditionOut(BaseModel):
    """What the source said of an article until it edited it. Title is null once it is erased."""

    title: str | None
    recorded_at: datetime
    superseded_at: datetime | None = Field(description="Until when it stood.")
    tone: ToneOut | None = Field(description="Null: it did not name the partner.")
    event: str | None


class ArticleOut(BaseModel):
    """One article about a partner. Fields of its words are null once they are erased."""

    fact_id: int
    at: datetime
    dated: bool = Field(description="False: the source gave no date, and `at` is when it was first seen.")
    title: str | None
    url: str | None
    outlet: str = Field(description="Registrable domain, else its name; empty: unknown.")
    tone: ToneOut
    event: str | None
    severity: float
    triggers: list[str] = Field(description="The phrases that decided.")
    phrases: list[str] = Field(description="Other phrases of the lexicon.")
    words: list[str] = Field(description="The words that what was learned weighs most.")
    corrected: bool
    corrections: list[CorrectionOut] = Field(description="Oldest first.")
    earlier: list[EditionOut] = Field(description="What its sources said before they edited it, oldest first.")


class StoryOut(BaseModel):
    """One article, and those that say the same in nearly the same words."""

    article: ArticleOut
    copies: list[ArticleOut]


class IncidentOut(BaseModel):
    """Articles that tell of the same thing."""

    id: int = Field(description="The number of its first article.")
    first_at: datetime
    newest_at: datetime
    event: str | None
    severity: float = Field(description="0 to 100.")
    half_life_days: float
    weight: float = Field(description="0 to 300: severity × most negative tone × reach, when it was new.")
    present_weight: float = Field(description="What is left of it now.")
    outlets: list[str]
    articles: int
    tone: ToneOut = Field(description="Of the most negative article.")
    stories: list[StoryOut]


@router.get("/partners/{partner_id}/incidents", responses=errors(404))
def list_incidents(
    session: Read, now: Now, partner_id: uuid.UUID, cursor: Cursor = None, limit: Limit = 50
) -> Listed[IncidentOut]:
    """List a partner's incidents of public talk, those that weigh most today first.

    All pages show what was known when the first one was read. Of a partner that is always in the news, the newest
    5,000 articles are looked at.
    """
    partners.get(session, partner_id)
    at, skip = _place(cursor, now)
    found = articles.incidents(session, partner_id, at, limit, skip)
    after = skip + len(found.items)
    return Listed(
        items=[_incident(one) for one in found.items],
        next=f"{at.isoformat()}/{after}" if after < found.total else None,
    )


@router.get("/articles/{fact_id}/corrections", responses=errors(404))
def list_corrections(session: Read, fact_id: RowNumber) -> Listed[CorrectionOut]:
    """List all that people ever said of an article, for any partner, oldest first, on one page."""
    said = articles.history(session, fact_id)
    return Listed(items=[CorrectionOut.model_validate(one) for one in said], next=None)


@router.post("/articles/{fact_id}/corrections", status_code=201, responses=errors(404, 409))
def add_correction(
    session: Write, now: Now, caller: Caller, fact_id: RowNumber, new: Annotated[NewCorrection, Body()]
) -> CorrectionOut:
    """Correct how an article was read for one partner. It counts at once; the placement follows with the next tick."""
    value = new.value.model_dump(by_alias=True, exclude_unset=True)
    unfit = sorted(value.keys() - _FIELDS[new.kind])
    try:
        if unfit:
            expected = " or ".join(sorted(_FIELDS[new.kind]))
            raise InvalidInput(
                "The correction is not valid.",
                [Fault(name, f"is nothing of the kind {new.kind}; expected {expected}") for name in unfit],
            )
        said = articles.correct(session, fact_id, new.partner_id, new.kind, value, author=caller.name, now=now)
    except InvalidInput as error:
        faults = [Fault(f"value.{fault.where}", fault.what) for fault in error.faults]
        raise InvalidInput(str(error), faults) from error
    return CorrectionOut.model_validate(said)


def _place(cursor: str | None, now: datetime) -> tuple[datetime, int]:
    """Return as of when a list is read, and how many of it were read. Raises InvalidInput."""
    if cursor is None:
        return now, 0
    moment, _, skip = cursor.partition("/")
    try:
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None or not (skip.isascii() and skip.isdecimal() and len(skip) < 10):
            raise ValueError("not ours")
    except ValueError as error:
        fault = Fault("cursor", "expected the `next` of an earlier page; start again at the first page")
        raise InvalidInput("The cursor is not valid.", [fault]) from error
    return min(at, now), int(skip)


def _incident(one: Incident) -> IncidentOut:
    return IncidentOut(
        id=one.number,
        first_at=one.first,
        newest_at=one.newest,
        event=one.event,
        severity=one.severity,
        half_life_days=one.half_life_days,
        weight=one.weight,
        present_weight=one.present,
        outlets=list(one.outlets),
        articles=one.articles,
        tone=_tone(one.tone),
        stories=[_story(story) for story in one.stories],
    )


def _story(story: Story) -> StoryOut:
    return StoryOut(article=_article(story.first), copies=[_article(copy) for copy in story.copies])


def _article(told: Told) -> ArticleOut:
    fact: Fact = told.fact
    detail, mention = fact.detail or {}, told.mention
    return ArticleOut(
        fact_id=fact.id,
        at=fact.observed_at,
        dated=told.is_dated,
        title=detail.get("title"),
        url=detail.get("url"),
        outlet=told.outlet,
        tone=_tone(mention),
        event=mention.event,
        severity=mention.severity,
        triggers=mention.triggers,
        phrases=[phrase for phrase in _reasons(mention, "phrase") if phrase not in mention.triggers],
        words=_reasons(mention, "words"),
        corrected=mention.corrected,
        corrections=_corrections(told.said),
        earlier=[_edition(one) for one in told.earlier],
    )


def _edition(one: Edition) -> EditionOut:
    return EditionOut(
        title=(one.fact.detail or {}).get("title"),
        recorded_at=one.began,
        superseded_at=one.ended,
        tone=_tone(one.mention) if one.mention else None,
        event=one.mention.event if one.mention else None,
    )


def _reasons(mention: Mention, kind: str) -> list[str]:
    return [reason[1] for reason in mention.reasons if reason[0] == kind]


def _corrections(said: Sequence[Said]) -> list[CorrectionOut]:
    rows: list[Correction] = [one.correction for one in said]
    return [CorrectionOut.model_validate(row) for row in rows]


def _tone(mention: Mention) -> ToneOut:
    return ToneOut(
        label=articles.tone_of(mention) or "uncertain",
        p_negative=mention.p_negative,
        p_neutral=mention.p_neutral,
        p_positive=mention.p_positive,
    )
