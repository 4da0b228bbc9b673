"""`portcall token`."""

import json

import pytest

from portcall.cli.commands.token import PATH, TokenRole, secret_row, token_row
from portcall.cli.tables import table
from portcall.store.access.principals import Role as StoredRole
from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import FakeApi, arm_error

CLIENT = "6f1f4a9c-0000-4000-8000-000000000001"
TOKEN = {
    "clientId": CLIENT,
    "name": "ci",
    "role": "publisher",
    "registry": "myregistry",
    "status": "live",
    "createdAt": "2026-11-22T07:34:45.1420000Z",
    "expiresAt": "2027-02-20T07:34:45.1420000Z",
    "lastUsedAt": None,
    "revokedAt": None,
}
MADE = {**TOKEN, "clientSecret": "portcall_secret"}


def test_create_shows_the_secret_once(api: FakeApi, portcall: Run) -> None:
    api.on("POST", PATH, MADE, 201)
    ended = portcall(
        "token", "create", "ci", "--role", "Publisher", "-r", "myregistry", "--expires", "90d",
        "-o", "table",
    )  # fmt: skip
    assert (ended.code, ended.out) == (0, table([secret_row(MADE)]) + "\n")
    assert "portcall_secret" in ended.out
    assert "not shown again" in ended.err and "portcall_secret" not in ended.err
    assert api.changes[0].body == {
        "name": "ci", "role": "publisher", "registry": "myregistry", "expiresAfter": "90d",
    }  # fmt: skip


def test_create_for_machines_is_the_document(api: FakeApi, portcall: Run) -> None:
    api.on("POST", PATH, MADE, 201)
    ended = portcall("token", "create", "ci", "--role", "reader")
    assert json.loads(ended.out) == MADE
    assert api.changes[0].body == {"name": "ci", "role": "reader", "expiresAfter": "none"}


@pytest.mark.parametrize("arguments", [("ci",), ("ci", "--role", "root"), ("--role", "reader")])
def test_create_says_what_is_missing(
    api: FakeApi, portcall: Run, arguments: tuple[str, ...]
) -> None:
    assert portcall("token", "create", *arguments).code == 2
    assert api.asked == []


def test_a_refusal_is_told(api: FakeApi, portcall: Run) -> None:
    api.on("POST", PATH, arm_error("TokenExists", "name: taken", target="name"), 409)
    ended = portcall("token", "create", "ci", "--role", "reader")
    assert (ended.code, ended.err) == (1, "error: (TokenExists) name: taken\n")


def test_list_shows_everything_but_secrets(api: FakeApi, portcall: Run) -> None:
    api.on("GET", PATH, {"value": [TOKEN]})
    assert json.loads(portcall("token", "list").out) == [TOKEN]
    shown = portcall("token", "list", "-o", "table").out
    assert shown == table([token_row(TOKEN)]) + "\n"
    assert "2027-02-20T07:34:45Z" in shown


@pytest.mark.parametrize("word", ["ci", "CI", CLIENT, CLIENT.upper()])
def test_revoke_takes_a_name_or_a_client_id(api: FakeApi, portcall: Run, word: str) -> None:
    gone = {**TOKEN, "clientId": CLIENT.replace("1", "2"), "status": "revoked"}
    other = {**TOKEN, "clientId": CLIENT.replace("1", "3"), "name": "other"}
    api.on("GET", PATH, {"value": [gone, other, TOKEN]})
    api.on("POST", f"{PATH}/{CLIENT}/revoke", {**TOKEN, "status": "revoked"})
    ended = portcall("token", "revoke", word)
    assert (ended.code, json.loads(ended.out)["status"]) == (0, "revoked")


def test_revoke_says_that_there_is_none(api: FakeApi, portcall: Run) -> None:
    api.on("GET", PATH, {"value": []})
    ended = portcall("token", "revoke", "ci")
    assert (ended.code, ended.err) == (
        3,
        "error: there is no token 'ci': see `portcall token list`\n",
    )


def test_the_roles_are_those_of_the_store() -> None:
    assert [role.value for role in TokenRole] == [role.value for role in StoredRole]
