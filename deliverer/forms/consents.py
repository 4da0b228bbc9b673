"""Consents: some formats ask an endpoint first, and send nothing without its consent.

A consent is kept in this process for as long as the webhook's URI and format stay the same. Where
the endpoint refuses, or does not answer, the handshake counts as the delivery's attempt.

Source: CloudEvents, "HTTP 1.1 Web Hooks", 4 (abuse protection); Event Grid's validation of
endpoints with its own schema.
"""

import asyncio
import uuid
from collections import OrderedDict
from typing import Protocol

import msgspec

from portcall.deliverer.forms.requests import asking, formed
from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.request import Request, Template
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.formats.chosen import Chosen
from portcall.schemas.formats.eventgrid import validation
from portcall.schemas.formats.names import FormatName
from portcall.schemas.records import Answer, Failure, Sent
from portcall.schemas.timestamps import acr_timestamp

ALLOWED = "webhook-allowed-origin"
MAX_KEPT = 20_000
"""Consents; beyond it the oldest is forgotten, and asked for again."""

Tried = tuple[Attempt, Sent]
"""What came of a handshake, and its request."""
_Key = tuple[int, str, Chosen]


class Sending(Protocol):
    """Makes attempts: a Sender."""

    async def send(self, request: Request) -> Attempt:
        """Send; never raises for the endpoint's faults."""


class Consents:
    """Asks endpoints for their consent.

    Args:
        sender: Makes the requests.
    """

    def __init__(self, sender: Sending) -> None:
        self._sender = sender
        self._given: OrderedDict[_Key, None] = OrderedDict()
        self._asking: dict[_Key, asyncio.Task[Tried | None]] = {}

    def is_missing(self, template: Template, form: Chosen) -> bool:
        """Whether the endpoint must consent, and has not yet."""
        return form.needs_consent and _key(template, form) not in self._given

    async def ask(self, template: Template, form: Chosen, now_ms: int) -> Tried | None:
        """The handshake that failed; None: the endpoint consents.

        Deliveries that ask at the same time share one handshake, and its result.
        """
        key = _key(template, form)
        task = self._asking.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._asked(template, form, now_ms))
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(task)

    async def _asked(self, template: Template, form: Chosen, now_ms: int) -> Tried | None:
        failed = await self._ask(template, form, now_ms)
        if failed is None:
            self._given[_key(template, form)] = None
            if len(self._given) > MAX_KEPT:
                self._given.popitem(last=False)
        return failed

    async def _ask(self, template: Template, form: Chosen, now_ms: int) -> Tried | None:
        if form.format.name is FormatName.EVENTGRID:
            code = str(uuid.uuid4())
            request = _validation(template, form, code, now_ms)
            attempt = await self._sender.send(request)
            problem = _unvalidated(attempt.answer, code) if attempt.succeeded else ""
        else:
            request = asking(template)
            attempt = await self._sender.send(request)
            problem = _unallowed(attempt.answer, form.options["origin"])
        if attempt.succeeded and not problem:
            return None
        if attempt.succeeded:
            message = f"the endpoint gave no consent: {problem}"
            attempt = msgspec.structs.replace(attempt, failure=Failure.STATUS, message=message)
        return attempt, request.sent


def _key(template: Template, form: Chosen) -> _Key:
    return template.webhook.id, template.webhook.uri, form


def _validation(template: Template, form: Chosen, code: str, now_ms: int) -> Request:
    webhook = template.webhook
    rendered = validation(
        registry=webhook.registry,
        options=form.options,
        event_id=code,
        code=code,
        time=acr_timestamp(now_ms),
    )
    named = delivery_id(code, webhook.id)
    return formed(
        template, rendered, delivery_id=named, now_s=now_ms // 1000, json=msgspec.Raw(rendered.body)
    )


def _unvalidated(answer: Answer | None, code: str) -> str:
    """What is wrong with the answer to a validation event; empty: nothing."""
    if answer is None or answer.status != 200:
        return "its answer to the validation event must have the status 200"
    try:
        said = msgspec.json.decode(answer.content, type=dict[str, object])
    except (msgspec.DecodeError, ValueError):
        said = {}
    if said.get("validationResponse") != code:
        return "its answer has no validationResponse with the code"
    return ""


def _unallowed(answer: Answer | None, origin: str) -> str:
    """What is wrong with the answer to OPTIONS; empty: nothing."""
    headers = answer.headers if answer else {}
    allowed = [value for name, value in headers.items() if name.lower() == ALLOWED]
    if not allowed:
        return "its answer has no WebHook-Allowed-Origin"
    words = {word.strip().lower() for value in allowed for word in value.split(",")}
    return "" if words & {"*", origin.lower()} else f"it allows other origins than {origin}"
