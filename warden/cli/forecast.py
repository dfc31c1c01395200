"""`warden forecast`: likelihoods from plain files, without a database."""

from pathlib import Path
from typing import Annotated

import typer

from warden.forecast.run import forecast as forecast_files


def forecast(
    observations: Annotated[
        Path, typer.Option(metavar="FILE", help="CSV: partner, at, kind, value[, late, cancelled, made].")
    ],
    keys: Annotated[Path, typer.Option(metavar="FILE", help="CSV: partner, cutoff, outcome.")],
    outcomes: Annotated[Path, typer.Option(metavar="FILE", help="JSON: what counts as each outcome, by name.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="CSV to write; left as it is when anything is wrong.")],
    explain: Annotated[bool, typer.Option("--explain", help="Add the contributions to each likelihood.")] = False,
) -> None:
    """Say how likely each outcome is for each partner at each cutoff, from what was known before it.

    CSV files may be gzipped. docs/likelihood.md describes the formats and what the figures mean.
    """
    written = forecast_files(observations, keys, outcomes, out, explain=explain)
    wanting = f", {written.unknown:,} of them the portfolio's for want of facts" if written.unknown else ""
    typer.echo(f"{written.keys:,} likelihoods{wanting}.", err=True)
