"""Requests whose end, or whose sender, two servers could see differently: neither of ours does.

What a proxy in front of us took for one request must not be two for us, nor the other way round.
"""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from portcall.cli.up.broker import PrivateBroker
from portcall.schemas.webhooks import Sku
from portcall.store.access.principals import Role, digest_of, new_secret
from portcall.store.engine import open_store
from tests.integration.surface.roles import REGISTRIES, TOKEN, Roles, running_roles
from tests.integration.surface.rows import Answer, send
from tests.rabbit import ErlangShell

PUSH = b'{"action":"push","target":{"repository":"team/app","tag":"v1"}}'
LENGTH = f"Content-Length: {len(PUSH)}".encode()
CHUNKED = b"Transfer-Encoding: chunked"
ENDED = b"0\r\n\r\n"
NEXT = b"GET /live HTTP/1.1\r\nHost: b\r\n\r\n"
BEARER = f"Authorization: Bearer {TOKEN}".encode()
ONE_CHUNK = b"%x\r\n%b\r\n" % (len(PUSH), PUSH)
HEADS = {
    "producer": b"POST /registries/Alpha/events HTTP/1.1",
    "management": f"PUT {REGISTRIES}/Alpha/webhooks/another1?api-version=2025-11-01 HTTP/1.1".encode(),
}

SHAPES: dict[str, tuple[list[bytes], bytes]] = {
    "a length and chunks": ([LENGTH, CHUNKED], ENDED + NEXT),
    "chunks and a length": ([CHUNKED, b"Content-Length: 3"], ENDED + NEXT),
    "two lengths": ([LENGTH, b"Content-Length: 5"], PUSH + NEXT),
    "the same length twice": ([LENGTH, LENGTH], PUSH + NEXT),
    "a list of lengths": ([b"Content-Length: 5, 5"], PUSH + NEXT),
    "a length with a sign": ([b"Content-Length: +5"], PUSH + NEXT),
    "a length in hex": ([b"Content-Length: 0x5"], PUSH + NEXT),
    "a length below zero": ([b"Content-Length: -1"], PUSH + NEXT),
    "a length with an underscore": ([b"Content-Length: 1_0"], PUSH + NEXT),
    "a length in wide digits": (["Content-Length: \uff15".encode()], PUSH + NEXT),
    "a length beyond 64 bits": ([b"Content-Length: 99999999999999999999999"], PUSH),
    "an unknown encoding": ([b"Transfer-Encoding: xchunked"], ENDED + NEXT),
    "chunks that are not last": ([b"Transfer-Encoding: chunked, identity"], ENDED + NEXT),
    "two encodings": ([CHUNKED, b"Transfer-Encoding: identity"], ENDED + NEXT),
    "a space before the colon": ([b"Transfer-Encoding : chunked"], ENDED + NEXT),
    "a vertical tab": ([b"Transfer-Encoding:\x0bchunked"], ENDED + NEXT),
    "a folded line": ([b"X: a\r\n b", LENGTH], PUSH + NEXT),
    "a NUL": ([b"X: a\0b", LENGTH], PUSH + NEXT),
    "a lone CR": ([b"X: a\rContent-Length: 0", LENGTH], PUSH + NEXT),
    "a lone LF": ([b"X: a\nContent-Length: 0", LENGTH], PUSH + NEXT),
    "a chunk in hex with 0x": ([CHUNKED], b"0x5\r\nhello\r\n" + ENDED + NEXT),
    "a chunk below zero": ([CHUNKED], b"-1\r\n" + NEXT),
    "a chunk beyond 64 bits": ([CHUNKED], b"fffffffffffffffff\r\n" + NEXT),
    "a chunk longer than it says": ([CHUNKED], b"5\r\nhello world\r\n" + ENDED + NEXT),
    "a chunk without CR": ([CHUNKED], b"5\nhello\n0\n\n" + NEXT),
    "a length after the chunks": ([CHUNKED], ONE_CHUNK + b"0\r\nContent-Length: 0\r\n\r\n" + NEXT),
    "two hosts": ([b"Host: b", LENGTH], PUSH + NEXT),
}


@pytest.fixture(scope="module")
def roles(
    tmp_path_factory: pytest.TempPathFactory,
    private_broker: PrivateBroker,
    erlang_shell: ErlangShell,
    migrated_file: Path,
) -> Iterator[Roles]:
    with running_roles(
        ("management", "producer"),
        tmp_path_factory.mktemp("shapes"),
        broker=private_broker,
        shell=erlang_shell,
        migrated=migrated_file,
    ) as made:
        yield made


def answers(url: str, sent: bytes) -> bytes:
    """Everything that is said until the connection is closed."""
    where = urlsplit(url)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=10) as made:
        made.sendall(sent)
        said = b""
        while part := made.recv(65_536):
            said += part
    return said


