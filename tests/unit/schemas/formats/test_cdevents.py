"""CDEvents, by the rules of the specification and of Flux's parser."""

from urllib.parse import unquote

import pytest

from portcall.schemas.formats.cdevents import PING_TYPE
from tests.unit.schemas.formats.samples import (
    DIGEST,
    HOST,
    TIME,
    document,
    event,
    form,
    ping,
    reason,
    rendered,
)

SOURCE = f"https://{HOST}/shop/cart"
PURL = f"pkg:oci/cart@{DIGEST.replace(':', '%3A')}?repository_url={HOST}/shop/cart&tag=2.0.1"


def test_version_04_is_what_flux_reads() -> None:
    assert form("cdevents").content_type == "application/json"
    found = document("cdevents")
    assert found["context"] == {
        "version": "0.4.1",
        "id": "e1",
        "source": SOURCE,
        "type": "dev.cdevents.artifact.published.0.2.0",
        "timestamp": TIME,
    }
    assert found["subject"] == {
        "id": PURL, "source": SOURCE, "type": "artifact", "content": {"user": "ci"},
    }  # fmt: skip
    headers = dict(rendered("cdevents").headers)
    assert headers["ce-type"] == found["context"]["type"]
    assert unquote(headers["ce-subject"]) == PURL


def test_version_05_names_it_otherwise_and_has_no_type_of_the_subject() -> None:
    found = document("cdevents", version="0.5")
    assert found["context"]["specversion"] == "0.5.1"
    assert found["context"]["type"] == "dev.cdevents.artifact.published.0.3.0"
    assert "version" not in found["context"]
    assert "type" not in found["subject"]


def test_structured_mode_has_the_whole_event_as_its_data() -> None:
    chosen = form("cdevents", mode="structured")
    assert chosen.content_type.startswith("application/cloudevents+json")
    found = document("cdevents", mode="structured")
    assert found["type"] == found["data"]["context"]["type"]
    assert found["subject"] == PURL
    assert rendered("cdevents", mode="structured").headers == {}


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("0.4", "dev.cdevents.artifact.deleted.0.1.0"),
        ("0.5", "dev.cdevents.artifact.deleted.0.2.0"),
    ],
)
def test_a_delete_has_its_own_type(version: str, kind: str) -> None:
    found = document("cdevents", event("delete", tag=None), version=version)
    assert found["context"]["type"] == kind


def test_without_a_digest_the_package_has_no_version() -> None:
    found = document("cdevents", event(digest=None, actor=""))
    assert found["subject"]["id"] == f"pkg:oci/cart?repository_url={HOST}/shop/cart&tag=2.0.1"
    assert found["subject"]["content"] == {}


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_ping_is_a_custom_event(version: str) -> None:
    found = document("cdevents", ping(), version=version)
    assert found["context"]["type"] == PING_TYPE
    assert ("type" in found["subject"]) == (version == "0.4")


@pytest.mark.parametrize("action", ["quarantine", "untag"])
def test_what_publishes_and_deletes_no_artifact_is_not_sent(action: str) -> None:
    assert reason("cdevents", event(action)) == f"the format of CDEvents has no {action} events"
