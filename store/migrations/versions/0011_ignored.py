"""Notifications that became no event, to explain why.

Revision: 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TEXTS = ("reason", "action", "repository", "tag", "place", "problem")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "ignored",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("is_unread", sa.Integer, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("registry", sa.Text, nullable=False),
        sa.Column("ignored_ms", _BIG, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _TEXTS),
        sa.PrimaryKeyConstraint("id", name="pk_ignored"),
    )
    op.create_index("ix_ignored_event_id", "ignored", ["event_id"])
    op.create_index("ix_ignored_is_unread_id", "ignored", ["is_unread", "id"])
    op.create_index("ix_ignored_ignored_ms", "ignored", ["ignored_ms"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("ignored")
