"""An index of known tags by their digest, so that a delete finds them.

Revision: 0022, after 0021. Stores that were made between two releases may have it already.
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_INDEX = "ix_known_tags_registry_repository_digest"
_COLUMNS = ["registry", "repository", "digest"]


def upgrade() -> None:
    """Add the index."""
    op.create_index(_INDEX, "known_tags", _COLUMNS, if_not_exists=True)


def downgrade() -> None:
    """Drop it."""
    op.drop_index(_INDEX, "known_tags", if_exists=True)
