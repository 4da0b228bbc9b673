"""What the deliverer reads from the environment."""

import pytest

from portcall.deliverer.settings import DelivererSettings
from portcall.runtime.errors import SettingsError
from portcall.runtime.targets.addresses import is_allowed

REQUIRED = {
    "PORTCALL_AMQP_URL": "amqp://u:p@127.0.0.1:5672/",
    "PORTCALL_DATABASE_URL": "sqlite:///portcall.db",
    "PORTCALL_TOKEN": "0123456789abcdef",
}


def read(**environ: str) -> DelivererSettings:
    return DelivererSettings.from_environment(REQUIRED | environ)


def test_the_defaults() -> None:
    settings = read()
    assert settings.attempt_timeout_ms == 15_000
    assert settings.allow_targets == ()
    assert len(settings.retry_schedule_ms) == 10
    assert (settings.prefetch, settings.max_in_flight, settings.endpoint_concurrency) == (
        300,
        512,
        16,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", []),
        ("", []),
        ("127.0.0.0/8", ["127.0.0.0/8"]),
        ("127.0.0.0/8,::1/128", ["127.0.0.0/8", "::1/128"]),
        (" 10.0.0.5 , fd00::/8 ", ["10.0.0.5/32", "fd00::/8"]),
        ("10.1.2.3/8", ["10.0.0.0/8"]),
    ],
)
def test_the_networks_that_are_allowed(text: str, expected: list[str]) -> None:
    assert [str(each) for each in read(PORTCALL_ALLOW_TARGETS=text).allow_targets] == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORTCALL_ALLOW_TARGETS", "loopback"),
        ("PORTCALL_ALLOW_TARGETS", "127.0.0.0/33"),
        ("PORTCALL_ALLOW_PORTS", "http"),
        ("PORTCALL_ALLOW_PORTS", "443,99999"),
        ("PORTCALL_ATTEMPT_TIMEOUT", "0s"),
        ("PORTCALL_ATTEMPT_TIMEOUT", "15"),
        ("PORTCALL_MAX_IN_FLIGHT", "0"),
        ("PORTCALL_ENDPOINT_CONCURRENCY", "many"),
        ("PORTCALL_DELIVERER_PREFETCH", "0"),
        ("PORTCALL_MASK_HEADERS", "none"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read(**{name: text})


def test_the_ports_that_are_allowed_and_our_own() -> None:
    usual = read().ports
    assert usual.allow(8080) and not usual.allow(6379)
    assert usual.own == {5672}
    chosen = read(
        PORTCALL_AMQP_URL="amqp://u:p@127.0.0.1:21000/",
        PORTCALL_ALLOW_PORTS="443,6379",
        PORTCALL_OWN_PORTS="8400,8401",
    ).ports
    assert chosen.allow(6379) and not chosen.allow(8080)
    assert chosen.own == {8400, 8401, 21_000}


@pytest.mark.parametrize(
    ("own", "reached", "refused"),
    [
        ("10.213.0.0/24", ["10.212.255.255", "10.213.1.0"], ["10.213.0.1", "10.213.0.255"]),
        ("10.0.0.0/8", [], ["10.1.2.3"]),
        ("0.0.0.0/0", [], ["10.1.2.3"]),
        ("172.16.0.0/12", ["10.1.2.3"], ["172.16.0.1"]),
        ("10.213.0.0/24,10.213.2.0/24", ["10.213.1.5"], ["10.213.0.5", "10.213.2.5"]),
        ("10.213.0.0/24", ["fd00::1"], ["::ffff:10.213.0.5", "64:ff9b::ad5:5"]),
    ],
)
def test_our_own_networks_are_refused_whatever_is_allowed(
    own: str, reached: list[str], refused: list[str]
) -> None:
    settings = read(PORTCALL_ALLOW_TARGETS="10.0.0.0/8,fd00::/8", PORTCALL_OWN_NETWORKS=own)
    assert all(is_allowed(address, settings.allowed) for address in reached)
    assert not any(is_allowed(address, settings.allowed) for address in refused)
