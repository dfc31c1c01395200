"""Public talk: incidents, corrections by people, and what reads the tone of a language.

Databases made by the very first version lack a column and some indexes that its successors made with the first tables;
they get them here.

Columns are added with a default that stays in the database, for the reason told in the revision before. Every article
is its own incident until it is read again.
"""

import sqlalchemy as sa

from alembic import op
from warden.db import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ADDED = {
    "alias": ["reviewed_at", "reviewed_by"],
    "mention": ["reasons", "corrected", "copy_of", "incident"],
    "reading": ["outlet"],
}


FIRST_INDEXES = {
    "decision": {"ix_decision_at_id": ["at", "id"]},
    "alert": {"ix_alert_fired_at_id": ["fired_at", "id"], "ix_alert_state_fired_at_id": ["state", "fired_at", "id"]},
}


def upgrade() -> None:
    """Apply."""
    _complete_first_tables()
    op.add_column("alias", sa.Column("reviewed_at", UtcDateTime(), nullable=True))
    op.add_column("alias", sa.Column("reviewed_by", sa.String(length=320), nullable=True))
    op.add_column("reading", sa.Column("outlet", sa.String(length=100), nullable=False, server_default=""))
    op.add_column("mention", sa.Column("reasons", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("mention", sa.Column("corrected", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("mention", sa.Column("copy_of", ROW_ID, nullable=False, server_default="0"))
    op.add_column("mention", sa.Column("incident", ROW_ID, nullable=False, server_default="0"))
    op.execute("UPDATE mention SET copy_of = fact_id, incident = fact_id")
    _create_correction()
    _create_news_model()


def downgrade() -> None:
    """Take back."""
    for table, names in ADDED.items():
        for name in names:
            op.drop_column(table, name)
    for table in ("news_model", "correction"):
        op.drop_table(table)


def _complete_first_tables() -> None:
    known = sa.inspect(op.get_bind())
    if "version" not in {column["name"] for column in known.get_columns("person")}:
        op.add_column("person", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    for table, indexes in FIRST_INDEXES.items():
        present = {index["name"] for index in known.get_indexes(table)}
        if "ix_alert_state_fired_at" in present:
            op.drop_index("ix_alert_state_fired_at", table)
        for name, columns in indexes.items():
            if name not in present:
                op.create_index(name, table, columns)


def _create_correction() -> None:
    op.create_table(
        "correction",
        sa.Column("fact_id", ROW_ID, nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("author", sa.String(length=320), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["fact_id"], ["fact.id"], name=op.f("fk_correction_fact_id_fact")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_correction_partner_id_partner"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
    )
    op.create_index(op.f("ix_correction_fact_id"), "correction", ["fact_id"])
    op.create_index(op.f("ix_correction_partner_id"), "correction", ["partner_id"])


def _create_news_model() -> None:
    op.create_table(
        "news_model",
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("arrays", sa.LargeBinary(), nullable=True),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("author", sa.String(length=320), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("active_since", UtcDateTime(), nullable=True),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.Column("held_by", sa.String(length=320), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_news_model")),
        sa.UniqueConstraint("language", "number", name=op.f("uq_news_model_language_number")),
    )
