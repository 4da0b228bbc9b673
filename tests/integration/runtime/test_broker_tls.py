"""A broker behind TLS: messages go out and come back through the wire of an ``amqps`` connection."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from yarl import URL

from portcall.runtime.broker.consumer import Consumer
from portcall.runtime.broker.settle import Message
from portcall.schemas.topology import EVENTS, EVENTS_IN
from tests.authorities import authority
from tests.integration.runtime.brokers import publishing, running, until

COUNT = 300
LARGE = b"x" * 1_000_000
"""More than a frame and a TLS record hold."""


async def copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
async def secure(laid: str, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a TLS server that passes everything to the broker."""
    broker, root = URL(laid), authority()
    files = {name: tmp_path / name for name in ("ca.pem", "server.pem", "key.pem")}
    server = root.issue()
    for file, text in zip(files.values(), (root.pem, server.pem, server.key_pem), strict=True):
        file.write_text(text)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files["server.pem"], files["key.pem"])

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(broker.host, broker.port)
        await asyncio.gather(copied(reader, far_writer), copied(far_reader, writer))

    listening = await asyncio.start_server(passed, "127.0.0.1", 0, ssl=context)
    port = listening.sockets[0].getsockname()[1]
    url = broker.with_scheme("amqps").with_port(port).with_host("127.0.0.1")
    yield str(url.update_query(cafile=str(files["ca.pem"])))
    listening.close()


async def test_what_is_published_over_tls_is_consumed_over_tls(secure: str) -> None:
    found: list[bytes] = []

    async def handle(message: Message) -> None:
        found.append(message.body)

    bodies = [LARGE, *(b"%d" % number for number in range(COUNT))]
    async with publishing(secure) as publisher:
        consumer = Consumer(
            secure, name="test", prefetch={EVENTS_IN: 50}, handler=handle, publisher=publisher
        )
        async with running(consumer.run()):
            await asyncio.gather(
                *(publisher.publish(body, exchange=EVENTS, key="r.push") for body in bodies)
            )
            await until(lambda: len(found) >= len(bodies))
    assert sorted(found) == sorted(bodies)
