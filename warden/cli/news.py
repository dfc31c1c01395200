"""`warden news …`: news read, copies found, and models of tone trained, from plain files."""

from pathlib import Path
from typing import Annotated

import typer

from warden.newsfiles.articles import read_file
from warden.newsfiles.labels import models_of, train_file
from warden.newsfiles.same import copies_file

app = typer.Typer(help="Read news and train on labelled texts, from files.", no_args_is_help=True)


@app.command()
def read(
    articles: Annotated[
        Path,
        typer.Option("--in", metavar="FILE", help='JSON lines: {"id", "text", "partners": [{"name", "aliases"}]}.'),
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="JSON lines to write; left as it is when anything is wrong.")
    ],
    model: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Models that `warden news train` wrote, instead of those that ship."),
    ] = None,
) -> None:
    """Say how each article speaks of the partners it names, or as a whole, and which events it tells of.

    Files may be gzipped. docs/news.md describes the formats and what the figures mean.
    """
    done = read_file(articles, out, None if model is None else models_of(model))
    typer.echo(f"{done.articles:,} articles, {done.partners:,} partners named.", err=True)


@app.command()
def train(
    labelled: Annotated[
        Path,
        typer.Option(
            "--in", metavar="FILE", help="CSV: label,text[,entity][,summary]; label negative, neutral or positive."
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of models to write; left as it is when anything is wrong.")
    ],
    embeddings: Annotated[
        bool,
        typer.Option("--embeddings", help="Learn what texts mean, too: needs warden[embeddings], as does reading."),
    ] = False,
) -> None:
    """Train a model of tone per language on labelled texts.

    The file may be gzipped. The same file gives the same models.
    """
    done = train_file(labelled, out, embeddings=embeddings)
    for part, rows in done.rows.items():
        typer.echo(f"{part}: trained on {rows:,} rows.", err=True)
    for reason in done.left_out.values():
        typer.echo(f"{reason}: no model of it was trained.", err=True)
    if done.unread:
        typer.echo(f"{done.unread:,} rows are in no language Warden reads.", err=True)


@app.command()
def copies(
    articles: Annotated[
        Path, typer.Option("--in", metavar="FILE", help='JSON lines: {"text", "at" (optional): a moment in ISO 8601}.')
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="JSON lines to write; left as it is when anything is wrong.")
    ],
) -> None:
    """Say which articles are copies of one another: each is written as it was, with its "cluster".

    Files may be gzipped. Where all have a time, what is more than a week apart is no copy.
    """
    done = copies_file(articles, out)
    typer.echo(f"{done.articles:,} articles, {done.clusters:,} different ones.", err=True)
    if done.undated:
        typer.echo(f"{done.undated:,} have no time, so that time did not count.", err=True)
