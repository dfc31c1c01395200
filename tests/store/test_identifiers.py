"""Identifiers and aliases: what they claim, what they are refused, and what happens to past facts."""

import threading
from collections.abc import Callable

import pytest
from factories import DAY, NOW, make_partner, make_source, measure, message
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from collectors.base import Key
from warden.db import Database
from warden.errors import Conflict, InvalidInput, NotFound
from warden.models import Alias, FactKey, Identifier, Partner
from warden.store import identifiers, meta, partners
from warden.store.facts import insert_facts


def owners(session: Session) -> dict[str, str | None]:
    query = select(FactKey.value, Partner.name).outerjoin(Partner, FactKey.partner_id == Partner.id)
    return dict(session.execute(query).all())


def report(session: Session, *addresses: str) -> None:
    source = make_source(session)
    insert_facts(session, source.id, [message(key=Key("email", address)) for address in addresses], NOW)


def test_an_exact_identifier_beats_a_domain_and_the_closest_domain_wins(db: Database) -> None:
    with db.write() as session:
        make_partner(session, "Group", keys=[("domain", "acme.example")])
        make_partner(session, "Pumps", keys=[("domain", "pumps.acme.example")])
        make_partner(session, "Agent", keys=[("email", "agent@pumps.acme.example")])
        report(session, "a@acme.example", "b@sub.pumps.acme.example", "agent@pumps.acme.example", "c@notacme.example")
        assert identifiers.attribute_new(session, NOW) == 3
        assert owners(session) == {
            "a@acme.example": "Group",
            "b@sub.pumps.acme.example": "Pumps",
            "agent@pumps.acme.example": "Agent",
            "c@notacme.example": None,
        }
        assert identifiers.attribute_new(session, NOW) == 0


def test_strangers_are_not_tried_again_until_there_are_other_identifiers(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session)
        report(session, "a@acme.example", "b@other.example")
        assert identifiers.attribute_new(session, NOW) == 0
        asked: list[str] = []
        event.listen(db.engine, "before_cursor_execute", lambda *sent: asked.append(sent[2]))
        assert identifiers.attribute_new(session, NOW) == 0
        assert [one for one in asked if "fact_key" in one] != []
        assert [one for one in asked if "fact_key.value" in one] == []
        # As another process would: what it added was not yet to be seen when the key came, nor the key to it.
        session.add(Identifier(partner_id=acme.id, scheme="email", value="a@acme.example", created_at=NOW))
        session.flush()
        assert identifiers.attribute_new(session, NOW) == 1
        assert owners(session) == {"a@acme.example": "Acme", "b@other.example": None}


def test_a_key_that_is_committed_after_younger_ones_is_not_missed(db: Database) -> None:
    with db.write() as session:
        make_partner(session, keys=[("domain", "acme.example")])
        for number, value in ((7, "b@other.example"), (5, "a@acme.example"), (9, "c@acme.example")):
            session.add(FactKey(id=number, scheme="email", value=value, first_seen_at=NOW))
            session.flush()
            assert identifiers.attribute_new(session, NOW) == value.endswith("acme.example")


def test_a_new_identifier_attributes_past_facts(db: Database) -> None:
    with db.write() as session:
        report(session, "a@acme.example", "b@eu.acme.example", "c@other.example")
        acme = make_partner(session)
        identifiers.add_identifier(session, acme, "domain", "ACME.example ", NOW + DAY)
        assert owners(session) == {"a@acme.example": "Acme", "b@eu.acme.example": "Acme", "c@other.example": None}
        moments = session.scalars(select(FactKey.attributed_at).order_by(FactKey.value)).all()
        assert moments == [NOW + DAY, NOW + DAY, None]
        version = acme.version
        identifiers.add_identifier(session, acme, "domain", "acme.example", NOW + DAY)
        assert acme.version == version, "adding what is there changes nothing"


