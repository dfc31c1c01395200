"""Learning to read on a real database and in a real process of its own; and words of old articles erased."""

import functools
import sys
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from factories import DAY, NOW, article, make_partner, make_source
from sqlalchemy import func, select

from scorers.news.embedding import REQUIREMENT, EmbeddedModel
from scorers.news.read import VERSION, shipped_models
from warden.db import Database
from warden.domain import CorrectionKind
from warden.errors import Conflict
from warden.models import Fact, Mention, NewsModel, Partner, Reading
from warden.pipeline import assess, attribute, news, refit
from warden.pipeline.refit import RefitBroke, learn_apart
from warden.settings import Settings
from warden.store import corrections, headlines, meta, news_models, readings, shipped
from warden.store.facts import insert_facts
from warden.store.headlines import Headline

HOUR = timedelta(hours=1)
SETTINGS = Settings(news_hour=2, article_days=90)

PLACES = ("Leeds", "Porto", "Ghent", "Turin", "Basel", "Graz", "Vigo", "Lille", "Essen", "Bergen")
KNOWN = ("Acme fined over fraud in {}", "Acme wins record order in {}", "Acme opens office in {}")
UNKNOWN = {"Acme flarbled by auditors in {}": "negative", "Acme is toast of the town in {}": "positive"}
"""Words no lexicon has, and what they mean to us."""


def report(db: Database, titles: Sequence[str], apart: timedelta = 8 * DAY) -> None:
    """Articles so far apart that they are no copies of one another."""
    with db.write() as session:
        source = make_source(session, f"news {uuid.uuid4()}")
        found = [article(title, NOW - DAY - number * apart) for number, title in enumerate(titles)]
        insert_facts(session, source.id, found, NOW)
    attribute.run(db, NOW)


def stored(db: Database) -> dict[str, int]:
    """The number of each article, by title."""
    with db.read() as session:
        return {fact.detail["title"]: fact.id for fact in session.scalars(select(Fact)) if fact.detail}


def say(db: Database, templates: dict[str, str], now: datetime, places: Sequence[str] = PLACES) -> None:
    """Let a person name the tone of headlines."""
    known = stored(db)
    with db.write() as session:
        acme = session.scalars(select(Partner)).one()
        for template, label in templates.items():
            for place in places:
                number = known[template.format(place)]
                said = corrections.add(
                    session, number, acme.id, CorrectionKind.TONE, {"label": label}, author="Kim", now=now
                )
                readings.correct(session, said, now)
    attribute.run(db, now)


@pytest.fixture
def world(sqlite_db: Database) -> Database:
    """Headlines to learn from. Learning does not know the database; how versions are stored is tested on both."""
    with sqlite_db.write() as session:
        make_partner(session, "Acme", aliases=["頂點公司"])
    unlike = [f"{word} " for word in ("Late", "Early", "Again", "Today")]
    titles = [template.format(place) for template in (*KNOWN, *UNKNOWN) for place in PLACES]
    late = [f"{word}{title}" for word in unlike for title in titles[-20:]]
    report(sqlite_db, [*titles, *late, "頂點公司開設新辦事處"])
    return sqlite_db


def taught(db: Database, now: datetime = NOW) -> None:
    """Forty labels of words the shipped version does not know."""
    say(db, UNKNOWN, now)
    say(db, {f"Late {template}": label for template, label in UNKNOWN.items()}, now)


def learned(db: Database) -> NewsModel:
    with db.read() as session:
        return news_models.listing(session)[0]


def test_without_labels_a_version_is_kept_and_does_not_speak(world: Database) -> None:
    assert news.run(world, NOW) == 0
    row = learned(world)
    assert (row.language, row.number, row.active_since) == ("en", 1, None)
    assert row.report["why"]["params"] == {"judged": 0, "needed": news.ENOUGH}
    assert (row.report["labels"], row.report["candidate"]) == (0, None)
    assert row.report["headlines"] >= 30
    with world.read() as session:
        assert news_models.voices(session).readers["en"] == VERSION


