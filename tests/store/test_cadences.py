"""How often whom should meet, whether they did, and what is overdue; what nobody reports is unknown, never overdue."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from factories import CODE, DAY, NOW, make_partner, make_source, measure
from sqlalchemy.orm import Session

from collectors.base import Key
from warden.db import Database
from warden.domain import AlertState, MeetingLevel, MeetingStatus, RuleState, Scope, Severity, Stage
from warden.errors import Conflict, InvalidInput, NotFound
from warden.models import Alert, Decision, Meeting, Partner, Source
from warden.store import cadences, identifiers, partners, rhythm, rules, shipped
from warden.store.facts import insert_facts

EXECUTIVE, MANAGEMENT, WORKING = MeetingLevel
NOWHERE = uuid.UUID(int=7)
NOTHING: dict[MeetingLevel, float | None] = {EXECUTIVE: None, MANAGEMENT: None, WORKING: None}


def acme(session: Session, name: str = "Acme", code: str = CODE.value, since: datetime = NOW - 900 * DAY) -> Partner:
    return make_partner(session, name, keys=[(CODE.scheme, code)], tier="Strategic", now=since)


def tell(session: Session, name: str, at: datetime, source: Source | None = None, **values: Any) -> Source:
    source = source or make_source(session, "told", now=NOW - 800 * DAY)
    insert_facts(session, source.id, [measure(name, values.pop("value", 1.0), at, **values)], NOW)
    identifiers.attribute_new(session, NOW)
    return source


def calendar(session: Session) -> Source:
    return make_source(session, "calendar", collector="calendar", now=NOW - 800 * DAY)


def overdue(session: Session, partner: Partner, now: datetime = NOW) -> dict[MeetingLevel, float | None]:
    return rhythm.overdue_days(session, [partner.id], now)[partner.id]


def own_meeting(session: Session, partner: Partner, level: MeetingLevel, **values: Any) -> Meeting:
    """A meeting that a rule proposed, in any state."""
    shipped.seed(session, NOW)
    rule = rules.listing(session)[0]
    decision = Decision(
        key=str(uuid.uuid4()), rule_id=rule.id, partner_id=partner.id, at=NOW, before=RuleState.OK,
        after=RuleState.FIRING, reason={}, context={},
    )  # fmt: skip
    session.add(decision)
    session.flush()
    alert = Alert(
        rule=rule, partner=partner, decision_id=decision.id, state=AlertState.FIRING, severity=Severity.WARNING,
        fired_at=NOW,
    )  # fmt: skip
    fixed = {"proposed_at": NOW, "due_on": NOW.date(), "level": level}
    meeting = Meeting(partner=partner, alert=alert, **fixed, **values)
    session.add(meeting)
    session.flush()
    return meeting


# What holds


def test_the_narrowest_cadence_wins_and_says_where_it_comes_from(db: Database) -> None:
    with db.write() as session:
        partner = acme(session)
        whose = (partner.id, partner.tier)
        assert cadences.effective(session, whose, NOW)[WORKING] == cadences.Effective(7)
        put(session, Scope.PORTFOLIO, 14)
        tier = put(session, Scope.TIER, 5, tier="strategic")
        assert cadences.effective(session, whose, NOW)[WORKING].cadence_id == tier.id
        assert cadences.effective(session, None, NOW)[WORKING].every_days == 14
        own = put(session, Scope.PARTNER, None, partner_id=partner.id)
        found = cadences.effective(session, whose, NOW)
        assert (found[WORKING].every_days, found[WORKING].scope) == (None, Scope.PARTNER)
        assert found[EXECUTIVE] == cadences.Effective(91)
        cadences.end(session, own.id, NOW + DAY)
        assert cadences.effective(session, whose, NOW)[WORKING].scope is Scope.PARTNER, "it held then"
        assert cadences.effective(session, whose, NOW + DAY)[WORKING].scope is Scope.TIER


def put(session: Session, scope: Scope, every_days: int | None, now: datetime = NOW, **values: Any) -> Any:
    return cadences.put(session, WORKING, scope, every_days=every_days, author="an", now=now, **values)


def test_what_is_set_anew_ends_what_was_and_the_same_again_changes_nothing(db: Database) -> None:
    with db.write() as session:
        first = put(session, Scope.PORTFOLIO, 14)
        assert put(session, Scope.PORTFOLIO, 14, NOW + DAY) is first
        second = put(session, Scope.PORTFOLIO, 10, NOW + DAY, reason="Too seldom.")
        assert [row.id for row in cadences.listing(session)] == [second.id]
        assert [row.ended_at for row in cadences.listing(session, history=True)] == [None, NOW + DAY]
        cadences.end(session, second.id, NOW + 2 * DAY)
        with pytest.raises(Conflict, match="ended already"):
            cadences.end(session, second.id, NOW + 2 * DAY)
        with pytest.raises(NotFound, match="no cadence"):
            cadences.end(session, NOWHERE, NOW)


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"scope": Scope.PORTFOLIO, "every_days": 0}, "every_days"),
        ({"scope": Scope.PORTFOLIO, "every_days": 1_097}, "every_days"),
        ({"scope": Scope.TIER, "every_days": 7}, "tier"),
        ({"scope": Scope.TIER, "every_days": 7, "tier": "nobody's"}, "tier"),
        ({"scope": Scope.PORTFOLIO, "every_days": 7, "tier": "Strategic"}, "tier"),
        ({"scope": Scope.PARTNER, "every_days": 7}, "partner_id"),
        ({"scope": Scope.PARTNER, "every_days": 7, "partner_id": NOWHERE}, "partner_id"),
    ],
)
def test_a_cadence_for_nobody_is_refused_with_its_place(db: Database, values: dict[str, Any], place: str) -> None:
    with db.write() as session:
        acme(session)
        with pytest.raises(InvalidInput) as caught:
            put(session, **values)
        assert [fault.where for fault in caught.value.faults] == [place]


# What is known, and what is overdue


def test_without_any_word_of_meetings_nothing_is_known(db: Database) -> None:
    with db.write() as session:
        partner = acme(session)
        assert overdue(session, partner) == NOTHING
        tell(session, "satisfaction", NOW - DAY)
        assert overdue(session, partner) == NOTHING


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("meeting", {EXECUTIVE: None, MANAGEMENT: None, WORKING: 93.0}),
        ("meeting_working", {EXECUTIVE: None, MANAGEMENT: None, WORKING: 93.0}),
        ("meeting_management", {EXECUTIVE: None, MANAGEMENT: 70.0, WORKING: None}),
        ("meeting_executive", {EXECUTIVE: 9.0, MANAGEMENT: None, WORKING: None}),
    ],
)
def test_a_level_is_overdue_since_its_last_meeting_and_tells_nothing_of_others(
    db: Database, name: str, expected: dict[MeetingLevel, float | None]
) -> None:
    with db.write() as session:
        partner = acme(session)
        tell(session, name, NOW - 100 * DAY)
        assert overdue(session, partner) == expected
        assert overdue(session, partner, NOW - 99 * DAY) == NOTHING, "nobody had told us yet"


def test_who_met_at_a_higher_level_has_met(db: Database) -> None:
    with db.write() as session:
        partner = acme(session)
        source = tell(session, "meeting_working", NOW - 50 * DAY)
        tell(session, "meeting_executive", NOW - 9 * DAY, source)
        assert overdue(session, partner) == {EXECUTIVE: 0.0, MANAGEMENT: None, WORKING: 2.0}


def test_a_meeting_of_zero_was_none(db: Database) -> None:
    with db.write() as session:
        partner = acme(session)
        source = tell(session, "meeting", NOW - 20 * DAY)
        tell(session, "meeting", NOW - DAY, source, value=0.0)
        assert overdue(session, partner)[WORKING] == 13.0


def test_our_own_meetings_count_once_somebody_says_that_they_were_held(db: Database) -> None:
    with db.write() as session:
        partner = acme(session)
        own_meeting(session, partner, EXECUTIVE, status=MeetingStatus.MISSED)
        assert overdue(session, partner) == NOTHING
        held = {"status": MeetingStatus.HELD, "held_at": NOW - 92 * DAY, "recorded_at": NOW - 80 * DAY}
        own_meeting(session, partner, EXECUTIVE, **held)
        assert overdue(session, partner) == NOTHING, "held for an alert: nobody asked for a rhythm"
        quarterly = {"every_days": 91, "author": "an", "now": NOW - 500 * DAY}
        cadences.put(session, EXECUTIVE, Scope.PARTNER, partner_id=partner.id, **quarterly)
        assert overdue(session, partner) == {**NOTHING, EXECUTIVE: 1.0}
        assert overdue(session, partner, NOW - 81 * DAY) == NOTHING


def test_a_calendar_speaks_of_everybody_since_they_are_watched(db: Database) -> None:
    with db.write() as session:
        partner = acme(session)
        other = acme(session, "Bolt", "8", since=NOW - 10 * DAY)
        stranger = Key("supplier_code", "9")
        tell(session, "meeting_working", NOW - 40 * DAY, calendar(session), key=stranger)
        assert overdue(session, partner) == {**NOTHING, WORKING: 33.0}, "since the calendar's first entry"
        assert overdue(session, other) == {**NOTHING, WORKING: 3.0}, "since it is watched"


def test_a_partner_of_old_that_comes_back_is_watched_since_then(db: Database) -> None:
    with db.write() as session:
        partner = acme(session)
        partners.update(session, partner.id, {"stage": Stage.ENDED}, version=None, now=NOW - 200 * DAY)
        partners.update(session, partner.id, {"stage": Stage.ACTIVE}, version=None, now=NOW - 20 * DAY)
        tell(session, "meeting_working", NOW - 400 * DAY, calendar(session), key=Key("supplier_code", "9"))
        assert overdue(session, partner)[WORKING] == 13.0


def test_while_a_source_of_meetings_is_blind_nothing_is_overdue_for_want_of_it(db: Database) -> None:
    with db.write() as session:
        partner = acme(session)
        source = tell(session, "meeting", NOW - 20 * DAY)
        source.blind_since = NOW - 5 * DAY
        session.flush()
        assert overdue(session, partner)[WORKING] is None
        source.blind_since = None
        session.flush()
        assert overdue(session, partner)[WORKING] == 13.0


def test_where_no_meetings_are_expected_none_is_overdue(db: Database) -> None:
    with db.write() as session:
        partner = acme(session)
        tell(session, "meeting", NOW - 100 * DAY)
        put(session, Scope.PARTNER, None, NOW - DAY, partner_id=partner.id)
        assert overdue(session, partner)[WORKING] == 0.0


def test_the_last_and_the_next_are_told(db: Database) -> None:
    with db.write() as session:
        partner = acme(session)
        tell(session, "meeting_executive", NOW - 20 * DAY)
        own_meeting(session, partner, EXECUTIVE, status=MeetingStatus.SCHEDULED, starts_at=NOW + 3 * DAY)
        found = rhythm.rhythms(session, [partner.id], NOW)[partner.id][EXECUTIVE]
        assert (found.last, found.next, found.due) == (NOW - 20 * DAY, NOW + 3 * DAY, NOW + 71 * DAY)
        assert rhythm.rhythms(session, [partner.id], NOW + 4 * DAY)[partner.id][EXECUTIVE].next is None
        assert rhythm.rhythms(session, [NOWHERE], NOW) == {}


def test_a_moment_short_of_a_whole_day_is_not_overdue_yet(db: Database) -> None:
    with db.write() as session:
        partner = acme(session)
        tell(session, "meeting", NOW - 20 * DAY)
        due = NOW - 13 * DAY
        assert overdue(session, partner, NOW)[WORKING] == (NOW - due) / DAY
        assert overdue(session, partner, NOW + timedelta(hours=23))[WORKING] == 13.0
