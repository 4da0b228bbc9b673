import json

import pytest

from portcall.cli.webhook import entries
from portcall.cli.webhook.entries import (
    Chunk,
    EntryFault,
    WebhookEntry,
    chunks,
    faults_of,
    read_entries,
)
from tests.unit.cli.fakes import HOOK, WEBHOOK

URI = "https://ci.example.com/hook"
EXPORTED = {**WEBHOOK, "properties": {**WEBHOOK["properties"], "serviceUri": URI}}  # type: ignore[dict-item]  # an object
AZ_LISTED = {
    "actions": ["push"], "id": HOOK, "location": "westus", "name": "ci01hook",
    "provisioningState": "Succeeded", "resourceGroup": "g", "scope": "", "status": "enabled",
    "systemData": None, "tags": {"a": "b"}, "type": "x",
}  # fmt: skip


def line(document: object) -> bytes:
    return json.dumps(document).encode() + b"\n"


def entry(number: int = 1, registry: str = "myregistry", size: int = 10) -> WebhookEntry:
    return WebhookEntry(
        f"line {number}", registry, {"name": f"hook{number}", "properties": {}}, size
    )


def test_an_exported_line_is_sent_as_it_is_but_for_what_the_path_says() -> None:
    [read] = read_entries([line(EXPORTED)], None)
    assert isinstance(read, WebhookEntry)
    assert (read.place, read.registry) == ("line 1", "myregistry")
    assert read.item == {"name": "ci01hook", "tags": {}, "properties": EXPORTED["properties"]}


def test_what_az_lists_is_read_when_the_uri_is_added() -> None:
    merged = {**AZ_LISTED, "serviceUri": URI, "customHeaders": None}
    [read] = read_entries([json.dumps([merged], indent=2).encode()], None)
    assert isinstance(read, WebhookEntry)
    assert read.place == "entry 1"
    assert read.item == {
        "name": "ci01hook",
        "tags": {"a": "b"},
        "properties": {
            "serviceUri": URI, "actions": ["push"], "scope": "", "status": "enabled",
        },
    }  # fmt: skip


def test_an_array_over_many_lines_is_read_whole() -> None:
    lines = json.dumps([EXPORTED, EXPORTED], indent=2).encode().splitlines(keepends=True)
    assert [read.place for read in read_entries(lines, None)] == ["entry 1", "entry 2"]


def test_a_registry_in_hand_goes_before_the_one_in_the_id() -> None:
    [read] = read_entries([line(EXPORTED)], "other")
    assert isinstance(read, WebhookEntry)
    assert read.registry == "other"


def test_empty_lines_and_a_byte_order_mark_are_passed_over() -> None:
    read = list(read_entries([b"\xef\xbb\xbf" + line(EXPORTED), b"\n", line(EXPORTED)], None))
    assert [each.place for each in read] == ["line 1", "line 3"]


