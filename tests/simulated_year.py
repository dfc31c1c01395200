"""A year of the whole service, day by day: sources, people and faults around it are played, everything else is real.

On Mondays the whole road is walked; in weeks in which something goes up and down, every other day. On the days between,
what waits for the clock is done: due meetings, escalation, reminders, digests, and sending.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import simulated_people as played
import simulated_portfolio as portfolio
from fakes import LOOPBACK, Inbox, MailHandler, Received, Reply, Slack, mail_server, signed_webhook, teams, web_server
from outbox import make_destination, webhook_options
from pydantic import SecretStr
from simulated_portfolio import BEGIN, DAY, WEEKS
from sqlalchemy.orm import Session

from collectors.http import Http
from collectors.rows import TableOptions
from warden import plugins, scheduler
from warden.db import Database
from warden.domain import LOCALES, EscalateTo, Frequency, Scope, Severity, WhenEmpty
from warden.models import Destination, Person, Source
from warden.pipeline import announce, collect, digest, meetings, notify
from warden.settings import Settings
from warden.store import (
    destinations,
    digests,
    escalation,
    facts,
    notifications,
    routes,
    rule_settings,
    rule_versions,
    rules,
    shipped,
    sources,
)
from warden.vault import Vault

HISTORY_WEEKS = 26
"""Weeks before the first day of which the sources know."""

BLIND = portfolio.Spell(12, 15)
"""In these weeks the mail system exports nothing."""

WEEKLY = (portfolio.Spell(8, 16), portfolio.Spell(19, 25))
"""Weeks in which the whole road is walked on Monday; in others it is every third Monday, for it takes long."""

CLOSELY = portfolio.Spell(22, 24)
"""In these weeks it is walked every other day."""

GONE, BACK = 28 * 7, 31 * 7
"""Days on which the webhook's address dies, and on which somebody mends it."""

BUSY_MAIL, BUSY_SLACK = 33 * 7, 20 * 7
"""Days on which the mail server, and Slack, put everybody off."""

HOUR = timedelta(hours=1)
WAIT = timedelta(minutes=2)
"""What one walk decided has waited long enough to be told then."""


@dataclass
class World:
    """The receivers of what is sent, and how they fare today. `taken`: what arrived and was confirmed."""

    slack: Inbox
    teams: Inbox
    hook: Inbox
    mail: MailHandler
    day: int = 0
    taken: list[tuple[str, str, bytes]] = field(default_factory=list)  # (destination, id or "", content)


@dataclass
class Year:
    """The service and its surroundings. `db` is another one after each restart."""

    db: Database
    vault: Vault
    settings: Settings
    http: Http
    folder: Path
    world: World
    read_until: dict[str, datetime] = field(default_factory=dict)  # by source, what it exported last
    restarts: int = 0


@contextmanager
def surroundings() -> Iterator[World]:
    """Run the receivers until the block ends."""
    with (
        web_server(Slack()) as slack,
        web_server(teams) as channel,
        web_server(signed_webhook) as hook,
        mail_server() as mail,
    ):
        world = World(slack, channel, hook, mail)
        slack.respond = _kept(world, "Slack", _slack(world, Slack()))
        channel.respond = _kept(world, "Teams", teams)
        hook.respond = _kept(world, "Hook", _hook(world))
        mail.refuse = _mail(world)
        yield world


def _kept(world: World, name: str, respond: Callable[[Received], Reply]) -> Callable[[Received], Reply]:
    def answer(received: Received) -> Reply:
        reply = respond(received)
        if reply.status < 300:
            world.taken.append((name, received.headers.get("webhook-id", ""), received.body))
        return reply

    return answer


def _slack(world: World, usual: Slack) -> Callable[[Received], Reply]:
    busy = [Reply(429, "rate_limited", {"Retry-After": "90"})]
    return lambda received: busy.pop() if busy and world.day >= BUSY_SLACK else usual(received)


def _hook(world: World) -> Callable[[Received], Reply]:
    return lambda received: Reply(410, "Gone") if GONE <= world.day < BACK else signed_webhook(received)


def _mail(world: World) -> Callable[[str, str], str | None]:
    return lambda command, _argument: (
        "451 4.3.2 Please try again later" if command == "DATA" and world.day == BUSY_MAIL else None
    )


