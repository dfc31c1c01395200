"""Versions of what reads the tone of news, per language: which speaks, and choosing another one."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from warden.domain import Role
from warden.models import NewsModel
from warden.store import news_models
from warden.web.api.shapes import Input, Listed, NoBody
from warden.web.deps import Caller, CurrentServices, Now, Read, Services, Write, guard
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
    speaks: bool = Field(description="It is chosen, and it can be read.")
    unreadable: str | None = Field(
        description="Why the chosen version cannot be read: the shipped one speaks in its place."
    )


class ChosenVersion(Input):
    """Which version is to speak."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"number": 0}]})

    number: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1, description="0 is the version that ships.")]


@router.get("")
def list_news_models(session: Read, services: CurrentServices) -> Listed[NewsModelOut]:
    """List all versions, by language and newest first, on one page. Where none of a language speaks, version 0 does."""
    broken = _broken(session, services)
    return Listed(items=[_shape(row, broken) for row in news_models.listing(session)], next=None)


@router.post("/{language}/choose", responses=errors(404, 409))
def choose_news_model(
    session: Write,
    services: CurrentServices,
    now: Now,
    caller: Caller,
    language: Language,
    chosen: Annotated[ChosenVersion, Body()],
) -> NewsModelOut:
    """Let a version speak from now on, and hold it. Articles are then read again."""
    row = news_models.choose(session, language, chosen.number, author=caller.name, now=now)
    return _shape(row, _broken(session, services))


@router.post("/{language}/release", status_code=204, responses=errors(404, 409))
def release_news_model(session: Write, language: Language, _body: NoBody = None) -> None:
    """Let newer versions take over again, once they are at least as good. 404 where nobody holds one."""
    news_models.release(session, language)


def _broken(session: Session, services: Services) -> Mapping[str, str]:
    return news_models.voices(session, embeddings=services.settings.news_embeddings).broken


def _shape(row: NewsModel, broken: Mapping[str, str]) -> NewsModelOut:
    columns = {name: getattr(row, name) for name in NewsModelOut.model_fields if name not in ("speaks", "unreadable")}
    is_chosen = row.active_since is not None and row.retired_at is None
    why = broken.get(row.language) if is_chosen else None
    return NewsModelOut.model_validate({**columns, "speaks": is_chosen and why is None, "unreadable": why})
