"""How many statements lists and pages need: as many for many rows as for one."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
from served import Site, alarm, seed_risk
from sqlalchemy import event
from sqlalchemy.orm import Session

from collectors.base import Article, Key, Message
from warden.clock import utc_now
from warden.domain import (
    CorrectionKind,
    FactKind,
    Frequency,
    MeetingLevel,
    NotificationReason,
    Quantity,
    Role,
    Scope,
    Side,
    SilenceKind,
)
from warden.messages import Message as Outbound
from warden.models import Meeting, Partner, Person
from warden.pipeline import assess, attribute
from warden.store import (
    actions,
    articles,
    cadences,
    criteria,
    destinations,
    digests,
    duty,
    facts,
    identifiers,
    learning,
    matrices,
    news_models,
    notifications,
    overrides,
    partners,
    people,
    routes,
    rules,
    silences,
    sources,
)

LISTS = (
    "/",
    "/partners",
    "/alerts",
    "/meetings",
    "/sources",
    "/notifications",
    "/unattributed",
    "/names",
    "/news-models",
    "/criteria?ended=true",
    "/criteria/silence",
    "/matrices",
    "/matrices/1/preview",
    "/backtest",
    "/api/v1/matrix",
    "/api/v1/matrices",
    "/api/v1/matrices/1/preview",
    "/api/v1/criteria?history=true",
    "/api/v1/backtests",
    "/api/v1/learned",
    "/api/v1/partners",
    "/api/v1/people",
    "/api/v1/alerts",
    "/api/v1/meetings",
    "/api/v1/sources",
    "/api/v1/facts",
    "/api/v1/unattributed",
    "/api/v1/names/review",
    "/api/v1/news-models",
    "/api/v1/destinations",
    "/api/v1/digests",
    "/api/v1/notifications",
    "/api/v1/rules",
    "/rules",
    "/digests",
    "/actions?state=all",
    "/cadences?ended=true",
    "/alerts/silences?state=all",
    "/alerts/notices",
    "/alerts/duty",
    "/alerts/routes",
    "/alerts/playbooks",
    "/api/v1/actions",
    "/api/v1/cadences",
    "/api/v1/silences",
    "/api/v1/routes",
    "/api/v1/absences",
    "/api/v1/duty",
    "/api/v1/notices",
    "/api/v1/playbooks",
)
ONE_PARTNER = (
    *("/partners/{}", "/partners/{}/criteria", "/partners/{}/changes"),
    *("/api/v1/partners/{}", "/api/v1/partners/{}/assessments", "/api/v1/partners/{}/outcomes"),
    *("/api/v1/partners/{}/overrides", "/api/v1/partners/{}/criteria", "/api/v1/partners/{}/ledger"),
    *("/partners/{}/incidents", "/api/v1/partners/{}/incidents"),
    *("/partners/{}/rhythm", "/api/v1/partners/{}/rhythm"),
    "/api/v1/facts?partner_id={}",
)
MORE = 12


@contextmanager
def counted(site: Site) -> Iterator[list[str]]:
    """Collect the statements the service runs."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(site.services.db.engine, "before_cursor_execute", note)
    yield statements
    event.remove(site.services.db.engine, "before_cursor_execute", note)


def statements_of(site: Site, browser: httpx.Client, path: str) -> list[str]:
    browser.get(path)  # what is remembered from the first time on counts for neither
    with counted(site) as statements:
        answer = browser.get(path)
    assert answer.status_code == 200, (path, answer.text)
    return statements


