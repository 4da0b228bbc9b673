"""Docker Hub: the webhook of a repository. Each call is the push of a tag; nothing tells a delete.

A call has no id and no digest. Its id is a hash of repository, tag and time, so the equal calls of
one multi-arch push have the same id. ``callback_url`` is neither read, kept nor called.

Setting: ``host``, where clients pull from; ``docker.io`` by default.

Source: docs.docker.com/docker-hub/repos/manage/webhooks.
"""

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.sources.adapter import Found, SourceRequest
from portcall.producer.sources.fields import (
    Told,
    found,
    hashed_id,
    host_of,
    ignored,
    made_request,
    part,
    read_object,
    tag_or_digest,
    text,
    time_of,
)
from portcall.schemas.artifact_types import artifact_type
from portcall.schemas.extras import Extras


def read(request: SourceRequest, acceptance: Acceptance) -> Translation:
    """Read one webhook's POST.

    Raises:
        InvalidValueError: The body is no JSON.
    """
    return read_object(request, request.body, acceptance, _found)


def _found(request: SourceRequest, sent: object) -> Found:
    pushed, described = part(sent, "push_data"), part(sent, "repository")
    if not isinstance(pushed, dict) or not isinstance(described, dict):
        return ignored("other_type")
    return found(_told(request, pushed, described))


def _told(request: SourceRequest, pushed: object, described: object) -> Told:
    namespace, name = text(described, "namespace"), text(described, "name")
    joined = f"{namespace}/{name}" if namespace and name else name
    repository = text(described, "repo_name") or joined
    tag, digest = tag_or_digest(text(pushed, "tag"))
    moment = part(pushed, "pushed_at")
    time = time_of(moment)
    event = hashed_id("dockerhub", "push", repository, digest, tag, time) if time else ""
    media_type = text(pushed, "media_type")
    return Told(
        action="push",
        repository=repository,
        tag=tag,
        digest=digest,
        id=event,
        time=time,
        media_type=media_type,
        request=made_request("push", event, host_of(request, "docker.io")),
        extras=Extras(
            actor=text(pushed, "pusher"), artifact_type=artifact_type(media_type, tag=tag)
        ),
    )
