"""A running `portcall up` for tests, and what one asks of it."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from portcall.cli import children
from tests import ROOT
from tests.patience import SLOWEST

API_VERSION = "2025-11-01"
START_S = SLOWEST * 60.0
IN_FORCE_S = 2.0
"""A webhook is in force for what is accepted so long after the answer to its PUT."""
_names = itertools.count(1)

Document = dict[str, Any]


def new_name(prefix: str) -> str:
    """A name that no other test of this run has."""
    return f"{prefix}{next(_names)}x{os.getpid()}"


class Installation:
    """`portcall up` as a process, in a home of its own and on free ports.

    Args:
        home: Its PORTCALL_HOME.
        environ: What differs from the defaults of these tests.
        arguments: Of `portcall up`.
    """

    def __init__(
        self, home: Path, environ: dict[str, str] | None = None, arguments: tuple[str, ...] = ()
    ) -> None:
        self.home = home
        kept = {name: text for name, text in os.environ.items() if not name.startswith("PORTCALL_")}
        self.environ = {
            **kept,
            "PORTCALL_HOME": str(home),
            "PORTCALL_MANAGEMENT_BIND": "127.0.0.1:0",
            "PORTCALL_MANAGEMENT_TLS_BIND": "127.0.0.1:0",
            "PORTCALL_PRODUCER_BIND": "127.0.0.1:0",
            "PORTCALL_RETRY_SCHEDULE": "1s,1s,2s",
            "PYTHONPATH": str(ROOT),
            **(environ or {}),
        }
        self._arguments = arguments
        self.log = home.with_name(f"{home.name}.log")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def ready(self) -> Document:
        """What ready.json says now."""
        document: Document = json.loads((self.home / "ready.json").read_text())
        return document

    def pids(self, role: str) -> list[int]:
        return [entry["pid"] for entry in self.ready["processes"] if entry["role"] == role]

    def launch(self) -> None:
        """Start it, and do not wait."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 (our own program)
                ["setpriv", "--pdeathsig", "KILL", "--", *self.command("up", *self._arguments)],  # noqa: S607
                env=self.environ,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def start(self, within_s: float = START_S) -> None:
        """Start it, and wait for ready.json; that of a killed predecessor does not count."""
        (self.home / "ready.json").unlink(missing_ok=True)
        self.launch()
        assert self.process is not None
        end = time.monotonic() + within_s
        while not (self.home / "ready.json").exists():
            assert self.process.poll() is None, f"it ended:\n{self.said()}"
            assert time.monotonic() < end, f"it does not get ready:\n{self.said()}"
            time.sleep(0.1)

    def stop(self, number: signal.Signals = signal.SIGTERM, *, within_s: float = 20) -> int:
        """Send it a signal, and give its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        try:
            return self.process.wait(timeout=within_s)
        finally:
            self.process.kill()
            self.process.wait()

    def clean_up(self) -> None:
        """End it however it is."""
        if self.process is not None and self.process.poll() is None:
            self.stop()

    def left_over(self) -> list[int]:
        """Processes that are still there although it ended."""
        marks = (self.home.resolve(), self.home.resolve() / "rabbitmq")
        return [pid for mark in marks for pid in children.left_over(str(mark))]

    def said(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return [sys.executable, "-P", "-m", "portcall.cli.main", *arguments]

    async def portcall(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command of the command line; gives exit code, standard output and error."""
        process = await asyncio.create_subprocess_exec(
            *self.command(*arguments),
            env=self.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()


@contextmanager
def running(home: Path, environ: dict[str, str] | None = None) -> Iterator[Installation]:
    """An installation for the time of a block; one that does not get ready is ended, too.

    Args:
        home: Its PORTCALL_HOME.
        environ: What differs from the defaults of these tests.
    """
    installation = Installation(home, environ)
    try:
        installation.start()
        yield installation
    finally:
        installation.clean_up()


class Client:
    """Asks an installation's APIs as a test would; every method returns the decoded answer."""

    def __init__(self, installation: Installation, http: aiohttp.ClientSession) -> None:
        self._installation = installation
        self._http = http

    def registry_path(self, registry: str) -> str:
        ready = self._installation.ready
        return (
            f"/subscriptions/{ready['subscription']}/resourceGroups/{ready['resource_group']}"
            f"/providers/Microsoft.ContainerRegistry/registries/{registry}"
        )

    async def manage(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """One call of the management API: status, and the decoded body or None."""
        ready = self._installation.ready
        async with self._http.request(
            method,
            f"{ready['management_url']}{path}",
            params={"api-version": API_VERSION},
            json=body,
            headers={"Authorization": f"Bearer {ready['token']}"},
        ) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None

    async def new_registry(self, sku: str = "Premium") -> str:
        """Create a registry, and give its name."""
        name = new_name("registry")
        status, document = await self.manage(
            "PUT", self.registry_path(name), {"location": "local", "sku": {"name": sku}}
        )
        assert status in {200, 201}, document
        return name

    async def put_webhook(
        self,
        registry: str,
        name: str,
        uri: str,
        *,
        actions: tuple[str, ...] = ("push",),
        **properties: object,
    ) -> Document:
        """Create a webhook; *properties* are ACR's, e.g. ``scope`` or ``customHeaders``."""
        status, document = await self.manage(
            "PUT",
            f"{self.registry_path(registry)}/webhooks/{name}",
            {
                "location": "local",
                "properties": {"serviceUri": uri, "actions": list(actions), **properties},
            },
        )
        assert status in {200, 201}, document
        assert isinstance(document, dict)
        return document

    async def new_webhook(self, registry: str, uri: str, **properties: Any) -> str:  # noqa: ANN401 (put_webhook's)
        """Create a webhook that is in force when this returns, and give its name."""
        name = new_name("hook")
        await self.put_webhook(registry, name, uri, **properties)
        await asyncio.sleep(IN_FORCE_S)
        return name

    async def publish(self, registry: str, events: list[Document]) -> tuple[int, Any]:
        """Publish events in ACR's shape."""
        ready = self._installation.ready
        async with self._http.post(
            f"{ready['producer_url']}/registries/{registry}/events",
            json=events,
            headers={"Authorization": f"Bearer {ready['token']}"},
        ) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None

    async def list_events(self, registry: str, webhook: str, *, top: int = 100) -> list[Document]:
        """Every record of a webhook, newest first; asked for in pages of *top*."""
        path = f"{self.registry_path(registry)}/webhooks/{webhook}/listEvents?%24top={top}"
        status, page = await self.manage("POST", path)
        found: list[Document] = []
        while True:
            assert status == 200, page
            found += page["value"]
            link = page.get("nextLink")
            if not link:
                return found
            status, page = await self._follow(link)

    async def _follow(self, link: str) -> tuple[int, Any]:
        token = self._installation.ready["token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with self._http.get(link, headers=headers) as response:
            return response.status, await response.json()


def push_event(repository: str = "team/app", tag: str = "v1", **fields: object) -> Document:
    """A push in ACR's shape."""
    return {
        "action": "push",
        "target": {"repository": repository, "tag": tag, "digest": "sha256:" + "0" * 64},
        **fields,
    }
