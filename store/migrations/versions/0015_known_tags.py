"""Known tags: what the newest accepted event says of each tag.

Revision: 0015, after 0014. It begins empty: the recorder fills it from now on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_KEY = ("registry", "repository", "tag")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "known_tags",
        *(sa.Column(name, sa.Text, nullable=False) for name in _KEY),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("is_there", sa.Integer, nullable=False),
        sa.Column("seen_ms", _BIG, nullable=False),
        sa.PrimaryKeyConstraint(*_KEY, name="pk_known_tags"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_known_tags_is_there_seen_ms", "known_tags", ["is_there", "seen_ms"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("known_tags")
