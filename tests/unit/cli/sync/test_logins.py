"""Credentials, challenges and tokens."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from portcall.cli.errors import UsageError
from portcall.cli.sync.registry.answers import MAX_WAIT_S, Answer, retry_after_s
from portcall.cli.sync.registry.challenges import Challenge, parse_challenges
from portcall.cli.sync.registry.client import check_address, is_exposed, tls_context
from portcall.cli.sync.registry.credentials import Credentials, find_credentials
from portcall.cli.sync.registry.errors import RegistryError
from portcall.cli.sync.registry.tokens import MAX_KEPT, Tokens

ROBOT = Credentials("robot$ci", "s3cret:with:colons")
REALM = "https://auth.test/token"


def docker(tmp_path: Path, auths: object) -> Mapping[str, str]:
    """An environment with Docker's file."""
    (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
    return {"DOCKER_CONFIG": str(tmp_path)}


def auth(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


def test_options_come_before_the_environment_and_that_before_dockers_file(tmp_path: Path) -> None:
    environ = dict(docker(tmp_path, {"r.test": auth("file:f")}))
    assert find_credentials("r.test", None, None, environ) == Credentials("file", "f")
    environ |= {"PORTCALL_REGISTRY_USERNAME": "env", "PORTCALL_REGISTRY_PASSWORD": "e"}
    assert find_credentials("r.test", None, None, environ) == Credentials("env", "e")
    assert find_credentials("r.test", "me", "m", environ) == Credentials("me", "m")


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("r.test:5000", "r.test:5000"),
        ("https://r.test/v1/", "r.test"),
        ("R.Test", "r.test"),
        ("https://index.docker.io/v1/", "registry-1.docker.io"),
    ],
)
def test_dockers_file_names_a_registry_in_several_ways(
    tmp_path: Path, address: str, host: str
) -> None:
    environ = docker(tmp_path, {"other": 7, address: auth("user:pass:word")})
    assert find_credentials(host, None, None, environ) == Credentials("user", "pass:word")
    assert not find_credentials("else.test", None, None, environ)


def test_an_identity_token_is_for_the_token_server(tmp_path: Path) -> None:
    environ = docker(tmp_path, {"r.test": {"identitytoken": "refresh"}})
    assert find_credentials("r.test", None, None, environ).identity_token == "refresh"  # noqa: S105


def test_without_a_file_the_client_is_anonymous(tmp_path: Path) -> None:
    found = find_credentials("r.test", None, None, {"HOME": str(tmp_path)})
    assert (bool(found), found.basic) == (False, "")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[]", "no JSON object"),
        ("{", "no JSON object"),
        ('{"auths": {"r.test": {}}, "credsStore": "desktop"}', "credential helper"),
        ('{"auths": {"r.test": {"auth": "!"}}}', "not base64"),
        ('{"auths": {"r.test": {"auth": "bm9jb2xvbg=="}}}', "no user and password"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(UsageError, match=problem):
        find_credentials("r.test", None, None, {"DOCKER_CONFIG": str(tmp_path)})


@pytest.mark.parametrize(
    ("username", "password", "problem"),
    [("me", None, "no password"), (None, "p", "without a user"), ("a:b", "p", "no colon")],
)
def test_half_a_login_is_refused(username: str | None, password: str | None, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        find_credentials("r.test", username, password, {})


def test_no_secret_is_shown() -> None:
    assert "s3cret" not in repr(ROBOT)
    assert "refresh" not in repr(Credentials(identity_token="refresh"))  # noqa: S106


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (['Basic realm="r"'], [Challenge("basic", "r")]),
        (
            ['Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push"'],
            [Challenge("bearer", "https://a/t", "s", "repository:a/b:pull,push")],
        ),
        (
            ['Negotiate, BEARER Realm = "x\\"y" , Service=s, Basic realm=z'],
            [Challenge("negotiate"), Challenge("bearer", 'x"y', "s"), Challenge("basic", "z")],
        ),
        (["Basic", 'Bearer realm="a"'], [Challenge("basic"), Challenge("bearer", "a")]),
        (["", "===", '"'], []),
    ],
)
def test_challenges_are_read(headers: list[str], expected: list[Challenge]) -> None:
    assert parse_challenges(headers) == expected


@dataclass
class TokenServer:
    """Hands out tokens that are numbered, and remembers what it was asked."""

    life: object = 300
    answer: Answer | None = None
    asked: list[tuple[str, str, dict[str, str], bytes | None]] = field(default_factory=list)

    async def __call__(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None
    ) -> Answer:
        self.asked.append((method, url, headers, body))
        document = {"token": f"t{len(self.asked)}", "expires_in": self.life}
        return self.answer or Answer(url, 200, {}, json.dumps(document).encode())


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def tokens(server: TokenServer, clock: Clock, who: Credentials = ROBOT) -> Tokens:
    return Tokens(server, who, is_secure=True, clock=clock)


