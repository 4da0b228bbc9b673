"""Trust: a webhook's own authorities and client certificate.

Revision: 0012, after 0011.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_COLUMNS = ("ca_bundle", "client_certificate", "client_key")


def upgrade() -> None:
    """Add the columns; empty: a webhook has none."""
    for name in _COLUMNS:
        op.add_column("webhooks", sa.Column(name, sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Drop them."""
    for name in _COLUMNS:
        op.drop_column("webhooks", name)
