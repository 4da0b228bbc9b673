"""Principals, whose tokens give access, and the keys that access tokens are signed with.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_LIVE = sa.text("revoked_ms IS NULL")


def upgrade() -> None:
    """Make both tables, empty."""
    op.create_table(
        "principals",
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("registry_key", sa.Text, nullable=False),
        sa.Column("secret_digest", sa.LargeBinary, nullable=False),
        sa.Column("created_ms", _BIG, nullable=False),
        sa.Column("expires_ms", _BIG, nullable=True),
        sa.Column("used_ms", _BIG, nullable=True),
        sa.Column("revoked_ms", _BIG, nullable=True),
        sa.PrimaryKeyConstraint("client_id", name="pk_principals"),
        sa.UniqueConstraint("secret_digest", name="uq_principals_secret_digest"),
    )
    op.create_index(
        "ix_principals_live",
        "principals",
        ["name_key"],
        unique=True,
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text, nullable=False),
        sa.Column("private_pem", sa.Text, nullable=False),
        sa.Column("created_ms", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_keys"),
    )


def downgrade() -> None:
    """Drop both: only the administrator has access."""
    op.drop_table("signing_keys")
    op.drop_index("ix_principals_live", "principals")
    op.drop_table("principals")