async def test_a_token_is_asked_for_as_the_challenge_says_and_kept_until_it_expires() -> None:
    server, clock = TokenServer(), Clock()
    kept = tokens(server, clock)
    assert await kept.known("repository:a:pull") is None
    challenge = Challenge("bearer", REALM, "registry.test", "repository:a:pull other:x:y")
    assert await kept.answer(challenge, "repository:a:pull") == "t1"
    method, url, headers, body = server.asked[0]
    assert (method, body, headers) == ("GET", None, {"Authorization": ROBOT.basic})
    assert parse_qs(urlsplit(url).query) == {
        "service": ["registry.test"],
        "scope": ["repository:a:pull", "other:x:y"],
        "account": ["robot$ci"],
    }
    assert await kept.known("repository:a:pull") == "t1"
    assert await kept.known("repository:b:pull") == "t2"  # without a 401 in between
    clock.now += 296
    assert await kept.known("repository:a:pull") == "t3"


async def test_an_anonymous_client_and_one_with_an_identity_token_ask_otherwise() -> None:
    server, clock = TokenServer(), Clock()
    challenge = Challenge("bearer", f"{REALM}?a=b", "s")
    await tokens(server, clock, Credentials()).answer(challenge, "scope")
    assert server.asked[0][1:3] == (f"{REALM}?a=b&service=s&scope=scope", {})
    who = Credentials(identity_token="refresh")  # noqa: S106
    await tokens(server, clock, who).answer(challenge, "scope")
    method, url, headers, body = server.asked[1]
    assert (method, url, "Authorization" in headers) == ("POST", challenge.realm, False)
    assert dict(parse_qsl((body or b"").decode())) == {
        "service": "s",
        "grant_type": "refresh_token",
        "refresh_token": "refresh",
        "client_id": "portcall",
        "scope": "scope",
    }


@pytest.mark.parametrize("life", [None, 0, -1, "60"])
async def test_a_token_without_a_life_lives_a_minute(life: object) -> None:
    server, clock = TokenServer(life), Clock()
    kept = tokens(server, clock)
    await kept.answer(Challenge("bearer", REALM), "scope")
    clock.now += 54
    assert await kept.known("scope") == "t1"
    clock.now += 2
    assert await kept.known("scope") == "t2"


async def test_a_life_without_end_and_the_tokens_of_many_repositories_are_bounded() -> None:
    server, clock = TokenServer(10**400), Clock()
    kept = tokens(server, clock)
    await kept.answer(Challenge("bearer", REALM), "first")
    for number in range(MAX_KEPT):
        await kept.known(f"scope{number}")
    asked = len(server.asked)
    await kept.known(f"scope{MAX_KEPT - 1}")
    assert len(server.asked) == asked
    await kept.known("first")  # the oldest was forgotten
    assert len(server.asked) == asked + 1
    clock.now += 3600
    await kept.known("first")
    assert len(server.asked) == asked + 2


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (401, b"{}", "refuses these credentials"),
        (500, b"", "answered 500"),
        (200, b"[]", "has no token"),
        (200, b'{"token": 7}', "has no token"),
        (200, b'{"token": "a\\nb"}', "has no token"),
        (200, b"{", "has no token"),
    ],
)
async def test_a_token_server_that_gives_none_is_an_error(
    status: int, body: bytes, problem: str
) -> None:
    server = TokenServer(answer=Answer(f"{REALM}?account=x", status, {}, body))
    with pytest.raises(RegistryError, match=problem) as caught:
        await tokens(server, Clock()).answer(Challenge("bearer", REALM), "scope")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "realm",
    ["", "token", "ftp://auth.test/", "http://auth.test/", "https://u:p@auth.test/", "https://["],
)
async def test_credentials_go_to_no_doubtful_token_server(realm: str) -> None:
    server = TokenServer()
    with pytest.raises(RegistryError, match="token server"):
        await tokens(server, Clock()).answer(Challenge("bearer", realm), "scope")
    assert server.asked == []


NOW = datetime(2026, 5, 2, 9, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 0 ", 0.0),
        ("999999", MAX_WAIT_S),
        ("-1", None),
        ("soon", None),
        ("Sat, 02 May 2026 09:04:15 GMT", 10.0),
        ("Sat, 02 May 2026 09:00:00 GMT", 0.0),
        ("Sat, 02 May 2099 09:00:00 GMT", MAX_WAIT_S),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, seconds: float | None) -> None:
    assert retry_after_s(text, NOW) == seconds


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("registry.test", "https://registry.test"),
        ("registry.test:5000/", "https://registry.test:5000"),
        ("http://[::1]:5000/a/b/", "http://[::1]:5000/a/b"),
    ],
)
def test_addresses_of_registries(given: str, address: str) -> None:
    assert check_address(given) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ftp://r.test",
        "https://u:p@r.test",
        "https://r.test/?a=b",
        "http://r.test:x",
        "http://a b",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(UsageError, match="--from") as caught:
        check_address(address)
    assert "u:p" not in str(caught.value)


def test_credentials_without_tls_are_noticed() -> None:
    assert is_exposed("http://r.test")
    assert not is_exposed("http://localhost:5000")
    assert not is_exposed("https://r.test")


def test_a_file_without_authorities_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(UsageError, match="--ca"):
            tls_context(str(tmp_path / name))
