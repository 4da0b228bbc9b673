"""Traffic: sums of records; and in the journal the action and the target of an event.

Revision: 0007, after 0006. The recorder sums up the existing records, from the first one on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_ABOUT = ("action", "repository", "tag")
_POSITIONS = sa.table(
    "positions",
    sa.column("stream", sa.Text),
    sa.column("stream_offset", _BIG),
    sa.column("frame_id", sa.Text),
)
_PLACE = "portcall.traffic"


def upgrade() -> None:
    """Make the table and the columns, without sums yet."""
    op.create_table(
        "traffic",
        sa.Column("registry", sa.Text, nullable=False),
        sa.Column("webhook_id", _BIG, nullable=False),
        sa.Column("step_s", sa.Integer, nullable=False),
        sa.Column("start_s", _BIG, nullable=False),
        sa.Column("attempts", _BIG, nullable=False),
        sa.Column("succeeded", _BIG, nullable=False),
        sa.Column("given_up", _BIG, nullable=False),
        sa.Column("cancelled", _BIG, nullable=False),
        sa.Column("events", _BIG, nullable=False),
        sa.Column("latency", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("registry", "webhook_id", "step_s", "start_s", name="pk_traffic"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_traffic_step_s_start_s", "traffic", ["step_s", "start_s"])
    op.bulk_insert(_POSITIONS, [{"stream": _PLACE, "stream_offset": 0, "frame_id": ""}])
    for name in _ABOUT:
        op.add_column("journal", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.create_index("ix_journal_registry_accepted_ms", "journal", ["registry", "accepted_ms"])
    op.create_index("ix_journal_event_id", "journal", ["event_id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_journal_event_id", "journal")
    op.drop_index("ix_journal_registry_accepted_ms", "journal")
    for name in reversed(_ABOUT):
        op.drop_column("journal", name)
    op.execute(_POSITIONS.delete().where(_POSITIONS.c.stream == _PLACE))
    op.drop_table("traffic")
