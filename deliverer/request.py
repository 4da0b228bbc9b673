"""Requests: what is POSTed to a webhook, prepared once for each webhook and finished per attempt.

ACR's body and Content-Type, the custom headers, then ``webhook-id``, ``webhook-timestamp`` and,
where the webhook has a secret, ``webhook-signature``. Nothing else but what HTTP itself needs.

Source: ACR's webhook reference and recorded traffic; the Standard Webhooks specification 1.0.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Self

from yarl import URL

from schemas.records import Sent
from schemas.webhooks import Webhook, masked_headers

CONTENT_TYPE = "application/json; charset=utf-8"
SECRET_PREFIX = "whsec_"  # noqa: S105 (the prefix of every secret, not one)


@dataclass(frozen=True, slots=True)
class Request:
    """One POST, ready to go."""

    url: URL
    headers: dict[str, str]
    body: bytes
    sent: Sent


@dataclass(frozen=True, slots=True)
class Template:
    """What all requests to one webhook have in common, worked out once.

    Attributes:
        webhook: Whose requests these are.
        url: Its URI, parsed.
        headers: Content-Type and the custom headers.
        shown: The same with secrets masked, for the record.
        key: The bytes that sign; empty: unsigned.
    """

    webhook: Webhook
    url: URL
    headers: dict[str, str]
    shown: dict[str, str]
    key: bytes

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        """Prepare the requests to *webhook*."""
        named = {name.lower() for name in webhook.headers}
        default = {} if "content-type" in named else {"Content-Type": CONTENT_TYPE}
        headers = {**default, **webhook.headers}
        return cls(
            webhook=webhook,
            url=URL(webhook.uri),
            headers=headers,
            shown=masked_headers(headers),
            key=signing_key(webhook.secret),
        )

    def request(self, *, delivery_id: str, body: bytes, now_s: int) -> Request:
        """The request of one attempt.

        Args:
            delivery_id: Sent as ``webhook-id``.
            body: The event's exact bytes.
            now_s: The time of the attempt, seconds since the epoch.
        """
        ours = {"webhook-id": delivery_id, "webhook-timestamp": str(now_s)}
        if self.key:
            ours["webhook-signature"] = signature(self.key, delivery_id, now_s, body)
        shown = {**self.shown, "Content-Length": str(len(body)), **ours}
        return Request(
            url=self.url,
            headers={**self.headers, **ours},
            body=body,
            sent=Sent(uri=self.webhook.uri, headers=shown),
        )


def signing_key(secret: str) -> bytes:
    """The key in a Standard Webhooks secret: what stands in base64 after ``whsec_``."""
    return base64.b64decode(secret.removeprefix(SECRET_PREFIX)) if secret else b""


def signature(key: bytes, delivery_id: str, now_s: int, body: bytes) -> str:
    """The ``v1`` signature: HMAC-SHA256 over id, timestamp and body, with dots between."""
    signed = b"%b.%d.%b" % (delivery_id.encode(), now_s, body)
    digest = hmac.digest(key, signed, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode("ascii")
