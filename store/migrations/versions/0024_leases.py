"""Leases: which of several recorders writes.

Revision: 0024, after 0023.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the table with the recorder's lease; it has no owner yet."""
    table = op.create_table(
        "leases",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        *(sa.Column(name, _BIG, nullable=False) for name in ("term", "expires_ms")),
        sa.Column("awaited_until_ms", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    free = {"owner": "", "term": 0, "expires_ms": 0, "awaited_until_ms": 0}
    op.bulk_insert(table, [{"name": "recorder", **free}])


def downgrade() -> None:
    """Drop it: recorders of the version before do not know leases."""
    op.drop_table("leases")
