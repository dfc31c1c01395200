"""`make demo`: replays two years of real deliveries, then serves Warden as it would have stood on 30 June 2011.

DEMO_FOLDER and DEMO_WEEKS (default .demo and 104) are for the tests.
"""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import history
import judgements
import setting_up
from newsstand import Newsstand
from receiver import Receiver
from setting_up import Addresses

from warden import log
from warden.cli import serving
from warden.cli.opening import look_for_cycles_less_often, opened
from warden.clock import start_at, utc_now
from warden.errors import WardenError
from warden.pipeline import backtest, learn
from warden.scheduler import tick
from warden.settings import Settings
from warden.store import meetings, meta, partners
from warden.web.deps import Services

HERE = Path(__file__).resolve().parent
NOW = datetime(2011, 6, 30, 8, tzinfo=UTC)
UNTIL = date(2011, 12, 31)
"""Where the example's books end: half a year of life after the day it opens."""

WEEK = timedelta(weeks=1)
LEARN_WEEKS = 26
"""The service learns once a week; in the replay, which has a hundred of them in a minute, twice a year."""

HELD = "Held in time: an assumption of the replay, which has nobody to hold it."


def main() -> None:
    """Build the example unless it is there, then serve it until interrupted."""
    folder = Path(os.environ.get("DEMO_FOLDER", HERE.parent / ".demo")).resolve()
    port = int(os.environ.get("PORT", "8000"))
    try:
        serve(folder, port, int(os.environ.get("DEMO_WEEKS", "104")))
    except WardenError as error:
        sys.exit(str(error).replace("--port or WARDEN_PORT", "make demo PORT=8001"))
    except KeyboardInterrupt:
        sys.exit("Interrupted. What was begun in .demo is made anew next time.")


def serve(folder: Path, port: int, weeks: int) -> None:
    """Serve the example in `folder`, made first unless it is finished."""
    finished = folder / "finished"
    settings = settings_for(folder, port)
    log.configure("ERROR", as_json=False)
    look_for_cycles_less_often()
    with serving.listening("127.0.0.1", port) as listener:
        if not finished.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        start_at(NOW - weeks * WEEK if not finished.exists() else NOW)
        with around(settings, folder) as (services, newsstand, receiver):
            addresses = Addresses(newsstand.url, receiver.slack, receiver.teams, receiver.webhook, receiver.mail_port)
            if finished.exists():
                resume(services, addresses)
            else:
                build(services, folder, newsstand, addresses, weeks)
                finished.touch()
            log.configure("WARNING", as_json=False)
            greet(services, folder, receiver)
            serving.serve_on(listener, services)


def settings_for(folder: Path, port: int) -> Settings:
    """Return the example's settings, whatever the environment says: everything it writes is in `folder`."""
    return Settings(
        _env_file=None,
        database_url=f"sqlite:///{folder}/warden.db",
        secret_key_file=folder / "warden.key",
        public_url=f"http://127.0.0.1:{port}",
        host="127.0.0.1",
        port=port,
        our_domains=("programme.example",),
        allowed_networks=("127.0.0.0/8",),  # the stand-ins
        file_roots=(folder,),
        start_at=NOW,
    )


@contextmanager
def around(settings: Settings, folder: Path) -> Iterator[tuple[Services, Newsstand, Receiver]]:
    """Open the service, the feed it reads, and the receiver of what it sends."""
    newsstand = Newsstand(HERE / "headlines.atom", NOW)
    try:
        with Receiver(folder / "received") as receiver, opened(settings, alone=True) as services:
            yield services, newsstand, receiver
    finally:
        newsstand.close()


def build(services: Services, folder: Path, newsstand: Newsstand, addresses: Addresses, weeks: int) -> None:
    """Set everything up, replay the past without sending anything, and walk the last tick live."""
    first = NOW - weeks * WEEK
    lines = history.load()
    rows = history.write_deliveries(lines, UNTIL, folder / "deliveries.csv")
    history.write_messages(lines, UNTIL, folder / "messages.csv")
    count = setting_up.add_partners(services, lines, folder, first, NOW)
    setting_up.add_sources(services, folder, addresses.feed, first)
    setting_up.add_destinations(services, addresses, first)
    print(f"{rows:,} of {len(lines):,} deliveries, {count} partners. Replaying {weeks} weeks up to {NOW:%d %B %Y} …")
    began = time.monotonic()
    for week in range(weeks):
        newsstand.now = now = first + week * WEEK
        hold_meetings(services, now)
        judgements.apply(services, now - WEEK if week else None, now)
        if week and week % LEARN_WEEKS == 0:
            learn.run(services.db, services.settings, now)
        for _step in tick(
            services.db, services.vault, services.settings, services.http, now, send=False, assess_always=True
        ):
            pass
        show_progress(week + 1, weeks, now.date())
    print(f"\nReplayed in {time.monotonic() - began:.0f} s. Looking how good the likelihoods were …", flush=True)
    learn.run(services.db, services.settings, NOW)
    backtest.run(services.db, services.settings, NOW, author="example")
    print("Now the last tick, live:")
    setting_up.add_digests(services, NOW - timedelta(days=1))
    newsstand.now = NOW
    start_at(NOW)
    live = tick(services.db, services.vault, services.settings, services.http, NOW, assess_always=True)
    print("  " + ", ".join(f"{stage} {count}" for stage, count in live))
    setting_up.add_token(services, folder, NOW)


def hold_meetings(services: Services, now: datetime) -> None:
    """Close the meetings that fall due before the replay's next week, as if they had been held by now."""
    with services.db.write() as session:
        soon = (now + WEEK - timedelta(days=1)).date()
        for meeting in meetings.listing(session, limit=200, only_open=True, due_before=soon).items:
            meetings.held(session, meeting, outcome=HELD, who="replay", now=now)


def resume(services: Services, addresses: Addresses) -> None:
    """Go on where the last run stopped: time never goes back, and the stand-ins have new ports."""
    with services.db.read() as session:
        last = meta.last_heartbeat(session)
    start_at(max(NOW, last or NOW))
    setting_up.move(services, addresses, utc_now())


def greet(services: Services, folder: Path, receiver: Receiver) -> None:
    """Say where everything is."""
    token = (folder / "token").read_text(encoding="utf-8").strip()
    address = services.settings.public_url
    with services.db.read() as session:
        cipla = partners.by_name(session, "Cipla")
    assert cipla is not None, "partners.csv has it"
    lines = (
        "",
        f"Warden lives on {utc_now():%d %B %Y}. Ctrl-C stops it; `make demo` goes on from here.",
        "",
        f"  sign in (once)   {setting_up.sign_in_link(services, utc_now())}",
        f"  what was sent    {receiver.url}",
        f"  API token        {token} (also in {folder.name}/token)",
        f'  try              curl -H "Authorization: Bearer $(cat {folder.name}/token)" {address}/api/v1/matrix',
        f"  why Cipla moved  {address}/partners/{cipla.id}/changes?since=2011-06-02",
        f"  what is said     {address}/partners/{cipla.id}/incidents",
        f"  how good it was  {address}/backtest",
        "",
    )
    print("\n".join(lines), flush=True)


def show_progress(done: int, of: int, day: date) -> None:
    """Draw the replay's progress: one moving line on a terminal, else a line every half-year."""
    if sys.stdout.isatty():
        bar = "█" * (40 * done // of)
        print(f"\r  {bar:<40} {done}/{of}  {day}", end="", flush=True)
    elif done % 26 == 0 or done == of:
        print(f"  {done}/{of}  {day}", flush=True)


if __name__ == "__main__":
    main()
