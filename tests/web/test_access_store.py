"""One-time links, idempotency keys and pages on both databases, where several want the same at once."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from api_rules import RULES
from sqlalchemy import select

from warden.db import Database
from warden.domain import Role
from warden.errors import Conflict, InvalidInput, NotSignedIn
from warden.models import IdempotentReply, User
from warden.store import access, idempotency
from warden.store.idempotency import KEPT_FOR, Reply
from warden.store.paging import page

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


def at_once(count: int, work: Callable[[], Any]) -> list[Any]:
    """Do the same in many threads at the same moment; return results and errors."""
    ready, results = threading.Barrier(count), []

    def go() -> None:
        ready.wait()
        try:
            results.append(work())
        except (Conflict, NotSignedIn) as error:
            results.append(error)

    threads = [threading.Thread(target=go) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def add_user(db: Database, email: str = "a@our.example", role: Role = Role.ADMIN) -> User:
    with db.write() as session:
        return access.create_user(session, email=email, name="A", role=role, now=NOW)


def test_a_link_is_consumed_by_one_of_many(db: Database) -> None:
    user = add_user(db)
    with db.write() as session:
        token = access.create_link(session, user, NOW)

    def consume() -> str:
        with db.write() as session:
            return access.consume_link(session, token, NOW).email

    results = at_once(6, consume)
    assert sum(result == "a@our.example" for result in results) == 1
    assert sum(isinstance(result, NotSignedIn) for result in results) == 5


@pytest.mark.parametrize("name", ["\u200b", "push\nadmin", "a\u202eb"])
def test_a_token_has_a_name_that_hides_nothing(db: Database, name: str) -> None:
    with db.write() as session, pytest.raises(InvalidInput, match="cannot be made"):
        access.create_token(session, name=name, role=Role.VIEWER, created_by="an", now=NOW)


@pytest.mark.parametrize("name", ["\u200b", "push\nadmin", "Q\u202eX"])
def test_a_user_has_a_name_that_hides_nothing(db: Database, name: str) -> None:
    user = add_user(db, "a@our.example")
    with db.write() as session:
        with pytest.raises(InvalidInput, match="cannot be stored"):
            access.create_user(session, email="b@our.example", name=name, role=Role.VIEWER, now=NOW)
        with pytest.raises(InvalidInput, match="cannot be stored"):
            access.change_user(session, access.get_user(session, user.id), {"name": name}, NOW)


@pytest.mark.parametrize("scope", access.SCOPES)
def test_a_scope_needs_the_least_role_that_any_of_its_routes_does(db: Database, scope: str) -> None:
    ranked = [Role.VIEWER, Role.MANAGER, Role.ADMIN]
    least = min((role for role, needed in RULES.values() if needed == scope), key=ranked.index)
    assert access.least_role(scope) is least
    for role in ranked:
        with db.write() as session:
            if role.includes(least):
                access.create_token(session, name="x", role=role, scopes=[scope], created_by="an", now=NOW)
                continue
            with pytest.raises(InvalidInput) as refused:
                access.create_token(session, name="x", role=role, scopes=[scope], created_by="an", now=NOW)
            (fault,) = refused.value.faults
            assert fault.what == f"{scope} opens nothing to the role {role}; expected the role {least}"


def test_two_admins_cannot_demote_each_other_at_the_same_moment(db: Database) -> None:
    ids = [add_user(db, f"{name}@our.example").id for name in "ab"]

    def demote() -> None:
        user_id = ids.pop()
        with db.write() as session:
            access.change_user(session, access.get_user(session, user_id, lock=True), {"role": Role.VIEWER}, NOW)

    results = at_once(2, demote)
    assert sum(isinstance(result, Conflict) for result in results) == 1


def test_a_key_is_claimed_by_one_and_the_others_get_its_reply(db: Database) -> None:
    def ask() -> Reply | None:
        with db.write() as session:
            earlier = idempotency.claim(session, "token:1", "k", "hash", NOW)
            if earlier is None:
                idempotency.keep(session, "token:1", "k", Reply(201, {"new": 1}))
            return earlier

    results = at_once(6, ask)
    assert results.count(None) == 1
    assert results.count(Reply(201, {"new": 1})) == 5


def test_a_claim_whose_work_failed_is_taken_back(db: Database) -> None:
    def fail() -> None:
        with db.write() as session:
            assert idempotency.claim(session, "token:1", "k", "hash", NOW) is None
            raise InvalidInput("the work failed")

    with pytest.raises(InvalidInput):
        fail()
    with db.write() as session:
        assert idempotency.claim(session, "token:1", "k", "other", NOW) is None


def test_replies_are_forgotten_after_two_days(db: Database) -> None:
    with db.write() as session:
        idempotency.claim(session, "token:1", "k", "hash", NOW)
        idempotency.claim(session, "token:1", "later", "hash", NOW + KEPT_FOR + timedelta(seconds=1))
        assert session.scalars(select(IdempotentReply.key)).all() == ["later"]


@pytest.mark.parametrize("descending", [False, True])
def test_pages_meet_without_gap_or_overlap_where_sort_values_are_equal(db: Database, descending: bool) -> None:
    for number in range(9):
        add_user(db, f"{number}@our.example", Role.VIEWER)  # all made at the same moment
    seen: list[str] = []
    cursor: str | None = None
    with db.read() as session:
        while True:
            found = page(session, select(User), User.created_at, User.id, cursor, 4, descending=descending)
            seen += [user.email for user in found.items]
            cursor = found.next
            if cursor is None:
                break
    assert sorted(seen) == [f"{number}@our.example" for number in range(9)]
