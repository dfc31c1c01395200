"""The change ledger: every step exact, each with its causes in words, from what was really said."""

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from assessed import another_matrix, headlines, known_as, partner, report, year_of_facts
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from collectors.base import Delivery, Key, Message
from scorers import learning as lessons
from warden import plugins
from warden.db import Database
from warden.domain import CorrectionKind, FactKind, Quantity, Scope, Stage
from warden.errors import InvalidInput
from warden.models import Assessment, Fact, Mention, Partner
from warden.pipeline import assess, attribute, ledger
from warden.pipeline.ledger import Cause, Clocks, Ledger, Step
from warden.settings import Settings
from warden.store import (
    assessments,
    corrections,
    criteria,
    identifiers,
    learning,
    matrices,
    overrides,
    partners,
    readings,
    shipped,
    stories,
)
from warden.wording import reader_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
BEGAN = NOW - 500 * DAY
SETTINGS = Settings()
ACME = Key("supplier_code", "acme")
IMPACT: dict[str, Any] = {"annual_value": 1000, "currency": "EUR", "share": 0.2, "months_to_replace": 9.0}
AUTHOR = "olga@us.example"


@pytest.fixture
def watched(sqlite_db: Database) -> Database:
    """Acme and Bolt, with all facts up to sixty days ago; both were assessed then."""
    with sqlite_db.write() as session:
        shipped.seed(session, BEGAN)
        for name in ("Acme", "Bolt"):
            known_as(session, partner(session, name, BEGAN, **IMPACT), name.lower(), BEGAN)
    report(sqlite_db, year_of_facts("bolt", NOW - 60 * DAY, late_from=80), NOW - 60 * DAY)
    report(sqlite_db, year_of_facts("acme", NOW - 60 * DAY), NOW - 60 * DAY)
    assess.run(sqlite_db, SETTINGS, NOW - 60 * DAY)
    return sqlite_db


def same(moment: datetime) -> Clocks:
    return Clocks(moment, moment)


def between(db: Database, start: Clocks, end: Clocks, name: str = "Acme") -> Ledger:
    with db.read() as session:
        return ledger.between(session, SETTINGS, acme(session, name).id, start, end)


def acme(session: Session, name: str = "Acme") -> Partner:
    found = partners.by_name(session, name)
    assert found is not None
    return found


def step(found: Ledger, cause: Cause) -> Step:
    return next(one for one in found.steps if one.cause is cause)


def told(found: Ledger, cause: Cause) -> list[tuple[str | None, str]]:
    reader = reader_of("en")
    lines = step(found, cause).lines
    return [(line.of, reader.fact({"message": line.message, "params": line.params})) for line in lines]


def moved(found: Ledger) -> set[Cause]:
    """What changed anything."""
    return {one.cause for one in found.steps if any(one.shares.values()) or one.impact_difference}


def open_deliveries(count: int, due: date) -> Iterator[Delivery]:
    at = datetime.combine(due - 20 * DAY, time(), UTC)
    return (Delivery(identity=f"acme/o{n}", key=ACME, at=at, due_on=due, made_on=None) for n in range(count))


def adds_up(found: Ledger) -> None:
    assert [one.cause for one in found.steps] == list(Cause)
    assert found.start.likelihood is not None
    assert found.end.likelihood is not None
    assert found.start.impact is not None
    assert found.end.impact is not None
    whole = found.end.likelihood - found.start.likelihood
    assert math.fsum(one.likelihood_difference or 0.0 for one in found.steps) == pytest.approx(whole, abs=1e-12)
    rise = found.end.impact - found.start.impact
    assert math.fsum(one.impact_difference or 0.0 for one in found.steps) == pytest.approx(rise, abs=1e-12)
    assert found.steps[-1].likelihood == pytest.approx(found.end.likelihood, abs=1e-12)
    assert found.steps[-1].impact == pytest.approx(found.end.impact, abs=1e-12)
    for name in {*found.start.shares, *found.end.shares}:
        share = found.end.shares.get(name, 0.0) - found.start.shares.get(name, 0.0)
        assert math.fsum(one.shares.get(name, 0.0) for one in found.steps) == pytest.approx(share, abs=1e-12)
    for one in found.steps[:-1]:
        assert math.fsum(one.parts.values()) == pytest.approx(one.likelihood_difference, abs=1e-12)


