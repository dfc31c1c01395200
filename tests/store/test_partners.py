"""Partners and the people behind them."""

import uuid
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from assessed import assess
from factories import DAY, NOW, make_partner

from warden.db import Database
from warden.domain import Stage
from warden.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from warden.store import partners, people
from warden.store.partners import Filters


def test_a_partner_is_stored_with_all_it_has(db: Database) -> None:
    with db.write() as session:
        owner = people.get_or_create(
            session, email="An@Us.example", name="An", locale="zh-Hant", time_zone="Asia/Taipei"
        )
        values = {
            "tier": "strategic",
            "stage": Stage.BUFFER,
            "owner_id": owner.id,
            "country": "TW",
            "time_zone": "Asia/Taipei",
            "annual_value": Decimal("1250000.50"),
            "currency": "TWD",
            "share": 0.25,
            "months_to_replace": 6.0,
            "single_source": True,
            "contract_end": date(2027, 3, 31),
            "notes": "備註",
            "tags": ["關鍵", "pumps"],
        }
        made = make_partner(session, keys=[("domain", "acme.example")], aliases=["艾克美"], **values)
    with db.read() as session:
        found = partners.get(session, made.id)
        assert {field: getattr(found, field) for field in values} == values
        assert found.owner is not None
        assert (found.owner.email, found.owner.locale) == ("an@us.example", "zh-Hant")
        assert [alias.text for alias in found.aliases] == ["艾克美"]
        assert [identifier.value for identifier in found.identifiers] == ["acme.example"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": None}, "name"),
        ({"name": "Acme\n"}, "name"),
        ({"stage": "asleep"}, "stage"),
        ({"country": "Taiwan"}, "country"),
        ({"country": "UK"}, "country"),
        ({"country": "ZZ"}, "country"),
        ({"currency": "ZZZ"}, "currency"),
        ({"currency": "XXX"}, "currency"),
        ({"time_zone": "Taipei"}, "time_zone"),
        ({"annual_value": Decimal(-1)}, "annual_value"),
        ({"currency": "NT$"}, "currency"),
        ({"share": 25.0}, "share"),
        ({"share": float("nan")}, "share"),
        ({"months_to_replace": -1}, "months_to_replace"),
        ({"tags": [""]}, "tags"),
        ({"mood": "good"}, "mood"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(sqlite_db: Database, values: dict[str, Any], field: str) -> None:
    with sqlite_db.write() as session:
        with pytest.raises(InvalidInput) as refused:
            partners.create(session, {"name": "Acme", **values}, NOW)
        assert [fault.where for fault in refused.value.faults] == [field]


def test_every_code_that_there_is_is_taken(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        for country, currency in (("TW", "TWD"), ("GB", "GBP"), ("XK", "EUR"), ("HR", "HRK"), ("VN", "VND")):
            partners.create(session, {"name": country, "country": country, "currency": currency}, NOW)


def test_every_fault_is_listed_at_once(sqlite_db: Database) -> None:
    with sqlite_db.write() as session:
        with pytest.raises(InvalidInput) as refused:
            partners.create(session, {"country": "?", "share": 2}, NOW)
        assert [fault.where for fault in refused.value.faults] == ["name", "country", "share"]


def test_a_change_raises_the_version_and_a_stale_one_is_refused(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session)
        changed = partners.update(session, acme.id, {"tier": "gold"}, version=1, now=NOW + DAY)
        assert (changed.tier, changed.version, changed.updated_at) == ("gold", 2, NOW + DAY)
        with pytest.raises(PreconditionFailed, match="version 2"):
            partners.update(session, acme.id, {"tier": "silver"}, version=1, now=NOW)
        same = partners.update(session, acme.id, {"tier": "gold"}, version=2, now=NOW + 2 * DAY)
        assert (same.version, same.updated_at) == (2, NOW + DAY)


@pytest.mark.parametrize("name", ["شرکت می\u200cخواهم", "👩\u200d🚀 Space Co", "台灣 製造"])
def test_a_name_may_have_what_its_script_needs(sqlite_db: Database, name: str) -> None:
    with sqlite_db.write() as session:
        assert make_partner(session, name).name == name


@pytest.mark.parametrize("name", ["Acme\u200b", "\ufeffAcme", "\u202eemcA", "\u200c\u200d", "Acme\nBcc: all"])
def test_a_name_with_hidden_characters_is_refused_and_shows_them(sqlite_db: Database, name: str) -> None:
    with pytest.raises(InvalidInput) as refused, sqlite_db.write() as session:
        make_partner(session, name)
    what = refused.value.faults[0].what
    assert "a name of 1 to 200 characters without hidden ones" in what
    assert ascii(name) in what or name == "\u200c\u200d"


def test_a_name_is_taken_once(db: Database) -> None:
    with db.write() as session:
        make_partner(session, "Acme")
        other = make_partner(session, "Other")
        with pytest.raises(Conflict):
            make_partner(session, "Acme")
        with pytest.raises(Conflict):
            partners.update(session, other.id, {"name": "Acme"}, version=None, now=NOW)
        with pytest.raises(NotFound):
            partners.get(session, uuid.uuid4())


def test_partners_are_found_by_what_they_are(db: Database) -> None:
    with db.write() as session:
        owner = people.get_or_create(session, email="an@us.example")
        acme = make_partner(
            session, "Acme", keys=[("supplier_code", "AC-7")], aliases=["艾克美"], tags=["關鍵", "100%"]
        )
        zeta = make_partner(session, "Zeta", tier="gold", owner_id=owner.id, stage=Stage.ENDED)
        assess(session, acme, NOW, band="extreme")
        assess(session, acme, NOW + DAY, band="low")
        assess(session, zeta, NOW, band="extreme")

        def names(**filters: Any) -> list[str]:
            return [partner.name for partner in partners.listing(session, Filters(**filters)).items]

        assert names() == ["Acme", "Zeta"]
        assert names(tier="gold") == ["Zeta"]
        assert names(owner_id=owner.id) == ["Zeta"]
        assert names(stage=Stage.ACTIVE) == ["Acme"]
        assert names(tag="關鍵") == ["Acme"]
        assert names(tag="100%") == ["Acme"]
        assert names(tag="100_") == []
        assert names(tag="100") == []
        assert names(text="zET") == ["Zeta"]
        assert names(text="克美") == ["Acme"]
        assert names(text="ac-7") == ["Acme"]
        assert names(text="%") == []
        assert names(band="extreme") == ["Zeta"], "the newest assessment counts"
        assert [partner.name for partner in partners.watched(session, NOW)] == ["Acme"]
        assert partners.tags(session) == ["100%", "關鍵"]
        first = partners.listing(session, limit=1)
        assert [one.name for one in partners.listing(session, limit=1, cursor=first.next).items] == ["Zeta"]


@pytest.mark.parametrize("name", ["Kim\r\nBcc: x@y.example", "\u202eKim", "\u200b"])
def test_a_name_of_a_person_hides_nothing(db: Database, name: str) -> None:
    with db.write() as session:
        with pytest.raises(InvalidInput) as refused:
            people.get_or_create(session, email="kim@acme.example", name=name)
        assert [fault.where for fault in refused.value.faults] == ["name"]
        kim = people.get_or_create(session, email="kim@acme.example", name="Kim")
        with pytest.raises(InvalidInput):
            people.update(session, kim, {"name": name})


def test_a_person_is_known_by_address(db: Database) -> None:
    with db.write() as session:
        first = people.get_or_create(session, email=" An@Us.example ")
        assert (first.name, first.email, first.locale) == ("an", "an@us.example", "en")
        again = people.get_or_create(session, email="an@us.example", name="An", locale="vi")
        assert again.id == first.id
        assert (again.name, again.locale, again.time_zone) == ("An", "vi", "UTC")
        found = people.by_email(session, "AN@us.example")
        assert found is not None
        assert people.get(session, first.id) is found
        with pytest.raises(InvalidInput) as refused:
            people.get_or_create(session, email="an", locale="fr", time_zone="Mars")
        assert [fault.where for fault in refused.value.faults] == ["email", "locale", "time_zone"]
