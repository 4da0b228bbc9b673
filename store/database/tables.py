"""The tables, as the newest migration creates them.

Names that are looked up without regard to case are stored twice: as created, for display, and in
lower case (``*_key``), for the lookup. Times are milliseconds since the epoch.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

from portcall.schemas.filters import Filters
from portcall.schemas.webhooks import WebhookSettings
from portcall.store.database.filter_type import FilterType

Big = BigInteger().with_variant(Integer, "sqlite")
"""64 bits; SQLite's INTEGER has them, and only with that name is a key the row's own number."""

MAX_BIG = 2**63 - 1
"""The greatest value of such a column: PostgreSQL refuses to compare one with a greater number."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("subscription", Text, nullable=False),
    Column("resource_group", Text, nullable=False),
    Column("created_ms", Big, nullable=False),
    Column("intake_stopped_ms", Big, nullable=False, server_default=text("0")),
    CheckConstraint("id = 1", name="one_row"),
)

counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Big, nullable=False),
)

registries = Table(
    "registries",
    metadata,
    Column("key", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("sku", Text, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("resource_group", Text, nullable=False),
    Column("login_server", Text, nullable=False),
    Column("created_ms", Big, nullable=False),
)

_TYPES: Mapping[object, TypeEngine[Any]] = {
    tuple[int, ...] | None: JSON(none_as_null=True),
    tuple[str, ...] | None: JSON(none_as_null=True),
    Mapping[str, str] | None: JSON(none_as_null=True),
    int | None: Big,
    bool | None: Boolean(),
    str | None: Text(),
    float: Double(),
    Filters | None: FilterType(),
}
"""Of the columns of settings, by the types that these have in Python."""


def _settings() -> Iterator[Column[Any]]:
    """A column for each of a webhook's settings; one that is never None has a default.

    Names are quoted: from 16 on, PostgreSQL reads ``format JSON`` as a clause of SQL/JSON.
    """
    for setting in fields(WebhookSettings):
        if setting.default is None:
            yield Column(setting.name, _TYPES[setting.type], quote=True)
        else:
            default = text(f"{setting.default:g}")
            yield Column(setting.name, _TYPES[setting.type], nullable=False, server_default=default)


def _where(condition: str) -> dict[str, Any]:
    """The arguments of an index of some rows."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


NAMES_TAGS_SQLITE = "filters LIKE '%\"tagsOnDelete\"%'"
NAMES_TAGS_POSTGRESQL = "(filters ->> 'tagsOnDelete') = 'true'"
"""Webhooks with the filter `tagsOnDelete`. An index is used only for the very text that it has."""

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("registry_key", Text, ForeignKey("registries.key"), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("uri", Text, nullable=False),
    Column("authorization", Text, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("actions", Integer, nullable=False),
    Column("scope", Text, nullable=False),
    Column("scope_key", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("status_reason", Text, nullable=False),
    Column("status_changed_ms", Big, nullable=False),
    Column("revision", Big, nullable=False, index=True),
    Column("created_ms", Big, nullable=False),
    Column("cause", Text, nullable=False, server_default=""),
    Column("failing_since_ms", Big, nullable=False, server_default=text("0")),
    Column("probed_ms", Big, nullable=False, server_default=text("0")),
    Column("delivered", Big, nullable=False, server_default=text("0")),
    Column("failed", Big, nullable=False, server_default=text("0")),
    Column("given_up", Big, nullable=False, server_default=text("0")),
    Column("cancelled", Big, nullable=False, server_default=text("0")),
    Column("old_secret", Text, nullable=False, server_default=""),
    Column("old_secret_until_ms", Big, nullable=False, server_default=text("0")),
    Column("credentials", Text, nullable=False, server_default=""),
    Column("ca_bundle", Text, nullable=False, server_default=""),
    Column("client_certificate", Text, nullable=False, server_default=""),
    Column("client_key", Text, nullable=False, server_default=""),
    Column("refused", Big, nullable=False, server_default=text("0")),
    *_settings(),
    UniqueConstraint("registry_key", "name_key"),
    Index("ix_webhooks_untag", "actions", **_where("actions >= 32")),
    Index(
        "ix_webhooks_names_tags",
        "registry_key",
        sqlite_where=text(NAMES_TAGS_SQLITE),
        postgresql_where=text(NAMES_TAGS_POSTGRESQL),
    ),
)
"""Webhooks. ``delivered`` to ``cancelled``, and ``refused``, count their records: see
`store.webhooks.health`."""

sources = Table(
    "sources",
    metadata,
    Column("id", Text, primary_key=True),
    Column("registry_key", Text, ForeignKey("registries.key", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("proof", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("old_secret", Text, nullable=False),
    Column("old_secret_until_ms", Big, nullable=False),
    Column("rotated_ms", Big, nullable=False),
    Column("options", JSON, nullable=False),
    Column("networks", JSON, nullable=False),
    Column("created_ms", Big, nullable=False),
    Column("changed_ms", Big, nullable=False),
    Column("heard_ms", Big, nullable=False, server_default="0"),
    UniqueConstraint("registry_key", "name_key"),
)
"""The sources of registries; ``secret`` and ``old_secret`` are sealed. ``heard_ms`` is when the
first request with a valid proof came; 0: none yet. It is no setting, and changes no revision."""

encryption_keys = Table(
    "encryption_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("created_ms", Big, nullable=False),
)
"""The keys that secrets may be sealed with; the empty one: some are not encrypted."""

tombstones = Table(
    "tombstones",
    metadata,
    Column("webhook_id", Big, primary_key=True, autoincrement=False),
    Column("revision", Big, nullable=False, index=True),
)
"""Webhooks that were deleted, and at which revision."""

positions = Table(
    "positions",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("stream_offset", Big, nullable=False),
    Column("frame_id", Text, nullable=False),
)
"""The last frame of each stream whose records are in the log."""

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("term", Big, nullable=False),
    Column("expires_ms", Big, nullable=False),
    Column("awaited_until_ms", Big, nullable=False),
)
"""The recorder's lease, by the database's clock: see `store.records.lease`."""

frames = Table(
    "frames",
    metadata,
    Column("frame_id", Text, primary_key=True),
    Column("record_id", Big, nullable=False, index=True),
    sqlite_with_rowid=False,
)
"""The stored frames, kept as long as their records; ``record_id`` is their last record."""

events = Table(
    "events",
    metadata,
    Column("key", Big, primary_key=True, autoincrement=False),
    Column("event_id", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("registry", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("tag", Text, nullable=False),
    Column("accepted_ms", Big, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("extras", LargeBinary),
    Index(None, "event_id", "digest"),
)
"""Each event once, for all its records; ``key`` is the id of its first record."""

deleted_tags = Table(
    "deleted_tags",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("registry", Text, nullable=False),
    Column("request_id", Text, nullable=False, index=True),
    Column("repository", Text, nullable=False),
    Column("tag", Text, nullable=False),
    Column("deleted_ms", Big, nullable=False, index=True),
)
"""Tags that went with a manifest; see `store.intake.deleted_tags`."""

records = Table(
    "records",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=False),
    Column("event_key", Big, nullable=False),
    Column("webhook_id", Big, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("started_ms", Big, nullable=False),
    Column("duration_us", Big, nullable=False),
    Column("detail", LargeBinary, nullable=False),
    Index(None, "webhook_id", "id"),
    Index(None, "event_key", "webhook_id"),
    Index(
        "ix_records_given_up",
        "id",
        **_where("outcome = 'given_up'"),
    ),
    Index(
        "ix_records_refused",
        "id",
        **_where("outcome = 'refused'"),
    ),
)
"""One row for each attempt. It has no foreign key to its event: that would cost a lookup for each
row, and a counter's lock serialises writing and pruning."""

replays = Table(
    "replays",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("registry_key", Text, nullable=False),
    Column("webhook_id", Big),
    Column("event_id", Text, nullable=False),
    Column("outcomes", Text, nullable=False),
    Column("since_ms", Big, nullable=False),
    Column("until_ms", Big, nullable=False),
    Column("last_record", Big, nullable=False),
    Column("rate", Integer, nullable=False),
    Column("total", Big, nullable=False),
    Column("position", Big, nullable=False),
    Column("published", Big, nullable=False),
    Column("disabled", Big, nullable=False),
    Column("state", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("lease_ms", Big, nullable=False),
    Column("created_ms", Big, nullable=False),
    Column("changed_ms", Big, nullable=False),
    Index(None, "state"),
    Index(None, "registry_key", "id"),
)
"""Replays: what each selects of the records up to ``last_record``, and its progress: ``position``
is the last processed record. The process that works on it, the ``holder``, must move before
``lease_ms``.
"""

journal = Table(
    "journal",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("event_id", Text, nullable=False),
    Column("registry", Text, nullable=False),
    Column("accepted_ms", Big, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("matches", Integer),
    Column("checksum", Big, nullable=False),
    Column("webhooks", LargeBinary, nullable=False),
    Column("anew_ms", Big, nullable=False),
    Column("settled", Integer, nullable=False),
    Column("delivered", Integer, nullable=False),
    Column("given_up", Integer, nullable=False),
    Column("cancelled", Integer, nullable=False),
    Column("action", Text, nullable=False, server_default=""),
    Column("repository", Text, nullable=False, server_default=""),
    Column("tag", Text, nullable=False, server_default=""),
    Column("filtered", Integer, nullable=False, server_default=text("0")),
    Column("held", Text, nullable=False, server_default=""),
    Column("artifact_type", Text, nullable=False, server_default=""),
    Column("is_referrer", Integer, nullable=False, server_default=text("0")),
    Column("manifest", Text, nullable=False, server_default=""),
    Column("extras", LargeBinary),
    Column("refused", Integer, nullable=False, server_default=text("0")),
    Index(None, "settled", "accepted_ms"),
    Index(None, "registry", "accepted_ms"),
    Index(None, "event_id"),
)
"""The deliveries that each event should have: one row for an event, for all its webhooks.

``matches`` is null until it was routed; ``webhooks`` are their numbers as `schemas.journal` writes
them. ``anew_ms`` is when a part of it was sent once more; 0: never. ``accepted`` and ``settled``
are 0 or 1; ``delivered``, ``given_up``, ``cancelled`` and ``refused`` are valid once it is settled.
A row that is neither accepted nor routed was made because there are records of such an event.
``filtered`` is the number of webhooks whose filters held the event back, and ``held`` has their
numbers by the filter's name, as JSON. ``artifact_type``, ``is_referrer`` and ``manifest`` are what
filters ask for. ``extras`` are those of an event that was routed to no webhook; null: none, or its
records have them.
"""

journal_frames = Table(
    "journal_frames",
    metadata,
    Column("frame_id", Text, primary_key=True),
    Column("stream_offset", Big, nullable=False, index=True),
    Column("notes", LargeBinary),
    Index(
        "ix_journal_frames_waiting",
        "stream_offset",
        **_where("notes IS NOT NULL"),
    ),
)
"""The newest frames of the journal; ``notes`` is their JSON until they are entered above."""

ignored = Table(
    "ignored",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("is_unread", Integer, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("registry", Text, nullable=False),
    Column("ignored_ms", Big, nullable=False),
    Column("reason", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("tag", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Index(None, "event_id"),
    Index(None, "is_unread", "id"),
    Index(None, "ignored_ms"),
)
"""Notifications that became no event; ``is_unread`` is 1 where they could not be read."""

principals = Table(
    "principals",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("registry_key", Text, nullable=False),
    Column("secret_digest", LargeBinary, nullable=False, unique=True),
    Column("created_ms", Big, nullable=False),
    Column("expires_ms", Big),
    Column("used_ms", Big),
    Column("revoked_ms", Big),
    Index(
        "ix_principals_live",
        "name_key",
        unique=True,
        **_where("revoked_ms IS NULL"),
    ),
)
"""Clients that may log in, or send a secret as a bearer token; ``registry_key`` is a publisher's,
else empty. The secret itself is not stored."""

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("private_pem", Text, nullable=False),
    Column("created_ms", Big, nullable=False),
    Column("public_pem", Text, nullable=False, server_default=""),
)
"""Keys that access tokens are signed with: the newest signs, all are accepted. ``private_pem`` is
sealed, ``public_pem`` is for verifiers."""

traffic = Table(
    "traffic",
    metadata,
    Column("registry", Text, primary_key=True),
    Column("webhook_id", Big, primary_key=True, autoincrement=False),
    Column("step_s", Integer, primary_key=True, autoincrement=False),
    Column("start_s", Big, primary_key=True, autoincrement=False),
    Column("attempts", Big, nullable=False),
    Column("succeeded", Big, nullable=False),
    Column("given_up", Big, nullable=False),
    Column("cancelled", Big, nullable=False),
    Column("events", Big, nullable=False),
    Column("latency", LargeBinary, nullable=False),
    Column("refused", Big, nullable=False, server_default=text("0")),
    Index(None, "step_s", "start_s"),
    sqlite_with_rowid=False,
)
"""Sums of records in buckets of time; ``start_s`` is seconds since the epoch. Of a webhook; of a
registry, where the webhook's id is 0; and of everything, where the registry is empty, too."""

sightings = Table(
    "sightings",
    metadata,
    Column("name", LargeBinary, primary_key=True),
    Column("is_manifest", Integer, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("seen_ms", Big, nullable=False),
    Index(None, "is_manifest", "seen_ms"),
    sqlite_with_rowid=False,
)
"""The kind of digests in notifications; ``name`` is a hash of the registry, the repository and the
digest, and ``is_manifest`` is 0 or 1."""

known_tags = Table(
    "known_tags",
    metadata,
    Column("registry", Text, primary_key=True),
    Column("repository", Text, primary_key=True),
    Column("tag", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("is_there", Integer, nullable=False),
    Column("seen_ms", Big, nullable=False),
    Index(None, "registry", "repository", "digest"),
    Index(None, "is_there", "seen_ms"),
    sqlite_with_rowid=False,
)
"""What the newest accepted event says of each tag: its digest, and whether it is there (1) or was
deleted (0). ``registry`` is the key; ``digest`` is empty where a push named none."""

told_tags = Table(
    "told_tags",
    metadata,
    Column("webhook_id", Big, primary_key=True, autoincrement=False),
    Column("repository", Text, primary_key=True),
    Column("tag", Text, primary_key=True),
    Column("registry", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("told_ms", Big, nullable=False),
    Column("event", LargeBinary, nullable=False),
    Column("held", LargeBinary, nullable=False),
    Column("version", Big, nullable=False),
    Index(None, "registry", "repository", "digest"),
    Index(None, "told_ms"),
    sqlite_with_rowid=False,
)
"""What webhooks with the filter `changedOnly` were told of tags: see `store.intake.told_tags`."""

told_children = Table(
    "told_children",
    metadata,
    Column("webhook_id", Big, primary_key=True, autoincrement=False),
    Column("repository", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("told_ms", Big, nullable=False),
    Index(None, "told_ms"),
    sqlite_with_rowid=False,
)
"""What webhooks with the filter `coalesce` were told of manifests: see
`store.intake.told_children`."""

overtaken = Table(
    "overtaken",
    metadata,
    Column("webhook_id", Big, primary_key=True, autoincrement=False),
    Column("delivery", Text, primary_key=True),
    Column("accepted_ms", Big, primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("first", Integer, primary_key=True, autoincrement=False),
    Column("began_ms", Big, primary_key=True, autoincrement=False),
    Column("is_published", Integer, nullable=False),
    Column("kept_until_ms", Big, nullable=False),
    Index(None, "kept_until_ms"),
    sqlite_with_rowid=False,
)
"""Deliveries that wait, and of which a copy was published: see `store.webhooks.overtaken`."""
