"""What docs/signatures.md tells consumers to write in Python, executed."""

import base64
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from portcall.management.webhooks.signing import new_secret
from portcall.schemas.signatures import Scheme, public_key
from tests.unit.deliverer.post.test_signatures import BODY, V1, V1A, signed

PAGE = (Path(__file__).parents[2] / "docs/signatures.md").read_text()
Headers = Mapping[str, str]


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    """Everything that the page's Python defines."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "docs/signatures.md", "exec"), names)  # noqa: S102 (our own page)
    return names


@pytest.mark.parametrize(
    ("scheme", "change", "body", "genuine"),
    [
        (scheme, change, body, genuine)
        for scheme in ("v1", "v1a")
        for change, body, genuine in [
            ({}, BODY, True),
            ({}, BODY + b"x", False),
            ({"webhook-id": "msg_other"}, BODY, False),
            ({"webhook-timestamp": "1"}, BODY, False),
            (
                {"webhook-signature": f"{scheme},{base64.b64encode(b'x' * 64).decode()}"},
                BODY,
                False,
            ),
        ]
    ],
)
def test_the_page_tells_the_genuine_from_the_others(
    written: dict[str, Any], scheme: str, change: Headers, body: bytes, *, genuine: bool
) -> None:
    secret = V1 if scheme == "v1" else V1A
    is_genuine: Callable[..., bool] = written["is_genuine" if scheme == "v1" else "is_genuine_v1a"]
    trusted = secret if scheme == "v1" else [public_key(secret)]
    assert is_genuine(trusted, signed(secret) | dict(change), body) is genuine


def test_during_a_rotation_the_page_takes_either(written: dict[str, Any]) -> None:
    other = new_secret(Scheme.V1A)
    headers = signed(V1A, old=other, old_until_s=2**33)
    for trusted in ([public_key(V1A)], [public_key(other)]):
        assert written["is_genuine_v1a"](trusted, headers, BODY)
    assert not written["is_genuine_v1a"]([public_key(new_secret(Scheme.V1A))], headers, BODY)
