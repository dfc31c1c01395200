"""`warden serve`, `run` and `tick`: the processes that walk the road."""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from warden.cli.opening import opened, parse_moment, read_settings
from warden.clock import utc_now
from warden.errors import Misconfigured
from warden.store import access, meta
from warden.web.deps import Services

GRACE_SECONDS = 20
"""How long requests under way may take after the signal to stop."""

WATCH_SECONDS = 300
"""How often somebody looks whether the clock still goes."""


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on, else WARDEN_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on, else WARDEN_PORT.", min=1, max=65535)] = None,
) -> None:
    """Serve pages and API, and run the clock."""
    settings = read_settings(long_running=True, host=host, port=port)
    with listening(settings.host, settings.port) as listener, opened(settings, alone=True) as services:
        serve_on(listener, services)


def serve_on(listener: socket.socket, services: Services) -> None:
    """Serve on an open socket, with the clock running, until a signal to stop; then finish what is under way."""
    import uvicorn  # noqa: PLC0415 – heavy, and other commands need none of it

    from warden.web.app import create_app  # noqa: PLC0415 – likewise

    _greet_first_admin(services)
    stop = _stop_on_signal()
    config = uvicorn.Config(
        create_app(services),
        log_config=None,
        access_log=False,  # the addresses of sign-in links are secrets
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    with _ticking(services):
        if not stop.is_set():
            uvicorn.Server(config).run(sockets=[listener])


def run() -> None:
    """Run the clock without the web."""
    with opened(read_settings(long_running=True), alone=True) as services:
        stop = _stop_on_signal()
        with _ticking(services):
            stop.wait()


def walk(
    as_of: Annotated[str | None, typer.Option(help="Walk as if it were this moment (ISO 8601, UTC).")] = None,
    no_send: Annotated[bool, typer.Option("--no-send", help="Decide, but queue and send no message.")] = False,
) -> None:
    """Walk the whole road once.

    That is: collect, attribute, assess, decide, announce, digest, notify.
    """
    from warden.scheduler import tick  # noqa: PLC0415 – heavy, and other commands need none of it

    now = parse_moment(as_of) if as_of else None
    with opened(alone=True) as services:
        steps = tick(
            services.db,
            services.vault,
            services.settings,
            services.http,
            now or utc_now(),
            send=not no_send,
            assess_always=True,
        )
        for stage, count in steps:
            typer.echo(f"{stage:<10} {count}")
        with services.db.read() as session:
            broken = meta.broken_stages(session)
    if broken:
        typer.echo(f"Broken, see the log: {', '.join(broken)}.", err=True)
        raise typer.Exit(1)


def keep_watch() -> None:
    """Tell of a clock that stands still, and of digests that do not leave or are not taken; exit 1 for any of it.

    For a timer on another machine, or beside `warden run`: what has stopped cannot tell of itself.
    """
    from warden.pipeline import watch  # noqa: PLC0415 – heavy, and other commands need none of it
    from warden.wording import reader_of  # noqa: PLC0415 – likewise

    with opened() as services:
        found = watch.run(services.db, services.vault, services.settings, services.http, utc_now())
    reader = reader_of("en")
    for trouble in found:
        typer.echo(f"{reader.fact(trouble.why)} {trouble.answer}".rstrip(), err=True)
    if found:
        raise typer.Exit(1)
    typer.echo("Nothing stands still.")


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Open the socket before anything else is started. Raises Misconfigured when the port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise Misconfigured(
                f"Cannot listen on {host}, port {port}: {error.strerror}. Choose another with --port or WARDEN_PORT."
            ) from error
        yield listener


@contextmanager
def _ticking(services: Services) -> Iterator[None]:
    from warden.scheduler import Clock  # noqa: PLC0415 – heavy, and other commands need none of it

    clock = Clock(services.db, services.vault, services.settings, services.http)
    clock.start()
    watcher = threading.Thread(target=_watch, args=(services, clock.stopping), name="watch")
    watcher.start()
    try:
        yield
    finally:
        clock.stop()
        watcher.join()


def _watch(services: Services, stopping: threading.Event) -> None:
    """Look every few minutes whether the clock still goes: apart from it, for what has stopped cannot tell of it."""
    from warden.pipeline import watch  # noqa: PLC0415 – heavy, and other commands need none of it
    from warden.pipeline.fence import fence  # noqa: PLC0415 – likewise

    while not stopping.wait(WATCH_SECONDS):
        with fence("watching_broke"):
            watch.run(services.db, services.vault, services.settings, services.http, utc_now())


def _stop_on_signal() -> threading.Event:
    """Turn SIGTERM and SIGINT into an event; uvicorn raises them again after it stopped, which must not kill us."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop


def _greet_first_admin(services: Services) -> None:
    with services.db.write() as session:
        token = access.ensure_first_admin(session, utc_now())
    if token is not None:
        typer.echo(f"Nobody has an account yet. Sign in as {access.FIRST_ADMIN}, once, within a day:", err=True)
        typer.echo(f"  {sign_in_link(services, token)}", err=True)


def sign_in_link(services: Services, token: str) -> str:
    """Return the address that signs somebody in once."""
    return f"{services.settings.public_url}/sign-in?token={token}"
