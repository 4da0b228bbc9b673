"""Requests in other formats than ACR's: the signatures are over the bytes that are really sent."""

from msgspec import UNSET, Raw, UnsetType

from portcall.deliverer.post.request import Request, Template
from portcall.schemas.formats.registries.ghcr import SIGNATURE
from portcall.schemas.formats.results import NO_HEADERS, Headers, Rendered, lines_of
from portcall.schemas.records import Sent

OPTIONS = "OPTIONS"


def formed(
    template: Template,
    rendered: Rendered,
    *,
    delivery_id: str,
    now_s: int,
    more: Headers = NO_HEADERS,
    content: str = "",
    json: Raw | UnsetType = UNSET,
) -> Request:
    """The POST of a rendered event.

    Args:
        template: Of the webhook; a custom header replaces one of the format.
        rendered: The body and its headers.
        delivery_id: Sent as ``webhook-id``.
        now_s: The time of the attempt, seconds since the epoch.
        more: Further headers, which no format has.
        content: The body for the record, as text; empty: *json* has it, or it is the event's.
        json: The same as JSON.
    """
    headers, lines = rendered.headers, rendered.lines or lines_of(rendered.headers)
    if template.sign_as_github is not None:
        signature = template.sign_as_github(rendered.body, rendered.common)
        headers = {**headers, SIGNATURE: signature}
        lines = f"{lines}{SIGNATURE}: {signature}\r\n"
    if more:
        headers, lines = {**headers, **more}, lines + lines_of(more)
    return template.request(
        delivery_id=delivery_id,
        body=rendered.body,
        now_s=now_s,
        more=headers,
        more_lines=lines,
        content=content,
        json=json,
    )


def asking(template: Template) -> Request:
    """An OPTIONS request with the webhook's own headers, and without a body."""
    head = OPTIONS.encode() + template.head.removeprefix(b"POST") + b"Content-Length: 0\r\n\r\n"
    shown = {**template.shown, "Content-Length": "0"}
    return Request(template.origin, head, len(head), Sent(template.uri, shown, method=OPTIONS))
