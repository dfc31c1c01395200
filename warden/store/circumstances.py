"""What rules look at of partners beside assessments and measures: attributes as they were, and meetings missed."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, or_, select
from sqlalchemy.orm import Session

from warden.domain import MeetingStatus
from warden.models import Meeting, Partner, PartnerVersion
from warden.store.batches import in_batches
from warden.store.periods import valid


def attributes(session: Session, partner_ids: Sequence[uuid.UUID], at: datetime) -> Iterator[Row[Any]]:
    """Yield id, tier, time_zone, region, tags and what contracts and spending say of each partner, as of `at`.

    Region and tags are today's; of a partner that was not there yet, so are tier and zone, and the rest is None.
    """
    version = PartnerVersion
    query = select(
        Partner.id,
        func.coalesce(version.tier, Partner.tier).label("tier"),
        func.coalesce(version.time_zone, Partner.time_zone).label("time_zone"),
        Partner.region,
        Partner.tags,
        version.country,
        version.annual_value,
        version.currency,
        version.share,
        version.months_to_replace,
        version.single_source,
        version.contract_end,
    ).outerjoin(version, and_(version.partner_id == Partner.id, valid(version, at)))
    for ids in in_batches(partner_ids):
        yield from session.execute(query.where(Partner.id.in_(ids)))


def missed_meetings(session: Session, at: datetime) -> dict[uuid.UUID, int]:
    """Return how many meetings had been missed by `at` and were still to be held; partners without any are absent.

    Of the past those that were waived since are left out: when they were is not kept.
    """
    since_held = and_(Meeting.status == MeetingStatus.HELD, Meeting.recorded_at > at)
    was_open = or_(Meeting.status == MeetingStatus.MISSED, since_held)
    query = select(Meeting.partner_id, func.count()).where(Meeting.escalated_at <= at, was_open)
    return dict(session.execute(query.group_by(Meeting.partner_id)).all())
