"""Service URIs as they were set: the user info, byte for byte, beside the header made from it.

Revision: 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column; for an existing webhook only the header is known."""
    op.add_column("webhooks", sa.Column("credentials", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Drop the user info as written; the header stays."""
    op.drop_column("webhooks", "credentials")
