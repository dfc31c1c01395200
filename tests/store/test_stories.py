"""Copies and incidents of a partner's articles, and what people correct."""

import itertools
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from factories import DAY, NOW, article, make_partner, make_source
from sqlalchemy import select
from sqlalchemy.orm import Session

from warden.db import Database
from warden.domain import CorrectionKind
from warden.errors import InvalidInput, NotFound
from warden.models import Correction, Fact, Mention, Partner, Reading
from warden.store import corrections, headlines, readings, retention
from warden.store.facts import insert_facts

HOUR = timedelta(hours=1)
WALKOUT = "Acme workers walk out at Leeds plant over pay"
TITLES = {
    WALKOUT: NOW - 5 * DAY,
    f"{WALKOUT} - Example Times": NOW - 5 * DAY + HOUR,
    "Strike at the Leeds plant of Acme enters second day": NOW - 4 * DAY,
    "Acme recalls ten thousand heaters": NOW - 4 * DAY + HOUR,
    "Strike at the Leeds plant of Acme is over": NOW - 40 * DAY,
}


def report(session: Session, titles: Sequence[str]) -> list[Fact]:
    source = make_source(session, f"news {uuid.uuid4()}")
    insert_facts(session, source.id, [article(title, TITLES[title]) for title in titles], NOW)
    known = {fact.detail["title"]: fact for fact in session.scalars(select(Fact)) if fact.detail}
    return [known[title] for title in titles]


def mention(fact: Fact, partner: Partner, **values: Any) -> Mention:
    title = (fact.detail or {})["title"]
    event = "strike" if "strike" in title.lower() or "walk out" in title else "recall"
    said = {"p_negative": 0.75, "p_neutral": 0.25, "p_positive": 0.0, "severity": 60.0, "half_life_days": 45.0}
    return Mention(
        **{
            "fact_id": fact.id,
            "partner_id": partner.id,
            "alias": "Acme",
            "event": event,
            "triggers": [],
            **said,
            **values,
        }
    )


def read(session: Session, facts: Sequence[Fact], partner: Partner, now: datetime = NOW, **values: Any) -> None:
    rows = [Reading(fact_id=fact.id, epoch=1, reader="1", language="en", read_at=now) for fact in facts]
    readings.save(session, rows, [mention(fact, partner, **values) for fact in facts], now)


def incidents(session: Session) -> set[frozenset[str]]:
    """The titles of each incident that stands now."""
    query = select(Mention.incident, Fact.detail).join(Fact, Fact.id == Mention.fact_id).where(Mention.until.is_(None))
    found: dict[int, set[str]] = {}
    for incident, detail in session.execute(query):
        found.setdefault(incident, set()).add((detail or {})["title"])
    return {frozenset(titles) for titles in found.values()}


def standing(session: Session, fact: Fact) -> list[Mention]:
    return list(session.scalars(select(Mention).where(Mention.fact_id == fact.id, Mention.until.is_(None))))


def correct(
    session: Session, fact: Fact, partner: Partner, kind: str, value: dict[str, Any], now: datetime
) -> Correction:
    said = corrections.add(session, fact.id, partner.id, CorrectionKind(kind), value, author="Kim", now=now)
    readings.correct(session, said, now)
    return said


A, A_COPY, B, RECALL, LONG_AGO = TITLES
GROUPED = {frozenset({A, A_COPY, B}), frozenset({RECALL}), frozenset({LONG_AGO})}


@pytest.mark.parametrize("order", [list(TITLES), list(TITLES)[::-1], [B, LONG_AGO, A_COPY, RECALL, A]])
def test_incidents_do_not_depend_on_the_order_of_articles(db: Database, order: list[str]) -> None:
    with db.write() as session:
        acme = make_partner(session)
        for number, title in enumerate(order):
            read(session, report(session, [title]), acme, NOW + number * HOUR)
        assert incidents(session) == GROUPED
        copied = [
            row for row in session.scalars(select(Mention).where(Mention.until.is_(None))) if row.copy_of != row.fact_id
        ]
        assert [(fact.detail or {})["title"] for row in copied if (fact := session.get(Fact, row.fact_id))] == [A_COPY]


