"""A delete that names its tags, in each format; and without the filter."""

import msgspec
import pytest

from portcall.schemas.deletes import naming_tags, with_tags
from portcall.schemas.events import Event
from portcall.schemas.extras import MAX_TAGS
from portcall.schemas.formats.chosen import chosen_of
from portcall.schemas.formats.cloudevents import MAX_TAGS as MAX_ATTRIBUTE
from portcall.schemas.formats.names import FormatName
from portcall.schemas.formats.results import Omitted, Rendered
from tests.unit.schemas.formats.samples import DIGEST, HOST, document, event

PLAIN = event("delete", tag=None)
TAGS = ("2.0.1", "latest")
NAMED = with_tags(PLAIN, TAGS)
TEMPLATE = {
    "name": "template",
    "template": '{"gone": "{{ tags }}", "of": "{{ payload.portcall.tags }}"}',
}


def rendered(settings: dict[str, str] | None, of: Event = NAMED) -> Rendered:
    chosen = chosen_of(settings, names_tags=True)
    assert chosen is not None
    found = chosen.render(of)
    assert isinstance(found, Rendered), found
    return found


def test_acrs_payload_has_them_behind_its_own_fields() -> None:
    assert rendered(None).body == naming_tags(bytes(PLAIN.body), TAGS)
    assert rendered(None, PLAIN).body == bytes(PLAIN.body)
    push = msgspec.structs.replace(NAMED, action="push")  # tags are told of deletes only
    assert rendered(None, push).body == bytes(PLAIN.body)


def test_cloudevents_have_them_in_the_data_and_as_an_attribute() -> None:
    structured = msgspec.json.decode(rendered({"name": "cloudevents"}).body)
    assert structured["tags"] == "2.0.1,latest"
    assert structured["data"]["portcall"] == {"tags": list(TAGS)}
    binary = rendered({"name": "cloudevents", "mode": "binary"})
    assert binary.headers["ce-tags"] == "2.0.1,latest"
    assert binary.body == naming_tags(bytes(PLAIN.body), TAGS)


def test_tags_that_do_not_fit_a_header_are_in_the_data_only() -> None:
    many = with_tags(PLAIN, [f"{number:0128}" for number in range(MAX_TAGS)])
    binary = rendered({"name": "cloudevents", "mode": "binary"}, many)
    assert "ce-tags" not in binary.headers
    assert len(msgspec.json.decode(binary.body)["portcall"]["tags"]) == MAX_TAGS
    assert sum(len(name) + len(value) for name, value in binary.headers.items()) < MAX_ATTRIBUTE


def test_event_grid_and_cdevents_have_them_in_acrs_payload() -> None:
    (grid,) = msgspec.json.decode(rendered({"name": "eventgrid"}).body)
    assert grid["data"]["portcall"] == {"tags": list(TAGS)}
    cdevent = msgspec.json.decode(rendered({"name": "cdevents"}).body)
    assert cdevent["customData"]["portcall"] == {"tags": list(TAGS)}


def test_harbor_has_a_resource_for_each() -> None:
    found = msgspec.json.decode(rendered({"name": "harbor"}).body)["event_data"]["resources"]
    assert found == [
        {"digest": DIGEST, "tag": tag, "resource_url": f"{HOST}/shop/cart:{tag}"} for tag in TAGS
    ]
    (alone,) = document("harbor", PLAIN)["event_data"]["resources"]
    assert alone["tag"] == DIGEST


def test_distribution_tells_of_each_as_a_registry_does() -> None:
    gone, *tags = msgspec.json.decode(rendered({"name": "distribution"}).body)["events"]
    assert gone["target"]["digest"] == DIGEST
    assert [each["target"] for each in tags] == [
        {"repository": "shop/cart", "tag": tag} for tag in TAGS
    ]
    assert {each["action"] for each in tags} == {"delete"}
    assert {each["request"]["id"] for each in tags} == {gone["request"]["id"]}
    assert len({each["id"] for each in (gone, *tags)}) == 3
    again = msgspec.json.decode(rendered({"name": "distribution"}).body)["events"]
    assert again == [gone, *tags]


@pytest.mark.parametrize("name", ["slack", "teams", "discord", "google-chat", "mattermost"])
def test_messages_for_people_name_them(name: str) -> None:
    body = rendered({"name": name}).body.decode()
    assert "2.0.1, latest" in body
    assert "Tags" in body


def test_a_template_sees_them() -> None:
    found = msgspec.json.decode(rendered(TEMPLATE).body)
    assert found == {"gone": list(TAGS), "of": list(TAGS)}


@pytest.mark.parametrize("name", [each for each in FormatName if each != FormatName.ACR])
def test_without_the_filter_no_format_has_them(name: str) -> None:
    settings = TEMPLATE if name == FormatName.TEMPLATE else {"name": name}
    chosen = chosen_of(settings)
    assert chosen is not None
    assert chosen.render(NAMED) == chosen.render(PLAIN)


@pytest.mark.parametrize("name", ["dockerhub", "ghcr", "quay"])
def test_formats_without_deletes_still_have_none(name: str) -> None:
    chosen = chosen_of({"name": name}, names_tags=True)
    assert chosen is not None
    assert isinstance(chosen.render(NAMED), Omitted)
