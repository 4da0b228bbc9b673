"""Roles as processes of their own, on a virtual host and a SQLite store that they share."""

import asyncio
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from portcall.cli.up.broker import PrivateBroker
from portcall.runtime.broker import declaring
from portcall.schemas.topology import rungs_for
from portcall.schemas.topology import topology as make_topology
from portcall.schemas.webhooks import Sku
from portcall.store.engine import open_store
from tests.patience import SLOWEST
from tests.rabbit import ErlangShell

TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 (of the tests alone)
SUBSCRIPTION = "3c1e7b52-4f6a-4c0d-9b1e-5a2f8d7c6b40"
TENANT = "0d9f5a3e-1b2c-4d5e-8f90-a1b2c3d4e5f6"
REGISTRIES = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/portcall"
    "/providers/Microsoft.ContainerRegistry/registries"
)
WHOLE = make_topology(shards=1, rungs_ms=rungs_for((1_000,)))
START_S = SLOWEST * 60.0
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Roles:
    """Roles that run.

    Attributes:
        urls: Where they serve, by name.
        database: The file of their store.
        amqp_url: Their broker.
    """

    urls: dict[str, str]
    database: Path
    amqp_url: str

    def depths(self) -> dict[str, int | None]:
        """How many messages are in each queue."""
        return asyncio.run(declaring.depths(self.amqp_url, [queue.name for queue in WHOLE.queues]))

    def restock(self) -> None:
        """Have a registry ``Alpha`` with a webhook ``webhook01``, whatever happened to them."""
        store = open_store(f"sqlite:///{self.database}")
        group = "portcall"
        store.registries.put(
            "Alpha", location="westus", sku=Sku.PREMIUM, tags={}, resource_group=group
        )
        store.webhooks.put(
            "Alpha",
            "webhook01",
            location="westus",
            tags={},
            uri="http://127.0.0.1:9/",
            headers={},
            actions=1,
        )
        store.close()


@contextmanager
def running_roles(
    names: tuple[str, ...],
    folder: Path,
    *,
    broker: PrivateBroker,
    shell: ErlangShell,
    migrated: Path,
) -> Iterator[Roles]:
    """Run the roles of these names until the end of the block."""
    vhost = f"surface{next(_numbers)}"
    shell.add_vhost(vhost, broker.user)
    amqp_url = f"{broker.url}{vhost}"
    asyncio.run(declaring.apply(amqp_url, WHOLE))
    database = folder / "portcall.db"
    shutil.copyfile(migrated, database)
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE installation SET subscription = :subscription, tenant = :tenant"),
            {"subscription": SUBSCRIPTION, "tenant": TENANT},
        )
    engine.dispose()
    roles = Roles({}, database, amqp_url)
    roles.restock()
    with ExitStack() as stack:
        started = [stack.enter_context(_running(name, folder, roles)) for name in names]
        for role in started:
            roles.urls.update(role.wait_until_ready())
        yield roles
    shell.delete_vhost(vhost)


@dataclass(frozen=True)
class _Role:
    process: subprocess.Popen[bytes]
    run_file: Path
    log: Path

    def wait_until_ready(self) -> dict[str, str]:
        """Where it serves."""
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.process.poll() is None:
            if self.run_file.exists() and _is_ready(self._told()["health_url"]):
                urls: dict[str, str] = self._told()["urls"]
                return urls  # read once more: by then all of them stand there
            time.sleep(0.05)
        raise AssertionError(self.log.read_text()[-2000:])

    def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.run_file.read_text())
        return told


@contextmanager
def _running(name: str, folder: Path, roles: Roles) -> Iterator[_Role]:
    run_file, log = folder / f"{name}.json", folder / f"{name}.log"
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PORTCALL_")}
    environ |= {
        "PORTCALL_HOME": str(folder),
        "PORTCALL_AMQP_URL": roles.amqp_url,
        "PORTCALL_DATABASE_URL": f"sqlite:///{roles.database}",
        "PORTCALL_TOKEN": TOKEN,
        "PORTCALL_IDENTITY_HEADER": TOKEN,
        "PORTCALL_SHARDS": "1",
        "PORTCALL_AUTH_FAILURES_PER_S": "0",
        "PORTCALL_RETRY_SCHEDULE": "1s",
        "PORTCALL_MANAGEMENT_BIND": "127.0.0.1:0",
        "PORTCALL_MANAGEMENT_TLS_BIND": "127.0.0.1:0",
        "PORTCALL_PRODUCER_BIND": "127.0.0.1:0",
        "PORTCALL_ALLOW_TARGETS": "127.0.0.0/8",
        "PORTCALL_RUN_FILE": str(run_file),
        "PORTCALL_LOG_FORMAT": "json",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 (our own role)
            [sys.executable, "-m", f"portcall.{name}"], env=environ, stdout=output, stderr=output
        )
        try:
            yield _Role(process, run_file, log)
        finally:
            process.terminate()
            assert process.wait(timeout=30) == 0, log.read_text()[-2000:]


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ready", timeout=5) as answer:  # noqa: S310 (http)
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except (urllib.error.URLError, TimeoutError):
        return False


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A socket on the loopback that connections can be made to."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def connections(made: socket.socket, *, within_s: float) -> int:
    """How many connections come to *made*; ends with the first."""
    made.settimeout(within_s)
    try:
        connection, _ = made.accept()
    except TimeoutError:
        return 0
    connection.close()
    return 1
