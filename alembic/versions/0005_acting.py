"""Acting: replies, actions, cadences, confirmed messages and monthly digests.

Columns are added with a default that stays in the database, for the reason told in revision 0002.
"""

import sqlalchemy as sa

from alembic import op
from warden.db import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ADDED = {
    "destination": ["canary_hours", "canary_sent_at", "canary_confirmed_at"],
    "digest": ["day", "when_empty"],
    "meeting": ["level", "five_whys"],
    "notification": ["confirmed_at"],
}


def upgrade() -> None:
    """Apply."""
    op.add_column("destination", sa.Column("canary_hours", sa.Integer(), nullable=True))
    op.add_column("destination", sa.Column("canary_sent_at", UtcDateTime(), nullable=True))
    op.add_column("destination", sa.Column("canary_confirmed_at", UtcDateTime(), nullable=True))
    op.add_column("digest", sa.Column("day", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("digest", sa.Column("when_empty", sa.String(length=32), nullable=False, server_default="send"))
    op.add_column("meeting", sa.Column("level", sa.String(length=32), nullable=False, server_default="executive"))
    op.add_column("meeting", sa.Column("five_whys", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("notification", sa.Column("confirmed_at", UtcDateTime(), nullable=True))
    _create_meeting_reply()
    _create_action()
    _create_cadence()


def downgrade() -> None:
    """Take back."""
    for table, names in ADDED.items():
        for name in names:
            op.drop_column(table, name)
    for table in ("cadence", "action", "meeting_reply"):
        op.drop_table(table)


def _create_meeting_reply() -> None:
    op.create_table(
        "meeting_reply",
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("partstat", sa.String(length=20), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meeting.id"], name=op.f("fk_meeting_reply_meeting_id_meeting"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting_reply")),
        sa.UniqueConstraint(
            "meeting_id", "email", "sequence", "at", name=op.f("uq_meeting_reply_meeting_id_email_sequence_at")
        ),
    )
    op.create_index(op.f("ix_meeting_reply_meeting_id"), "meeting_reply", ["meeting_id"])


def _create_action() -> None:
    op.create_table(
        "action",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("meeting_id", sa.Uuid(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("side", sa.String(length=32), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("author", sa.String(length=320), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("done_by", sa.String(length=320), nullable=True),
        sa.Column("dropped_why", sa.String(), nullable=True),
        sa.Column("reminded_at", UtcDateTime(), nullable=True),
        sa.Column("chased_at", UtcDateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meeting.id"], name=op.f("fk_action_meeting_id_meeting"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["person.id"], name=op.f("fk_action_owner_id_person")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_action_partner_id_partner"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_action")),
    )
    op.create_index("ix_action_done_at_due_on", "action", ["done_at", "due_on"])
    op.create_index(op.f("ix_action_meeting_id"), "action", ["meeting_id"])
    op.create_index(op.f("ix_action_partner_id"), "action", ["partner_id"])


def _create_cadence() -> None:
    op.create_table(
        "cadence",
        sa.Column("level", sa.String(length=32), nullable=False),
        sa.Column("scope", sa.String(length=32), nullable=False),
        sa.Column("tier", sa.String(length=40), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("every_days", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("author", sa.String(length=320), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_cadence_partner_id_partner"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cadence")),
    )
    op.create_index(op.f("ix_cadence_partner_id"), "cadence", ["partner_id"])
