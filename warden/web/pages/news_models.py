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
    """One version as it is shown. `row` None: the shipped one, which nobody ever went back to.

    is_chosen: it is to speak. unreadable: why it cannot all the same; then the shipped one does in its place.
    """

    number: int
    row: NewsModel | None
    is_chosen: bool
    speaks: bool
    unreadable: str | None = None

    @property
    def report(self) -> Mapping[str, Any]:
        """Return what was noted when it was learned; empty for the shipped one."""
        return self.row.report if self.row else {}


@router.get("", response_model=None)
def list_versions(view: Manager, session: Read) -> Response:
    """Show all versions of every language, newest first."""
    speaking = news_models.speaking(session)
    broken = news_models.voices(session, embeddings=view.services.settings.news_embeddings).broken
    rows = news_models.listing(session)
    return view.page(
        "news_models.html",
        languages_read=[
            (
                language,
                _versions(
                    [row for row in rows if row.language == language], speaking.get(language), broken.get(language)
                ),
            )
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


def _versions(rows: Sequence[NewsModel], speaking: NewsModel | None, broken: str | None) -> list[Version]:
    """Return a language's versions; `broken`: why the chosen one cannot be read, so that the shipped one speaks."""
    chosen = news_models.SHIPPED if speaking is None else speaking.number
    speaks = chosen if broken is None else news_models.SHIPPED
    known: dict[int, NewsModel | None] = {row.number: row for row in rows}
    known.setdefault(news_models.SHIPPED, None)
    return [
        Version(number, row, number == chosen, number == speaks, broken if number == chosen else None)
        for number, row in known.items()
    ]
