"""Collecting from real servers on loopback: what is written down, and who must act when it fails."""

import os
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from factories import DAY, NOW, make_partner
from servers import Page, Request, WebServer, serve
from sqlalchemy import select
from structlog.testing import capture_logs

from collectors.base import Batch, Named, SourceUnavailable
from collectors.http import Http
from warden import plugins
from warden.db import Database
from warden.domain import RunOutcome, SourceState, Stage
from warden.models import Fact, Run, Source
from warden.pipeline import collect
from warden.settings import Settings
from warden.store import facts, identifiers, sources
from warden.vault import Vault

MINUTE = timedelta(minutes=1)
ENTRY = "<entry><id>{0}</id><title>{0}</title><updated>2026-03-0{1}T08:00:00Z</updated><link href='/{0}'/></entry>"


@pytest.fixture
def site() -> Iterator[WebServer]:
    with serve() as site:
        yield site


def feed(*titles: str) -> bytes:
    entries = "".join(ENTRY.format(title, number + 1) for number, title in enumerate(titles))
    head = "<?xml version='1.0' encoding='utf-8'?><feed xmlns='http://www.w3.org/2005/Atom'><title>News</title>"
    return f"{head}<id>news</id><updated>2026-03-04T00:00:00Z</updated>{entries}</feed>".encode()


def add(db: Database, site: WebServer, name: str = "news", **values: Any) -> Source:
    with db.write() as session:
        options = {"url": f"{site.url}/{name}"}
        return sources.add(session, **{"name": name, "collector": "feed", "options": options, "now": NOW, **values})


def read(db: Database, source: Source) -> tuple[Source, list[Run]]:
    with db.read() as session:
        return sources.get(session, source.id), sources.runs(session, source.id).items


def test_a_visit_writes_facts_cursor_run_and_schedule(
    db: Database, vault: Vault, settings: Settings, site: WebServer
) -> None:
    site.pages["/news"] = Page(feed("a", "b"), headers={"ETag": '"1"', "Content-Type": "application/atom+xml"})
    source = add(db, site)
    assert collect.run_due(db, vault, settings, NOW) == 1
    after, (run,) = read(db, source)
    assert (run.outcome, run.seen, run.new) == (RunOutcome.OK, 2, 2)
    assert (after.state, after.lease_holder, after.next_run_at) == (SourceState.OK, None, NOW + 15 * MINUTE)
    assert collect.run_due(db, vault, settings, NOW) == 0, "not due again"
    site.pages["/news"] = lambda request: Page(status=304 if request.headers.get("if-none-match") == '"1"' else 500)
    assert collect.run_due(db, vault, settings, NOW + 15 * MINUTE) == 1
    assert read(db, source)[1][0].outcome is RunOutcome.OK, "the cursor went along"
    with db.read() as session:
        assert facts.total(session) == 2
        assert set(session.scalars(select(Fact.recorded_at))) == {NOW}


@pytest.mark.parametrize(
    ("page", "state", "next_run_at", "paused"),
    [
        (Page(status=500), SourceState.UNAVAILABLE, NOW + MINUTE, False),
        (Page(status=429, headers={"Retry-After": "7200"}), SourceState.UNAVAILABLE, NOW + 120 * MINUTE, False),
        (Page(status=401), SourceState.REFUSED, None, True),
        (Page(b"<html>gone</html>", headers={"Content-Type": "text/html"}), SourceState.CHANGED, NOW + DAY, False),
    ],
)
def test_who_must_act_decides_what_follows(
    db: Database,
    vault: Vault,
    settings: Settings,
    site: WebServer,
    page: Page,
    state: SourceState,
    next_run_at: datetime | None,
    paused: bool,
) -> None:
    site.pages["/news"] = page
    source = add(db, site)
    with capture_logs() as logs:
        collect.run_due(db, vault, settings, NOW)
        collect.run_due(db, vault, settings, NOW + MINUTE / 2, only=source.id, ignore_schedule=True)
    assert [entry["event"] for entry in logs] == ["source_went_down"], "told once"
    after, runs = read(db, source)
    assert (after.state, after.state_since, after.paused) == (state, NOW, paused)
    assert [run.outcome for run in runs] == [RunOutcome(state.value)] * 2
    assert all(run.error == after.reason for run in runs)
    assert after.reason
    if next_run_at is not None:
        assert after.next_run_at is not None
        assert after.next_run_at >= next_run_at


