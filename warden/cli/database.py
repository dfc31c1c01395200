"""`warden db …`."""

import typer

from warden.cli.opening import opened_database, prepare, read_settings
from warden.db import pending_migrations, sole_process

app = typer.Typer(help="The database's schema.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `upgrade` a command of its own: Typer would otherwise fold a single command into its group."""


@app.command("upgrade")
def upgrade_database() -> None:
    """Bring the schema to the newest version, and add the shipped matrix and rules where they are missing."""
    with opened_database(read_settings()) as database, sole_process(database):
        before, _ = pending_migrations(database)
        prepare(database)
        after, _ = pending_migrations(database)
    typer.echo(f"The database is at version {after}." if before == after else f"Upgraded {before or 'new'} → {after}.")
