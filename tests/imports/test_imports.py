"""Partners imported from spreadsheets: headers, encodings, faults by row and column, all or nothing."""

import io
from collections.abc import Mapping, Sequence
from csv import DictWriter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from factories import NOW, make_partner
from sheets import workbook
from sqlalchemy import event, func, select

from warden.db import Database
from warden.domain import Stage
from warden.errors import Fault
from warden.imports import HEADERS, import_partners
from warden.models import Partner, Person
from warden.store import partners
from warden.store.partner_import import ImportResult, OnConflict

FULL: Mapping[str, str] = {
    "Name": "艾克美精密",
    "Tier": "strategic",
    "Stage": "Buffer",
    "Country": "tw",
    "Time zone": "Asia/Taipei",
    "Annual value": "1,250,000.50",
    "Currency": "twd",
    "Share": "12.5%",
    "Months to replace": "6",
    "Single source": "是",
    "Contract end": "2027/3/31",
    "Notes": "關鍵供應商",
    "Tags": "關鍵; pumps",
    "Aliases": "Acme；ACME Corp",
    "Domains": "acme.example; acme.com.tw",
    "Emails": "an@gmail.com",
    "Supplier codes": "7.0;8",
    "Identifiers": "erp: A-1; duns:123",
    "Owner email": "An@Us.example",
    "Owner name": "An",
    "Owner locale": "zh-Hant",
    "Owner time zone": "Asia/Taipei",
    "Sponsor email": "boss@us.example",
    "Counterpart email": "ceo@acme.example",
    "Counterpart name": "陳美玲",
    "Colour": "blue",
}


def csv(*rows: Mapping[str, str]) -> str:
    headers = list(dict.fromkeys(header for row in rows for header in row))
    text = io.StringIO()
    writer = DictWriter(text, headers)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def load(db: Database, data: str | bytes, **values: Any) -> ImportResult:
    raw = data.encode() if isinstance(data, str) else data
    return import_partners(db, raw, **{"filename": "partners.csv", "now": NOW, **values})


def count(db: Database, table: type[Any] = Partner) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_every_column_arrives(db: Database) -> None:
    assert load(db, csv(FULL)) == ImportResult(created=1, ignored=("colour",))
    with db.read() as session:
        found = partners.by_name(session, "艾克美精密")
        assert found is not None
        values = {
            "tier": "strategic",
            "stage": Stage.BUFFER,
            "country": "TW",
            "time_zone": "Asia/Taipei",
            "annual_value": Decimal("1250000.50"),
            "currency": "TWD",
            "share": 0.125,
            "months_to_replace": 6.0,
            "single_source": True,
            "contract_end": date(2027, 3, 31),
            "notes": "關鍵供應商",
            "tags": ["關鍵", "pumps"],
        }
        assert {field: getattr(found, field) for field in values} == values
        assert sorted(alias.text for alias in found.aliases) == ["ACME Corp", "Acme"]
        assert sorted((one.scheme, one.value) for one in found.identifiers) == [
            ("domain", "acme.com.tw"),
            ("domain", "acme.example"),
            ("duns", "123"),
            ("email", "an@gmail.com"),
            ("erp", "A-1"),
            ("supplier_code", "7"),
            ("supplier_code", "8"),
        ]
        assert found.owner is not None
        assert (found.owner.email, found.owner.name, found.owner.locale, found.owner.time_zone) == (
            "an@us.example",
            "An",
            "zh-Hant",
            "Asia/Taipei",
        )
        assert found.sponsor is not None
        assert found.sponsor.ours
        assert found.counterpart is not None
        assert (found.counterpart.name, found.counterpart.ours) == ("陳美玲", False)


TAKEN = Fault("row 2, column name", "there is already a partner named Acme")

HEADINGS = {
    "zh-Hant": "夥伴名稱,等級,負責人信箱,幣別\n艾克美精密,重要,an@us.example,TWD\n",
    "zh-Hans": "伙伴名称,等级,负责人邮箱,货币\n艾克美精密,重要,an@us.example,TWD\n",
    "vi": "Tên đối tác,Hạng,Email người phụ trách,Tiền tệ\nCông ty Ắc-quy,A,an@us.example,VND\n",
    "en": "Partner name,TIER,owner_email,Currency\nAcme,A,an@us.example,USD\n",
}


