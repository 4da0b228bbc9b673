"""Signing keys: an unencrypted public half, so that verifiers need no encryption key.

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op
from cryptography.hazmat.primitives import serialization

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KEYS = sa.table(
    "signing_keys",
    sa.column("kid", sa.Text),
    sa.column("private_pem", sa.Text),
    sa.column("public_pem", sa.Text),
)


def upgrade() -> None:
    """Make and fill the column; private halves stay unencrypted until management's next start.

    The empty key id marks that, as in 0006: a migration has no key.
    """
    op.add_column(
        "signing_keys", sa.Column("public_pem", sa.Text, nullable=False, server_default="")
    )
    connection = op.get_bind()
    for kid, private_pem in connection.execute(sa.select(_KEYS.c.kid, _KEYS.c.private_pem)).all():
        statement = sa.update(_KEYS).where(_KEYS.c.kid == kid)
        connection.execute(statement.values(public_pem=_public_half(private_pem)))
    op.execute(
        "INSERT INTO encryption_keys (key_id, created_ms)"
        " SELECT '', 0 WHERE EXISTS (SELECT 1 FROM signing_keys)"
        " AND NOT EXISTS (SELECT 1 FROM encryption_keys WHERE key_id = '')"
    )


def downgrade() -> None:
    """Delete the keys: the previous version cannot open them, and makes new ones."""
    op.execute("DELETE FROM signing_keys")
    op.drop_column("signing_keys", "public_pem")


def _public_half(private_pem: str) -> str:
    key = serialization.load_pem_private_key(private_pem.encode(), password=None)
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
