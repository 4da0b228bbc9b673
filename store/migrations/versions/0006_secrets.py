"""Secrets: the previous one after a rotation, and which keys the stored ones are sealed with.

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the columns and the table; an existing webhook's secrets stay unencrypted until sealed.

    The empty key id marks that: management seals them at its next start, and removes it.
    """
    op.add_column("webhooks", sa.Column("old_secret", sa.Text, nullable=False, server_default=""))
    op.add_column(
        "webhooks",
        sa.Column("old_secret_until_ms", _BIG, nullable=False, server_default=sa.text("0")),
    )
    op.create_table(
        "encryption_keys",
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("created_ms", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_encryption_keys"),
    )
    op.execute(
        "INSERT INTO encryption_keys (key_id, created_ms)"
        " SELECT '', 0 WHERE EXISTS (SELECT 1 FROM webhooks)"
    )


def downgrade() -> None:
    """Drop the secrets that were rotated out; sealed values stay sealed."""
    op.drop_table("encryption_keys")
    op.drop_column("webhooks", "old_secret_until_ms")
    op.drop_column("webhooks", "old_secret")
