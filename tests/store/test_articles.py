"""What is said of a partner as people see it: each article once, with all that was said of every row of it."""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from factories import DAY, NOW, article, make_partner, make_source
from sqlalchemy import select
from sqlalchemy.orm import Session

from collectors.base import Article
from warden.db import Database
from warden.domain import CorrectionKind
from warden.models import Fact, Mention, Partner
from warden.pipeline import attribute
from warden.settings import Settings
from warden.store import articles, corrections, evidence, names, panel, sources
from warden.store.facts import insert_facts

HOUR = timedelta(hours=1)
STRIKE, EDITED = "Acme workers walk out at Leeds plant over pay", "Acme workers walk out at Leeds plant: day two"
PAGE = "https://paper.example/news/7"


def strike(url: str = PAGE, title: str = STRIKE, at: datetime = NOW - DAY, **values: Any) -> Article:
    return article(title, at, url=url, outlet="paper.example", **values)


def told(db: Database, feeds: dict[str, Article], now: datetime = NOW) -> None:
    """Each feed, by name, tells of one article; all are read."""
    with db.write() as session:
        for name, one in feeds.items():
            source = sources.by_name(session, name) or make_source(session, name)
            insert_facts(session, source.id, [one], now)
    attribute.run(db, now)


@pytest.fixture
def acme(db: Database) -> Partner:
    with db.write() as session:
        return make_partner(session)


def say(db: Database, partner: Partner, fact_id: int, kind: str, value: dict[str, Any], now: datetime) -> None:
    with db.write() as session:
        articles.correct(session, fact_id, partner.id, CorrectionKind(kind), value, author="Kim", now=now)


def standing(session: Session) -> list[Mention]:
    query = select(Mention).join(Fact, Fact.id == Mention.fact_id)
    return list(session.scalars(query.where(Mention.until.is_(None), Fact.superseded_at.is_(None))))


def shown(db: Database, partner: Partner, at: datetime) -> list[articles.Told]:
    with db.read() as session:
        found = articles.incidents(session, partner.id, at, 10)
        return [one for each in found.items for story in each.stories for one in (story.first, *story.copies)]


FEEDS = {
    "a feed": strike(),
    "a mobile feed": strike("http://m.paper.example/news/7/amp?utm_source=x", "Walkout over pay at Acme in Leeds"),
    "a search": strike("https://paper.example/rss/99", f"{STRIKE} - Paper", NOW - DAY + HOUR),
}


def test_an_article_that_came_through_three_feeds_is_one_wherever_it_is_counted(db: Database, acme: Partner) -> None:
    told(db, FEEDS)
    with db.read() as session:
        (incident,) = articles.incidents(session, acme.id, NOW + HOUR, 10).items
        assert (incident.articles, incident.outlets, incident.reach) == (1, ["paper.example"], 1.0)
        (story,) = incident.stories
        assert (story.first.fact.detail or {})["url"] == PAGE
        assert (story.copies, story.outlets) == ([], [])
        _, seen = panel.build(session, Settings(), NOW + HOUR, NOW + HOUR, [acme.id])
        assert (len(seen.incidents.partner), seen.incidents.outlets.tolist()) == (1, [1.0])
        whom = (acme.id, incident.number)
        assert len(evidence.of_incidents(session, [whom], NOW + HOUR, NOW + HOUR)[whom]) == 1
        of_tone = evidence.of_signal("tone", "sentiment")
        found = evidence.newest(session, [acme.id], [of_tone], NOW - 9 * DAY, NOW + HOUR, NOW + HOUR)
        assert len(found[acme.id, of_tone]) == 1


def test_an_aggregators_link_to_an_article_is_that_article(db: Database, acme: Partner) -> None:
    link = "https://news.google.com/rss/articles/CBMiabc"
    told(db, {"a feed": strike(), "a search": article(STRIKE, NOW - DAY + HOUR, url=link, outlet="www.paper.example")})
    with db.read() as session:
        (incident,) = articles.incidents(session, acme.id, NOW + HOUR, 10).items
        assert (incident.articles, incident.outlets, incident.reach) == (1, ["paper.example"], 1.0)


def test_a_name_is_tried_on_each_article_once(db: Database, acme: Partner) -> None:
    told(db, FEEDS)
    with db.read() as session:
        found = names.preview(session, session.get_one(Partner, acme.id), "Leeds", names.Flags(), NOW + HOUR)
        assert (found.counts[names.Mark.KEPT], len(found.headlines), found.looked) == (1, 1, 3)
        shared = names.Ambiguous(acme.id, "Acme", "Leeds", own=False, why=(names.SHARED,))
        (shown,) = names.with_examples(session, [shared], NOW + HOUR)
        assert len(shown.headlines) == 1


def test_another_outlet_with_the_same_words_is_another_article(db: Database, acme: Partner) -> None:
    told(db, {**FEEDS, "a wire": strike("https://post.example/1")})
    with db.read() as session:
        (incident,) = articles.incidents(session, acme.id, NOW + HOUR, 10).items
        assert (incident.articles, incident.outlets) == (2, ["paper.example", "post.example"])
        assert [story.outlets for story in incident.stories] == [["post.example"]]


