"""risk criteria and history: what an assessment rests on is kept in time, and what people and the past taught.

Columns are added with a default that stays in the database, and dropped without rebuilding a table: SQLite would empty
the table it rebuilds, and alerts would forget their assessments by ON DELETE SET NULL.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa

from alembic import op
from warden.db import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STAGES = ("candidate", "onboarding", "active", "buffer", "exiting", "ended")

RENAMED = {"communication": "silence", "delivery": "late_share", "sentiment": "tone"}
"""What the signals are called now. The families of sources keep the old names."""

BATCH = 1_000

fact = sa.table("fact", *(sa.column(name) for name in ("id", "sent", "name", "thread")))
assessment = sa.table("assessment", sa.column("id", sa.Uuid()), sa.column("signals", sa.JSON()))


def upgrade() -> None:
    """Apply."""
    _create_risk_tables()
    _create_learning_tables()
    _create_history_tables()
    with op.batch_alter_table("assessment") as batch_op:
        batch_op.add_column(sa.Column("computed_likelihood", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("computed_impact", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("overrides", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("reach", sa.JSON(), nullable=False, server_default="{}"))
    with op.batch_alter_table("matrix") as batch_op:
        batch_op.add_column(sa.Column("author", sa.String(length=320), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("activated_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("retired_at", UtcDateTime(), nullable=True))
    with op.batch_alter_table("meeting") as batch_op:
        batch_op.add_column(sa.Column("recorded_at", UtcDateTime(), nullable=True))
    with op.batch_alter_table("fact") as batch_op:
        batch_op.add_column(sa.Column("thread", sa.BigInteger(), nullable=True))
    _keep_mentions()
    _fill()
    _number_threads()
    _rename_signals(RENAMED)


def _create_risk_tables() -> None:
    op.create_table(
        "criterion",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column(
            "scope", sa.Enum("portfolio", "tier", "partner", name="scope", native_enum=False, length=32), nullable=False
        ),
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("author", sa.String(length=320), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=320), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_criterion")),
    )
    op.create_index("ix_criterion_name_scope_subject", "criterion", ["name", "scope", "subject"])
    op.create_table(
        "override",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column(
            "quantity", sa.Enum("likelihood", "impact", name="quantity", native_enum=False, length=32), nullable=False
        ),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("author", sa.String(length=320), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("withdrawn_at", UtcDateTime(), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=320), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_override_partner_id_partner"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_override")),
    )
    op.create_index("ix_override_partner_id", "override", ["partner_id"])


def _create_learning_tables() -> None:
    op.create_table(
        "backtest",
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("author", sa.String(length=320), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backtest")),
    )
    op.create_index(op.f("ix_backtest_created_at"), "backtest", ["created_at"])
    op.create_table(
        "learned",
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("form", sa.String(length=20), nullable=False),
        sa.Column("version", sa.String(length=20), nullable=False),
        sa.Column("arrays", sa.JSON(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_learned")),
        sa.UniqueConstraint("outcome", "number", name=op.f("uq_learned_outcome_number")),
    )
    op.create_table(
        "outcome_state",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("likelihood", sa.Double(), nullable=True),
        sa.Column("sample", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("horizon_days", sa.Double(), nullable=False),
        sa.Column("version", sa.String(length=20), nullable=False),
        sa.Column("model", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_outcome_state_partner_id_partner"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("partner_id", "outcome", name=op.f("pk_outcome_state")),
    )


def _create_history_tables() -> None:
    op.create_table(
        "partner_version",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.Column("tier", sa.String(length=40), nullable=False),
        sa.Column("stage", sa.Enum(*STAGES, name="stage", native_enum=False, length=32), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("annual_value", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("share", sa.Double(), nullable=True),
        sa.Column("months_to_replace", sa.Double(), nullable=True),
        sa.Column("single_source", sa.Boolean(), nullable=True),
        sa.Column("contract_end", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_partner_version_partner_id_partner"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("partner_id", "since", name=op.f("pk_partner_version")),
    )
    op.create_table(
        "attribution",
        sa.Column("key_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["fact_key.id"], name=op.f("fk_attribution_key_id_fact_key")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partner.id"], name=op.f("fk_attribution_partner_id_partner"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key_id", "since", name=op.f("pk_attribution")),
    )
    op.create_index("ix_attribution_partner_id", "attribution", ["partner_id"])


def _keep_mentions() -> None:
    """Let several readings of one article stand one after the other. No other table refers to mentions."""
    with op.batch_alter_table("mention") as batch_op:
        batch_op.add_column(sa.Column("until", UtcDateTime(), nullable=True))
        batch_op.drop_constraint("pk_mention", type_="primary")
        batch_op.create_primary_key("pk_mention", ["fact_id", "partner_id", "first_attributed_at"])


def _number_threads() -> None:
    """Give the messages there are the numbers of their threads."""
    connection = op.get_bind()
    last = connection.scalar(sa.select(sa.func.max(fact.c.id))) or 0
    change = sa.update(fact).where(fact.c.id == sa.bindparam("row")).values(thread=sa.bindparam("number"))
    for start in range(0, last + 1, BATCH):
        inside = fact.c.id.between(start, start + BATCH - 1)
        query = sa.select(fact.c.id, fact.c.name).where(inside, fact.c.sent.is_not(None), fact.c.name.is_not(None))
        rows = [{"row": row.id, "number": thread_number(row.name)} for row in connection.execute(query)]
        if rows:
            connection.execute(change, rows)


def _fill() -> None:
    """Take what is there as having been so since it is known to be there."""
    watched = (
        "tier, stage, country, time_zone, annual_value, currency, share, months_to_replace, single_source, contract_end"
    )
    op.execute(
        f"INSERT INTO partner_version (partner_id, since, {watched}) SELECT id, created_at, {watched} FROM partner"  # noqa: S608
    )
    op.execute(
        "INSERT INTO attribution (key_id, since, partner_id) "
        "SELECT id, coalesce(attributed_at, first_seen_at), partner_id FROM fact_key WHERE partner_id IS NOT NULL"
    )
    op.execute("UPDATE assessment SET computed_likelihood = likelihood, computed_impact = impact")
    # Until now a matrix was in force from the moment it was stored until the next one was.
    op.execute("UPDATE matrix SET activated_at = created_at")
    op.execute(
        "UPDATE matrix SET retired_at = (SELECT min(later.created_at) FROM matrix AS later "
        "WHERE later.version > matrix.version) WHERE NOT active"
    )
    op.execute("UPDATE meeting SET recorded_at = held_at")


def _rename_signals(names: Mapping[str, str]) -> None:
    """Give the signals of all assessments their new names."""
    connection = op.get_bind()
    ids = list(connection.scalars(sa.select(assessment.c.id)))
    for start in range(0, len(ids), BATCH):
        query = sa.select(assessment.c.id, assessment.c.signals).where(assessment.c.id.in_(ids[start : start + BATCH]))
        rows = [
            {"row": row.id, "said": [_renamed(signal, names) for signal in row.signals]}
            for row in connection.execute(query)
        ]
        change = sa.update(assessment).where(assessment.c.id == sa.bindparam("row"))
        connection.execute(change.values(signals=sa.bindparam("said", type_=sa.JSON())), rows)


def thread_number(thread: str) -> int:
    """As store.fact_rows does it today; copied, since a migration must not change with the code."""
    digest = blake2b(thread.encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 1) or 1


def _renamed(signal: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {**signal, "name": names.get(signal["name"], signal["name"])}


def downgrade() -> None:
    """Take back."""
    _rename_signals({now: before for before, now in RENAMED.items()})
    op.execute("DELETE FROM matrix WHERE activated_at IS NULL")  # drafts, which were not known then
    op.execute("DELETE FROM mention WHERE until IS NOT NULL")
    with op.batch_alter_table("mention") as batch_op:
        batch_op.drop_constraint("pk_mention", type_="primary")
        batch_op.create_primary_key("pk_mention", ["fact_id", "partner_id"])
        batch_op.drop_column("until")
    columns = {
        "fact": ["thread"],
        "meeting": ["recorded_at"],
        "matrix": ["retired_at", "activated_at", "author"],
        "assessment": ["reach", "overrides", "computed_impact", "computed_likelihood"],
    }
    for table, names in columns.items():
        for name in names:
            op.drop_column(table, name)
    for table in ("attribution", "partner_version", "override", "outcome_state", "learned", "criterion", "backtest"):
        op.drop_table(table)