def test_a_version_that_meets_what_people_said_speaks_and_reads_its_language_again(world: Database) -> None:
    taught(world)
    assert news.run(world, NOW + HOUR) == 1
    row = learned(world)
    assert row.active_since == NOW + HOUR
    assert row.report["candidate"]["macro_f1"] > row.report["present"]["macro_f1"]
    assert row.report["candidate"]["log_loss"] < row.report["present"]["log_loss"]
    assert attribute.run(world, NOW + 2 * HOUR) == len(stored(world)) - 1, "all but the one in Chinese"
    with world.read() as session:
        readers = {(one.language, one.reader) for one in session.scalars(select(Reading))}
        assert readers == {("en", f"{VERSION}.1"), ("zh-Hant", VERSION)}
        number = stored(world)["Again Acme flarbled by auditors in Turin"]
        before, after = session.scalars(
            select(Mention).where(Mention.fact_id == number).order_by(Mention.first_attributed_at)
        )
        assert after.p_negative > max(before.p_negative, after.p_positive)
        assert "words" in {kind for kind, _ in after.reasons}, "that it has learned"


def test_with_embeddings_a_version_learns_meaning_too_and_without_them_the_shipped_one_speaks(world: Database) -> None:
    taught(world)
    assert news.run(world, NOW + HOUR, embeddings=True) == 1
    again = len(stored(world)) - 1
    assert attribute.run(world, NOW + 2 * HOUR, embeddings=True) == again, "all but the one in Chinese"
    with world.read() as session:
        assert isinstance(news_models.voices(session, embeddings=True).models["en"], EmbeddedModel)
        off = news_models.voices(session)
        assert off.broken == {"en": f"version 1 of en: needs {REQUIREMENT}, which is not in use here."}
        assert off.models["en"] is shipped_models()["en"]
    assert attribute.run(world, NOW + 3 * HOUR) == again, "by the shipped one"


def test_labels_a_version_has_seen_do_not_judge_beside_the_next(world: Database) -> None:
    taught(world)
    news.run(world, NOW + HOUR)
    report(world, [f"Acme opens shop in {place}" for place in PLACES])
    assert news.run(world, NOW + DAY) == 0
    assert learned(world).report["judged"] == 0
    say(world, {f"Early {template}": label for template, label in UNKNOWN.items()}, NOW + DAY)
    assert news.run(world, NOW + 2 * DAY) == 0
    assert learned(world).report["judged"] == 20
    assert learned(world).report["labels"] == 60


def test_the_same_headlines_teach_the_same_and_nothing_is_kept_twice(world: Database) -> None:
    news.run(world, NOW)
    news.run(world, NOW + DAY)
    assert learned(world).number == 1


def test_a_version_somebody_chose_goes_on_speaking_until_released(world: Database) -> None:
    taught(world)
    with world.write() as session:
        news_models.choose(session, "en", news_models.SHIPPED, author="Kim", now=NOW)
    assert news.run(world, NOW + HOUR) == 0
    assert learned(world).report["why"] == {"message": news.HELD, "params": {}}
    with world.write() as session:
        news_models.release(session, "en")
        assert news_models.speaking(session)["en"].number == news_models.SHIPPED


def test_the_shipped_version_can_be_gone_back_to(world: Database) -> None:
    taught(world)
    news.run(world, NOW + HOUR)
    with world.write() as session:
        news_models.choose(session, "en", news_models.SHIPPED, author="Kim", now=NOW + DAY)
    attribute.run(world, NOW + DAY)
    with world.read() as session:
        assert set(session.scalars(select(Reading.reader))) == {VERSION}
        assert {row.number: row.retired_at for row in news_models.listing(session)} == {1: NOW + DAY, 0: None}


def test_a_version_that_cannot_be_read_is_told_once_and_the_shipped_one_speaks(world: Database) -> None:
    taught(world)
    news.run(world, NOW + HOUR)
    with world.write() as session:
        row = news_models.speaking(session)["en"]
        broken = news_models.keep(session, "en", b"garbage", row.report, speaks=True, now=NOW + DAY)
    attribute.run(world, NOW + DAY)
    attribute.run(world, NOW + DAY + HOUR)
    with world.read() as session:
        told = meta.broken_stages(session)
        assert {stage: (one.error, one.since) for stage, one in told.items()} == {
            "news_model_en": ("ModelUnreadable", NOW + DAY)
        }
        assert set(session.scalars(select(Reading.reader))) == {VERSION}
        assert "version 2 of en" in news_models.voices(session).broken["en"]
    assert news.run(world, NOW + DAY) == 1, "every label judges: what speaks has seen none"
    attribute.run(world, NOW + 2 * DAY)
    with world.read() as session:
        assert meta.broken_stages(session) == {}
        assert session.get_one(NewsModel, broken.id).retired_at == NOW + DAY


