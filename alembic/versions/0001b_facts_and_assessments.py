"""Facts, what they say of partners, and the matrix."""

import sqlalchemy as sa

from alembic import op
from warden.db import UtcDateTime

revision = "0001b"
down_revision = "0001a"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _create_fact_key()
    _create_fact()
    _create_reading()
    _create_mention()
    _create_matrix()
    _create_assessment()


def downgrade() -> None:
    """Take back."""
    for table in ("assessment", "matrix", "mention", "reading", "fact", "fact_key"):
        op.drop_table(table)


def _create_fact_key() -> None:
    op.create_table(
        "fact_key",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("scheme", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(length=320), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=True),
        sa.Column("attributed_at", UtcDateTime(), nullable=True),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_fact_key_partner_id_partner"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fact_key")),
        sa.UniqueConstraint("scheme", "value", name=op.f("uq_fact_key_scheme_value")),
    )
    op.create_index(op.f("ix_fact_key_partner_id"), "fact_key", ["partner_id"])


def _create_fact() -> None:
    op.create_table(
        "fact",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("key_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("identity", sa.LargeBinary(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=8), nullable=False),
        sa.Column("observed_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("superseded_at", UtcDateTime(), nullable=True),
        sa.Column("sent", sa.Boolean(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("made_on", sa.Date(), nullable=True),
        sa.Column("made_at", UtcDateTime(), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=True),
        sa.Column("number", sa.Double(), nullable=True),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["key_id"], ["fact_key.id"], name=op.f("fk_fact_key_id_fact_key")),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_fact_source_id_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fact")),
        sa.UniqueConstraint("identity", "recorded_at", "digest", name=op.f("uq_fact_identity_recorded_at_digest")),
    )
    op.create_index("ix_fact_key_id_observed_at", "fact", ["key_id", "observed_at"])
    op.create_index("ix_fact_kind_observed_at", "fact", ["kind", "observed_at"])
    op.create_index("ix_fact_observed_at", "fact", ["observed_at"])


def _create_reading() -> None:
    op.create_table(
        "reading",
        sa.Column("fact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("reader", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("read_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["fact_id"], ["fact.id"], name=op.f("fk_reading_fact_id_fact")),
        sa.PrimaryKeyConstraint("fact_id", name=op.f("pk_reading")),
    )


def _create_mention() -> None:
    op.create_table(
        "mention",
        sa.Column("fact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("alias", sa.String(length=200), nullable=False),
        sa.Column("p_negative", sa.Double(), nullable=False),
        sa.Column("p_neutral", sa.Double(), nullable=False),
        sa.Column("p_positive", sa.Double(), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=True),
        sa.Column("severity", sa.Double(), nullable=False),
        sa.Column("half_life_days", sa.Double(), nullable=False),
        sa.Column("triggers", sa.JSON(), nullable=False),
        sa.Column("first_attributed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["fact_id"], ["fact.id"], name=op.f("fk_mention_fact_id_fact")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_mention_partner_id_partner"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("fact_id", "partner_id", name=op.f("pk_mention")),
    )
    op.create_index("ix_mention_partner_id", "mention", ["partner_id"])


def _create_matrix() -> None:
    op.create_table(
        "matrix",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_matrix")),
        sa.UniqueConstraint("version", name=op.f("uq_matrix_version")),
    )


def _create_assessment() -> None:
    op.create_table(
        "assessment",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("matrix_version", sa.Integer(), nullable=False),
        sa.Column("likelihood", sa.Double(), nullable=True),
        sa.Column("impact", sa.Double(), nullable=True),
        sa.Column("likelihood_level", sa.Integer(), nullable=True),
        sa.Column("impact_level", sa.Integer(), nullable=True),
        sa.Column("band", sa.String(length=40), nullable=True),
        sa.Column("coverage", sa.Double(), nullable=False),
        sa.Column("not_rated", sa.JSON(), nullable=True),
        sa.Column("signals", sa.JSON(), nullable=False),
        sa.Column("impact_parts", sa.JSON(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_assessment_partner_id_partner"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment")),
    )
    op.create_index(op.f("ix_assessment_band"), "assessment", ["band"])
    op.create_index("ix_assessment_partner_id_at", "assessment", ["partner_id", "at"], unique=True)
