"""Formats: the form in which a webhook gets its events.

Revision: 0019, after 0018.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; null: ACR's.

    The name is quoted: from 16 on, PostgreSQL reads ``format JSON`` as a clause of SQL/JSON.
    """
    op.add_column("webhooks", sa.Column("format", sa.JSON(none_as_null=True), quote=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("webhooks", "format")
