"""Two hundred invented partners and two years of what happens with them: good ones, and some whose fate is written."""

import csv
import random
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path

from assessed import partner, person
from sqlalchemy.orm import Session

from collectors.base import Article, Delivery, Fact, Key, Measure, Message
from warden.models import Partner, Person
from warden.store import identifiers

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
BEGIN = datetime(2025, 1, 6, 7, tzinfo=UTC)
"""The first morning Warden looks, a Monday; a year of history lies before it."""

WEEKS = 52
HISTORY = BEGIN - 52 * WEEK
SCHEME = "supplier_code"

FIRST = ("Amber", "Birch", "Cedar", "Delta", "Ember", "Fjord", "Grove", "Haven", "Inlet", "Jade",
         "Kestrel", "Lumen", "Maple", "Nimbus", "Onyx", "Pine", "Quarry", "Ridge", "Summit", "Tidal")  # fmt: skip
SECOND = ("Bearings", "Castings", "Coatings", "Fibres", "Freight", "Labels", "Motors", "Optics", "Resins", "Valves")
NAMES = [f"{first} {second}" for second in SECOND for first in FIRST]

REGIONS = ("apac", "emea", "americas", "nordics")
COUNTRIES = {"apac": "TW", "emea": "DE", "americas": "US", "nordics": "FI"}
ZONES = {"apac": "Asia/Taipei", "emea": "Europe/Berlin", "americas": "America/New_York", "nordics": "Europe/Helsinki"}

PEOPLE = {
    "Ann Baker": ("America/New_York", "en"),
    "Lin Yuchen": ("Asia/Taipei", "zh-Hant"),
    "Wang Fang": ("Asia/Shanghai", "zh-Hans"),
    "Tran Minh": ("Asia/Ho_Chi_Minh", "vi"),
    "Eva Kramer": ("Europe/Berlin", "en"),
    "Sam Sponsor": ("Europe/Berlin", "en"),
}
OWNERS = ("Ann Baker", "Lin Yuchen", "Wang Fang", "Tran Minh", "Eva Kramer")


@dataclass(frozen=True)
class Spell:
    """Weeks of the year, the first included and the last not, in which something is so; counted from 0."""

    first: int
    last: int

    def __contains__(self, week: object) -> bool:
        return isinstance(week, int) and self.first <= week < self.last


@dataclass(frozen=True)
class Fate:
    """What becomes of a partner beyond the ordinary."""

    late: Spell = Spell(0, 0)
    silent: Spell = Spell(0, 0)
    flapping: Spell = Spell(0, 0)
    told_late: Spell = Spell(0, 0)  # deliveries of these weeks are late, and reported when they are over
    surveys: Mapping[int, tuple[str, float]] = field(default_factory=dict)  # week → (name, value)
    news: Mapping[int, str] = field(default_factory=dict)  # week → headline


CALL_OFF_DAILY = ("Fjord Freight", "Grove Freight")
"""Partners who write every day, and of whom two silent days are too many."""

FATES: Mapping[str, Fate] = {
    **{name: Fate(late=Spell(-20, 52)) for name in ("Amber Bearings", "Birch Bearings")},  # late before the first look
    **{name: Fate(late=Spell(-20, 10)) for name in ("Cedar Bearings", "Delta Bearings", "Ember Bearings")},
    "Jade Bearings": Fate(late=Spell(-20, 20)),
    **{name: Fate(told_late=Spell(10, 17)) for name in NAMES[100:105]},
    **{name: Fate(flapping=Spell(22, 26)) for name in CALL_OFF_DAILY},
    "Haven Optics": Fate(silent=Spell(18, 26)),  # and comes back
    "Inlet Optics": Fate(silent=Spell(30, 60)),  # for good
    "Kestrel Motors": Fate(news={20: "Kestrel Motors files for bankruptcy"}),
    "Lumen Motors": Fate(news={21: "Lumen Motors opens a new plant"}),
    "Maple Labels": Fate(
        surveys={
            -10: ("satisfaction", 4.6),
            4: ("satisfaction", 4.5),
            17: ("satisfaction", 3.9),
            30: ("satisfaction", 3.2),
        }
    ),
    "Nimbus Labels": Fate(surveys={6: ("satisfaction", 4.4), 7: ("satisfaction_theirs", 2.9)}),
    "Onyx Labels": Fate(surveys={10: ("compliance_incident", 1.0)}),
    "Pine Labels": Fate(surveys=dict.fromkeys((-9, 3, 5, 9, 15, 16, 20), ("milestone", 0.0))),
    "Quarry Resins": Fate(late=Spell(26, 34), news={28: "Quarry Resins fined over export sanctions"}),
    "Ridge Resins": Fate(late=Spell(33, 39)),  # begins shortly before a maintenance window, ends after it
    "Onyx Resins": Fate(late=Spell(26, 31)),  # ends while its region is in a maintenance window
    "Tidal Valves": Fate(late=Spell(38, 52)),
}
SLIP = Spell(8, 14)
"""The weeks in which all deliveries of the nordics slip: a port is closed."""

