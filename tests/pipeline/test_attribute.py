"""Attribution: keys find partners, articles are read, and both again when names change."""

from collections.abc import Sequence

from factories import DAY, NOW, article, make_partner, make_source, message
from sqlalchemy import select

from collectors.base import Fact, Key
from warden.db import Database
from warden.models import FactKey, Mention, Partner, Reading
from warden.pipeline import attribute
from warden.store import facts, identifiers, partners
from warden.store.facts import insert_facts


def report(db: Database, reported: Sequence[Fact]) -> None:
    with db.write() as session:
        insert_facts(session, make_source(session, f"source {len(reported)} {reported[0].identity}").id, reported, NOW)


def named(db: Database) -> dict[str, list[str]]:
    """Which partners each article names, by title."""
    with db.read() as session:
        query = select(Mention, Partner.name).join(Partner, Mention.partner_id == Partner.id)
        found: dict[str, list[str]] = {}
        for mention, name in session.execute(query.order_by(Partner.name)):
            (fact,) = facts.get(session, [mention.fact_id])
            assert fact.detail is not None
            found.setdefault(fact.detail["title"], []).append(name)
    return found


def test_new_keys_and_articles_are_attributed_once(db: Database) -> None:
    with db.write() as session:
        make_partner(session, "Fabrikam", keys=[("domain", "fabrikam.example")])
    report(
        db,
        [
            message(key=Key("email", "a@mail.fabrikam.example")),
            message(key=Key("email", "a@stranger.example")),
            article("Fabrikam recalls 20,000 pumps"),
            article("Nothing about anybody"),
        ],
    )
    assert attribute.run(db, NOW) == 3, "one key and two articles"
    assert attribute.run(db, NOW + DAY) == 0
    assert named(db) == {"Fabrikam recalls 20,000 pumps": ["Fabrikam"]}
    with db.read() as session:
        owned = session.scalars(select(FactKey.value).where(FactKey.partner_id.is_not(None))).all()
        assert owned == ["a@mail.fabrikam.example"]
        mention = session.scalars(select(Mention)).one()
        assert mention.first_attributed_at == NOW
        assert abs(mention.p_negative + mention.p_neutral + mention.p_positive - 1) < 1e-9
        assert facts.unattributed_total(session) == (1, 1)


def test_the_event_and_its_weight_are_kept(db: Database) -> None:
    with db.write() as session:
        make_partner(session, "Fabrikam")
    report(db, [article("Fabrikam files for bankruptcy")])
    attribute.run(db, NOW)
    with db.read() as session:
        mention = session.scalars(select(Mention)).one()
        assert mention.event is not None
        assert mention.severity > 0
        assert mention.half_life_days > 0
        assert mention.p_negative > 0.5
        assert mention.triggers


def test_a_new_alias_finds_past_articles_and_keeps_earlier_moments(db: Database) -> None:
    with db.write() as session:
        partner = make_partner(session, "Fabrikam")
    report(db, [article("Fabrikam expands"), article("富比克集團擴廠")])
    attribute.run(db, NOW)
    assert named(db) == {"Fabrikam expands": ["Fabrikam"]}
    with db.write() as session:
        identifiers.add_alias(session, partners.get(session, partner.id), "富比克集團", NOW + DAY)
    assert attribute.run(db, NOW + DAY) == 2
    assert named(db) == {"Fabrikam expands": ["Fabrikam"], "富比克集團擴廠": ["Fabrikam"]}
    with db.read() as session:
        moments = session.scalars(select(Mention.first_attributed_at).order_by(Mention.first_attributed_at)).all()
        assert moments == [NOW, NOW + DAY]


def test_a_name_taken_back_is_no_longer_found(db: Database) -> None:
    with db.write() as session:
        partner = make_partner(session, "Fabrikam", aliases=["Contoso"])
        alias_id = identifiers.all_aliases(session)[0].id
    report(db, [article("Contoso opens a plant")])
    attribute.run(db, NOW)
    assert named(db) == {"Contoso opens a plant": ["Fabrikam"]}
    with db.write() as session:
        identifiers.remove_alias(session, partners.get(session, partner.id), alias_id, NOW)
    attribute.run(db, NOW)
    assert named(db) == {}


def test_an_article_may_name_several_partners(db: Database) -> None:
    with db.write() as session:
        for name in ("Fabrikam", "Northwind"):
            make_partner(session, name)
    report(db, [article("Fabrikam sues Northwind")])
    attribute.run(db, NOW)
    assert named(db) == {"Fabrikam sues Northwind": ["Fabrikam", "Northwind"]}


def test_more_articles_than_one_batch_are_all_read(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        make_partner(session, "Fabrikam")
    report(sqlite_db, [article(f"Fabrikam news {number}") for number in range(attribute.BATCH + 7)])
    assert attribute.run(sqlite_db, NOW) == attribute.BATCH + 7
    with sqlite_db.read() as session:
        assert len(session.scalars(select(Reading.fact_id)).all()) == attribute.BATCH + 7