def test_what_was_grouped_before_is_kept_for_replays(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session)
        read(session, report(session, [B]), acme, NOW)
        read(session, report(session, [A]), acme, NOW + DAY)
        rows = session.scalars(select(Mention).order_by(Mention.first_attributed_at, Mention.fact_id)).all()
        b, a = rows[0].fact_id, next(row.fact_id for row in rows if row.fact_id != rows[0].fact_id)
        assert [(row.fact_id, row.incident, row.first_attributed_at, row.until) for row in rows] == [
            (b, b, NOW, NOW + DAY), (b, a, NOW + DAY, None), (a, a, NOW + DAY, None),
        ]  # fmt: skip


def test_reading_again_without_change_changes_nothing(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session)
        facts = report(session, list(TITLES))
        read(session, facts, acme, NOW)
        read(session, facts, acme, NOW + DAY)
        assert {row.first_attributed_at for row in session.scalars(select(Mention))} == {NOW}
        assert incidents(session) == GROUPED


def test_a_corrected_tone_holds_at_once_and_when_read_again(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session)
        (fact,) = report(session, [RECALL])
        read(session, [fact], acme)
        correct(session, fact, acme, "tone", {"label": "positive"}, NOW + HOUR)
        (row,) = standing(session, fact)
        assert (row.p_negative, row.p_neutral, row.p_positive, row.corrected) == (0.0, 0.0, 1.0, True)
        assert session.get_one(Reading, fact.id).reader == readings.UNREAD, "so that what was taken back is seen"
        read(session, [fact], acme, NOW + DAY, p_negative=0.9)
        assert standing(session, fact) == [row]
        correct(session, fact, acme, "tone", {}, NOW + 2 * DAY)
        read(session, [fact], acme, NOW + 2 * DAY + HOUR, p_negative=0.9)
        (row,) = standing(session, fact)
        assert (row.p_negative, row.corrected) == (0.9, False)
        assert len(corrections.history(session, [fact.id])) == 2, "nothing is overwritten"


def test_a_corrected_event_brings_its_severity(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session)
        (fact,) = report(session, [RECALL])
        read(session, [fact], acme)
        correct(session, fact, acme, "event", {"event": "insolvency"}, NOW + HOUR)
        (row,) = standing(session, fact)
        assert row.event == "insolvency"
        assert row.severity > 60.0
        correct(session, fact, acme, "event", {"event": None}, NOW + 2 * HOUR)
        (row,) = standing(session, fact)
        assert (row.event, row.severity, row.half_life_days) == (None, 25.0, 30.0)


def test_an_article_that_is_not_about_the_partner_counts_no_more(db: Database) -> None:
    with db.write() as session:
        acme, bolt = make_partner(session), make_partner(session, "Bolt")
        facts = report(session, [A, A_COPY])
        read(session, facts, acme)
        read_both = [mention(fact, partner) for fact in facts for partner in (acme, bolt)]
        rows = [Reading(fact_id=fact.id, epoch=2, reader="1", language="en", read_at=NOW) for fact in facts]
        readings.save(session, rows, read_both, NOW)
        correct(session, facts[0], acme, "about", {"about": False}, NOW + HOUR)
        assert [row.partner_id for row in standing(session, facts[0])] == [bolt.id]
        (copy,) = (row for row in standing(session, facts[1]) if row.partner_id == acme.id)
        assert copy.copy_of == copy.incident == facts[1].id
        correct(session, facts[0], acme, "about", {"about": True}, NOW + 2 * HOUR)
        read(session, [facts[0]], acme, NOW + 3 * HOUR)
        assert acme.id in {row.partner_id for row in standing(session, facts[0])}