@pytest.mark.parametrize(
    ("language", "encoding"),
    [
        ("zh-Hant", "utf-8"),
        ("zh-Hant", "utf-8-sig"),
        ("zh-Hant", "big5"),
        ("zh-Hans", "gb18030"),
        ("zh-Hans", "utf-16"),
        ("vi", "utf-8-sig"),
        ("en", "ascii"),
    ],
)
def test_headers_of_four_languages_in_their_usual_encodings(sqlite_db: Database, language: str, encoding: str) -> None:
    assert load(sqlite_db, HEADINGS[language].encode(encoding)) == ImportResult(created=1)
    with sqlite_db.read() as session:
        found = session.scalars(select(Partner)).one()
        assert found.name == HEADINGS[language].splitlines()[1].split(",")[0]
        assert found.owner_id is not None


@pytest.mark.parametrize("encoding", ["big5", "gb18030"])
def test_an_encoding_can_be_given(sqlite_db: Database, encoding: str) -> None:
    data = "name,notes\nA,艾\n".encode(encoding)
    assert load(sqlite_db, data, encoding=encoding).created == 1
    with sqlite_db.read() as session:
        assert session.scalars(select(Partner.notes)).one() == "艾"


def test_a_workbook_is_read_like_a_text_file(db: Database) -> None:
    rows = [
        ["Name", "Supplier code", "Annual value", "Single source"],
        ["艾克美", 4711.0, 1250.5, True],
        ["B", "x", None, None],
    ]
    data = workbook({"Cover": [["nothing"]], "Partners": rows})
    assert load(db, data, filename="partners.xlsx", sheet="Partners").created == 2
    with db.read() as session:
        acme = partners.by_name(session, "艾克美")
        assert acme is not None
        assert [identifier.value for identifier in acme.identifiers] == ["4711"]
        assert (acme.annual_value, acme.single_source) == (Decimal("1250.50"), True)


def test_every_fault_is_listed_by_row_and_column_and_nothing_is_stored(db: Database) -> None:
    with db.write() as session:
        make_partner(session, "Holder", keys=[("domain", "taken.example")])
    data = csv(
        {"Name": "Fine", "Owner email": "an@us.example"},
        {"Name": "", "Country": "Taiwan", "Share": "12"},
        {"Name": "Bad", "Annual value": "1.234,5", "Contract end": "31/03/2027", "Domains": "gmail.com"},
        {"Name": "Fine", "Stage": "asleep", "Single source": "perhaps", "Identifiers": "4711"},
        {"Name": "Who", "Owner email": "an", "Sponsor name": "Boss", "Time zone": "Taipei"},
    )
    assert [str(fault) for fault in load(db, data).faults] == [
        "row 3, column name: is needed",
        "row 3, column country: TAIWAN is not a country code such as TW (ISO 3166-1)",
        "row 3, column share: '12' is not a share between 0 and 1, that is 0% and 100%",
        "row 4, column annual_value: '1.234,5' is not a number such as 1250000 or 1,250,000.50",
        "row 4, column contract_end: '31/03/2027' is not a date such as 2027-03-31",
        "row 4, column domains: gmail.com is a public mail domain that belongs to no partner; "
        "give full addresses as email instead",
        "row 5, column stage: 'asleep' is not one of candidate, onboarding, active, buffer, exiting, ended",
        "row 5, column single_source: 'perhaps' is neither yes nor no",
        "row 5, column identifiers: '4711' names no scheme, expected scheme:value such as erp:4711",
        "row 5, column name: Fine is also in row 2",
        "row 6, column time_zone: Taipei is not a time zone such as Asia/Taipei",
        "row 6, column owner_email: 'an' is not an e-mail address, expected name@domain",
        "row 6, column sponsor_name: is given without sponsor_email, by which people are known",
    ]
    assert (count(db), count(db, Person)) == (1, 0)


