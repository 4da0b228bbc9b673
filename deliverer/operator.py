"""The operator's webhook among the others: answered from settings, where the store has no row."""

from collections.abc import Sequence
from typing import Protocol

from portcall.schemas.operator import OPERATOR_ID, OPERATOR_NAME
from portcall.schemas.scopes import parse_scope
from portcall.schemas.webhooks import Status, Webhook, parse_service_uri
from portcall.store.webhooks.index import Changes


class Source(Protocol):
    """Where webhooks come from: `store.webhooks`."""

    def by_ids(self, ids: Sequence[int]) -> list[Webhook]:
        """Those of the webhooks that there are."""

    def revision(self) -> int:
        """The newest revision."""

    def changes_since(self, revision: int) -> Changes | None:
        """What changed after *revision*; None when too much did to say."""


class WithOperator:
    """The store's webhooks, and the operator's.

    Args:
        source: The store's.
        operator: The operator's; None: there is none.
    """

    def __init__(self, source: Source, operator: Webhook | None) -> None:
        self._source = source
        self._operator = operator

    def by_ids(self, ids: Sequence[int]) -> list[Webhook]:
        """Those of the webhooks that there are."""
        found = self._source.by_ids(ids)
        if self._operator is not None and OPERATOR_ID in ids:
            found.append(self._operator)
        return found

    def revision(self) -> int:
        """The newest revision of the store's; the operator's is the same for as long as we run."""
        return self._source.revision()

    def changes_since(self, revision: int) -> Changes | None:
        """What changed of the store's."""
        return self._source.changes_since(revision)


def operator_webhook(uri: str, secret: str) -> Webhook | None:
    """The operator's webhook.

    Args:
        uri: Where it leads; empty: there is none.
        secret: What signs; empty: it is unsigned.
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