def test_removing_an_identifier_gives_its_facts_to_the_next_best_or_to_nobody(db: Database) -> None:
    with db.write() as session:
        make_partner(session, "Group", keys=[("domain", "acme.example")])
        agent = make_partner(session, "Agent", keys=[("email", "x@acme.example"), ("supplier_code", "9")])
        report(session, "x@acme.example")
        insert_facts(session, make_source(session, "erp").id, [measure("s", 1, key=Key("supplier_code", "9"))], NOW)
        identifiers.attribute_new(session, NOW)
        assert owners(session) == {"x@acme.example": "Agent", "9": "Agent"}
        for identifier in partners.get(session, agent.id).identifiers:
            identifiers.remove_identifier(session, agent, identifier.id, NOW)
        assert owners(session) == {"x@acme.example": "Group", "9": None}


def test_a_domain_claims_no_look_alike(db: Database) -> None:
    with db.write() as session:
        report(session, "a@acme_example.com", "b@acmexexample.com")
        make_partner(session, keys=[("domain", "acme_example.com")])
        assert owners(session) == {"a@acme_example.com": "Acme", "b@acmexexample.com": None}


def test_an_identifier_belongs_to_one_partner(db: Database) -> None:
    with db.write() as session:
        make_partner(session, "First", keys=[("domain", "acme.example")])
        second = make_partner(session, "Second")
        with pytest.raises(Conflict, match=r"domain acme\.example already belongs to First"):
            identifiers.add_identifier(session, second, "domain", "Acme.Example", NOW)


@pytest.mark.parametrize("domain", ["gmail.com", "QQ.com", "hotmail.com", "163.com"])
def test_a_public_mail_domain_is_refused(sqlite_db: Database, domain: str) -> None:
    with sqlite_db.write() as session:
        acme = make_partner(session)
        with pytest.raises(InvalidInput, match="is a public mail domain"):
            identifiers.add_identifier(session, acme, "domain", domain, NOW)
        identifiers.add_identifier(session, acme, "email", f"acme@{domain}", NOW)


@pytest.mark.parametrize(("scheme", "value"), [("email", " "), ("Supplier Code", "7"), ("erp", "x" * 321)])
def test_what_is_no_identifier_is_refused(sqlite_db: Database, scheme: str, value: str) -> None:
    with sqlite_db.write() as session:
        acme = make_partner(session)
        with pytest.raises(InvalidInput):
            identifiers.add_identifier(session, acme, scheme, value, NOW)


def test_every_change_of_a_name_begins_a_new_epoch(db: Database) -> None:
    with db.write() as session:
        acme_id = make_partner(session).id

    def epoch_after(change: Callable[[Session, Partner], object]) -> int:
        with db.write() as session:
            change(session, partners.get(session, acme_id))
        with db.read() as session:
            return meta.alias_epoch(session)

    def strictly(session: Session, acme: Partner) -> Alias:
        return identifiers.add_alias(session, acme, "ACME Corp", NOW, case_sensitive=True)

    named = epoch_after(lambda session, acme: identifiers.add_alias(session, acme, "  ACME\tCorp ", NOW))
    changed = epoch_after(strictly)
    assert epoch_after(strictly) == changed, "nothing changed"
    with db.read() as session:
        alias = session.scalars(select(Alias)).one()
    assert alias.text == "ACME Corp"
    removed = epoch_after(lambda session, acme: identifiers.remove_alias(session, acme, alias.id, NOW))
    renamed = epoch_after(
        lambda session, acme: partners.change(session, acme, {"name": "Acme Pumps"}, NOW),
    )
    assert 0 < named < changed < removed < renamed
    with db.write() as session:
        acme = partners.get(session, acme_id)
        with pytest.raises(NotFound):
            identifiers.remove_alias(session, acme, alias.id, NOW)
        with pytest.raises(InvalidInput):
            identifiers.add_alias(session, acme, "  ", NOW)


def test_two_who_name_partners_at_once_begin_two_epochs(db: Database) -> None:
    """Of two that read the same epoch one would be lost, and with it the articles read before its name was there."""
    with db.write() as session:
        meta.bump_alias_epoch(session)
        before = meta.alias_epoch(session)
    begun = threading.Event()

    def second() -> None:
        begun.set()
        with db.write() as session:
            meta.bump_alias_epoch(session)

    other = threading.Thread(target=second)
    with db.write() as session:
        meta.bump_alias_epoch(session)
        other.start()
        assert begun.wait(30)
        other.join(0.5)  # long enough to read the epoch that is about to end, unless it has to wait
    other.join(30)
    with db.read() as session:
        assert meta.alias_epoch(session) == before + 2