def test_nothing_happened(watched: Database) -> None:
    found = between(watched, same(NOW - 60 * DAY), same(NOW - 60 * DAY))
    adds_up(found)
    assert moved(found) == set()
    assert not [line for one in found.steps for line in one.lines]


def test_time_alone_makes_silence_and_open_deliveries_late(watched: Database) -> None:
    report(watched, list(open_deliveries(3, (NOW - 50 * DAY).date())), NOW - 60 * DAY)
    assess.run(watched, SETTINGS, NOW - 59 * DAY)
    assess.run(watched, SETTINGS, NOW - 40 * DAY)
    found = between(watched, same(NOW - 59 * DAY), same(NOW - 40 * DAY))
    adds_up(found)
    assert moved(found) == {Cause.TIME}
    assert told(found, Cause.TIME) == [
        (None, "days that went by: 19"),
        ("late_share", "deliveries that became late: 3"),
    ]
    shares = step(found, Cause.TIME).shares
    assert shares["silence"] > 0
    assert shares["late_share"] > 0


def test_what_came_late_is_told_from_what_is_new(watched: Database) -> None:
    late = [Message(identity=f"late/{n}", key=ACME, at=NOW - (61 + n) * DAY, sent=False) for n in range(4)]
    new = [Message(identity=f"new/{n}", key=ACME, at=NOW - (31 + n) * DAY, sent=False) for n in range(3)]
    report(watched, late + new, NOW - 30 * DAY)
    assess.run(watched, SETTINGS, NOW - 30 * DAY)
    found = between(watched, same(NOW - 60 * DAY), same(NOW - 30 * DAY))
    adds_up(found)
    assert told(found, Cause.LATE_FACTS) == [(None, "messages of before that became known since: 4")]
    assert told(found, Cause.NEW_FACTS) == [(None, "new messages: 3")]
    for cause, count in ((Cause.LATE_FACTS, 4), (Cause.NEW_FACTS, 3)):
        facts = step(found, cause).lines[0].facts
        assert len(facts) == count
        assert list(facts) == sorted(facts)  # newest first, and so were they told
    silence = {one.cause: one.shares.get("silence", 0.0) for one in found.steps}
    assert silence[Cause.TIME] > 0 > silence[Cause.NEW_FACTS]


def corrected(db: Database, title: str, kind: CorrectionKind, value: dict[str, Any], at: datetime) -> int:
    """Say something of how an article on Acme was read; return the article's number."""
    with db.write() as session:
        articles = session.scalars(select(Fact).where(Fact.kind == FactKind.ARTICLE))
        fact = next(one for one in articles if (one.detail or {})["title"].endswith(title))
        said = corrections.add(session, fact.id, acme(session).id, kind, value, author=AUTHOR, now=at)
        readings.correct(session, said, at)
        return fact.id


def test_what_people_corrected_is_told_with_its_author(watched: Database) -> None:
    start, meanwhile, end = NOW - 59 * DAY, NOW - 58 * DAY, NOW - 57 * DAY
    report(watched, headlines("Acme", start, 6), start)
    assess.run(watched, SETTINGS, start)
    report(watched, headlines("Acme", end, 1), meanwhile + DAY / 2)
    first = corrected(watched, "case 0", CorrectionKind.TONE, {"label": "negative"}, start + timedelta(hours=1))
    values: dict[str, tuple[CorrectionKind, dict[str, Any]]] = {
        "case 0": (CorrectionKind.TONE, {"label": "positive"}),
        "case 1": (CorrectionKind.ABOUT, {"about": False}),
        "case 2": (CorrectionKind.EVENT, {"event": "recall"}),
        "case 3": (CorrectionKind.EVENT, {"event": None}),
        "case 4": (CorrectionKind.INCIDENT, {"apart": True}),
        "case 5": (CorrectionKind.INCIDENT, {"with": first}),
    }
    for minute, (title, (kind, value)) in enumerate(values.items()):
        corrected(watched, title, kind, value, meanwhile + timedelta(minutes=minute))
    corrected(watched, "case 5", CorrectionKind.INCIDENT, {}, meanwhile + timedelta(hours=1))
    attribute.run(watched, end)
    assess.run(watched, SETTINGS, end)
    found = between(watched, same(start), same(end))
    adds_up(found)
    assert {Cause.LATE_FACTS} <= moved(found)
    assert told(found, Cause.LATE_FACTS) == [
        ("tone", f"{AUTHOR} said that an article is positive"),
        ("tone", f"{AUTHOR} said that an article is not about this partner"),
        ("tone", f"{AUTHOR} said that an article tells of: Recall or quality defect"),
        ("tone", f"{AUTHOR} said that an article tells of no known kind of event"),
        ("tone", f"{AUTHOR} set an article apart from its incident"),
        ("tone", f"{AUTHOR} took back what was corrected of an article"),
    ]
    assert step(found, Cause.LATE_FACTS).lines[0].facts == [first]


