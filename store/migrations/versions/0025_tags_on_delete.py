"""Tags on delete: an index of the webhooks with the filter `tagsOnDelete`.

Revision: 0025, after 0024.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_SQLITE = "filters LIKE '%\"tagsOnDelete\"%'"
_POSTGRESQL = "(filters ->> 'tagsOnDelete') = 'true'"


def upgrade() -> None:
    """Add the index; no webhook has the filter yet."""
    op.create_index(
        "ix_webhooks_names_tags",
        "webhooks",
        ["registry_key"],
        sqlite_where=sa.text(_SQLITE),
        postgresql_where=sa.text(_POSTGRESQL),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_webhooks_names_tags", "webhooks")
