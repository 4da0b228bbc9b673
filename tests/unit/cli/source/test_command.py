"""`portcall source`: what each command sends and prints, and what is refused before sending."""

import json
from typing import Any

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import REG, FakeApi, arm_error

SOURCE = f"{REG}/sources/harbor"
SECRET = "a-secret-of-the-tests"  # noqa: S105
ON = ("-r", "myregistry")


def told(**facts: object) -> dict[str, Any]:
    """A source as the API shows it."""
    shown = {
        "kind": "harbor",
        "proof": "authorization",
        "path": "/registries/myregistry/sources/harbor",
        "header": "",
        "options": {},
        "networks": [],
        "createdAt": "2026-11-22T07:35:00.1234567Z",
        "changedAt": "2026-11-22T07:36:00.1234567Z",
    }
    return {
        "type": "Microsoft.ContainerRegistry/registries/sources",
        "id": SOURCE,
        "name": "harbor",
        "properties": shown | facts,
    }


@pytest.mark.parametrize(
    ("arguments", "name", "properties"),
    [
        pytest.param(("--kind", "harbor"), "harbor", {"kind": "harbor", "options": {}}, id="least"),
        pytest.param(
            ("main", "--kind", "Harbor", "--proof", "header", "--options", "header=X-A",
             "prefix=k ", "--networks", "10.0.0.0/8", "::1", "--networks", "192.0.2.1,192.0.2.2",
             "--secret", SECRET),
            "main",
            {
                "kind": "harbor",
                "proof": "header",
                "options": {"header": "X-A", "prefix": "k "},
                "networks": ["10.0.0.0/8", "::1", "192.0.2.1", "192.0.2.2"],
                "secret": SECRET,
            },
            id="everything",
        ),
        pytest.param(
            ("--kind", "nexus", "--options", "names=bare", "main"),
            "main",
            {"kind": "nexus", "options": {"names": "bare"}},
            id="a name after the options",
        ),
    ],
)  # fmt: skip
def test_create_sends_what_was_given(
    arguments: tuple[str, ...],
    name: str,
    properties: dict[str, Any],
    api: FakeApi,
    portcall: Run,
) -> None:
    api.on("PUT", f"{REG}/sources/{name}", told(secret=SECRET), 201)
    ended = portcall("source", "create", *ON, *arguments)
    assert ended.code == 0, ended.err
    assert api.changes[0].body == {"properties": properties}


def test_create_prints_the_address_the_secret_and_the_lines_for_the_other_side(
    api: FakeApi, portcall: Run
) -> None:
    api.on("PUT", SOURCE, told(secret=SECRET), 201)
    ended = portcall("source", "create", *ON, "--kind", "harbor", "-o", "json")
    printed = json.loads(ended.out)
    assert printed["address"] == "http://127.0.0.1:8401/registries/myregistry/sources/harbor"
    assert printed["properties"]["secret"] == SECRET
    assert f'"auth_header": "{SECRET}"' in printed["setUp"]
    assert f'"address": "{printed["address"]}"' in ended.err
    assert "it is not shown again" in ended.err


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("--kind", "svn"), "--kind"),
        (("-bad-", "--kind", "acr"), "No such option"),
        (("bad.name", "--kind", "acr"), "NAME: "),
        (("--kind", "acr", "--options", "colour=red"), "--options colour: "),
        (("--kind", "acr", "--options", "=red"), "--options: "),
        (("--kind", "zot", "--options", "host=https://x"), "--options host: "),
        (("--kind", "zot", "--proof", "header"), "--options header: is required"),
        (("--kind", "gitlab", "--proof", "hmac_sha1"), "--proof: "),
        (("--kind", "generic"), "--options repository: is required"),
        (("--kind", "generic", "--options", "repository=a["), "--options repository: is no JMES"),
        (("--kind", "acr", "--networks", "here"), "--networks[0]: "),
        (("--kind", "acr", "--secret", "short"), "--secret: "),
        (("--kind", "gar", "--secret", SECRET), "--secret: must be left out"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_sent(
    arguments: tuple[str, ...], field: str, api: FakeApi, portcall: Run
) -> None:
    ended = portcall("source", "create", *ON, *arguments)
    assert ended.code == 2
    assert field in ended.err
    assert not api.asked


def test_the_servers_refusal_is_shown(api: FakeApi, portcall: Run) -> None:
    error = arm_error("QuotaExceeded", "The registry has 100 sources.")
    api.on("PUT", SOURCE, error, 409)
    ended = portcall("source", "create", *ON, "--kind", "harbor")
    assert (ended.code, "has 100 sources" in ended.err) == (1, True)


def test_list_shows_no_secret(api: FakeApi, portcall: Run) -> None:
    api.on("GET", f"{REG}/sources", {"value": [told(), told(kind="zot")]})
    ended = portcall("source", "list", *ON, "-o", "table")
    first, _, *rows = ended.out.splitlines()
    assert first.split() == ["NAME", "KIND", "PROOF", "PATH", "CHANGED"]
    assert [row.split()[1] for row in rows] == ["harbor", "zot"]


def test_show_prints_the_set_up_without_the_secret(api: FakeApi, portcall: Run) -> None:
    path = "/registries/myregistry/sources/harbor/{secret}"
    api.on("GET", SOURCE, told(kind="dockerhub", proof="path", path=path))
    ended = portcall("source", "show", "harbor", *ON, "-o", "json")
    assert json.loads(ended.out)["address"].endswith("/sources/harbor/SECRET")
    assert "Docker Hub" in ended.err
    assert "not shown again" not in ended.err


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ((), {}),
        (("--overlap", "7d"), {"overlap": "7d"}),
        (("--overlap", "none", "--secret", SECRET), {"overlap": "none", "secret": SECRET}),
    ],
)
def test_rotate(
    arguments: tuple[str, ...], body: dict[str, str], api: FakeApi, portcall: Run
) -> None:
    api.on("POST", f"{SOURCE}/rotateSecret", told(secret="a-newer-secret"))  # noqa: S106
    ended = portcall("source", "rotate", "-n", "harbor", *ON, *arguments, "-o", "table")
    assert ended.code == 0, ended.err
    assert api.changes[0].body == body
    assert "a-newer-secret" in ended.out


