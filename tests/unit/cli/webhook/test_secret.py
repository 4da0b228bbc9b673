"""`portcall webhook secret`, and what create says of a new secret."""

import json

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import HOOK, WEBHOOK, FakeApi

THIS = ("-r", "myregistry", "-n", "ci01hook")
KEY = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
NEW = "whsec_new"
UNTIL = "2026-11-23T07:35:00.0000000Z"


def rotated(**extras: object) -> dict[str, object]:
    return {**WEBHOOK, "properties": {"portcall": {"signature": "v1", **extras}}}


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ((), {}),
        (("--overlap", "1h"), {"overlap": "1h"}),
        (("--overlap", "none", "--secret", "whsec_x"), {"overlap": "none", "secret": "whsec_x"}),
        (("--signature", "v1a"), {"signature": "v1a"}),
    ],
)
def test_rotate_sends_what_was_given(
    options: tuple[str, ...], body: object, api: FakeApi, portcall: Run
) -> None:
    api.on("POST", f"{HOOK}/rotateSecret", rotated(secret=NEW))
    ended = portcall("webhook", "secret", "rotate", *THIS, *options)
    assert (ended.code, ended.err) == (0, "")
    assert api.changes[0].body == body
    assert json.loads(ended.out)["properties"]["portcall"]["secret"] == NEW


def test_beside_a_table_the_secret_is_told_once(api: FakeApi, portcall: Run) -> None:
    answer = rotated(secret=NEW, previousSignature="v1", previousUntil=UNTIL)
    api.on("POST", f"{HOOK}/rotateSecret", answer)
    ended = portcall("webhook", "secret", "rotate", *THIS, "-o", "table")
    assert NEW not in ended.out
    assert "Its secret, shown only once: " + NEW in ended.err
    header, _, row = ended.out.splitlines()
    assert header.split() == ["NAME", "SIGNATURE", "PUBLIC", "KEY", "BEFORE", "UNTIL"]
    assert row.split() == ["ci01hook", "v1", "v1", "2026-11-23T07:35:00Z"]


def test_public_keys_are_shown_the_newest_first(api: FakeApi, portcall: Run) -> None:
    api.on("GET", f"{HOOK}/publicKeys", {"value": [{"key": KEY}, {"key": KEY, "until": UNTIL}]})
    ended = portcall("webhook", "secret", "show-public", *THIS, "-o", "table")
    assert [line.split() for line in ended.out.splitlines()[2:]] == [
        [KEY],
        [KEY, "2026-11-23T07:35:00Z"],
    ]


def test_without_a_public_key_it_is_said_why(api: FakeApi, portcall: Run) -> None:
    api.on("GET", f"{HOOK}/publicKeys", {"value": []})
    ended = portcall("webhook", "secret", "show-public", *THIS, "-o", "table")
    assert (ended.code, ended.out) == (0, "")
    assert "only v1a" in ended.err


def test_create_can_ask_for_a_signature(api: FakeApi, portcall: Run) -> None:
    api.on("PUT", HOOK, WEBHOOK)
    portcall(
        "webhook", "create", *THIS, "--uri", "http://x.io", "--actions", "push",
        "--signature", "v1a",
    )  # fmt: skip
    assert api.changes[0].body["properties"]["portcall"] == {"signature": "v1a"}
