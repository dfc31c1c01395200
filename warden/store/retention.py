"""Words of old articles erased: titles, summaries, links, phrases. Who was named, when and how stays to the digit."""

from datetime import datetime

from sqlalchemy import null, select, update
from sqlalchemy.orm import Session

from warden.domain import FactKind
from warden.models import Fact, Mention


def erase_words(session: Session, before: datetime, limit: int = 1_000) -> int:
    """Erase the words of at most `limit` articles dated before a moment, superseded ones too; return of how many.

    Identity and digest stay, so that the same article reported again is known.
    """
    old = select(Fact.id).where(Fact.kind == FactKind.ARTICLE, Fact.observed_at < before, Fact.detail.is_not(None))
    fact_ids = session.scalars(old.order_by(Fact.observed_at).limit(limit)).all()
    words = {"alias": "", "triggers": [], "reasons": []}
    session.execute(update(Mention).where(Mention.fact_id.in_(fact_ids)).values(words))
    session.execute(update(Fact).where(Fact.id.in_(fact_ids)).values(detail=null()))
    return len(fact_ids)
