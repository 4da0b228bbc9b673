"""Overtaken deliveries: those that wait for an attempt that a person asked for before its time.

Revision: 0026, after 0025.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_KEY = ("webhook_id", "delivery", "accepted_ms", "attempt", "first", "began_ms")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "overtaken",
        sa.Column("webhook_id", _BIG, nullable=False),
        sa.Column("delivery", sa.Text, nullable=False),
        sa.Column("accepted_ms", _BIG, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("first", sa.Integer, nullable=False),
        sa.Column("began_ms", _BIG, nullable=False),
        sa.Column("is_published", sa.Integer, nullable=False),
        sa.Column("kept_until_ms", _BIG, nullable=False),
        sa.PrimaryKeyConstraint(*_KEY, name="pk_overtaken"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_overtaken_kept_until_ms", "overtaken", ["kept_until_ms"])


def downgrade() -> None:
    """Drop it: a build without it attempts the waiting deliveries, too."""
    op.drop_table("overtaken")
