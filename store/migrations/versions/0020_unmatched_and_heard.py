"""Extras of events that match no webhook, and when each source was first heard.

Revision: 0020, after 0019. What is older has neither: an event without extras is shown as before,
and a source of an earlier version is never called silent.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the columns; existing sources count as heard when they were created."""
    op.add_column("journal", sa.Column("extras", sa.LargeBinary))
    op.add_column("sources", sa.Column("heard_ms", _BIG, nullable=False, server_default="0"))
    op.execute("UPDATE sources SET heard_ms = created_ms")


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("sources", "heard_ms")
    op.drop_column("journal", "extras")
