"""The plan of `portcall up`, made from the environment before anything starts."""

import datetime as dt
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from portcall.cli.errors import UpError, UsageError
from portcall.cli.home import Home
from portcall.cli.ports import free_ports, is_free, reserve
from portcall.deliverer.settings import DelivererSettings
from portcall.management.settings import ManagementSettings
from portcall.management.tls.context import files_of
from portcall.management.tls.files import LocalFiles, OwnFiles
from portcall.producer.settings import ProducerSettings, tls_of
from portcall.router.settings import RouterSettings
from portcall.runtime.settings import HostPort, Settings
from portcall.runtime.trust import installation_context
from portcall.schemas.topology import Topology, topology

ALLOW_TARGETS = "127.0.0.0/8,::1/128"
"""The default networks that webhooks may send to: a first consumer usually runs on this machine."""
OWN_NODE_DIRECT_WEBHOOKS = "50000"
"""With a node of its own: `portcall up` replaces all roles at once, and the node is no cluster. So
two of the three prices of the direct way (docs/decisions/0057) are not paid."""
MANAGEMENT_BIND = "PORTCALL_MANAGEMENT_BIND"
TLS_BIND = "PORTCALL_MANAGEMENT_TLS_BIND"
PRODUCER_BIND = "PORTCALL_PRODUCER_BIND"
PRODUCER_TLS_BIND = "PORTCALL_PRODUCER_TLS_BIND"
_UNKNOWN_YET = "amqp://private-node-not-started-yet/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that is decided before the start.

    Attributes:
        home: The installation's folder.
        environ: The environment of every role; without the URL of a private broker.
        processes: How many processes each role has.
        compact: Whether one process runs all roles instead.
        amqp_url: The external broker; empty: a private node.
        database_url: The store.
        token: The administrator's.
        management_url: The address of the management role.
        management_tls_url: The same over TLS; None: without TLS.
        tls: The certificate files; None: without TLS.
        producer_url: The address of the producer.
        producer_tls_url: The same over TLS; None: without TLS.
        allow_targets: The networks, not public, that webhooks may send to.
        attempt_timeout_s: The time limit of one attempt, which also limits stopping.
        topology: What the roles need at the broker.
        log_level: The log level of this process.
        log_format: The log format of this process.
    """

    home: Home
    environ: Mapping[str, str]
    processes: Mapping[str, int]
    compact: bool
    amqp_url: str
    database_url: str
    token: str
    management_url: str
    management_tls_url: str | None
    tls: LocalFiles | OwnFiles | None
    producer_url: str
    producer_tls_url: str | None
    allow_targets: str
    attempt_timeout_s: float
    topology: Topology
    log_level: str
    log_format: str

    @property
    def ca_file(self) -> Path | None:
        """Return the CA that clients need; None: a publicly trusted one, or no TLS."""
        found = self.tls.ca_file if self.tls else None
        return found and found.resolve()

    @property
    def console_url(self) -> str:
        """Return the address of the console."""
        from portcall.management.http.routes import CONSOLE  # noqa: PLC0415 (with all of management: 0.6 s before the start)

        return f"{self.management_url}{CONSOLE}"

    def prepare_tls(self) -> None:
        """Create the CA and the certificate, or check the user's own.

        Raises:
            SettingsError: They cannot be used.
        """
        if self.tls is not None:
            self.tls.ensure(dt.datetime.now(dt.UTC))

    def environ_for(self, amqp_url: str) -> dict[str, str]:
        """Return the environment of every role, with its broker."""
        return {**self.environ, "PORTCALL_AMQP_URL": amqp_url}


def make_plan(
    home: Home,
    environ: Mapping[str, str],
    *,
    routers: int,
    deliverers: int,
    compact: bool = False,
) -> Plan:
    """Decide everything, and check every role's settings.

    Raises:
        SettingsError: A variable is wrong; the message has a line for each.
        UpError: An address to listen on is taken.
        UsageError: A compact process has one router and one deliverer.
    """
    if compact and (routers, deliverers) != (1, 1):
        raise UsageError("--compact runs one router and one deliverer: leave out the other options")
    env = roles_environment(environ, home)
    checked = {**env, "PORTCALL_AMQP_URL": env.get("PORTCALL_AMQP_URL") or _UNKNOWN_YET}
    RouterSettings.from_environment(checked)
    deliverer = DelivererSettings.from_environment(checked)
    installation_context(deliverer.trust_files.read())  # every deliverer would exit because of it
    settings = ManagementSettings.from_environment(checked)
    producing = ProducerSettings.from_environment(checked)
    tls_of(producing)  # every producer would exit because of a wrong file
    binds = {
        MANAGEMENT_BIND: settings.bind,
        TLS_BIND: settings.tls_bind,
        PRODUCER_BIND: producing.bind,
        PRODUCER_TLS_BIND: producing.tls_bind,
    }
    check_free(binds)
    for wanted in binds.values():
        if wanted and wanted.port:
            reserve(wanted.port)  # before another address, or the node, gets it
    management = _definite(settings.bind)
    tls = settings.tls_bind and _definite(settings.tls_bind)
    producer = _definite(producing.bind)
    producer_tls = producing.tls_bind and _definite(producing.tls_bind)
    return Plan(
        home=home,
        environ={
            **env,
            MANAGEMENT_BIND: str(management),
            TLS_BIND: str(tls or "none"),
            PRODUCER_BIND: str(producer),
            "PORTCALL_PRODUCER_TLS_URL": env.get("PORTCALL_PRODUCER_TLS_URL")
            or (client_url(producer_tls, "https") if producer_tls else ""),
            "PORTCALL_PRODUCER_URL": env.get("PORTCALL_PRODUCER_URL") or client_url(producer),
            PRODUCER_TLS_BIND: str(producer_tls or "none"),
            "PORTCALL_OWN_PORTS": ",".join(
                str(own.port) for own in (management, producer, tls, producer_tls) if own
            ),
        },
        processes={
            "producer": 1,
            "router": routers,
            "deliverer": deliverers,
            "recorder": 1,
            "management": 1,
        },
        compact=compact,
        amqp_url=env.get("PORTCALL_AMQP_URL", ""),
        database_url=env["PORTCALL_DATABASE_URL"],
        token=env["PORTCALL_TOKEN"],
        management_url=client_url(management),
        management_tls_url=client_url(tls, "https") if tls else None,
        tls=files_of(settings) if tls else None,
        producer_url=client_url(producer),
        producer_tls_url=client_url(producer_tls, "https") if producer_tls else None,
        allow_targets=env["PORTCALL_ALLOW_TARGETS"],
        attempt_timeout_s=deliverer.attempt_timeout_ms / 1000,
        topology=_topology(deliverer),
        log_level=deliverer.log_level,
        log_format=deliverer.log_format,
    )


def roles_environment(environ: Mapping[str, str], home: Home) -> dict[str, str]:
    """Return the environment for every role: this process's, with the defaults filled in."""
    env = {name: value for name, value in environ.items() if value}
    env["PORTCALL_HOME"] = str(home.path)
    env["PORTCALL_HEALTH_BIND"] = "127.0.0.1:0"
    env.setdefault("PORTCALL_DATABASE_URL", home.database_url)
    env.setdefault("PORTCALL_ALLOW_TARGETS", ALLOW_TARGETS)
    if "PORTCALL_AMQP_URL" not in env:
        env.setdefault("PORTCALL_DIRECT_WEBHOOKS", OWN_NODE_DIRECT_WEBHOOKS)
    if "PORTCALL_TOKEN" not in env:
        env["PORTCALL_TOKEN"] = home.token()
    return env


