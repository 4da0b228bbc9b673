"""What every store does with principals and with signing keys."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from portcall.runtime.clock import now_ms
from portcall.store.access import principals
from portcall.store.access.principals import PrincipalRow, Role, digest_of, new_secret
from portcall.store.database.tables import principals as table
from portcall.store.engine import Store
from portcall.store.errors import NameTakenError, TooManyPrincipalsError


def add(store: Store, name: str = "robot", **values: object) -> PrincipalRow:
    wanted: dict[str, object] = {"role": Role.READER, "digest": digest_of(new_secret())}
    return store.principals.create(name, **{**wanted, **values})  # type: ignore[arg-type]  # a test's choice


class PrincipalsContract:
    def test_a_principal_is_kept_as_it_was_made(self, store: Store) -> None:
        secret = new_secret()
        until = now_ms() + 60_000
        made = store.principals.create(
            "Robot",
            role=Role.PUBLISHER,
            digest=digest_of(secret),
            registry="MyRegistry",
            expires_ms=until,
        )
        assert str(uuid.UUID(made.client_id)) == made.client_id
        assert (made.name, made.role, made.registry) == ("Robot", Role.PUBLISHER, "myregistry")
        assert (made.expires_ms, made.used_ms, made.revoked_ms) == (until, None, None)
        assert abs(made.created_ms - now_ms()) < 60_000
        assert store.principals.get(made.client_id.upper()) == made
        assert store.principals.by_digest(digest_of(secret)) == made
        assert store.principals.by_digest(digest_of(new_secret())) is None

    def test_the_secret_is_not_kept(self, store: Store) -> None:
        secret = new_secret()
        add(store, digest=digest_of(secret))
        with store.database.reading() as connection:
            row = connection.execute(table.select()).one()
        assert secret not in repr(row) and secret[9:] not in repr(row)

    def test_a_revoked_one_is_known_but_not_live(self, store: Store) -> None:
        made = add(store)
        revoked = store.principals.revoke(made.client_id)
        assert revoked is not None and revoked.revoked_ms is not None
        assert made.is_live(now_ms()) and not revoked.is_live(now_ms())
        assert store.principals.revoke(made.client_id) == revoked, "twice is as good as once"
        assert store.principals.revoke(str(uuid.uuid4())) is None

    def test_it_stops_working_when_it_expires(self, store: Store) -> None:
        made = add(store, expires_ms=1000)
        assert made.is_live(999) and not made.is_live(1000)

    def test_a_name_is_taken_until_its_owner_is_revoked(self, store: Store) -> None:
        made = add(store, "Robot")
        with pytest.raises(NameTakenError):
            add(store, "rOBOT")
        store.principals.revoke(made.client_id)
        again = add(store, "Robot")
        assert {each.client_id for each in store.principals.list()} == {
            made.client_id,
            again.client_id,
        }

    def test_of_several_at_once_one_gets_the_name(self, store: Store) -> None:
        def attempt(_: int) -> bool:
            try:
                add(store, "robot")
            except NameTakenError:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(attempt, range(4))) == 1

    def test_there_are_not_endlessly_many(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(principals, "MAX_LIVE", 2)
        add(store, "a")
        add(store, "expired", expires_ms=now_ms() - 1)
        gone = add(store, "b")
        with pytest.raises(TooManyPrincipalsError):
            add(store, "c")
        store.principals.revoke(gone.client_id)
        assert add(store, "c").name == "c"

    def test_those_that_stopped_working_long_ago_are_forgotten(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = add(store, "old", expires_ms=now_ms() - 10)
        revoked = add(store, "revoked")
        store.principals.revoke(revoked.client_id)
        add(store, "living")
        assert store.principals.get(old.client_id) is not None, "not at once"
        monkeypatch.setattr(principals, "FORGET_AFTER_MS", -1000)
        add(store, "new")
        assert {each.name for each in store.principals.list()} == {"living", "new"}

    def test_use_is_noted(self, store: Store) -> None:
        made = add(store)
        store.principals.used(made.client_id)
        found = store.principals.get(made.client_id)
        assert found is not None and found.used_ms is not None
        assert abs(found.used_ms - now_ms()) < 60_000


class SigningKeysContract:
    def test_a_key_is_made_once(self, store: Store) -> None:
        assert store.signing_keys.list() == []
        store.signing_keys.ensure()
        (key,) = store.signing_keys.list()
        store.signing_keys.ensure()
        (again,) = store.signing_keys.list()
        assert again == key
        signing = store.signing_keys.signing()
        assert (signing.kid, signing.public) == (key.kid, key.public)
