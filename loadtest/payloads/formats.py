"""Formats: how each sender writes a fact, with the Content-Type that it sends.

Sources: Microsoft's webhook reference and recorded traffic (ACR); what docker-registry 2.8.2 sent,
recorded under tests/fixtures (distribution); Harbor's page "Configure Webhook Notifications"
(Harbor, both forms); Docker's page "Webhooks" (Docker Hub); GitHub's page "Webhook events and
payloads", its ``registry_package`` (GitHub, without the fields that say nothing of the package);
CloudEvents 1.0.2 with the types of Azure Event Grid's schema for container registries.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from portcall import __version__
from portcall.loadtest.payloads.facts import Fact
from portcall.loadtest.payloads.times import rfc3339
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import PING, Action, Payload, Request, Target

HOST = "registry.loadtest.example"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CHART = "application/vnd.acr.helm.chart"
SECOND_US = 1_000_000
IMAGES = (Action.PUSH.value, Action.DELETE.value)
EVERY = (*(action.value for action in Action if action is not Action.UNTAG), PING)
"""ACR's own."""

_encode = msgspec.json.Encoder().encode


class Format(Struct, frozen=True):
    """One sender's payload format.

    Attributes:
        name: Its name in options.
        actions: The actions that it can express.
        content_type: The sender's Content-Type.
        write: Returns the body.
        step_us: The time resolution of its bodies, microseconds.
        headers: The other headers that it sends.
    """

    name: str
    actions: tuple[str, ...]
    content_type: str
    write: Callable[[Fact], bytes]
    step_us: int = 1
    headers: Callable[[Fact], tuple[tuple[str, str], ...]] = lambda _fact: ()


def find_format(name: str) -> Format:
    """Return a format by its name.

    Raises:
        InvalidValueError: There is none of that name.
    """
    for each in FORMATS:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in FORMATS)
    raise InvalidValueError("--payload", f"{name[:32]!r} is not a payload; there are {names}")


def _target(fact: Fact) -> Target:
    """Return the target as ACR writes it for that action."""
    match fact.action:
        case Action.DELETE:
            return Target(MANIFEST, digest=fact.digest, repository=fact.repository)
        case Action.CHART_PUSH | Action.CHART_DELETE:
            version = "1.0.0" if fact.tag == "latest" else f"1.{fact.tag[1:]}.0"
            name = fact.repository.rpartition("/")[2]
            return Target(
                CHART, fact.size, fact.digest, repository=fact.repository,
                tag=f"{name}-{version}.tgz", name=name, version=version,
            )  # fmt: skip
        case _:
            media_type = MANIFEST if fact.action == Action.PUSH else None
            size = fact.size
            return Target(media_type, size, fact.digest, size, fact.repository, fact.tag)


def _request(fact: Fact) -> Request | None:
    """Return the request to the registry; chart events have none."""
    if fact.action in (Action.CHART_PUSH, Action.CHART_DELETE):
        return None
    method = "DELETE" if fact.action == Action.DELETE else "PUT"
    agent = None if fact.action == Action.QUARANTINE else f"portcall-loadtest/{__version__}"
    return Request(fact.request_id, HOST, method, agent)


def _acr(fact: Fact) -> bytes:
    at = rfc3339(fact.at_us, 7)
    if fact.action == PING:
        return _encode(Payload(fact.id, at, PING))
    return _encode(Payload(fact.id, at, fact.action, _target(fact), _request(fact)))


def _distribution(fact: Fact) -> bytes:
    target: dict[str, Any] = {"digest": fact.digest, "repository": fact.repository}
    if fact.action == Action.PUSH:
        url = f"http://{HOST}/v2/{fact.repository}/manifests/{fact.digest}"
        target = {
            "mediaType": MANIFEST, "size": fact.size, "digest": fact.digest, "length": fact.size,
            "repository": fact.repository, "url": url, "tag": fact.tag,
        }  # fmt: skip
    event = {
        "id": fact.id,
        "timestamp": rfc3339(fact.at_us, 9),
        "action": fact.action,
        "target": target,
        "request": {
            "id": fact.request_id,
            "addr": "192.0.2.10:46310",
            "host": HOST,
            "method": "PUT" if fact.action == Action.PUSH else "DELETE",
            "useragent": f"portcall-loadtest/{__version__}",
        },
        "actor": {},
        "source": {"addr": f"{HOST}:5000", "instanceID": fact.request_id},
    }
    # Formatted by Go's MarshalIndent, which the registry uses.
    return msgspec.json.format(_encode({"events": [event]}), indent=3)


def _harbor_data(fact: Fact) -> dict[str, Any]:
    namespace, _, name = fact.repository.partition("/")
    resource = {
        "digest": fact.digest,
        "tag": fact.tag,
        "resource_url": f"{HOST}/{fact.repository}:{fact.tag}",
    }
    repository = {
        "date_created": 1_680_501_893,
        "name": name,
        "namespace": namespace,
        "repo_full_name": fact.repository,
        "repo_type": "private",
    }
    return {"resources": [resource], "repository": repository}


