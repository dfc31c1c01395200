"""`warden news models | learn | use | release`: the versions of what reads the tone of news, and who chose them."""

from typing import Annotated

import typer

from warden.cli.opening import opened
from warden.clock import utc_now
from warden.domain import LOCALES
from warden.errors import Conflict, InvalidInput
from warden.models import NewsModel
from warden.pipeline import news
from warden.store import news_models
from warden.wording import reader_of

AUTHOR = "command line"

Language = Annotated[str, typer.Argument(help="en, zh or vi.")]


def models() -> None:
    """List the versions that were learned of each language, newest first; where none speaks, the shipped one does."""
    with opened() as services, services.db.read() as session:
        rows = news_models.listing(session)
    for part in news_models.PARTS:
        own = [row for row in rows if row.language == part]
        if not any(_speaks(row) for row in own):
            typer.echo(f"{part} {news_models.SHIPPED}: speaks, ships with Warden")
        for row in own:
            typer.echo(_line(row))


def learn() -> None:
    """Learn reading anew now from the headlines stored, instead of waiting for the night."""
    with opened() as services:
        spoken = news.run(services.db, utc_now(), embeddings=services.settings.news_embeddings)
    if spoken is None:
        raise Conflict("Another process is learning to read news at this moment: wait until it is done.")
    typer.echo(f"{spoken} new versions speak; `warden news models` tells why.")


def use(language: Language, number: Annotated[int, typer.Argument(help="0 is the version that ships.")]) -> None:
    """Let a version speak, and hold it until it is released. Articles are read again with the next tick."""
    with opened() as services, services.db.write() as session:
        news_models.choose(session, _part(language), number, author=AUTHOR, now=utc_now())


def release(language: Language) -> None:
    """Let newer versions replace the one that speaks again, once they are at least as good."""
    with opened() as services, services.db.write() as session:
        news_models.release(session, _part(language))


def add_to(app: typer.Typer) -> None:
    """Add these commands to `warden news`."""
    for command in (models, learn, use, release):
        app.command()(command)


def _part(language: str) -> str:
    if language not in news_models.PARTS:
        raise InvalidInput(f"{language!r} is no language part: expected {', '.join(news_models.PARTS)}.")
    return language


def _speaks(row: NewsModel) -> bool:
    return row.active_since is not None and row.retired_at is None


def _line(row: NewsModel) -> str:
    parts = [f"{row.language} {row.number}:"]
    if _speaks(row) and row.active_since is not None:
        held = f", chosen by {row.held_by}" if row.held_by else ""
        parts.append(f"speaks since {row.active_since:%Y-%m-%d %H:%M}{held};")
    if row.number == news_models.SHIPPED:
        return " ".join([*parts, "ships with Warden"])
    why = reader_of(LOCALES[0]).fact(row.report["why"])
    learned = f"learned {row.created_at:%Y-%m-%d %H:%M} from {row.report['headlines']} headlines,"
    return " ".join([*parts, learned, f"{row.report['labels']} labelled by people; {why}"])
