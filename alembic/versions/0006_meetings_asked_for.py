"""Meetings that a person asked for: who and why; one alert may be met about more than once; attendees by person.

An attendee gets the id of the person with that address. Going back keeps of each alert the meeting proposed last: the
schema before knew no more than one.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

meeting = sa.table("meeting", *map(sa.column, ("id", "alert_id", "proposed_at")), sa.column("attendees", sa.JSON))
person = sa.table("person", sa.column("id", sa.Uuid), sa.column("email"))


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("meeting") as batch_op:
        batch_op.add_column(sa.Column("proposed_by", sa.String(length=320), nullable=True))
        batch_op.add_column(sa.Column("proposed_why", sa.String(), nullable=True))
        batch_op.drop_constraint("uq_meeting_alert_id", type_="unique")
        batch_op.create_index("ix_meeting_alert_id", ["alert_id"])
    known = {row.email: str(row.id) for row in op.get_bind().execute(sa.select(person))}
    _rewrite(lambda one: {**one, "person": known[one["email"]]} if one["email"] in known else one)


def _rewrite(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change every attendee of every meeting."""
    for row in op.get_bind().execute(sa.select(meeting.c.id, meeting.c.attendees)).all():
        attendees = [change(one) for one in row.attendees]
        if attendees != row.attendees:
            op.execute(sa.update(meeting).where(meeting.c.id == row.id).values(attendees=attendees))


def downgrade() -> None:
    """Take back."""
    newest_first = sa.func.row_number().over(
        partition_by=meeting.c.alert_id, order_by=(meeting.c.proposed_at.desc(), meeting.c.id.desc())
    )
    listed = sa.select(meeting.c.id, newest_first.label("place")).subquery()
    earlier = sa.select(listed.c.id).where(listed.c.place > 1)
    # On SQLite tables are not tied to each other while they are made anew: what refers to a meeting is seen to here.
    for name in ("action", "notification"):
        tied = sa.table(name, sa.column("meeting_id"))
        op.execute(sa.update(tied).where(tied.c.meeting_id.in_(earlier)).values(meeting_id=None))
    reply = sa.table("meeting_reply", sa.column("meeting_id"))
    op.execute(sa.delete(reply).where(reply.c.meeting_id.in_(earlier)))
    op.execute(sa.delete(meeting).where(meeting.c.id.in_(earlier)))
    with op.batch_alter_table("meeting") as batch_op:
        batch_op.drop_index("ix_meeting_alert_id")
        batch_op.create_unique_constraint("uq_meeting_alert_id", ["alert_id"])
        batch_op.drop_column("proposed_why")
        batch_op.drop_column("proposed_by")
    _rewrite(lambda one: {name: value for name, value in one.items() if name not in ("person", "for", "before")})