def test_people_split_and_merge_incidents(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session)
        facts = dict(zip(TITLES, report(session, list(TITLES)), strict=True))
        read(session, list(facts.values()), acme)
        correct(session, facts[B], acme, "incident", {"apart": True}, NOW + HOUR)
        assert incidents(session) == {frozenset({A, A_COPY}), *(frozenset({title}) for title in (B, RECALL, LONG_AGO))}
        correct(session, facts[B], acme, "incident", {"with": facts[LONG_AGO].id}, NOW + 2 * HOUR)
        assert incidents(session) == {frozenset({A, A_COPY, B, LONG_AGO}), frozenset({RECALL})}
        correct(session, facts[B], acme, "incident", {}, NOW + 3 * HOUR)
        assert incidents(session) == GROUPED


@pytest.mark.parametrize(
    ("kind", "value", "where"),
    [
        ("tone", {"label": "bad"}, "label"),
        ("event", {"event": "gossip"}, "event"),
        ("event", {"events": None}, "event"),
        ("about", {"about": "no"}, "about"),
        ("incident", {"with": 99}, "with"),
        ("incident", {"with": True}, "with"),
        ("incident", {"with": 2**63}, "with"),
        ("incident", {"apart": False}, "with"),
    ],
)
def test_a_correction_nobody_understands_is_refused(db: Database, kind: str, value: dict[str, Any], where: str) -> None:
    with db.write() as session:
        acme = make_partner(session)
        (fact,) = report(session, [RECALL])
        read(session, [fact], acme)
        with pytest.raises(InvalidInput) as refused:
            corrections.add(session, fact.id, acme.id, CorrectionKind(kind), value, author="Kim", now=NOW)
        assert [fault.where for fault in refused.value.faults] == [where]
        with pytest.raises(NotFound):
            corrections.add(
                session, fact.id, uuid.uuid4(), CorrectionKind.ABOUT, {"about": False}, author="Kim", now=NOW
            )
        with pytest.raises(NotFound):
            corrections.add(session, 12345, acme.id, CorrectionKind.ABOUT, {"about": False}, author="Kim", now=NOW)


def test_an_article_is_joined_only_with_one_about_the_same_partner(db: Database) -> None:
    with db.write() as session:
        acme, bolt = make_partner(session), make_partner(session, "Bolt")
        fact, other = report(session, [RECALL, B])
        read(session, [fact], acme)
        read(session, [other], bolt)
        with pytest.raises(InvalidInput):
            correct(session, fact, acme, "incident", {"with": other.id}, NOW)


def test_joining_two_articles_with_each_other_is_one_incident(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session)
        first, second = report(session, [RECALL, B])
        read(session, [first, second], acme)
        correct(session, first, acme, "incident", {"with": second.id}, NOW + HOUR)
        correct(session, second, acme, "incident", {"with": first.id}, NOW + HOUR)
        assert incidents(session) == {frozenset({RECALL, B})}
        correct(session, second, acme, "about", {"about": False}, NOW + 2 * HOUR)
        assert incidents(session) == {frozenset({RECALL})}


