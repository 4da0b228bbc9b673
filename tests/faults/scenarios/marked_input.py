"""Bad input with marked secrets in it: the tables of tests/integration/surface, and more."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from tests.canary import Canary
from tests.installation import API_VERSION
from tests.integration.surface.roles import SUBSCRIPTION, TENANT, TOKEN
from tests.integration.surface.rows import ROWS, send
from tests.integration.surface.token_rows import LOGINS

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
Sent = tuple[str, str, str, dict[str, str], bytes]
"""Server, method, path, headers, body."""


def bad_answers(ready: dict[str, Any], registry: str, canary: Canary) -> list[bytes]:
    """What the servers say to all of it: each head and body."""
    urls = {"management": ready["management_url"], "producer": ready["producer_url"]}
    assert urlsplit(urls["producer"]).hostname == "127.0.0.1"
    told = []
    for server, method, path, headers, body in (
        *_tables(ready),
        *_marked(ready, registry, canary),
    ):
        answer = send(urls[server], method, path, headers, body)
        assert answer.status < 500 or answer.status == 503, (method, path, answer.body)
        told.append(repr(answer.headers).encode() + answer.body)
    return told


def _tables(ready: dict[str, Any]) -> Iterator[Sent]:
    """The tables, as this installation understands them."""
    for row in ROWS:
        headers = {name: text.replace(TOKEN, ready["token"]) for name, text in row.headers.items()}
        path = row.path.replace(SUBSCRIPTION, ready["subscription"])
        yield row.server, row.method, path, headers, row.body
    for login in LOGINS:
        path = login.path.replace(TENANT, ready["tenant"])
        headers = {"Content-Type": login.content_type} if login.content_type else {}
        yield "management", "POST", path, headers, login.body


def _marked(ready: dict[str, Any], registry: str, canary: Canary) -> Iterator[Sent]:
    base = (
        f"/subscriptions/{ready['subscription']}/resourceGroups/{ready['resource_group']}"
        f"/providers/Microsoft.ContainerRegistry/registries/{registry}"
    )
    sent = {"Authorization": f"Bearer {ready['token']}", "Content-Type": JSON}
    query = f"?api-version={API_VERSION}"
    for body in _bad_webhooks(canary):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        yield "management", "PUT", f"{base}/webhooks/another1{query}", sent, content
        yield "management", "PATCH", f"{base}/webhooks/userecho{query}", sent, content
        whole = b'{"webhooks": [' + content + b"]}"
        yield "management", "POST", f"{base}/importWebhooks{query}", sent, whole
    for bad in ({"secret": canary.mark("rotated")}, {"secret": {"x": canary.mark("rotated2")}}):
        content = json.dumps(bad).encode()
        yield "management", "POST", f"{base}/webhooks/userecho/rotateSecret{query}", sent, content
    for body in ({"name": 7, "clientSecret": canary.mark("token body")}, canary.mark("token text")):
        yield "management", "POST", f"/portcall/tokens{query}", sent, json.dumps(body).encode()
    yield from _bad_strangers(ready, base, registry, canary)


def _bad_strangers(
    ready: dict[str, Any], base: str, registry: str, canary: Canary
) -> Iterator[Sent]:
    """Wrong tokens and wrong passwords: they may be somebody's for something else."""
    mark = canary.mark
    for scheme in ("Bearer {}", "Basic {}", "{}", "Bearer portcall_{}", "Bearer eyJ{}.b.c"):
        headers = {"Authorization": scheme.format(mark("wrong token")), "Content-Type": JSON}
        yield "management", "GET", base, headers, b""
        yield "producer", "POST", f"/registries/{registry}/events", headers, b"{}"
    query = f"?token={mark('query')}&sig={mark('query2')}"
    yield "management", "GET", f"{base}{query}", {}, b""
    yield "producer", "POST", f"/registries/{registry}/events{query}", {}, b"{}"
    for client in (ready["client_id"], "nobody"):
        form = f"grant_type=client_credentials&client_id={client}&client_secret={mark('wrong password')}"
        for path in ("/adfs/oauth2/token", f"/{ready['tenant']}/oauth2/v2.0/token"):
            yield "management", "POST", path, {"Content-Type": FORM}, form.encode()
            yield "management", "POST", path, {"Content-Type": JSON}, form.encode()
    assertion = f"grant_type=client_credentials&client_id=x&client_assertion={mark('assertion')}"
    headers = {"Content-Type": FORM}
    yield "management", "POST", "/adfs/oauth2/token", headers, assertion.encode()
    identity = {"X-IDENTITY-HEADER": mark("wrong identity")}
    yield "management", "GET", "/msi/token?resource=x", identity, b""


def _bad_webhooks(canary: Canary) -> Iterator[Any]:
    """Bodies that are refused because of something that stands beside a secret, or is one."""
    mark = canary.mark
    good = {"serviceUri": "http://127.0.0.1:9/", "actions": ["push"]}
    uris = (
        f"http://user:{mark('bad port')}@127.0.0.1:99999/",
        f"ftp://user:{mark('bad scheme')}@host.example/",
        f"http://user:{mark('bad host')}@ho st.example/",
        f"http://{mark('bad user')}:x@[::1/",
        f"http://user:{mark('bad long')}@host.example/{'x' * 5000}",
        f"http://user:{mark('bad fragment')}@host.example/#{mark('fragment')}",
        f"http://user:{mark('twice')}@{mark('twice2')}@host.example/",
        f"user:{mark('no scheme')}@host.example",
        f"http:user:{mark('no slashes')}@host.example",
        f"http://user:{mark('broken')}%zz@host.example:port/",
    )
    changes: list[dict[str, object]] = [{"serviceUri": uri} for uri in uris]
    changes += [
        {"customHeaders": {"X-Team": mark("bad header") + "\r\nX: y"}},
        {"customHeaders": {"X-Team": [mark("list")]}},
        {"customHeaders": {"Host": mark("reserved")}},
        {"customHeaders": {"X-Long": mark("too long") + "x" * 70_000}},
        {"customHeaders": f"X-Team={mark('text')}"},
        {"customHeaders": [{"name": "X-Team", "value": mark("pair")}]},
        {"portcall": {"secret": mark("no prefix")}},
        {"portcall": {"secret": f"whsec_{mark('short')[:8]}!"}},
        {"portcall": {"secret": f"whsk_{mark('private')}"}},
        {"portcall": {"secret": {"value": mark("object")}}},
        {"portcall": mark("extras")},
        {"serviceUri": {"uri": mark("uri object")}},
        {"unknown": mark("unknown")},
        {"actions": ["pull"], "customHeaders": {"Authorization": mark("beside")}},
        {"actions": 7, "serviceUri": f"http://user:{mark('beside it')}@host.example/"},
    ]
    for change in changes:
        yield {"location": "local", "properties": good | change}
    whole = {"location": "local", "properties": good | {"customHeaders": {"X": mark("cut")}}}
    yield json.dumps(whole).encode()[:-7]
    yield mark("no JSON").encode()
    yield json.dumps({"properties": {"customHeaders": {"X": mark("bytes")}}}).encode() + b"\xff"
