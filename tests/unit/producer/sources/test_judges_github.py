"""GitHub's own schemas, as a package of a third party has them, take the payloads that we read."""

from collections.abc import Mapping
from typing import Any

import pytest
from githubkit_schemas.v2026_03_10.models import (
    WebhookPackagePublishedPropPackage,
    WebhookRegistryPackagePublishedPropRegistryPackage,
)
from githubkit_schemas.v2026_03_10.webhooks import VALID_EVENT_NAMES
from pydantic import BaseModel, ValidationError

from portcall.producer.sources.kinds import ghcr
from tests.unit.producer.sources.requests import DIGEST, HEX, MANIFEST, reasons, taken, told
from tests.unit.producer.sources.test_vendors import GHCR

MODELS: Mapping[str, type[BaseModel]] = {
    "package": WebhookPackagePublishedPropPackage,
    "registry_package": WebhookRegistryPackagePublishedPropRegistryPackage,
}
COMMON = {
    "id": 11,
    "description": None,
    "ecosystem": "CONTAINER",
    "html_url": "https://github.com/orgs/Acme/packages/container/package/cart",
    "created_at": "2026-01-05T08:00:00Z",
    "registry": None,
}
OF_VERSION = {
    "id": 22,
    "name": DIGEST,
    "description": "",
    "summary": "",
    "metadata": [],
    "package_files": [],
    "html_url": "https://github.com/orgs/Acme/packages/container/cart/22",
    "installation_command": "docker pull ghcr.io/acme/cart:2.0.1",
}
OWNER = {
    "login": "Acme",
    "id": 1,
    "node_id": "MDQ6",
    "type": "Organization",
    "site_admin": False,
    "gravatar_id": "",
    **{
        f"{name}url": "https://api.github.com/users/Acme"
        for name in (
            *("", "html_", "avatar_", "events_", "followers_", "following_", "gists_"),
            *("organizations_", "received_events_", "repos_", "starred_", "subscriptions_"),
        )
    },
}


def package(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON)
    """The package of our sample, with what its reader leaves unread."""
    sample = GHCR["package"]
    version = OF_VERSION | sample["package_version"]
    made: dict[str, Any] = COMMON | sample | {"owner": OWNER, "package_version": version}
    return made | changes


def version(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 (JSON)
    return {"package_version": package()["package_version"] | changes}


PAYLOADS: list[Any] = [
    pytest.param(package(), "2.0.1", id="an image with its tag"),
    pytest.param(
        package(
            **version(
                package_url="ghcr.io/acme/cart:",
                container_metadata={"tag": {"name": "", "digest": DIGEST}, "manifest": {}},
            )
        ),
        None,
        id="a child of an index",
    ),
    pytest.param(
        package(package_type="npm", ecosystem="docker"), "2.0.1", id="the type in the ecosystem"
    ),
]


@pytest.mark.parametrize("event", MODELS)
@pytest.mark.parametrize(("sent", "tag"), PAYLOADS)
def test_githubs_schema_reads_the_same(event: str, sent: dict[str, Any], tag: str | None) -> None:
    judged: Any = MODELS[event].model_validate(sent)
    (payload,) = told(taken(ghcr.read, {"action": "published", event: sent}))
    assert payload["target.digest"] == judged.package_version.version == DIGEST
    assert payload.get("target.tag") == (judged.package_version.container_metadata.tag.name or None)
    assert payload.get("target.tag") == tag
    assert payload["target.repository"] == f"{judged.owner.login.lower()}/{judged.name}"
    assert payload["timestamp"][:19] == judged.updated_at[:19]


@pytest.mark.parametrize("event", MODELS)
def test_what_the_schema_writes_is_read(event: str) -> None:
    judged = MODELS[event].model_validate(package())
    written = judged.model_dump(mode="json", exclude_unset=True)
    (payload,) = told(taken(ghcr.read, {"action": "published", event: written}))
    assert payload["target.digest"] == DIGEST
    assert payload["target.tag"] == "2.0.1"


@pytest.mark.parametrize("event", MODELS)
def test_what_the_schema_refuses_is_ignored_or_read_and_never_an_error(event: str) -> None:
    for name in package():
        without = {key: value for key, value in package().items() if key != name}
        with pytest.raises(ValidationError):
            MODELS[event].model_validate(without)
        assert taken(ghcr.read, {"action": "published", event: without}) is not None


def test_the_events_are_githubs() -> None:
    assert set(MODELS) < VALID_EVENT_NAMES
    assert "package_deleted" not in VALID_EVENT_NAMES


@pytest.mark.parametrize("event", MODELS)
def test_other_packages_are_ignored(event: str) -> None:
    sent = package(package_type="npm", ecosystem="npm")
    MODELS[event].model_validate(sent)
    assert reasons(taken(ghcr.read, {"action": "published", event: sent})) == {"other_format": 1}


def test_a_digest_that_cannot_be_one_is_left_to_the_version() -> None:
    """GitHub's example for Docker has the 40 digits of a commit as the digest of its tag."""
    odd = {"tag": {"name": "1", "digest": f"sha256:{HEX[:40]}"}, "manifest": {}}
    sent = package(**version(container_metadata=odd, package_url="ghcr.io/acme/cart:1"))
    (payload,) = told(taken(ghcr.read, {"action": "published", "registry_package": sent}))
    assert payload["target.digest"] == DIGEST
    assert "target.mediaType" not in payload
    assert MANIFEST not in str(payload)
