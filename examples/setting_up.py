"""What an operator would set up by hand before the replay: partners, sources, destinations, digests, one admin."""

import base64
import csv
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import history

from warden import plugins
from warden.domain import Frequency, Role, Severity
from warden.errors import InvalidInput
from warden.imports import import_partners
from warden.store import access, destinations, digests, people, sources
from warden.web.deps import Services

HERE = Path(__file__).resolve().parent
SCHEME = "vendor"
LEFT_OUT = frozenset({"ACCOUN NIGERIA LIMITED", "PLURIPHARM S.A.", "SETEMA LIMITED PLC"})
"""Vendors that are left out of the partner list on purpose: their facts wait under "Unattributed"."""

TABLES: Mapping[str, Mapping[str, Any]] = {
    "deliveries (ERP export)": {
        "kind": "deliveries",
        "identity_columns": ["id"],
        "due_column": "due_on",
        "made_column": "made_on",
        "quantity_column": "quantity",
        "amount_column": "value_usd",
        "currency": "USD",
    },
    "messages (order system)": {
        "note": "Quotation and order dates count as messages sent, delivery dates as messages received.",
        "kind": "messages",
        "at_column": "date",
        "direction_column": "direction",
    },
}
"""The history has no mail, so dated exchanges stand for it; the note says so on the pages."""

DIGESTS = (
    ("daniel.okafor@programme.example", Frequency.DAILY),
    ("lan.nguyen@programme.example", Frequency.DAILY),
    ("chen.zhiming@programme.example", Frequency.WEEKLY),
)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where this run's stand-ins listen, all on loopback."""

    feed: str
    slack: str
    teams: str
    webhook: str
    mail_port: int


def add_partners(services: Services, lines: list[history.Line], folder: Path, now: datetime, day: datetime) -> int:
    """Write `partners.csv` from the history and the hand-made files, import it, and return the partners."""
    file = folder / "partners.csv"
    rows = list(_partner_rows(lines, day))
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    result = import_partners(services.db, file.read_bytes(), filename=file.name, now=now)
    if result.faults:
        raise InvalidInput("The example's partners cannot be imported.", result.faults)
    return result.created


def add_sources(services: Services, folder: Path, feed: str, now: datetime) -> None:
    """Add the two tables and the feed."""
    for name, options in TABLES.items():
        table = {
            "path": str(folder / f"{options['kind']}.csv"),
            "key_column": "vendor",
            "key_scheme": SCHEME,
            **options,
        }
        _add_source(services, name, "table", table, now)
    _add_source(services, "news (invented headlines)", "feed", {"url": feed}, now)


def add_destinations(services: Services, addresses: Addresses, now: datetime) -> None:
    """Add Slack, Teams, a signed webhook and a mail server, each in a language of its own."""
    for name, channel, locale, options, values in _destinations(addresses):
        public, sealed = _sealed(services, channel, options)
        with services.db.write() as session:
            destinations.add(
                session, name=name, channel=channel, now=now, options=public, secrets=sealed, locale=locale, **values
            )


def move(services: Services, addresses: Addresses, now: datetime) -> None:
    """Point the feed and the destinations at where the stand-ins listen this time."""
    public, sealed = plugins.seal_options(
        plugins.read_options(plugins.collector("feed").Options, {"url": addresses.feed}, services.settings),
        services.vault,
    )
    with services.db.write() as session:
        feed = sources.by_name(session, "news (invented headlines)")
        assert feed is not None, "the example has a feed"
        sources.update(session, feed.id, version=None, now=now, options=public, secrets=sealed)
    for name, channel, _locale, options, _values in _destinations(addresses):
        public, sealed = _sealed(services, channel, options)
        with services.db.write() as session:
            found = destinations.named(session, name)
            destinations.change(session, found, None, options=public, secrets=sealed)


