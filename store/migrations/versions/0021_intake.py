"""Intake: whether the producers take events, a setting of the whole installation.

Revision: 0021, after 0020.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the column; 0: events are taken."""
    column = sa.Column("intake_stopped_ms", _BIG, nullable=False, server_default=sa.text("0"))
    op.add_column("installation", column)


def downgrade() -> None:
    """Drop it."""
    op.drop_column("installation", "intake_stopped_ms")