def begin(year: Year) -> None:
    """Fill the database with what stands on the first morning: partners, sources, destinations, orders for digests."""
    with year.db.write() as session:
        shipped.seed(session, BEGIN - DAY)
        people = portfolio.populate(session)
        _destinations(session, year, people)
        for name, kind, columns in (
            ("Mail system", "messages", {"at_column": "at", "direction_column": "direction"}),
            ("ERP", "deliveries", {"due_column": "due", "made_column": "made"}),
        ):
            _source(session, year, name, kind, columns)
        _own_rule(session)
    year.read_until = {"Mail system": portfolio.week_begins(0), "ERP": portfolio.week_begins(-1)}
    _remember(year)


def _own_rule(session: Session) -> None:
    """Let there be a rule of the company's own for partners that call off goods every day."""
    own = {
        "names": dict.fromkeys(LOCALES, "No call-off"),
        "condition": "days_silent >= most",
        "parameters": {"most": 365.0},
    }
    draft = rule_versions.create(session, "no_call_off", own, played.ANN, BEGIN - DAY)
    rule = rules.by_key(session, "no_call_off")
    rule_versions.activate(session, rule, draft.number, played.ANN, BEGIN - DAY)
    for name in portfolio.CALL_OFF_DAILY:
        rule_settings.add(
            session,
            rule,
            scope=Scope.PARTNER,
            subject=str(portfolio.partner_id(name)),
            name="most",
            value=2.0,
            reason="They call off goods every day.",
            author=played.ANN,
            now=BEGIN - DAY,
        )


def _remember(year: Year) -> None:
    """Store what the sources have told before the first day."""
    past = range(-HISTORY_WEEKS, 0)
    with year.db.write() as session:
        for name, told in (
            ("Mail system", portfolio.messages),
            ("ERP", lambda week: portfolio.deliveries(week - 1)),
            ("Desk", portfolio.pushed),
        ):
            found = sources.by_name(session, name) or sources.push(session, name, BEGIN - DAY)
            facts.insert_facts(session, found.id, [one for week in past for one in told(week)], BEGIN - HOUR)


def _source(session: Session, year: Year, name: str, kind: str, columns: Mapping[str, str]) -> None:
    options = TableOptions.model_validate(
        {
            "path": str(_file(year, name)),
            "kind": kind,
            "key_column": "supplier",
            "key_scheme": portfolio.SCHEME,
            "identity_columns": ["id"],
            **columns,
        }
    )
    public, secrets = plugins.seal_options(options, year.vault)
    sources.add(
        session,
        name=name,
        collector="table",
        options=public,
        secrets=secrets,
        now=BEGIN - DAY,
        schedule="0 6 * * mon",
    )


def _file(year: Year, name: str) -> Path:
    return year.folder / f"{name.replace(' ', '-').lower()}.csv"


def _destinations(session: Session, year: Year, people: Mapping[str, Person]) -> None:
    world, now = year.world, BEGIN - DAY

    def made(name: str, channel: str, options: Mapping[str, Any], **values: Any) -> Destination:
        return make_destination(session, year.vault, channel, dict(options), now, name=name, **values)

    slack = made("Slack", "slack", {"url": SecretStr(world.slack.url)}, operations=True)
    asia = made("Teams", "teams", {"url": SecretStr(world.teams.url)}, locale="zh-Hant", time_zone="Asia/Taipei")
    hook = made("Hook", "webhook", webhook_options(world.hook.url))
    server = {"host": "127.0.0.1", "port": world.mail.port, "security": "none", "sender": "warden@us.example"}
    mail = made("Mail", "email", server, alerts=False)
    for position, (name, matchers, to, who, goes_on) in enumerate(
        (
            ("Critical to owners", {"severity": ["critical"]}, [], ["owner"], True),
            ("Asia", {"region": ["apac"]}, [asia], [], True),
            ("Loud", {"severity": ["critical"]}, [slack], [], True),
            ("Everything", {}, [hook], [], False),
        ),
        start=1,
    ):
        ids = [str(one.id) for one in to]
        routes.add(
            session,
            {
                "name": name,
                "position": position,
                "matchers": matchers,
                "destination_ids": ids,
                "people": who,
                "goes_on": goes_on,
            },
        )
    chain = ((480, EscalateTo.OWNER), (1440, EscalateTo.SPONSOR))
    escalation.put(
        session,
        [
            {
                "after_minutes": minutes,
                "working_hours": True,
                "to": to,
                "destination_id": None,
                "min_severity": Severity.CRITICAL,
            }
            for minutes, to in chain
        ],
        60 * 24 * 30,
    )
    _orders(session, people, mail)


