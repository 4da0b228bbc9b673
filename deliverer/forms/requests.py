"""Requests in other formats than ACR's: the signatures are over the bytes that are really sent."""

import hmac

from portcall.deliverer.post.request import Request, Template
from portcall.schemas.formats.registries.ghcr import SIGNATURE
from portcall.schemas.formats.results import Headers, Rendered
from portcall.schemas.records import Sent
from portcall.schemas.signatures import Scheme, scheme_of

OPTIONS = "OPTIONS"


def formed(template: Template, rendered: Rendered, *, delivery_id: str, now_s: int) -> Request:
    """The POST of a rendered event.

    Args:
        template: Of the webhook; a custom header replaces one of the format.
        rendered: The body and its headers.
        delivery_id: Sent as ``webhook-id``.
        now_s: The time of the attempt, seconds since the epoch.
    """
    return template.request(
        delivery_id=delivery_id,
        body=rendered.body,
        now_s=now_s,
        more=(*rendered.headers, *_proof(template, rendered.body)),
        content=rendered.body.decode(),
    )


def asking(template: Template) -> Request:
    """An OPTIONS request with the webhook's own headers, and without a body."""
    head = OPTIONS.encode() + template.head.removeprefix(b"POST") + b"Content-Length: 0\r\n\r\n"
    shown = {**template.shown, "Content-Length": "0"}
    return Request(template.origin, head, b"", Sent(template.uri, shown, method=OPTIONS))


def _proof(template: Template, body: bytes) -> Headers:
    """GitHub's signature: its secret is the whole text of the webhook's, with ``whsec_``.

    Source: GitHub, "Validating webhook deliveries".
    """
    secret = template.webhook.secret
    signs = template.form is not None and template.form.format.signs_as_github
    if not signs or scheme_of(secret) is not Scheme.V1:
        return ()
    digest = hmac.digest(secret.encode(), body, "sha256")  # half the time of hmac.new
    return ((SIGNATURE, f"sha256={digest.hex()}"),)
