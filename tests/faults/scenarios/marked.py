"""A canary run: faults and bad input with marked secrets; then every place is searched for them."""

import asyncio
import base64
import json
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from portcall.runtime.broker.publisher import Publisher
from portcall.schemas.topology import DEAD, DELIVER, EVENTS, LOG, deliver_key, topology, wait_rung
from portcall.store.access.key_texts import private_pem
from portcall.store.engine import open_store
from portcall.store.secrets.keys import KeySource
from tests.canary import Canary
from tests.faults.harness import places
from tests.faults.harness.lab import Lab
from tests.faults.harness.mirror import ANSWERS, Mirror
from tests.faults.harness.stores import sqlite_locked
from tests.faults.scenarios.marked_commands import said_by_commands
from tests.faults.scenarios.marked_input import bad_answers
from tests.installation import IN_FORCE_S, push_event
from tests.sink import eventually

RUNGS = (500,)
SETTLE_S = 40.0
HIDDEN = "http://10.255.255.1/echo"
"""An address that is refused."""


@dataclass
class Marked:
    """A canary run on a lab.

    Args:
        lab: Where; its environment has marked secrets.
        canary: Knows them.
        mirror: What the webhooks lead to.
        header: A custom header that is masked in records.
        every_command: 1: all commands are run, each of which takes a second; 3: a third of them.

    Attributes:
        answers: What both servers and the command said, but for what is told once.
    """

    lab: Lab
    canary: Canary
    mirror: Mirror
    header: str = "X-Team"
    every_command: int = 1
    answers: list[bytes] = field(default_factory=list)
    registry: str = ""
    _endings: dict[str, str] = field(default_factory=dict)

    async def run(self) -> None:
        """Everything in turn."""
        ready = self.lab.installation.ready
        for name in ("token", "client_secret"):
            self.canary.know(name, ready[name])
        self.registry = await self.lab.client.new_registry()
        await self._make_webhooks()
        await asyncio.to_thread(self._know_what_is_sealed)
        await self._use_tokens()
        await self._harm()
        await self.send_bad_input()
        await self._poison()
        await self._until_ended()
        await self._look_around()

    async def _make_webhooks(self) -> None:
        """Of each kind of endpoint two: one with user info, one with headers; all sign."""
        mark, here = self.canary.mark, f"127.0.0.1:{self.mirror.port}"
        uris = {kind: f"http://{{}}{here}/{kind}" for kind in ANSWERS}
        uris["tls"] = f"https://{{}}{here}/echo"
        uris["closed"] = "http://{}127.0.0.1:9/echo"
        uris["hidden"] = HIDDEN.replace("//", "//{}")
        for kind, uri in uris.items():
            secret = base64.b64encode(mark(f"sign {kind}").encode()).decode()
            user = f"{mark(f'user {kind}')}:{mark(f'pass {kind}')}@"
            await self._put(f"user{kind}", uri.format(user), secret=f"whsec_{secret}")
            headers = {
                "Authorization": f"Bearer {mark(f'bearer {kind}')}",
                self.header: mark(f"header {kind}"),
            }
            await self._put(f"head{kind}", uri.format(""), headers, secret="generate v1a")  # noqa: S106 (none)
        await asyncio.sleep(IN_FORCE_S)

    async def _put(
        self, name: str, uri: str, headers: Mapping[str, str] | None = None, *, secret: str
    ) -> None:
        path = f"{self.lab.client.registry_path(self.registry)}/webhooks/{name}"
        own = {"secret": secret} if secret.startswith("whsec_") else {}
        properties = {
            "serviceUri": uri,
            "actions": ["push"],
            "customHeaders": headers or {},
            "portcall": own,
        }
        body = {"location": "local", "properties": properties}
        status, told = await self.lab.client.manage("PUT", path, body)
        assert status in {200, 201}, told
        if not own:
            status, told = await self.lab.client.manage(
                "POST", f"{path}/rotateSecret", {"signature": "v1a"}
            )
            assert status == 200, told

    def _know_what_is_sealed(self) -> None:
        """What only the store and we know: private keys, and what was made for webhooks."""
        environ = self.lab.installation.environ
        source = KeySource.of(environ, self.lab.installation.home)
        store = open_store(self.lab.installation.ready["database_url"], source.vault())
        for row in store.webhooks.list(self.registry, limit=100):
            self.canary.know(f"what signs {row.name}", row.secret.partition("_")[2])
        pem = private_pem(store.signing_keys.signing().private).splitlines()[1:-1]
        for number, line in enumerate(pem):
            self.canary.know(f"signing key, line {number}", line)
        store.close()

    async def _use_tokens(self) -> None:
        """A publisher that logs in, publishes, and is revoked; its secrets are told once each."""
        ready = self.lab.installation.ready
        body = {"name": "canary", "role": "publisher", "registry": self.registry}
        status, made = await self.lab.client.manage("POST", "/portcall/tokens", body)
        assert status == 201, made
        secret = self.canary.know("publisher's secret", made["clientSecret"])
        form = {
            "grant_type": "client_credentials",
            "client_id": made["clientId"],
            "client_secret": secret,
            "scope": "https://management.local.azurecr//.default",
        }
        url = f"{ready['management_url']}/adfs/oauth2/token"
        async with self.lab.http.post(url, data=form) as answer:
            told = await answer.json()
        token = self.canary.know("access token", told["access_token"])
        self.canary.know("its signature", token.rpartition(".")[2])
        for each in (secret, token, token[:-9] + self.canary.mark("forged")):
            await self._publish(each)
        await self.lab.client.manage("POST", f"/portcall/tokens/{made['clientId']}/revoke")
        await eventually(
            lambda: self._refused(secret), within_s=5, what="the revoked token is refused"
        )

    async def _refused(self, token: str) -> bool:
        return await self._publish(token) == 401

    async def _publish(self, token: str) -> int:
        url = f"{self.lab.installation.ready['producer_url']}/registries/{self.registry}/events"
        headers = {"Authorization": f"Bearer {token}"}
        async with self.lab.http.post(url, json=push_event(), headers=headers) as answer:
            self.answers.append(await answer.read())
            return answer.status

    async def _harm(self) -> None:
        """Whoever has secrets in hand is killed, the broker hangs, the store is locked."""
        for whom in ("deliverer", "producer", "management", "router", "recorder"):
            await self._publish_anyway()
            self.lab.injector.send(signal.SIGKILL, whom)
            await asyncio.sleep(0.3)
        await eventually(self.lab.all_ready, within_s=30, what="all are back")
        freezing = asyncio.create_task(self.lab.injector.freeze("rabbitmq", 2.0))
        await self._publish_anyway()
        await freezing
        if self.lab.installation.ready["database_url"].startswith("sqlite"):
            async with sqlite_locked(self.lab):
                await self._publish_anyway()
                await asyncio.sleep(3.0)
        await eventually(self.lab.all_ready, within_s=30, what="all are ready again")
        await self._publish_anyway()

    async def _publish_anyway(self) -> None:
        try:
            await asyncio.wait_for(self._publish(self.lab.installation.ready["token"]), 10)
        except (aiohttp.ClientError, TimeoutError) as error:
            self.answers.append(repr(error).encode())

    async def send_bad_input(self) -> None:
        """The tables of bad input, with the marked token; and bad secrets, which are marked."""
        told = await asyncio.to_thread(
            bad_answers, self.lab.installation.ready, self.registry, self.canary
        )
        self.answers += told

    async def _poison(self) -> None:
        """Messages that nobody can read."""
        for body in (b"\xff\0 no frame", b'{"webhooks": 1}'):
            await self._send({DELIVER: body, EVENTS: body})

    async def _until_ended(self) -> None:
        """Until each webhook has a delivery that has ended."""
        await self._publish_anyway()
        client, names = self.lab.client, await self._names()

        async def ended() -> bool:
            for name in [name for name in names if name not in self._endings]:
                for record in await client.list_events(self.registry, name):
                    if record["portcall"]["outcome"] != "retried":
                        self._endings[name] = record["portcall"]["outcome"]
            return len(self._endings) == len(names)

        await eventually(ended, within_s=SETTLE_S, what="every webhook has been attempted")
        assert set(self._endings.values()) == {"delivered", "given_up"}
        assert self._endings["userecho"] == "delivered"

    async def _names(self) -> list[str]:
        path = f"{self.lab.client.registry_path(self.registry)}/webhooks"
        _, told = await self.lab.client.manage("GET", path)
        return [each["name"] for each in told["value"]]

    async def _look_around(self) -> None:
        """Ask for everything that shows webhooks, by the API and by the command."""
        client, base = self.lab.client, self.lab.client.registry_path(self.registry)
        asked = [base, f"{base}/webhooks", f"{base}/listUsages", "/portcall/tokens"]
        for name in await self._names():
            asked += [f"{base}/webhooks/{name}", f"{base}/webhooks/{name}/publicKeys"]
            records = await client.list_events(self.registry, name)
            self.answers.append(json.dumps(records).encode())
        for path in asked:
            self.answers.append(json.dumps(await client.manage("GET", path)).encode())
        self.answers += await said_by_commands(
            self.lab.installation, self.registry, self.canary, every=self.every_command
        )

    async def plant(self) -> None:
        """Put a mark of its own into every kind of place: whoever searches must find them all."""
        mark, installation = self.canary.mark, self.lab.installation
        self.answers.append(mark("in an answer").encode())
        with installation.log.open("ab") as log:
            log.write(json.dumps({"event": mark("in a log")}).encode() + b"\n")
        registry = mark("in a metric")
        await self.lab.client.manage(
            "PUT",
            self.lab.client.registry_path(registry),
            {"location": "local", "sku": {"name": "Basic"}, "tags": {"a": mark("in a row")}},
        )
        body = base64.b64encode(f"1{mark('in a message')}".encode())
        await self._send({DEAD: body, LOG: b"[%b]" % body, wait_rung(43_200_000): body})
        (installation.home / "left.tmp").write_bytes(mark("in a file").encode().hex().encode())
        url = f"{installation.ready['producer_url']}/registries/{registry}/events"
        headers = {"Authorization": f"Bearer {installation.ready['token']}"}
        async with self.lab.http.post(url, json=push_event(), headers=headers) as answer:
            assert answer.status == 202

    async def _send(self, bodies: Mapping[str, bytes]) -> None:
        """Publish a message to each of these exchanges, under a key that leads somewhere."""
        publisher = Publisher(self.lab.installation.ready["amqp_url"], name="canary")
        running = asyncio.create_task(publisher.run())
        await eventually(lambda: publisher.problem is None, within_s=10, what="connected")
        for exchange, body in bodies.items():
            await publisher.publish_surely(body, exchange=exchange, key=deliver_key(0))
        running.cancel()

    async def places(self) -> dict[str, bytes]:
        """What is to be searched."""
        installation = self.lab.installation
        ready = installation.ready
        wanted = [queue.name for queue in topology(shards=2, rungs_ms=RUNGS).queues]
        return {
            "answers": b"\n".join(self.answers),
            "logs": installation.log.read_bytes(),
            "rows": places.rows(ready["database_url"]),
            "command lines": places.command_lines(),
            "environments": places.environments(installation.home),
            **dict(places.files(installation.home)),
            **await places.metrics(installation, self.lab.http),
            **await places.messages(ready["amqp_url"], wanted),
        }


def environ_of(canary: Canary) -> dict[str, str]:
    """An environment with marked secrets, for roles that say all they can say."""
    key = canary.mark("encryption key").ljust(32, "k")[:32]
    return {
        "PORTCALL_TOKEN": canary.mark("administrator"),
        "PORTCALL_IDENTITY_HEADER": canary.mark("identity"),
        "PORTCALL_ENCRYPTION_KEY": base64.b64encode(
            canary.know("whole key", key).encode()
        ).decode(),
        "PORTCALL_LOG_LEVEL": "debug",
        "PORTCALL_LOG_FORMAT": "json",
        "PORTCALL_MASK_HEADERS": "all",
        "PORTCALL_RETRY_SCHEDULE": "500ms",
        "PORTCALL_ATTEMPT_TIMEOUT": "1s",
        "PORTCALL_AUTH_FAILURES_PER_S": "0",
    }
