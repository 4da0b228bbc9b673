"""Every variable, good and bad; what the messages say, and what they do not."""

import ipaddress
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from portcall.runtime.errors import SettingsError
from portcall.runtime.settings import DEFAULT_SCHEDULE, Address, HostPort, Networks, Settings
from portcall.schemas.durations import parse_schedule_ms
from portcall.schemas.topology import BASE_RUNGS_MS

REQUIRED = {
    "PORTCALL_AMQP_URL": "amqp://user:broker-secret@localhost/",
    "PORTCALL_DATABASE_URL": "postgresql://user:store-secret@localhost/portcall",
    "PORTCALL_TOKEN": "token-secret-0123456789",
}
SECRETS = ("broker-secret", "store-secret", "token-secret")


def read(**variables: str) -> Settings:
    return Settings.from_environment(REQUIRED | variables)


def test_what_is_not_set_has_its_default() -> None:
    settings = read()
    assert settings.home == Path(".portcall")
    assert settings.shards == 2
    assert settings.retry_schedule_ms == parse_schedule_ms(DEFAULT_SCHEDULE)
    assert settings.record_retention_ms == 7 * 86_400_000
    assert settings.health_bind == HostPort(host="127.0.0.1", port=0)
    assert settings.run_file is None
    assert (settings.log_level, settings.log_format) == ("info", "auto")


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        pytest.param(variable, text, field, value, id=f"{variable}={text}")
        for variable, text, field, value in [
            ("PORTCALL_HOME", "/srv/portcall", "home", Path("/srv/portcall")),
            ("PORTCALL_AMQP_URL", "amqp://h", "amqp_url", "amqp://h"),
            ("PORTCALL_AMQP_URL", "amqps://u:p@h:5671/v", "amqp_url", "amqps://u:p@h:5671/v"),
            ("PORTCALL_AMQP_URL", "amqp://[::1]:5672/", "amqp_url", "amqp://[::1]:5672/"),
            ("PORTCALL_DATABASE_URL", "sqlite:///a.db", "database_url", "sqlite:///a.db"),
            ("PORTCALL_DATABASE_URL", "sqlite:////a/b.db", "database_url", "sqlite:////a/b.db"),
            ("PORTCALL_DATABASE_URL", "postgresql://h/d", "database_url", "postgresql://h/d"),
            (
                "PORTCALL_DATABASE_URL",
                "postgresql+psycopg://u@h/d",
                "database_url",
                "postgresql+psycopg://u@h/d",
            ),
            ("PORTCALL_TOKEN", "x" * 16, "token", "x" * 16),
            ("PORTCALL_SHARDS", "1", "shards", 1),
            ("PORTCALL_SHARDS", "64", "shards", 64),
            ("PORTCALL_RETRY_SCHEDULE", "1s,1s,2s", "retry_schedule_ms", (1000, 1000, 2000)),
            ("PORTCALL_RETRY_SCHEDULE", " 500ms , 24h ", "retry_schedule_ms", (500, 86_400_000)),
            ("PORTCALL_RETRY_SCHEDULE", ",", "retry_schedule_ms", ()),
            ("PORTCALL_RECORD_RETENTION", "1.5h", "record_retention_ms", 5_400_000),
            (
                "PORTCALL_HEALTH_BIND",
                "127.0.0.2:9000",
                "health_bind",
                HostPort(host="127.0.0.2", port=9000),
            ),
            ("PORTCALL_HEALTH_BIND", "[::1]:0", "health_bind", HostPort(host="::1", port=0)),
            ("PORTCALL_RUN_FILE", "r.json", "run_file", Path("r.json")),
            ("PORTCALL_LOG_LEVEL", "debug", "log_level", "debug"),
            ("PORTCALL_LOG_FORMAT", "json", "log_format", "json"),
        ]
    ],
)
def test_a_good_value_is_read(variable: str, text: str, field: str, value: object) -> None:
    assert getattr(read(**{variable: text}), field) == value


