"""What is publicly said of one partner, as people see it: incidents with their articles, and what people corrected."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Literal

from sqlalchemy import ColumnElement, case, select
from sqlalchemy.orm import Session, aliased

from scorers.news import incidents as news
from scorers.news.outlets import outlet_of
from warden.domain import CorrectionKind
from warden.errors import Fault, InvalidInput, NotFound
from warden.models import Correction, Fact, Mention, Partner, Reading
from warden.store import corrections, editions, readings, sightings
from warden.store.batches import in_batches
from warden.store.editions import Edition
from warden.store.facts import in_force
from warden.store.periods import mentioned

MOST_ARTICLES = 5_000
"""The newest articles about a partner that its incidents are made of."""

CERTAIN = 0.5
"""Least probability of a tone that is told; where none reaches it, the tone is uncertain."""

Label = Literal["negative", "neutral", "positive"]

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Said:
    """One correction, and what was read before it; None where the article did not name the partner then.

    other: the article that a person said tells of the same thing.
    """

    correction: Correction
    before: Mention | None
    other: Fact | None


@dataclass(frozen=True, slots=True)
class Told:
    """One article about a partner, however many feeds it came through: the row that is dated, and dated first.

    said: all that people said of any row of it, oldest first. holding: kinds that hold. earlier: what its sources said
    before, oldest first.
    """

    fact: Fact
    mention: Mention
    outlet: str
    said: Sequence[Said]
    holding: frozenset[CorrectionKind]
    earlier: Sequence[Edition] = ()

    @property
    def is_dated(self) -> bool:
        """Tell whether the source gave a date; else the fact's is when it was first seen."""
        return bool((self.fact.detail or {}).get("dated", True))


@dataclass(frozen=True, slots=True)
class Story:
    """One article and those that say the same in nearly the same words, by time."""

    first: Told
    copies: Sequence[Told]

    @property
    def outlets(self) -> list[str]:
        """The other outlets that carried it, in order."""
        return sorted({copy.outlet for copy in self.copies if copy.outlet} - {self.first.outlet})


@dataclass(frozen=True, slots=True)
class Incident:
    """Articles that tell of the same thing.

    number: of its first article. first, newest: when it was told of. event, severity, half_life_days: the worst that
    its bad articles tell, or else all with a clear tone. weight: when it was new, 0..300, 0 where no tone is clear;
    present: what is left of that. tone: the article that is most negative. outlets: those known.
    """

    number: int
    first: datetime
    newest: datetime
    event: str | None
    severity: float
    half_life_days: float
    weight: float
    present: float
    outlets: Sequence[str]
    reach: float
    tone: Mention
    stories: Sequence[Story] = ()

    @property
    def articles(self) -> int:
        """How many articles there are, each once however many feeds it came through; 0 without `stories`."""
        return sum(1 + len(story.copies) for story in self.stories)


@dataclass(frozen=True, slots=True)
class Incidents:
    """Some of a partner's incidents, those that weigh most at the moment first. `total` counts all of them.

    is_cut: there are more than MOST_ARTICLES articles, and the oldest were not looked at.
    """

    items: Sequence[Incident]
    total: int
    is_cut: bool


@dataclass(frozen=True, slots=True)
class SetAside:
    """An article that a person said is not about the partner."""

    fact: Fact
    said: Said


def incidents(session: Session, partner_id: uuid.UUID, at: datetime, limit: int, skip: int = 0) -> Incidents:
    """Return a partner's incidents as they were known at a moment, from the `skip`-th on, at most `limit`."""
    rows = _rows(session, partner_id, at)
    kept = sorted(rows[:MOST_ARTICLES], key=lambda row: row.mention.incident)
    found = [_incident(list(several), at) for _, several in groupby(kept, key=lambda row: row.mention.incident)]
    found.sort(key=lambda one: (-one.present, -one.newest.timestamp(), one.number))
    chosen = found[skip : skip + limit]
    members: dict[int, list[_Row]] = {one.number: [] for one in chosen}
    for row in kept:
        if row.mention.incident in members:
            members[row.mention.incident].append(row)
    told = _told(session, partner_id, [row for several in members.values() for row in several])
    items = [_with_stories(one, [told[row.mention.fact_id] for row in members[one.number]]) for one in chosen]
    return Incidents(items, len(found), len(rows) > MOST_ARTICLES)


