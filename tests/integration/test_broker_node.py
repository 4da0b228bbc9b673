"""A private node through its life: born, restarted, orphaned, and gone without a trace."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aio_pika
import pytest

from portcall.cli import children
from portcall.cli.errors import NodeError
from portcall.cli.ports import HOST, free_ports
from portcall.cli.up import broker as broker_module
from portcall.cli.up import node as node_module
from portcall.cli.up.broker import PrivateBroker, answers
from portcall.cli.up.node import NodeState
from tests.conftest import TESTS, unavailable
from tests.listening import listening
from tests.patience import SLOWEST

PARENT = """
import asyncio, sys
from pathlib import Path
from portcall.cli.up.broker import PrivateBroker

async def main():
    broker = PrivateBroker(Path(sys.argv[1]))
    await broker.start()
    print(broker.url, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


SLOW = """#!{python}
import os, socket, sys, time
for step in range(70):
    print("step", step, flush=True)
    time.sleep(0.1)
if sys.argv[0].endswith("hanging/rabbitmq-server"):
    time.sleep(600)
config = open(os.environ["RABBITMQ_CONFIG_FILE"]).read()
port = int(config.split("listeners.tcp", 1)[1].split(":", 1)[1].split()[0])
listening = socket.create_server(("127.0.0.1", port))
while True:
    client, _ = listening.accept()
    client.recv(8)
    client.sendall(bytes([1, 0, 0]))
    client.close()
"""


@pytest.fixture(autouse=True)
def _installed() -> None:
    try:
        broker_module.server_script()
    except NodeError as error:
        unavailable(str(error))


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Path]:
    home = tmp_path / "node"
    yield home
    assert await children.end_left_over(str(home), grace_s=1) == [], "a process was left behind"


async def until(condition: Callable[[], bool], *, within_s: float) -> None:
    async with asyncio.timeout(SLOWEST * within_s):
        while not condition():  # noqa: ASYNC110 (processes set no event of ours)
            await asyncio.sleep(0.02)


async def put_and_count(url: str, text: str) -> int:
    """Publish a message to a durable queue, and count what is there now."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(
            "kept", durable=True, arguments={"x-queue-type": "quorum"}
        )
        message = aio_pika.Message(text.encode(), delivery_mode=2)
        await channel.default_exchange.publish(message, queue.name)
        async with asyncio.timeout(10):
            while True:
                declared = await channel.declare_queue(queue.name, passive=True)
                count = declared.declaration_result.message_count
                if count:
                    return count
                await asyncio.sleep(0.05)


async def test_data_survive_a_killed_parent_and_an_orderly_restart(home: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, str(home)),
        env={**os.environ, "PYTHONPATH": str(TESTS.parent)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout is not None
    url = (await parent.stdout.readline()).decode().strip()
    assert await put_and_count(url, "one") == 1
    # A queue is safe from the kill of its node about a second after it was declared.
    names = home / "data/portcall@localhost/quorum/portcall@localhost/names.dets"
    await until(lambda: b"2F_kept" in names.read_bytes(), within_s=10)
    assert children.left_over(str(home))

    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    await until(lambda: not children.left_over(str(home)), within_s=5)

    broker = PrivateBroker(home)
    try:
        await broker.start()
        assert broker.url == url
        assert await put_and_count(url, "two") == 2
        await broker.stop()
        assert children.left_over(str(home)) == []
        assert broker.pid is None

        await broker.start()
        assert broker.url == url
        assert await put_and_count(url, "three") == 3
    finally:
        await broker.stop()


async def test_a_node_listens_on_loopback_alone(private_broker: PrivateBroker) -> None:
    pids = children.left_over(str(private_broker.folder.path))
    sockets = listening(pids)
    assert len(sockets) >= 3, "AMQP, distribution and epmd"
    addresses = {at.partition(":")[0] for at in sockets}
    assert addresses <= {"0100007F", "00000000000000000000000001000000"}


async def test_a_node_that_cannot_start_says_why(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_module, "_CONFIG", "listeners.tcp.1 = nowhere:none\n")
    with pytest.raises(NodeError, match=r"ended with exit code \d+; its logs are in .*/log:\n.+"):
        await PrivateBroker(home).start()


@pytest.mark.parametrize("kind", ["slow", "hanging"])
async def test_a_start_has_time_as_long_as_it_goes_on(
    kind: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / kind / "rabbitmq-server"
    program.parent.mkdir()
    program.write_text(SLOW.replace("{python}", sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(broker_module, "START_S", 5.0)
    broker = PrivateBroker(home)
    if kind == "hanging":
        with pytest.raises(NodeError, match=r"did not answer within 5 s; (.|\n)*step 69"):
            await broker.start()
        return
    try:
        await broker.start()
    finally:
        await broker.stop(grace_s=0)


async def test_a_missing_rabbitmq_is_said_to_be_missing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "_DEBIAN_SCRIPT", Path("/nowhere"))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NodeError, match=r"apt-get install rabbitmq-server.*PORTCALL_AMQP_URL"):
        await PrivateBroker(home).start()


def test_ports_are_kept_until_one_of_them_is_taken() -> None:
    state = NodeState.new()
    assert state.with_free_ports() == state
    with socket.socket() as taken:
        taken.bind((HOST, state.dist_port))
        taken.listen()
        moved = state.with_free_ports()
    assert (moved.password, moved.cookie) == (state.password, state.cookie)
    assert moved.dist_port != state.dist_port


async def test_what_a_dead_parent_left_is_ended_even_if_it_is_stubborn(home: Path) -> None:
    stubborn = (
        "import pathlib, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "pathlib.Path(sys.argv[1]).touch(); time.sleep(600)"
    )
    deaf = home.with_suffix(".deaf")
    argv = [sys.executable, "-c", stubborn, str(deaf)]
    process = await children.spawn(argv, env={}, mark=str(home))
    await until(deaf.exists, within_s=5)
    assert await children.end_left_over(str(home), grace_s=0.2) == [process.pid]
    assert await process.wait() == -signal.SIGKILL


@pytest.mark.parametrize(
    "greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n", b"AMQP\x00\x00\x09\x01"], ids=repr
)
async def test_only_a_broker_answers_as_a_broker(greeting: bytes) -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.close()
        await writer.wait_closed()

    port = free_ports(1)[0]
    assert not await answers(HOST, port)
    async with await asyncio.start_server(answer, HOST, port):
        assert not await answers(HOST, port)
