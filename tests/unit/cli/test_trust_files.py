"""Files of certificates: what the options send, and what is said of files that cannot be used."""

import json
from pathlib import Path
from typing import Any

import pytest

from portcall.cli.errors import UsageError
from portcall.cli.loadtest.through import _trust_extras
from portcall.cli.trust_files import trust_extras, trust_of
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.trust import Trust
from tests.authorities import authority
from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import HOOK, REG, WEBHOOK, FakeApi

CA = authority()
CLIENT = CA.issue("portcall")
OLD = CA.issue("old", days=-2)
THIS = ("-r", "myregistry", "-n", "ci01hook")
FILES = {
    "ca": CA.pem,
    "cert": CLIENT.pem,
    "key": CLIENT.key_pem,
    "both": CLIENT.key_pem + CLIENT.pem,
    "other": CA.issue().key_pem,
    "old": OLD.pem + OLD.key_pem,
    "empty": " \n",
    "text": "hello",
}


@pytest.fixture(autouse=True)
def files(somewhere: Path) -> None:
    for name, content in FILES.items():
        (somewhere / name).write_text(content)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((None, None, None), {}),
        (("ca", None, None), {"caBundle": CA.pem}),
        (("", None, None), {"caBundle": None}),
        (
            (None, "cert", "key"),
            {"clientCertificate": CLIENT.pem, "clientKey": CLIENT.key_pem},
        ),
        ((None, "both", None), {"clientCertificate": CLIENT.pem, "clientKey": CLIENT.key_pem}),
        ((None, "both", "key"), {"clientCertificate": CLIENT.pem, "clientKey": CLIENT.key_pem}),
        ((None, "cert", None), {"clientCertificate": CLIENT.pem}),
        ((None, None, "key"), {"clientKey": CLIENT.key_pem}),
        ((None, "", None), {"clientCertificate": None, "clientKey": None}),
        ((None, None, ""), {"clientKey": None}),
    ],
    ids=[
        "nothing", "ca", "no-ca", "two-files", "one-file", "key-of-its-own", "renewed", "key",
        "no-certificate", "no-key",
    ],
)  # fmt: skip
def test_what_the_options_send(
    given: tuple[str | None, str | None, str | None], wanted: dict[str, Any]
) -> None:
    assert trust_extras(*given) == wanted


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("nowhere", None, None), "--ca-file: nowhere: No such file"),
        ((None, ".", None), "--client-cert: .: Is a directory"),
        ((None, "cert", "empty"), "--client-key: empty is empty"),
    ],
)
def test_a_file_that_cannot_be_read_is_wrong_usage(
    given: tuple[str | None, str | None, str | None], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        trust_extras(*given)


def test_who_connects_himself_checks_them() -> None:
    whole = Trust(CA.pem, CLIENT.pem, CLIENT.key_pem)
    assert trust_of("ca", "cert", "key") == trust_of("ca", "both", "") == whole
    assert not trust_of("", "", "")
    assert _trust_extras(whole) == {
        "caBundle": CA.pem, "clientCertificate": CLIENT.pem, "clientKey": CLIENT.key_pem,
    }  # fmt: skip
    assert _trust_extras(Trust(CA.pem)) == {"caBundle": CA.pem}


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (("", "", "key"), UsageError, "--client-key needs --client-cert"),
        (("", "cert", ""), UsageError, "--client-key is missing: cert contains no private key"),
        (("text", "", ""), InvalidValueError, "--ca-file: has no certificate in PEM"),
        (("", "cert", "other"), InvalidValueError, "--client-cert: does not belong"),
        (("", "old", ""), InvalidValueError, "--client-cert: expired on"),
    ],
)
def test_what_cannot_be_used_is_said(
    given: tuple[str, str, str], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        trust_of(*given)


def test_create_and_update_send_them(api: FakeApi, portcall: Run) -> None:
    api.on("PUT", HOOK, WEBHOOK)
    api.on("PATCH", HOOK, WEBHOOK)
    trust = ("--ca-file", "ca", "--client-cert", "cert", "--client-key", "key")
    uri = ("--uri", "https://ci.example.com/hook", "--actions", "push")
    made = portcall("webhook", "create", *THIS, *uri, *trust)
    assert made.code == 0, made.err
    extras = {"caBundle": CA.pem, "clientCertificate": CLIENT.pem, "clientKey": CLIENT.key_pem}
    body = api.changes[0].body
    assert isinstance(body, dict)
    assert body["properties"]["portcall"] == extras
    assert "PRIVATE" not in made.out + made.err
    ended = portcall("webhook", "update", *THIS, "--client-cert", "", "--ca-file", "")
    assert ended.code == 0, ended.err
    assert api.changes[1].body == {
        "properties": {"portcall": {"caBundle": None, "clientCertificate": None, "clientKey": None}}
    }


def test_a_missing_file_is_wrong_usage_and_nothing_is_asked(api: FakeApi, portcall: Run) -> None:
    ended = portcall("webhook", "update", *THIS, "--ca-file", "nowhere")
    assert (ended.code, api.changes) == (2, [])
    assert "--ca-file: nowhere: No such file or directory" in ended.err


def test_an_export_says_what_it_leaves_out(api: FakeApi, portcall: Run, somewhere: Path) -> None:
    told = json.loads(json.dumps(WEBHOOK))
    told["properties"]["serviceUri"] = "https://ci.example.com/hook"
    told["properties"]["portcall"] = {"clientCertificateSubject": "CN=portcall"}
    api.on("GET", f"{REG}/webhooks", {"value": [told]})
    ended = portcall("webhook", "export", "out.jsonl", "-r", "myregistry")
    assert "1 of them with a client certificate: those are never exported" in ended.err
    api.on("POST", f"{REG}/importWebhooks", {"created": 1, "replaced": 0})
    ended = portcall("webhook", "import", "out.jsonl", "-r", "myregistry")
    assert "1 webhook had a client certificate" in " ".join(ended.err.split())
