"""Sources: where a registry's events come from, and how a sender proves itself.

Revision: 0013, after 0012.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TEXTS = ("name", "name_key", "kind", "proof", "secret", "old_secret")
_NUMBERS = ("old_secret_until_ms", "rotated_ms")
_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table; a registry begins without sources of its own."""
    op.create_table(
        "sources",
        sa.Column("id", sa.Text),
        sa.Column("registry_key", sa.Text, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _TEXTS),
        *(sa.Column(name, _BIG, nullable=False) for name in _NUMBERS),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("networks", sa.JSON, nullable=False),
        sa.Column("created_ms", _BIG, nullable=False),
        sa.Column("changed_ms", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sources"),
        sa.ForeignKeyConstraint(
            ["registry_key"],
            ["registries.key"],
            name="fk_sources_registry_key",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("registry_key", "name_key", name="uq_sources_registry_key_name_key"),
    )


def downgrade() -> None:
    """Drop the sources: their senders get 404."""
    op.drop_table("sources")