def _orders(session: Session, people: Mapping[str, Person], mail: Destination) -> None:
    for name, values in (
        ("Ann Baker", {"frequency": Frequency.DAILY}),
        ("Lin Yuchen", {"frequency": Frequency.WEEKLY, "weekday": 4, "only_mine": True, "when_empty": WhenEmpty.SKIP}),
        ("Wang Fang", {"frequency": Frequency.WEEKLY, "weekday": 1}),
        ("Tran Minh", {"frequency": Frequency.MONTHLY}),
        ("Eva Kramer", {"frequency": Frequency.WEEKLY, "only_mine": True}),
    ):
        digests.add(session, person=people[name], destination=mail, now=BEGIN - DAY, **values)


# --- the days ---------------------------------------------------------------------------------------------------------


def live(year: Year, days: int = WEEKS * 7) -> None:
    """Live through the year."""
    for day in range(days):
        year.world.day = day
        now = BEGIN + day * DAY
        if day == BACK:
            _mend(year.db)
        played.morning(year.db, year.settings, day, now)
        if _is_walked(day):
            _walk(year, day, now)
        else:
            meetings.miss(year.db, year.settings, now)
        announce.run(year.db, year.vault, year.settings, now + WAIT)
        digest.run(year.db, year.vault, year.settings, now + WAIT)
        _send(year, now + WAIT)


def _is_walked(day: int) -> bool:
    week = day // 7
    if day % 7:
        return day % 2 == 1 and week in CLOSELY
    return week % 3 == 0 or any(week in spell for spell in WEEKLY)


def _walk(year: Year, day: int, now: datetime) -> None:
    """Walk the whole road; every fifth time the process dies between two stages, and another one takes over."""
    _export(year, day, now)
    dice = random.Random(f"restart on day {day}")
    dies_after = dice.choice(("collect", "attribute", "assess", "decide")) if day // 7 % 5 == 4 else None
    for stage, _count in scheduler.advance(year.db, year.vault, year.settings, now):
        if stage == dies_after:
            break
    if dies_after is not None:
        year.db.close()
        year.db = Database(year.db.url.render_as_string(hide_password=False))
        year.restarts += 1
        for _step in scheduler.advance(year.db, year.vault, year.settings, now + timedelta(seconds=20)):
            pass


def _export(year: Year, day: int, now: datetime) -> None:
    """Let the systems around write down what is new, and the desk push what it knows; the mail system may be down."""
    for name, write in (("Mail system", portfolio.write_messages), ("ERP", portfolio.write_deliveries)):
        file = _file(year, name)
        if name == "Mail system" and day // 7 in BLIND:
            file.unlink(missing_ok=True)
            continue
        write(file, year.read_until[name], now)
        year.read_until[name] = now
        with year.db.read() as session:
            source = sources.by_name(session, name)
        if day % 7 and isinstance(source, Source):  # its schedule knows Mondays only
            collect.run_due(year.db, year.vault, year.settings, now, only=source.id, ignore_schedule=True)
    if day % 7 == 0:
        with year.db.write() as session:
            fresh = [one for back in (3, 2, 1) for one in portfolio.pushed(day // 7 - back)]
            facts.insert_facts(session, sources.push(session, "Desk", now).id, fresh, now)


def _send(year: Year, now: datetime) -> None:
    """Send all that is due; a pace of a channel is waited for in played time."""
    moment: datetime | None = now
    while moment is not None and moment < now + timedelta(hours=1):
        notify.run(year.db, year.vault, year.settings, year.http, moment)
        with year.db.read() as session:
            following = notifications.next_ready_at(session, moment)
        moment = max(following, moment) + timedelta(milliseconds=1) if following else None


def _mend(db: Database) -> None:
    with db.write() as session:
        hook = destinations.named(session, "Hook")
        notifications.resume(session, hook)


@contextmanager
def service(url: str, vault: Vault, folder: Path, world: World) -> Iterator[Year]:
    """Open the service on a migrated database."""
    settings = Settings(
        database_url=url, allowed_networks=LOOPBACK, file_roots=(folder,), public_url="https://warden.us.example"
    )
    with Http(allowed_networks=LOOPBACK) as http:
        year = Year(Database(url), vault, settings, http, folder, world)
        yield year
        year.db.close()