STRATEGIC_FORGOTTEN = "Tidal Bearings"
"""The strategic partner whom no executive meets."""


def fate(name: str) -> Fate:
    """Return what becomes of a partner; nothing special of most."""
    return FATES.get(name, Fate())


def region(name: str) -> str:
    """Return where a partner is: twenty in the nordics, the others by turns elsewhere."""
    number = NAMES.index(name)
    return "nordics" if 140 <= number < 160 else REGIONS[number % 3]


def tier(name: str) -> str:
    number = NAMES.index(name)
    if number % 19 == 0:
        return "strategic"
    return "key" if number % 4 == 1 else "standard"


def week_begins(week: int) -> datetime:
    """Return midnight UTC before the Monday of a week."""
    return datetime.combine(BEGIN.date(), time(), UTC) + week * WEEK


# --- partners ---------------------------------------------------------------------------------------------------------


def populate(session: Session) -> dict[str, Person]:
    """Add our people, the counterparts and the partners; return our people by name."""
    ours = {name: person(session, name, zone, locale) for name, (zone, locale) in PEOPLE.items()}
    for number, name in enumerate(NAMES):
        _partner(session, name, ours[OWNERS[number % len(OWNERS)]], ours["Sam Sponsor"])
    return ours


def _partner(session: Session, name: str, owner: Person, sponsor: Person) -> Partner:
    where, rank = region(name), tier(name)
    counterpart = person(session, f"Chief of {name}", ZONES[where], ours=False) if rank == "strategic" else None
    share, months, single = {"strategic": (0.22, 12.0, True), "key": (0.1, 6.0, False), "standard": (0.03, 3.0, False)}[
        rank
    ]
    found = partner(
        session,
        name,
        HISTORY,
        tier=rank,
        region=where,
        country=COUNTRIES[where],
        time_zone=ZONES[where],
        owner_id=owner.id,
        sponsor_id=sponsor.id if rank == "strategic" else None,
        counterpart_id=counterpart.id if counterpart else None,
        share=share,
        months_to_replace=months,
        single_source=single,
    )
    identifiers.add_identifier(session, found, SCHEME, code(name), HISTORY)
    identifiers.add_alias(session, found, name, HISTORY)
    return found


def partner_id(name: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_DNS, name)


def code(name: str) -> str:
    return "s-" + name.lower().replace(" ", "-")


def key(name: str) -> Key:
    return Key(SCHEME, code(name))


# --- facts ------------------------------------------------------------------------------------------------------------


@cache
def messages(week: int) -> Sequence[Message]:
    """Return the messages of one week, by partner and moment."""
    return [one for name in NAMES for one in _messages(name, week)]


def _messages(name: str, week: int) -> Iterator[Message]:
    mine = fate(name)
    if week in mine.silent:
        return
    dice = random.Random(f"{name} writes in week {week}")
    if mine.flapping != Spell(0, 0):  # writes every day; while flapping every sixth
        days = [day for day in range(7) if week not in mine.flapping or (week * 7 + day) % 6 == 0]
    else:
        days = [dice.randint(0, 2), dice.randint(3, 6)]
    for number, day in enumerate(days):
        at = week_begins(week) + day * DAY + timedelta(hours=8, minutes=dice.randint(0, 500))
        yield Message(identity=f"{name}/m{week}/{number}", key=key(name), at=at, sent=False)
        if number == 0:
            asked = at - timedelta(hours=dice.randint(1, 6))
            yield Message(identity=f"{name}/q{week}", key=key(name), at=asked, sent=True)


