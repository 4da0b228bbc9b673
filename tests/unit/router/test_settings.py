"""The router's own variable."""

import pytest

from portcall.router.settings import RouterSettings
from portcall.runtime.errors import SettingsError

REQUIRED = {
    "PORTCALL_AMQP_URL": "amqp://localhost/",
    "PORTCALL_DATABASE_URL": "sqlite:///portcall.db",
    "PORTCALL_TOKEN": "0123456789abcdef",
}


@pytest.mark.parametrize(
    ("text", "prefetch"),
    [pytest.param("", 128, id="unset"), pytest.param("1", 1, id="1"), pytest.param("2000", 2000, id="2000")],
)  # fmt: skip
def test_the_prefetch_is_read(text: str, prefetch: int) -> None:
    environ = REQUIRED | {"PORTCALL_ROUTER_PREFETCH": text}
    assert RouterSettings.from_environment(environ).prefetch == prefetch


@pytest.mark.parametrize("text", ["0", "2001", "many"])
def test_a_bad_prefetch_names_its_variable(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^PORTCALL_ROUTER_PREFETCH: "):
        RouterSettings.from_environment(REQUIRED | {"PORTCALL_ROUTER_PREFETCH": text})
