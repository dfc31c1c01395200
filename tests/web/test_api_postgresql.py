"""The service on PostgreSQL, where requests truly meet: none may lose an update, and none may crash."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest
from served import Site, seed, serving
from sqlalchemy import URL, delete, text, update
from sqlalchemy.orm import Session

from warden.clock import utc_now
from warden.domain import Role, Scope
from warden.models import Destination, Digest, Notification
from warden.models.sources import Source
from warden.store import criteria, matrices, shipped, sources

BLOCKED = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


@pytest.fixture(scope="module")
def shared(postgresql: psycopg.Connection, postgresql_url: URL, postgresql_template: str) -> Iterator[Site]:
    """A service on a seeded PostgreSQL database, in which each test has things of its own."""
    postgresql.execute(f"CREATE DATABASE warden_web TEMPLATE {postgresql_template}")
    with serving(postgresql_url.set(database="warden_web").render_as_string(hide_password=False)) as site:
        with site.services.db.write() as session:
            shipped.seed(session, utc_now())
        site.seeded |= seed(site.services)
        yield site
    postgresql.execute("DROP DATABASE warden_web WITH (FORCE)")


@contextmanager
def rival(site: Site, work: Callable[[Session], Any]) -> Iterator[Callable[[], None]]:
    """Do `work` in a transaction that ends only once somebody else waits for it: what is yielded waits and commits."""
    with site.services.db.write() as session:
        work(session)
        session.flush()

        def finish() -> None:
            with site.services.db.engine.connect() as watcher:
                while not watcher.scalar(BLOCKED):
                    watcher.rollback()
                    time.sleep(0.01)
            session.commit()

        yield finish


def answer_against(
    site: Site, work: Callable[[Session], Any], request: Callable[[httpx.Client], httpx.Response]
) -> httpx.Response:
    """Return the answer to a request that ran into a transaction under way."""
    answers = []
    with site.client(Role.ADMIN) as client, rival(site, work) as finish:
        client.get("/api/v1/partners")  # the token's first use is a write too
        thread = threading.Thread(target=lambda: answers.append(request(client)))
        thread.start()
        finish()
        thread.join()
    return answers[0]


def test_of_two_who_change_one_version_of_a_digest_the_second_is_told(shared: Site) -> None:
    digest = shared.seeded["digest"]
    change = update(Digest).where(Digest.id == digest).values(hour=3, version=Digest.version + 1)
    answer = answer_against(
        shared,
        lambda session: session.execute(change),
        lambda client: client.patch(f"/api/v1/digests/{digest}", json={"hour": 4}, headers={"If-Match": '"1"'}),
    )
    assert answer.status_code == 412


def test_a_digest_for_a_destination_deleted_meanwhile_is_a_conflict(shared: Site) -> None:
    with shared.client(Role.ADMIN) as client:
        options = {"host": "127.0.0.1", "sender": "warden@our.example"}
        mail = client.post("/api/v1/destinations", json={"name": "m", "channel": "email", "options": options}).json()
        person = client.post("/api/v1/people", json={"name": "P", "email": "p@our.example"}).json()
    order = {"person_id": person["id"], "destination_id": mail["id"], "frequency": "daily"}
    answer = answer_against(
        shared,
        lambda session: session.execute(delete(Destination).where(Destination.id == mail["id"])),
        lambda client: client.post("/api/v1/digests", json=order),
    )
    assert (answer.status_code, answer.json()["title"]) == (409, "Conflict")


def test_two_senders_may_make_a_source_at_the_same_moment(shared: Site) -> None:
    fact = {
        "kind": "message",
        "identity": "1",
        "at": "2026-01-01T00:00:00Z",
        "key": {"scheme": "email", "value": "kim@acme.example"},
        "sent": True,
    }
    answer = answer_against(
        shared,
        lambda session: sources.push(session, "erp 2", utc_now()),
        lambda client: client.post("/api/v1/facts", json={"source": "erp 2", "facts": [fact]}),
    )
    assert (answer.status_code, answer.json()) == (201, {"received": 1, "new": 1})
    with shared.services.db.read() as session:
        assert session.query(Source).where(Source.name == "erp 2").count() == 1


def test_a_matrix_that_is_changed_meanwhile_does_not_go_live_unseen(shared: Site) -> None:
    with shared.client(Role.ADMIN) as client:
        drafted = client.post("/api/v1/matrices", json=client.get("/api/v1/matrices").json()["items"][0]["data"])
    version, changed = (
        drafted.json()["version"],
        {**drafted.json()["data"], "bands": drafted.json()["data"]["bands"][:]},
    )
    changed["bands"][0] = {**changed["bands"][0], "colour": "#ffffff", "ink": "#000000"}
    answer = answer_against(
        shared,
        lambda session: matrices.change(session, version, changed, utc_now()),
        lambda client: client.post(
            f"/api/v1/matrices/{version}/activate", headers={"If-Match": drafted.headers["ETag"]}
        ),
    )
    assert answer.status_code == 412, answer.text


def test_of_two_who_replace_one_criterion_the_second_is_told(shared: Site) -> None:
    body = {"name": "silence", "scope": "portfolio", "data": {"days": 21}}
    with shared.client(Role.ADMIN) as client:
        first = client.put("/api/v1/criteria", json=body)
    answer = answer_against(
        shared,
        lambda session: criteria.put(session, "silence", Scope.PORTFOLIO, "", {"days": 28}, "an", "", utc_now()),
        lambda client: client.put(
            "/api/v1/criteria", json={**body, "data": {"days": 14}}, headers={"If-Match": first.headers["ETag"]}
        ),
    )
    assert answer.status_code == 412, answer.text


def test_a_notification_that_is_sent_again_meanwhile_is_not_sent_twice(shared: Site) -> None:
    one = shared.seeded["notification"]
    with shared.services.db.write() as session:
        session.execute(update(Notification).values(status="failed"))
    answer = answer_against(
        shared,
        lambda session: session.execute(update(Notification).where(Notification.id == one).values(status="claimed")),
        lambda client: client.post(f"/api/v1/notifications/{one}/retry"),
    )
    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/partners?text=%00", None),
        ("/partners?band=a%00b", None),
        ("/partners?likelihood=99999999999999999999&impact=1", None),
        ("/alerts/{alert}/acknowledge", {"reason": "a\0b"}),
        ("/meetings/{meeting}/schedule", {"starts_at": "2099-01-01T00:00", "place": "a\0b"}),
        ("/meetings/{meeting}/schedule", {"starts_at": "9999-12-31T23:59:59-14:00"}),
        ("/meetings/{meeting}/schedule", {"starts_at": "0001-01-01T00:00+14:00"}),
        ("/meetings/{meeting}/held", {"outcome": "a\0b"}),
        ("/meetings/{meeting}/waive", {"reason": "x" * 10_001}),
        ("/unattributed", {"scheme": "email", "value": "a@b.example", "partner": "a\0b"}),
        ("/sign-in/link", {"email": "a\0b@our.example"}),
    ],
)
def test_a_page_refuses_what_no_database_stores(shared: Site, path: str, form: dict[str, str] | None) -> None:
    with shared.browser(Role.MANAGER) as browser:
        address = path.format(**shared.seeded)
        answer = browser.post(address, data=form) if form else browser.get(address)
    assert answer.status_code == 422


def test_a_database_that_does_not_answer_is_told_as_such_and_asked_again_later(
    shared: Site, postgresql: psycopg.Connection
) -> None:
    with shared.client(Role.ADMIN) as client:
        assert client.get("/api/v1/partners").status_code == 200
        postgresql.execute("ALTER DATABASE warden_web ALLOW_CONNECTIONS false")
        try:
            postgresql.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'warden_web'")
            answer = client.get("/api/v1/partners")
            page = client.get("/partners", headers={"Accept": "text/html", "Accept-Language": "vi"})
        finally:
            postgresql.execute("ALTER DATABASE warden_web ALLOW_CONNECTIONS true")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
        assert answer.json()["detail"].startswith("The database cannot be reached")
        assert page.status_code == 503
        assert "Cơ sở dữ liệu không trả lời" in page.text
        assert client.get("/api/v1/partners").status_code == 200
