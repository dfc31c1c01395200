"""Which articles about a partner are copies and which tell of one incident: grouped anew when they change."""

import re
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from scorers.news import copies, incidents
from warden.models import Fact, Mention, Partner
from warden.store import corrections, partners, sightings
from warden.store.batches import in_batches
from warden.store.facts import in_force
from warden.store.sightings import Sighting

_APART = timedelta(days=copies.WINDOW_DAYS)
"""Articles with a longer pause between them have nothing to do with one another, unless a person joined them."""

_TOLD = ("p_negative", "p_neutral", "p_positive", "event", "severity", "half_life_days")
"""What a person's word changes of what was read."""

_LONGEST = timedelta(days=28)
_EPOCH = datetime(1970, 1, 5, tzinfo=UTC)  # a Monday
_DAY = timedelta(days=1)

PARTNERS = 500
"""Partners grouped anew with the same statements."""

MOST = 1_000
"""Articles compared with one another at a time: memory grows with their square."""


@dataclass(frozen=True, slots=True)
class _Article:
    mention: Mention
    at: datetime
    detail: Mapping[str, Any]  # empty: its words were erased
    seen: Sighting


def regroup(session: Session, touched: Mapping[uuid.UUID, Collection[int]], now: datetime) -> None:
    """Group anew what partners' articles tell, as far as the `touched` articles reach (partner → their numbers).

    The outcome does not depend on the order in which articles arrived. What is grouped otherwise than before stands
    from `now` on; what stood before is kept for replays. What a person said of the tone or the event of one copy holds
    for those of the same incident that nobody spoke of: a wire story does not have to be corrected forty times.
    """
    session.flush()
    for batch in in_batches(sorted(touched), PARTNERS):
        _regroup(session, {partner_id: touched[partner_id] for partner_id in batch}, now)
    session.flush()


def hold(session: Session, partner_ids: Collection[uuid.UUID]) -> None:
    """Keep others from changing what is told of these partners until this transaction ends.

    Two that group anew at once would each end the same mention and write another: it would stand twice. SQLite lets
    one write at a time anyway.
    """
    for batch in in_batches(sorted(partner_ids)):
        query = select(Partner.id).where(Partner.id.in_(batch)).order_by(Partner.id)
        session.execute(query.with_for_update(key_share=True))


def supersede(session: Session, mention: Mention, now: datetime) -> Mention:
    """Return the row that stands from `now` on in place of one in force: with the same content, to be changed."""
    if mention.first_attributed_at == now:
        return mention
    fresh = Mention(**{column.key: getattr(mention, column.key) for column in Mention.__table__.columns})
    fresh.first_attributed_at = now
    mention.until = now
    session.add(fresh)
    return fresh


def _regroup(session: Session, touched: Mapping[uuid.UUID, Collection[int]], now: datetime) -> None:
    """Group anew what is told of some partners, with as many statements as for one."""
    names = partners.named(session, list(touched))
    joins = corrections.joins(session, list(touched))
    moments = _moments(session, sorted({fact_id for fact_ids in touched.values() for fact_id in fact_ids}))
    stories: list[tuple[uuid.UUID, Sequence[int]]] = []
    for partner_id, told in _told_of(session, list(touched)).items():
        changed = [moments[fact_id] for fact_id in touched[partner_id]]
        for chain in _reached(told, changed, joins.get(partner_id, corrections.Joins())):
            stories += [(partner_id, story) for story in in_batches(chain, MOST)]
    found = _articles(session, list(touched), sorted({fact_id for _, story in stories for fact_id in story}))
    for whose, facts in stories:
        articles = [found[whose, fact_id] for fact_id in facts]
        _group(session, articles, names[whose], joins.get(whose, corrections.Joins()), now)


def _told_of(session: Session, partner_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[tuple[datetime, int]]]:
    """Return when which articles told of each partner, by time; those whose words were erased, too."""
    query = select(Mention.partner_id, Fact.observed_at, Mention.fact_id).join(Fact, Fact.id == Mention.fact_id)
    query = query.where(Mention.partner_id.in_(partner_ids), Mention.until.is_(None))
    told: dict[uuid.UUID, list[tuple[datetime, int]]] = {}
    for partner_id, at, fact_id in session.execute(
        query.where(in_force(None)).order_by(Fact.observed_at, Fact.identity, Fact.id)
    ):
        told.setdefault(partner_id, []).append((at, fact_id))
    return told


def _moments(session: Session, fact_ids: Sequence[int]) -> dict[int, datetime]:
    """Return when these articles were published."""
    found: dict[int, datetime] = {}
    for batch in in_batches(fact_ids):
        found |= dict(session.execute(select(Fact.id, Fact.observed_at).where(Fact.id.in_(batch))).all())
    return found


