"""Settings of management that have a rule of their own."""

import pytest

from portcall.management.settings import ManagementSettings
from portcall.runtime.errors import SettingsError

NEEDED = {
    "PORTCALL_AMQP_URL": "amqp://127.0.0.1",
    "PORTCALL_DATABASE_URL": "sqlite:///x.db",
    "PORTCALL_TOKEN": "an-administrators-token",
}


def producer_url(text: str) -> str:
    return ManagementSettings.from_environment(
        {**NEEDED, "PORTCALL_PRODUCER_URL": text}
    ).producer_url


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", ""),
        ("https://events.example.com", "https://events.example.com"),
        ("https://example.com/portcall/", "https://example.com/portcall"),
        ("http://[::1]:8401", "http://[::1]:8401"),
    ],
)
def test_an_address_of_the_producer_is_taken(text: str, read: str) -> None:
    assert producer_url(text) == read


@pytest.mark.parametrize(
    "text",
    [
        "events.example.com", "ftp://example.com", "https://", "https://a.example/?x=1",
        "https://a.example/#x", "https://a.example:x", "https://[::1",
    ],
)  # fmt: skip
def test_another_text_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingsError, match="PORTCALL_PRODUCER_URL"):
        producer_url(text)