@pytest.mark.parametrize("server", HEADS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_request_with_two_readings_is_refused_and_nothing_after_it_is_read(
    roles: Roles, server: str, shape: str
) -> None:
    headers, body = SHAPES[shape]
    lines = [HEADS[server], b"Host: a", BEARER, b"Content-Type: application/json", *headers]
    said = answers(roles.urls[server], b"\r\n".join([*lines, b"", body]))
    assert said.count(b"HTTP/1.0 ") + said.count(b"HTTP/1.1 ") == 1, said
    status = int(said.split(b" ", 2)[1])
    assert status == 400 or (shape.endswith("beyond 64 bits") and status == 413), said
    assert json.loads(said.partition(b"\r\n\r\n")[2])["error"]["code"]


@pytest.mark.parametrize("server", HEADS)
@pytest.mark.parametrize("first", [True, False], ids=["the good one first", "the bad one first"])
def test_of_two_tokens_neither_counts(roles: Roles, server: str, first: bool) -> None:  # noqa: FBT001 (a parameter)
    both = [BEARER, b"Authorization: Bearer portcall_nobodys"]
    lines = [HEADS[server], b"Host: a", *(both if first else both[::-1]), b"Connection: close"]
    said = answers(roles.urls[server], b"\r\n".join([*lines, LENGTH, b"", PUSH]))
    assert said.startswith(b"HTTP/1.1 401 "), said


# -- another tenant's registry -------------------------------------------------------------------


@pytest.fixture(scope="module")
def publisher(roles: Roles) -> dict[str, str]:
    """The headers of a publisher of ``Alpha``; there is a registry ``Bravo``, too."""
    store = open_store(f"sqlite:///{roles.database}")
    kept: dict[str, Any] = {"location": "westus", "tags": {}, "resource_group": "portcall"}
    store.registries.put("Bravo", sku=Sku.PREMIUM, **kept)
    secret = new_secret()
    store.principals.create(
        "robot", role=Role.PUBLISHER, digest=digest_of(secret), registry="alpha"
    )
    store.close()
    return {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}


def told(answer: Answer, name: str) -> tuple[int, dict[str, str], bytes]:
    """What there is to be seen of an answer, but for the name that was asked for."""
    varying = {"Date", "x-ms-request-id", "x-ms-correlation-request-id"}
    headers = {key: value for key, value in answer.headers.items() if key not in varying}
    return answer.status, headers, answer.body.replace(name.encode(), b"NAME5")


@pytest.mark.parametrize(
    ("server", "method", "path"),
    [
        ("producer", "POST", "/registries/{}/events"),
        ("producer", "POST", "/registries/{}/notifications"),
        ("management", "GET", f"{REGISTRIES}/{{}}"),
        ("management", "PUT", f"{REGISTRIES}/{{}}"),
        ("management", "DELETE", f"{REGISTRIES}/{{}}"),
        ("management", "GET", f"{REGISTRIES}/{{}}/webhooks"),
        ("management", "POST", f"{REGISTRIES}/{{}}/webhooks/webhook01/listEvents"),
    ],
)
def test_a_publisher_cannot_tell_whether_another_registry_is_there(
    roles: Roles, publisher: dict[str, str], server: str, method: str, path: str
) -> None:
    query = "?api-version=2025-11-01" if server == "management" else ""
    seen = [
        told(send(roles.urls[server], method, path.format(name) + query, publisher, PUSH), name)
        for name in ("Bravo", "bravo", "Nobod", "BRAVO")
    ]
    assert seen[0][0] == 404
    assert all(each == seen[0] for each in seen), seen


def test_an_administrator_is_told_the_same_of_no_registry(
    roles: Roles, publisher: dict[str, str]
) -> None:
    good = {**publisher, "Authorization": f"Bearer {TOKEN}"}
    for server, method, path in (
        ("producer", "POST", "/registries/Nobody/events"),
        ("management", "GET", f"{REGISTRIES}/Nobody?api-version=2025-11-01"),
    ):
        seen = [
            told(send(roles.urls[server], method, path, headers, PUSH), "Nobody")
            for headers in (publisher, good)
        ]
        assert seen[0] == seen[1]


def test_its_own_registry_takes_its_events(roles: Roles, publisher: dict[str, str]) -> None:
    url = roles.urls["producer"]
    assert send(url, "POST", "/registries/alpha/events", publisher, PUSH).status == 202
    answer = send(
        roles.urls["management"], "GET", f"{REGISTRIES}/Alpha?api-version=2025-11-01", publisher
    )
    assert (answer.status, answer.error["code"]) == (403, "AuthorizationFailed")
