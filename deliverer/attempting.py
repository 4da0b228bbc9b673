"""Makes one attempt at a delivery, and carries out its consequence."""

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from portcall.deliverer.consequences import (
    Consequence,
    Dropped,
    PutBack,
    Recorded,
    Rules,
    following,
    standing_of,
    unwanted,
)
from portcall.deliverer.endings import Endings
from portcall.deliverer.forms.consents import Consents
from portcall.deliverer.forms.forming import judged, prepared
from portcall.deliverer.jobs import Job, Ready
from portcall.deliverer.measures import measure
from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.redaction import redacted
from portcall.deliverer.post.request import Request, Template
from portcall.deliverer.tracing import Tracing
from portcall.deliverer.webhooks import Webhooks
from portcall.runtime.clock import now_ms
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.formats.chosen import Chosen
from portcall.schemas.formats.results import NO_HEADERS, Headers, Result
from portcall.schemas.overtaking import Standing
from portcall.schemas.records import Failure, Sent

MAX_READY_BYTES = 16_384
"""A larger request is made by its attempt: hundreds of deliveries may wait in a process."""
Results = dict[tuple[int, Chosen], Result]
"""Renderings, by the identity of their event and by format."""


class Sending(Protocol):
    """Makes attempts: a Sender."""

    async def send(self, request: Request) -> Attempt:
        """POST; never raises for the endpoint's faults."""


class Attempter:
    """Makes attempts at the deliveries whose webhook takes them.

    Args:
        webhooks: The cache of webhooks.
        sender: Makes the POSTs.
        endings: Carries out what follows.
        rules: What applies where a webhook says nothing else.
        tracing: Traces attempts; None: tracing is off.
        clock_ms: Returns the time, in milliseconds since the epoch.
        chance: Returns a random number from 0 to 1, for the jitter.

    Attributes:
        stopping: Begin no attempt: deliveries are put back for other processes.
    """

    def __init__(
        self,
        *,
        webhooks: Webhooks,
        sender: Sending,
        endings: Endings,
        rules: Rules,
        tracing: Tracing | None = None,
        clock_ms: Callable[[], int] = now_ms,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.stopping = False
        self._webhooks = webhooks
        self._sender = sender
        self._consents = Consents(sender)
        self._endings = endings
        self._rules = rules
        self._tracing = tracing
        self._clock_ms = clock_ms
        self._chance = chance

    def usable(self, job: Job, template: Template | None) -> Template | None:
        """*template* if an attempt may begin; None: the consequence was carried out instead."""
        delivery, webhook = job.delivery, None if template is None else template.webhook
        instead: Consequence
        overtaken = (
            webhook is not None
            and webhook.standings  # nearly never
            and standing_of(job, webhook) is Standing.OVERTAKEN
        )
        if overtaken:
            instead = Dropped()
        elif webhook is None or not webhook.takes(probe=delivery.probe):
            instead = unwanted(delivery, webhook, self._clock_ms())
        elif self.stopping:
            instead = PutBack()
        else:
            return template
        self._endings.carry_out(job, instead)
        return None

    async def attempt(self, job: Job) -> bool | None:
        """Make one attempt: look up, prepare, send, decide, carry out.

        Returns:
            Whether the endpoint answered as a healthy one does; None: nothing was sent.
        """
        webhook_id = job.delivery.webhook_id
        known = self._webhooks.known(webhook_id) or await self._webhooks.template(webhook_id)
        template = self.usable(job, known)
        if template is None:
            return None
        form, now_ms = template.form, self._clock_ms()
        if form is not None and self._consents.is_missing(template, form):
            failed = await self._consents.ask(template, form, now_ms)
            if failed is None:
                return await self.attempt(job)  # the webhook may have changed meanwhile
            return self._conclude(job, template, *failed)
        ready, job.ready = job.ready, None
        if ready is not None and ready.template is template and ready.now_s == now_ms // 1000:
            request: Request | Consequence = ready.request
        else:
            request = self._request(job, template, now_ms, {})
        if not isinstance(request, Request):
            self._endings.carry_out(job, request)
            return None
        attempt = await self._sender.send(request)
        if form is not None and form.reads_answers:
            attempt = judged(attempt, form)
        return self._conclude(job, template, attempt, request.sent)

    def make_ready(self, jobs: Iterable[Job], templates: Mapping[int, Template | None]) -> None:
        """Make the requests of deliveries that begin together, each event once for a format.

        Together, and before the first POST, they take less of the CPU: docs/decisions/0062. An
        attempt that begins in a later second, or after a change of its webhook, makes its own; and
        so does one whose request fails here, because its error must not be the whole frame's.

        Args:
            jobs: The deliveries.
            templates: By webhook; with one for each of the deliveries.
        """
        now_ms = self._clock_ms()
        results: Results = {}
        for job in jobs:
            template = templates[job.delivery.webhook_id]
            if template is None:
                continue
            if template.form is not None and self._consents.is_missing(template, template.form):
                continue
            try:
                request = self._request(job, template, now_ms, results)
            except Exception:  # noqa: BLE001, S112 (its attempt will fail, and say so)
                continue
            if isinstance(request, Request) and len(request.data) <= MAX_READY_BYTES:
                job.ready = Ready(template, now_ms // 1000, request)

    def _request(
        self, job: Job, template: Template, now_ms: int, results: Results
    ) -> Request | Consequence:
        """The POST of a delivery, or its consequence where nothing can be sent.

        *results* has the renderings that were made before, and gets a new one.
        """
        more, form = self._more(job, template), template.form
        if form is None:
            return template.request(
                delivery_id=delivery_id(job.event.id, job.delivery.webhook_id),
                body=bytes(job.event.body),
                now_s=now_ms // 1000,
                more=more,
            )
        key = id(job.event), form
        result = results.get(key)
        if result is None:
            result = results[key] = form.render(job.event)
        return prepared(job, template, form, result, now_ms, more=more)

    def _more(self, job: Job, template: Template) -> Headers:
        """Further headers of the POST."""
        return NO_HEADERS if self._tracing is None else self._tracing.headers(job, template)

    def _conclude(self, job: Job, template: Template, attempt: Attempt, sent: Sent) -> bool:
        """Decide, measure and carry out; returns whether the endpoint is healthy."""
        consequence = following(
            job,
            template.webhook,
            redacted(attempt, template.secrets) if template.secrets else attempt,
            sent,
            self._rules,
            now_ms=self._clock_ms(),
            chance=self._chance(),
        )
        is_refusal = (
            attempt.failure is not Failure.NONE  # a success is none: that costs no call
            and isinstance(consequence, Recorded)
            and consequence.is_refusal
        )
        tracing = self._tracing
        span = None
        if tracing is not None:
            span = tracing.attempted(job, template, attempt, consequence)
        measure(attempt, span, is_refusal=is_refusal)
        self._endings.carry_out(job, consequence)
        return is_refusal or attempt.shows_health