def test_copies_of_a_story_are_one_headline_and_the_newest_label_counts(db: Database) -> None:
    with db.write() as session:
        make_partner(session, "Acme")
    title = "Acme workers walk out at Leeds plant over pay and hours"
    report(db, [title, f"{title} - Example Times", "Rain tomorrow", "Rain tomorrow"], HOUR)
    with db.read() as session:
        found = headlines.of_language(session, "en", NOW, 100)
    assert sorted((one.title.partition(" - ")[0], one.target) for one in found) == [
        (title, "Acme"), ("Rain tomorrow", None),
    ]  # fmt: skip
    say(db, {title: "neutral"}, NOW, [""])
    say(db, {f"{title} - Example Times": "negative"}, NOW + HOUR, [""])
    with db.read() as session:
        labelled = [one for one in headlines.of_language(session, "en", NOW + DAY, 1) if one.label]
        assert [(one.label, one.labelled_at) for one in labelled] == [("negative", NOW + HOUR)]
        assert headlines.of_language(session, "vi", NOW + DAY, 100) == []


AT = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        (None, AT, True),
        (datetime(2026, 3, 4, 2, 0, tzinfo=UTC), AT, False),
        (datetime(2026, 3, 4, 1, 59, tzinfo=UTC), AT, True),
        (datetime(2026, 3, 3, 2, 10, tzinfo=UTC), datetime(2026, 3, 4, 1, 59, tzinfo=UTC), False),
        (datetime(2026, 1, 1, tzinfo=UTC), AT, True),
        (datetime(2027, 3, 4, tzinfo=UTC), AT, True),
    ],
    ids=["never", "this night", "the night before", "not yet", "long ago", "by a clock since set right"],
)
def test_it_is_due_once_a_night(sqlite_db: Database, last: datetime | None, now: datetime, due: bool) -> None:
    if last is not None:
        with sqlite_db.write() as session:
            news_models.note_learned(session, last)
    assert news.is_due(sqlite_db, SETTINGS, now) is due


def test_learning_with_nothing_to_learn_from_is_done(db: Database) -> None:
    assert news.run(db, NOW) == 0
    assert not news.is_due(db, SETTINGS, NOW)
    with db.read() as session:
        assert news_models.listing(session) == []


def test_only_one_process_learns_at_a_time_and_a_dead_one_is_no_hindrance(db: Database) -> None:
    with db.write() as session:
        assert news_models.claim(session, NOW)
    assert news.run(db, NOW + HOUR / 2) is None
    assert news.is_due(db, SETTINGS, NOW + HOUR / 2)
    assert news.run(db, NOW + HOUR) == 0


def child(script: str) -> tuple[str, ...]:
    return (sys.executable, "-c", script)