def test_codes_that_no_country_and_no_currency_has_are_refused(db: Database) -> None:
    data = csv({"Name": "UK Ltd", "Country": "UK", "Currency": "ZZZ"}, {"Name": "Nowhere", "Country": "zz"})
    assert [str(fault) for fault in load(db, data).faults] == [
        "row 2, column country: UK is not a country code such as TW (ISO 3166-1)",
        "row 2, column currency: ZZZ is not a currency code such as TWD (ISO 4217)",
        "row 3, column country: ZZ is not a country code such as TW (ISO 3166-1)",
    ]
    assert count(db) == 0


def test_an_identifier_of_another_partner_stops_the_whole_file(db: Database) -> None:
    with db.write() as session:
        make_partner(session, "Holder", keys=[("domain", "taken.example")])
    data = csv({"Name": "One", "Domains": "one.example"}, {"Name": "Two", "Web": "taken.example; one.example"})
    result = load(db, data, mapping={"domains": "Web"}, on_conflict=OnConflict.SKIP)
    assert [str(fault) for fault in result.faults] == [
        "row 3, column web: domain taken.example already belongs to Holder.",
    ]
    assert count(db) == 1


def test_two_rows_cannot_claim_the_same_identifier(db: Database) -> None:
    data = csv({"Name": "One", "Domains": "one.example"}, {"Name": "Two", "Domains": "one.example"})
    assert load(db, data).faults == (Fault("row 3, column domains", "domain one.example already belongs to One."),)
    assert count(db) == 0


@pytest.mark.parametrize(
    ("on_conflict", "expected", "tier"),
    [
        (OnConflict.STOP, ImportResult(faults=(TAKEN,)), "gold"),
        (OnConflict.SKIP, ImportResult(created=1, skipped=1), "gold"),
        (OnConflict.UPDATE, ImportResult(created=1, updated=1), "silver"),
    ],
)
def test_what_happens_to_partners_that_exist(
    db: Database, on_conflict: OnConflict, expected: ImportResult, tier: str
) -> None:
    with db.write() as session:
        make_partner(session, tier="gold", notes="kept", aliases=["AC"])
    data = csv({"Name": "Acme", "Tier": "silver", "Aliases": "ACME"}, {"Name": "New", "Tier": "x"})
    assert load(db, data, on_conflict=on_conflict) == expected
    with db.read() as session:
        acme = partners.by_name(session, "Acme")
        assert acme is not None
        assert (acme.tier, acme.notes) == (tier, "kept")
        assert len(acme.aliases) == (2 if on_conflict is OnConflict.UPDATE else 1)


def test_many_partners_are_made_and_changed_in_as_many_statements_as_two(sqlite_db: Database) -> None:
    statements: list[str] = []
    event.listen(sqlite_db.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))

    def needed(names: Sequence[str], tier: str, day: int) -> int:
        statements.clear()
        rows = [{"Name": name, "Tier": tier} for name in names]
        load(sqlite_db, csv(*rows), on_conflict=OnConflict.UPDATE, now=NOW + timedelta(days=day))
        return len(statements)

    two, many = ("Acme", "Bolt"), [f"Partner {number}" for number in range(30)]
    assert needed(two, "gold", 0) == needed(many, "gold", 0)
    assert needed(two, "silver", 1) == needed(many, "silver", 1)


def test_what_imported_partners_were_is_kept(db: Database) -> None:
    load(db, csv({"Name": "Acme", "Tier": "gold"}, {"Name": "Bolt", "Tier": "gold"}))
    later = NOW + timedelta(days=1)
    changed = csv({"Name": "Acme", "Tier": "silver"}, {"Name": "Bolt", "Tier": "gold"}, {"Name": "Cord", "Tier": "x"})
    load(db, changed, on_conflict=OnConflict.UPDATE, now=later)
    with db.read() as session:
        then, now = ([(row.name, row.tier) for row in partners.watched(session, at)] for at in (NOW, later))
    assert then == [("Acme", "gold"), ("Bolt", "gold")]
    assert now == [("Acme", "silver"), ("Bolt", "gold"), ("Cord", "x")]


