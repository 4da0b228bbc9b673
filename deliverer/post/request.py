"""Requests: the POST to a webhook, prepared once for each webhook and completed per attempt.

ACR's body and Content-Type, a User-Agent, the custom headers, then ``webhook-id``,
``webhook-timestamp`` and, where the webhook has a secret, ``webhook-signature``. Nothing else
except the headers that HTTP needs. A webhook with another format has that format's Content-Type and
headers: `deliverer.forms` completes them.

Source: ACR's webhook reference and recorded traffic; the Standard Webhooks specification 1.0.
"""

from dataclasses import replace
from typing import Self

from msgspec import UNSET, Raw, Struct, UnsetType

from portcall.deliverer.post.origin import Origin
from portcall.deliverer.post.redaction import secrets_of
from portcall.deliverer.post.signatures import GithubSigner, Signer, github_signer, signer
from portcall.schemas.formats.chosen import Chosen, chosen_for
from portcall.schemas.formats.heads import common_headers
from portcall.schemas.formats.results import NO_HEADERS, Headers, lines_of
from portcall.schemas.records import Masking, Sent
from portcall.schemas.uris import parse_uri
from portcall.schemas.webhooks import MASK, Webhook


class Request(Struct, frozen=True):
    """One POST, ready to go.

    Attributes:
        origin: The target of the connection.
        data: All of it: the request line, the headers, an empty line and the content.
        head_bytes: Where the content begins.
        sent: The same for the record, with secrets masked.
    """

    origin: Origin
    data: bytes
    head_bytes: int
    sent: Sent

    @property
    def head(self) -> bytes:
        """The request line and the headers, with the empty line after them."""
        return self.data[: self.head_bytes]

    @property
    def body(self) -> bytes:
        """The content."""
        return self.data[self.head_bytes :]


class Template(Struct, frozen=True):
    """The common part of all requests to one webhook, computed once.

    Attributes:
        webhook: The webhook.
        uri: Its URI, as a record shows it.
        origin: The target of its URI.
        head: The request line, Host, Content-Type, User-Agent and the custom headers.
        shown: The headers for the record, with secrets masked.
        secrets: Texts that must not be in a record, wherever they come from.
        sign: Signs; None: unsigned.
        sign_before: Signs, too, with the previous secret, until *before_until_s*.
        before_until_s: Seconds since the epoch; 0: no other secret.
        form: The format of its bodies; None: ACR's, and nothing beside it.
        sign_as_github: Makes the signature of a body that GitHub sends; None: its format has none.
        named: The names of the custom headers in lower case; None: there are none.
    """

    webhook: Webhook
    uri: str
    origin: Origin
    head: bytes
    shown: dict[str, str]
    secrets: tuple[str, ...]
    sign: Signer | None
    sign_before: Signer | None = None
    before_until_s: int = 0
    form: Chosen | None = None
    sign_as_github: GithubSigner | None = None
    named: frozenset[str] | None = None

    @classmethod
    def of(cls, webhook: Webhook, masking: Masking = Masking.SECRETS) -> Self:
        """Prepare the requests to *webhook*; *masking*: which headers its records mask."""
        uri = parse_uri(webhook.uri, max_length=0)  # older ones may be longer
        form = chosen_for(webhook.format, webhook.filters)
        default = _defaults(webhook, form)
        headers = {**default, **webhook.headers}
        lines = [f"POST {uri.target} HTTP/1.1", f"Host: {uri.authority}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return cls(
            webhook=_paced(webhook, form),
            uri=uri.requested,
            origin=Origin(uri.host, uri.port, uri.tls, webhook.trust),
            head="".join(f"{line}\r\n" for line in lines).encode("latin-1"),
            shown=default | _shown(webhook, masking),
            secrets=secrets_of(webhook, masking),
            sign=signer(webhook.secret),
            sign_before=signer(webhook.old_secret),
            before_until_s=webhook.old_secret_until_ms // 1000,
            form=form,
            sign_as_github=_github(webhook, form),
            named=frozenset(name.lower() for name in webhook.headers) or None,
        )

    def request(
        self,
        *,
        delivery_id: str,
        body: bytes,
        now_s: int,
        more: Headers = NO_HEADERS,
        more_lines: str = "",
        content: str = "",
        json: Raw | UnsetType = UNSET,
    ) -> Request:
        """The request of one attempt.

        Args:
            delivery_id: Sent as ``webhook-id``.
            body: The exact bytes of the POST.
            now_s: The time of the attempt, seconds since the epoch.
            more: Further headers; a custom header of the webhook replaces each.
            more_lines: The same as lines, if the caller has them already.
            content: The body for the record, as text; empty: *json* has it, or it is the event's.
            json: The same as JSON.
        """
        stamp, length = str(now_s), str(len(body))
        if self.named is not None and more:
            more, more_lines = self._unnamed(more), ""
        if more and not more_lines:
            more_lines = lines_of(more)
        shown = {
            **self.shown,
            **more,
            "webhook-id": delivery_id,
            "webhook-timestamp": stamp,
        }
        signature = ""
        if self.sign is not None:
            claim = f"{delivery_id}.{stamp}.".encode()
            signed = self.sign(claim, body)
            if now_s < self.before_until_s and self.sign_before is not None:
                signed += " " + self.sign_before(claim, body)
            shown["webhook-signature"] = signed
            signature = f"webhook-signature: {signed}\r\n"
        shown["Content-Length"] = length
        lines = (
            f"{more_lines}webhook-id: {delivery_id}\r\nwebhook-timestamp: {stamp}\r\n{signature}"
            f"Content-Length: {length}\r\n\r\n"
        )
        data = b"".join((self.head, lines.encode("ascii"), body))
        sent = Sent(self.uri, shown, "POST", "1.1", content, json)
        return Request(self.origin, data, len(data) - len(body), sent)

    def _unnamed(self, more: Headers) -> Headers:
        """Those of further headers that no custom header replaces."""
        named = self.named or ()
        return {name: value for name, value in more.items() if name.lower() not in named}


def _github(webhook: Webhook, form: Chosen | None) -> GithubSigner | None:
    signs = form is not None and form.format.signs_as_github
    return github_signer(webhook.secret) if signs else None


def _defaults(webhook: Webhook, form: Chosen | None) -> dict[str, str]:
    """The default headers; a custom one of the same name replaces each."""
    named = {name.lower() for name in webhook.headers}
    every = common_headers(form, webhook.id, webhook.name)
    return {name: value for name, value in every.items() if name.lower() not in named}


def _paced(webhook: Webhook, form: Chosen | None) -> Webhook:
    """*webhook* with the rate of its chat, if it has none of its own."""
    if form is None or webhook.rate_limit:
        return webhook
    return replace(webhook, rate_limit=form.format.rate)


def _shown(webhook: Webhook, masking: Masking) -> dict[str, str]:
    return {
        name: MASK if masking.covers(name) else value for name, value in webhook.headers.items()
    }
