"""Filters: what webhooks do not want to hear, which events were held back, and what they know.

Revision: 0016, after 0015.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_KEY = ("webhook_id", "repository", "tag")
_COUNTS = ("filtered", "is_referrer")
_COLUMNS = ("filtered", "held", "artifact_type", "is_referrer", "manifest")


def upgrade() -> None:
    """Add the columns; webhooks have no filters, and nothing was held back or told."""
    op.add_column("webhooks", sa.Column("filters", sa.JSON))
    untag = sa.text("actions >= 32")
    op.create_index(
        "ix_webhooks_untag", "webhooks", ["actions"], sqlite_where=untag, postgresql_where=untag
    )
    for name in _COLUMNS:
        number = sa.Column(name, sa.Integer, nullable=False, server_default=sa.text("0"))
        written = sa.Column(name, sa.Text, nullable=False, server_default="")
        op.add_column("journal", number if name in _COUNTS else written)
    op.create_table(
        "told_tags",
        sa.Column("webhook_id", _BIG, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("repository", "tag")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("registry", "digest")),
        sa.Column("told_ms", _BIG, nullable=False),
        *(sa.Column(name, sa.LargeBinary, nullable=False) for name in ("event", "held")),
        sa.Column("version", _BIG, nullable=False),
        sa.PrimaryKeyConstraint(*_KEY, name="pk_told_tags"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_told_tags_registry_repository_digest",
        "told_tags",
        ["registry", "repository", "digest"],
    )
    op.create_index("ix_told_tags_told_ms", "told_tags", ["told_ms"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("told_tags")
    for name in reversed(_COLUMNS):
        op.drop_column("journal", name)
    op.drop_index("ix_webhooks_untag", "webhooks")
    op.drop_column("webhooks", "filters")
