import pytest

from portcall.store.access.principals import digest_of, is_secret, new_secret
from tests.unit.store.contract.principals import PrincipalsContract, SigningKeysContract


class TestPrincipals(PrincipalsContract):
    """On SQLite."""


class TestSigningKeys(SigningKeysContract):
    """On SQLite."""


def test_a_secret_is_new_has_its_form_and_needs_no_quoting() -> None:
    one, other = new_secret(), new_secret()
    assert one != other
    assert is_secret(one) and len(one) == 52
    assert one.startswith("portcall_"), "so that no command takes it for an option"


@pytest.mark.parametrize(
    "text", ["", "portcall_", "portcall_" + "a" * 42, "portcall_" + "a" * 44, "Portcall_" + "a" * 43,
             "portcall_" + "ä" * 43, "portcall_" + "a" * 43 + "\n"],
)  # fmt: skip
def test_what_has_another_form_is_no_secret(text: str) -> None:
    assert not is_secret(text)


def test_any_text_has_a_digest() -> None:
    assert len(digest_of("\udcff")) == len(digest_of("")) == 32
