"""Bad requests about tokens, and for every operation the ones that all of them must refuse."""

from collections.abc import Iterator, Sequence
from typing import Any

from portcall.management.login.tokens import PATH
from portcall.management.openapi.document import rows
from tests.unit.management.row import CONTENT, NOT_FOUND, Row

Body = dict[str, Any]
GOOD: Body = {"name": "ci-robot", "role": "reader"}
NOBODY = "00000000-0000-0000-0000-000000000000"


def token(name: str, target: str | None, body: object) -> Row:
    return Row(f"token: {name}", "POST", PATH, 400, CONTENT, target, body)


def field(about: str, target: str, **changes: object) -> Row:
    """A body that is good but for these fields; those that are ``...`` are left out."""
    return token(
        about, target, {key: each for key, each in (GOOD | changes).items() if each != ...}
    )


TOKENS = [
    token("nothing", "body", b""),
    token("no JSON", "body", b"name=ci"),
    token("an array", "body", []),
    token("a text", "body", "ci"),
    token("null", "body", b"null"),
    token("cut off", "body", b'{"name": "ci'),
    token("broken bytes", "body", b'{"name": "\xff", "role": "reader"}'),
    token("nested too deeply", "body", b'{"name":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    field("no name", "name", name=...),
    field("name of null", "name", name=None),
    field("name of a number", "name", name=7),
    field("empty name", "name", name=""),
    field("name with a space", "name", name="ci robot"),
    field("name of a session of the console", "name", name="console-0123456789abcdef"),
    field("name that begins with a dash", "name", name="-robot"),
    field("name with a line break", "name", name="robot\n"),
    field("name with NUL", "name", name="ro\0bot"),
    field("name beyond ASCII", "name", name="röbot"),
    field("name too long", "name", name="r" * 65),
    field("no role", "role", role=...),
    field("role of null", "role", role=None),
    field("role of a number", "role", role=1),
    field("role of a list", "role", role=["administrator"]),
    field("role that is none", "role", role="owner"),
    field("empty role", "role", role=""),
    field("registry of a reader", "registry", registry="Alpha"),
    field("publisher of no registry", "registry", role="publisher"),
    field("publisher of an empty registry", "registry", role="publisher", registry=""),
    field("publisher of a path", "registry", role="publisher", registry="../Alpha"),
    field("publisher of a number", "registry", role="publisher", registry=7),
    field("end of a word", "expiresAfter", expiresAfter="soon"),
    field("end of a number", "expiresAfter", expiresAfter=3600),
    field("end in the past", "expiresAfter", expiresAfter="-1h"),
    field("end too far away", "expiresAfter", expiresAfter="3651d"),
    field("a secret of one's own", "secret", secret="hunter2hunter2hunter2"),  # noqa: S106
    field("a client id of one's own", "clientId", clientId=NOBODY),
    Row("token: of a registry that is not there", "POST", PATH, 404, NOT_FOUND, None, GOOD | {"role": "publisher", "registry": "Missing"}, says="Missing"),
    Row("token: form", "POST", PATH, 415, "UnsupportedMediaType", "Content-Type", GOOD, content_type="application/x-www-form-urlencoded"),
    Row("token: too large", "POST", PATH, 413, "RequestEntityTooLarge", "body", b" " * (1024 * 1024 + 1)),
    Row("token: unknown", "GET", f"{PATH}/{NOBODY}", 404, "TokenNotFound", says=NOBODY),
    Row("token: no GUID", "GET", f"{PATH}/admin", 404, "TokenNotFound", says="admin"),
    Row("token: an injected one", "GET", f"{PATH}/%27%20OR%201%3D1", 404, "TokenNotFound"),
    Row("token: NUL", "GET", f"{PATH}/%00", 404, "TokenNotFound"),
    Row("token: revoke an unknown one", "POST", f"{PATH}/{NOBODY}/revoke", 404, "TokenNotFound", says=NOBODY),
    Row("token: revoke one with a slash", "POST", f"{PATH}/a%2Frevoke/revoke", 404, "TokenNotFound"),
    Row("token: deleted", "DELETE", f"{PATH}/{NOBODY}", 405, "MethodNotAllowed", says="'DELETE'"),
    Row("token: put", "PUT", PATH, 405, "MethodNotAllowed", says="'PUT'", body=GOOD),
]  # fmt: skip

_NAMES = {
    "subscriptions/{subscription}": "subscriptions/" + NOBODY,
    "{group}": "portcall",
    "{registry}": "Alpha",
    "{webhook}": "webhook01",
    "{replay}": "1",
    "{source}": "here",
    "{client}": NOBODY,
}


def _everywhere() -> Iterator[Row]:
    """What every operation that needs a token must refuse, whatever it does."""
    for _, row in rows():
        if row.open or row.method == "HEAD":  # its answers have no body that says why
            continue
        path = row.path
        for name, meant in _NAMES.items():
            path = path.replace(name, meant)
        about = f"{row.id}: "
        code = "MissingApiVersionParameter"
        yield Row(about + "no token", row.method, path, 401, "AuthenticationFailed", token=None)
        yield Row(
            about + "wrong token",
            *(row.method, path, 401, "InvalidAuthenticationToken"),
            token="portcall_wrong",  # noqa: S106 (nobody's)
        )
        yield Row(about + "no api-version", row.method, path, 400, code, "api-version", query="")
        if "{subscription}" in row.path:
            yield Row(
                about + "unknown subscription",
                *(row.method, path, 404, "SubscriptionNotFound"),
                says=NOBODY,
            )


EVERYWHERE: Sequence[Row] = list(_everywhere())
