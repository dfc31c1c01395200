"""Headlines of our own to learn reading from: one a story and partner, newest first, with what people said of them."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from scorers.news.events import LEXICON_OF
from warden.domain import FactKind
from warden.models import Fact, Mention, Reading
from warden.store import corrections, partners
from warden.store.batches import in_batches
from warden.store.corrections import Labelled
from warden.store.facts import in_force

MOST_SUMMARY = 600
"""Characters of a summary handed on; reading looks at fewer."""

Articles = Mapping[int, Mapping[str, Any]]  # fact → detail
Named = Mapping[int, Sequence[tuple[uuid.UUID | None, str | None, int]]]  # fact → (partner, name, story)


@dataclass(frozen=True, slots=True)
class Headline:
    """One story towards one partner, None: it names nobody. `label`: the tone a person named, None: nobody did."""

    title: str
    summary: str
    target: str | None
    label: str | None = None
    labelled_at: datetime | None = None


def of_language(session: Session, part: str, now: datetime, most: int) -> list[Headline]:
    """Return the newest headlines of a part of the lexicon ("en", "zh", "vi"), at most so many, and all labelled ones.

    Copies of a story are one headline, and of labels given to copies the newest counts. Articles whose words were
    erased teach nothing.
    """
    said = corrections.labelled(session, now)
    latest = _of_part(part).where(in_force(None)).order_by(Fact.observed_at.desc(), Fact.id.desc())
    newest = _details(session, latest.limit(most))
    articles = dict(newest)  # with those labelled before their source edited them: the words that people judged
    for batch in in_batches([one.fact_id for one in said if one.fact_id not in newest]):
        articles |= _details(session, _of_part(part).where(Fact.id.in_(batch)))
    said = [one for one in said if one.fact_id in articles]
    named = _named(session, articles)
    labelled = _labelled(session, said, articles, named)
    unlabelled = _unlabelled(newest, named, labelled.keys())
    return [*labelled.values(), *unlabelled[:most]]


def _of_part(part: str) -> Select[tuple[int, dict[str, Any] | None]]:
    languages = [language for language, spoken in LEXICON_OF.items() if spoken == part]
    query = select(Fact.id, Fact.detail).join(Reading, Reading.fact_id == Fact.id)
    return query.where(Fact.kind == FactKind.ARTICLE, Fact.detail.is_not(None), Reading.language.in_(languages))


def _details(session: Session, query: Select[tuple[int, dict[str, Any] | None]]) -> dict[int, Mapping[str, Any]]:
    return {fact_id: detail or {} for fact_id, detail in session.execute(query)}


def _named(session: Session, fact_ids: Collection[int]) -> Named:
    found: dict[int, list[tuple[uuid.UUID | None, str | None, int]]] = defaultdict(list)
    query = select(Mention.fact_id, Mention.partner_id, Mention.alias, Mention.copy_of).where(Mention.until.is_(None))
    for batch in in_batches(list(fact_ids)):
        for fact_id, partner_id, alias, story in session.execute(query.where(Mention.fact_id.in_(batch))):
            found[fact_id].append((partner_id, alias, story))
    return found


def _labelled(
    session: Session, said: Sequence[Labelled], articles: Articles, named: Named
) -> dict[tuple[int | str, uuid.UUID | None], Headline]:
    """What people said, by story and partner; `said` is oldest first, and the newest counts."""
    names = partners.named(session, {one.partner_id for one in said})
    found: dict[tuple[int | str, uuid.UUID | None], Headline] = {}
    for one in said:
        known = {partner_id: (alias, story) for partner_id, alias, story in named.get(one.fact_id, ())}
        target, story = known.get(one.partner_id, (names.get(one.partner_id), one.fact_id))
        found[story, one.partner_id] = _headline(articles[one.fact_id], target, one.label, one.created_at)
    return found


def _unlabelled(
    newest: Articles, named: Named, labelled: Collection[tuple[int | str, uuid.UUID | None]]
) -> list[Headline]:
    found: dict[tuple[int | str, uuid.UUID | None], Headline] = {}
    for fact_id, detail in newest.items():
        for partner_id, target, story in named.get(fact_id, [(None, None, fact_id)]):
            key = (story if partner_id else _title(detail), partner_id)
            if key not in labelled and _title(detail):
                found.setdefault(key, _headline(detail, target))
    return list(found.values())


def _headline(
    detail: Mapping[str, Any], target: str | None, label: str | None = None, labelled_at: datetime | None = None
) -> Headline:
    return Headline(_title(detail), (detail.get("summary") or "")[:MOST_SUMMARY], target, label, labelled_at)


def _title(detail: Mapping[str, Any]) -> str:
    return detail.get("title") or ""
