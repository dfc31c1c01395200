"""`warden destination …`: where messages go."""

from typing import Annotated

import typer

from warden import plugins
from warden.cli.opening import opened
from warden.cli.options import OptionsFile, Pairs, Secrets, gather_options
from warden.clock import utc_now
from warden.domain import NotificationStatus, Severity
from warden.pipeline import notify
from warden.store import destinations, notifications

app = typer.Typer(help="Destinations: Slack, Teams, e-mail, webhooks.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the destination.")]


@app.command("add")
def add_destination(
    name: Name,
    channel: Annotated[str, typer.Argument(help="slack, teams, email or webhook.")],
    option: Pairs = None,
    options_file: OptionsFile = None,
    secret: Secrets = None,
    locale: Annotated[str, typer.Option(help="Language: en, zh-Hant, zh-Hans or vi.")] = "en",
    time_zone: Annotated[str, typer.Option(help="Time zone, e.g. Asia/Taipei.")] = "UTC",
    min_severity: Annotated[Severity, typer.Option(help="Mildest alert it gets.")] = Severity.WARNING,
    alerts: Annotated[bool, typer.Option(help="Gets alerts and meetings.")] = True,
    operations: Annotated[bool, typer.Option(help="Gets notices about the service itself.")] = False,
) -> None:
    """Add a destination. Addresses of webhooks are secrets: give them with --secret url."""
    kind = plugins.channel(channel)
    with opened() as services:
        raw = gather_options(option, options_file, secret)
        public, secrets = plugins.seal_options(
            plugins.read_options(kind.Options, raw, services.settings), services.vault
        )
        with services.db.write() as session:
            destinations.add(
                session,
                name=name,
                channel=channel,
                now=utc_now(),
                options=public,
                secrets=secrets,
                locale=locale,
                time_zone=time_zone,
                min_severity=min_severity,
                alerts=alerts,
                operations=operations,
            )
    typer.echo(f"Added {name}. Try it: warden destination test {name!r}")


@app.command("list")
def list_destinations() -> None:
    """List the destinations and how many messages wait for each."""
    with opened() as services, services.db.read() as session:
        waiting = destinations.waiting(session)
        for destination in sorted(session.scalars(destinations.listing()), key=lambda found: found.name):
            off = f"  disabled: {destination.disabled_why}" if destination.disabled_at else ""
            queued = waiting.get(destination.id, 0)
            typer.echo(f"{destination.name}  {destination.channel}  {destination.locale}  {queued} waiting{off}")


@app.command("enable")
def enable_destination(name: Name) -> None:
    """Switch a destination on again; the running service sends what waited for it."""
    with opened() as services, services.db.write() as session:
        notifications.resume(session, destinations.named(session, name))
    typer.echo(f"{name} is switched on.")


@app.command("test")
def try_destination(
    name: Name,
    to: Annotated[str | None, typer.Option(help="E-mail only: the address to write to.")] = None,
) -> None:
    """Send one test message and say what came back."""
    with opened() as services:
        with services.db.read() as session:
            destination = destinations.named(session, name)
        typer.echo(f"Sending to {name} …", err=True)
        sent = notify.send_test(
            services.db,
            services.vault,
            services.settings,
            services.http,
            destination.id,
            utc_now(),
            recipient=to,
        )
    if sent.status not in (NotificationStatus.SENT, NotificationStatus.ACCEPTED):
        typer.echo(f"Not delivered: {sent.answer}", err=True)
        raise typer.Exit(1)
    typer.echo(f"Delivered ({sent.status}): {sent.answer}")
