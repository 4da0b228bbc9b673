"""Every place where a secret might be left: searched when all is over, while everything runs."""

import asyncio
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import aiohttp

from portcall.runtime.broker.contents import Delivered
from portcall.runtime.broker.link import connected, consume, open_channel
from portcall.schemas.topology import JOURNAL, LOG
from portcall.store.database.database import Database
from tests.canary import in_rows
from tests.installation import Installation

PREFETCH = 5000
SILENCE_S = 0.3

KEPT = {
    "ready.json": "what it is for",
    "token": "the administrator's token, made at the first start",
    "client.json": "what az logs in with",
    "encryption.key": "the key",
    "rabbitmq/node.json": "the private broker's password and cookie",
    "rabbitmq/rabbitmq.conf": "the same password, for the broker",
    "rabbitmq/.erlang.cookie": "the same cookie, for the broker",
    "tls/ca-key.pem": "the local CA's key",
    "tls/server.pem": "the server's key, with its certificate",
}
"""Files of a home that have a secret in them, because they are made for that; all mode 0600."""
OURS = frozenset(
    {
        "PORTCALL_TOKEN",
        "PORTCALL_AMQP_URL",
        "PORTCALL_DATABASE_URL",
        "PORTCALL_ENCRYPTION_KEY",
        "PORTCALL_IDENTITY_HEADER",
    }
)
"""Variables that have a secret in them, because settings come by the environment."""


def files(home: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of a home but those of `KEPT`: the database and its WAL, the broker's data, logs."""
    for path in sorted(home.rglob("*")):
        name = str(path.relative_to(home))
        if name in KEPT or not path.is_file():
            continue
        try:
            yield f"file {name}", path.read_bytes()
        except FileNotFoundError:
            continue  # a log of the database that was just closed


def readable_by_others(home: Path) -> list[str]:
    """Which files of `KEPT` somebody else can read; none, it is to be hoped."""
    found = [name for name in KEPT if (home / name).exists()]
    return [name for name in found if (home / name).stat().st_mode & 0o077]


def rows(database_url: str) -> bytes:
    """Every value of every table."""
    database = Database(database_url)
    try:
        return b"\n".join(in_rows(database))
    finally:
        database.close()


async def metrics(installation: Installation, http: aiohttp.ClientSession) -> dict[str, bytes]:
    """What every role's health server tells, by role."""
    found = {}
    for path in sorted((installation.home / "run").glob("*.json")):
        url = json.loads(path.read_text())["health_url"]
        told = []
        for page in ("metrics", "ready", "live"):
            async with http.get(f"{url}/{page}") as answer:
                told.append(await answer.read())
        found[f"metrics of {path.stem}"] = b"\n".join(told)
    return found


async def messages(amqp_url: str, queues: Iterable[str]) -> dict[str, bytes]:
    """Every message of every queue and stream, with its properties; they stay where they are."""
    names = list(queues)
    held = await asyncio.gather(*(_held(amqp_url, name) for name in names))
    return {
        f"messages of {name}": b"\n".join(each)
        for name, each in zip(names, held, strict=True)
        if each
    }


async def _held(amqp_url: str, queue: str) -> list[bytes]:
    """What a queue holds, from its first message on, until no more comes for a while."""
    found: list[bytes] = []

    def take(delivered: Delivered) -> None:
        found.append(delivered.body + delivered.properties)

    arguments = {"x-stream-offset": "first"} if queue in (LOG, JOURNAL) else {}
    async with connected(amqp_url, name="canary") as connection:
        channel = await open_channel(connection, prefetch=PREFETCH)
        await consume(channel, queue, take, arguments=arguments)
        seen = -1
        while seen < len(found):
            seen = len(found)
            await asyncio.sleep(SILENCE_S)
    return found


def command_lines() -> bytes:
    """How every process of this machine was started, as anybody may see."""
    return b"\n".join(_readable(path) for path in Path("/proc").glob("[0-9]*/cmdline"))


def environments(home: Path) -> bytes:
    """The environments of the installation's processes, without the variables of `OURS`."""
    mark = str(home.resolve()).encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        pairs = _readable(path).split(b"\0")
        if any(mark in pair for pair in pairs):
            found += [each for each in pairs if each.partition(b"=")[0].decode() not in OURS]
    return b"\n".join(found)


def _readable(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it ended meanwhile
        return b""
