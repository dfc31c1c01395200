"""Versions of what reads the tone of news: which speaks for each language, since when and why, and one click back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Path, Response

from warden.models import NewsModel
from warden.store import news_models
from warden.web.deps import Read, Write
from warden.web.pages.drawing import Manager, see_other

router = APIRouter(prefix="/news-models")

Language = Annotated[Literal["en", "zh", "vi"], Path()]


@dataclass(frozen=True, slots=True)
class Version:
    """One version as it is shown. `row` None: the shipped one, which nobody ever went back to."""

    number: int
    row: NewsModel | None
    speaks: bool

    @property
    def report(self) -> Mapping[str, Any]:
        """Return what was noted when it was learned; empty for the shipped one."""
        return self.row.report if self.row else {}


@router.get("", response_model=None)
def list_versions(view: Manager, session: Read) -> Response:
    """Show all versions of every language, newest first."""
    speaking = news_models.speaking(session)
    rows = news_models.listing(session)
    return view.page(
        "news_models.html",
        languages_read=[
            (language, _versions([row for row in rows if row.language == language], speaking.get(language)))
            for language in news_models.PARTS
        ],
        speaking=speaking,
        last_learned=news_models.last_learned(session),
    )


@router.post("/{language}/choose", response_model=None)
def choose(
    view: Manager, session: Write, language: Language, number: Annotated[int, Form(ge=0, le=2**31 - 1)]
) -> Response:
    """Let a version speak, and hold it."""
    news_models.choose(session, language, number, author=view.by, now=view.now)
    return see_other("/news-models")


@router.post("/{language}/release", response_model=None)
def release(view: Manager, session: Write, language: Language) -> Response:
    """Let newer versions take over again."""
    news_models.release(session, language)
    return see_other("/news-models")


def _versions(rows: Sequence[NewsModel], speaking: NewsModel | None) -> list[Version]:
    made = [Version(row.number, row, speaking is not None and row.id == speaking.id) for row in rows]
    if all(one.number != news_models.SHIPPED for one in made):
        made.append(Version(news_models.SHIPPED, None, speaking is None))
    return made
