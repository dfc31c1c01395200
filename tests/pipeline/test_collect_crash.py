"""A process killed with SIGKILL while it waits for a source: nothing is half written and nothing is lost."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from threading import Event

import pytest
from factories import NOW
from servers import Page, Request, serve
from sqlalchemy import select

from warden.db import Database
from warden.domain import RunOutcome
from warden.models import Fact, Run, Source
from warden.pipeline import collect
from warden.settings import Settings
from warden.store import sources
from warden.vault import Vault

FEED = b"""<?xml version='1.0'?><feed xmlns='http://www.w3.org/2005/Atom'><title>News</title><id>n</id>
<updated>2026-03-04T00:00:00Z</updated><entry><id>1</id><title>Acme recalls pumps</title><link href='/1'/>
<updated>2026-03-03T00:00:00Z</updated></entry></feed>"""

CHILD = """
import sys
from datetime import datetime
from warden.db import Database
from warden.pipeline import collect
from warden.settings import Settings
from warden.vault import open_vault

settings = Settings(_env_file=None)
collect.run_due(Database(settings.database_url), open_vault(settings), settings, datetime.fromisoformat(sys.argv[1]))
"""


def test_killed_during_a_visit(db: Database, vault: Vault, settings: Settings) -> None:
    asked, hold = Event(), Event()

    def held(_request: Request) -> Page:
        asked.set()
        hold.wait(60)
        return Page(FEED)

    with serve() as site:
        site.pages["/news"] = held
        with db.write() as session:
            source = sources.add(session, name="news", collector="feed", options={"url": f"{site.url}/news"}, now=NOW)
        environment = {
            **os.environ,
            "WARDEN_DATABASE_URL": settings.database_url,
            "WARDEN_ALLOWED_NETWORKS": "127.0.0.0/8",
            "WARDEN_SECRET_KEY": settings.secret_key.get_secret_value() if settings.secret_key else "",
        }
        child = subprocess.Popen([sys.executable, "-c", CHILD, NOW.isoformat()], env=environment)
        try:
            assert asked.wait(60)
            with db.read() as session:
                assert session.scalars(select(Run.outcome)).all() == [None], "claimed"
        finally:
            child.kill()
            assert child.wait(30) == -signal.SIGKILL
            hold.set()

        with db.read() as session:
            assert session.scalars(select(Fact.id)).all() == []
            claimed = session.get_one(Source, source.id)
            assert (claimed.cursor, claimed.last_success_at) == ({}, None)
            assert claimed.lease_holder is not None

        site.pages["/news"] = Page(FEED)
        soon = NOW + timedelta(minutes=1)
        assert collect.run_due(db, vault, settings, soon) == 0, "the lease still stands"
        with db.write() as session:
            assert sources.release_stale(session, soon, alone=True) == 1
        assert collect.run_due(db, vault, settings, soon) == 1
        with db.read() as session:
            assert len(session.scalars(select(Fact.id)).all()) == 1
            outcomes = session.scalars(select(Run.outcome).order_by(Run.started_at)).all()
            assert outcomes == [RunOutcome.FAILED, RunOutcome.OK]


@pytest.mark.parametrize("later", [sources.LEASE, 2 * sources.LEASE])
def test_without_a_restart_the_lease_runs_out(db: Database, later: timedelta) -> None:
    with db.write() as session:
        source = sources.add(session, name="news", collector="feed", options={}, now=NOW)
        assert sources.claim(session, source.id, NOW) is not None
        assert sources.due(session, NOW + later) == [source.id]
        assert sources.claim(session, source.id, NOW + later) is not None
