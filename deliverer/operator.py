"""Adds the operator's webhook to the others: it comes from settings, not from the store."""

from collections.abc import Sequence

from portcall.deliverer.webhooks import WebhookReader
from portcall.schemas.operator import OPERATOR_ID, OPERATOR_NAME
from portcall.schemas.scopes import parse_scope
from portcall.schemas.webhooks import Status, Webhook, parse_service_uri
from portcall.store.webhooks.index import Changes


class WithOperator:
    """The store's webhooks, and the operator's.

    Args:
        source: Reads the store's webhooks.
        operator: The operator's webhook; None: there is none.
    """

    def __init__(self, source: WebhookReader, operator: Webhook | None) -> None:
        self._source = source
        self._operator = operator

    def by_ids(self, ids: Sequence[int]) -> list[Webhook]:
        """The existing ones of these webhooks."""
        found = self._source.by_ids(ids)
        if self._operator is not None and OPERATOR_ID in ids:
            found.append(self._operator)
        return found

    def revision(self) -> int:
        """The newest revision of the store; the operator's webhook does not change while we run."""
        return self._source.revision()

    def changes_since(self, revision: int) -> Changes | None:
        """The changes of the store's webhooks."""
        return self._source.changes_since(revision)


def operator_webhook(uri: str, secret: str) -> Webhook | None:
    """The operator's webhook.

    Args:
        uri: Its service URI; empty: there is none.
        secret: Its signing secret; empty: it is unsigned.
    """
    if not uri:
        return None
    parsed = parse_service_uri(uri)
    headers = {"Authorization": parsed.authorization} if parsed.authorization else {}
    return Webhook(
        id=OPERATOR_ID,
        registry="",
        name=OPERATOR_NAME,
        uri=parsed.uri,
        headers=headers,
        actions=0,
        scope=parse_scope(""),
        status=Status.ENABLED,
        secret=secret,
    )
