"""Deciding: notices, routes, and what keeps alerts bearable.

Columns are added with a default that stays in the database, for the reason told in revision 0002.
"""

from typing import Any

import sqlalchemy as sa

from alembic import op
from warden.db import UtcDateTime

revision = "0004"
down_revision = "0004a"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ADDED = {
    "alert": ["escalation_step", "escalate_at", "diagnosis"],
    "decision": ["cause", "rule_version"],
    "rule_status": ["unstable_since"],
    "partner": ["region"],
}


def upgrade() -> None:
    """Apply."""
    op.add_column("alert", sa.Column("escalation_step", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("alert", sa.Column("escalate_at", UtcDateTime(), nullable=True))
    op.add_column("alert", sa.Column("diagnosis", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("decision", sa.Column("cause", sa.String(length=32), nullable=False, server_default="new_facts"))
    op.add_column("decision", sa.Column("rule_version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("rule_status", sa.Column("unstable_since", UtcDateTime(), nullable=True))
    op.add_column("partner", sa.Column("region", sa.String(length=60), nullable=False, server_default=""))
    _create_notice()
    _create_told()
    _create_alert_event()
    _create_route()
    _create_silence()
    _create_verdict()
    _create_assignment()
    _keep_told()


def downgrade() -> None:
    """Take back."""
    for table, names in ADDED.items():
        for name in names:
            op.drop_column(table, name)
    for table in ("assignment", "verdict", "silence", "route", "alert_event", "told", "notice"):
        op.drop_table(table)


def _create_notice() -> None:
    op.create_table(
        "notice",
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.Column("held_back", sa.String(length=32), nullable=True),
        sa.Column("why", sa.JSON(), nullable=False),
        sa.Column("alerts", sa.JSON(), nullable=False),
        sa.Column("partners", sa.JSON(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_notice_partner_id_partner"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("key", name=op.f("uq_notice_key")),
    )
    op.create_index("ix_notice_at_id", "notice", ["at", "id"])
    op.create_index("ix_notice_partner_id_at", "notice", ["partner_id", "at"])


def _create_told() -> None:
    op.create_table(
        "told",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("destination_id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=False),
        sa.Column("alerts", sa.JSON(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["destination_id"], ["destination.id"], name=op.f("fk_told_destination_id_destination"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_told_partner_id_partner"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("partner_id", "destination_id", "recipient", name=op.f("pk_told")),
    )


def _create_alert_event() -> None:
    op.create_table(
        "alert_event",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.JSON(), nullable=False),
        sa.Column("announced_at", UtcDateTime(), nullable=True),
        sa.Column("notice_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alert.id"], name=op.f("fk_alert_event_alert_id_alert"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notice.id"], name=op.f("fk_alert_event_notice_id_notice"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_alert_event_partner_id_partner"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_event")),
    )
    op.create_index(op.f("ix_alert_event_alert_id"), "alert_event", ["alert_id"])
    op.create_index("ix_alert_event_announced_at_id", "alert_event", ["announced_at", "id"])
    op.create_index(op.f("ix_alert_event_partner_id"), "alert_event", ["partner_id"])


def _create_route() -> None:
    op.create_table(
        "route",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("matchers", sa.JSON(), nullable=False),
        sa.Column("destination_ids", sa.JSON(), nullable=False),
        sa.Column("people", sa.JSON(), nullable=False),
        sa.Column("goes_on", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_route")),
        sa.UniqueConstraint("name", name=op.f("uq_route_name")),
    )


def _create_silence() -> None:
    op.create_table(
        "silence",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("matchers", sa.JSON(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("author", sa.String(length=320), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=320), nullable=True),
        sa.Column("announced_at", UtcDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silence")),
    )
    op.create_index("ix_silence_ends_at", "silence", ["ends_at"])


def _create_verdict() -> None:
    op.create_table(
        "verdict",
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("worth", sa.String(length=32), nullable=False),
        sa.Column("author", sa.String(length=320), nullable=False),
        sa.Column("via", sa.String(length=40), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_verdict_alert_id_alert"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdict")),
    )
    op.create_index(op.f("ix_verdict_alert_id"), "verdict", ["alert_id"])


def _create_assignment() -> None:
    op.create_table(
        "assignment",
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("author", sa.String(length=320), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alert.id"], name=op.f("fk_assignment_alert_id_alert"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_assignment_person_id_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
    )
    op.create_index(op.f("ix_assignment_alert_id"), "assignment", ["alert_id"])


def _keep_told() -> None:
    """Note who was told of the alerts that fire, so that they hear of their end."""
    alert = sa.table("alert", sa.column("id", sa.Uuid()), *map(sa.column, ("state", "severity")))
    uuids = (sa.column(name, sa.Uuid()) for name in ("partner_id", "destination_id", "alert_id"))
    sent = sa.table(
        "notification", *uuids, *map(sa.column, ("reason", "recipient")), sa.column("created_at", UtcDateTime())
    )
    query = (
        sa.select(sent.c.partner_id, sent.c.destination_id, sent.c.recipient, sent.c.created_at, alert)
        .join_from(sent, alert, alert.c.id == sent.c.alert_id)
        .where(sent.c.reason == "alert_fired", alert.c.state == "firing", sent.c.partner_id.is_not(None))
        .order_by(sent.c.created_at)
    )
    rows: dict[tuple[object, ...], dict[str, Any]] = {}
    for one in op.get_bind().execute(query).mappings():
        place = (one["partner_id"], one["destination_id"], one["recipient"] or "")
        names = ("partner_id", "destination_id", "recipient")
        row = rows.setdefault(place, {**dict(zip(names, place, strict=True)), "alerts": {}})
        row["alerts"][str(one["id"])] = {"severity": one["severity"], "rank": None}
        row["at"] = one["created_at"]
    if rows:
        told = sa.table(
            "told",
            *(sa.column(name, sa.Uuid()) for name in ("partner_id", "destination_id")),
            sa.column("recipient"),
            sa.column("alerts", sa.JSON()),
            sa.column("at", UtcDateTime()),
        )
        op.bulk_insert(told, list(rows.values()))
