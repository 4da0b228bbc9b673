"""Sources: PUT, PATCH, GET, DELETE, list, and the rotation of secrets."""

import pytest

from tests.integration.arm.shapes import TYPE
from tests.integration.arm.table import EMPTY, TIME, Arm, Json, Like, Row, error, ids

HERE = "{acr}/sources/Here"
SECRET = "a-secret-of-the-tests"  # noqa: S105
MADE = Like(r"[A-Za-z0-9_-]{43}")
OIDC = {"issuer": "https://accounts.test", "audience": "us", "email": "push@acme.test"}
OF_OIDC: Json = {"kind": "gar", "proof": "oidc", "options": OIDC}


HEADER: Json = {
    "proof": "header",
    "header": "X-A",
    "options": {"header": "X-A", "host": "acme.test"},
}
FULL: Json = HEADER | {"networks": ["::1/128"]}
IN_PATH = "/registries/Alpha/sources/Here"


def source(**facts: Json) -> Json:
    """A source: a Harbor, but for what is told."""
    shown: Json = {
        "kind": "harbor",
        "proof": "authorization",
        "path": IN_PATH,
        "header": "",
        "options": {},
        "networks": [],
        "createdAt": TIME,
        "changedAt": TIME,
    }
    return {
        "type": f"{TYPE}/sources",
        "id": "{acr}/sources/Here",
        "name": "Here",
        "properties": shown | facts,
    }


def get(**facts: Json) -> Row:
    return Row("", f"GET {HERE}", 200, source(**facts))


def sent(**properties: Json) -> Json:
    return {"properties": {"kind": "harbor"} | properties}


def put(
    name: str, body: Json, *, secret: Json = MADE, then: Row | None = None, **facts: Json
) -> Row:
    """A source that is created; GET shows it without its secret."""
    shown = {"secret": secret} if secret else {}
    return Row(name, f"PUT {HERE}", 201, source(**facts, **shown), body, then=then or get(**facts))


def again(name: str, body: Json, *, secret: Json = None, **facts: Json) -> Row:
    """A source that has all, and a second PUT of it."""
    shown = {"secret": secret} if secret else {}
    second = Row("", f"PUT {HERE}", 200, source(**facts, **shown), body, then=get(**facts))
    return put(name, sent(**FULL, secret=SECRET), secret=SECRET, then=second, **FULL)


def patched(
    name: str, change: Json, *, first: Json = None, secret: Json = None, **facts: Json
) -> Row:
    """A source, and a PATCH of it: what is sent changes, and the rest of it stays."""
    began: Json = {"options": {"host": "acme.test"}, "networks": ["::1/128"]} | (first or {})
    shown = {"secret": secret} if secret else {}
    after = began | facts
    path = f"PATCH {HERE}"
    second = Row("", path, 200, source(**after, **shown), {"properties": change}, then=get(**after))
    made = Like(".+") if began.get("proof") != "oidc" else None
    return put(name, sent(**began), secret=made, then=second, **began)


ROWS = [
    # created
    put("the least", sent()),
    put("a kind and a proof in another case", sent(kind="Harbor", proof="BASIC"), proof="basic"),
    put("a secret of one's own", sent(secret=SECRET), secret=SECRET),
    put("options and networks", sent(options={"host": "acme.test"}, networks=["10.1.2.3/8"]), options={"host": "acme.test"}, networks=["10.0.0.0/8"]),
    put("nulls", sent(proof=None, secret=None, options=None, networks=None)),
    put("an answer that is sent back", source(secret=SECRET, path="x", header="x", createdAt="x", changedAt="x"), secret=SECRET),
    put("a header that the kind has", sent(kind="ghcr"), kind="ghcr", proof="hmac_sha256", header="X-Hub-Signature-256"),
    put("tokens, so no secret", {"properties": OF_OIDC}, secret=None, **OF_OIDC),
    Row("the secret in the path", f"PUT {HERE}", 201, source(kind="quay", proof="path", path=Like(f"{IN_PATH}/{MADE.pattern}"), secret=MADE), sent(kind="quay"), then=get(kind="quay", proof="path", path=f"{IN_PATH}/{{secret}}")),
    # put again
    again("replaced: nothing stays but the secret", sent()),
    again("the same again is the same", sent(**FULL), **FULL),
    again("put again with its own secret", sent(secret=SECRET), secret=SECRET),
    again("put again with another secret", sent(secret=f"{SECRET}-2"), secret=f"{SECRET}-2"),
    again("replaced in the path", sent(proof="path"), proof="path", path=f"{IN_PATH}/{{secret}}"),
    # patched
    patched("nothing", {}),
    patched("nulls change nothing", {"proof": None, "options": None, "networks": None, "secret": None, "kind": None}),
    patched("the kind that it has", {"kind": "Harbor"}),
    patched("its networks", {"networks": ["10.0.0.0/8"]}, networks=["10.0.0.0/8"]),
    patched("no networks", {"networks": []}, networks=[]),
    patched("its options, as a whole", {"options": {}}, options={}),
    patched("its proof", {"proof": "bearer"}, proof="bearer"),
    patched("its proof, which ends the options of the previous one", {"proof": "bearer"}, first=HEADER, proof="bearer", options={"host": "acme.test"}, header=""),
    patched("its proof and options", {"proof": "header", "options": {"header": "X-A"}}, proof="header", options={"header": "X-A"}, header="X-A"),
    patched("its secret", {"secret": SECRET}, secret=SECRET),
    patched("from a secret to tokens", {"proof": "oidc", "options": OIDC}, proof="oidc", options=OIDC),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=ids)
async def test_sources(arm: Arm, row: Row) -> None:
    await arm.check(row)


async def test_tokens_become_a_new_secret_and_lists_show_none(arm: Arm) -> None:
    await arm.check(Row("", f"PUT {HERE}", 201, source(**OF_OIDC), {"properties": OF_OIDC}))
    change = {"properties": {"proof": "bearer"}}
    after = {"kind": "gar", "proof": "bearer"}
    await arm.check(Row("", f"PATCH {HERE}", 200, source(**after, secret=MADE), change))
    await arm.check(Row("", "GET {acr}/sources", 200, {"value": [source(**after)]}))


async def test_both_secrets_are_valid_after_a_rotation_and_a_deletion_is_final(arm: Arm) -> None:
    await arm.check(put("", sent()))
    until = source(secret=MADE, previousUntil=TIME)
    await arm.check(Row("", f"POST {HERE}/rotateSecret", 200, until))
    at_once = source(secret=SECRET)
    body = {"secret": SECRET, "overlap": "none"}
    await arm.check(Row("", f"POST {HERE}/rotateSecret", 200, at_once, body))
    gone = Row("", f"DELETE {HERE}", 204, EMPTY)
    await arm.check(Row("", f"DELETE {HERE}", 200, EMPTY, then=gone))
    missing = (
        f"The Resource '{TYPE}/Alpha/sources/Here' under resource group 'portcall' was not found."
    )
    await arm.check(Row("", f"GET {HERE}", 404, error("ResourceNotFound", missing)))