def grow(site: Site, partner_id: uuid.UUID, numbers: range) -> None:
    """Add as many as there are numbers of everything that lists show, to one partner and to new ones."""
    now = utc_now()
    with site.services.db.write() as session:
        late = rules.by_key(session, "late_rate")
        mail = destinations.named(session, "mail")
        source = sources.push(session, "crm", now)
        acme = partners.get(session, partner_id)
        for number in numbers:
            owner = people.get_or_create(session, email=f"{number}@our.example", name=f"P{number}", time_zone="UTC")
            new = partners.create(session, {"name": f"Partner {number}", "owner_id": owner.id}, now)
            for partner in (new, acme):
                code = f"{partner.name}-{number}"
                identifiers.add_identifier(session, partner, "supplier_code", code, now)
                identifiers.add_alias(session, partner, f"{partner.name} {number}", now)
                write(session, source.id, code)
            write(session, source.id, f"nobody-{number}")
            rows, meeting = alarm(new.id, late.id, owner.id, now)
            for row in [*rows, meeting]:
                session.add(row)
                session.flush()
            act(session, new, owner, meeting, number, now)
            sources.add(session, name=f"feed {number}", collector="feed", options={"url": "http://a.example/"}, now=now)
            destinations.add(session, name=f"d{number}", channel="email", options={}, now=now, disabled_at=now)
            digests.add(session, person=owner, destination=mail, frequency=Frequency.DAILY, now=now)
            text = Outbound(reason=NotificationReason.TEST, title="A test", lead="It works.")
            notifications.enqueue(
                session,
                destination=mail,
                key=f"n{number}",
                reason=text.reason,
                message=text,
                locale="en",
                now=now,
                partner_id=new.id,
            )
            for partner in (new, acme):
                set_by_hand(session, partner, number, now)
            news_models.keep(session, "en", b"arrays", {}, speaks=False, now=now)
            told = Article(identity=f"t{number}", at=now, url="http://a.example/", title=f"Acme recalls model {number}")
            facts.insert_facts(session, source.id, [told], now)
    attribute.run(site.services.db, now)
    with site.services.db.write() as session:
        for fact in facts.listing(session, partner_id=partner_id, kind=FactKind.ARTICLE).items:
            said = {"label": "negative"}
            articles.correct(session, fact.id, partner_id, CorrectionKind.TONE, said, author="tests", now=utc_now())
    assess.run(site.services.db, site.services.settings, now)


def act(session: Session, partner: Partner, owner: Person, meeting: Meeting, number: int, now: datetime) -> None:
    """Add what people do about alerts: a promise, a rhythm, a silence, a route, an absence and a duty."""
    promised: dict[str, Any] = {"text": "Send it", "side": Side.OURS, "due_on": now.date(), "owner_id": owner.id}
    actions.add(session, partner, **promised, meeting_id=meeting.id, author="tests", now=now)
    often: dict[str, Any] = {"partner_id": partner.id, "every_days": 9, "author": "tests", "now": now}
    cadences.put(session, MeetingLevel.WORKING, Scope.PARTNER, **often)
    quiet: dict[str, Any] = {"matchers": {"partner": [str(partner.id)]}, "ends_at": now + timedelta(hours=1)}
    silences.add(session, kind=SilenceKind.SILENCE, **quiet, reason="They move.", author="tests", now=now)
    routes.add(session, {"name": f"Route {number}", "matchers": {"tier": [f"t{number}"]}, "people": ["owner"]})
    begin = now + timedelta(days=10 + number)
    spans: dict[str, Any] = {"starts_at": begin, "ends_at": begin + timedelta(days=1), "author": "tests", "now": now}
    duty.add_absence(session, person_id=owner.id, deputy_id=None, **spans)
    duty.add(session, person_id=owner.id, **spans)


def set_by_hand(session: Session, partner: Partner, number: int, now: datetime) -> None:
    """Add a criterion, overrides, a draft of the matrix and a backtest."""
    days = {"days": 10 + number}
    criteria.put(session, "silence", Scope.PARTNER, str(partner.id), days, "tests", "", now)
    criteria.put(session, "silence", Scope.PORTFOLIO, "", days, "tests", "", now)
    for quantity in Quantity:
        overrides.add(session, partner, quantity, 0.5 if quantity is Quantity.LIKELIHOOD else 2.0, "tests", "So.",
                      now + timedelta(days=9), now)  # fmt: skip
    matrices.draft(session, matrices.active(session).data, "tests", now)
    walked = learning.latest_backtest(session)
    assert walked is not None
    learning.add_backtest(session, "tests", walked.report, now)


def write(session: Session, source_id: uuid.UUID, code: str) -> None:
    now = utc_now()
    key = Key("supplier_code", code)
    days = (now - timedelta(days=day) for day in range(1, 20))
    news = [Message(identity=f"{code}/{at.date()}", key=key, at=at, sent=False) for at in days]
    facts.insert_facts(session, source_id, news, now)
    identifiers.attribute_new(session, now)


def test_no_list_needs_more_statements_for_more_rows(seeded_site: Site) -> None:
    site, partner_id = seeded_site, seeded_site.seeded["partner"]
    seed_risk(site.services, partner_id)
    paths = [*LISTS, *(path.format(partner_id) for path in ONE_PARTNER)]
    with site.browser(Role.ADMIN) as browser:
        grow(site, partner_id, range(1))
        few = {path: len(statements_of(site, browser, path)) for path in paths}
        grow(site, partner_id, range(1, MORE))
        many = {path: len(statements_of(site, browser, path)) for path in paths}
    assert {path: (few[path], many[path]) for path in paths if many[path] > few[path]} == {}
