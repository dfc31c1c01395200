"""The command line: `warden …`. Errors are one sentence on stderr and exit status 1; wrong usage exits 2."""

import sys
from collections.abc import Iterable

import typer
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from collectors.base import SourceError
from warden import __version__
from warden.channels.base import ChannelError
from warden.cli import (
    access,
    backtest,
    database,
    destinations,
    doctor,
    forecast,
    news,
    news_models,
    opening,
    partners,
    serving,
    sources,
)
from warden.errors import InvalidInput, WardenError
from warden.settings import Settings

app = typer.Typer(
    name="warden",
    help="Early warning for business partnerships. Settings are WARDEN_… variables or lines of a .env file.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
app.command()(serving.serve)
app.command()(serving.run)
app.command("tick")(serving.walk)
app.command("watch")(serving.keep_watch)
app.add_typer(database.app, name="db")
app.add_typer(partners.app, name="import")
app.add_typer(sources.app, name="source")
app.add_typer(destinations.app, name="destination")
app.add_typer(access.users, name="user")
app.add_typer(access.tokens, name="token")
news_models.add_to(news.app)
app.add_typer(news.app, name="news")
app.command()(doctor.doctor)
app.command()(forecast.forecast)
app.command()(backtest.backtest)


@app.command()
def version() -> None:
    """Print Warden's version."""
    typer.echo(__version__)


def main() -> None:
    """Run the command line and end the process."""
    opening.look_for_cycles_less_often()
    try:
        app()
    except InvalidInput as error:
        _fail(str(error), (str(fault) for fault in error.faults))
    except ValidationError as error:
        _fail(f"{error.title} cannot be used as given.", _faults(error))
    except (WardenError, SourceError, ChannelError) as error:
        _fail(str(error))
    except DBAPIError as error:
        _fail(
            f"The database does not answer as it should: {error.orig}. "
            "Look at WARDEN_DATABASE_URL: may Warden write to the file and its folder, and is there room on the disk?"
        )
    except OSError as error:
        _fail(f"{error.filename or 'The system'}: {error.strerror or error}.")


def _faults(error: ValidationError) -> Iterable[str]:
    """Say what is wrong with each setting or field, without repeating its value: it may be a secret."""
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        where = ".".join(str(part) for part in fault["loc"])
        name = f"WARDEN_{where.upper()}" if error.title == Settings.__name__ else where
        yield f"{name}: {fault['msg'].removeprefix('Value error, ')}"


def _fail(sentence: str, faults: Iterable[str] = ()) -> None:
    typer.echo(sentence, err=True)
    for fault in faults:
        typer.echo(f"  {fault}", err=True)
    sys.exit(1)
