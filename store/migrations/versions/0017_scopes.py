"""Scopes: patterns over repository and tag that narrow what a webhook's scope covers.

Revision: 0017, after 0016. A webhook has none until its owner sets some.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("webhooks", sa.Column("scopes", sa.JSON))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("webhooks", "scopes")
