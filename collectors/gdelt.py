"""Articles that name a partner, from the GDELT DOC 2.0 API: the world's online news, in 65 languages, without a key."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, ClassVar
from urllib.parse import urlencode, urlsplit

from pydantic import Field, StringConstraints

from collectors import base
from collectors.base import (
    Article,
    Batch,
    Collector,
    Cursor,
    Problem,
    SourceChanged,
    SourceError,
    SourceRefused,
    SourceUnavailable,
)
from collectors.gdelt_answer import PAUSE, Found, QueryRefused, read_answer
from collectors.gdelt_query import Sought, first_group, query_of, sought
from collectors.guard import WebAddress
from collectors.http import Http
from collectors.pace import Pace

API = "https://api.gdeltproject.org/api/v2/doc/doc"
MAX_BYTES = 2_000_000
MAX_RECORDS = 250
"""The most that GDELT gives in one answer."""
MAX_PAGES = 4
"""Answers asked for the same partners in one visit: what is always in the news leaves time for the others."""
OVERLAP = timedelta(hours=2)
"""Asked for twice: articles reach GDELT's index some time after it saw them."""
SECONDS_APART = 5.0
_STAMP = "%Y%m%d%H%M%S"


class GdeltOptions(base.Options):
    """See docs/collectors/gdelt.md. `days`: how far back the first visit looks."""

    url: WebAddress = API
    languages: tuple[Annotated[str, StringConstraints(pattern="^[a-z]{3,20}$")], ...] = Field((), max_length=5)
    days: int = Field(2, ge=1, le=30)
    requests_per_visit: int = Field(12, ge=5, le=60)


@dataclass(slots=True)
class Visit:
    """What one visit has found so far. `waiting`: partners still to be asked for, in order."""

    waiting: list[Sought]
    since: datetime
    now: datetime
    requests_left: int
    articles: dict[str, Article] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    answered: int = 0
    refusal: SourceRefused | SourceChanged | None = None
    failure: SourceError | None = None


class Gdelt(Collector):
    """A standing search for all watched partners. A round of it takes as many visits as it needs."""

    name = "gdelt"
    facts = frozenset({Article})
    needs_names = True
    most_seconds = 1700.0  # the most requests that may be asked for, each as slow as may be
    Options = GdeltOptions
    options: GdeltOptions
    pace: ClassVar[Pace] = Pace(SECONDS_APART)

    def collect(self, cursor: Cursor, http: Http, now: datetime) -> Batch:
        """See Collector. Which partner an article names is found out later, not by the search that found it."""
        if not self.partners:
            return Batch([], cursor, problems=[Problem("the search", "there is no watched partner to search for")])
        began, since, after = self._place(cursor, now)
        named = sorted(self.partners, key=lambda one: one.partner)
        everybody = [sought(one) for one in named if one.partner > after]
        visit = Visit([one for one in everybody if one.terms], since, now, self.options.requests_per_visit)
        visit.problems += [_unsearchable(one.partner) for one in everybody if not one.terms]
        while visit.waiting and visit.requests_left and not visit.failure:
            self._search(visit, http)
        if visit.failure and not visit.answered:
            raise visit.failure
        if visit.refusal and not visit.answered:
            raise visit.refusal
        following = _next_place(visit, everybody, began, after, now)
        problems = visit.problems[:100]
        return Batch(list(visit.articles.values()), following, not_before=_pause(visit), problems=problems)

    def _place(self, cursor: Cursor, now: datetime) -> tuple[datetime, datetime, str]:
        """Return when this round began, since when it asks for articles, and the last partner it has asked for."""
        earliest = now - timedelta(days=self.options.days)
        since = datetime.fromisoformat(cursor["since"]) if "since" in cursor else earliest
        began = datetime.fromisoformat(cursor["began"]) if "began" in cursor else now
        longest = now - timedelta(days=30)  # GDELT searches three months at most; a longer gap is not caught up
        # a clock that was ahead when the cursor was written must not keep us from asking until that day
        return min(began, now), min(max(since, longest), now - OVERLAP), cursor.get("after", "")

    def _search(self, visit: Visit, http: Http) -> None:
        """Ask for the partners at the front, all pages; where GDELT refuses several together, for fewer."""
        group = first_group(visit.waiting, self.options.languages)
        until: datetime | None = visit.now
        pages = 0
        while until and visit.requests_left and pages < MAX_PAGES:
            try:
                found = self._ask(group, visit.since, until, visit, http)
            except (QueryRefused, SourceChanged) as error:  # one answer that cannot be read is not all of them
                if len(group) > 1:
                    group = group[: len(group) // 2]
                    continue
                visit.refusal = error
                visit.problems.append(Problem(group[0].partner, str(error)))
                break
            except SourceError as error:
                visit.failure = error
                if visit.answered:
                    visit.problems.append(Problem(group[0].partner, f"the visit stopped here: {error}"))
                return
            pages += 1
            until = _keep(visit, found, until)
        if until and pages:
            what = f"{MAX_RECORDS} articles or more in each answer; older ones since the last visit are missing"
            visit.problems.append(Problem(", ".join(one.partner for one in group)[:200], what))
        if pages or len(group) == 1:
            del visit.waiting[: len(group)]

    def _ask(self, group: Sequence[Sought], since: datetime, until: datetime, visit: Visit, http: Http) -> Found:
        parameters = {
            "query": query_of(group, self.options.languages),
            "mode": "artlist",
            "format": "json",
            "maxrecords": MAX_RECORDS,
            "sort": "datedesc",
            "startdatetime": since.strftime(_STAMP),
            "enddatetime": until.strftime(_STAMP),
        }
        visit.requests_left -= 1
        url = f"{self.options.url}{'&' if '?' in self.options.url else '?'}{urlencode(parameters)}"
        with self.pace.turn():
            fetched = http.fetch(url, now=visit.now, accept="application/json", max_bytes=MAX_BYTES)
        return read_answer(fetched.body, str(urlsplit(fetched.url).hostname), visit.now)


def _keep(visit: Visit, found: Found, until: datetime) -> datetime | None:
    """Add an answer's articles; return until when to ask for older ones, None if there are none."""
    visit.answered += 1
    visit.problems += found.problems
    for article in found.articles:
        visit.articles.setdefault(article.identity, article)
    is_full = found.count >= MAX_RECORDS
    return found.oldest if is_full and found.oldest and visit.since < found.oldest < until else None


def _unsearchable(partner: str) -> Problem:
    return Problem(partner, "it has no name that GDELT can search: one in Latin letters, of three letters or more")


def _next_place(visit: Visit, everybody: Sequence[Sought], began: datetime, after: str, now: datetime) -> Cursor:
    """Return the cursor: the next partner of this round, or a new round for what is new since this one began."""
    if not visit.waiting:
        return {"since": (began - OVERLAP).isoformat(), "after": ""}
    asked = [one.partner for one in everybody if one.partner < visit.waiting[0].partner]
    return {"since": visit.since.isoformat(), "began": began.isoformat(), "after": asked[-1] if asked else after}


def _pause(visit: Visit) -> datetime | None:
    if not isinstance(visit.failure, SourceUnavailable):
        return None
    return visit.failure.not_before or visit.now + PAUSE
