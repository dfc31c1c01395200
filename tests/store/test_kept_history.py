"""What changes is kept with its time: partners' attributes, whose a key was, and what was read in an article."""

from datetime import timedelta
from typing import Any

from factories import ADDRESS, DAY, NOW, article, make_partner, make_source, message
from sqlalchemy import select
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import Stage
from warden.models import Attribution, Fact, Identifier, Mention, Partner, PartnerVersion, Reading
from warden.store import facts, identifiers, partners, readings
from warden.store.facts import insert_facts

INSTANT = timedelta(microseconds=1)


def versions(session: Session, *names: str) -> list[tuple[Any, ...]]:
    """(since, until, …) of all versions of all partners, by time."""
    columns = [getattr(PartnerVersion, name) for name in ("since", "until", *names)]
    return [tuple(row) for row in session.execute(select(*columns).order_by(PartnerVersion.since))]


def test_each_change_of_what_is_judged_begins_a_version(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session, tier="key", country="TW")
        partners.change(session, acme, {"tier": "standard", "notes": "x"}, NOW + DAY)
        partners.change(session, acme, {"notes": "y", "tags": ["z"], "name": "Acme Ltd"}, NOW + 2 * DAY)
        partners.change(session, acme, {"tier": "standard"}, NOW + 3 * DAY)
        partners.change(session, acme, {"country": None, "share": 0.5}, NOW + 4 * DAY)
        assert versions(session, "tier", "country", "share") == [
            (NOW, NOW + DAY, "key", "TW", None),
            (NOW + DAY, NOW + 4 * DAY, "standard", "TW", None),
            (NOW + 4 * DAY, None, "standard", None, 0.5),
        ]


def test_two_changes_of_one_moment_are_one_version(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session, tier="key")
        partners.change(session, acme, {"tier": "standard"}, NOW)
        partners.change(session, acme, {"tier": "tail"}, NOW + DAY)
        partners.change(session, acme, {"country": "VN"}, NOW + DAY)
        assert versions(session, "tier", "country") == [
            (NOW, NOW + DAY, "standard", None),
            (NOW + DAY, None, "tail", "VN"),
        ]


def test_the_watched_are_those_of_the_moment_with_what_they_were(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session, tier="key", annual_value=7)
        make_partner(session, "Bolt", now=NOW + DAY)
        partners.change(session, acme, {"stage": Stage.ENDED, "tier": "tail"}, NOW + 2 * DAY)

        def watched(after: timedelta) -> list[tuple[str, str]]:
            return [(row.name, row.tier) for row in partners.watched(session, NOW + after)]

        assert watched(-INSTANT) == []
        assert watched(0 * DAY) == [("Acme", "key")]
        assert watched(DAY) == [("Acme", "key"), ("Bolt", "standard")]
        assert watched(2 * DAY - INSTANT) == [("Acme", "key"), ("Bolt", "standard")]
        assert watched(2 * DAY) == [("Bolt", "standard")]


def attributions(session: Session) -> list[tuple[Any, ...]]:
    """(partner, since, until) of all attributions, by time."""
    query = select(Partner.name, Attribution.since, Attribution.until).join(Partner)
    return [tuple(row) for row in session.execute(query.order_by(Attribution.since))]


def test_a_key_that_changes_hands_was_whose_it_was(db: Database) -> None:
    with db.write() as session:
        acme, bolt = make_partner(session), make_partner(session, "Bolt")
        insert_facts(session, make_source(session).id, [message()], NOW)
        assert attributions(session) == []
        mine = identifiers.add_identifier(session, acme, ADDRESS.scheme, ADDRESS.value, NOW + DAY)
        identifiers.add_identifier(session, bolt, "domain", "acme.example", NOW + 2 * DAY)
        assert attributions(session) == [("Acme", NOW + DAY, None)], "the closer identifier keeps it"
        identifiers.remove_identifier(session, acme, mine.id, NOW + 3 * DAY)
        assert attributions(session) == [("Acme", NOW + DAY, NOW + 3 * DAY), ("Bolt", NOW + 3 * DAY, None)]
        domain = session.scalars(select(Identifier)).one()
        identifiers.remove_identifier(session, bolt, domain.id, NOW + 4 * DAY)
        assert attributions(session)[-1] == ("Bolt", NOW + 3 * DAY, NOW + 4 * DAY)


def test_a_key_that_changes_hands_twice_in_a_moment_was_the_last_ones(db: Database) -> None:
    with db.write() as session:
        acme, bolt = make_partner(session), make_partner(session, "Bolt")
        insert_facts(session, make_source(session).id, [message()], NOW)
        for partner in (acme, bolt, acme):
            added = identifiers.add_identifier(session, partner, ADDRESS.scheme, ADDRESS.value, NOW)
            assert attributions(session) == [(partner.name, NOW, None)]
            identifiers.remove_identifier(session, partner, added.id, NOW)
            assert attributions(session) == []


def mention(fact: Fact, partner: Partner, p_negative: float) -> Mention:
    return Mention(
        fact_id=fact.id, partner_id=partner.id, alias=partner.name, p_negative=p_negative, p_neutral=1 - p_negative,
        p_positive=0.0, event=None, severity=9.0, half_life_days=30.0, triggers=["sues"],
    )  # fmt: skip


def test_an_article_read_anew_keeps_what_was_read_before(db: Database) -> None:
    with db.write() as session:
        acme, bolt = make_partner(session), make_partner(session, "Bolt")
        insert_facts(session, make_source(session).id, [article("Acme sues Bolt")], NOW)
        fact = session.scalars(select(Fact)).one()

        def read(days: int, *mentions: Mention) -> None:
            at = NOW + days * DAY
            reading = Reading(fact_id=fact.id, epoch=days, reader="1", language="en", read_at=at)
            readings.save(session, [reading], mentions, at)

        def stored() -> list[tuple[Any, ...]]:
            names = dict(partners.names(session))
            query = select(Mention).order_by(Mention.first_attributed_at, Mention.p_negative)
            return [
                (names[one.partner_id], one.p_negative, one.first_attributed_at, one.until)
                for one in session.scalars(query)
            ]

        read(0, mention(fact, acme, 0.5), mention(fact, bolt, 0.75))
        read(1, mention(fact, acme, 0.5), mention(fact, bolt, 0.75))
        assert stored() == [("Acme", 0.5, NOW, None), ("Bolt", 0.75, NOW, None)], "read as before"
        read(2, mention(fact, acme, 0.25))
        read(2, mention(fact, acme, 0.125))
        assert stored() == [
            ("Acme", 0.5, NOW, NOW + 2 * DAY),
            ("Bolt", 0.75, NOW, NOW + 2 * DAY),
            ("Acme", 0.125, NOW + 2 * DAY, None),
        ]
        assert [one.p_negative for one in readings.mentions(session, [fact.id])] == [0.125]
        assert facts.latest(session, bolt.id) == []
        assert facts.unattributed_total(session) == (0, 0)
        read(3)
        assert facts.unattributed_total(session) == (0, 1)
