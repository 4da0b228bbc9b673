"""What each kind of source sends for one push, with any repository, tag and digest."""

import base64
import json
from collections.abc import Callable
from typing import Any

from portcall.schemas.sources import SourceKind

TIME = "2026-05-02T09:04:05Z"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
GENERIC = {"repository": "name", "tag": "tag", "digest": "digest"}
Sent = tuple[Any, dict[str, str]]


def acr(repository: str, tag: str, digest: str) -> dict[str, Any]:
    target = {"mediaType": MANIFEST, "repository": repository, "tag": tag, "digest": digest}
    return {"id": f"{tag}-{digest}"[:60], "timestamp": TIME, "action": "push", "target": target}


def distribution(repository: str, tag: str, digest: str) -> Sent:
    return {"events": [acr(repository, tag, digest)]}, {}


def harbor(repository: str, tag: str, digest: str) -> Sent:
    resource = {"digest": digest, "tag": tag, "resource_url": f"hub.test/{repository}:{tag}"}
    data = {"resources": [resource], "repository": {"repo_full_name": repository}}
    return {"type": "PUSH_ARTIFACT", "occur_at": 1_777_712_645, "event_data": data}, {}


def ghcr(repository: str, tag: str, digest: str) -> Sent:
    owner, _, name = repository.partition("/")
    version = {
        "version": digest,
        "package_url": f"ghcr.io/{repository}:{tag}",
        "container_metadata": {"tag": {"name": tag, "digest": digest}},
    }
    package = {
        "name": name,
        "namespace": owner,
        "package_type": "CONTAINER",
        "updated_at": TIME,
        "owner": {"login": owner},
        "package_version": version,
    }
    return {"action": "published", "package": package}, {"X-GitHub-Event": "package"}


def dockerhub(repository: str, tag: str, _digest: str) -> Sent:
    pushed = {"pushed_at": 1_777_712_645, "pusher": "octo", "tag": tag}
    return {"push_data": pushed, "repository": {"repo_name": repository}}, {}


def quay(repository: str, tag: str, _digest: str) -> Sent:
    return {"repository": repository, "docker_url": "quay.test/x", "updated_tags": [tag]}, {}


def zot(repository: str, tag: str, digest: str) -> Sent:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "5f0d",
        "ce-type": "zotregistry.image.updated",
        "ce-source": "zotregistry.dev",
        "ce-time": TIME,
    }
    data = {"name": repository, "reference": tag, "digest": digest, "mediaType": MANIFEST}
    return data, headers


def gitea(repository: str, tag: str, _digest: str) -> Sent:
    owner, _, name = repository.partition("/")
    package = {
        "owner": {"login": owner},
        "type": "container",
        "name": name,
        "version": tag,
        "created_at": TIME,
    }
    return {"action": "created", "package": package}, {"X-Gitea-Event": "package"}


def eventgrid(repository: str, tag: str, digest: str) -> Sent:
    event = {
        "id": "831e",
        "topic": "/subscriptions/S",
        "subject": f"{repository}:{tag}",
        "eventType": "Microsoft.ContainerRegistry.ImagePushed",
        "eventTime": TIME,
        "dataVersion": "1.0",
        "data": acr(repository, tag, digest),
    }
    return [event], {"aeg-event-type": "Notification"}


def ecr(repository: str, tag: str, digest: str) -> Sent:
    detail = {
        "result": "SUCCESS",
        "repository-name": repository,
        "image-digest": digest,
        "action-type": "PUSH",
        "image-tag": tag,
    }
    return {
        "id": "13cd",
        "detail-type": "ECR Image Action",
        "source": "aws.ecr",
        "account": "111122223333",
        "region": "eu-west-1",
        "time": TIME,
        "detail": detail,
    }, {}


def gar(repository: str, tag: str, digest: str) -> Sent:
    name = f"europe-docker.pkg.dev/{repository}"
    data = {"action": "INSERT", "tag": f"{name}:{tag}", "digest": f"{name}@{digest}"}
    encoded = base64.b64encode(json.dumps(data).encode()).decode()
    message = {"data": encoded, "messageId": "9001", "publishTime": TIME}
    return {"message": message, "subscription": "projects/p/subscriptions/s"}, {}


def artifactory(repository: str, tag: str, digest: str) -> Sent:
    key, _, image = repository.partition("/")
    data = {"repo_key": key, "image_name": image, "tag": tag, "sha256": digest.partition(":")[2]}
    return {"domain": "docker", "event_type": "pushed", "data": data}, {}


def nexus(repository: str, tag: str, _digest: str) -> Sent:
    key, _, name = repository.partition("/")
    component = {"format": "docker", "name": name, "version": tag}
    return {
        "timestamp": TIME,
        "repositoryName": key,
        "action": "CREATED",
        "component": component,
    }, {}


def alibaba(repository: str, tag: str, digest: str) -> Sent:
    pushed = {"digest": digest, "pushed_at": "2026-05-02 17:04:05", "tag": tag}
    return {"push_data": pushed, "repository": {"repo_full_name": repository}}, {}


def harness(repository: str, tag: str, digest: str) -> Sent:
    artifact = {"url": f"pkg.test/{repository}:{tag}", "tag": tag, "digest": digest}
    described = {"type": "DOCKER", "name": repository, "version": tag, "artifact": artifact}
    return {"trigger": "artifact_created", "artifact_info": described}, {}


def generic(repository: str, tag: str, digest: str) -> Sent:
    return {"name": repository, "tag": tag, "digest": digest}, {}


BODIES: dict[SourceKind, Callable[[str, str, str], Sent]] = {
    SourceKind.DISTRIBUTION: distribution,
    SourceKind.HARBOR: harbor,
    SourceKind.GHCR: ghcr,
    SourceKind.DOCKERHUB: dockerhub,
    SourceKind.QUAY: quay,
    SourceKind.GITLAB: distribution,
    SourceKind.ZOT: zot,
    SourceKind.GITEA: gitea,
    SourceKind.FORGEJO: gitea,
    SourceKind.ACR: lambda *facts: (acr(*facts), {}),
    SourceKind.EVENTGRID: eventgrid,
    SourceKind.ECR: ecr,
    SourceKind.GAR: gar,
    SourceKind.ARTIFACTORY: artifactory,
    SourceKind.NEXUS: nexus,
    SourceKind.ALIBABA: alibaba,
    SourceKind.HARNESS: harness,
    SourceKind.GENERIC: generic,
}
