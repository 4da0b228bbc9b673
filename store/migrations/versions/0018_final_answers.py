"""Final answers: a webhook's setting, and deliveries that were refused by the receiver.

Revision: 0018, after 0017. Until now nothing was refused, so every counter begins at 0.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_REFUSED = sa.text("outcome = 'refused'")


def upgrade() -> None:
    """Add the setting, the counters and the index."""
    zero = sa.text("0")
    op.add_column("webhooks", sa.Column("final_answers", sa.Text, nullable=True))
    op.add_column("webhooks", sa.Column("refused", _BIG, nullable=False, server_default=zero))
    op.add_column("journal", sa.Column("refused", sa.Integer, nullable=False, server_default=zero))
    op.add_column("traffic", sa.Column("refused", _BIG, nullable=False, server_default=zero))
    op.create_index(
        "ix_records_refused",
        "records",
        ["id"],
        sqlite_where=_REFUSED,
        postgresql_where=_REFUSED,
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_index("ix_records_refused", "records")
    op.drop_column("traffic", "refused")
    op.drop_column("journal", "refused")
    op.drop_column("webhooks", "refused")
    op.drop_column("webhooks", "final_answers")
