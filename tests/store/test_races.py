"""Two people at once: of what can hold only once, one holds afterwards."""

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from assessed import drafted, signals
from factories import DAY, NOW, article, make_partner, make_source
from sqlalchemy import select
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import CorrectionKind, DiagnosedCause, Quantity, Scope
from warden.models import Fact, Mention, Reading
from warden.store import (
    corrections,
    criteria,
    facts,
    matrices,
    outcomes,
    overrides,
    partners,
    playbooks,
    readings,
    rule_versions,
    rules,
    shipped,
)

WRITERS = 6


def at_once(db: Database, act: Callable[[Session, int], object]) -> None:
    """Let several writers act at the same time, each in a transaction of its own."""

    def write(number: int) -> None:
        with db.write() as session:
            act(session, number)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))


def test_one_criterion_of_a_scope_is_in_force(db: Database) -> None:
    def put(session: Session, number: int) -> None:
        now = NOW + timedelta(seconds=number)
        criteria.put(session, "silence", Scope.TIER, "key", {"days": 20 + number}, "an", "", now)

    at_once(db, put)
    with db.read() as session:
        assert len(criteria.listing(session)) == 1
        assert len(criteria.listing(session, history=True)) == WRITERS


def test_one_override_of_a_quantity_holds(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session).id

    def override(session: Session, number: int) -> None:
        partner = partners.get(session, acme)
        overrides.add(session, partner, Quantity.LIKELIHOOD, 0.1 + number / 10, "an", "x", NOW + 9 * DAY, NOW)

    at_once(db, override)
    with db.read() as session:
        assert len(overrides.listing(session, acme)) == WRITERS
        standing = [row for row in overrides.listing(session, acme) if row.withdrawn_at is None]
        assert len(standing) == len(overrides.holding(session, NOW)) == 1


def test_an_article_counts_once_when_several_of_its_incident_are_corrected(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session)
        titles = [article(f"Acme strike over pay enters day {day}") for day in range(WRITERS)]
        facts.insert_facts(session, make_source(session).id, titles, NOW)
        told = session.scalars(select(Fact.id).order_by(Fact.id)).all()
        read = [Reading(fact_id=one, epoch=1, reader="1", language="en", read_at=NOW) for one in told]
        said = {"alias": "Acme", "p_negative": 0.8, "p_neutral": 0.1, "p_positive": 0.1, "event": "strike"}
        readings.save(session, read, [Mention(fact_id=one, partner_id=acme.id, **said) for one in told], NOW)

    def correct(session: Session, number: int) -> None:
        now = NOW + timedelta(seconds=number + 1)
        kind, value = CorrectionKind.INCIDENT, {"apart": True}
        said = corrections.add(session, told[number], acme.id, kind, value, author="an", now=now)
        readings.correct(session, said, now)

    at_once(db, correct)
    with db.read() as session:
        standing = session.scalars(select(Mention.fact_id).where(Mention.until.is_(None)).order_by(Mention.fact_id))
        assert standing.all() == told


def test_one_matrix_is_active(db: Database) -> None:
    with db.write() as session:
        shipped.seed(session, NOW)
        data = matrices.active(session).data
        drafts = [matrices.draft(session, copy.deepcopy(data), "an", NOW).version for _ in range(WRITERS)]

    at_once(db, lambda session, number: matrices.activate(session, drafts[number], "an", NOW + DAY))
    with db.read() as session:
        assert sum(row.active for row in matrices.listing(session)) == 1
        assert sum(row.retired_at is None for row in matrices.listing(session)) == 1


def test_of_several_changes_to_a_rule_none_is_lost(db: Database) -> None:
    changes: dict[str, object] = {
        "for_seconds": 61,
        "keep_firing_for_seconds": 62,
        "no_data_for_seconds": 63,
        "no_data": "alert",
        "severity": "info",
        "meeting_within_days": 7,
    }
    assert len(changes) == WRITERS
    with db.write() as session:
        shipped.seed(session, NOW)

    def change(session: Session, number: int) -> None:
        rule = rules.by_key(session, "late_rate")  # as it stands before it is held
        name = list(changes)[number]
        rule_versions.put(session, rule, {name: changes[name]}, "an", NOW)

    at_once(db, change)
    with db.read() as session:
        rule = rules.by_key(session, "late_rate")
        active = rule_versions.active(session, rule.id)
        assert active is not None
        assert {name: active.definition[name] for name in changes} == changes
        assert active.definition == rule_versions.definition_of(rule)
        assert (rule.version, active.number) == (WRITERS + 1, WRITERS + 1)


def test_each_draft_of_a_playbook_has_a_number_of_its_own(db: Database) -> None:
    with db.write() as session:
        shipped.seed(session, NOW)
        book = playbooks.active(session)[DiagnosedCause.TRUST]

    def draft(session: Session, number: int) -> None:
        playbooks.draft(session, book.cause, book.titles, book.steps, note=str(number), author="an", now=NOW)

    at_once(db, draft)
    with db.read() as session:
        numbers = [one.number for one in playbooks.listing(session, DiagnosedCause.TRUST)]
        assert numbers == list(range(WRITERS + 1, 0, -1))


def test_the_latest_word_on_each_outcome_is_kept(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session).id

    def say(session: Session, number: int) -> None:
        outcomes.write(session, [drafted(acme, NOW + timedelta(seconds=number), "low", signals())])

    at_once(db, say)
    with db.read() as session:
        latest = NOW + timedelta(seconds=WRITERS - 1)
        assert [row.at for row in outcomes.of(session, acme)] == [latest] * len(signals())