def test_articles_read_otherwise_are_not_told_as_new(watched: Database) -> None:
    start, end = NOW - 59 * DAY, NOW - 57 * DAY
    report(watched, headlines("Acme", start, 2), start)
    assess.run(watched, SETTINGS, start)
    with watched.write() as session:
        for mention in session.scalars(select(Mention)).all():
            stories.supersede(session, mention, end).p_negative = 0.5
    assess.run(watched, SETTINGS, end)
    found = between(watched, same(start), same(end))
    adds_up(found)
    assert told(found, Cause.LATE_FACTS) == [
        (None, "articles of before that are read, or put together, otherwise since: 2")
    ]


def test_one_day_seen_with_what_was_known_then_and_now(watched: Database) -> None:
    day = NOW - 60 * DAY
    fixed = {"key": ACME, "due_on": (NOW - 90 * DAY).date()}
    at = NOW - 84 * DAY
    late = [Delivery(identity=f"acme/l{n}", at=at, made_on=at.date(), **fixed) for n in range(9)]
    report(watched, late, NOW - 20 * DAY)
    found = between(watched, same(day), Clocks(day, NOW))
    adds_up(found)
    assert (found.start.said_at, found.end.said_at) == (day, None)
    assert moved(found) == {Cause.LATE_FACTS}
    assert told(found, Cause.LATE_FACTS) == [
        (None, "deliveries of before that became known or were corrected since: 9")
    ]
    assert step(found, Cause.LATE_FACTS).parts["late_share"] > 0


def test_who_changed_which_criteria_attributes_models_and_identifiers(watched: Database) -> None:
    at = NOW - 60 * DAY + timedelta(hours=1)
    scorer = next(one for one in plugins.scorers() if one.name == "late_share")
    why = {"message": lessons.RECALIBRATED_MESSAGE, "params": {"positives": 60, "needed": 100}}
    with watched.write() as session:
        criteria.put(session, "late_share", Scope.TIER, "Standard", {"at_least": 0.4}, AUTHOR, "stricter", at)
        partner(session, "Cord", at, tier="other")
        criteria.put(session, "silence", Scope.TIER, "other", {"days": 60}, AUTHOR, "not ours", at)
        ended = criteria.put(session, "tone", Scope.PORTFOLIO, "", {"at_least": 0.6}, AUTHOR, "", at)
        criteria.end(session, ended.id, "sam@us.example", at + timedelta(minutes=1))
        partners.change(session, acme(session), {"share": 0.1}, at)
        learning.keep(
            session, scorer, lessons.Lesson("recalibrated", lessons.Model(-0.2, 0.9).arrays(), {"why": why}), at
        )
        identifiers.remove_identifier(session, acme(session, "Bolt"), acme(session, "Bolt").identifiers[0].id, at)
        identifiers.add_identifier(session, acme(session), "supplier_code", "bolt", at)
        matrices.activate(session, matrices.draft(session, another_matrix(session), AUTHOR, at).version, AUTHOR, at)
    assess.run(watched, SETTINGS, at + timedelta(hours=1))
    found = between(watched, same(NOW - 60 * DAY), same(at + timedelta(hours=1)))
    adds_up(found)
    assert moved(found) == {Cause.CONFIGURATION}
    lines = told(found, Cause.CONFIGURATION)
    assert ("late_share", f"criteria set by {AUTHOR}: stricter") in lines
    assert ("late_share", "at_least was 0.2, is now 0.4") in lines
    assert ("tone", "criteria ended by sam@us.example") in lines
    assert "silence" not in [of for of, _ in lines]
    assert (None, f"version 2 of the matrix activated by {AUTHOR}") in lines
    assert ("share", "was 0.2, is 0.1") in lines
    assert (None, "identifiers mapped to this partner: 1") in lines
    assert (
        "late_share",
        "the default formula speaks, recalibrated on 60 cases of our own; weighing anew needs 100",
    ) in lines
    assert step(found, Cause.CONFIGURATION).impact_difference < 0
    other = between(watched, same(NOW - 60 * DAY), same(at + timedelta(hours=1)), "Bolt")
    assert (None, "identifiers taken from this partner: 1") in told(other, Cause.CONFIGURATION)


