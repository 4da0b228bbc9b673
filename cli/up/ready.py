"""``ready.json``: the addresses and processes of a running installation."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from portcall.cli.home import write_private
from portcall.cli.up.stages import COMPACT
from portcall.cli.up.stages import ROLES as HOSTED
from portcall.cli.up.supervisor import Service

ROLES = (*HOSTED, "rabbitmq")


@dataclass(frozen=True, slots=True)
class Addresses:
    """The constant values of a running `portcall up`; one key of the file each."""

    management_url: str
    management_tls_url: str | None
    ca_file: str | None
    producer_url: str
    console_url: str
    amqp_url: str
    database_url: str
    token: str
    client_id: str
    client_secret: str
    tenant: str
    subscription: str
    resource_group: str
    producer_tls_url: str | None = None


class ReadyFile:
    """The file: written when everything is ready, kept current, removed at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._addresses: Addresses | None = None

    def publish(self, addresses: Addresses, services: Sequence[Service]) -> None:
        """Write the file for the first time."""
        self._addresses = addresses
        self.update(services)

    def update(self, services: Sequence[Service]) -> None:
        """Write the pids again, if the file exists."""
        if self._addresses is not None:
            write_private(self._path, ready_text(self._addresses, services))

    def remove(self) -> None:
        """Remove the file, even one that a killed predecessor left."""
        self._addresses = None
        self._path.unlink(missing_ok=True)


def ready_text(addresses: Addresses, services: Sequence[Service]) -> str:
    """Return the file's text; null for what this installation does not have.

    ``producer_tls_url`` is there only if the producer has TLS.
    """
    processes = [(role, each.pid) for each in services for role in roles_of(each)]
    document = {
        "management_url": addresses.management_url,
        "management_tls_url": addresses.management_tls_url,
        "ca_file": addresses.ca_file,
        "producer_url": addresses.producer_url,
        **({"producer_tls_url": own_tls} if (own_tls := addresses.producer_tls_url) else {}),
        "console_url": addresses.console_url,
        "amqp_url": addresses.amqp_url,
        "database_url": addresses.database_url,
        "token": addresses.token,
        "client_id": addresses.client_id,
        "client_secret": addresses.client_secret,
        "tenant": addresses.tenant,
        "subscription": addresses.subscription,
        "resource_group": addresses.resource_group,
        "processes": [
            {"role": role, "pid": pid}
            for role, pid in sorted(processes, key=lambda process: ROLES.index(process[0]))
            if pid is not None
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def roles_of(service: Service) -> Sequence[str]:
    """Return the roles that a service runs."""
    return HOSTED if service.role == COMPACT else (service.role,)