def tone_of(mention: Mention) -> Label | None:
    """Return the tone that is at least as likely as not; None: uncertain."""
    chances: dict[Label, float] = {
        "negative": mention.p_negative,
        "neutral": mention.p_neutral,
        "positive": mention.p_positive,
    }
    best = max(chances, key=lambda label: chances[label])
    return best if chances[best] >= CERTAIN else None


def set_aside(session: Session, partner_id: uuid.UUID, limit: int) -> list[SetAside]:
    """Return the articles that people said are not about the partner, the last said first, each as it is now."""
    query = select(Correction.fact_id).where(Correction.partner_id == partner_id)
    numbers = set(session.scalars(query.where(Correction.kind == CorrectionKind.ABOUT)))
    found: dict[uuid.UUID, SetAside] = {}  # by what was said last: rows of one article have that in common
    said, facts = _said(session, partner_id, numbers), _current(session, numbers)
    for number in sorted(said):
        last = [one for one in said[number] if one.correction.kind is CorrectionKind.ABOUT][-1]
        if last.correction.value.get("about") is False:
            found.setdefault(last.correction.id, SetAside(facts[number], last))
    return sorted(found.values(), key=lambda one: one.said.correction.created_at, reverse=True)[:limit]


def history(session: Session, fact_id: int) -> Sequence[Correction]:
    """Return all that people ever said of any row of an article, for any partner, oldest first. Raises NotFound."""
    fact = session.get(Fact, fact_id)
    if fact is None or fact.kind != "article":
        raise NotFound("There is no such article.")
    return corrections.of_articles(session, [fact_id]).get(fact_id, [])


def correct(
    session: Session,
    fact_id: int,
    partner_id: uuid.UUID,
    kind: CorrectionKind,
    value: Mapping[str, Any],
    *,
    author: str,
    now: datetime,
) -> Correction:
    """Write down what a person says of an article, and let it hold at once. An empty `value` takes it back.

    Raises NotFound, also for an article that never named the partner, and InvalidInput.
    """
    session.execute(select(Partner.id).where(Partner.id == partner_id).with_for_update())  # one at a time per partner
    said = corrections.add(session, fact_id, partner_id, kind, value, author=author, now=now)
    if _naming(session, fact_id, partner_id) is None:
        raise NotFound("The article does not name this partner.")
    if "with" in value and _naming(session, value["with"], partner_id, mentioned(None)) is None:
        what = f"article {value['with']} does not name this partner"
        raise InvalidInput("The correction is not valid.", [Fault("with", what)])
    readings.correct(session, said, now)
    return said


@dataclass(frozen=True, slots=True)
class _Row:
    mention: Mention
    at: datetime
    outlet: str


def _rows(session: Session, partner_id: uuid.UUID, at: datetime) -> list[_Row]:
    """Return the articles that named a partner, newest first; one more than MOST_ARTICLES if there are more."""
    unread = Reading.fact_id.is_(None)
    query = (
        select(Mention, Fact.observed_at, Reading.outlet, case((unread, Fact.detail)))
        .join(Fact, Fact.id == Mention.fact_id)
        .outerjoin(Reading, Reading.fact_id == Mention.fact_id)
        .where(Mention.partner_id == partner_id, mentioned(at), in_force(at), Fact.observed_at <= at)
        .order_by(Fact.observed_at.desc(), Fact.id.desc())
        .limit(MOST_ARTICLES + 1)
    )
    return [
        _Row(mention, observed_at, _outlet(detail) if outlet is None else outlet)
        for mention, observed_at, outlet, detail in session.execute(query)
    ]


def _outlet(detail: Mapping[str, Any] | None) -> str:
    return outlet_of((detail or {}).get("url") or "", (detail or {}).get("outlet") or "")


def _incident(rows: Sequence[_Row], at: datetime) -> Incident:
    """Merge the articles of one incident; what it weighs follows store.talk, which makes what is scored."""
    clear = [row for row in rows if tone_of(row.mention) is not None]
    speaking = [row for row in clear if row.mention.p_negative >= CERTAIN] or clear or rows
    worst = max(
        speaking, key=lambda row: (row.mention.severity, row.mention.half_life_days, -row.mention.fact_id)
    ).mention
    tone = max(speaking, key=lambda row: (row.mention.p_negative, -row.mention.fact_id)).mention
    reach = len({row.outlet for row in speaking})
    weight = news.weight(worst.severity, tone.p_negative, reach) if clear else 0.0
    age = (at - max(row.at for row in speaking)) / _DAY
    return Incident(
        number=rows[0].mention.incident,
        first=min(row.at for row in rows),
        newest=max(row.at for row in rows),
        event=worst.event,
        severity=worst.severity,
        half_life_days=worst.half_life_days,
        weight=weight,
        present=weight * 0.5 ** (age / worst.half_life_days) if worst.half_life_days > 0 else 0.0,
        outlets=sorted({row.outlet for row in rows if row.outlet}),
        reach=news.reach(reach),
        tone=tone,
    )


