"""The journal: what was accepted, and for whom.

Revision: 0003, after 0002. What was accepted before has no notes, and is not held against anybody.
"""

import sqlalchemy as sa
from alembic import op

from portcall.runtime.clock import now_ms

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_COUNTERS = sa.table("counters", sa.column("name", sa.Text), sa.column("value", _BIG))
_NAMES = ("journal_since", "journal_checked")


def upgrade() -> None:
    """Make the tables; the journal begins now, behind the events that have records already."""
    op.create_table(
        "journal",
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("registry", sa.Text, nullable=False),
        sa.Column("accepted_ms", _BIG, nullable=False),
        sa.Column("accepted", sa.Integer, nullable=False),
        sa.Column("matches", sa.Integer, nullable=True),
        sa.Column("checksum", _BIG, nullable=False),
        sa.Column("webhooks", sa.LargeBinary, nullable=False),
        sa.Column("anew_ms", _BIG, nullable=False),
        sa.Column("settled", sa.Integer, nullable=False),
        sa.Column("delivered", sa.Integer, nullable=False),
        sa.Column("given_up", sa.Integer, nullable=False),
        sa.Column("cancelled", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_journal"),
    )
    op.create_index("ix_journal_settled_accepted_ms", "journal", ["settled", "accepted_ms"])
    op.create_table(
        "journal_frames",
        sa.Column("frame_id", sa.Text, nullable=False),
        sa.Column("stream_offset", _BIG, nullable=False),
        sa.Column("notes", sa.LargeBinary, nullable=True),
        sa.PrimaryKeyConstraint("frame_id", name="pk_journal_frames"),
    )
    op.create_index("ix_journal_frames_stream_offset", "journal_frames", ["stream_offset"])
    waiting = sa.text("notes IS NOT NULL")
    op.create_index(
        "ix_journal_frames_waiting",
        "journal_frames",
        ["stream_offset"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    newest = sa.text("SELECT COALESCE(MAX(key), 0) FROM events")
    checked = op.get_bind().execute(newest).scalar_one()
    values = (now_ms(), checked)
    op.bulk_insert(
        _COUNTERS,
        [{"name": name, "value": value} for name, value in zip(_NAMES, values, strict=True)],
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("journal_frames")
    op.drop_table("journal")
    op.execute(_COUNTERS.delete().where(_COUNTERS.c.name.in_(_NAMES)))