def test_what_people_said_of_an_article_holds_when_its_headline_is_edited(db: Database) -> None:
    with db.write() as session:
        acme, bolt = make_partner(session), make_partner(session, "Bolt")
        source = make_source(session)
        first, second = article("Acme recalls heaters", NOW - DAY), article(B, NOW - DAY)
        insert_facts(session, source.id, [first, second], NOW)
        told, other = session.scalars(select(Fact).order_by(Fact.id)).all()
        for partner in (acme, bolt):
            read(session, [told, other], partner)
        read(session, [other], acme)
        correct(session, told, bolt, "about", {"about": False}, NOW + HOUR)
        correct(session, told, acme, "tone", {"label": "positive"}, NOW + HOUR)
        correct(session, told, acme, "incident", {"with": other.id}, NOW + HOUR)
        edited = replace(first, title="Acme recalls ten thousand heaters")
        insert_facts(session, source.id, [edited], NOW + 2 * HOUR)
        fresh = session.scalars(select(Fact).order_by(Fact.id.desc())).first()
        assert fresh is not None
        rows = [Reading(fact_id=fresh.id, epoch=1, reader="1", language="en", read_at=NOW)]
        readings.save(session, rows, [mention(fresh, acme), mention(fresh, bolt)], NOW + 3 * HOUR)
        (standing_now,) = standing(session, fresh)
        assert (standing_now.partner_id, standing_now.p_positive, standing_now.corrected) == (acme.id, 1.0, True)
        assert standing_now.incident == standing(session, other)[0].incident
        correct(session, told, acme, "tone", {"label": "negative"}, NOW + 4 * HOUR)
        assert fresh in readings.unread(session, epoch=1, readers={}, reader="1")
        learned = [(one.title, one.label) for one in headlines.of_language(session, "en", NOW + DAY, 10) if one.label]
        assert learned == [("Acme recalls heaters", "negative")]  # the words that were judged


def test_labels_for_learning_are_the_newest_of_articles_about_the_partner(db: Database) -> None:
    with db.write() as session:
        acme, bolt = make_partner(session), make_partner(session, "Bolt")
        (fact, other) = report(session, [RECALL, B])
        read(session, [fact, other], acme)
        correct(session, fact, acme, "tone", {"label": "positive"}, NOW)
        correct(session, fact, acme, "tone", {"label": "neutral"}, NOW + HOUR)
        correct(session, fact, bolt, "tone", {"label": "negative"}, NOW + HOUR)
        correct(session, fact, bolt, "about", {"about": False}, NOW + HOUR)
        correct(session, other, acme, "tone", {"label": "negative"}, NOW + 2 * HOUR)
        found = [(one.fact_id, one.label) for one in corrections.labelled(session, NOW + DAY)]
        assert found == [(fact.id, "neutral"), (other.id, "negative")]
        assert [one.label for one in corrections.labelled(session, NOW)] == ["positive"]


def test_a_partner_always_in_the_news_is_grouped_in_pieces(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session)
        source = make_source(session, "wire")
        moments = [NOW - number * 3 * DAY for number in range(30)]
        insert_facts(session, source.id, [article(f"Acme strike, day {at:%d %B}", at) for at in moments], NOW)
        facts = session.scalars(select(Fact).order_by(Fact.observed_at)).all()
        read(session, facts, acme)
        together = incidents(session)
        for fact in facts:
            read(session, [fact], acme, NOW + DAY, p_negative=0.5)
        assert incidents(session) == together
        assert all(len(titles) <= 10 for titles in together), "28 days at the most"
        assert len(list(itertools.chain(*together))) == 30


def test_words_erased_within_an_incident_do_not_split_it(db: Database) -> None:
    with db.write() as session:
        acme = make_partner(session)
        facts = dict(zip(TITLES, report(session, list(TITLES)), strict=True))
        read(session, [facts[A], facts[A_COPY], facts[B]], acme)
        (former,) = {(row.copy_of, row.incident) for row in standing(session, facts[A_COPY])}
        assert former == (facts[A].id, facts[A].id)
        assert retention.erase_words(session, NOW - 5 * DAY + HOUR / 2) == 2, "the one of long ago, and the first"
        assert facts[A].detail is None
        read(session, [facts[RECALL]], acme, NOW + DAY)
        read(session, [facts[B]], acme, NOW + 2 * DAY, p_negative=0.9)
        placed = [(row.copy_of, row.incident) for fact in (facts[A], facts[A_COPY]) for row in standing(session, fact)]
        assert placed == [former, former]
        assert [row.incident for row in standing(session, facts[B])] == [facts[A].id]
        assert [row.incident for row in standing(session, facts[RECALL])] == [facts[RECALL].id]
        correct(session, facts[B], acme, "incident", {"apart": True}, NOW + 3 * DAY)
        assert [row.incident for row in standing(session, facts[B])] == [facts[B].id]
