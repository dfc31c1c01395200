"""Names and what they match: all of them for the reader, the ambiguous ones for people, and what a change would do."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from scorers.news import match
from scorers.news.ambiguity import ambiguity
from scorers.news.features import joined
from scorers.news.text import fold, plain
from warden.domain import CorrectionKind, FactKind
from warden.models import Alias, Fact, Mention, Partner
from warden.store import corrections, identifiers, partners, sightings
from warden.store.batches import in_batches
from warden.store.facts import in_force
from warden.store.periods import mentioned
from warden.store.sightings import Sighting

WINDOW = timedelta(days=90)
"""How far back examples and previews look."""

MOST_ARTICLES = 20_000
"""The newest articles of the window that they look at: some seconds of work."""

EXAMPLES = 5
"""Headlines shown beside a name to review."""

HEADLINES = 20
"""Headlines shown in a preview."""

SHARED = "shared"
"""Why a name is to be reviewed: another partner has it, too. The other reasons are those of `ambiguity`."""

_BATCH = 1_000


class Mark(StrEnum):
    """What a change of a name would do with an article."""

    NEW = "new"
    LOST = "lost"
    KEPT = "kept"


class Answer(StrEnum):
    """What a person says of an ambiguous name."""

    BY_ITSELF = "by_itself"
    SECOND_CUE = "second_cue"
    LETTER_CASE = "letter_case"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Flags:
    """How a name is looked for; see models.Alias."""

    case_sensitive: bool = False
    needs_context: bool = False
    exclude: bool = False


FLAGS: Mapping[Answer, Flags] = {
    Answer.BY_ITSELF: Flags(),
    Answer.SECOND_CUE: Flags(needs_context=True),
    Answer.LETTER_CASE: Flags(case_sensitive=True),
    Answer.NEVER: Flags(exclude=True),
}


@dataclass(frozen=True, slots=True)
class Headline:
    """One article as a preview shows it. `counts`: it names the partner as it is read now."""

    fact_id: int
    at: datetime
    title: str
    url: str
    counts: bool
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A name nobody has reviewed yet, and why somebody should. `why`: SHARED, or as `ambiguity` says."""

    partner_id: uuid.UUID
    partner: str
    text: str
    own: bool  # the partner's own name, which is no alias yet
    why: tuple[str, ...]
    headlines: Sequence[Headline] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What a changed name would have matched. `counts`: articles by mark; `headlines`: some of them, changes first.

    looked: articles that were looked at; is_cut: there are more in the window.
    """

    looked: int
    is_cut: bool
    counts: Mapping[Mark, int]
    headlines: Sequence[Headline]


@dataclass(frozen=True, slots=True)
class _Article:
    fact_id: int
    at: datetime
    title: str
    url: str
    text: str  # as names are compared with it
    row: tuple[uuid.UUID, bytes, dict[str, Any]]  # source, identity, detail

    @property
    def seen(self) -> Sighting:
        source_id, identity, detail = self.row
        return sightings.sighting(self.fact_id, source_id, identity, self.at, detail)

    def headline(self, *, counts: bool, mark: Mark | None = None) -> Headline:
        return Headline(self.fact_id, self.at, self.title, self.url, counts, mark)


def known(session: Session) -> list[match.Alias]:
    """Return every name partners are known by: their aliases, and their own name unless an alias spells it too.

    What a person reviewed is trusted.
    """
    cues = partners.cues(session)
    found = {
        (alias.partner_id, alias.text): _alias(
            alias.partner_id,
            alias.text,
            Flags(alias.case_sensitive, alias.needs_context, alias.exclude),
            cues,
            trusted=alias.reviewed_at is not None,
        )
        for alias in identifiers.all_aliases(session)
    }
    for partner_id, name in partners.names(session):
        found.setdefault((partner_id, name), _alias(partner_id, name, Flags(), cues, trusted=False))
    return list(found.values())


def review(session: Session, partner: Partner, text: str, answer: Answer, *, author: str, now: datetime) -> Alias:
    """Write down what a person says of a name; a partner's own name becomes an alias. Raises InvalidInput."""
    flags = FLAGS[answer]
    return identifiers.add_alias(
        session,
        partner,
        text,
        now,
        case_sensitive=flags.case_sensitive,
        needs_context=flags.needs_context,
        exclude=flags.exclude,
        reviewed_by=author,
    )


def to_review(session: Session) -> list[Ambiguous]:
    """Return the ambiguous names nobody has reviewed, by partner, without examples."""
    called = dict(partners.names(session))
    query = select(Alias.partner_id, Alias.text, Alias.exclude, Alias.reviewed_at.is_not(None))
    everything = dict.fromkeys(called.items(), (True, False, False))  # own, excluded, reviewed
    for partner_id, text, excluded, reviewed in session.execute(query):
        everything[partner_id, text] = False, excluded, reviewed
    owners: dict[str, set[uuid.UUID]] = defaultdict(set)
    for (partner_id, text), (_, excluded, _) in everything.items():
        if not excluded:
            owners[_key(text)].add(partner_id)
    found = [
        Ambiguous(partner_id, called[partner_id], text, own, why)
        for (partner_id, text), (own, excluded, reviewed) in everything.items()
        if not (excluded or reviewed) and (why := _reasons(text, shared=len(owners[_key(text)]) > 1))
    ]
    return sorted(found, key=lambda one: (one.partner.casefold(), one.partner_id, one.text))


