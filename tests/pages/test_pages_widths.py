"""Names as long as they may be, without a space to break at, make no page wider than the window."""

import string
import uuid
from datetime import datetime, timedelta
from itertools import count

import pytest
from browsing import Watched
from playwright.sync_api import Browser
from served import Site
from sqlalchemy import select
from sqlalchemy.orm import Session

from warden.clock import utc_now
from warden.domain import Worth
from warden.models import Alert, Destination, Meeting, Partner, Person, Source
from warden.store import meetings, partners, verdicts

PATHS = (
    *("/", "/partners", "/alerts?state=all", "/meetings", "/sources", "/notifications", "/unattributed", "/rules"),
    *("/names", "/actions", "/cadences", "/alerts/duty", "/alerts/routes", "/alerts/notices"),
    *("/alerts/silences?state=all", "/digests"),
)
NUMBERS = count(10)


def long_name(length: int) -> str:
    """Return a name of so many letters, another one each time."""
    return (string.ascii_uppercase * 8)[: length - 2] + str(next(NUMBERS))


@pytest.fixture
def long_named(site: Site) -> Site:
    """The portfolio with long names in place of its own, a meeting, and rules that nobody finds useful."""
    now = utc_now()
    with site.services.db.write() as session:
        for partner in session.scalars(select(Partner)):
            partner.name, partner.region, partner.tags = long_name(200), long_name(60), [long_name(60)]
        for person in session.scalars(select(Person)):
            person.name = long_name(200)
        for kind in (Source, Destination):
            for one in session.scalars(select(kind)):
                one.name = long_name(100)
        for alert in session.scalars(select(Alert)):
            verdicts.add(session, alert.id, Worth.NOISE, author="lin@warden.example", via="page", now=now)
        site.seeded["alert"], site.seeded["partner"] = str(alert.id), str(alert.partner_id)
        site.seeded["meeting"] = str(_meeting(session, alert, now))
    return site


def _meeting(session: Session, alert: Alert, now: datetime) -> uuid.UUID:
    found = meetings.open_of(session, alert.partner_id)
    if found is None:
        owner_id = partners.get(session, alert.partner_id).owner_id
        found = Meeting(partner_id=alert.partner_id, alert_id=alert.id, proposed_at=now, owner_id=owner_id)
        found.due_on = (now + timedelta(days=7)).date()
        found.attendees = [{"name": long_name(200), "email": "lin@warden.example", "role": "owner"}]
        found.agenda = []
        session.add(found)
        session.flush()
    return found.id


@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("locale", ["en", "vi"])
def test_long_names_make_no_page_wider_than_the_window(
    browser: Browser, long_named: Site, width: int, locale: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, locale=locale)
    window = Watched(context, context.new_page(), long_named)
    window.sign_in()
    seeded = long_named.seeded
    own = f"/partners/{seeded['partner']}"
    more = (
        own,
        f"{own}/rhythm",
        f"{own}/incidents",
        f"{own}/changes?on=2011-01-01",
        f"/alerts/{seeded['alert']}",
        f"/meetings/{seeded['meeting']}",
    )
    too_wide = {}
    for path in (*PATHS, *more):
        found = window.open_whole(path).evaluate("document.documentElement.scrollWidth")
        if found > width:
            too_wide[path] = found
    context.close()
    assert too_wide == {}
    assert window.complaints == []
