"""Putting webhooks: many at once, created or replaced, within their registry's quota."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, insert, select, update

from portcall.runtime.clock import now_ms
from portcall.store.database import counters
from portcall.store.database.database import chunks
from portcall.store.database.tables import registries, webhooks
from portcall.store.errors import QuotaExceededError
from portcall.store.secrets.sealed_columns import SECRETS
from portcall.store.secrets.sealing import note_key
from portcall.store.secrets.vault import Vault
from portcall.store.webhooks.registries import Registry
from portcall.store.webhooks.row import WebhookDraft, WebhookRow, columns, read_row
from portcall.store.webhooks.transitions import created, replaced

Put = tuple[WebhookRow, bool]
"""A webhook as it was put, and whether that created it."""


def all_rows() -> Select[Any]:
    """Select every column of every webhook, with its registry's name."""
    return select(webhooks, registries.c.name.label("registry")).join(registries)


def count_of(connection: Connection, registry_key: str) -> int:
    """How many webhooks a registry has."""
    query = select(func.count()).where(webhooks.c.registry_key == registry_key)
    count: int = connection.execute(query).scalar_one()
    return count


def put_group(
    connection: Connection,
    registry: Registry,
    drafts: Sequence[WebhookDraft],
    revision: int,
    vault: Vault,
) -> list[Put]:
    """Turn the drafts of one registry into rows, and check its quota.

    Raises:
        QuotaExceededError: The registry would have too many webhooks.
    """
    wanted = {draft.name.lower(): draft for draft in drafts}
    existing = {
        row["name_key"]: read_row(row, vault)
        for chunk in chunks(list(wanted))
        for row in connection.execute(
            all_rows()
            .where(webhooks.c.registry_key == registry.key)
            .where(webhooks.c.name_key.in_(chunk))
        ).mappings()
    }
    added = len(wanted) - len(existing)
    limit = registry.sku.max_webhooks
    if added and count_of(connection, registry.key) + added > limit:
        raise QuotaExceededError(registry.name, registry.sku, limit)
    next_id = counters.bump(connection, counters.WEBHOOK_ID, added) - added + 1 if added else 0
    now = now_ms()
    put: list[Put] = []
    for key, draft in wanted.items():
        if key in existing:
            row = replaced(existing[key], draft, revision=revision, now_ms=now)
        else:
            row = created(
                draft, webhook_id=next_id, registry=registry.name, revision=revision, now_ms=now
            )
            next_id += 1
        put.append((row, key not in existing))
    return put


def write(connection: Connection, put: Sequence[Put], vault: Vault) -> None:
    """Insert new rows and update existing ones, their secrets sealed."""
    vault.refresh()
    new = [columns(row, vault) for row, is_new in put if is_new]
    old = [columns(row, vault) | {"row_id": row.id} for row, is_new in put if not is_new]
    if any(values[name] for values in (*new, *old) for name in SECRETS):
        note_key(connection, vault)
    if new:
        connection.execute(insert(webhooks), new)
    if old:
        connection.execute(update(webhooks).where(webhooks.c.id == bindparam("row_id")), old)
