"""Filters: what webhooks do not want to hear, and which events were held back.

Revision: 0016, after 0015.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_COUNTS = ("filtered", "is_referrer")
_COLUMNS = ("filtered", "held", "artifact_type", "is_referrer", "manifest")


def upgrade() -> None:
    """Add the columns; webhooks have no filters, and nothing was held back."""
    op.add_column("webhooks", sa.Column("filters", sa.JSON))
    for name in _COLUMNS:
        number = sa.Column(name, sa.Integer, nullable=False, server_default=sa.text("0"))
        written = sa.Column(name, sa.Text, nullable=False, server_default="")
        op.add_column("journal", number if name in _COUNTS else written)


def downgrade() -> None:
    """Drop them."""
    for name in reversed(_COLUMNS):
        op.drop_column("journal", name)
    op.drop_column("webhooks", "filters")
