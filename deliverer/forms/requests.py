"""Requests in other formats than ACR's: the signatures are over the bytes that are really sent."""

from portcall.deliverer.post.request import Request, Template
from portcall.schemas.formats.registries.ghcr import SIGNATURE
from portcall.schemas.formats.results import Headers, Rendered
from portcall.schemas.records import Sent

OPTIONS = "OPTIONS"


def formed(
    template: Template,
    rendered: Rendered,
    *,
    delivery_id: str,
    now_s: int,
    more: Headers = (),
) -> Request:
    """The POST of a rendered event.

    Args:
        template: Of the webhook; a custom header replaces one of the format.
        rendered: The body and its headers.
        delivery_id: Sent as ``webhook-id``.
        now_s: The time of the attempt, seconds since the epoch.
        more: Further headers, which no format has.
    """
    headers = rendered.headers
    if template.sign_as_github is not None:
        headers = (*headers, (SIGNATURE, template.sign_as_github(rendered.body)))
    return template.request(
        delivery_id=delivery_id,
        body=rendered.body,
        now_s=now_s,
        more=(*headers, *more),
        content=rendered.body.decode(),
    )


def asking(template: Template) -> Request:
    """An OPTIONS request with the webhook's own headers, and without a body."""
    head = OPTIONS.encode() + template.head.removeprefix(b"POST") + b"Content-Length: 0\r\n\r\n"
    shown = {**template.shown, "Content-Length": "0"}
    return Request(template.origin, head, b"", Sent(template.uri, shown, method=OPTIONS))
