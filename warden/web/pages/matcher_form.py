"""Matchers of silences and routes on pages: said in words, and as fields of a form. It stores nothing."""

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from babel import Locale
from fastapi import Depends, Request
from sqlalchemy.orm import Session

from warden.domain import Severity
from warden.errors import Fault
from warden.i18n import N_
from warden.models import Rule
from warden.rules.matching import HOURS, NAMES
from warden.store import partners, rules
from warden.web.alert_words import MATCHERS
from warden.web.pages.fault_words import Told, sentence
from warden.web.templating import LANGUAGES
from warden.web.words import WORDS
from warden.wording import Reader

LINES = ("partner", "owner")
"""Typed one a line: names may hold commas."""

COMMAS = ("tier", "tag", "region", "country")
MOST_TEXT = 10_000

DESTINATIONS_MESSAGE = N_("Destinations")

Row = tuple[str, list[str]]
"""What one matcher is called, and its values, in the reader's words."""


async def _form(request: Request) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for name, value in (await request.form()).multi_items():
        if isinstance(value, str):
            found.setdefault(name, []).append(value.replace("\0", "")[:MOST_TEXT])
    return found


Typed = Annotated[Mapping[str, Sequence[str]], Depends(_form)]
"""A form as it came: several values of a field where several were chosen.

Asked for before the session: who sends slowly must keep no place for writing.
"""


@dataclass(frozen=True, slots=True)
class Names:
    """What rules and partners are called, by key and by id."""

    rules: Mapping[str, Rule]
    partners: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Choices:
    """What the form offers."""

    rules: Sequence[Rule]
    tiers: Sequence[str]
    severities: Sequence[Severity] = tuple(Severity)
    languages: Mapping[str, str] = field(default_factory=lambda: LANGUAGES)
    days: Sequence[int] = tuple(range(7))


def first(typed: Mapping[str, Sequence[str]], name: str) -> str:
    """Return one field of a form without white space around it, "" where it is missing."""
    return typed[name][0].strip() if typed.get(name) else ""


def choices(session: Session) -> Choices:
    """Return what the form offers."""
    return Choices(rules=rules.listing(session), tiers=partners.tiers(session))


def names_of(session: Session, several: Iterable[Mapping[str, Any]]) -> Names:
    """Return the names of the rules and partners that matchers speak of."""
    wanted = {uuid.UUID(one) for matchers in several for one in matchers.get("partner", ())}
    return Names(
        {rule.key: rule for rule in rules.listing(session)},
        {str(partner_id): name for partner_id, name in partners.named(session, wanted).items()},
    )


def in_words(reader: Reader, matchers: Mapping[str, Any], names: Names) -> list[Row]:
    """Return matchers in a reader's words; empty: everything fits."""
    return [
        (reader.tr(MATCHERS[name]), [_value(reader, name, value, names) for value in _listed(reader, name, wanted)])
        for name, wanted in matchers.items()
    ]


def _listed(reader: Reader, name: str, wanted: Any) -> Sequence[str]:
    if name != HOURS:
        return list(wanted)
    called = Locale.parse(reader.locale, sep="-").days["stand-alone"]["abbreviated"]
    days = ", ".join(called[day] for day in wanted["days"])
    return [f"{wanted['from']} – {wanted['until']} ({wanted['time_zone']})", days]


def _value(reader: Reader, name: str, value: str, names: Names) -> str:
    if name == "severity":
        return reader.tr(WORDS[value])
    if name == "rule":
        return reader.name(names.rules[value].names) if value in names.rules else value
    if name == "partner":
        return names.partners.get(value, value)
    return LANGUAGES.get(value, value) if name == "language" else value


def entered(matchers: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """Return what stands in the form for matchers, by field."""
    found: dict[str, Any] = {name: list(matchers.get(name, ())) for name in ("severity", "rule", "language")}
    found |= {name: ", ".join(matchers.get(name, ())) for name in COMMAS}
    found["partner"] = "\n".join(names.partners.get(one, one) for one in matchers.get("partner", ()))
    found["owner"] = "\n".join(matchers.get("owner", ()))
    hours = matchers.get(HOURS) or {"from": "", "until": "", "days": [], "time_zone": ""}
    return found | {f"{HOURS}.{name}": value for name, value in hours.items()}


def as_typed(typed: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return what stands in a form that was refused."""
    found: dict[str, Any] = {name: list(typed.get(name, ())) for name in ("severity", "rule", "language")}
    found |= {name: first(typed, name) for name in (*COMMAS, *LINES)}
    found |= {f"{HOURS}.{name}": first(typed, f"{HOURS}.{name}") for name in ("from", "until", "time_zone")}
    found[f"{HOURS}.days"] = [int(day) for day in typed.get(f"{HOURS}.days", ()) if day in "0123456" and day]
    return found


def read(session: Session, typed: Mapping[str, Sequence[str]], *, hours: bool = False) -> tuple[Any, list[Fault]]:
    """Return the matchers that were typed, and a fault for each partner there is none of that name."""
    given = as_typed(typed)
    faults: list[Fault] = []
    found: dict[str, Any] = {}
    for name in NAMES:
        values = _split(name, given[name])
        if name == "partner":
            values = _partner_ids(session, values, faults)
        if values:
            found[name] = values
    if hours and (given[f"{HOURS}.from"] or given[f"{HOURS}.until"]):
        found[HOURS] = {name: given[f"{HOURS}.{name}"] for name in ("time_zone", "days", "from", "until")}
    return found, faults


def others(reader: Reader, faults: Iterable[Fault]) -> list[Told]:
    """Return faults that stand beside no field, with what the field is called."""
    return [Told("", reader.tr(_field(fault)), sentence(reader, fault)) for fault in faults]


def _field(fault: Fault) -> str:
    found = re.match(r"(?:matchers\.)?(\w+)", fault.where)
    name = found[1] if found else fault.where
    return {"destination_ids": DESTINATIONS_MESSAGE, **MATCHERS}.get(name, name)


def _split(name: str, given: Any) -> list[str]:
    parts = given.splitlines() if name in LINES else given.split(",") if name in COMMAS else given
    kept = [part.strip() for part in parts if part.strip()]
    return [part.lower() for part in kept] if name == "owner" else kept


def _partner_ids(session: Session, names: Sequence[str], faults: list[Fault]) -> list[str]:
    known = partners.ids_of(session, names)
    faults += [Fault("matchers.partner", name) for name in names if name not in known]
    return [str(known[name]) for name in names if name in known]