@pytest.mark.parametrize(
    ("variable", "text", "words"),
    [
        pytest.param(variable, text, words, id=f"{variable}={text[:30]}")
        for variable, text, words in [
            ("PORTCALL_AMQP_URL", "http://localhost", "must be amqp://"),
            ("PORTCALL_AMQP_URL", "localhost:5672", "must be amqp://"),
            ("PORTCALL_AMQP_URL", "amqp://", "must be amqp://"),
            ("PORTCALL_AMQP_URL", "amqp:///vhost", "must be amqp://"),
            ("PORTCALL_AMQP_URL", "amqp://user:broker-secret/x@host/", "must be amqp://"),
            ("PORTCALL_AMQP_URL", "amqp://h:99999/", "must be amqp://"),
            ("PORTCALL_AMQP_URL", "amqp://h:0/", "must be amqp://"),
            ("PORTCALL_DATABASE_URL", "mysql://u:store-secret@h/d", "must be sqlite:///FILE"),
            ("PORTCALL_DATABASE_URL", "sqlite://", "must be sqlite:///FILE"),
            ("PORTCALL_DATABASE_URL", "sqlite:///", "must be sqlite:///FILE"),
            ("PORTCALL_DATABASE_URL", "postgresqlx://h/d", "must be sqlite:///FILE"),
            ("PORTCALL_TOKEN", "token-secret", "at least 16 characters"),
            ("PORTCALL_SHARDS", "0", "greater than or equal to 1"),
            ("PORTCALL_SHARDS", "65", "less than or equal to 64"),
            ("PORTCALL_SHARDS", "two", "valid integer"),
            ("PORTCALL_RETRY_SCHEDULE", "10", "is not a duration"),
            ("PORTCALL_RETRY_SCHEDULE", "1s,soon", "is not a duration"),
            ("PORTCALL_RETRY_SCHEDULE", "25h", "not between 100ms and 24h"),
            ("PORTCALL_RETRY_SCHEDULE", ",".join(["1s"] * 51), "at most 50"),
            ("PORTCALL_RECORD_RETENTION", "0s", "longer than nothing"),
            ("PORTCALL_RECORD_RETENTION", "a week", "is not a duration"),
            ("PORTCALL_HEALTH_BIND", "8400", "HOST:PORT"),
            ("PORTCALL_HEALTH_BIND", ":8400", "HOST:PORT"),
            ("PORTCALL_HEALTH_BIND", "127.0.0.1:http", "HOST:PORT"),
            ("PORTCALL_HEALTH_BIND", "127.0.0.1:65536", "HOST:PORT"),
            ("PORTCALL_HEALTH_BIND", "127.0.0.1:-1", "HOST:PORT"),
            ("PORTCALL_LOG_LEVEL", "loud", "debug|info|warning|error"),
            ("PORTCALL_LOG_FORMAT", "xml", "auto|json|console"),
        ]
    ],
)
def test_a_bad_value_is_told_in_one_line_that_names_the_variable(
    variable: str, text: str, words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        read(**{variable: text})
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{variable}: ") and words in line


@pytest.mark.parametrize("variable", REQUIRED)
@pytest.mark.parametrize("text", [None, ""], ids=["unset", "empty"])
def test_what_must_be_set_says_so(variable: str, text: str | None) -> None:
    environ = {name: value for name, value in REQUIRED.items() if name != variable}
    if text is not None:
        environ[variable] = text
    with pytest.raises(SettingsError, match=f"^{variable}: must be set$"):
        Settings.from_environment(environ)


def test_every_wrong_variable_has_its_line() -> None:
    environ = {"PORTCALL_SHARDS": "none", "PORTCALL_LOG_LEVEL": "loud"}
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environ)
    names = [line.partition(":")[0] for line in str(caught.value).splitlines()]
    assert sorted(names) == sorted([*REQUIRED, *environ])


def test_an_empty_variable_is_as_one_that_is_not_set() -> None:
    assert read(PORTCALL_SHARDS="", PORTCALL_RUN_FILE="") == read()


def test_other_variables_are_nobodys_business() -> None:
    assert read(PATH="/bin", PORTCALL_CONSOLE="?") == read()


