"""The first schema; and what a new database knows of itself.

Revision: 0001, the first.
"""

import uuid

import sqlalchemy as sa
from alembic import op

from portcall.runtime.clock import now_ms
from portcall.store.database import counters

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables, the counters and the installation's identity."""
    _make_webhooks()
    _make_log()
    installation = op.create_table(
        "installation",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("subscription", sa.Text, nullable=False),
        sa.Column("resource_group", sa.Text, nullable=False),
        sa.Column("created_ms", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_installation"),
        sa.CheckConstraint("id = 1", name="ck_installation_one_row"),
    )
    table = op.create_table(
        "counters",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    at_ms = now_ms()
    op.bulk_insert(table, counters.first_values(at_ms // 1000))
    op.bulk_insert(
        installation,
        [
            {
                "id": 1,
                "tenant": str(uuid.uuid4()),
                "subscription": str(uuid.uuid4()),
                "resource_group": "portcall",
                "created_ms": at_ms,
            }
        ],
    )


def _make_webhooks() -> None:
    op.create_table(
        "registries",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("resource_group", sa.Text, nullable=False),
        sa.Column("login_server", sa.Text, nullable=False),
        sa.Column("created_ms", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_registries"),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", _BIG, autoincrement=False, nullable=False),
        sa.Column("registry_key", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("uri", sa.Text, nullable=False),
        sa.Column("authorization", sa.Text, nullable=False),
        sa.Column("headers", sa.JSON, nullable=False),
        sa.Column("actions", sa.Integer, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("scope_key", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("schedule_ms", sa.JSON, nullable=True),
        sa.Column("status_reason", sa.Text, nullable=False),
        sa.Column("status_changed_ms", _BIG, nullable=False),
        sa.Column("revision", _BIG, nullable=False),
        sa.Column("created_ms", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
        sa.ForeignKeyConstraint(
            ["registry_key"], ["registries.key"], name="fk_webhooks_registry_key"
        ),
        sa.UniqueConstraint("registry_key", "name_key", name="uq_webhooks_registry_key_name_key"),
    )
    op.create_index("ix_webhooks_revision", "webhooks", ["revision"])
    op.create_table(
        "tombstones",
        sa.Column("webhook_id", _BIG, autoincrement=False, nullable=False),
        sa.Column("revision", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("webhook_id", name="pk_tombstones"),
    )
    op.create_index("ix_tombstones_revision", "tombstones", ["revision"])


def _make_log() -> None:
    op.create_table(
        "positions",
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("stream_offset", _BIG, nullable=False),
        sa.Column("frame_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("stream", name="pk_positions"),
    )
    op.create_table(
        "frames",
        sa.Column("frame_id", sa.Text, nullable=False),
        sa.Column("record_id", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("frame_id", name="pk_frames"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_frames_record_id", "frames", ["record_id"])
    op.create_table(
        "events",
        sa.Column("key", _BIG, autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("registry", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("tag", sa.Text, nullable=False),
        sa.Column("accepted_ms", _BIG, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_events"),
    )
    op.create_index("ix_events_event_id_digest", "events", ["event_id", "digest"])
    op.create_table(
        "records",
        sa.Column("id", _BIG, autoincrement=False, nullable=False),
        sa.Column("event_key", _BIG, nullable=False),
        sa.Column("webhook_id", _BIG, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("started_ms", _BIG, nullable=False),
        sa.Column("duration_us", _BIG, nullable=False),
        sa.Column("detail", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_records"),
    )
    op.create_index("ix_records_webhook_id_id", "records", ["webhook_id", "id"])
    op.create_index("ix_records_event_key_webhook_id", "records", ["event_key", "webhook_id"])


def downgrade() -> None:
    """Drop everything: there is nothing before the first schema."""
    for table in (
        "records", "events", "frames", "positions", "tombstones", "webhooks", "registries",
        "counters", "installation",
    ):  # fmt: skip
        op.drop_table(table)
