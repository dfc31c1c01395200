"""`warden user …` and `warden token …`: who may enter."""

from typing import Annotated

import typer

from warden.cli.opening import opened
from warden.cli.serving import sign_in_link
from warden.clock import utc_now
from warden.domain import Role
from warden.errors import NotFound
from warden.store import access

users = typer.Typer(help="Accounts. There are no passwords: people sign in by one-time links.", no_args_is_help=True)
tokens = typer.Typer(help="Tokens for programs that use the API.", no_args_is_help=True)


@users.command("add")
def add_user(
    email: str,
    name: Annotated[str, typer.Option(help="Name; the address if left out.")] = "",
    role: Annotated[Role, typer.Option(help="What the user may do.")] = Role.VIEWER,
    locale: Annotated[str | None, typer.Option(help="en, zh-Hant, zh-Hans or vi; else the browser's.")] = None,
    time_zone: Annotated[str, typer.Option(help="Time zone, e.g. Asia/Taipei.")] = "UTC",
) -> None:
    """Add a user and print a one-time sign-in link to hand over."""
    now = utc_now()
    with opened() as services:
        with services.db.write() as session:
            user = access.create_user(
                session, email=email, name=name or email, role=role, now=now, locale=locale, time_zone=time_zone
            )
            token = access.create_link(session, user, now)
        typer.echo(sign_in_link(services, token))


@users.command("link")
def link_user(email: str) -> None:
    """Print a new one-time sign-in link; links made before stop working."""
    with opened() as services:
        with services.db.write() as session:
            user = access.find_user(session, email)
            if user is None:
                raise NotFound(f"There is no user with the address {email}.")
            token = access.create_link(session, user, utc_now())
        typer.echo(sign_in_link(services, token))


@tokens.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="What the token is for.")],
    role: Annotated[Role, typer.Option(help="What it may do at most.")] = Role.VIEWER,
    scope: Annotated[list[str] | None, typer.Option(help="Narrow it, e.g. facts:write; can be repeated.")] = None,
) -> None:
    """Create an API token and print it; it cannot be shown again."""
    with opened() as services, services.db.write() as session:
        _token, plain = access.create_token(
            session, name=name, role=role, scopes=scope or (), created_by="command line", now=utc_now()
        )
    typer.echo(plain)
