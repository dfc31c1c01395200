"""Headlines of one partner in databases on SQLite that are whole files, so that many tests begin with a copy of one."""

import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from factories import DAY, NOW, article, make_partner, make_source
from sqlalchemy import select

from warden.db import Database
from warden.domain import CorrectionKind
from warden.models import Fact, Partner
from warden.pipeline import attribute
from warden.store import corrections, readings
from warden.store.facts import insert_facts

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


class Files:
    """Databases on SQLite as whole files, each made of a copy of another, once for all tests that begin with it.

    Learning does not know the database; how versions are stored is tested on both.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def opened(self, before: Path, name: str) -> Iterator[Database]:
        """A database that is a copy of a file, and a file again at the end."""
        database = Database(f"sqlite:///{shutil.copy(before, self._folder / name)}")
        yield database
        database.close()

    def made(self, before: Path, name: str, happens: Callable[[Database], object]) -> Path:
        """Return a file: what was before, and what happens then."""
        with self.opened(before, name) as database:
            happens(database)
        return self._folder / name


def reporting(db: Database) -> None:
    with db.write() as session:
        make_partner(session, "Acme", aliases=["頂點公司"])
    unlike = [f"{word} " for word in ("Late", "Early", "Again", "Today")]
    titles = [template.format(place) for template in (*KNOWN, *UNKNOWN) for place in PLACES]
    late = [f"{word}{title}" for word in unlike for title in titles[-20:]]
    report(db, [*titles, *late, "頂點公司開設新辦事處"])


def labelling(db: Database) -> None:
    say(db, UNKNOWN, NOW)
    say(db, {f"Late {template}": label for template, label in UNKNOWN.items()}, NOW)
