"""Versions of what reads the tone of news, per language: which speaks, and choosing another one."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path
from pydantic import BaseModel, ConfigDict, Field

from warden.domain import Role
from warden.models import NewsModel
from warden.store import news_models
from warden.web.api.shapes import Input, Listed, NoBody
from warden.web.deps import Caller, Now, Read, Write, guard
from warden.web.problems import errors

router = APIRouter(prefix="/news-models", tags=["news models"], dependencies=[guard("criteria", read=Role.MANAGER)])

Language = Annotated[Literal["en", "zh", "vi"], Path()]


class NewsModelOut(BaseModel):
    """One version that was learned, or the shipped one (0) once somebody went back to it."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    language: str
    number: int
    report: dict[str, Any] = Field(description="What it was learned from, its figures on what people said, and why.")
    created_at: datetime
    active_since: datetime | None
    retired_at: datetime | None
    held_by: str | None = Field(description="Who chose it: nothing newer replaces it by itself.")
    speaks: bool


class ChosenVersion(Input):
    """Which version is to speak."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"number": 0}]})

    number: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1, description="0 is the version that ships.")]


@router.get("")
def list_news_models(session: Read) -> Listed[NewsModelOut]:
    """List all versions, by language and newest first, on one page. Where none of a language speaks, version 0 does."""
    return Listed(items=[_shape(row) for row in news_models.listing(session)], next=None)


@router.post("/{language}/choose", responses=errors(404, 409))
def choose_news_model(
    session: Write, now: Now, caller: Caller, language: Language, chosen: Annotated[ChosenVersion, Body()]
) -> NewsModelOut:
    """Let a version speak from now on, and hold it. Articles are then read again."""
    return _shape(news_models.choose(session, language, chosen.number, author=caller.name, now=now))


@router.post("/{language}/release", status_code=204, responses=errors(404, 409))
def release_news_model(session: Write, language: Language, _body: NoBody = None) -> None:
    """Let newer versions take over again, once they are at least as good. 404 where nobody holds one."""
    news_models.release(session, language)


def _shape(row: NewsModel) -> NewsModelOut:
    columns = {name: getattr(row, name) for name in NewsModelOut.model_fields if name != "speaks"}
    speaks = row.active_since is not None and row.retired_at is None
    return NewsModelOut.model_validate({**columns, "speaks": speaks})