def test_a_new_address_of_a_known_domain_brings_facts_and_no_new_configuration(watched: Database) -> None:
    with watched.write() as session:
        identifiers.add_identifier(session, acme(session), "domain", "acme.example", BEGAN)
    key = Key("email", "new.person@acme.example")
    report(
        watched,
        [Message(identity=f"p{n}", key=key, at=NOW - (32 + n) * DAY, sent=False) for n in range(5)],
        NOW - 30 * DAY,
    )
    assess.run(watched, SETTINGS, NOW - 30 * DAY)
    found = between(watched, same(NOW - 60 * DAY), same(NOW - 30 * DAY))
    adds_up(found)
    assert told(found, Cause.NEW_FACTS) == [(None, "new messages: 5")]
    assert told(found, Cause.CONFIGURATION) == []
    assert Cause.CONFIGURATION not in moved(found)


def test_overrides_are_a_step_of_their_own_beside_what_is_computed(watched: Database) -> None:
    at = NOW - 59 * DAY
    with watched.write() as session:
        for quantity, value in ((Quantity.LIKELIHOOD, 0.9), (Quantity.IMPACT, 1.5)):
            overrides.add(session, acme(session), quantity, value, AUTHOR, "they called", at + 20 * DAY, at)
    for moment in (at, at + 5 * DAY, at + 25 * DAY):
        assess.run(watched, SETTINGS, moment)
    begun = between(watched, same(NOW - 60 * DAY), same(at))
    held = between(watched, same(at), same(at + 5 * DAY))
    ended = between(watched, same(at), same(at + 25 * DAY))
    for found in (begun, held, ended):
        adds_up(found)
    assert told(begun, Cause.OVERRIDES) == [
        ("likelihood", f"90% set by {AUTHOR}: they called"),
        ("impact", f"1.5 set by {AUTHOR}: they called"),
    ]
    assert (begun.end.likelihood, begun.end.impact) == (0.9, 1.5)
    assert step(begun, Cause.OVERRIDES).parts == {}
    assert Cause.TIME in moved(held)  # what is computed moved on, and the override hides just that
    assert held.end.likelihood == held.start.likelihood == 0.9
    assert told(held, Cause.OVERRIDES) == []
    assert told(ended, Cause.OVERRIDES)[0] == ("likelihood", f"90% set by {AUTHOR} no longer holds")


def test_what_an_older_version_of_a_scorer_said_is_where_it_starts_from(watched: Database) -> None:
    day = NOW - 60 * DAY
    with watched.write() as session:
        row = assessments.latest(session, acme(session).id, day)
        assert row is not None
        signals = [
            {**one, "version": "0", "share": 0.7, "likelihood": 1 - math.exp(-0.7)}
            if one["name"] == "late_share"
            else one
            for one in row.signals
        ]
        likelihood = -math.expm1(-math.fsum(one["share"] for one in signals))
        values = {"signals": signals, "likelihood": likelihood, "computed_likelihood": likelihood}
        session.execute(update(Assessment).where(Assessment.id == row.id).values(**values))
    assess.run(watched, SETTINGS, NOW - 50 * DAY)
    found = between(watched, same(day), same(NOW - 50 * DAY))
    adds_up(found)
    assert found.start.likelihood == likelihood
    now = next(one.version for one in plugins.scorers() if one.name == "late_share")
    expected = f"a newer version of the scorer: 0 then, {now} now"
    assert told(found, Cause.VERSION) == [("late_share", expected)]
    assert set(step(found, Cause.VERSION).shares) >= {"late_share"}
    assert step(found, Cause.VERSION).shares["late_share"] < 0
    assert step(found, Cause.TIME).shares["late_share"] == pytest.approx(0.0, abs=0.05)


