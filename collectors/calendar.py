"""Meetings held, from a calendar in the iCalendar format: a file, or an address that publishes one."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import Field, SecretStr, field_validator, model_validator

from collectors import base
from collectors.base import (
    Batch,
    Collector,
    Cursor,
    LocalPath,
    Measure,
    Problem,
    SourceChanged,
    SourceUnavailable,
    normalise_key,
)
from collectors.calendar_events import MAX_BYTES, BrokenOffError, CalendarError, Occurrence, read_calendar
from collectors.files import read_whole
from collectors.guard import web_address
from collectors.http import Http
from collectors.mail import MAX_GROUPS, OurDomains, groups_of, is_of

Level = Literal["executive", "management", "working"]
LEVELS: Sequence[Level] = ("executive", "management", "working")

AHEAD = timedelta(days=60)
"""How far ahead the next end of a meeting is sought: the calendar is read again then, changed or not."""
LONGEST = timedelta(days=3)
"""What lasts longer is a trip, a leave or a project, and no meeting."""
OWN = "@warden"
"""Ends the UID of Warden's own invitations: whether those were held, people say there."""
MAX_BAD_SHARE = 0.10
"""Above this share of unreadable events the calendar is taken for changed, not for flawed."""
MAX_PROBLEMS = 100


class CalendarOptions(base.Options):
    """See docs/collectors/calendar.md."""

    path: LocalPath = ""
    url: SecretStr | None = None
    our_domains: OurDomains
    time_zone: str = "UTC"
    since_days: int = Field(365, ge=1, le=3650)
    level: Level = "working"
    executive_words: tuple[str, ...] = ("executive", "QBR", "高層", "高层", "cấp cao")
    management_words: tuple[str, ...] = ("management", "steering", "管理層", "管理层", "quản lý")
    working_words: tuple[str, ...] = ()

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("expected a time zone such as Asia/Taipei")
        return value

    @field_validator("executive_words", "management_words", "working_words")
    @classmethod
    def _words_say_something(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(word.strip() for word in value):
            raise ValueError("expected words, none of them empty")
        return tuple(word.strip() for word in value)

    @field_validator("url")
    @classmethod
    def _can_be_fetched(cls, value: SecretStr | None) -> SecretStr | None:
        if value:
            web_address(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if bool(self.path) == bool(self.url):
            raise ValueError("expected either path or url")
        return self


class Calendar(Collector):
    """A calendar of ours. A meeting with somebody from outside is told once it is over."""

    name = "calendar"
    facts = frozenset({Measure})
    Options = CalendarOptions
    options: CalendarOptions

    def collect(self, cursor: Cursor, http: Http, now: datetime) -> Batch:
        """See Collector. An unchanged calendar is not read again until a meeting in it has ended."""
        fingerprint = hashlib.sha256(f"{self.options.model_dump_json()}{self._address()}".encode()).hexdigest()[:16]
        upcoming = cursor.get("upcoming")
        is_quiet = (
            cursor.get("options") == fingerprint and upcoming is not None and now < datetime.fromisoformat(upcoming)
        )
        data, validators = self._load(http, now, cursor if is_quiet else {})
        if data is None:
            return Batch([], cursor)
        content = hashlib.sha256(data).hexdigest()
        if is_quiet and cursor.get("content") == content:
            return Batch([], {**cursor, **validators})
        occurrences, problems = self._read(data, now)
        left_out: Counter[str] = Counter()
        facts = [fact for one in occurrences if one.ends_at <= now for fact in self._facts(one, left_out)]
        told = [Problem("the calendar", f"{count} left out: {why}") for why, count in sorted(left_out.items())]
        ends = min((one.ends_at for one in occurrences if one.ends_at > now), default=now + AHEAD)
        following = {"options": fingerprint, "content": content, "upcoming": ends.isoformat(), **validators}
        return Batch(facts, following, problems=[*problems[:MAX_PROBLEMS], *told])

    def _address(self) -> str:
        return self.options.url.get_secret_value() if self.options.url else self.options.path

    def _load(self, http: Http, now: datetime, known: Cursor) -> tuple[bytes | None, Cursor]:
        """Return the calendar's bytes, None if the server says that they are the same, and what to ask it next time."""
        if self.options.path:
            return read_whole(Path(self.options.path), MAX_BYTES), {}
        fetched = http.fetch(
            self._address(),
            now=now,
            etag=known.get("etag"),
            modified=known.get("modified"),
            accept="text/calendar",
            max_bytes=MAX_BYTES,
        )
        if fetched.not_modified:
            return None, {}
        return fetched.body, {"etag": fetched.etag, "modified": fetched.modified}

    def _read(self, data: bytes, now: datetime) -> tuple[Sequence[Occurrence], Sequence[Problem]]:
        where = Path(self.options.path).name or f"The calendar at {urlsplit(self._address()).hostname}"
        since = now - timedelta(days=self.options.since_days)
        try:
            reading = read_calendar(data, self.options.time_zone, since, now + AHEAD)
        except BrokenOffError as error:
            raise SourceUnavailable(f"{where}: {error} It may still be being written.") from error
        except CalendarError as error:
            raise SourceChanged(f"{where}: {error}") from error
        bad = len(reading.problems)
        if bad > reading.events * MAX_BAD_SHARE:
            raise SourceChanged(
                f"{where}: {bad} of {reading.events} events cannot be read; first: {reading.problems[0].what}."
            )
        return [one for one in reading.occurrences if one.starts_at >= since], reading.problems

    def _facts(self, one: Occurrence, left_out: Counter[str]) -> Iterator[Measure]:
        """Yield one fact per correspondent group; of a meeting that was called off, with the value 0."""
        groups = groups_of((person.address for person in one.people), self.options.our_domains)
        why = _no_meeting(one, len(groups))
        if why:
            left_out[why] += 1
            return
        level = self._level(one)
        for group, address in groups.items():
            yield Measure(
                identity="|".join((one.uid[:1000], one.recurrence, group)),
                key=normalise_key("email", address),
                at=one.starts_at,
                name=f"meeting_{level}",
                value=float(_took_place(one, group, self.options.our_domains)),
            )

    def _level(self, one: Occurrence) -> Level:
        """Return the level that a category names, else the highest one with a word in the title or a category."""
        named = {category.casefold() for category in one.categories}
        text = "\n".join((one.title, *one.categories))
        words: Mapping[Level, Sequence[str]] = {
            "executive": self.options.executive_words,
            "management": self.options.management_words,
            "working": self.options.working_words,
        }
        stated = (level for level in LEVELS if level in named)
        guessed = (level for level in LEVELS if any(_is_in(word, text) for word in words[level]))
        return next(stated, None) or next(guessed, None) or self.options.level


def _no_meeting(one: Occurrence, groups: int) -> str | None:
    if one.uid.endswith(OWN):
        return "invitations of Warden's own"
    if one.ends_at - one.starts_at > LONGEST:
        return f"longer than {LONGEST.days} days"
    if groups == 0:
        return "nobody from outside is invited"
    return f"events for more than {MAX_GROUPS} correspondents" if groups > MAX_GROUPS else None


def _took_place(one: Occurrence, group: str, ours: Sequence[str]) -> bool:
    """Tell whether it was not called off, and somebody of each side, as far as they are named, did not decline."""
    us = [person.declined for person in one.people if is_of(ours, person.address)]
    them = [person.declined for person in one.people if group in groups_of((person.address,), ours)]
    return not one.cancelled and not all(them) and not (us and all(us))


def _is_in(word: str, text: str) -> bool:
    """Tell whether a word stands in a text, in any case: as a whole word, unless its script knows no spaces."""
    edge = r"\b" if word.isascii() else ""
    return re.search(f"{edge}{re.escape(word)}{edge}", text, re.IGNORECASE) is not None
