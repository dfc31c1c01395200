"""`warden doctor`: what is wrong, and what to do about it."""

from collections.abc import Iterator

import typer
from sqlalchemy.orm import Session

from warden.cli.opening import misspelt, opened_database, read_settings, require_there, vault_for
from warden.clock import utc_now
from warden.db import Database
from warden.domain import SourceState
from warden.errors import WardenError
from warden.models import Destination, Source
from warden.settings import Settings
from warden.store import destinations, sources
from warden.vault import Vault
from warden.web.health import readiness

Finding = tuple[bool, str]
"""Whether it is well, and the sentence that says so."""

ADVICE = {
    SourceState.UNAVAILABLE: "it is tried again by itself",
    SourceState.REFUSED: "mend that, then `warden source resume`",
    SourceState.CHANGED: "see its last run; its options or its collector have to change",
}

REMEDIES = {
    "database": "look at WARDEN_DATABASE_URL: is the file or server there, and may Warden use it?",
    "clock": "start `warden serve` or `warden run`",
}
"""What to do about a check that fails and does not say so itself."""


def doctor() -> None:
    """Say what is wrong and what to do.

    Looks at the database, its migrations, the clock, its stages, the key, sources and destinations. Exits 1 if anything
    is wrong.
    """
    settings = read_settings()
    with opened_database(settings) as database:
        findings = list(examine(database, settings))
    for is_well, sentence in findings:
        typer.echo(f"{'ok  ' if is_well else 'BAD '} {sentence}")
    if not all(is_well for is_well, _ in findings):
        raise typer.Exit(1)


def examine(database: Database, settings: Settings) -> Iterator[Finding]:
    """Yield one finding per thing that can be wrong. What cannot be read without the thing before is left out."""
    for found, meant in misspelt():
        yield False, f"settings: {found} is not a setting; did you mean {meant}?"
    yield from _idle_settings(settings)
    try:
        require_there(database)
    except WardenError as error:
        yield False, f"database: {error}"
        return
    yield from _open_to_others(database)
    checks = readiness(database, settings, utc_now())
    for check in checks:
        advice = f"; {REMEDIES[check.name]}" if check.name in REMEDIES and not check.ok else ""
        yield check.ok, f"{check.name}: {check.detail}{advice}"
    if all(check.name != "stages" for check in checks):
        return
    try:
        vault = vault_for(database, settings)
        yield True, "key: readable"
    except WardenError as error:
        yield False, f"key: {error}"
        return
    with database.read() as session:
        yield from _sources(session, vault)
        yield from _destinations(session, vault)


def _idle_settings(settings: Settings) -> Iterator[Finding]:
    """Yield values that are well formed and mean nothing."""
    for root in settings.file_roots:
        if not root.is_dir():
            yield False, f"settings: WARDEN_FILE_ROOTS names {root}, which is no folder"
    for domain in settings.our_domains:
        if "." not in domain:
            yield False, f"settings: WARDEN_OUR_DOMAINS names {domain!r}, which is no whole domain such as ours.example"


def _open_to_others(database: Database) -> Iterator[Finding]:
    if database.file is not None and database.file.exists() and database.file.stat().st_mode & 0o077:
        what = "others on this machine may read it, and all that is thought of partners"
        yield False, f"database: {what}; `chmod 600 {database.file}*`"


def _sources(session: Session, vault: Vault) -> Iterator[Finding]:
    found = sources.everything(session)
    if not found:
        yield False, "sources: there is none; add one with `warden source add`, or push facts through the API"
    for source in found:
        yield _source(source, vault)


def _source(source: Source, vault: Vault) -> Finding:
    name = f"source {source.name}"
    if (unreadable := _secret_fault(source.secrets, vault)) is not None:
        return False, f"{name}: {unreadable}"
    if source.state in ADVICE:
        return False, f"{name}: {source.state}: {source.reason.rstrip('.')} — {ADVICE[source.state]}"
    if source.blind_since is not None:
        return False, f"{name}: blind since {source.blind_since:%Y-%m-%d %H:%M} UTC; see its runs"
    if source.paused:
        return False, f"{name}: paused; `warden source resume` lets it go on"
    return True, f"{name}: {'fed through the API' if source.collector == sources.PUSH else source.state}"


def _destinations(session: Session, vault: Vault) -> Iterator[Finding]:
    found = sorted(session.scalars(destinations.listing()), key=lambda destination: destination.name)
    if not any(destination.alerts and destination.disabled_at is None for destination in found):
        yield False, "destinations: none gets alerts; add one with `warden destination add`"
    for destination in found:
        yield _destination(destination, vault)


def _destination(destination: Destination, vault: Vault) -> Finding:
    name = f"destination {destination.name}"
    if (unreadable := _secret_fault(destination.secrets, vault)) is not None:
        return False, f"{name}: {unreadable}"
    if destination.disabled_at is not None:
        why = destination.disabled_why.rstrip(".")
        return False, f"{name}: disabled: {why} — mend that, then `warden destination enable`"
    return True, f"{name}: ready"


def _secret_fault(secrets: str | None, vault: Vault) -> str | None:
    try:
        if secrets is not None:
            vault.decrypt(secrets)
    except WardenError as error:
        return str(error)
    return None
