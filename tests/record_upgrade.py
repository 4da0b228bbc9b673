"""Record what an older build leaves behind, for `tests/e2e/test_upgrade.py`.

    git worktree add --detach ../before c23ec55
    (cd ../before && scripts/environment dev)
    .venv/bin/python -m tests.record_upgrade ../before

It runs that build's `portcall up` in an empty home, makes registries, webhooks and tokens, publishes
events, and then stops one role after the other where messages wait for it. In the end everything is
killed, as by a power cut. What it writes to tests/fixtures/upgrade/ is described there.
"""

import asyncio
import datetime as dt
import gzip
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import aio_pika
import aiohttp

from tests import ROOT
from tests.authorities import authority
from tests.broker_messages import Document, drain
from tests.e2e.test_login import log_in
from tests.installation import Client, Installation, push_event
from tests.metrics import described
from tests.sink import Sink, serve_sink

TARGET = ROOT / "tests" / "fixtures" / "upgrade"
CENTURY_DAYS = 36_500
TLS_SINK = "https://127.0.0.1:44300"
HOME_MARK = "/home-of-the-recording"
DEPOT = "Depot"
SHARED = "whsec_" + "c2hhcmVkIHNlY3JldCBvZiBhIHJlY29yZGluZw=="
BEFORE = "whsec_" + "dGhlIHNlY3JldCBiZWZvcmUgdGhlIHJvdGF0aW9u"
AFTER = "whsec_" + "dGhlIHNlY3JldCBhZnRlciBpdHMgcm90YXRpb24u"
PEOPLE = ("administrator", "reader", "publisher")

SAMPLES = {
    "PORTCALL_HOME": "elsewhere",
    "PORTCALL_AMQP_URL": "amqp://user:password@broker.example:5673/vhost",
    "PORTCALL_DATABASE_URL": "postgresql://user:password@db.example/portcall",
    "PORTCALL_TOKEN": "another-token-made-for-tests",
    "PORTCALL_SHARDS": "3",
    "PORTCALL_RETRY_SCHEDULE": "1s,2m",
    "PORTCALL_MAX_AGE": "12h",
    "PORTCALL_DISABLE_AFTER": "6d",
    "PORTCALL_PROBE_AFTER": "2h",
    "PORTCALL_ENCRYPTION_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "PORTCALL_ENCRYPTION_KEY_FILE": "keys/encryption.key",
    "PORTCALL_OPERATOR_WEBHOOK_URI": "https://operator.example/hook",
    "PORTCALL_OPERATOR_WEBHOOK_SECRET": SHARED,
    "PORTCALL_SECRET_OVERLAP": "2h",
    "PORTCALL_RECORD_RETENTION": "8d",
    "PORTCALL_PRODUCER_BIND": "127.0.0.2:1401",
    "PORTCALL_MANAGEMENT_BIND": "127.0.0.2:1400",
    "PORTCALL_MANAGEMENT_TLS_BIND": "none",
    "PORTCALL_TLS_NAMES": "one.example,two.example",
    "PORTCALL_TLS_CERT_FILE": "server.pem",
    "PORTCALL_TLS_KEY_FILE": "server.key",
    "PORTCALL_TLS_CA_FILE": "ca.pem",
    "PORTCALL_IDENTITY_HEADER": "an-identity-header-made-for-tests",
    "PORTCALL_ATTEMPT_TIMEOUT": "7s",
    "PORTCALL_ALLOW_TARGETS": "10.1.0.0/16,::1/128",
    "PORTCALL_MASK_HEADERS": "all",
    "PORTCALL_CA_FILE": "authorities.pem",
    "PORTCALL_CLIENT_CERT_FILE": "client.pem",
    "PORTCALL_CLIENT_KEY_FILE": "client.key",
    "PORTCALL_ALLOW_PORTS": "443,9000-9999",
    "PORTCALL_OWN_PORTS": "8400,8401",
    "PORTCALL_ENDPOINT_CONCURRENCY": "17",
    "PORTCALL_MAX_IN_FLIGHT": "513",
    "PORTCALL_DELIVERER_PREFETCH": "301",
    "PORTCALL_ROUTER_PREFETCH": "51",
    "PORTCALL_HEALTH_BIND": "127.0.0.2:1402",
    "PORTCALL_INSECURE_BIND": "health",
    "PORTCALL_AUTH_FAILURES_PER_S": "21",
    "PORTCALL_RUN_FILE": "run.json",
    "PORTCALL_LOG_LEVEL": "debug",
    "PORTCALL_LOG_FORMAT": "console",
}
"""A value of each variable that is not its default."""