@cache
def deliveries(week: int) -> Sequence[Delivery]:
    """Return the deliveries due on the Wednesday of one week, as they will have been made."""
    return [_delivery(name, week) for name in NAMES if not _pauses(name, week)]


def _pauses(name: str, week: int) -> bool:
    """Tell whether nothing falls due: in the two weeks in which what was late is reported at last."""
    hidden = fate(name).told_late
    return hidden != Spell(0, 0) and hidden.last <= week < hidden.last + 2


def _delivery(name: str, week: int) -> Delivery:
    mine, dice = fate(name), random.Random(f"{name} delivers in week {week}")
    slips = week in SLIP and region(name) == "nordics"
    chance = 0.7 if week in mine.late or week in mine.told_late or slips else 0.04
    due = week_begins(week).date() + 2 * DAY
    made = due + DAY * (dice.randint(2, 8) if dice.random() < chance else -dice.randint(0, 1))
    at = datetime.combine(made, time(), UTC)
    return Delivery(identity=f"{name}/d{week}", key=key(name), at=at, due_on=due, made_on=made)


def pushed(week: int) -> list[Fact]:
    """Return what comes by other ways in a week: news, surveys, incidents, milestones, executives' meetings."""
    noon = week_begins(week) + timedelta(hours=12)
    found: list[Fact] = []
    for name in FATES:
        mine = fate(name)
        if week in mine.news:
            address = f"https://news.example/{code(name)}"
            found.append(
                Article(identity=address, at=noon, url=address, title=mine.news[week], outlet="News", language="en")
            )
        if week in mine.surveys:
            what, value = mine.surveys[week]
            found.append(Measure(identity=f"{name}/{what}/{week}", key=key(name), at=noon, name=what, value=value))
    if week % 12 == 4 or week == -2:
        found += [_executives_meet(name, week, noon) for name in NAMES if tier(name) == "strategic"]
    return [one for one in found if not (week > 0 and one.identity.startswith(f"{STRATEGIC_FORGOTTEN}/met"))]


def _executives_meet(name: str, week: int, at: datetime) -> Measure:
    return Measure(identity=f"{name}/met/{week}", key=key(name), at=at, name="meeting_executive", value=1.0)


# --- files that sources read ------------------------------------------------------------------------------------------


def write_messages(file: Path, since: datetime, now: datetime) -> None:
    """Write the messages of a span, as a mail system exports them."""
    some = (one for week in _weeks(since, now) for one in messages(week) if since <= one.at < now)
    rows = ((one.identity, one.key.value, one.at.isoformat(), "out" if one.sent else "in") for one in some)
    _write(file, ("id", "supplier", "at", "direction"), rows)


def write_deliveries(file: Path, since: datetime, now: datetime) -> None:
    """Write what fell due or was made in a span, as an ERP system exports it; some is held back for weeks."""
    some = [one for week in _weeks(since - 12 * WEEK, now) for one in deliveries(week) if _is_reported(one, since, now)]
    rows = (
        (
            one.identity,
            one.key.value,
            one.due_on.isoformat(),
            one.made_on.isoformat() if one.made_on and _end_of(one.made_on) <= now else "",
        )
        for one in some
    )
    _write(file, ("id", "supplier", "due", "made"), rows)


def _is_reported(one: Delivery, since: datetime, now: datetime) -> bool:
    """Tell whether a delivery became known in a span: it fell due, or was made."""
    name, week = one.identity.rsplit("/d", 1)
    hidden = fate(name).told_late
    if int(week) in hidden:
        return since <= week_begins(hidden.last + 1) < now
    return any(since <= _end_of(day) <= now for day in (one.due_on, one.made_on) if day)


def _end_of(day: date) -> datetime:
    return datetime.combine(day + DAY, time(), UTC)


def _weeks(since: datetime, now: datetime) -> Iterable[int]:
    first, last = ((moment - week_begins(0)) // WEEK for moment in (since, now))
    return range(first, last + 1)


def _write(file: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(header)
        writer.writerows(rows)