def _harbor(fact: Fact) -> bytes:
    kind = "PUSH_ARTIFACT" if fact.action == Action.PUSH else "DELETE_ARTIFACT"
    return _encode(
        {
            "type": kind,
            "occur_at": fact.at_us // SECOND_US,
            "operator": "robot$loadtest",
            "event_data": _harbor_data(fact),
        }
    )


def _harbor_cloudevents(fact: Fact) -> bytes:
    word = "pushed" if fact.action == Action.PUSH else "deleted"
    return _encode(
        {
            "specversion": "1.0",
            "id": fact.id,
            "requestid": fact.request_id,
            "source": "/projects/2/webhook/policies/15",
            "type": f"harbor.artifact.{word}",
            "datacontenttype": "application/json",
            "time": rfc3339(fact.at_us),
            "data": _harbor_data(fact),
            "operator": "robot$loadtest",
        }
    )


def _docker_hub(fact: Fact) -> bytes:
    namespace, _, name = fact.repository.partition("/")
    return _encode(
        {
            "callback_url": f"https://registry.hub.docker.example/u/{fact.repository}/hook/{fact.id}/",
            "push_data": {
                "pushed_at": fact.at_us // SECOND_US,
                "pusher": "loadtest",
                "tag": fact.tag,
            },
            "repository": {
                "comment_count": 0,
                "date_created": 1_417_494_799,
                "description": "",
                "dockerfile": "",
                "full_description": "A repository of a load test",
                "is_official": False,
                "is_private": True,
                "is_trusted": True,
                "name": name,
                "namespace": namespace,
                "owner": namespace,
                "repo_name": fact.repository,
                "repo_url": f"https://registry.hub.docker.example/u/{fact.repository}/",
                "star_count": 0,
                "status": "Active",
            },
        }
    )


def _github(fact: Fact) -> bytes:
    namespace, _, name = fact.repository.partition("/")
    at = rfc3339(fact.at_us)
    owner = {"login": namespace, "id": 1, "type": "Organization"}
    version = {
        "id": fact.number,
        "version": fact.digest,
        "name": fact.digest,
        "created_at": at,
        "updated_at": at,
        "container_metadata": {"tag": {"name": fact.tag, "digest": fact.digest}},
        "package_url": f"ghcr.example/{fact.repository}:{fact.tag}",
    }
    package = {
        "id": 1,
        "name": name,
        "namespace": namespace,
        "ecosystem": "CONTAINER",
        "package_type": "CONTAINER",
        "created_at": at,
        "updated_at": at,
        "owner": owner,
        "package_version": version,
    }
    repository = {"id": 1, "name": name, "full_name": fact.repository, "owner": owner}
    return _encode(
        {
            "action": "published",
            "registry_package": package,
            "repository": repository,
            "sender": {"login": "loadtest", "id": 2, "type": "User"},
        }
    )


_EVENT_GRID = {
    "push": "Microsoft.ContainerRegistry.ImagePushed",
    "delete": "Microsoft.ContainerRegistry.ImageDeleted",
    "chart_push": "Microsoft.ContainerRegistry.ChartPushed",
    "chart_delete": "Microsoft.ContainerRegistry.ChartDeleted",
}


def _attributes(fact: Fact) -> dict[str, str]:
    return {
        "specversion": "1.0",
        "id": fact.id,
        "source": f"https://{HOST}",
        "type": _EVENT_GRID[fact.action],
        "time": rfc3339(fact.at_us, 7),
    }


def _structured(fact: Fact) -> bytes:
    data = {**_attributes(fact), "datacontenttype": "application/json"}
    return _encode({**data, "data": msgspec.Raw(_acr(fact))})


def _ce_headers(fact: Fact) -> tuple[tuple[str, str], ...]:
    return tuple((f"ce-{name}", value) for name, value in _attributes(fact).items())


ACR = Format("acr", EVERY, "application/json; charset=utf-8", _acr)
FORMATS = (
    ACR,
    Format(
        "distribution", IMAGES, "application/vnd.docker.distribution.events.v1+json", _distribution
    ),
    Format("harbor", IMAGES, "application/json", _harbor, SECOND_US),
    Format(
        "harbor-cloudevents", IMAGES, "application/cloudevents+json", _harbor_cloudevents, SECOND_US
    ),
    Format("docker-hub", (Action.PUSH.value,), "application/json", _docker_hub, SECOND_US),
    Format("github", (Action.PUSH.value,), "application/json", _github, SECOND_US),
    Format(
        "cloudevents",
        tuple(_EVENT_GRID),
        "application/cloudevents+json; charset=utf-8",
        _structured,
    ),
    Format("cloudevents-binary", tuple(_EVENT_GRID), "application/json", _acr, 1, _ce_headers),
)
