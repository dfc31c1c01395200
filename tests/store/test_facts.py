"""Facts written down once each, corrected by new rows, listed and counted."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from factories import CODE, DAY, NOW, article, delivery, make_partner, make_source, measure, message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

import collectors.base as reported
from collectors.base import Key
from warden.db import Database
from warden.domain import FactKind
from warden.models import Fact, FactKey, Mention, Reading, Source
from warden.store import facts, identifiers, readings
from warden.store.facts import Observation, chain, in_force, insert_facts

SECOND = timedelta(seconds=1)


def in_force_at(session: Session, moment: datetime | None) -> dict[bytes, bytes]:
    rows = session.execute(select(Fact.identity, Fact.digest).where(in_force(moment))).all()
    assert len(rows) == len({row.identity for row in rows}), "two contents in force for one identity"
    return {row.identity: row.digest for row in rows}


def everything(session: Session) -> list[tuple[Any, ...]]:
    columns = (Fact.identity, Fact.digest, Fact.recorded_at, Fact.superseded_at)
    return [tuple(row) for row in session.execute(select(*columns).order_by(*columns[:3]))]


def test_collecting_twice_adds_nothing(db: Database) -> None:
    batch = [message(), delivery(date(2026, 3, 1)), article("Acme recalls pumps"), measure("satisfaction", 3.8)]
    with db.write() as session:
        source = make_source(session)
        assert insert_facts(session, source.id, batch, NOW) == 4
        assert insert_facts(session, source.id, batch, NOW + DAY) == 0
        assert insert_facts(session, source.id, [*batch, *batch], NOW) == 0
        assert facts.total(session) == 4


def test_all_that_was_reported_is_kept(db: Database) -> None:
    made_at = NOW - 2 * DAY
    batch = [
        message(identity="m", sent=True, thread="t", reply_seconds=60.5),
        delivery(date(2026, 3, 1), identity="d", made_on=None, made_at=made_at, quantity=2.0, amount=7, currency="TWD"),
        article("t\0itle \ud800", identity="a", language="vi", dated=False),
        measure("satisfaction", 3.8, identity="n", unit="points"),
    ]
    with db.write() as session:
        insert_facts(session, make_source(session).id, batch, NOW)
    with db.read() as session:
        found = {fact.kind: fact for fact in facts.listing(session).items}
    one = found[FactKind.MESSAGE]
    assert (one.sent, one.name, one.number, one.detail) == (True, "t", 60.5, None)
    two = found[FactKind.DELIVERY]
    assert (two.due_on, two.made_on, two.made_at, two.number) == (date(2026, 3, 1), None, made_at, 2.0)
    assert (two.amount, two.detail, two.sent) == (7, {"currency": "TWD"}, None)
    three = found[FactKind.ARTICLE]
    assert three.key is None
    assert three.detail is not None
    assert (three.detail["title"], three.detail["language"], three.detail["dated"]) == ("title ?", "vi", False)
    four = found[FactKind.MEASURE]
    assert (four.name, four.number, four.detail) == ("satisfaction", 3.8, {"unit": "points"})


def test_a_correction_is_a_new_row_and_the_past_stays_readable(db: Database) -> None:
    open_one = delivery(date(2026, 3, 1), identity="order 7")
    made = delivery(date(2026, 3, 1), date(2026, 3, 3), identity="order 7")
    with db.write() as session:
        source = make_source(session)
        insert_facts(session, source.id, [open_one], NOW)
        assert insert_facts(session, source.id, [made], NOW + DAY) == 1
        assert insert_facts(session, source.id, [open_one], NOW + 2 * DAY) == 1  # taken back again
        made_on = [session.scalars(select(Fact.made_on).where(in_force(NOW + days * DAY))).one() for days in (0, 1, 2)]
        assert made_on == [None, date(2026, 3, 3), None]
        assert session.scalars(select(Fact.made_on).where(in_force(NOW - SECOND))).all() == []
        assert session.scalars(select(Fact.made_on).where(in_force(None))).one() is None


def test_an_open_delivery_looked_at_later_is_the_same_fact(db: Database) -> None:
    with db.write() as session:
        source = make_source(session)
        for days in range(3):
            seen = delivery(date(2026, 4, 1), identity="order 8", at=NOW + days * DAY)
            insert_facts(session, source.id, [seen], NOW + days * DAY)
        assert len(everything(session)) == 1


def test_sources_do_not_share_identities(db: Database) -> None:
    with db.write() as session:
        for name in ("one", "two"):
            assert insert_facts(session, make_source(session, name).id, [message(identity="x")], NOW) == 1


def test_a_source_remembers_since_when_it_reports_a_kind(db: Database) -> None:
    with db.write() as session:
        source = make_source(session)
        for at in (NOW, NOW + DAY, NOW - DAY):
            insert_facts(session, source.id, [message()], at)
        insert_facts(session, source.id, [article("News")], NOW)
        assert source.kinds == {"message": (NOW - DAY).isoformat(), "article": NOW.isoformat()}


def test_naive_moments_are_refused_and_nothing_is_stored(db: Database) -> None:
    with pytest.raises(ValueError, match="must carry its zone"), db.write() as session:
        insert_facts(session, make_source(session).id, [message(), message(datetime(2026, 3, 1))], NOW)  # noqa: DTZ001
    with db.read() as session:
        assert facts.total(session) == 0


A, B, C = b"a", b"b", b"c"


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([(0, A)], [(0, A, None)]),
        ([(0, A), (1, A)], [(0, A, None)]),
        ([(0, A), (1, B)], [(0, A, 1), (1, B, None)]),
        ([(0, A), (1, B), (2, A)], [(0, A, 1), (1, B, 2), (2, A, None)]),
        ([(0, B), (0, A)], [(0, A, 0), (0, B, None)]),  # a tie goes to the greatest …
        ([(0, B), (1, B), (1, A)], [(0, B, 1), (1, A, None)]),  # … unless it only repeats what was in force
        ([(0, A), (1, C), (1, B), (2, B)], [(0, A, 1), (1, B, 1), (1, C, 2), (2, B, None)]),
    ],
)
def test_a_chain_of_reports(reports: list[tuple[int, bytes]], expected: list[tuple[int, bytes, int | None]]) -> None:
    moments = [NOW + second * SECOND for second in range(3)]
    found = chain(Observation(moments[at], digest) for at, digest in reports)
    ends = {None: None, **{moment: second for second, moment in enumerate(moments)}}
    assert sorted((moments.index(one.recorded_at), one.digest, ends[end]) for one, end in found) == expected


@st.composite
def reports(draw: st.DrawFn) -> list[tuple[reported.Fact, datetime]]:
    """Facts and the moments they were reported at: few identities, so that they often correct each other."""
    pairs = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.integers(0, 4)), max_size=25))
    return [
        (measure("score", float(value), NOW - DAY, identity=str(who)), NOW + second * SECOND)
        for who, value, second in pairs
    ]


def store(session: Session, batches: Sequence[tuple[datetime, Sequence[reported.Fact]]]) -> list[tuple[Any, ...]]:
    """Write batches into an empty table, and empty it again."""
    source = session.scalars(select(Source)).one()
    for moment, batch in batches:
        insert_facts(session, source.id, batch, moment)
    rows = everything(session)
    session.execute(delete(Fact))
    return rows


def in_batches(told: Sequence[tuple[reported.Fact, datetime]], cuts: random.Random) -> list[Any]:
    """Cut reports into batches of one moment each, which may hold one report or many."""
    batches: list[tuple[datetime, list[reported.Fact]]] = []
    for fact, moment in told:
        if batches and batches[-1][0] == moment and cuts.random() < 0.7:
            batches[-1][1].append(fact)
        else:
            batches.append((moment, [fact]))
    return batches


LOOSE = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@LOOSE
@given(told=reports(), seed=st.randoms(use_true_random=False))
def test_the_order_within_a_moment_and_the_batching_change_nothing(
    sqlite_db: Database, told: list[tuple[reported.Fact, datetime]], seed: random.Random
) -> None:
    with sqlite_db.write() as session:
        if session.scalar(select(Source)) is None:
            make_source(session)
        plain = store(session, [(moment, [fact]) for fact, moment in sorted(told, key=lambda pair: pair[1])])
        seed.shuffle(told)
        assert store(session, in_batches(sorted(told, key=lambda pair: pair[1]), seed)) == plain


@LOOSE
@given(told=reports(), seed=st.randoms(use_true_random=False))
def test_moments_may_come_in_any_order_where_no_content_comes_twice(
    sqlite_db: Database, told: list[tuple[reported.Fact, datetime]], seed: random.Random
) -> None:
    once = list({(fact.identity, getattr(fact, "value", None)): (fact, moment) for fact, moment in told}.values())
    with sqlite_db.write() as session:
        if session.scalar(select(Source)) is None:
            make_source(session)
        plain = store(session, [(moment, [fact]) for fact, moment in sorted(once, key=lambda pair: pair[1])])
        seed.shuffle(once)
        assert store(session, in_batches(once, seed)) == plain


@LOOSE
@given(told=reports(), later=reports(), cut=st.integers(0, 4))
def test_what_is_recorded_later_never_changes_what_was_known_before(
    sqlite_db: Database,
    told: list[tuple[reported.Fact, datetime]],
    later: list[tuple[reported.Fact, datetime]],
    cut: int,
) -> None:
    with sqlite_db.write() as session:
        source = session.scalar(select(Source)) or make_source(session)
        session.execute(delete(Fact))
        for fact, moment in sorted(told, key=lambda pair: pair[1]):
            insert_facts(session, source.id, [fact], moment)
        moments = [NOW + second * SECOND for second in range(cut + 5)]
        known = {moment: in_force_at(session, moment) for moment in moments}
        for fact, moment in sorted(later, key=lambda pair: pair[1]):
            insert_facts(session, source.id, [fact], moment + 5 * SECOND)
        assert {moment: in_force_at(session, moment) for moment in known} == {
            moment: state if moment < NOW + 5 * SECOND else in_force_at(session, moment)
            for moment, state in known.items()
        }


def test_facts_are_listed_by_what_they_are(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session, keys=[("supplier_code", "7")])
        source, other = make_source(session), make_source(session, "other")
        insert_facts(session, source.id, [measure("score", 1, NOW - days * DAY) for days in (1, 2, 3)], NOW)
        insert_facts(session, other.id, [message(NOW - DAY)], NOW + DAY)
        identifiers.attribute_new(session, NOW)

        def count(**filters: Any) -> int:
            return len(facts.listing(session, **filters).items)

        assert count() == 4
        assert count(partner_id=acme.id) == 3
        assert count(kind=FactKind.MESSAGE) == 1
        assert count(source_id=source.id) == 3
        assert count(since=NOW - 2 * DAY) == 3
        assert count(until=NOW - 2 * DAY) == 1
        assert count(known_at=NOW) == 3
        first = facts.listing(session, limit=3)
        second = facts.listing(session, limit=3, cursor=first.next)
        moments = [fact.observed_at for fact in [*first.items, *second.items]]
        assert moments == sorted(moments, reverse=True)
        assert len(moments) == 4
        assert second.next is None


def test_a_partner_has_the_facts_of_its_keys_and_the_articles_that_name_it(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session, keys=[("supplier_code", "7"), ("email", "an@acme.example")])
        source = make_source(session)
        batch = [measure("score", 1, NOW - days * DAY) for days in (1, 2, 3)]
        insert_facts(session, source.id, [*batch, message(NOW - DAY), article("Acme", NOW - 9 * DAY)], NOW)
        identifiers.attribute_new(session, NOW)
        named = session.scalars(select(Fact).where(Fact.kind == FactKind.ARTICLE)).one()
        readings.save(session, [_reading(named.id)], [_mention(named.id, acme.id)], NOW)
        latest = facts.latest(session, acme.id, 9)
        assert Counter(fact.kind for fact in latest) == {FactKind.MEASURE: 3, FactKind.MESSAGE: 1, FactKind.ARTICLE: 1}
        assert latest[-1].kind is FactKind.ARTICLE, "the oldest"


def test_what_belongs_to_nobody_is_listed_with_counts(db: Database) -> None:
    with db.write() as session:
        make_partner(session, keys=[("supplier_code", "7")])
        source = make_source(session)
        stranger = Key("supplier_code", "99")
        batch = [measure("score", 1, NOW - days * DAY, key=stranger) for days in (1, 5)]
        batch += [delivery(date(2026, 3, 1), key=stranger), message(key=Key("email", "a@b.example"))]
        insert_facts(session, source.id, [*batch, measure("score", 1, key=CODE)], NOW)
        insert_facts(session, source.id, [article("Nobody we know"), article("Acme")], NOW)
        identifiers.attribute_new(session, NOW)
        numbers = session.scalars(select(Fact.id).where(Fact.kind == FactKind.ARTICLE).order_by(Fact.id)).all()
        acme = session.scalars(select(FactKey.partner_id).where(FactKey.partner_id.is_not(None))).one()
        assert acme is not None
        readings.save(session, [_reading(number) for number in numbers], [_mention(numbers[1], acme)], NOW)

        first, second = facts.unattributed(session).items
        assert (first.key.scheme, first.key.value) == ("supplier_code", "99")
        assert first.facts == {FactKind.MEASURE: 2, FactKind.DELIVERY: 1}
        assert (first.first, first.last) == (NOW - 5 * DAY, NOW - DAY)
        assert second.facts == {FactKind.MESSAGE: 1}
        page = facts.unattributed(session, limit=1)
        assert [one.key.id for one in facts.unattributed(session, limit=1, cursor=page.next).items] == [second.key.id]
        assert facts.unattributed_total(session) == (2, 1)
        assert [fact.id for fact in facts.articles_naming_nobody(session).items] == [numbers[0]]


def _reading(fact_id: int) -> Reading:
    return Reading(fact_id=fact_id, epoch=1, reader="1", language="en", read_at=NOW)


def _mention(fact_id: int, partner_id: Any) -> Mention:
    return Mention(
        fact_id=fact_id,
        partner_id=partner_id,
        alias="Acme",
        p_negative=0.8,
        p_neutral=0.1,
        p_positive=0.1,
        event="recall",
        severity=60.0,
        half_life_days=60.0,
        triggers=["recalls"],
    )
