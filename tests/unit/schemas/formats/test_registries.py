"""The forms of other registries: our own adapters of these registries read them back."""

import json
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from githubkit_schemas.v2026_03_10.models import (
    SimpleUser,
    WebhookPackagePublishedPropPackage,
    WebhookRegistryPackagePublishedPropRegistryPackage,
)

from portcall.producer.formats.acceptance import Acceptance
from portcall.producer.sources.adapter import SourceRequest
from portcall.producer.sources.samples import read_as
from portcall.schemas.events import Event
from portcall.schemas.formats.registries import ghcr
from portcall.schemas.sources import SourceKind
from tests.unit.schemas.formats.samples import (
    DIGEST,
    HOST,
    MANIFEST,
    SECONDS,
    document,
    event,
    form,
    ping,
    reason,
    rendered,
)

TARGET = {"repository": "shop/cart", "tag": "2.0.1"}
WHOLE = {**TARGET, "digest": DIGEST}
KINDS = {
    "distribution": SourceKind.DISTRIBUTION,
    "harbor": SourceKind.HARBOR,
    "dockerhub": SourceKind.DOCKERHUB,
    "ghcr": SourceKind.GHCR,
    "quay": SourceKind.QUAY,
}
REGISTRIES = list(KINDS)


def read_back(name: str, of: Event | None = None, **options: str) -> list[dict[str, Any]]:
    sent = rendered(name, of, **options)
    headers = {"content-type": form(name, **options).content_type, **dict(sent.headers)}
    request = SourceRequest(headers, sent.body, {}, {})
    found = read_as(KINDS[name], request, Acceptance("myregistry", 0, lambda: "new")).events
    return [json.loads(bytes(each.body)) for each in found]


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("distribution", {**WHOLE, "mediaType": MANIFEST, "size": 741, "length": 741}),
        ("harbor", WHOLE),
        ("dockerhub", {**TARGET, "mediaType": MANIFEST}),
        ("ghcr", {**WHOLE, "mediaType": MANIFEST, "size": 741, "length": 741}),
        ("quay", TARGET),
    ],
    ids=REGISTRIES,
)
def test_the_adapter_of_that_registry_reads_a_push_back(
    name: str, target: Mapping[str, object]
) -> None:
    (found,) = read_back(name)
    assert found["action"] == "push"
    assert found["target"] == target
    if name != "dockerhub":  # its host is known
        assert found["request"]["host"] == HOST


def test_a_delete_is_read_back_where_the_registry_has_deletes() -> None:
    gone = event("delete", tag=None)
    (found,) = read_back("distribution", gone)
    assert (found["action"], found["target"]["digest"]) == ("delete", DIGEST)
    (found,) = read_back("harbor", gone)
    assert (found["action"], found["target"]) == (
        "delete",
        {"repository": "shop/cart", "digest": DIGEST},
    )


@pytest.mark.parametrize(
    ("name", "of", "why"),
    [
        ("dockerhub", event("delete"), "the format of Docker Hub has no delete events"),
        ("quay", event("delete"), "the format of Quay has no delete events"),
        ("ghcr", event("delete"), "the format of GHCR has no delete events"),
        (
            "distribution",
            event("quarantine"),
            "the format of distribution has no quarantine events",
        ),
        ("harbor", event("chart_push"), "the format of Harbor has no chart_push events"),
        ("harbor", event(tag=None), "the format of Harbor has no pushes without a tag"),
        ("dockerhub", event(tag=None), "the format of Docker Hub has no pushes without a tag"),
        ("quay", event(tag=None), "the format of Quay has no pushes without a tag"),
        (
            "ghcr",
            event(repository="cart"),
            "the format of GHCR needs a repository with an owner, as in owner/name",
        ),
    ],
)
def test_what_a_registry_would_not_send_is_not_sent(name: str, of: Event, why: str) -> None:
    assert reason(name, of) == why


@pytest.mark.parametrize("name", REGISTRIES)
def test_a_ping_tells_of_no_image(name: str) -> None:
    assert read_back(name, ping()) == [] or name in ("dockerhub", "quay")
    assert b"repository" not in rendered(name, ping()).body.lower().replace(b'"repository"}', b"")


def test_a_ping_of_github_is_named_so() -> None:
    assert dict(rendered("ghcr", ping()).headers)["X-GitHub-Event"] == "ping"