KILLED = child("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
FAILING = child("raise SystemExit('out of luck')")
ENDLESS = child("import time; time.sleep(600)")
ROWS = [(Headline("Acme fined", "", "Acme"), False)]


def test_a_killed_process_leaves_nothing_and_is_told(world: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "learn_apart", functools.partial(learn_apart, command=KILLED))
    with pytest.raises(RefitBroke, match="killed by signal 9"):
        news.run(world, NOW)
    with world.read() as session:
        assert news_models.listing(session) == []
    assert not news.is_due(world, SETTINGS, NOW), "until the next night"
    assert news.is_due(world, SETTINGS, NOW + DAY)
    monkeypatch.undo()
    assert news.run(world, NOW + DAY) == 0
    assert learned(world).number == 1


def test_a_process_that_fails_says_why() -> None:
    with pytest.raises(RefitBroke, match="Learning to read en anew failed with exit status 1: out of luck"):
        learn_apart("en", ROWS, None, command=FAILING)


def test_a_process_that_takes_too_long_is_stopped() -> None:
    begun = time.monotonic()
    with pytest.raises(RefitBroke, match="too long"):
        learn_apart("en", ROWS, None, limit_seconds=0.1, command=ENDLESS)
    assert time.monotonic() - begun < 60, "it is not waited for"


def test_a_service_that_stops_does_not_wait_and_is_still_due(world: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "learn_apart", functools.partial(learn_apart, command=ENDLESS))
    looks: list[Any] = []

    def go_on() -> bool:
        looks.append(None)
        return len(looks) < 3

    assert news.run(world, NOW, go_on) == 0
    assert news.is_due(world, SETTINGS, NOW)
    with world.write() as session:
        assert news_models.claim(session, NOW), "another may begin at once"


def test_too_little_to_learn_from_is_no_failure() -> None:
    assert learn_apart("en", ROWS, None, command=child(f"raise SystemExit({refit.TOO_FEW})")) is None


def test_words_of_old_articles_are_erased_and_the_figures_stay(db: Database) -> None:
    with db.write() as session:
        shipped.seed(session, NOW - 1000 * DAY)
        make_partner(session, "Acme", now=NOW - 1000 * DAY)
    titles = [f"Acme fined over fraud in {place}" for place in PLACES]
    report(db, titles, 16 * DAY)

    def figures() -> list[Any]:
        with db.read() as session:
            rows = session.scalars(select(Mention).order_by(Mention.fact_id)).all()
            then = assess.compute(session, SETTINGS, NOW - 5 * DAY, NOW)
        kept = [(row.fact_id, row.p_negative, row.event, row.severity, row.copy_of, row.incident) for row in rows]
        return [*kept, then]

    before = figures()
    assert news.erase(db, SETTINGS, NOW) == 4, "older than 90 days"
    assert news.erase(db, SETTINGS, NOW) == 0
    assert figures() == before
    assert attribute.run(db, NOW + DAY) == 0, "nothing is read again"
    with db.read() as session:
        erased = [fact.id for fact in session.scalars(select(Fact)) if fact.detail is None]
        assert len(erased) == 4
        rows = session.scalars(select(Mention).where(Mention.fact_id.in_(erased))).all()
        assert [(row.alias, row.triggers, row.reasons) for row in rows] == [("", [], [])] * 4
        assert session.scalar(select(func.count()).select_from(Fact).where(Fact.detail.is_(None))) == 4
    assert figures() == before


def test_an_erased_article_that_is_reported_again_stays_erased(db: Database) -> None:
    old = article("Acme fined over fraud", NOW - 100 * DAY)
    with db.write() as session:
        acme = make_partner(session, "Acme")
        source = make_source(session)
        insert_facts(session, source.id, [old], NOW)
    attribute.run(db, NOW)
    assert news.erase(db, SETTINGS, NOW) == 1
    with db.write() as session:
        assert insert_facts(session, source.id, [old], NOW + DAY) == 0
        (fact,) = session.scalars(select(Fact))
        assert fact.detail is None
        with pytest.raises(Conflict, match="erased"):
            corrections.add(session, fact.id, acme.id, CorrectionKind.ABOUT, {"about": False}, author="Kim", now=NOW)


def test_erasing_stops_when_the_service_does(sqlite_db: Database) -> None:
    report(sqlite_db, ["Acme fined"], DAY)
    assert news.erase(sqlite_db, SETTINGS, NOW + 365 * DAY, lambda: False) == 0
    assert news.erase(sqlite_db, SETTINGS, NOW + 365 * DAY) == 1


def test_old_versions_are_forgotten_but_never_the_one_that_speaks(db: Database) -> None:
    said = {"why": {"message": news.HELD, "params": {}}}
    with db.write() as session:
        for number in range(1, 4):
            news_models.keep(session, "vi", b"", said, speaks=True, now=NOW + number * HOUR)
        for number in range(25):
            news_models.keep(session, "vi", b"", said, speaks=False, now=NOW + (number + 4) * HOUR)
        numbers = [row.number for row in news_models.listing(session)]
        assert numbers == [*range(28, 18, -1), 3, 2, 1]
        for number in range(15):
            news_models.keep(session, "vi", b"", said, speaks=True, now=NOW + (number + 30) * HOUR)
        numbers = [row.number for row in news_models.listing(session)]
        assert numbers == [*range(43, 32, -1), *range(28, 18, -1)]
        assert news_models.speaking(session)["vi"].number == 43
