"""`warden source …`: what is read."""

from dataclasses import asdict
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from collectors.base import Fact
from warden import plugins
from warden.cli.opening import opened
from warden.cli.options import OptionsFile, Pairs, Secrets, gather_options
from warden.clock import utc_now
from warden.domain import SourceState
from warden.errors import Conflict, InvalidInput, NotFound
from warden.models import Source
from warden.pipeline import collect
from warden.store import people, sources

app = typer.Typer(help="Sources: what is read, and how it fares.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the source.")]


@app.command("add")
def add_source(
    name: Name,
    collector: Annotated[
        str, typer.Argument(help="Kind of source: table, imap, mbox, calendar, feed, search_feed, gdelt.")
    ],
    option: Pairs = None,
    options_file: OptionsFile = None,
    secret: Secrets = None,
    schedule: Annotated[str, typer.Option(help="When to visit: cron, five fields, UTC.")] = "*/15 * * * *",
    owner: Annotated[str | None, typer.Option(help="Who is told when it fails: e-mail address.")] = None,
) -> None:
    """Add a source. It is visited at once by the running service; try it first with `warden source test`."""
    if collector == sources.PUSH:
        raise InvalidInput("A push source is not added: it is made when a program first posts facts under its name.")
    kind = plugins.collector(collector)
    with opened() as services:
        raw = gather_options(option, options_file, secret)
        public, secrets = plugins.seal_options(
            plugins.read_options(kind.Options, raw, services.settings), services.vault
        )
        with services.db.write() as session:
            sources.add(
                session,
                name=name,
                collector=collector,
                options=public,
                secrets=secrets,
                schedule=schedule,
                owner_id=people.get_or_create(session, email=owner).id if owner else None,
                now=utc_now(),
            )
    typer.echo(f"Added {name}. Try it: warden source test {name!r}")


@app.command("list")
def list_sources() -> None:
    """List the sources and how they fared."""
    with opened() as services, services.db.read() as session:
        for source in sources.everything(session):
            blind = f", blind since {source.blind_since:%Y-%m-%d %H:%M}" if source.blind_since else ""
            paused = ", paused" if source.paused else ""
            reason = f": {source.reason}" if source.reason else ""
            state = "fed through the API" if source.collector == sources.PUSH else source.state
            typer.echo(f"{source.name}  {source.collector}  {state}{paused}{blind}{reason}")


@app.command("test")
def try_source(name: Name) -> None:
    """Visit a source as if for the first time, show three facts, store nothing."""
    with opened() as services:
        with services.db.read() as session:
            source = _collecting(session, name)
        kind = plugins.collector(source.collector)
        options = plugins.load_options(kind.Options, source.options, source.secrets, services.vault, services.settings)
        facts, problems = collect.test_source(services.db, kind, options, services.http, utc_now())
    for fact in facts:
        typer.echo(_shown(fact))
    for problem in problems:
        _tell_set_aside(problem.where, problem.what)
    if not facts:
        typer.echo("It was reached, and has nothing to report.")


@app.command("resume")
def resume_source(name: Name) -> None:
    """Let a paused or refused source be visited again, by the running service at once."""
    with opened() as services, services.db.write() as session:
        sources.resume(session, _named(session, name).id, utc_now())
    typer.echo(f"{name} is no longer paused.")


@app.command("run")
def run_source(name: Name) -> None:
    """Visit a source now, due or not, and store what it reports."""
    with opened() as services:
        with services.db.read() as session:
            source = _collecting(session, name)
        typer.echo(f"Visiting {name} …", err=True)
        visited = collect.run_due(
            services.db, services.vault, services.settings, utc_now(), only=source.id, ignore_schedule=True
        )
        with services.db.read() as session:
            source = sources.get(session, source.id)
            last = sources.runs(session, source.id, limit=1).items
    if not visited:
        typer.echo(f"{name} is being visited by another process at this moment.", err=True)
        raise typer.Exit(1)
    if source.state is not SourceState.OK:
        typer.echo(f"{name} is {source.state}: {source.reason}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{last[0].seen} facts reported, {last[0].new} of them new.")
    for problem in last[0].problems:
        _tell_set_aside(problem["where"], problem["what"])
    if source.paused:
        typer.echo(f"It stays paused: warden source resume {name!r}", err=True)


def _tell_set_aside(where: str, what: str) -> None:
    typer.echo(f"set aside: {where}: {what}", err=True)


def _named(session: Session, name: str) -> Source:
    source = sources.by_name(session, name)
    if source is None:
        known = ", ".join(found.name for found in sources.everything(session)) or "none"
        raise NotFound(f"There is no source {name!r}; there are: {known}.")
    return source


def _collecting(session: Session, name: str) -> Source:
    source = _named(session, name)
    if source.collector == sources.PUSH:
        raise Conflict(f"{name} is fed through the API and never visited.")
    return source


def _shown(fact: Fact) -> str:
    parts = (f"{name}={value}" for name, value in asdict(fact).items() if value not in (None, "") and name != "key")
    key = getattr(fact, "key", None)
    return f"{type(fact).__name__} {f'{key.scheme}:{key.value} ' if key else ''}{' '.join(parts)}"
