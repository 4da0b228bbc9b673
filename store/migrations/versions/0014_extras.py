"""Extras: what a source tells of an event beyond ACR's payload, and the tags of a delete.

Revision: 0014, after 0013.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the column, empty for events of before, and make the table."""
    op.add_column("events", sa.Column("extras", sa.LargeBinary))
    op.create_table(
        "deleted_tags",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("registry", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("tag", sa.Text, nullable=False),
        sa.Column("deleted_ms", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deleted_tags"),
    )
    op.create_index("ix_deleted_tags_request_id", "deleted_tags", ["request_id"])
    op.create_index("ix_deleted_tags_deleted_ms", "deleted_tags", ["deleted_ms"])


def downgrade() -> None:
    """Drop both."""
    op.drop_table("deleted_tags")
    op.drop_column("events", "extras")
