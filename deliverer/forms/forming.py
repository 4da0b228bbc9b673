"""Forming: what an attempt in another format than ACR's has beside the POST itself."""

from msgspec.structs import replace

from portcall.deliverer.consequences import Consequence, GivenUp, Recorded
from portcall.deliverer.forms.renderings import Renderings
from portcall.deliverer.forms.requests import formed
from portcall.deliverer.jobs import Job
from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.request import Request, Template
from portcall.deliverer.results import expired, omitted
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.formats.chosen import Chosen
from portcall.schemas.formats.results import Headers, Omitted, Rendered, Unrenderable
from portcall.schemas.formats.table import ACR
from portcall.schemas.records import Failure


def prepared(
    job: Job,
    template: Template,
    form: Chosen,
    renderings: Renderings,
    now_ms: int,
    *,
    more: Headers = (),
) -> Request | Consequence:
    """The POST of a delivery, or its consequence where nothing can be sent.

    Args:
        job: The delivery.
        template: Of its webhook.
        form: The webhook's format.
        renderings: Writes the body.
        now_ms: The time, milliseconds since the epoch.
        more: Further headers, which no format has.
    """
    # To keep a rendering, and to drop it later, takes half as long as to make one.
    rendered = form.render(job.event) if job.is_alone else renderings.of(job.event, form)
    match rendered:
        case Rendered():
            named = delivery_id(job.event.id, job.delivery.webhook_id)
            now_s = now_ms // 1000
            if form.format is ACR and rendered.body == (own := bytes(job.event.body)):
                return template.request(delivery_id=named, body=own, now_s=now_s, more=more)
            return formed(template, rendered, delivery_id=named, now_s=now_s, more=more)
        case Omitted(reason):
            return Recorded(omitted(job.delivery, reason, now_ms))
        case Unrenderable(reason):
            return GivenUp(expired(job.delivery, reason, now_ms))


def judged(attempt: Attempt, form: Chosen) -> Attempt:
    """The attempt as its format sees it: a 2xx may still be a refusal, or ask for a pause."""
    answer = attempt.answer
    if answer is None:
        return attempt
    asked_ms = form.format.pacing(answer.status, answer.headers, answer.content)
    if asked_ms:
        attempt = replace(attempt, asked_ms=asked_ms)
    problem = form.format.judge(answer.status, answer.content) if attempt.succeeded else ""
    return replace(attempt, failure=Failure.STATUS, message=problem) if problem else attempt