def test_a_source_that_is_back_says_so_once(db: Database, vault: Vault, settings: Settings, site: WebServer) -> None:
    source = add(db, site)
    site.pages["/news"] = Page(status=503)
    collect.run_due(db, vault, settings, NOW)
    site.pages["/news"] = Page(feed("a"))
    with capture_logs() as logs:
        for minutes in (1, 30):
            collect.run_due(db, vault, settings, NOW + minutes * MINUTE)
    assert [entry["event"] for entry in logs if entry["log_level"] != "debug"] == ["source_came_back"]
    assert read(db, source)[0].state is SourceState.OK


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"collector": "telex", "options": {}}, "no collector"),
        ({"options": {}}, "options.url: is needed"),
        ({"collector": "table", "options": {"path": "/etc/passwd"}}, "options"),
        ({"secrets": "sealed with another key"}, "cannot be decrypted"),
    ],
)
def test_a_source_that_cannot_be_set_up_needs_a_person(
    db: Database, vault: Vault, settings: Settings, site: WebServer, values: dict[str, Any], words: str
) -> None:
    source = add(db, site, **values)
    assert collect.run_due(db, vault, settings, NOW) == 1
    after, _runs = read(db, source)
    assert (after.state, after.paused) == (SourceState.REFUSED, True)
    assert words in after.reason