@pytest.mark.parametrize(
    ("content", "place", "problem"),
    [
        pytest.param(b"{\n", "line 1", "is not JSON", id="half a line"),
        pytest.param(b"7\n", "line 1", "a JSON object was expected", id="not an object"),
        pytest.param(line({}), "line 1", "name: is required", id="no name"),
        pytest.param(line({"name": 7}), "line 1", "name: is required", id="a number for a name"),
        pytest.param(
            line({"name": "x"}), "line 1", "give it with --registry", id="no registry"
        ),
        pytest.param(
            line(AZ_LISTED),
            "line 1",
            "webhook 'ci01hook': serviceUri is missing (az never lists it): add the fields that"
            " `az acr webhook get-config -r myregistry -n ci01hook` prints",
            id="no service URI",
        ),
        pytest.param(b"[{]", "the array", "is not JSON", id="half an array"),
        pytest.param(b"[1]", "entry 1", "a JSON object was expected", id="array of numbers"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_fault_with_its_place(
    content: bytes, place: str, problem: str
) -> None:
    [fault] = read_entries([content], None)
    assert isinstance(fault, EntryFault)
    assert fault.place == place
    assert problem in fault.problem


@pytest.mark.parametrize("content", [[], [b"\n"], [b"[]"]], ids=["empty", "blank", "array"])
def test_nothing_is_nothing(content: list[bytes]) -> None:
    assert list(read_entries(content, None)) == []


@pytest.mark.parametrize(
    ("portcall", "sent", "lost"),
    [
        ({"hasSecret": True, "signature": "v1"}, {"hasSecret": True}, True),
        ({"hasSecret": True, "signature": "v1a"}, {"hasSecret": True, "signature": "v1a"}, False),
        ({"signature": "v1", "secret": "x"}, {"signature": "v1", "secret": "x"}, False),
        (
            {"hasSecret": False, "signature": "none"},
            {"hasSecret": False, "signature": "none"},
            False,
        ),
    ],
)
def test_no_secret_is_made_that_nobody_knows(
    portcall: dict[str, object], sent: dict[str, object], *, lost: bool
) -> None:
    properties = {"serviceUri": URI, "portcall": portcall}
    [read] = read_entries([line({**EXPORTED, "properties": properties})], None)
    assert isinstance(read, WebhookEntry)
    assert read.item["properties"]["portcall"] == sent
    assert read.lost_secret is lost


def test_a_secret_that_was_not_exported_is_known() -> None:
    properties = {"serviceUri": URI, "portcall": {"hasSecret": True}}
    [read] = read_entries([line({**EXPORTED, "properties": properties})], None)
    assert isinstance(read, WebhookEntry)
    assert read.lost_secret
    assert not entry().lost_secret


def test_a_chunk_has_at_most_a_thousand_webhooks_of_one_registry() -> None:
    many = [entry(number) for number in range(2_001)] + [entry(registry="other")]
    divided = list(chunks(many))
    assert [chunk.count for chunk in divided] == [1_000, 1_000, 1, 1]
    assert [chunk.registry for chunk in divided] == ["myregistry"] * 3 + ["other"]


def test_a_chunk_is_bounded_in_bytes() -> None:
    half = entries.CHUNK_BYTES // 2
    assert [chunk.count for chunk in chunks([entry(size=half)] * 5)] == [2, 2, 1]


def test_a_webhook_larger_than_a_chunk_has_one_of_its_own() -> None:
    assert [chunk.count for chunk in chunks([entry(size=entries.CHUNK_BYTES + 1)] * 2)] == [1, 1]


def test_a_fault_belongs_to_the_chunk_that_it_keeps_back() -> None:
    [chunk] = chunks([EntryFault("line 1", "x"), entry(2), EntryFault("line 3", "y"), entry(4)])
    assert (chunk.registry, chunk.count) == ("myregistry", 4)
    assert [fault.place for fault in chunk.faults] == ["line 1", "line 3"]


def test_a_file_of_faults_alone_is_one_chunk() -> None:
    [chunk] = chunks([EntryFault("line 1", "x")])
    assert (chunk.entries, chunk.count) == ([], 1)


@pytest.mark.parametrize(
    ("target", "problem", "fault"),
    [
        pytest.param(
            "value[1].properties.serviceUri",
            "is required",
            EntryFault("line 2", "webhook 'hook2': properties.serviceUri: is required"),
            id="a field",
        ),
        pytest.param(
            "value[1].properties.scope",
            "value[1].properties.scope: is no scope",
            EntryFault("line 2", "webhook 'hook2': properties.scope: is no scope"),
            id="a field that the message names, too",
        ),
        pytest.param(
            "value[0]",
            "occurs twice",
            EntryFault("line 1", "webhook 'hook1': occurs twice"),
            id="a whole entry",
        ),
        pytest.param(
            "", "over quota", EntryFault("line 1 to 3", "over quota"), id="the whole chunk"
        ),
        pytest.param(
            "value[9].name",
            "odd",
            EntryFault("line 1 to 3", "odd"),
            id="an entry that was not sent",
        ),
    ],
)
def test_the_servers_faults_are_told_by_line(target: str, problem: str, fault: EntryFault) -> None:
    chunk = Chunk("myregistry", [entry(1), entry(2), entry(3)])
    assert faults_of(chunk, [(target, problem)]) == [fault]


def test_the_place_of_a_chunk_of_one_is_its_line() -> None:
    assert faults_of(Chunk("x", [entry(5)]), [("", "bad")]) == [EntryFault("line 5", "bad")]
