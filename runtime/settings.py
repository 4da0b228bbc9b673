"""Settings: read once from the environment, by ``main()`` alone, into small frozen models.

Each process has a subclass with its additional settings. A field's alias is the name of its
environment variable; docs/operations.md has the table.
"""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from yarl import URL

from portcall.runtime.errors import SettingsError
from portcall.runtime.secret_files import with_secret_files
from portcall.schemas.durations import parse_duration_ms, parse_limit_ms, parse_schedule_ms
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.signatures import check_shared_secret
from portcall.schemas.topology import rungs_for
from portcall.schemas.webhooks import parse_service_uri

DEFAULT_SCHEDULE = "10s,1m,5m,30m,1h,3h,6h,12h,12h,24h"

AUTH_FAILURES_PER_S = 20.0
SERVERS = frozenset({"health", "management", "producer"})
"""The servers of plain HTTP, each on the address in ``PORTCALL_<NAME>_BIND``."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class HostPort(BaseModel, frozen=True):
    """An address to listen on; port 0 is any free one."""

    host: str
    port: int = Field(ge=0, le=65535)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def _host_port(value: object) -> object:
    if not isinstance(value, str):
        return value
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("must be HOST:PORT, as in 127.0.0.1:8400")
    return {"host": host.strip("[]"), "port": int(port)}


def _maybe_host_port(value: object) -> object:
    if isinstance(value, str) and value.strip().lower() == "none":
        return None
    return _host_port(value)


def _amqp_url(text: str) -> str:
    try:
        url = URL(text)
        usable = url.scheme in {"amqp", "amqps"} and url.host and url.port != 0
    except ValueError:  # without its text, which may contain a part of the password
        usable = False
    if not usable:
        raise ValueError("must be amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps://…")
    return text


def _database_url(text: str) -> str:
    if not re.match(r"sqlite:///.|postgresql(\+psycopg)?://", text):
        raise ValueError("must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE")
    return text


def _duration_ms(value: object) -> object:
    return _translated(parse_duration_ms, value) if isinstance(value, str) else value


def _limit_ms(value: object) -> object:
    return _translated(parse_limit_ms, value) if isinstance(value, str) else value


def _schedule_ms(value: object) -> object:
    return _translated(parse_schedule_ms, value) if isinstance(value, str) else value


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.strip().lower() == "none":
        return ()
    return tuple(
        ipaddress.ip_network(part.strip(), strict=False)
        for part in value.split(",")
        if part.strip()
    )


def _servers(value: object) -> object:
    return server_names(value) if isinstance(value, str) else value


def server_names(text: str) -> frozenset[str]:
    """The servers that ``PORTCALL_INSECURE_BIND`` names.

    Raises:
        ValueError: A name is not one of them.
    """
    words = {word.strip().lower() for word in text.split(",") if word.strip()}
    if words == {"all"}:
        return SERVERS
    if not words <= SERVERS:
        raise ValueError(f"must be of {', '.join(sorted(SERVERS))}, with commas; or all")
    return frozenset(words)


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to *host*."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _translated(parse: Any, text: str) -> object:  # noqa: ANN401 (one of the parsers above)
    try:
        return parse(text)
    except InvalidValueError as error:
        raise ValueError(error.problem) from error


Address = Annotated[HostPort, BeforeValidator(_host_port)]
MaybeAddress = Annotated[HostPort | None, BeforeValidator(_maybe_host_port)]
"""An address, or ``none``."""
AmqpUrl = Annotated[str, AfterValidator(_amqp_url)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
DurationMs = Annotated[int, BeforeValidator(_duration_ms)]
LimitMs = Annotated[int, BeforeValidator(_limit_ms)]
"""A duration, or ``none``, which is 0."""
ScheduleMs = Annotated[tuple[int, ...], BeforeValidator(_schedule_ms)]
Servers = Annotated[frozenset[str], BeforeValidator(_servers)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(_networks)]


def _operator_uri(text: str) -> str:
    try:
        if text:
            parse_service_uri(text, "")
    except InvalidValueError as error:
        raise ValueError(error.problem) from None
    return text


def _operator_secret(text: str) -> str:
    try:
        if text:
            check_shared_secret(text, "")
    except InvalidValueError:
        raise ValueError("must be whsec_ and the base64 of 24 to 64 bytes") from None
    return text


OperatorUri = Annotated[str, AfterValidator(_operator_uri)]
OperatorSecret = Annotated[str, AfterValidator(_operator_secret)]


class Settings(BaseModel):
    """The settings of every role."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True
    )

    home: Path = Field(
        default=Path(".portcall"), alias="PORTCALL_HOME", description="Where Portcall keeps files."
    )
    amqp_url: AmqpUrl = Field(alias="PORTCALL_AMQP_URL", repr=False, description="The broker.")
    database_url: DatabaseUrl = Field(
        alias="PORTCALL_DATABASE_URL",
        repr=False,
        description="The store: sqlite:///file or postgresql://…",
    )
    token: str = Field(
        alias="PORTCALL_TOKEN",
        min_length=16,
        repr=False,
        description="The administrator's token, at least 16 characters.",
    )
    shards: int = Field(
        default=2,
        ge=1,
        le=64,
        alias="PORTCALL_SHARDS",
        description="Number of queues that share the deliveries; the same for all processes.",
    )
    retry_schedule_ms: ScheduleMs = Field(
        default=DEFAULT_SCHEDULE,  # type: ignore[arg-type]  # validated like the variable's text
        alias="PORTCALL_RETRY_SCHEDULE",
        description="The delay before each attempt after the first; its length is the limit.",
    )
    record_retention_ms: DurationMs = Field(
        default="7d",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_RECORD_RETENTION",
        description="How long the store keeps records.",
    )
    health_bind: Address = Field(
        default="127.0.0.1:0",  # type: ignore[assignment]  # validated like the variable's text
        alias="PORTCALL_HEALTH_BIND",
        description="Address of /live, /ready and /metrics; port 0 is any free one.",
    )
    insecure_bind: Servers = Field(
        default=frozenset(),
        alias="PORTCALL_INSECURE_BIND",
        description="Which of health, management and producer may serve other machines without"
        " TLS: a list with commas, or all.",
    )
    auth_failures_per_s: float = Field(
        default=AUTH_FAILURES_PER_S,
        ge=0,
        le=100_000,
        alias="PORTCALL_AUTH_FAILURES_PER_S",
        description="Failed authentications a second from one address until further ones get 429;"
        " ten seconds' worth at once; 0: no limit.",
    )
    run_file: Path | None = Field(
        default=None,
        alias="PORTCALL_RUN_FILE",
        description="A file for the process's pid and addresses.",
    )
    log_level: str = Field(
        default="info", pattern="^(debug|info|warning|error)$", alias="PORTCALL_LOG_LEVEL"
    )
    log_format: str = Field(
        default="auto", pattern="^(auto|json|console)$", alias="PORTCALL_LOG_FORMAT"
    )
    tracing: bool = Field(
        default=False,
        alias="PORTCALL_TRACING",
        description="Whether events are traced; OpenTelemetry's own variables say where spans go.",
    )

    @model_validator(mode="after")
    def _check_binds(self) -> Self:
        """Refuse plain HTTP beyond the loopback, unless the settings allow it explicitly."""
        for name, field in type(self).model_fields.items():
            bind, variable = getattr(self, name), field.alias or ""
            server = variable.removeprefix("PORTCALL_").removesuffix("_BIND").lower()
            plain = isinstance(bind, HostPort) and server in SERVERS - self.insecure_bind
            if plain and not is_loopback(bind.host):
                raise ValueError(
                    f"{variable}: {bind} can be reached from other machines, and tokens would"
                    " travel in the clear: listen on 127.0.0.1, behind a proxy that speaks TLS, or"
                    f" set PORTCALL_INSECURE_BIND={server} if the network is to be trusted"
                )
        return self

    @property
    def rungs_ms(self) -> tuple[int, ...]:
        """The rungs of the wait ladder for the schedule."""
        return rungs_for(self.retry_schedule_ms)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings of this class; an empty variable counts as unset.

        Raises:
            SettingsError: A variable, or a file with a secret, is missing or wrong; the message has
                a line for each.
        """
        environ = with_secret_files(environ)
        aliases = {field.alias for field in cls.model_fields.values()}
        values = {name: value for name, value in environ.items() if name in aliases and value}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            lines = [
                ": ".join([*map(str, problem["loc"][:1]), _words(problem["msg"])])
                for problem in error.errors(include_url=False, include_input=False)
            ]
            raise SettingsError("\n".join(lines)) from error


class KeySettings(Settings):
    """The settings of the roles that decrypt secrets."""

    encryption_key: str = Field(
        default="",
        alias="PORTCALL_ENCRYPTION_KEY",
        repr=False,
        description="32 bytes in base64 or hex; several with commas: the first one seals.",
    )
    encryption_key_file: Path | None = Field(
        default=None,
        alias="PORTCALL_ENCRYPTION_KEY_FILE",
        description="A file with such keys, one on each line.",
    )


class SealedSettings(KeySettings):
    """The settings of the roles that decrypt the secrets of webhooks."""

    operator_uri: OperatorUri = Field(
        default="",
        alias="PORTCALL_OPERATOR_WEBHOOK_URI",
        repr=False,
        description="Receives a POST when a webhook disables itself.",
    )
    operator_secret: OperatorSecret = Field(
        default="",
        alias="PORTCALL_OPERATOR_WEBHOOK_SECRET",
        repr=False,
        description="Signs those POSTs: whsec_ and the base64 of 24 to 64 bytes.",
    )


def _words(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Field required", "must be set")