def test_a_defect_stops_one_source_and_not_the_others(
    db: Database, vault: Vault, settings: Settings, site: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("secret detail")

    monkeypatch.setattr(plugins.collector("table"), "collect", broken)
    site.pages["/news"] = Page(feed("a"))
    good = add(db, site)
    options = {
        "url": f"{site.url}/x",
        "kind": "measures",
        "key_column": "k",
        "key_scheme": "erp",
        "at_column": "d",
        "measures": [{"column": "m", "name": "m"}],
    }
    bad = add(db, site, "erp", collector="table", options=options)
    with capture_logs() as logs:
        assert collect.run_due(db, vault, settings, NOW) == 2
    after, (run,) = read(db, bad)
    assert (run.outcome, run.error) == (
        RunOutcome.FAILED,
        "Warden itself failed (KeyError); its log has the details.",
    )
    assert (after.state, after.next_run_at) == (SourceState.UNAVAILABLE, NOW + MINUTE)
    assert {entry["event"] for entry in logs if entry["log_level"] == "error"} == {"source_not_collected"}
    assert read(db, good)[0].state is SourceState.OK


FILE = {"kind": "messages", "key_column": "k", "key_scheme": "erp", "at_column": "at", "direction_column": "way"}


def test_a_visit_that_never_ends_is_given_up_and_not_begun_again_beside_it(
    db: Database,
    vault: Vault,
    settings: Settings,
    site: WebServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_end, begun = threading.Event(), []

    def hang(*_: object) -> Batch:
        begun.append(threading.current_thread())
        assert may_end.wait(30)
        return Batch([], {"late": True})

    monkeypatch.setattr(plugins.collector("table"), "collect", hang)
    monkeypatch.setattr(plugins.collector("table"), "most_seconds", 0.2)
    settings = settings.model_copy(update={"file_roots": (tmp_path,)})
    hanging = add(db, site, "erp", collector="table", options={**FILE, "path": f"{tmp_path}/a.csv"})
    site.pages["/news"] = Page(feed("a"))
    good = add(db, site)
    for moment in (NOW, NOW + MINUTE):
        collect.run_due(db, vault, settings, moment)
    after, runs = read(db, hanging)
    assert read(db, good)[0].state is SourceState.OK
    assert (after.state, after.reason) == (SourceState.UNAVAILABLE, "The visit did not end within 0 seconds.")
    assert (after.failures, len(runs), len(begun)) == (2, 2, 1)
    may_end.set()
    begun[0].join(30)
    assert read(db, hanging)[0].cursor == {}, "what came too late is dropped"
    collect.run_due(db, vault, settings, NOW + 5 * MINUTE)
    assert (read(db, hanging)[0].state, len(begun)) == (SourceState.OK, 2)


def test_a_trial_that_never_ends_is_given_up(
    sqlite_db: Database, site: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()
    site.pages["/news"] = lambda _: Page(status=200 if may_end.wait(30) else 500)
    kind = plugins.collector("feed")
    monkeypatch.setattr(kind, "most_seconds", 0.2)
    with Http(allowed_networks=("127.0.0.0/8",)) as http:
        with pytest.raises(SourceUnavailable, match="did not end"):
            collect.test_source(sqlite_db, kind, kind.Options(url=f"{site.url}/news"), http, NOW)
        may_end.set()


def test_a_pipe_in_the_place_of_a_file_holds_nothing_up(
    db: Database, vault: Vault, settings: Settings, site: WebServer, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "a.csv")
    settings = settings.model_copy(update={"file_roots": (tmp_path,)})
    source = add(db, site, "erp", collector="table", options={**FILE, "path": f"{tmp_path}/a.csv"})
    assert collect.run_due(db, vault, settings, NOW) == 1
    after, _runs = read(db, source)
    assert (after.state, after.paused) == (SourceState.REFUSED, True)
    assert after.reason == "The file a.csv cannot be read: a folder, a pipe, a socket or a device is none."


def test_no_transaction_is_open_during_a_visit(db: Database, vault: Vault, settings: Settings, site: WebServer) -> None:
    def meanwhile(_request: Request) -> Page:
        with db.write() as session:  # SQLite would wait for half a minute if a writer held it
            sources.push(session, "pushed meanwhile", NOW)
        return Page(feed("a"))

    site.pages["/news"] = meanwhile
    source = add(db, site)
    collect.run_due(db, vault, settings, NOW)
    assert read(db, source)[0].state is SourceState.OK


def test_two_clocks_visit_a_source_once(db: Database, vault: Vault, settings: Settings, site: WebServer) -> None:
    site.pages["/news"] = Page(feed("a"))
    add(db, site)
    visited: list[int] = []
    threads = [
        threading.Thread(target=lambda: visited.append(collect.run_due(db, vault, settings, NOW))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(visited) == 1
    assert len(site.requests) == 1


def test_a_late_answer_of_a_lost_claim_is_dropped(
    db: Database, vault: Vault, settings: Settings, site: WebServer
) -> None:
    source = add(db, site)

    def overtaken(_request: Request) -> Page:
        with db.write() as session:
            assert sources.claim(session, source.id, NOW + sources.LEASE) is not None
        return Page(feed("a"))

    site.pages["/news"] = overtaken
    with capture_logs() as logs:
        collect.run_due(db, vault, settings, NOW)
    assert "claim_lost" in [entry["event"] for entry in logs]
    with db.read() as session:
        assert facts.total(session) == 0


def test_a_paused_source_can_be_visited_by_hand(
    db: Database, vault: Vault, settings: Settings, site: WebServer
) -> None:
    site.pages["/news"] = Page(feed("a"))
    source = add(db, site)
    with db.write() as session:
        sources.pause(session, source.id)
    assert collect.run_due(db, vault, settings, NOW) == 0
    assert collect.run_due(db, vault, settings, NOW, only=source.id) == 0
    assert collect.run_due(db, vault, settings, NOW, only=source.id, ignore_schedule=True) == 1


def test_a_blocked_address_is_refused(db: Database, vault: Vault, settings: Settings, site: WebServer) -> None:
    source = add(db, site)
    collect.run_due(db, vault, settings.model_copy(update={"allowed_networks": ()}), NOW)
    assert read(db, source)[0].state is SourceState.REFUSED


def test_trying_a_source_shows_three_facts_and_stores_nothing(sqlite_db: Database, site: WebServer) -> None:
    site.pages["/news"] = Page(feed("a", "b", "c", "d"))
    kind = plugins.collector("feed")
    with Http(allowed_networks=["127.0.0.0/8"]) as http:
        shown, problems = collect.test_source(sqlite_db, kind, kind.Options(url=f"{site.url}/news"), http, NOW)
    assert (len(shown), list(problems)) == (3, [])
    with sqlite_db.read() as session:
        assert facts.total(session) == 0


def test_silence_of_a_source_is_noted_at_the_next_tick(
    db: Database, vault: Vault, settings: Settings, site: WebServer
) -> None:
    site.pages["/news"] = Page(status=503)
    source = add(db, site)
    collect.run_due(db, vault, settings, NOW)
    assert read(db, source)[0].blind_since is None
    collect.run_due(db, vault, settings, NOW + 2 * DAY)
    assert read(db, source)[0].blind_since == NOW


# Searching for partners


def test_a_partner_is_searched_by_its_name_and_its_clear_aliases(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session, "Acme", aliases=["Acme Steel", "阿克米"])
        identifiers.add_alias(session, acme, "ACM", NOW, needs_context=True)
        identifiers.add_alias(session, acme, "Acme Street", NOW, exclude=True)
        target = make_partner(session, "Target")
        identifiers.add_alias(session, target, "Target", NOW, needs_context=True)
        identifiers.add_alias(session, target, "Target Corporation", NOW)
        only = make_partner(session, "Gap")
        identifiers.add_alias(session, only, "Gap", NOW, needs_context=True)
        never = make_partner(session, "Next")
        identifiers.add_alias(session, never, "Next", NOW, exclude=True)
        make_partner(session, "Former", stage=Stage.ENDED)
        make_partner(session, "Future", stage=Stage.CANDIDATE)
    assert collect.sought_partners(db, NOW) == [
        Named("Acme", ("Acme", "Acme Steel", "阿克米")),
        Named("Gap", ("Gap",)),
        Named("Target", ("Target Corporation",)),
    ]


def search_for(site: WebServer, **options: Any) -> dict[str, Any]:
    return {
        "collector": "search_feed",
        "options": {"url": f"{site.url}/find?q={{query}}", "delay_seconds": 0, **options},
    }


def test_a_search_is_handed_names_and_its_place_and_holds_no_transaction(
    db: Database, vault: Vault, settings: Settings, site: WebServer
) -> None:
    asked: list[str] = []

    def found(request: Request) -> Page:
        asked.append(parse_qs(urlsplit(request.path).query)["q"][0].strip('"'))
        with db.write() as session:  # would wait for ever for a transaction of the visit
            make_partner(session, f"Found {len(asked)}", stage=Stage.CANDIDATE)
        return Page(feed(f"about {asked[-1]}"))

    site.pages["/find"] = found
    with db.write() as session:
        for name in ("Acme", "Bolt", "Crane"):
            make_partner(session, name)
    source = add(db, site, **search_for(site, partners_per_visit=2))
    collect.run_due(db, vault, settings, NOW)
    collect.run_due(db, vault, settings, NOW + 15 * MINUTE)
    assert asked == ["Acme", "Bolt", "Crane", "Acme"]
    after, runs = read(db, source)
    assert [(run.outcome, run.seen) for run in runs] == [(RunOutcome.OK, 2)] * 2
    assert after.cursor["after"] == "Acme"
    with db.read() as session:
        assert facts.total(session) == 3, "an article found again is the same one"


def test_trying_a_search_asks_for_the_first_three_partners(sqlite_db: Database, site: WebServer) -> None:
    site.pages["/find"] = Page(feed("a"))
    with sqlite_db.write() as session:
        for name in "ABCDE":
            make_partner(session, f"Partner {name}")
    kind = plugins.collector("search_feed")
    options = kind.Options.model_validate(search_for(site)["options"])
    with Http(allowed_networks=["127.0.0.0/8"]) as http:
        shown, problems = collect.test_source(sqlite_db, kind, options, http, NOW)
    assert (len(shown), list(problems), len(site.requests)) == (1, [], 3)


def test_without_partners_a_search_says_so(db: Database, vault: Vault, settings: Settings, site: WebServer) -> None:
    source = add(db, site, **search_for(site))
    collect.run_due(db, vault, settings, NOW)
    after, (run,) = read(db, source)
    assert (run.outcome, after.state, site.requests) == (RunOutcome.OK, SourceState.OK, [])
    assert [problem["what"] for problem in run.problems] == ["there is no watched partner to search for"]
