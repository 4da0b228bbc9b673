"""The producer's settings."""

import pytest

from portcall.producer.settings import ProducerSettings
from portcall.runtime.errors import SettingsError

REQUIRED = {
    "PORTCALL_AMQP_URL": "amqp://localhost",
    "PORTCALL_DATABASE_URL": "sqlite:///x.db",
    "PORTCALL_TOKEN": "0123456789abcdef",
}


def test_default_bind_is_the_contract() -> None:
    assert str(ProducerSettings.from_environment(REQUIRED).bind) == "127.0.0.1:8401"


def test_bind_is_read() -> None:
    read = ProducerSettings.from_environment(REQUIRED | {"PORTCALL_PRODUCER_BIND": "[::1]:0"})
    assert str(read.bind) == "[::1]:0"


@pytest.mark.parametrize("bind", ["8401", "localhost:", "localhost:65536", ":8401", "a:b"])
def test_bad_bind_is_told_by_the_name_of_the_variable(bind: str) -> None:
    with pytest.raises(SettingsError, match="PORTCALL_PRODUCER_BIND: must be HOST:PORT"):
        ProducerSettings.from_environment(REQUIRED | {"PORTCALL_PRODUCER_BIND": bind})