def _reached(
    told: Sequence[tuple[datetime, int]], changed: Sequence[datetime], joins: corrections.Joins
) -> list[list[int]]:
    """Return the articles that may tell the same as what `changed` at these moments, or told the same until now.

    Each list has nothing to do with the others.
    """
    joined = {fact_id for pair in joins.together for fact_id in pair}
    linked: list[int] = []
    reached: list[list[int]] = []
    for chain in _chains(told):
        members = [fact_id for _, fact_id in chain]
        if not joined.isdisjoint(members):
            linked += members
        elif any(chain[0][0] - _APART <= at <= chain[-1][0] + _APART for at in changed):
            reached.append(members)
    return [*reached, linked] if linked else reached


def _chains(told: Sequence[tuple[datetime, int]]) -> Iterator[list[tuple[datetime, int]]]:
    """Cut articles, ordered by time, wherever nothing was told for longer than `_APART`.

    What goes on for longer than `_LONGEST` is cut at fixed days, too: a partner that is always in the news.
    """
    chain: list[tuple[datetime, int]] = []
    for one in [*told, None]:
        if chain and (one is None or one[0] - chain[-1][0] > _APART):
            pieces = groupby(chain, lambda part: (part[0] - _EPOCH) // _LONGEST)
            yield from [chain] if chain[-1][0] - chain[0][0] <= _LONGEST else (list(piece) for _, piece in pieces)
            chain = []
        if one is not None:
            chain.append(one)


def _articles(
    session: Session, partner_ids: Sequence[uuid.UUID], fact_ids: Sequence[int]
) -> dict[tuple[uuid.UUID, int], _Article]:
    found = {}
    for batch in in_batches(fact_ids):
        columns = (Fact.id, Fact.source_id, Fact.identity, Fact.observed_at, Fact.detail)
        query = select(Mention, *columns).join(Fact, Fact.id == Mention.fact_id)
        query = query.where(Mention.partner_id.in_(partner_ids), Mention.until.is_(None), Fact.id.in_(batch))
        for mention, *row in session.execute(query):
            seen = sightings.sighting(*row)
            found[mention.partner_id, mention.fact_id] = _Article(mention, seen.at, row[-1] or {}, seen)
    return found


def _group(session: Session, articles: Sequence[_Article], name: str, joins: corrections.Joins, now: datetime) -> None:
    if len(articles) == 1:  # nearly always: nothing to compare
        _place(session, articles[0], articles[0], articles[0], articles[0], now)
        return
    place = {article.mention.fact_id: number for number, article in enumerate(articles)}
    ages = [(articles[-1].at - article.at) / _DAY for article in articles]
    same = list(enumerate(sightings.same([article.seen for article in articles])))
    parted = {first for number, first in same if articles[number].mention.fact_id in joins.apart}
    apart = frozenset(number for number, first in same if first in parted)
    together = [(place[a], place[b]) for a, b in joins.together if a in place and b in place]
    together += [pair for pair in same if pair[0] in apart]  # what is set apart stays one article
    together += [pair for pair in _kept(articles, "incident") if apart.isdisjoint(pair)]
    alike = copies.cluster(
        [article.detail.get("title") or article.detail.get("summary", "") for article in articles], ages
    )
    links = [*enumerate(alike.tolist()), *same, *_kept(articles, "copy_of")]
    copied = copies.components(len(articles), links)
    told = [_told(article, name, age) for article, age in zip(articles, ages, strict=True)]
    grouped = incidents.group(told, copied, apart, together)
    places = list(zip(copied.tolist(), grouped.tolist(), strict=True))
    heard = {found: one for found, one in zip(places, articles, strict=True) if one.mention.corrected}  # the newest
    for article, (first, incident) in zip(articles, places, strict=True):
        word = article if article.mention.corrected else heard.get((first, incident), article)
        _place(session, article, articles[first], articles[incident], word, now)


def _kept(articles: Sequence[_Article], name: str) -> Iterator[tuple[int, int]]:
    """Yield links with articles whose words were erased: these cannot be compared any more, and stay where they are."""
    found: dict[int, list[int]] = {}
    for place, article in enumerate(articles):
        found.setdefault(getattr(article.mention, name), []).append(place)
    for several in found.values():
        if not all(articles[place].detail for place in several):
            yield from pairwise(several)


def _place(
    session: Session, article: _Article, first: _Article, incident: _Article, word: _Article, now: datetime
) -> None:
    """Let an article tell what it is found to: a copy of the `first`, with what a person said of its copy `word`."""
    found = {name: getattr(word.mention, name) for name in _TOLD}
    found |= {"copy_of": first.mention.fact_id, "incident": incident.mention.fact_id}
    if any(getattr(article.mention, name) != value for name, value in found.items()):
        row = supersede(session, article.mention, now)
        for name, value in found.items():
            setattr(row, name, value)


def _told(article: _Article, name: str, age: float) -> incidents.Told:
    words = f"{article.detail.get('title', '')} {article.detail.get('summary', '')}"
    for own in (article.mention.alias, name):
        words = re.sub(re.escape(own), " ", words, flags=re.IGNORECASE) if own else words
    return incidents.Told(words, article.mention.event, age)