def client_url(address: HostPort, scheme: str = "http") -> str:
    """Return the URL by which a local client reaches a server that listens on *address*."""
    host = address.host
    try:
        if ipaddress.ip_address(host).is_unspecified:
            host = "::1" if ":" in host else "127.0.0.1"
    except ValueError:
        pass  # a name
    return f"{scheme}://{HostPort(host=host, port=address.port)}"


def check_free(binds: Mapping[str, HostPort | None]) -> None:
    """Check that every address can be listened on; the error names all that cannot, at once.

    Args:
        binds: The addresses by their variables; None: not wanted; port 0: any free one.

    Raises:
        UpError: Another process listens there, it is not an address of this machine, or two
            variables name the same one.
    """
    taken = [
        f"{variable}={wanted}"
        for variable, wanted in binds.items()
        if wanted and wanted.port and not is_free(wanted.host, wanted.port)
    ]
    if taken:
        raise UpError(
            f"cannot listen on {', '.join(taken)}: another process uses it, or it is not an address"
            " of this machine. Choose others with these variables, as HOST:PORT (port 0: any free"
            " port); `ss -ltnp` shows who listens"
        )
    wanted = [str(each) for each in binds.values() if each and each.port]
    twice = {each for each in wanted if wanted.count(each) > 1}
    if twice:
        named = ", ".join(name for name, each in binds.items() if str(each) in twice)
        raise UpError(f"{named} name the same address: give each its own")


def _definite(wanted: HostPort) -> HostPort:
    """Return a definite address: port 0 is replaced, so that a restarted role keeps its port."""
    if wanted.port == 0:
        return HostPort(host=wanted.host, port=free_ports(1)[0])
    return wanted


def _topology(settings: Settings) -> Topology:
    return topology(
        shards=settings.shards,
        rungs_ms=settings.rungs_ms,
    )
