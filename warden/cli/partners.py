"""`warden import …`: partners from a spreadsheet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from collectors.sheet import guessed_encoding
from warden.cli.opening import opened
from warden.clock import utc_now
from warden.errors import Fault, InvalidInput
from warden.imports import import_partners
from warden.store.partner_import import OnConflict

app = typer.Typer(help="Import from spreadsheets.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `partners` a command of its own: Typer would otherwise fold a single command into its group."""


@app.command("partners")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV or XLSX.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, store nothing.")] = False,
    on_conflict: Annotated[OnConflict, typer.Option(help="What to do with partners that exist.")] = OnConflict.STOP,
    column: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="OURS=THEIRS", help="A column's header in the file, e.g. owner_email=Buyer."),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Of a CSV file, where it is not recognised, e.g. big5.")] = None,
    sheet: Annotated[str | None, typer.Option(help="Worksheet of an XLSX file; else the first.")] = None,
) -> None:
    """Import partners: all rows, or none and what is wrong with them."""
    mapping = dict(_pair(text) for text in column or ())
    data = file.read_bytes()
    typer.echo(f"Reading {file.name} ({len(data):,} bytes) …", err=True)
    with opened() as services:
        result = import_partners(
            services.db,
            data,
            filename=file.name,
            now=utc_now(),
            mapping=mapping,
            on_conflict=on_conflict,
            dry_run=dry_run,
            encoding=encoding,
            sheet=sheet,
        )
    if encoding is None and (guess := guessed_encoding(data)):
        typer.echo(f"The encoding is a guess: read as {guess[0]}, a line of it is\n  {guess[1]!r}", err=True)
        typer.echo("If that looks wrong, name the encoding with --encoding.", err=True)
    if result.ignored:
        typer.echo(f"Columns not used: {', '.join(result.ignored)}.", err=True)
    if result.faults:
        raise InvalidInput(f"Nothing was imported from {file.name}:", [*result.faults, *_advice(result.faults)])
    prefix = "Would be: " if dry_run else ""
    typer.echo(f"{prefix}{result.created} created, {result.updated} updated, {result.skipped} skipped.")


def _advice(faults: Sequence[Fault]) -> list[Fault]:
    taken = any(fault.what.startswith("there is already a partner") for fault in faults)
    return [Fault("partners that exist", "--on-conflict update or skip")] if taken else []


def _pair(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r}: expected OURS=THEIRS, e.g. owner_email=Buyer")
    return ours.strip(), theirs.strip()