def test_secrets_are_in_no_text_of_the_settings() -> None:
    settings = read()
    for text in (repr(settings), str(settings)):
        assert not any(secret in text for secret in SECRETS)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"PORTCALL_TOKEN": "token-secret"}, id="token"),
        pytest.param({"PORTCALL_AMQP_URL": "ampq://u:broker-secret@h"}, id="broker"),
        pytest.param({"PORTCALL_AMQP_URL": "amqp://u:broker-secret/x@h"}, id="broker, unescaped"),
        pytest.param({"PORTCALL_DATABASE_URL": "pg://u:store-secret@h"}, id="store"),
    ],
)
def test_secrets_are_in_no_text_of_an_error(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as caught:
        read(**wrong)
    texts = [str(caught.value), str(caught.value.__cause__)]
    assert not any(secret in text for secret in SECRETS for text in texts)


def test_settings_cannot_be_changed() -> None:
    settings: Any = read()
    with pytest.raises(ValidationError):
        settings.shards = 3


def test_the_rungs_follow_from_the_schedule() -> None:
    settings = read(PORTCALL_RETRY_SCHEDULE="1s,24h")
    assert settings.rungs_ms == tuple(sorted({*BASE_RUNGS_MS, 1000}))


@pytest.mark.parametrize(
    ("host_port", "text"),
    [
        pytest.param(HostPort(host="127.0.0.1", port=80), "127.0.0.1:80", id="IPv4"),
        pytest.param(HostPort(host="::1", port=80), "[::1]:80", id="IPv6"),
        pytest.param(HostPort(host="localhost", port=0), "localhost:0", id="name"),
    ],
)
def test_an_address_is_written_as_in_a_url(host_port: HostPort, text: str) -> None:
    assert str(host_port) == text


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        pytest.param("none", (), id="none"),
        pytest.param(" NONE ", (), id="none, in other letters"),
        pytest.param("127.0.0.0/8,::1/128", ("127.0.0.0/8", "::1/128"), id="two"),
        pytest.param("10.1.2.3/8, ", ("10.0.0.0/8",), id="with host bits, and an empty one"),
        pytest.param("192.0.2.1", ("192.0.2.1/32",), id="one address"),
    ],
)
def test_networks_are_read(text: str, networks: tuple[str, ...]) -> None:
    read_as = TypeAdapter[Any](Networks).validate_python(text)
    assert read_as == tuple(ipaddress.ip_network(network) for network in networks)


@pytest.mark.parametrize("text", ["everything", "10.0.0.0/33", "10.0.0.0/8;::1"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="does not appear to be an IPv4 or IPv6 network"):
        TypeAdapter[Any](Networks).validate_python(text)


class WithRate(Settings):
    rate: int = Field(alias="PORTCALL_RATE", ge=1)


def test_a_subclass_reads_its_own_variables_too() -> None:
    settings = WithRate.from_environment(REQUIRED | {"PORTCALL_RATE": "7"})
    assert (settings.rate, settings.shards) == (7, 2)
    with pytest.raises(SettingsError, match=r"^PORTCALL_RATE: must be set$"):
        WithRate.from_environment(REQUIRED)


class Serving(Settings):
    """A role with a server."""

    bind: Address = Field(
        default="127.0.0.1:8400",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_MANAGEMENT_BIND",
    )
    tls_bind: Address = Field(
        default="127.0.0.1:8443",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_MANAGEMENT_TLS_BIND",
    )


def serving(**variables: str) -> Serving:
    return Serving.from_environment(REQUIRED | variables)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST", "[::1]", "::1"]
)
def test_plain_http_on_the_loopback_needs_no_leave(host: str) -> None:
    assert serving(PORTCALL_MANAGEMENT_BIND=f"{host}:8400").bind.port == 8400


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "[::]", "10.0.0.1", "192.0.2.1", "[2001:db8::1]", "portcall.internal"],  # noqa: S104
)
@pytest.mark.parametrize(
    ("variable", "server"),
    [("PORTCALL_MANAGEMENT_BIND", "management"), ("PORTCALL_HEALTH_BIND", "health")],
)
@pytest.mark.parametrize("asked", ["", "producer"])
def test_plain_http_beyond_the_loopback_must_be_asked_for_by_name(
    host: str, variable: str, server: str, asked: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        serving(**{variable: f"{host}:8400", "PORTCALL_INSECURE_BIND": asked})
    message = str(caught.value)
    assert message.startswith(f"{variable}: ")
    assert f"PORTCALL_INSECURE_BIND={server}" in message
    assert not any(secret in message for secret in SECRETS)
    for leave in (server, "all", f"producer, {server.upper()}"):
        settings = serving(**{variable: f"{host}:8400", "PORTCALL_INSECURE_BIND": leave})
        assert server in settings.insecure_bind


def test_tls_beyond_the_loopback_needs_no_leave() -> None:
    assert serving(PORTCALL_MANAGEMENT_TLS_BIND="0.0.0.0:8443").tls_bind.port == 8443


@pytest.mark.parametrize("text", ["yes", "allow", "1", "management,router"])
def test_who_asks_must_name_servers(text: str) -> None:
    with pytest.raises(SettingsError, match=r"PORTCALL_INSECURE_BIND: must be of health, manag"):
        serving(PORTCALL_INSECURE_BIND=text)
