"""Learning to read on a real database and in a real process of its own; and words of old articles erased."""

import functools
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from factories import DAY, NOW, article, make_partner, make_source
from headlined import PLACES, UNKNOWN, Files, labelling, report, reporting, say, stored
from sqlalchemy import func, select

from scorers.news.embedding import REQUIREMENT, EmbeddedModel
from scorers.news.read import VERSION, shipped_models
from warden.db import Database
from warden.domain import CorrectionKind
from warden.errors import Conflict
from warden.models import Fact, Mention, NewsModel, Reading
from warden.pipeline import assess, attribute, news, refit
from warden.pipeline.refit import RefitBroke, learn_apart
from warden.settings import Settings
from warden.store import corrections, headlines, meta, news_models, shipped
from warden.store.facts import insert_facts
from warden.store.headlines import Headline
from warden.wording import reader_of

HOUR = timedelta(hours=1)
SETTINGS = Settings(news_hour=2, article_days=90)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("news"))


@pytest.fixture(scope="module")
def reported(files: Files, sqlite_template: Path) -> Path:
    """Headlines to learn from."""
    return files.made(sqlite_template, "reported.db", reporting)


@pytest.fixture(scope="module")
def labelled(files: Files, reported: Path) -> Path:
    """The same, and forty labels of words the shipped version does not know."""
    return files.made(reported, "labelled.db", labelling)


@pytest.fixture(scope="module")
def learned_once(files: Files, labelled: Path) -> Path:
    """The same once it was learned from."""

    def learning(db: Database) -> None:
        assert news.run(db, NOW + HOUR) == 1

    return files.made(labelled, "learned.db", learning)


@pytest.fixture(scope="module")
def unlabelled_once(files: Files, reported: Path) -> Path:
    """Headlines without labels, once they were learned from."""

    def learning(db: Database) -> None:
        assert news.run(db, NOW) == 0

    return files.made(reported, "unlabelled.db", learning)


@pytest.fixture
def world(tmp_path: Path, reported: Path) -> Iterator[Database]:
    with Files(tmp_path).opened(reported, "warden.db") as database:
        yield database


@pytest.fixture
def taught(tmp_path: Path, labelled: Path) -> Iterator[Database]:
    with Files(tmp_path).opened(labelled, "warden.db") as database:
        yield database


@pytest.fixture
def speaking(tmp_path: Path, learned_once: Path) -> Iterator[Database]:
    with Files(tmp_path).opened(learned_once, "warden.db") as database:
        yield database


@pytest.fixture
def silent(tmp_path: Path, unlabelled_once: Path) -> Iterator[Database]:
    with Files(tmp_path).opened(unlabelled_once, "warden.db") as database:
        yield database


def learned(db: Database) -> NewsModel:
    with db.read() as session:
        return news_models.listing(session)[0]


def test_without_labels_a_version_is_kept_and_does_not_speak(silent: Database) -> None:
    row = learned(silent)
    assert (row.language, row.number, row.active_since) == ("en", 1, None)
    assert row.report["why"]["params"] == {"judged": 0, "needed": news.ENOUGH}
    assert (row.report["labels"], row.report["candidate"]) == (0, None)
    assert row.report["headlines"] >= 30
    with silent.read() as session:
        assert news_models.voices(session).readers["en"] == VERSION


def test_a_version_that_meets_what_people_said_speaks_and_reads_its_language_again(speaking: Database) -> None:
    row = learned(speaking)
    assert row.active_since == NOW + HOUR
    assert row.report["candidate"]["macro_f1"] > row.report["present"]["macro_f1"]
    assert row.report["candidate"]["log_loss"] < row.report["present"]["log_loss"]
    figures = row.report["candidate"]["macro_f1"], row.report["present"]["macro_f1"]
    told = "macro-F1 {:.3f} after {:.3f}".format(*figures)
    assert told in reader_of("en").fact(row.report["why"])
    assert f"thành {figures[0]:.3f}".replace(".", ",") in reader_of("vi").fact(row.report["why"])
    assert attribute.run(speaking, NOW + 2 * HOUR) == len(stored(speaking)) - 1, "all but the one in Chinese"
    with speaking.read() as session:
        readers = {(one.language, one.reader) for one in session.scalars(select(Reading))}
        assert readers == {("en", f"{VERSION}.1"), ("zh-Hant", VERSION)}
        number = stored(speaking)["Again Acme flarbled by auditors in Turin"]
        before, after = session.scalars(
            select(Mention).where(Mention.fact_id == number).order_by(Mention.first_attributed_at)
        )
        assert after.p_negative > max(before.p_negative, after.p_positive)
        assert "words" in {kind for kind, _ in after.reasons}, "that it has learned"


