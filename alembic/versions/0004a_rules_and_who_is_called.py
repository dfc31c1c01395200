"""Versions of rules and their settings, playbooks, and who is called and who stands in.

Columns are added with a default that stays in the database, for the reason told in revision 0002.
"""

import uuid

import sqlalchemy as sa

from alembic import op
from warden.db import UtcDateTime

revision = "0004a"
down_revision = "0003"
branch_labels = None
depends_on = None

ADDED = ("parameters", "no_data", "no_data_for_seconds", "inhibited_by")
"""Columns of a rule."""

DEFINED = (
    "names",
    "descriptions",
    "condition",
    "inhibit_when",
    "parameters",
    "for_seconds",
    "keep_firing_for_seconds",
    "severity",
    "no_data",
    "no_data_for_seconds",
    "inhibited_by",
    "meeting_within_days",
    "enabled",
)
"""What a version of a rule defines."""

RULE = {
    "id": sa.Uuid(),
    "version": sa.Integer(),
    "updated_at": UtcDateTime(),
    **dict.fromkeys(("names", "descriptions", "parameters", "inhibited_by"), sa.JSON()),
    **dict.fromkeys(("condition", "inhibit_when", "severity", "no_data"), sa.String()),
    **dict.fromkeys(
        ("for_seconds", "keep_firing_for_seconds", "no_data_for_seconds", "meeting_within_days"), sa.Integer()
    ),
    "enabled": sa.Boolean(),
}
VERSION = {
    **dict.fromkeys(("id", "rule_id"), sa.Uuid()),
    "number": sa.Integer(),
    **dict.fromkeys(("status", "note", "author", "activated_by"), sa.String()),
    "definition": sa.JSON(),
    **dict.fromkeys(("created_at", "activated_at"), UtcDateTime()),
}


def upgrade() -> None:
    """Apply."""
    op.add_column("rule", sa.Column("parameters", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("rule", sa.Column("no_data", sa.String(length=32), nullable=False, server_default="keep"))
    op.add_column("rule", sa.Column("no_data_for_seconds", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("rule", sa.Column("inhibited_by", sa.JSON(), nullable=False, server_default="[]"))
    _create_rule_version()
    _create_rule_setting()
    _create_playbook()
    _create_escalation_step()
    _create_deputy()
    _create_absence()
    _create_duty()
    _keep_versions()


def downgrade() -> None:
    """Take back."""
    for name in ADDED:
        op.drop_column("rule", name)
    for table in ("duty", "absence", "deputy", "escalation_step", "playbook", "rule_setting", "rule_version"):
        op.drop_table(table)


def _create_rule_version() -> None:
    op.create_table(
        "rule_version",
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("author", sa.String(length=320), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("activated_at", UtcDateTime(), nullable=True),
        sa.Column("activated_by", sa.String(length=320), nullable=True),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.Column("rehearsal", sa.JSON(), nullable=True),
        sa.Column("rehearsed_at", UtcDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["rule.id"], name=op.f("fk_rule_version_rule_id_rule"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_version")),
        sa.UniqueConstraint("rule_id", "number", name=op.f("uq_rule_version_rule_id_number")),
    )


def _create_rule_setting() -> None:
    op.create_table(
        "rule_setting",
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.String(length=32), nullable=False),
        sa.Column("tier", sa.String(length=40), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("author", sa.String(length=320), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=320), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_rule_setting_partner_id_partner"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["rule.id"], name=op.f("fk_rule_setting_rule_id_rule"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_setting")),
    )
    op.create_index(op.f("ix_rule_setting_partner_id"), "rule_setting", ["partner_id"])
    op.create_index(op.f("ix_rule_setting_rule_id"), "rule_setting", ["rule_id"])


def _create_playbook() -> None:
    op.create_table(
        "playbook",
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("titles", sa.JSON(), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("author", sa.String(length=320), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("activated_at", UtcDateTime(), nullable=True),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_playbook")),
        sa.UniqueConstraint("cause", "number", name=op.f("uq_playbook_cause_number")),
    )


def _create_escalation_step() -> None:
    op.create_table(
        "escalation_step",
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("after_minutes", sa.Integer(), nullable=False),
        sa.Column("working_hours", sa.Boolean(), nullable=False),
        sa.Column("to", sa.String(length=32), nullable=False),
        sa.Column("destination_id", sa.Uuid(), nullable=True),
        sa.Column("min_severity", sa.String(length=32), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["destination_id"], ["destination.id"], name=op.f("fk_escalation_step_destination_id_destination")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_escalation_step")),
        sa.UniqueConstraint("position", name=op.f("uq_escalation_step_position")),
    )


def _create_deputy() -> None:
    op.create_table(
        "deputy",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("deputy_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deputy_id"], ["person.id"], name=op.f("fk_deputy_deputy_id_person"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_deputy_person_id_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_deputy")),
    )


def _create_absence() -> None:
    op.create_table(
        "absence",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("deputy_id", sa.Uuid(), nullable=True),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("author", sa.String(length=320), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deputy_id"], ["person.id"], name=op.f("fk_absence_deputy_id_person"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_absence_person_id_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence")),
    )
    op.create_index("ix_absence_person_id_starts_at", "absence", ["person_id", "starts_at"])


def _create_duty() -> None:
    op.create_table(
        "duty",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("author", sa.String(length=320), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_duty_person_id_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty")),
    )
    op.create_index("ix_duty_starts_at", "duty", ["starts_at"])


def _keep_versions() -> None:
    """Give every rule the version it has now, so that its history begins with something."""
    rule = sa.table("rule", *(sa.column(name, kind) for name, kind in RULE.items()))
    version = sa.table("rule_version", *(sa.column(name, kind) for name, kind in VERSION.items()))
    rows = [
        {
            "id": uuid.uuid4(),
            "rule_id": row["id"],
            "number": row["version"],
            "status": "active",
            "definition": {name: row[name] for name in DEFINED},
            "note": "",
            "author": "warden",
            "created_at": row["updated_at"],
            "activated_at": row["updated_at"],
            "activated_by": "warden",
        }
        for row in op.get_bind().execute(sa.select(rule)).mappings()
    ]
    if rows:
        op.bulk_insert(version, rows)