@pytest.mark.parametrize("kind", ["package", "registry_package"])
def test_githubs_own_schema_takes_ours(kind: str) -> None:
    models: Mapping[str, Any] = {
        "package": WebhookPackagePublishedPropPackage,
        "registry_package": WebhookRegistryPackagePublishedPropRegistryPackage,
    }
    sent = document("ghcr", event=kind)
    models[kind].model_validate(sent[kind])
    SimpleUser.model_validate(sent["sender"])
    assert sent["action"] == "published"
    assert dict(rendered("ghcr", event=kind).headers)["X-GitHub-Event"] == kind


def test_a_package_of_github_names_its_owner_without_templates_of_urls() -> None:
    sent = document("ghcr")
    owner = sent["package"]["owner"]
    assert (owner["login"], owner["html_url"]) == ("shop", "https://github.com/shop")
    assert "followers_url" not in owner
    assert (
        owner.items()
        < document("ghcr", event="registry_package")["registry_package"]["owner"].items()
    )
    assert len(rendered("ghcr").body) < 3_000


def test_the_version_of_a_registry_package_of_github_has_no_author() -> None:
    """Its schema asks for none; an author would be a whole user, a quarter of the body."""
    version = document("ghcr", event="registry_package")["registry_package"]["package_version"]
    assert "author" not in version
    assert document("ghcr")["package"]["package_version"]["author"]["login"] == "shop"
    assert len(rendered("ghcr", event="registry_package").body) < 3_500


def test_each_url_of_a_github_user_is_one() -> None:
    sender = document("ghcr", event(actor="ACME\\ci bot"))["sender"]
    assert sender["login"] == "ACME\\ci bot"
    urls = [value for key, value in sender.items() if key.endswith("url")]
    assert len(urls) == 12
    for each in urls:
        assert urlsplit(each).scheme == "https"
        assert not set(each) & set("\\ ")


def test_a_delivery_of_github_has_one_id_on_each_attempt() -> None:
    first, second = rendered("ghcr"), rendered("ghcr")
    named = dict(first.headers)["X-GitHub-Delivery"]
    assert named == dict(second.headers)["X-GitHub-Delivery"]
    assert named == str(uuid.uuid5(ghcr.DELIVERIES, "myregistry/e1"))
    chosen = form("ghcr")
    assert chosen.format.headers(chosen.options, 7, "hook7") == {"X-GitHub-Hook-ID": "7"}


def test_a_delivery_of_github_has_the_events_id_where_that_is_a_uuid() -> None:
    given = msgspec.structs.replace(event(), id="0f1c5a40-0e3b-4d0c-9a55-7c2f9d1e4b60")
    assert dict(rendered("ghcr", given).headers)["X-GitHub-Delivery"] == given.id


def test_a_child_manifest_of_github_has_an_empty_tag() -> None:
    version = document("ghcr", event(tag=None))["package"]["package_version"]
    assert version["container_metadata"]["tag"]["name"] == ""
    assert version["package_url"] == f"{HOST}/shop/cart:"


@pytest.mark.parametrize(
    ("repository", "namespace", "name"),
    [("cart", "", "cart"), ("shop/cart", "shop", "cart"), ("shop/web/cart", "shop", "web/cart")],
)
def test_harbor_splits_a_repository_at_its_first_slash(
    repository: str, namespace: str, name: str
) -> None:
    data = document("harbor", event(repository=repository))
    assert (data["occur_at"], data["operator"]) == (SECONDS, "ci")
    found = data["event_data"]["repository"]
    assert (found["namespace"], found["name"]) == (namespace, name)
    assert data["event_data"]["resources"][0]["resource_url"] == f"{HOST}/{repository}:2.0.1"


def test_an_unknown_actor_is_named_after_us() -> None:
    assert document("harbor", event(actor=""))["operator"] == "portcall"
    assert document("dockerhub", event(actor=""))["push_data"]["pusher"] == "portcall"
    assert document("distribution", event(actor=""))["events"][0]["actor"] == {}


def test_docker_hub_has_official_images() -> None:
    found = document("dockerhub", event(repository="nginx"))["repository"]
    assert (found["namespace"], found["repo_name"]) == ("library", "nginx")
    assert found["is_official"] is True


def test_a_delete_of_distribution_names_no_url() -> None:
    (found,) = document("distribution", event("delete"))["events"]
    assert "url" not in found["target"]
    assert msgspec.json.decode(rendered("distribution", ping()).body) == {"events": []}
