"""Told children: which manifests the indexes list whose pushes webhooks got.

Revision: 0023, after 0022.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_KEY = ("webhook_id", "repository", "digest")


def upgrade() -> None:
    """Add the table; no webhook has the filter yet."""
    op.create_table(
        "told_children",
        sa.Column("webhook_id", _BIG, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("repository", "digest")),
        sa.Column("told_ms", _BIG, nullable=False),
        sa.PrimaryKeyConstraint(*_KEY, name="pk_told_children"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_told_children_told_ms", "told_children", ["told_ms"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("told_children")