_TOPOLOGY = """
import json
from dataclasses import asdict
from schemas.durations import parse_schedule_ms
from schemas.topology import rungs_for, topology
print(json.dumps(asdict(topology(shards=2, rungs_ms=rungs_for(parse_schedule_ms("1s,1s,2s"))))))
"""
_DELIVERY_ID = """
import json, sys
from schemas.deliveries import delivery_id
print(json.dumps([delivery_id(event, webhook) for event, webhook in json.loads(sys.argv[1])]))
"""


class Before(Installation):
    """`portcall up` of the older build."""

    checkout: Path

    def __init__(self, home: Path) -> None:
        super().__init__(
            home,
            {"PYTHONPATH": str(self.checkout), "PORTCALL_SECRET_OVERLAP": f"{CENTURY_DAYS}d"},
        )

    @classmethod
    def command(cls, *arguments: str) -> list[str]:
        return [str(cls.checkout / ".venv" / "bin" / "portcall"), *arguments]

    def python(self, *arguments: str) -> str:
        """What a program prints that the older build's interpreter runs."""
        done = subprocess.run(  # noqa: S603 (our own program)
            [self.checkout / ".venv" / "bin" / "python", "-P", *arguments],
            env=self.environ, check=True, capture_output=True, text=True, cwd=self.checkout,
        )  # fmt: skip
        return done.stdout

    async def run(self, *arguments: str) -> Any:  # noqa: ANN401 (what it printed)
        code, out, err = await self.portcall(*arguments, "-o", "json")
        assert code == 0, f"{arguments}: {err}"
        return json.loads(out) if out.strip() else None


