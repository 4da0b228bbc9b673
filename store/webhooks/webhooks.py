"""Webhooks: put, patch, delete, get. Each change raises the revision in its transaction.

The revision is raised first: so writers wait for each other, two at once cannot exceed a quota, and
revisions are committed in order.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Unpack

from sqlalchemy import Connection, Select, delete, select, update

from portcall.runtime.clock import now_ms
from portcall.schemas.overtaking import standings as standings_of
from portcall.schemas.webhooks import Cause, Status, Webhook
from portcall.store.database import counters
from portcall.store.database.database import Database, chunks
from portcall.store.database.tables import MAX_BIG, registries, webhooks
from portcall.store.errors import RegistryNotFoundError, WebhookNotFoundError
from portcall.store.secrets.vault import NO_KEYS, Vault
from portcall.store.webhooks import index as webhookindex
from portcall.store.webhooks import overtaken, tombstones
from portcall.store.webhooks.index import Changes, IndexRow
from portcall.store.webhooks.putting import Put, all_rows, count_of, put_group, write
from portcall.store.webhooks.registries import read_registry
from portcall.store.webhooks.row import (
    View,
    VisibleWebhook,
    WebhookChanges,
    WebhookDraft,
    WebhookRow,
    names_of,
    read_row,
    read_view,
)
from portcall.store.webhooks.transitions import patched, rotated

Rows = Sequence[WebhookRow]


class Webhooks:
    """The table of webhooks; names are found without regard to case.

    Args:
        database: The database.
        vault: Seals and opens their secrets.
    """

    def __init__(self, database: Database, vault: Vault = NO_KEYS) -> None:
        self._database = database
        self._vault = vault

    def put(
        self,
        registry: str,
        name: str,
        *,
        location: str,
        tags: Mapping[str, str],
        uri: str,
        headers: Mapping[str, str],
        actions: int,
        authorization: str = "",
        credentials: str = "",
        scope: str = "",
        status: Status = Status.ENABLED,
        secret: str = "",
        schedule_ms: tuple[int, ...] | None = None,
        rate_limit: float = 0.0,
        final_answers: str | None = None,
    ) -> Put:
        """Create a webhook, or replace one and keep its id; see `WebhookDraft` for the fields.

        Raises:
            RegistryNotFoundError: There is no such registry.
            QuotaExceededError: The registry has as many webhooks as its tier allows.
        """
        draft = WebhookDraft(
            registry=registry,
            name=name,
            location=location,
            tags=tags,
            uri=uri,
            authorization=authorization,
            credentials=credentials,
            headers=headers,
            actions=actions,
            scope=scope,
            status=status,
            secret=secret,
            schedule_ms=schedule_ms,
            rate_limit=rate_limit,
            final_answers=final_answers,
        )
        return self.put_many([draft])[0]

    def put_many(self, drafts: Sequence[WebhookDraft]) -> list[Put]:
        """Put many webhooks in one transaction with one revision: all of them, or none.

        A webhook that occurs twice gets the values of its last draft.

        Raises:
            RegistryNotFoundError: One of the registries does not exist.
            QuotaExceededError: Together they exceed a registry's tier.
        """
        by_registry: dict[str, list[WebhookDraft]] = {}
        for draft in drafts:
            by_registry.setdefault(draft.registry.lower(), []).append(draft)
        put: dict[tuple[str, str], Put] = {}
        with self._database.writing() as connection:
            revision = counters.bump(connection, counters.REVISION)
            for key, group in by_registry.items():
                registry = read_registry(connection, key)
                if registry is None:
                    raise RegistryNotFoundError(group[0].registry)
                for row, is_new in put_group(connection, registry, group, revision, self._vault):
                    put[key, row.name.lower()] = (row, is_new)
            write(connection, list(put.values()), self._vault)
        return [put[draft.registry.lower(), draft.name.lower()] for draft in drafts]

    def patch(self, registry: str, name: str, **changes: Unpack[WebhookChanges]) -> WebhookRow:
        """Change the given fields and leave the rest.

        Raises:
            WebhookNotFoundError: There is no such webhook.
        """
        with self._database.writing() as connection:
            revision = counters.bump(connection, counters.REVISION)
            before = _read(connection, WebhookRow, registry, name, self._vault)
            if before is None:
                raise WebhookNotFoundError(registry, name)
            row = patched(before, changes, revision=revision, now_ms=now_ms())
            write(connection, [(row, False)], self._vault)
        return row

    def rotate(
        self, registry: str, name: str, *, make: Callable[[str], str], overlap_ms: int
    ) -> WebhookRow:
        """Give a webhook another secret; the previous one signs, too, for a time.

        Args:
            registry: Its registry's name.
            name: Its name.
            make: Makes the new secret from the current one; its errors are raised.
            overlap_ms: For how long both sign, milliseconds; 0: the old one ends at once.

        Raises:
            WebhookNotFoundError: There is no such webhook.
        """
        with self._database.writing() as connection:
            revision = counters.bump(connection, counters.REVISION)
            before = _read(connection, WebhookRow, registry, name, self._vault)
            if before is None:
                raise WebhookNotFoundError(registry, name)
            row = rotated(
                before,
                make(before.secret),
                overlap_ms=overlap_ms,
                revision=revision,
                now_ms=now_ms(),
            )
            write(connection, [(row, False)], self._vault)
        return row

    def disable(self, webhook_id: int, reason: str, now_ms: int, cause: Cause = Cause.GONE) -> bool:
        """Disable a webhook automatically; returns whether it was enabled.

        Args:
            webhook_id: Which.
            reason: Why, in a text for its owner.
            now_ms: The time, milliseconds since the epoch.
            cause: Why, in a word for programs.
        """
        enabled = (webhooks.c.id == webhook_id) & (webhooks.c.status == Status.ENABLED.value)
        with self._database.reading() as connection:  # many attempts find the same 410 at once
            if connection.execute(select(webhooks.c.id).where(enabled)).first() is None:
                return False
        with self._database.writing() as connection:
            values = {
                "status": Status.DISABLED.value,
                "status_reason": reason,
                "status_changed_ms": now_ms,
                "cause": cause.value,
                "probed_ms": 0,
                "revision": counters.bump(connection, counters.REVISION),
            }
            return connection.execute(update(webhooks).where(enabled).values(values)).rowcount > 0

    def enable(self, webhook_id: int, now_ms: int) -> bool:
        """Enable a webhook that was disabled automatically; returns whether it was."""
        itself = (
            (webhooks.c.id == webhook_id)
            & (webhooks.c.status == Status.DISABLED.value)
            & (webhooks.c.cause != Cause.OWNER.value)
        )
        with self._database.writing() as connection:
            values = {
                "status": Status.ENABLED.value,
                "status_reason": "",
                "status_changed_ms": now_ms,
                "cause": Cause.OWNER.value,
                "failing_since_ms": 0,
                "probed_ms": 0,
                "revision": counters.bump(connection, counters.REVISION),
            }
            return connection.execute(update(webhooks).where(itself).values(values)).rowcount > 0

    def get(self, registry: str, name: str) -> WebhookRow | None:
        """The webhook of that name with all of its secrets, or None."""
        return self.find(WebhookRow, registry, name)

    def find(self, view: type[View], registry: str, name: str) -> View | None:
        """What *view* has of the webhook of that name, or None; no other secret is opened.

        Raises:
            SealedError: A secret of the view cannot be opened.
        """
        with self._database.reading() as connection:
            return _read(connection, view, registry, name, self._vault)

    def delete(self, registry: str, name: str) -> bool:
        """Delete a webhook; returns whether there was one."""
        with self._database.writing() as connection:
            revision = counters.bump(connection, counters.REVISION)
            named = (webhooks.c.registry_key == registry.lower()) & (
                webhooks.c.name_key == name.lower()
            )
            ids = connection.execute(delete(webhooks).where(named).returning(webhooks.c.id))
            gone = list(ids.scalars())
            tombstones.bury(connection, gone, revision)
        return bool(gone)

    def count(self, registry: str) -> int:
        """How many webhooks a registry has."""
        with self._database.reading() as connection:
            return count_of(connection, registry.lower())

    def by_ids(self, ids: Sequence[int]) -> list[Webhook]:
        """The existing ones of these webhooks, enabled or not, in the deliverer's form."""
        possible = [webhook_id for webhook_id in ids if 0 < webhook_id <= MAX_BIG]
        with self._database.reading() as connection:
            standings = {
                webhook_id: standings_of(rows)
                for webhook_id, rows in overtaken.of_webhooks(connection, possible).items()
            }
            return [
                read_row(row, self._vault).webhook(standings.get(row["id"], {}))
                for chunk in chunks(possible)
                for row in connection.execute(all_rows().where(webhooks.c.id.in_(chunk))).mappings()
            ]

    def revision(self) -> int:
        """The revision of the last change of any webhook or registry."""
        with self._database.reading() as connection:
            return counters.read(connection, counters.REVISION)

    def snapshot(self) -> tuple[int, Iterator[IndexRow]]:
        """The revision, and every enabled webhook at that revision; see `store.webhooks.index`."""
        return webhookindex.snapshot(self._database)

    def changes_since(self, revision: int) -> Changes | None:
        """The changes after *revision*; None: they are not known any more, take a snapshot."""
        return webhookindex.changes_since(self._database, revision)

    def list(self, registry: str, *, after: str = "", limit: int) -> Rows:
        """Webhooks of a registry with all of their secrets; see `each`."""
        return self.each(WebhookRow, registry, after=after, limit=limit)

    def each(
        self, view: type[View], registry: str, *, after: str = "", limit: int
    ) -> Sequence[View]:
        """What *view* has of the webhooks of a registry, by name without regard to case.

        Args:
            view: What is needed; no other secret is opened.
            registry: Whose.
            after: Begin behind this name; empty: at the first.
            limit: How many at most.

        Raises:
            SealedError: A secret of the view cannot be opened.
        """
        query = (
            _select(view)
            .where(webhooks.c.registry_key == registry.lower())
            .where(webhooks.c.name_key > after.lower())
            .order_by(webhooks.c.name_key)
            .limit(limit)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings()
            return [read_view(view, row, self._vault) for row in rows]


def _select(view: type[VisibleWebhook]) -> Select[Any]:
    """The columns of *view* and no others."""
    kept = (webhooks.c[name] for name in names_of(view) if name != "registry")
    return select(*kept, registries.c.name.label("registry")).join(registries)


def _read(
    connection: Connection, view: type[View], registry: str, name: str, vault: Vault
) -> View | None:
    named = (webhooks.c.registry_key == registry.lower()) & (webhooks.c.name_key == name.lower())
    row = connection.execute(_select(view).where(named)).mappings().one_or_none()
    return None if row is None else read_view(view, row, vault)
