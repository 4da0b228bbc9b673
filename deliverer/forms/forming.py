"""Forming: what an attempt in another format than ACR's has beside the POST itself."""

from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import replace

from portcall.deliverer.consequences import Consequence, GivenUp, Recorded
from portcall.deliverer.forms.requests import formed
from portcall.deliverer.jobs import Job
from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.request import Request, Template
from portcall.deliverer.results import expired, omitted
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.formats.chosen import Chosen
from portcall.schemas.formats.results import (
    NO_HEADERS,
    Headers,
    Omitted,
    Result,
    Unrenderable,
)
from portcall.schemas.records import Failure


def prepared(
    job: Job,
    template: Template,
    form: Chosen,
    result: Result,
    now_ms: int,
    *,
    more: Headers = NO_HEADERS,
) -> Request | Consequence:
    """The POST of a delivery, or its consequence where nothing can be sent.

    Args:
        job: The delivery.
        template: Of its webhook.
        form: The webhook's format.
        result: What the format makes of the event.
        now_ms: The time, milliseconds since the epoch.
        more: Further headers, which no format has.
    """
    if isinstance(result, Omitted):
        return Recorded(omitted(job.delivery, result.reason, now_ms))
    if isinstance(result, Unrenderable):
        return GivenUp(expired(job.delivery, result.reason, now_ms))
    content = ""
    json: Raw | UnsetType = Raw(result.body)
    if json == job.event.body:
        json = UNSET
    elif not form.writes_json:
        content, json = result.body.decode(), UNSET
    return formed(
        template,
        result,
        delivery_id=delivery_id(job.event.id, job.delivery.webhook_id),
        now_s=now_ms // 1000,
        more=more,
        content=content,
        json=json,
    )


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
