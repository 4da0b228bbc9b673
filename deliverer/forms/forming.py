"""Forming: everything about an attempt in another format than ACR's, but for the POST itself."""

from msgspec.structs import replace

from portcall.deliverer.consequences import Consequence, GivenUp, Recorded
from portcall.deliverer.forms.consents import Consents, Sending
from portcall.deliverer.forms.renderings import Renderings
from portcall.deliverer.forms.requests import formed
from portcall.deliverer.jobs import Job
from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.request import Template
from portcall.deliverer.results import expired, omitted
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.formats.chosen import Chosen
from portcall.schemas.formats.results import Omitted, Refused
from portcall.schemas.records import Failure, Sent

Tried = tuple[Attempt, Sent]
"""What came of an attempt, and its request."""


class Forming:
    """Makes attempts in other formats.

    Args:
        sender: Makes the requests.
    """

    def __init__(self, sender: Sending) -> None:
        self._sender = sender
        self._renderings = Renderings()
        self._consents = Consents(sender)

    async def attempt(
        self, job: Job, template: Template, form: Chosen, now_ms: int
    ) -> Tried | Consequence:
        """Render, ask for consent where the format does so, POST, and judge the answer.

        Returns:
            The attempt; or what follows where nothing can be sent.
        """
        rendered = self._renderings.of(job.event, form)
        match rendered:
            case Omitted(reason):
                return Recorded(omitted(job.delivery, reason, now_ms))
            case Refused(reason):
                return GivenUp(expired(job.delivery, reason, now_ms))
        if refused := await self._consents.refusal(template, form, now_ms):
            return refused
        named = delivery_id(job.event.id, job.delivery.webhook_id)
        request = formed(template, rendered, delivery_id=named, now_s=now_ms // 1000)
        return judged(await self._sender.send(request), form), request.sent


def judged(attempt: Attempt, form: Chosen) -> Attempt:
    """The attempt as its format sees it: a 2xx may still be a refusal."""
    answer = attempt.answer
    if answer is None or not attempt.succeeded:
        return attempt
    problem = form.format.judge(answer.status, answer.content)
    return replace(attempt, failure=Failure.STATUS, message=problem) if problem else attempt