def test_what_differs_though_no_version_does_is_said_to_be_so(watched: Database) -> None:
    """As when the service reads less history than it did: that is not what was said then."""
    day = NOW - 60 * DAY
    with watched.read() as session:
        found = ledger.between(session, Settings(history_days=90), acme(session).id, same(day), Clocks(day, NOW))
    adds_up(found)
    assert moved(found) == {Cause.VERSION}
    assert told(found, Cause.VERSION) == [
        (None, "settings of the service, or the way articles are read, are not what they were")
    ]


def test_what_is_unknown_at_an_end_is_said_and_not_computed_with(watched: Database) -> None:
    found = between(watched, Clocks(NOW - 60 * DAY, BEGAN + DAY), same(NOW - 60 * DAY))
    assert found.start.likelihood is None
    assert found.start.not_rated is not None
    assert {one.likelihood_difference for one in found.steps} == {None}
    assert all(one.shares == {} for one in found.steps)
    assert all(one.impact_difference is not None for one in found.steps)
    assert {line.of for line in found.notes} >= {"silence", "late_share"}
    assert told(found, Cause.LATE_FACTS)  # what came is told all the same


def test_a_partner_not_watched_at_an_end_is_said_to_be_so(watched: Database) -> None:
    found = between(watched, same(BEGAN - DAY), same(NOW))
    assert found.start.not_rated == {"message": ledger.NOT_WATCHED_MESSAGE, "params": {}}
    assert {one.likelihood_difference for one in found.steps} == {None}
    with watched.write() as session:
        partners.change(session, acme(session), {"stage": Stage.ENDED}, NOW)
    assert between(watched, same(NOW - 60 * DAY), same(NOW)).end.not_rated is not None


def test_a_gap_without_facts_ends_nothing_that_goes_on_after_it(watched: Database) -> None:
    """Half a year in which nobody was heard would make a partner dormant; it was heard, only not by then."""
    end = NOW + 250 * DAY
    report(watched, year_of_facts("acme", end), end)
    report(watched, headlines("Acme", end), end)
    assess.run(watched, SETTINGS, end)
    found = between(watched, same(NOW - 60 * DAY), same(end))
    adds_up(found)
    passed = step(found, Cause.TIME)
    assert passed.likelihood is not None
    assert passed.likelihood >= found.start.likelihood - 1e-12


def test_time_runs_forward_only(watched: Database) -> None:
    with pytest.raises(InvalidInput) as refused:
        between(watched, same(NOW), same(NOW - DAY))
    assert [fault.where for fault in refused.value.faults] == ["end.as_of", "end.known_at"]


def test_whatever_lies_between_adds_up(watched: Database) -> None:
    report(watched, year_of_facts("acme", NOW - 5 * DAY, late_from=30), NOW - 3 * DAY, "later")
    report(watched, headlines("Acme", NOW - 10 * DAY), NOW - 2 * DAY)
    with watched.write() as session:
        criteria.put(session, "silence", Scope.PORTFOLIO, "", {"days": 21}, AUTHOR, "", NOW - 6 * DAY)
        overrides.add(session, acme(session), Quantity.LIKELIHOOD, 0.4, AUTHOR, "so", NOW + DAY, NOW - 4 * DAY)
    moments = [NOW - days * DAY for days in (60, 45, 5, 1, 0)]
    for moment in moments[2:]:
        assess.run(watched, SETTINGS, moment)
    for start, end in pairwise(same(moment) for moment in moments):
        adds_up(between(watched, start, end))
        adds_up(between(watched, start, Clocks(start.as_of, NOW)))
        adds_up(between(watched, Clocks(start.as_of, NOW), Clocks(end.as_of, NOW)))
    adds_up(between(watched, same(moments[0]), same(NOW)))
    adds_up(between(watched, Clocks(moments[1], NOW), same(NOW)))
