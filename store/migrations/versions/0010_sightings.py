"""Known digests: which name manifests, of which type, and which name blobs.

Revision: 0010, after 0009. It begins empty: producers fill it from now on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "sightings",
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("is_manifest", sa.Integer, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("seen_ms", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_sightings"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sightings_is_manifest_seen_ms", "sightings", ["is_manifest", "seen_ms"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("sightings")
