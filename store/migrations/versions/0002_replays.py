"""Replays; a maximum age; the cause of a disabled webhook, and probes for it.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_GIVEN_UP = sa.text("outcome = 'given_up'")


def upgrade() -> None:
    """Make the table of replays, and the new columns of webhooks."""
    op.create_table(
        "replays",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("registry_key", sa.Text, nullable=False),
        sa.Column("webhook_id", _BIG, nullable=True),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("outcomes", sa.Text, nullable=False),
        sa.Column("since_ms", _BIG, nullable=False),
        sa.Column("until_ms", _BIG, nullable=False),
        sa.Column("last_record", _BIG, nullable=False),
        sa.Column("rate", sa.Integer, nullable=False),
        sa.Column("total", _BIG, nullable=False),
        sa.Column("position", _BIG, nullable=False),
        sa.Column("published", _BIG, nullable=False),
        sa.Column("disabled", _BIG, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("lease_ms", _BIG, nullable=False),
        sa.Column("created_ms", _BIG, nullable=False),
        sa.Column("changed_ms", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_replays"),
    )
    op.create_index("ix_replays_state", "replays", ["state"])
    op.create_index("ix_replays_registry_key_id", "replays", ["registry_key", "id"])
    op.create_index(
        "ix_records_given_up",
        "records",
        ["id"],
        sqlite_where=_GIVEN_UP,
        postgresql_where=_GIVEN_UP,
    )
    for column in (
        sa.Column("max_age_ms", _BIG, nullable=True),
        sa.Column("disable_after_ms", _BIG, nullable=True),
        sa.Column("probe", sa.Boolean, nullable=True),
        sa.Column("cause", sa.Text, nullable=False, server_default=""),
        sa.Column("failing_since_ms", _BIG, nullable=False, server_default=sa.text("0")),
        sa.Column("probed_ms", _BIG, nullable=False, server_default=sa.text("0")),
    ):
        op.add_column("webhooks", column)
    # Until now only a 410 stored a reason.
    op.execute("UPDATE webhooks SET cause = 'gone' WHERE status_reason <> ''")


def downgrade() -> None:
    """Drop the replays, and why webhooks are disabled."""
    for column in (
        "max_age_ms", "disable_after_ms", "probe", "cause", "failing_since_ms", "probed_ms",
    ):  # fmt: skip
        op.drop_column("webhooks", column)
    op.drop_index("ix_records_given_up", "records")
    op.drop_table("replays")
