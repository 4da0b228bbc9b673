"""JFrog Artifactory: the webhook of the domain ``docker``.

====================================================  ==================================
event_type                                            becomes
====================================================  ==================================
pushed                                                push
deleted, with a digest                                delete
deleted, with a tag only                              nothing: ``tag_delete``
promoted                                              nothing: ``promoted``
pushed to or deleted from a cache (``...-cache``)     nothing: ``cache``
of a repository that ``repo_keys`` does not list      nothing: ``other_repository``
any other domain or type                              nothing: ``other_type``
====================================================  ==================================

Settings: ``host``, where clients pull from; ``names``: ``path`` (the default) writes a repository
as ``<repo_key>/<image>``, ``bare`` as ``<image>``; ``repo_keys``: those to take, with commas.

A message has neither id nor time, so each gets an id of its own.

Source: JFrog's "Docker domain" webhook events; fields as other receivers read them.
"""

import re

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.formats.told import platforms_in
from portcall.producer.sources.adapter import Found, SourceRequest
from portcall.producer.sources.fields import (
    Told,
    chosen,
    found,
    host_of,
    ignored,
    made_request,
    part,
    read_object,
    tag_or_digest,
    text,
)
from portcall.schemas.artifact_types import artifact_type
from portcall.schemas.extras import Extras

_ACTIONS = {"pushed": "push", "deleted": "delete"}
_DOMAINS = ("docker", "oci")
_HEX = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_ORIGIN = re.compile(r"(?:https?://)?(?:[^/@]*@)?(?P<host>[^/?#]+)", re.ASCII)
_CACHE = "-cache"
_LIST = "list.manifest.json"


def read(request: SourceRequest, acceptance: Acceptance) -> Translation:
    """Read one webhook's POST.

    Raises:
        InvalidValueError: The body is no JSON.
    """
    return read_object(request, request.body, acceptance, _found)


def _found(request: SourceRequest, sent: object) -> Found:
    reason = _why_ignored(request, sent)
    if reason:
        return ignored(
            reason,
            action=text(sent, "event_type"),
            repository=text(sent, "data", "image_name"),
            tag=text(sent, "data", "tag"),
        )
    return found(_told(request, sent))


def _why_ignored(request: SourceRequest, sent: object) -> str:
    """Why an event is none of ours; empty: it is one."""
    kind, key = text(sent, "event_type"), text(sent, "data", "repo_key")
    if text(sent, "domain") not in _DOMAINS:
        return "other_type"
    if kind not in _ACTIONS:
        return "promoted" if kind == "promoted" else "other_type"
    wanted = chosen(request.options, "repo_keys")
    if wanted:
        return "" if key in wanted else "other_repository"
    return "cache" if key.endswith(_CACHE) else ""


def _told(request: SourceRequest, sent: object) -> Told:
    data = part(sent, "data")
    action = _ACTIONS[text(sent, "event_type")]
    tag, by_tag = tag_or_digest(text(data, "tag").replace("sha256__", "sha256:", 1))
    actor = text(sent, "source").removeprefix("jfrog/")
    return Told(
        action=action,
        repository=_repository(request, data),
        tag=tag,
        digest=_digest(data) or by_tag,
        request=made_request(action, "", host_of(request, _host(sent))),
        extras=Extras(
            actor=actor,
            artifact_type=_type(data, tag),
            platforms=tuple(platforms_in(part(data, "platforms"))),
        ),
    )


def _repository(request: SourceRequest, data: object) -> str:
    """The name as clients write it; an empty key or image gives an empty name."""
    key, image = text(data, "repo_key"), text(data, "image_name")
    if request.options.get("names") == "bare" or not image:
        return image
    return f"{key}/{image}" if key else image


def _digest(data: object) -> str:
    """The manifest's digest, which is sent as bare hexadecimal digits."""
    digest = text(data, "sha256")
    return f"sha256:{digest.lower()}" if _HEX.fullmatch(digest) else ""


def _type(data: object, tag: str) -> str:
    if text(data, "name") == _LIST:
        return "index"
    return artifact_type(tag=tag) or ("image" if text(data, "image_type") == "docker" else "")


def _host(sent: object) -> str:
    """The host of the platform's address."""
    origin = _ORIGIN.match(text(sent, "jpd_origin"))
    return origin["host"] if origin else ""