def test_what_a_person_says_of_an_article_holds_for_every_feed_it_comes_through(db: Database, acme: Partner) -> None:
    told(db, {name: FEEDS[name] for name in ("a feed", "a mobile feed")})
    (only,) = shown(db, acme, NOW + HOUR)
    say(db, acme, only.fact.id, "about", {"about": False}, NOW + 2 * HOUR)
    assert shown(db, acme, NOW + 3 * HOUR) == []
    told(db, FEEDS, NOW + 4 * HOUR)
    assert shown(db, acme, NOW + 5 * HOUR) == [], "nor through a feed that tells of it later"
    with db.read() as session:
        (aside,) = articles.set_aside(session, acme.id, 10)
    say(db, acme, aside.fact.id, "about", {}, NOW + 6 * HOUR)
    attribute.run(db, NOW + 7 * HOUR)
    assert len(shown(db, acme, NOW + 8 * HOUR)) == 1
    with db.read() as session:
        assert len(standing(session)) == 3
        assert articles.set_aside(session, acme.id, 10) == []


def test_an_article_set_apart_goes_with_all_its_feeds(db: Database, acme: Partner) -> None:
    told(db, {**FEEDS, "a wire": strike("https://post.example/1")})
    first, copy = sorted(shown(db, acme, NOW + HOUR), key=lambda one: one.outlet)
    say(db, acme, first.fact.id, "incident", {"apart": True}, NOW + 2 * HOUR)
    with db.read() as session:
        found = articles.incidents(session, acme.id, NOW + 3 * HOUR, 10).items
        assert sorted((one.articles, one.outlets) for one in found) == [(1, ["paper.example"]), (1, ["post.example"])]
        assert len(standing(session)) == 4
    assert copy.outlet == "post.example"


def weighs(db: Database, partner: Partner, at: datetime) -> list[tuple[str | None, int, bool]]:
    """Event, outlets and whether it weighs of each incident, heaviest first; the panel has to agree."""
    with db.read() as session:
        found = articles.incidents(session, partner.id, at, 10).items
        _, seen = panel.build(session, Settings(), at, at, [partner.id])
        shown = sorted(one.weight for one in found if one.weight)
        scored = seen.incidents.severity * seen.incidents.p_negative * np.log2(1 + seen.incidents.outlets)
        assert np.sort(scored[scored > 0]) == pytest.approx(shown)
        return [(one.event, len(one.outlets), one.weight > 0) for one in found]


def test_what_a_person_says_of_a_wire_story_holds_for_its_copies_those_to_come_too(db: Database, acme: Partner) -> None:
    papers = {f"paper {n}": strike(f"https://paper{n}.example/1") for n in range(4)}
    told(db, {name: papers[name] for name in ("paper 0", "paper 1", "paper 2")})
    assert weighs(db, acme, NOW + HOUR) == [("strike", 3, True)]
    first, *_ = shown(db, acme, NOW + HOUR)
    say(db, acme, first.fact.id, "tone", {"label": "positive"}, NOW + HOUR)
    say(db, acme, first.fact.id, "event", {"event": "recall"}, NOW + HOUR)
    assert weighs(db, acme, NOW + 2 * HOUR) == [("recall", 3, False)]
    told(db, papers, NOW + 3 * HOUR)
    attribute.run(db, NOW + 4 * HOUR)
    assert weighs(db, acme, NOW + 5 * HOUR) == [("recall", 4, False)]
    copies = [one for one in shown(db, acme, NOW + 5 * HOUR) if one.fact.id != first.fact.id]
    assert [(len(one.said), one.mention.corrected) for one in copies] == [(0, False)] * 3
    say(db, acme, copies[0].fact.id, "tone", {"label": "negative"}, NOW + 6 * HOUR)
    assert weighs(db, acme, NOW + 7 * HOUR)[0][2], "each article has its own word before that of another"
    assert weighs(db, acme, NOW + HOUR / 2) == [("strike", 3, True)], "as it was known then"


def test_what_is_taken_back_of_one_copy_is_read_again_in_all(db: Database, acme: Partner) -> None:
    told(db, {f"paper {n}": strike(f"https://paper{n}.example/1") for n in range(3)})
    first, *_ = shown(db, acme, NOW + HOUR)
    say(db, acme, first.fact.id, "tone", {"label": "positive"}, NOW + HOUR)
    attribute.run(db, NOW + 2 * HOUR)
    assert weighs(db, acme, NOW + 2 * HOUR) == [("strike", 3, False)]
    say(db, acme, first.fact.id, "tone", {}, NOW + 3 * HOUR)
    assert not any(one.mention.corrected for one in shown(db, acme, NOW + 3 * HOUR))
    attribute.run(db, NOW + 4 * HOUR)
    assert weighs(db, acme, NOW + 5 * HOUR) == [("strike", 3, True)]