def test_with_embeddings_a_version_learns_meaning_too_and_without_them_the_shipped_one_speaks(taught: Database) -> None:
    assert news.run(taught, NOW + HOUR, embeddings=True) == 1
    again = len(stored(taught)) - 1
    assert attribute.run(taught, NOW + 2 * HOUR, embeddings=True) == again, "all but the one in Chinese"
    with taught.read() as session:
        assert isinstance(news_models.voices(session, embeddings=True).models["en"], EmbeddedModel)
        off = news_models.voices(session)
        assert off.broken == {"en": f"version 1 of en: needs {REQUIREMENT}, which is not in use here."}
        assert off.models["en"] is shipped_models()["en"]
    assert attribute.run(taught, NOW + 3 * HOUR) == again, "by the shipped one"


def test_labels_a_version_has_seen_do_not_judge_beside_the_next(speaking: Database) -> None:
    report(speaking, [f"Acme opens shop in {place}" for place in PLACES])
    assert news.run(speaking, NOW + DAY) == 0
    assert learned(speaking).report["judged"] == 0
    say(speaking, {f"Early {template}": label for template, label in UNKNOWN.items()}, NOW + DAY)
    assert news.run(speaking, NOW + 2 * DAY) == 0
    assert learned(speaking).report["judged"] == 20
    assert learned(speaking).report["labels"] == 60


def test_the_same_headlines_teach_the_same_and_nothing_is_kept_twice(silent: Database) -> None:
    news.run(silent, NOW + DAY)
    assert learned(silent).number == 1


def test_a_version_somebody_chose_goes_on_speaking_until_released(taught: Database) -> None:
    with taught.write() as session:
        news_models.choose(session, "en", news_models.SHIPPED, author="Kim", now=NOW)
    assert news.run(taught, NOW + HOUR) == 0
    assert learned(taught).report["why"] == {"message": news.HELD, "params": {}}
    with taught.write() as session:
        news_models.release(session, "en")
        assert news_models.speaking(session)["en"].number == news_models.SHIPPED


def test_the_shipped_version_can_be_gone_back_to(speaking: Database) -> None:
    with speaking.write() as session:
        news_models.choose(session, "en", news_models.SHIPPED, author="Kim", now=NOW + DAY)
    attribute.run(speaking, NOW + DAY)
    with speaking.read() as session:
        assert set(session.scalars(select(Reading.reader))) == {VERSION}
        assert {row.number: row.retired_at for row in news_models.listing(session)} == {1: NOW + DAY, 0: None}


def test_a_version_that_cannot_be_read_is_told_once_and_the_shipped_one_speaks(speaking: Database) -> None:
    with speaking.write() as session:
        row = news_models.speaking(session)["en"]
        broken = news_models.keep(session, "en", b"garbage", row.report, speaks=True, now=NOW + DAY)
    attribute.run(speaking, NOW + DAY)
    attribute.run(speaking, NOW + DAY + HOUR)
    with speaking.read() as session:
        told = meta.broken_stages(session)
        assert {stage: (one.error, one.since) for stage, one in told.items()} == {
            "news_model_en": ("ModelUnreadable", NOW + DAY)
        }
        assert set(session.scalars(select(Reading.reader))) == {VERSION}
        assert "version 2 of en" in news_models.voices(session).broken["en"]
    assert news.run(speaking, NOW + DAY) == 1, "every label judges: what speaks has seen none"
    attribute.run(speaking, NOW + 2 * DAY)
    with speaking.read() as session:
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
