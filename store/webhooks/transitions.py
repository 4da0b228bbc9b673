"""What a row of a webhook becomes: created, replaced, patched, or with a new secret. All pure."""

from dataclasses import fields, replace
from typing import Any

from portcall.schemas.webhooks import Cause
from portcall.store.webhooks.row import WebhookChanges, WebhookDraft, WebhookRow

_OWNED: dict[str, Any] = {
    "status_reason": "", "cause": Cause.OWNER, "failing_since_ms": 0, "probed_ms": 0,
}  # fmt: skip
"""What is known of a webhook whose owner just chose its status: nothing."""

_WANTED = tuple(
    field.name for field in fields(WebhookDraft) if field.name not in ("registry", "name")
)


def created(
    draft: WebhookDraft, *, webhook_id: int, registry: str, revision: int, now_ms: int
) -> WebhookRow:
    """The row of a webhook that did not exist; *registry* is the registry's name as created."""
    return WebhookRow(
        id=webhook_id,
        registry=registry,
        name=draft.name,
        status_changed_ms=now_ms,
        revision=revision,
        created_ms=now_ms,
        **_wanted(draft),
    )


def replaced(row: WebhookRow, draft: WebhookDraft, *, revision: int, now_ms: int) -> WebhookRow:
    """The row after a PUT on a webhook that exists: its id and the case of its name stay."""
    changed = row.status is not draft.status
    return replace(
        row,
        status_changed_ms=now_ms if changed else row.status_changed_ms,
        revision=revision,
        **_OWNED,
        **_wanted(draft),
        **_old_secret(row, draft.secret, now_ms),
    )


def patched(row: WebhookRow, changes: WebhookChanges, *, revision: int, now_ms: int) -> WebhookRow:
    """The row after a PATCH; the reason for its status is removed only if the status is set."""
    changed = changes.get("status", row.status) is not row.status
    return replace(
        row,
        status_changed_ms=now_ms if changed else row.status_changed_ms,
        revision=revision,
        **(_OWNED if "status" in changes else {}),
        **changes,
        **_old_secret(row, changes.get("secret", row.secret), now_ms),
    )


def rotated(
    row: WebhookRow, secret: str, *, overlap_ms: int, revision: int, now_ms: int
) -> WebhookRow:
    """The row after a rotation: the previous secret signs, too, for *overlap_ms*.

    There are never more than two: an earlier one ends now.
    """
    return replace(
        row,
        secret=secret,
        revision=revision,
        **(_old(row.secret, now_ms + overlap_ms) if row.secret and overlap_ms else _old()),
    )


def _wanted(draft: WebhookDraft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in _WANTED}


def _old_secret(row: WebhookRow, secret: str, now_ms: int) -> dict[str, Any]:
    """The remaining old secret: none when it has ended, or when *secret* is another.

    A secret that is set replaces all others at once: the old one may have leaked.
    """
    if row.old_secret and row.secret == secret and now_ms < row.old_secret_until_ms:
        return {}
    return _old()


def _old(secret: str = "", until_ms: int = 0) -> dict[str, Any]:
    return {"old_secret": secret, "old_secret_until_ms": until_ms}