class Recording:
    """The story, step by step."""

    def __init__(self, before: Before, client: Client, sink: Sink) -> None:
        self.before = before
        self.client = client
        self.sink = sink
        self.ca = authority("Authority of the recording", days=CENTURY_DAYS)
        self.expected: Document = {"sink": sink.url, "tls_sink": TLS_SINK}
        self.wanted: dict[str, list[tuple[str, str]]] = {}
        self.webhooks: dict[str, int] = {}

    async def webhook(self, name: str, uri: str, *arguments: str, actions: str = "push") -> None:
        uri = uri if "://" in uri else f"{self.sink.url}/{uri}"
        made = await self.before.run(
            "webhook", "create", "-r", DEPOT, "-n", name, "--uri", uri, "--actions",
            *actions.split(), *arguments,
        )  # fmt: skip
        self.webhooks[name] = int(made["properties"]["portcall"]["id"])

    async def publish(self, group: str, repository: str, tag: str, *webhooks: str) -> str:
        """Publish one event, for these webhooks and those that get everything; gives its id."""
        event = push_event(repository, tag, id=f"{group}-{repository.replace('/', '-')}-{tag}")
        status, answer = await self.client.publish(DEPOT, [event])
        assert status == 202, answer
        wanted = self.wanted.setdefault(group, [])
        wanted += [(name, event["id"]) for name in ("everything", *webhooks)]
        return str(event["id"])

    async def set_up(self, folder: Path) -> None:
        """Registries, webhooks of every kind, tokens."""
        run = self.before.run
        await run("registry", "create", DEPOT, "--tags", "team=web", "stage=test")
        await run("registry", "create", "Attic", "--sku", "Standard", "-l", "westeurope")
        client = self.ca.issue("client", days=CENTURY_DAYS)
        ca_file = folder / "ca.pem"
        ca_file.write_text(self.ca.pem)
        scope = "--scope"
        await self.webhook(
            "everything", "everything", "--secret", SHARED, "--headers", "X-Team=web",
            "Authorization=Bearer made-for-the-recording", "--tags", "kind=all",
            actions="push delete quarantine chart_push chart_delete",
        )  # fmt: skip
        await self.webhook("onetag", "onetag", scope, "team/app:v1")
        await self.webhook("alltags", "alltags", scope, "team/app:*", "--rate-limit", "100")
        await self.webhook("turnedoff", "turnedoff", scope, "team/app:*", "--status", "disabled")
        await self.webhook("keyed", "keyed", scope, "signed/app:*", "--signature", "v1a")
        await self.webhook("rotated", "rotated", scope, "signed/app:*", "--secret", BEFORE)
        await run("webhook", "secret", "rotate", "-r", DEPOT, "-n", "rotated", "--secret", AFTER)
        userinfo = self.sink.url.replace("://", "://user:pass%20word@")
        await self.webhook("basicauth", f"{userinfo}/basicauth?a=%2F", scope, "signed/app:*")
        await self.webhook(
            "private", f"{TLS_SINK}/private", scope, "tls/app:*", "--ca-file", str(ca_file),
            "--client-cert", str(client.write(folder / "client.pem")),
        )  # fmt: skip
        await self.webhook(
            "slowretry", "slowretry", scope, "retry/app:*", "--retry-schedule", "10s,10s"
        )
        await self.webhook(
            "soonretry", "soonretry", scope, "retry/app:*", "--retry-schedule", "500ms,10s"
        )
        await self.webhook(
            "broken", "broken", scope, "broken/app:*", "--retry-schedule", "", "--max-age",
            f"{CENTURY_DAYS}d", "--disable-after", "none", "--no-probe",
        )  # fmt: skip
        await self.webhook("goneaway", "goneaway", scope, "gone/app:*")
        await self.webhook("removed", "removed", scope, "no/such")
        removed = f"{self.client.registry_path(DEPOT)}/webhooks/removed"
        assert (await self.client.manage("DELETE", removed))[0] in {200, 202}
        await run("webhook", "create", "-r", "Attic", "-n", "deletions", "--uri",
                  f"{self.sink.url}/attic", "--actions", "delete")  # fmt: skip
        tokens = {}
        for role in PEOPLE:
            more = ("-r", DEPOT) if role == "publisher" else ()
            tokens[role] = await run("token", "create", f"the{role}", "--role", role, *more)
        self.expected["tokens"] = tokens
        await asyncio.sleep(2)

    async def live(self) -> None:
        """What has happened and is over: deliveries, a ping, a replay, dead letters, refusals."""
        sink, run = self.sink, self.before.run
        for number in range(3):
            await self.publish(
                "past", "team/app", f"v{number}", "alltags", *["onetag"] * (number == 1)
            )
        await self.publish("past", "signed/app", "v1", "keyed", "rotated", "basicauth")
        await run("webhook", "ping", "-r", DEPOT, "-n", "everything")
        sink.always("/goneaway", 410)
        await self.publish("past", "gone/app", "v1", "goneaway")
        sink.always("/broken", 500)
        again = await self.publish("past", "broken/app", "v0", "broken")
        await self.publish("dead", "broken/app", "v1", "broken")
        await sink.until(2, path="/broken")
        await asyncio.sleep(4)
        sink.answer("/broken", 200)
        await run("replay", "-r", DEPOT, "-n", "broken", "--event", again, "--yes")
        await sink.until(3, path="/broken")
        await self.notify()
        connection = await aio_pika.connect(self.before.ready["amqp_url"])
        async with connection:
            channel = await connection.channel()
            exchange = await channel.get_exchange("portcall.events")
            await exchange.publish(aio_pika.Message(b"no frame at all"), routing_key="depot.push")
        await self.log_in()
        await asyncio.sleep(8)  # the recorder, the journal and the sums

    async def notify(self) -> None:
        """A registry's own notifications: an image, and one that cannot be read."""
        ready = self.before.ready
        recorded = ROOT / "tests" / "fixtures" / "notifications" / "push_docker_v2s2.json"
        envelopes = json.loads(recorded.read_text())
        unreadable = {"id": "unreadable", "action": "push", "target": {"repository": 7}}
        headers = {
            "Authorization": f"Bearer {self.expected['tokens']['publisher']['clientSecret']}",
            "Content-Type": "application/vnd.docker.distribution.events.v1+json",
        }
        async with aiohttp.ClientSession() as http:
            for envelope in [*envelopes, {"events": [unreadable]}]:
                url = f"{ready['producer_url']}/registries/{DEPOT}/notifications"
                async with http.post(url, json=envelope, headers=headers) as answer:
                    assert answer.status == 202, await answer.text()

    async def log_in(self) -> None:
        """An access token, so that there is a key that signs them."""
        ready = self.before.ready
        status, answer = await log_in(self.before)
        assert status == 200, answer
        self.expected["account"] = {key: ready[key] for key in ("client_id", "client_secret")}
        self.expected["token"] = ready["token"]
        self.expected["tenant"] = ready["tenant"]

    async def look(self) -> None:
        """What the older build shows."""
        run = self.before.run
        self.expected["registries"] = await run("registry", "list")
        self.expected["webhooks"] = {}
        self.expected["events"] = {}
        self.expected["configurations"] = {}
        for registry in (DEPOT, "Attic"):
            listed = await run("webhook", "list", "-r", registry)
            self.expected["webhooks"][registry] = listed
            for each in listed:
                which = ("-r", registry, "-n", each["name"])
                self.expected["events"][each["name"]] = await run("webhook", "list-events", *which)
                self.expected["configurations"][each["name"]] = await run(
                    "webhook", "get-config", *which
                )
        keys = await run("webhook", "secret", "show-public", "-r", DEPOT, "-n", "keyed")
        self.expected["public_keys"] = keys
        self.expected["secrets"] = {"everything": [SHARED], "rotated": [AFTER, BEFORE]}
        self.expected["replays"] = await run("replay", "list", "-r", DEPOT)

    async def metrics(self) -> Document:
        """The names and types of each role's metrics, and the labels of their samples."""
        found: Document = {}
        async with aiohttp.ClientSession() as http:
            for run_file in sorted((self.before.home / "run").glob("*.json")):
                url = json.loads(run_file.read_text())["health_url"]
                async with http.get(f"{url}/metrics") as answer:
                    text = await answer.text()
                found[run_file.stem.rpartition("-")[0]] = described(text)
        return found

    async def stop_in_between(self) -> None:
        """Leave messages in every kind of queue: stop the role that would take them, and publish."""
        sink, before = self.sink, self.before
        roles = {role: before.pids(role)[0] for role in ("router", "deliverer", "recorder")}
        assert before.process is not None
        before.process.send_signal(signal.SIGSTOP)  # nothing is started again from here
        os.kill(roles["recorder"], signal.SIGKILL)
        await self.publish("unrecorded", "team/app", "v1", "alltags", "onetag")
        await sink.until(1, path="/onetag")
        await asyncio.sleep(1)
        sink.always("/slowretry", 500)
        sink.always("/soonretry", 503)
        await self.publish("retried", "retry/app", "v1", "slowretry", "soonretry")
        await sink.until(1, path="/slowretry")
        await sink.until(1, path="/soonretry")
        await asyncio.sleep(0.5)
        os.kill(roles["deliverer"], signal.SIGKILL)
        connection = await aio_pika.connect(before.ready["amqp_url"])
        async with connection:
            channel = await connection.channel()
            await self.unroute(channel)
            signed = ("keyed", "rotated", "basicauth")
            await self.publish("routed", "team/app", "v1", "alltags", "onetag")
            await self.publish("routed", "signed/app", "v1", *signed)
            await self.publish("routed", "tls/app", "v1", "private")
            await asyncio.sleep(1)
            os.kill(roles["router"], signal.SIGKILL)
            await self.publish("waiting", "team/app", "v2", "alltags")
            await self.publish("waiting", "signed/app", "v2", *signed)
            await self.publish("waiting", "tls/app", "v2", "private")
            await self.publish("waiting", "other/app", "v2")
            await asyncio.sleep(0.5)
            topology = json.loads(before.python("-c", _TOPOLOGY))
            write("broker.json", {"topology": topology, "messages": await drain(channel, topology)})

    async def unroute(self, channel: aio_pika.abc.AbstractChannel) -> None:
        """Move a delivery to a shard that is no more."""
        await self.publish("unrouted", "team/app", "v3", "alltags")
        await asyncio.sleep(1)
        exchange = await channel.get_exchange("portcall.deliver")
        moved = 0
        for shard in range(2):
            queue = await channel.get_queue(f"portcall.deliver.{shard}")
            while (message := await queue.get(no_ack=True, fail=False)) is not None:
                again = aio_pika.Message(
                    message.body, headers=message.headers, content_type=message.content_type,
                    delivery_mode=2,
                )  # fmt: skip
                await exchange.publish(again, routing_key="deliver.7")
                moved += 1
        assert moved, "no delivery was routed"

    def kill(self) -> None:
        """End everything at once."""
        pids = [entry["pid"] for entry in self.before.ready["processes"]]
        assert self.before.process is not None
        for pid in [*pids, self.before.process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it was killed before
        self.before.process.wait()

    def conclude(self) -> None:
        """Write down which deliveries must be seen, and which were."""
        pairs = [pair for group in self.wanted.values() for pair in group]
        asked = json.dumps([[event, self.webhooks[name]] for name, event in pairs])
        ids = dict(
            zip(pairs, json.loads(self.before.python("-c", _DELIVERY_ID, asked)), strict=True)
        )
        self.expected["deliveries"] = {
            group: [{"webhook": pair[0], "event": pair[1], "id": ids[pair]} for pair in wanted]
            for group, wanted in self.wanted.items()
        }
        self.expected["posted"] = [[post.path, post.delivery_id] for post in self.sink.posts]
        self.expected["webhook_ids"] = self.webhooks
        write("expected.json", self.expected)
        (TARGET / "authority.pem").write_text(self.ca.pem + self.ca.key_pem)


def write(name: str, document: object) -> None:
    (TARGET / name).write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")


def pack(home: Path) -> None:
    """Put the home into an archive: without the broker's data, without this machine's paths."""
    with closing(sqlite3.connect(home / "portcall.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("VACUUM")
    for path in (home / "ready.json", *(home / "run").iterdir()):
        path.write_text(path.read_text().replace(str(home.resolve()), HOME_MARK))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path in sorted(home.rglob("*")):
            name = path.relative_to(home)
            if path.is_file() and name.parts[0:2] not in {
                ("rabbitmq", "data"),
                ("rabbitmq", "log"),
            }:
                entry = archive.gettarinfo(path, str(name))
                entry.uid = entry.gid = 0
                entry.uname = entry.gname = ""
                with path.open("rb") as file:
                    archive.addfile(entry, file)
    (TARGET / "home.tar.gz").write_bytes(gzip.compress(packed.getvalue(), 9, mtime=0))


def documented(checkout: Path) -> list[str]:
    """The variables in the documents of a checkout."""
    texts = [*checkout.glob("docs/*.md"), *checkout.glob("*.md"), checkout / "compose.yaml"]
    found = {
        name for each in texts for name in re.findall(r"PORTCALL_[A-Z_]*[A-Z]", each.read_text())
    }
    return sorted(found)


def commit_of(checkout: Path) -> str:
    done = subprocess.run(  # noqa: S603 (our own program)
        ["git", "-C", str(checkout), "rev-parse", "HEAD"],  # noqa: S607
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


async def main(checkout: Path) -> None:
    Before.checkout = checkout
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        before = Before(home)
        probe = str(ROOT / "tests" / "settings_probe.py")
        roles = json.loads(before.python(probe, json.dumps(SAMPLES)))
        write(
            "settings.json",
            {"documented": documented(checkout), "samples": SAMPLES, "roles": roles},
        )
        before.start()
        try:
            async with serve_sink() as sink, aiohttp.ClientSession() as http:
                recording = Recording(before, Client(before, http), sink)
                recording.expected |= {
                    "commit": commit_of(checkout),
                    "recorded": dt.datetime.now(dt.UTC).date().isoformat(),
                }
                await recording.set_up(Path(folder))
                await recording.live()
                await recording.look()
                write("metrics.json", await recording.metrics())
                started = time.monotonic()
                await recording.stop_in_between()
                print(f"in between: {time.monotonic() - started:.1f} s")  # noqa: T201 (of a 10 s rung)
                recording.kill()
                recording.conclude()
        finally:
            if before.process is not None and before.process.poll() is None:
                before.process.send_signal(signal.SIGCONT)
                before.clean_up()
        pack(home)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).resolve()))
