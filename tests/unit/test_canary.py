"""The search for marks finds them in whatever form: it is not blind."""

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.canary import Canary, in_files

ODD = 'pa$$ "w"/ü+\\d='
FORMS: dict[str, Callable[[str], bytes]] = {
    "as it is": lambda secret: secret.encode(),
    "base64": lambda secret: base64.b64encode(secret.encode()),
    "base64 after a user": lambda secret: base64.b64encode(f"user:{secret}".encode()),
    "base64 after two letters": lambda secret: base64.b64encode(f"xy{secret}, and more".encode()),
    "base64 for URLs": lambda secret: base64.urlsafe_b64encode(f"a{secret}zz".encode()),
    "percent-encoded": lambda secret: quote(secret, safe="").encode(),
    "percent-encoded to the last": lambda secret: b"".join(b"%%%02x" % each for each in secret.encode()),
    "JSON": lambda secret: json.dumps({"x": secret}).encode(),
    "JSON in JSON": lambda secret: json.dumps(json.dumps([secret])).encode(),
    "repr": lambda secret: repr(secret).encode(),
    "hex": lambda secret: secret.encode().hex().encode(),
    "hex in capitals": lambda secret: secret.encode().hex().upper().encode(),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", ["", ODD, ODD * 3 + "x"], ids=["a mark", "odd", "long"])
def test_a_mark_is_found_in_every_form(canary: Canary, form: str, secret: str) -> None:
    known = canary.know("planted", secret) if secret else canary.mark("planted")
    for around in (b"", b"before ", b"xx"):
        text = around + FORMS[form](known) + b" and after"
        assert canary.found({"place": text}) == ["place: planted"]
        assert canary.found({"place": [b"", text]}) == ["place: planted"]


def test_what_is_not_there_is_not_found(canary: Canary) -> None:
    canary.mark("absent")
    other = Canary().mark("other")
    assert canary.found({"place": other.encode(), "nothing": b""}) == []


def test_the_name_of_every_place_and_every_mark_is_told(canary: Canary) -> None:
    both = f"{canary.mark('one')} {canary.mark('two')}".encode()
    assert canary.found({"a": both, "b": [both]}) == ["a: one", "a: two", "b: one", "b: two"]


def test_files_are_read_whatever_they_are_called(
    canary: Canary, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("files")
    (folder / "deep").mkdir()
    (folder / "deep" / ".hidden-wal").write_bytes(b"\0\xff" + canary.mark("deep").encode())
    assert canary.found({"files": in_files(folder)}) == ["files: deep"]
