import io
import json

import pytest

from portcall.cli.tables import registry_row, table
from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import EVERY_REGISTRY, REG, REGISTRIES, REGISTRY, FakeApi, arm_error


class Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


def test_create_has_defaults_for_everything_but_the_name(api: FakeApi, portcall: Run) -> None:
    api.on("PUT", REG, REGISTRY)
    ended = portcall("registry", "create", "myregistry")
    assert (ended.code, json.loads(ended.out)) == (0, REGISTRY)
    assert api.changes[0].body == {
        "location": "westus",
        "sku": {"name": "Premium"},
        "tags": {},
        "properties": {"adminUserEnabled": False},
    }


def test_create_takes_location_tier_and_tags(api: FakeApi, portcall: Run) -> None:
    api.on("PUT", REG, REGISTRY)
    ended = portcall(
        "registry", "create", "--tags", "a=1", "b=2", "myregistry",
        "--location", "westeurope", "--sku", "basic", "-o", "table",
    )  # fmt: skip
    assert (ended.code, ended.out) == (0, table([registry_row(REGISTRY)]) + "\n")
    body = api.changes[0].body
    assert (body["location"], body["sku"]["name"]) == ("westeurope", "Basic")
    assert body["tags"] == {"a": "1", "b": "2"}


def test_create_tells_the_servers_refusal(api: FakeApi, portcall: Run) -> None:
    refusal = arm_error("InvalidRequestContent", "name: 'x' is too short", target="name")
    api.on("PUT", f"{REGISTRIES}/x", refusal, 400)
    ended = portcall("registry", "create", "x")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "error: (InvalidRequestContent) name: 'x' is too short\n"


def test_list_shows_those_of_every_group(api: FakeApi, portcall: Run) -> None:
    api.on("GET", EVERY_REGISTRY, {"value": [REGISTRY]})
    assert json.loads(portcall("registry", "list").out) == [REGISTRY]


def test_list_shows_those_of_one_group(api: FakeApi, portcall: Run) -> None:
    api.on("GET", REGISTRIES.replace("/portcall/", "/other/"), {"value": []})
    assert portcall("registry", "list", "-g", "other").out == "[]\n"


def test_show_one(api: FakeApi, portcall: Run) -> None:
    assert json.loads(portcall("registry", "show", "myregistry").out) == REGISTRY


def test_show_of_none_is_not_found(api: FakeApi, portcall: Run) -> None:
    ended = portcall("registry", "show", "nowhere")
    assert ended.code == 3
    assert "portcall registry create nowhere" in ended.err


def test_show_of_another_group_names_the_group(api: FakeApi, portcall: Run) -> None:
    ended = portcall("registry", "show", "myregistry", "-g", "other")
    assert ended.code == 3
    assert "'myregistry' does not exist in the resource group 'other'" in ended.err
    assert "`portcall registry create myregistry -g other`" in ended.err


def test_delete_asks_nobody_where_there_is_no_terminal(api: FakeApi, portcall: Run) -> None:
    api.on("DELETE", REG)
    ended = portcall("registry", "delete", "myregistry")
    assert (ended.code, ended.out) == (0, "")
    assert [each.method for each in api.changes] == ["DELETE"]


@pytest.mark.parametrize(
    ("options", "answer", "code", "changes"),
    [
        pytest.param((), "y", 0, ["DELETE"], id="yes"),
        pytest.param((), "n", 1, [], id="no"),
        pytest.param((), "", 1, [], id="just enter"),
        pytest.param(("--yes",), "n", 0, ["DELETE"], id="not asked"),
        pytest.param(("-y",), "n", 0, ["DELETE"], id="not asked, in short"),
    ],
)
def test_delete_asks_on_a_terminal(
    *,
    options: tuple[str, ...],
    answer: str,
    code: int,
    changes: list[str],
    api: FakeApi,
    portcall: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api.on("DELETE", REG)
    monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
    ended = portcall("registry", "delete", "myregistry", *options)
    assert ended.code == code
    assert [each.method for each in api.changes] == changes


def test_delete_of_none_is_not_found(api: FakeApi, portcall: Run) -> None:
    assert portcall("registry", "delete", "nowhere").code == 3
