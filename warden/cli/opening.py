"""Opens what commands work with, from the environment: settings, logs, database, vault and network."""

import gc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

import typer
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource
from sqlalchemy import select
from sqlalchemy.exc import ArgumentError

from collectors.http import Http
from scorers.news import embedding
from warden import clock, log
from warden.db import Database, make_private, pending_migrations, sole_process, upgrade, way_to
from warden.errors import Misconfigured
from warden.models import Destination, Source
from warden.settings import Settings
from warden.store import learning, shipped, sources
from warden.vault import Vault, open_vault
from warden.web.deps import Services


def read_settings(*, long_running: bool = False, **overrides: Any) -> Settings:
    """Read the settings and apply those of the process: logs and the pretended clock.

    One-off commands log only warnings, for reading; a service logs as configured. `overrides` that are None leave a
    setting as it is. Raises pydantic's ValidationError.
    """
    settings = Settings(**{name: value for name, value in overrides.items() if value is not None})
    log.configure(settings.log_level, settings.log_json) if long_running else log.configure("WARNING", as_json=False)
    if settings.start_at is not None:
        clock.start_at(settings.start_at)
    return settings


def misspelt() -> Iterator[tuple[str, str]]:
    """Yield variables, of the environment or the .env file, that are nearly a setting, each with what was meant."""
    known = [f"WARDEN_{name.upper()}" for name in Settings.model_fields]
    given = {*EnvSettingsSource(Settings).env_vars, *DotEnvSettingsSource(Settings).env_vars}
    for name in sorted({name.upper() for name in given}.difference(known)):
        for meant in get_close_matches(name, known, n=1, cutoff=0.9):
            yield name, meant


@contextmanager
def opened_database(settings: Settings) -> Iterator[Database]:
    """Open the database, whatever the version of its schema. Raises Misconfigured when its address is none."""
    try:
        database = Database(settings.database_url)
    except ArgumentError as error:
        raise Misconfigured("WARDEN_DATABASE_URL is no address of a database: expected sqlite:///FILE.") from error
    except ModuleNotFoundError as error:
        if not settings.database_url.startswith("postgresql"):
            raise Misconfigured("WARDEN_DATABASE_URL must begin with sqlite:/// or postgresql+psycopg://.") from error
        raise Misconfigured(f"WARDEN_DATABASE_URL needs {error.name}: install warden[postgresql].") from error
    try:
        yield database
    finally:
        database.close()


@contextmanager
def opened(settings: Settings | None = None, *, alone: bool = False) -> Iterator[Services]:
    """Open everything; `alone` as the one process that walks the road, which also makes a brand-new database.

    Raises Misconfigured when the database is not there or not at the newest version, when another process walks
    already, or when embeddings are wanted and not installed.
    """
    settings = settings or read_settings()
    _require_embeddings(settings)
    with ExitStack() as stack:
        database = stack.enter_context(opened_database(settings))
        if alone:
            stack.enter_context(sole_process(database))
            make_private(database)
        else:
            require_there(database)
        _require_newest(database, make=alone)
        if alone:
            _free_abandoned_claims(database)
        vault = vault_for(database, settings)
        if alone:
            _require_key(database, vault)
        http = stack.enter_context(Http(allowed_networks=settings.allowed_networks))
        yield Services(db=database, vault=vault, settings=settings, http=http)


def _require_embeddings(settings: Settings) -> None:
    try:
        if settings.news_embeddings:
            embedding.require()
    except embedding.EmbeddingsMissing as error:
        raise Misconfigured(f"WARDEN_NEWS_EMBEDDINGS {error}") from error


def require_there(database: Database) -> None:
    """Raise Misconfigured where there is no file: looking into it would make it, in whatever folder one stands."""
    file = database.file
    if file is not None and file.absolute().parent.exists() and not file.exists():
        raise Misconfigured(
            f"There is no database {file.absolute()}. Are you in the folder your .env is in? "
            "For a new installation run `warden db upgrade`."
        )


def _require_newest(database: Database, *, make: bool) -> None:
    found, newest = pending_migrations(database)
    if found is None and make:
        prepare(database)
    elif found != newest:
        raise Misconfigured(
            f"The database is at version {found or 'none'}, this Warden needs {newest}: {way_to(newest, found)}."
        )


def prepare(database: Database) -> None:
    """Bring the schema to the newest version, and add the shipped matrix and rules where they are missing."""
    upgrade(database)
    with database.write() as session:
        shipped.seed(session, clock.utc_now())


def vault_for(database: Database, settings: Settings) -> Vault:
    """Open the vault; a key is generated only while nothing is stored that needs another one.

    Raises Misconfigured when the key file is gone: a new key in its place would hide that, and fit nothing.
    """
    if settings.secret_key is None and not settings.secret_key_file.exists() and _secrets(database):
        raise Misconfigured(
            f"{settings.secret_key_file} is not there, and stored secrets need the key it held: put it "
            "back, or set WARDEN_SECRET_KEY. If it is lost, set a new key and add those sources and destinations anew."
        )
    return open_vault(settings)


def _secrets(database: Database) -> list[str]:
    with database.read() as session:
        return [
            secret
            for model in (Source, Destination)
            for secret in session.scalars(select(model.secrets).where(model.secrets.is_not(None)))
            if secret
        ]


def _require_key(database: Database, vault: Vault) -> None:
    """Refuse to walk with a key that fits nothing: every source would be paused, every destination switched off."""
    stored = _secrets(database)
    if stored and not any(vault.fits(secret) for secret in stored):
        raise Misconfigured(
            f"None of the {len(stored)} stored secrets can be decrypted: WARDEN_SECRET_KEY is not the key they were "
            "stored with. Put that key back. If it is lost, add a destination or source anew, then start again."
        )


def _free_abandoned_claims(database: Database) -> None:
    with database.write() as session:
        sources.release_stale(session, clock.utc_now(), alone=database.is_sqlite)
        if database.is_sqlite:
            learning.release_backtest(session)


def parse_moment(text: str) -> datetime:
    """Read an ISO 8601 moment; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a moment: expected ISO 8601 like 2011-06-30T08:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def look_for_cycles_less_often() -> None:
    """Tune Python's garbage collector for what a tick does.

    It makes objects by the hundred thousand and few of them in cycles: looking for cycles after every 700 new objects,
    as Python does by itself, would take half of a tick's time.
    """
    gc.set_threshold(50_000, 20, 100)