def test_a_copy_set_apart_is_read_for_itself(db: Database, acme: Partner) -> None:
    told(db, {f"paper {n}": strike(f"https://paper{n}.example/1") for n in range(3)})
    first, copy, _ = shown(db, acme, NOW + HOUR)
    say(db, acme, first.fact.id, "tone", {"label": "positive"}, NOW + HOUR)
    say(db, acme, copy.fact.id, "incident", {"apart": True}, NOW + 2 * HOUR)
    attribute.run(db, NOW + 3 * HOUR)
    assert weighs(db, acme, NOW + 4 * HOUR) == [("strike", 1, True), ("strike", 2, False)]


def test_labels_for_learning_are_taken_back_through_any_feed(db: Database, acme: Partner) -> None:
    told(db, FEEDS)
    with db.read() as session:
        rows = sorted(row.fact_id for row in standing(session))
    say(db, acme, rows[0], "tone", {"label": "neutral"}, NOW + HOUR)
    with db.read() as session:
        assert [row.p_neutral for row in standing(session)] == [1.0] * 3
        assert [one.label for one in corrections.labelled(session, NOW + DAY)] == ["neutral"]
    say(db, acme, rows[1], "tone", {}, NOW + 2 * HOUR)
    attribute.run(db, NOW + 3 * HOUR)
    with db.read() as session:
        assert not any(row.corrected for row in standing(session))
        assert corrections.labelled(session, NOW + DAY) == []


def test_the_history_of_an_edited_headline_tells_what_was_said_of_every_row(db: Database, acme: Partner) -> None:
    first = strike()
    told(db, {"a feed": first})
    (before,) = shown(db, acme, NOW + HOUR)
    say(db, acme, before.fact.id, "tone", {"label": "neutral"}, NOW + HOUR)
    told(db, {"a feed": replace(first, title=EDITED)}, NOW + 2 * HOUR)
    (now,) = shown(db, acme, NOW + 3 * HOUR)
    say(db, acme, now.fact.id, "event", {"event": None}, NOW + 4 * HOUR)
    (now,) = shown(db, acme, NOW + 5 * HOUR)
    assert (now.fact.detail or {})["title"] == EDITED
    assert [(one.correction.fact_id, one.correction.kind, one.correction.created_at) for one in now.said] == [
        (before.fact.id, CorrectionKind.TONE, NOW + HOUR),
        (now.fact.id, CorrectionKind.EVENT, NOW + 4 * HOUR),
    ]
    assert now.said[0].before is not None
    assert now.said[0].before.p_negative > 0.5, "as it was read before anybody said anything"
    assert now.holding == {CorrectionKind.TONE, CorrectionKind.EVENT}
    (earlier,) = now.earlier
    assert (earlier.fact.detail or {})["title"] == STRIKE
    assert (earlier.began, earlier.ended) == (NOW, NOW + 2 * HOUR)
    assert earlier.mention is not None
    assert earlier.mention.event == "strike"
    with db.read() as session:
        for number in (before.fact.id, now.fact.id):
            assert [row.kind for row in articles.history(session, number)] == ["tone", "event"]
    (then,) = shown(db, acme, NOW + HOUR)
    assert then.earlier == [], "nobody had edited it"


def test_only_edited_words_are_history_and_once_however_many_feeds_had_them(db: Database, acme: Partner) -> None:
    first, second = strike(), strike("https://paper.example/news/7/amp")
    told(db, {"a feed": first, "a mobile feed": second})
    later = NOW - DAY + HOUR
    told(db, {"a feed": replace(first, at=later), "a mobile feed": replace(second, at=later)}, NOW + HOUR)
    (now,) = shown(db, acme, NOW + 2 * HOUR)
    assert now.earlier == [], "only its date was edited"
    edited = {"a feed": replace(first, title=EDITED), "a mobile feed": replace(second, title=EDITED)}
    told(db, {"a feed": edited["a feed"]}, NOW + 3 * HOUR)
    told(db, {"a mobile feed": edited["a mobile feed"]}, NOW + 4 * HOUR)
    (now,) = shown(db, acme, NOW + 5 * HOUR)
    (earlier,) = now.earlier
    assert (earlier.fact.detail or {})["title"] == STRIKE
    assert (earlier.began, earlier.ended) == (NOW, NOW + 4 * HOUR)


def test_an_edited_article_is_set_aside_once_and_taken_back_whole(db: Database, acme: Partner) -> None:
    first = strike()
    told(db, {"a feed": first})
    (before,) = shown(db, acme, NOW + HOUR)
    say(db, acme, before.fact.id, "about", {"about": False}, NOW + HOUR)
    told(db, {"a feed": replace(first, title=EDITED)}, NOW + 2 * HOUR)
    with db.read() as session:
        (aside,) = articles.set_aside(session, acme.id, 10)
        assert (aside.fact.detail or {})["title"] == EDITED
        assert uuid.UUID(str(aside.said.correction.partner_id)) == acme.id