def _with_stories(incident: Incident, told: Iterable[Told]) -> Incident:
    """Add the articles: copies behind the first of them, newest stories first."""
    stories: dict[int, list[Told]] = {}
    for one in sorted(_once(list(told)), key=lambda one: (one.fact.observed_at, one.fact.id)):
        stories.setdefault(one.mention.copy_of, []).append(one)
    found = [Story(first, rest) for first, *rest in stories.values()]
    found.sort(key=lambda story: (story.first.fact.observed_at, story.first.fact.id), reverse=True)
    return replace(incident, stories=found)


def _once(told: Sequence[Told]) -> list[Told]:
    """Return each article once that came through several feeds: as the first that is dated, with all that was said."""
    rows = [one.fact for one in told]
    same = sightings.same(
        [sightings.sighting(row.id, row.source_id, row.identity, row.observed_at, row.detail) for row in rows]
    )
    articles: dict[tuple[int, int], list[Told]] = {}
    for one, place in zip(told, same, strict=True):
        articles.setdefault((one.mention.copy_of, place), []).append(one)
    merged = []
    for several in articles.values():
        first = min(several, key=lambda one: (not one.is_dated, one.fact.observed_at, one.fact.id))
        said = {each.correction.id: each for one in several for each in one.said}
        earlier = editions.through_several(each for one in several for each in one.earlier)
        in_order = sorted(said.values(), key=lambda each: (each.correction.created_at, each.correction.id))
        merged.append(replace(first, said=in_order, holding=_holding(in_order), earlier=earlier))
    return merged


def _told(session: Session, partner_id: uuid.UUID, rows: Sequence[_Row]) -> dict[int, Told]:
    numbers = [row.mention.fact_id for row in rows]
    said, facts = _said(session, partner_id, numbers), _facts(session, numbers)
    earlier = editions.earlier(session, partner_id, list(facts.values()))
    return {
        fact_id: Told(
            facts[fact_id],
            row.mention,
            row.outlet,
            said.get(fact_id, []),
            _holding(said.get(fact_id, [])),
            editions.reworded(earlier.get(facts[fact_id].identity, []), facts[fact_id]),
        )
        for fact_id, row in zip(numbers, rows, strict=True)
    }


def _current(session: Session, numbers: Collection[int]) -> dict[int, Fact]:
    """Return for each row of an article the row that holds what its source says of it now."""
    now = aliased(Fact)
    query = select(Fact.id, now).join(now, now.identity == Fact.identity).where(now.superseded_at.is_(None))
    batches = in_batches(sorted(numbers))
    return {old: fact for batch in batches for old, fact in session.execute(query.where(Fact.id.in_(batch)))}


def _facts(session: Session, numbers: Collection[int]) -> dict[int, Fact]:
    batches = in_batches(sorted(numbers))
    return {fact.id: fact for batch in batches for fact in session.scalars(select(Fact).where(Fact.id.in_(batch)))}


def _holding(said: Sequence[Said]) -> frozenset[CorrectionKind]:
    newest = {one.correction.kind: one.correction.value for one in said}
    return frozenset(kind for kind, value in newest.items() if value)


def _said(session: Session, partner_id: uuid.UUID, fact_ids: Collection[int]) -> dict[int, list[Said]]:
    """Return all that people said of any row of these articles for a partner, oldest first, with what stood before."""
    rows = corrections.of_articles(session, fact_ids, partner_id)
    every = [row for several in rows.values() for row in several]
    past = editions.readings_of(session, partner_id, {row.fact_id for row in every})
    others = _facts(session, {row.value["with"] for row in every if "with" in row.value})

    def said(row: Correction) -> Said:
        before = [one for one in past.get(row.fact_id, []) if editions.stood(one, row.created_at)]
        return Said(row, before[-1] if before else None, others.get(row.value.get("with", 0)))

    return {fact_id: [said(row) for row in several] for fact_id, several in rows.items()}


def _naming(session: Session, fact_id: int, partner_id: uuid.UUID, *when: ColumnElement[bool]) -> int | None:
    query = select(Mention.fact_id).where(Mention.fact_id == fact_id, Mention.partner_id == partner_id, *when)
    return session.scalar(query.limit(1))
