"""Bad requests to the sources of registries."""

from dataclasses import replace

from portcall.schemas.sources import Proof, SourceKind
from portcall.store.engine import Store
from portcall.store.sources.rows import SourceDraft
from tests.unit.management.row import CONTENT, NOT_FOUND, Row

HERE = "{registry}/sources/harbor"
"""It exists, and is a Harbor with the proof `authorization`."""
SECRET = "a-secret-of-the-tests"  # noqa: S105
OIDC = {"issuer": "https://accounts.test", "audience": "us", "email": "push@acme.test"}


def add_sources(store: Store) -> None:
    """Add the sources of the registry Alpha that the rows speak of."""
    harbor = SourceDraft(SourceKind.HARBOR, Proof.AUTHORIZATION, {}, (), SECRET)
    drafts = {
        "harbor": harbor,
        "odd": replace(harbor, secret=f"{SECRET}/odd"),
        "tokens": SourceDraft(SourceKind.GAR, Proof.OIDC, OIDC, (), ""),
    }
    for name, draft in drafts.items():
        store.sources.put("Alpha", name, lambda _before, _present, draft=draft: draft)  # type: ignore[misc]


def put(name: str, target: str, **properties: object) -> Row:
    """A PUT that is good but for these properties."""
    body = {"properties": {"kind": "harbor"} | properties}
    whole = f"properties.{target}"
    return Row(f"source: {name}", "PUT", "{registry}/sources/new", 400, CONTENT, whole, body)


def patch(name: str, target: str, **properties: object) -> Row:
    body = {"properties": properties}
    return Row(f"patched source: {name}", "PATCH", HERE, 400, CONTENT, f"properties.{target}", body)


def missing(method: str, path: str, body: object = None) -> Row:
    return Row(f"no source: {method} {path}", method, path, 404, NOT_FOUND, None, body)


NO_REGISTRY = "{registries}/Missing/sources"
SOURCES = [
    # what was sent
    Row("source: an array", "PUT", HERE, 400, CONTENT, "body", []),
    Row("source: no properties", "PUT", HERE, 400, CONTENT, "properties", {}),
    Row("source: a bad name", "PUT", "{registry}/sources/-x", 400, CONTENT, "name", {"properties": {"kind": "harbor"}}),
    put("a kind that is none", "kind", kind="x"),
    put("no kind", "kind", kind=None),
    put("a proof that is none", "proof", proof="x"),
    put("an unknown field", "colour", colour="red"),
    put("a short secret", "secret", secret="x"),  # noqa: S106
    put("a number as a secret", "secret", secret=1),
    put("a secret for tokens", "secret", kind="gar", secret=SECRET, options=OIDC),
    put("a secret that cannot be in a path", "secret", proof="path", secret=f"{SECRET}/x"),
    put("a bad network", "networks[1]", networks=["10.0.0.0/8", "here"]),
    put("an IPv4 network as IPv6", "networks[0]", networks=["::ffff:10.0.0.0/104"]),
    put("a text as networks", "networks", networks="10.0.0.0/8"),
    put("a number as an option", "options.host", options={"host": 1}),
    put("an unknown option", "options.colour", options={"colour": "red"}),
    put("an option of another proof", "options.user", options={"user": "x"}),
    put("an empty option", "options.host", options={"host": ""}),
    put("a bad host", "options.host", options={"host": "https://acme.test"}),
    put("no header", "options.header", proof="header"),
    put("a bad header", "options.header", proof="header", options={"header": "a b"}),
    put("a signed notification", "proof", kind="distribution", proof="hmac_sha256"),
    put("no repository", "options.repository", kind="generic"),
    put("a bad expression", "options.tag", kind="generic", options={"repository": "a", "tag": "a["}),
    put("no issuer", "options.issuer", kind="gar"),
    put("a bad issuer", "options.issuer", kind="gar", options=OIDC | {"issuer": "http://acme.test"}),
    put("bad keys", "options.jwks", kind="gar", options=OIDC | {"jwks": "{}"}),
    # what was changed
    Row("patched source: an array", "PATCH", HERE, 400, CONTENT, "body", []),
    patch("a proof that is none", "proof", proof="x"),
    patch("a kind that is none", "kind", kind="x"),
    patch("an unknown option", "options.colour", options={"colour": "red"}),
    patch("a proof that needs an option", "options.header", proof="header"),
    patch("a bad network", "networks[0]", networks=["x"]),
    patch("a short secret", "secret", secret="x"),  # noqa: S106
    patch("a secret for tokens", "secret", proof="oidc", options=OIDC, secret=SECRET),
    Row("patched source: another kind", "PATCH", HERE, 409, "SourceKindChanged", "properties.kind", {"properties": {"kind": "zot"}}, says="'harbor'"),
    Row("source: another kind", "PUT", HERE, 409, "SourceKindChanged", "properties.kind", {"properties": {"kind": "zot"}}),
    Row("patched source: a present secret that cannot be in a path", "PATCH", "{registry}/sources/odd", 400, CONTENT, "properties.secret", {"properties": {"proof": "path"}}, says="send another one"),
    Row("source: rotation with a word", "POST", f"{HERE}/rotateSecret", 400, CONTENT, "overlap", {"overlap": "long"}),
    Row("source: rotation of tokens", "POST", "{registry}/sources/tokens/rotateSecret", 409, "SourceWithoutSecret", None, {}),
    Row("source: rotation to a short secret", "POST", f"{HERE}/rotateSecret", 400, CONTENT, "secret", {"secret": "x"}),
    # what is not there
    missing("GET", "{registry}/sources/missing"),
    missing("GET", NO_REGISTRY),
    missing("PUT", f"{NO_REGISTRY}/here", {"properties": {"kind": "harbor"}}),
    missing("PATCH", f"{NO_REGISTRY}/here", {"properties": {}}),
    missing("PATCH", "{registry}/sources/missing", {"properties": {}}),
    missing("DELETE", f"{NO_REGISTRY}/here"),
    missing("POST", "{registry}/sources/missing/rotateSecret", {}),
]  # fmt: skip