def with_examples(session: Session, names: Sequence[Ambiguous], now: datetime) -> list[Ambiguous]:
    """Return these names with headlines that hold them, whatever their letter case, newest first."""
    matcher = match.Matcher([match.Alias(place, one.text, trusted=True) for place, one in enumerate(names)])
    found: dict[int, list[_Article]] = {place: [] for place in range(len(names))}
    for article in _articles(session, now, MOST_ARTICLES):
        for place in _named(matcher, article.text):
            if len(found[place]) < EXAMPLES:
                found[place] = _once([*found[place], article])
        if all(len(shown) == EXAMPLES for shown in found.values()):
            break
    numbers = {article.fact_id for shown in found.values() for article in shown}
    counting = _counting(session, numbers)
    return [
        replace(
            one,
            headlines=[
                article.headline(counts=(article.fact_id, one.partner_id) in counting) for article in found[place]
            ],
        )
        for place, one in enumerate(names)
    ]


def preview(session: Session, partner: Partner, text: str, flags: Flags | None, now: datetime) -> Preview:
    """Say what a name does if it is looked for so (None: no more) with the articles it stands in. Nothing is stored.

    The name counts as reviewed, as it will once it is saved. What people said of articles stands either way.
    """
    loose = match.Matcher([match.Alias(partner.id, text, trusted=True)])
    looked, seen = 0, []
    for article in _articles(session, now, MOST_ARTICLES + 1):
        looked += 1
        if looked <= MOST_ARTICLES and _named(loose, article.text):
            seen.append(article)
    after = _changed(session, partner, text, flags) if seen else []
    marked = _marked(session, partner.id, _once(seen), after) if seen else []
    order = list(Mark)
    shown = sorted(marked, key=lambda one: order.index(one.mark or Mark.KEPT))[:HEADLINES]  # stable: newest first
    counts = {mark: sum(one.mark is mark for one in marked) for mark in Mark}
    return Preview(min(looked, MOST_ARTICLES), looked > MOST_ARTICLES, counts, shown)


def _marked(
    session: Session, partner_id: uuid.UUID, articles: Sequence[_Article], after: Sequence[match.Alias]
) -> list[Headline]:
    matcher = match.Matcher(after)
    numbers = [article.fact_id for article in articles]
    counting = _counting(session, numbers)
    foreign = {
        whom
        for batch in in_batches(numbers)
        for whom, said in corrections.in_force(session, batch).items()
        if said.get(CorrectionKind.ABOUT, {}).get("about") is False
    }
    marked = []
    for article in articles:
        whom = article.fact_id, partner_id
        is_named, counts = whom not in foreign and partner_id in _named(matcher, article.text), whom in counting
        if is_named or counts:
            mark = Mark.LOST if not is_named else Mark.KEPT if counts else Mark.NEW
            marked.append(article.headline(counts=counts, mark=mark))
    return marked


def _changed(session: Session, partner: Partner, text: str, flags: Flags | None) -> list[match.Alias]:
    """Return all names as they would be; a partner's own name is looked for whether it is an alias or not."""
    cues = partners.cues(session)
    others = [one for one in known(session) if (one.partner, one.text) != (partner.id, text)]
    if flags is not None:
        return [*others, _alias(partner.id, text, flags, cues, trusted=True)]
    return [*others, _alias(partner.id, text, Flags(), cues, trusted=False)] if text == partner.name else others


def _alias(
    partner_id: uuid.UUID, text: str, flags: Flags, cues: Mapping[uuid.UUID, tuple[str, ...]], *, trusted: bool
) -> match.Alias:
    return match.Alias(
        partner_id,
        text,
        case_sensitive=flags.case_sensitive,
        needs_context=flags.needs_context,
        exclude=flags.exclude,
        cues=cues.get(partner_id, ()),
        trusted=trusted,
    )


def _articles(session: Session, now: datetime, most: int) -> Iterator[_Article]:
    """Yield the newest articles of the window, newest first."""
    query = select(Fact.id, Fact.observed_at, Fact.source_id, Fact.identity, Fact.detail)
    query = query.where(Fact.kind == FactKind.ARTICLE, in_force(None), Fact.detail.is_not(None))
    query = query.where(Fact.observed_at > now - WINDOW).order_by(Fact.observed_at.desc(), Fact.id.desc()).limit(most)
    for number, at, source_id, identity, detail in session.execute(query.execution_options(yield_per=_BATCH)):
        title, summary = detail.get("title") or "", detail.get("summary") or ""
        text, _ = joined(plain(title), plain(summary))
        row = source_id, identity, detail
        yield _Article(number, at, title or summary[:200], detail.get("url") or "", text, row)


def _once(articles: Sequence[_Article]) -> list[_Article]:
    """Return each article once, however many feeds it came through."""
    same = sightings.same([article.seen for article in articles])
    return [article for place, article in enumerate(articles) if same[place] == place]


def _named(matcher: match.Matcher, text: str) -> set[Any]:
    return {alias.partner for hit in matcher.find(text) for alias in hit.aliases}


def _counting(session: Session, fact_ids: Collection[int]) -> set[tuple[int, uuid.UUID]]:
    """Return which of these articles name which partner, as they are read now."""
    query = select(Mention.fact_id, Mention.partner_id).where(mentioned(None))
    return {
        (fact_id, partner_id)
        for batch in in_batches(sorted(fact_ids))
        for fact_id, partner_id in session.execute(query.where(Mention.fact_id.in_(batch)))
    }


def _reasons(text: str, *, shared: bool) -> tuple[str, ...]:
    own = _ambiguity(text)
    return (*([own] if own else []), *([SHARED] if shared else []))


@lru_cache(maxsize=50_000)
def _ambiguity(text: str) -> str | None:
    return ambiguity(text)


@lru_cache(maxsize=50_000)
def _key(text: str) -> str:
    """Return the spelling in which two names are the same."""
    return fold(match.comparable(text))