def test_a_dry_run_says_what_would_happen_and_stores_nothing(db: Database) -> None:
    assert load(db, csv(FULL), dry_run=True) == ImportResult(created=1, ignored=("colour",))
    assert (count(db), count(db, Person)) == (0, 0)


def test_aliases_carry_flags(db: Database) -> None:
    csv_file = "name,aliases\nAcme,Acme;ACE [case_sensitive needs_context];Acme Bricks [exclude]\n"
    assert load(db, csv_file).created == 1
    assert load(db, csv_file, on_conflict=OnConflict.UPDATE).updated == 1
    with db.read() as session:
        acme = partners.by_name(session, "Acme")
        assert acme is not None
        assert {one.text: (one.case_sensitive, one.needs_context, one.exclude) for one in acme.aliases} == {
            "Acme": (False, False, False),
            "ACE": (True, True, False),
            "Acme Bricks": (False, False, True),
        }
    faults = load(db, "name,aliases\nBeta,Beta [loud];[exclude]\n").faults
    assert [str(fault) for fault in faults] == [
        "row 2, column aliases: 'loud' is not one of case_sensitive, exclude, needs_context",
        "row 2, column aliases: flags stand without a name before them",
    ]


def test_columns_can_be_mapped(db: Database) -> None:
    data = "Name,Bezeichnung,Kreditor\nignored,Acme,7\n"
    result = load(db, data, mapping={"name": "Bezeichnung", "supplier_codes": "Kreditor"})
    assert result == ImportResult(created=1, ignored=("name",))
    with db.read() as session:
        assert partners.by_name(session, "Acme") is not None


@pytest.mark.parametrize(
    ("data", "mapping", "words"),
    [
        ("", {}, "partners.csv"),
        ("name,tier\n", {}, "rows: there is none below the headers"),
        ("name,tier\n,\n\n", {}, "rows: there is none below the headers"),
        ("colour,size\nred,1\n", {}, "no column with the partner's name among colour, size"),
        ("name\nA\n", {"name": "Kreditor"}, "the file has no column 'Kreditor' for name"),
        ("name\nA\n", {"names": "name"}, "'names' is not one of name"),
    ],
)
def test_a_file_without_the_columns_is_refused(
    sqlite_db: Database, data: str, mapping: dict[str, str], words: str
) -> None:
    result = load(sqlite_db, data, mapping=mapping)
    assert words in " ".join(map(str, result.faults))
    assert count(sqlite_db) == 0


def test_a_cell_of_four_hundred_digits_is_shown_cut_short(sqlite_db: Database) -> None:
    digits = "1" + "0" * 400
    faults = load(sqlite_db, f"name,annual value,share,months to replace\nA,{digits},{digits},{digits}\n").faults
    assert [fault.where for fault in faults] == [
        "row 2, column annual_value",
        "row 2, column share",
        "row 2, column months_to_replace",
    ]
    assert all(len(fault.what) < 120 for fault in faults)


def test_a_hundred_faults_are_told_and_the_rest_counted(sqlite_db: Database) -> None:
    faults = load(sqlite_db, "name,share\n" + "".join(f"P{number},lots\n" for number in range(150))).faults
    assert [str(faults[place]) for place in (99, 100)] == [
        "row 101, column share: 'lots' is not a share such as 12% or 0.12",
        "further faults: 50 more were found",
    ]
    load(sqlite_db, "name\n" + "".join(f"P{number}\n" for number in range(150)))
    taken = load(sqlite_db, "name\n" + "".join(f"P{number}\n" for number in range(150))).faults
    assert (len(taken), str(taken[100])) == (101, "further faults: 50 more were found")


def test_no_header_stands_for_two_columns() -> None:
    others = [header for text in HEADERS.values() for header in text.split("|")]
    assert sorted(others) == sorted(set(others))
    assert not set(others) & set(HEADERS)