def add_digests(services: Services, now: datetime) -> None:
    """Order digests for three people in three languages."""
    with services.db.write() as session:
        mail = destinations.for_mail(session)
        assert mail is not None, "the example has a mail server"
        for email, frequency in DIGESTS:
            person = people.by_email(session, email)
            assert person is not None, "people.csv has the reader of the digest"
            digests.add(session, person=person, destination=mail, frequency=frequency, now=now)


def add_token(services: Services, folder: Path, now: datetime) -> str:
    """Create an API token, write it to `token`, and return it."""
    with services.db.write() as session:
        _token, plain = access.create_token(session, name="example", role=Role.ADMIN, created_by="example", now=now)
    file = folder / "token"
    file.touch(mode=0o600)
    file.write_text(plain + "\n", encoding="utf-8")
    return plain


def sign_in_link(services: Services, now: datetime) -> str:
    """Return a new one-time link for the admin."""
    with services.db.write() as session:
        token = access.ensure_first_admin(session, now)
        if token is None:
            admin = access.find_user(session, access.FIRST_ADMIN)
            assert admin is not None, "nobody removes users from the example"
            token = access.create_link(session, admin, now)
    return f"{services.settings.public_url}/sign-in?token={token}"


def _partner_rows(lines: list[history.Line], day: datetime) -> Iterator[dict[str, object]]:
    by_hand = {row["vendor"]: row for row in _rows("partners.csv")}
    persons = {row["email"]: row for row in _rows("people.csv")}
    values = history.annual_values(lines, day.date())
    total = sum(values.values())
    for vendor in sorted(history.vendors(lines, day.date()) - LEFT_OUT):
        hand = by_hand.get(vendor, {})
        row: dict[str, object] = {
            "name": hand.get("name") or vendor,
            "identifiers": f"{SCHEME}:{vendor}",
            "annual_value": round(values.get(vendor, 0.0), 2),
            "currency": "USD",
            "share": f"{values.get(vendor, 0.0) / total:.6f}",
        }
        for column in ("aliases", "tier", "stage", "country", "time_zone", "months_to_replace", "single_source"):
            row[column] = hand.get(column, "")
        row |= {column: hand.get(column, "") for column in ("contract_end", "tags", "notes")}
        for role in ("owner", "sponsor", "counterpart"):
            person = persons.get(hand.get(role, ""), {})
            row |= {f"{role}_{part}": person.get(part, "") for part in ("email", "name", "locale", "time_zone")}
        yield row


def _rows(name: str) -> list[dict[str, str]]:
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _add_source(services: Services, name: str, collector: str, options: Mapping[str, Any], now: datetime) -> None:
    kind = plugins.collector(collector)
    read = plugins.read_options(kind.Options, options, services.settings)
    public, sealed = plugins.seal_options(read, services.vault)
    with services.db.write() as session:
        sources.add(session, name=name, collector=collector, options=public, secrets=sealed, now=now)


def _sealed(services: Services, channel: str, options: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    read = plugins.read_options(plugins.channel(channel).Options, options, services.settings)
    return plugins.seal_options(read, services.vault)


def _destinations(at: Addresses) -> Iterator[tuple[str, str, str, dict[str, Any], dict[str, Any]]]:
    """Yield name, channel, locale, options, and what else differs from the defaults."""
    key = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    mail = {
        "host": "127.0.0.1",
        "port": at.mail_port,
        "security": "none",
        "sender": "warden@programme.example",
        "to": ["partnerships@programme.example"],
    }
    yield "Slack #partners", "slack", "en", {"url": at.slack}, {"time_zone": "Africa/Nairobi", "operations": True}
    yield "Teams 合作夥伴", "teams", "zh-Hant", {"url": at.teams}, {"time_zone": "Asia/Taipei"}
    yield "Webhook", "webhook", "vi", {"url": at.webhook, "secret": key}, {"time_zone": "Asia/Ho_Chi_Minh"}
    yield "Mail", "email", "en", mail, {"min_severity": Severity.CRITICAL}
