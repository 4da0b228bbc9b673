"""Bodies of sources: each wrong field is named; and one source's way over the API."""

import json

import pytest

from portcall.management.http.bodies import parse_body
from portcall.management.http.calls import encode
from portcall.management.http.errors import ArmError
from portcall.management.sources.bodies import SourcePut
from portcall.management.sources.routes import checked


def put(**properties: object) -> dict[str, object]:
    return {"properties": {"kind": "harbor"} | properties}


@pytest.mark.parametrize(
    ("body", "target"),
    [
        (put(kind="nothing"), "properties.kind"),
        (put(proof="nothing"), "properties.proof"),
        (put(proof="header"), "properties.options.header"),
        (put(kind="distribution", proof="hmac_sha256"), "properties.proof"),
        (put(kind="gitlab", proof="hmac_sha1"), "properties.proof"),
        (put(secret="short"), "properties.secret"),  # noqa: S106
        (put(networks=["10.0.0.0/8", "x"]), "properties.networks[1]"),
        (put(kind="gar"), "properties.options.issuer"),
        (put(colour="red"), "properties.colour"),
        (put(options={"colour": "red"}), "properties.options.colour"),
        (put(options={"host": "https://x"}), "properties.options.host"),
        (put(options={"host": 1}), "properties.options.host"),
        (put(proof="header", options={"header": "a b"}), "properties.options.header"),
        (put(kind="generic"), "properties.options.repository"),
        (put(kind="generic", options={"repository": "a["}), "properties.options.repository"),
        (put(kind="gar", options={"issuer": "http://x"}), "properties.options.issuer"),
        (put(kind="gar", secret="a-secret-of-the-tests"), "properties.secret"),  # noqa: S106
    ],
)
def test_a_wrong_field_is_named(body: object, target: str) -> None:
    with pytest.raises(ArmError) as caught:
        checked(parse_body(SourcePut, encode(body)).properties)
    assert caught.value.status == 400
    assert target in json.dumps(
        [caught.value.target, *(each.target for each in caught.value.details)]
    )
