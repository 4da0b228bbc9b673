"""Whether a webhook's POSTs have the header ``traceparent``.

Revision: 0027, after 0026.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; null: they do, if tracing is on."""
    op.add_column("webhooks", sa.Column("traceparent", sa.Boolean, nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("webhooks", "traceparent")
