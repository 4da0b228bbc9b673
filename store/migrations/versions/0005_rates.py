"""A webhook's own limit of POSTs a second, and counters of its deliveries' results.

Revision: 0005, after 0004. The counters begin with the records from now on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_COUNTERS = ("delivered", "failed", "given_up", "cancelled")


def upgrade() -> None:
    """Add the columns."""
    zero = sa.text("0")
    rate = sa.Column("rate_limit", sa.Double, nullable=False, server_default=zero)
    op.add_column("webhooks", rate)
    for name in _COUNTERS:
        op.add_column("webhooks", sa.Column(name, _BIG, nullable=False, server_default=zero))


def downgrade() -> None:
    """Drop them."""
    for name in ("rate_limit", *_COUNTERS):
        op.drop_column("webhooks", name)