def test_delete(api: FakeApi, portcall: Run) -> None:
    api.on("GET", SOURCE, told())
    api.on("DELETE", SOURCE)
    ended = portcall("source", "delete", "harbor", *ON, "--yes")
    assert (ended.code, ended.err) == (0, "Deleted the source harbor.\n")
    assert [each.method for each in api.changes] == ["DELETE"]


@pytest.mark.parametrize("command", ["show", "update", "rotate", "delete"])
def test_a_source_that_does_not_exist_is_exit_3(command: str, api: FakeApi, portcall: Run) -> None:
    assert api.asked == []
    assert portcall("source", command, "nothing", *ON).code == 3


def test_a_name_with_a_slash_reaches_nothing_else(api: FakeApi, portcall: Run) -> None:
    api.on("GET", f"{REG}/webhooks/hook", {"name": "hook"})
    api.on("DELETE", f"{REG}/webhooks/hook")
    assert portcall("source", "delete", "../webhooks/hook", *ON, "--yes").code == 3
    assert not api.changes
    assert api.asked[-1].path == f"{REG}/sources/..%2Fwebhooks%2Fhook"


def test_create_changes_no_source_that_exists(api: FakeApi, portcall: Run) -> None:
    api.on("GET", SOURCE, told())
    ended = portcall("source", "create", *ON, "--kind", "harbor")
    assert ended.code == 2
    assert "a source harbor already, of the kind harbor" in ended.err
    assert "`portcall source update`" in ended.err
    assert not api.changes


@pytest.mark.parametrize(
    ("arguments", "properties"),
    [
        ((), {}),
        (("--networks", "10.0.0.0/8", "::1"), {"networks": ["10.0.0.0/8", "::1"]}),
        (("--networks", ""), {"networks": []}),
        (("--options", ""), {"options": {}}),
        (
            ("--proof", "header", "--options", "header=X-A", "host=acme.test"),
            {"proof": "header", "options": {"header": "X-A", "host": "acme.test"}},
        ),
        (("--secret", SECRET), {"secret": SECRET}),
    ],
)
def test_update_sends_what_was_given(
    arguments: tuple[str, ...], properties: dict[str, Any], api: FakeApi, portcall: Run
) -> None:
    api.on("PATCH", SOURCE, told())
    ended = portcall("source", "update", "harbor", *ON, *arguments)
    assert ended.code == 0, ended.err
    assert [(each.method, each.body) for each in api.changes] == [
        ("PATCH", {"properties": properties})
    ]


def test_update_refuses_what_is_wrong(api: FakeApi, portcall: Run) -> None:
    ended = portcall("source", "update", "harbor", *ON, "--networks", "here")
    assert (ended.code, "--networks[0]: " in ended.err, api.asked) == (2, True, [])
    fault = arm_error("InvalidRequestContent", "properties.options.host: must be a host")
    api.on("PATCH", SOURCE, fault | {"target": "properties.options.host"}, 400)
    ended = portcall("source", "update", "harbor", *ON, "--options", "host=/")
    assert (ended.code, "properties.options.host: must be a host" in ended.err) == (1, True)
