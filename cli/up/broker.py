"""The private RabbitMQ node as processes: the Erlang VM and its own epmd.

It is independent of the distribution's RabbitMQ service and of other private nodes.
"""

import asyncio
import shutil
import signal
from contextlib import suppress
from pathlib import Path

from portcall.cli import children
from portcall.cli.errors import NodeError
from portcall.cli.ports import HOST
from portcall.cli.rabbitmq_versions import Version
from portcall.cli.up.node import NodeFolder, NodeState
from portcall.cli.up.node_version import NodeVersion, VersionedStart, installed_version

START_S = 120.0
"""How long a starting node may write nothing into its logs. Measured on two idle cores, the whole
start takes 5 s. On two cores with 25 to 30 busy processes the first line came after 44 s to more
than 60 s, and RabbitMQ 4.3 needed 20 s more."""
LONGEST_START_S = 300.0
"""The time limit of a start that goes on: a node that waits for others writes lines for ever."""
STOP_S = 20.0
"""The time limit of an orderly stop (measured: 1 s); then the node is killed, which it survives."""
EPMD_S = 10.0
CUT_SHORT_S = 2.0
"""The same while it starts: it may ignore signals then, and has no new data to save."""
_PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
_METHOD_FRAME = b"\x01\x00\x00"
"""The beginning of the broker's first frame, Connection.Start: a method frame on channel 0."""
_DEBIAN_SCRIPT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_DEBIAN_WRAPPER = "rabbitmq-script-wrapper"
"""What Debian puts on PATH. It requires a certain user; its folder also has the script itself."""


class PrivateBroker:
    """A RabbitMQ node under *home*, with its epmd; both end when this process does.

    Args:
        home: The node's folder; created if missing.
    """

    name = role = "rabbitmq"

    def __init__(self, home: Path) -> None:
        self.folder = NodeFolder(home.resolve())
        self._state: NodeState | None = None
        self._node: children.Process | None = None
        self._epmd: children.Process | None = None
        self._begun: VersionedStart | None = None

    @property
    def version(self) -> Version | None:
        """The version of the RabbitMQ that was launched; None: not known."""
        return self._begun.installed if self._begun else None

    @property
    def url(self) -> str:
        """Return the node's AMQP URL with user and password; known after `start`."""
        state = self._known_state()
        return f"amqp://{state.user}:{state.password}@{HOST}:{state.amqp_port}/"

    @property
    def user(self) -> str:
        """Return the name of the node's one user, an administrator."""
        return self._known_state().user

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point RabbitMQ's and Erlang's tools here; known after `start`."""
        return self.folder.environment(self._known_state())

    @property
    def pid(self) -> int | None:
        """Return the pid of the Erlang VM while it runs."""
        return self._node.pid if self._node and self._node.returncode is None else None

    async def start(self) -> None:
        """Start the node and return when it answers on AMQP.

        Raises:
            NodeError: RabbitMQ is not installed, or the node ended or did not answer in time.
        """
        await self.launch()
        await self.until_answering()

    async def until_answering(self) -> None:
        """Return when the launched node answers on AMQP; stop it if it does not.

        Raises:
            NodeError: The node ended or did not answer in time.
        """
        try:
            await self._until_answering()
        except BaseException:
            await self.stop(grace_s=CUT_SHORT_S)
            raise

    async def launch(self) -> None:
        """Start the node without waiting for it.

        Leftover processes of a killed parent are ended first. Ports are kept if they are still
        free; if the same object restarts its node after a crash, they are always kept.

        Raises:
            NodeError: RabbitMQ is not installed, the folder cannot be used, or another version
                wrote its data and this one cannot read them.
        """
        script = server_script()
        await self.stop(grace_s=0)
        await children.end_left_over(self._mark, grace_s=STOP_S)
        self.folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._begun = NodeVersion(self.folder.path).begin(installed_version(script))
        if self._state is None:
            self._state = self.folder.load_state().with_free_ports()
        self.folder.prepare(self._state)
        await self._spawn(script)

    async def stop(self, grace_s: float = STOP_S) -> None:
        """Stop the node in an orderly way; kill it if that takes longer than *grace_s*."""
        if self._node is not None:
            await children.end(self._node, grace_s=grace_s)
        if self._epmd is not None:
            await children.end(self._epmd, grace_s=1.0)
        self._node = self._epmd = None

    async def wait(self) -> int:
        """Wait for the end of the node, and return the exit code."""
        if self._node is None:
            raise NodeError("the private RabbitMQ node was not started")
        return await self._node.wait()

    async def problem(self) -> str | None:
        """Return why the node cannot be used, or None."""
        if await answers(HOST, self._known_state().amqp_port):
            return None
        return f"the private RabbitMQ node does not answer; its log is {self.folder.log_file}"

    def terminate(self) -> None:
        """Ask the node to end; `stop` also ends its epmd."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the node; messages that it confirmed are not lost."""
        self._send(signal.SIGKILL)

    @property
    def _mark(self) -> str:
        return str(self.folder.path)

    def _known_state(self) -> NodeState:
        if self._state is None:
            raise NodeError("the private RabbitMQ node was not started")
        return self._state

    def _send(self, number: signal.Signals) -> None:
        if self._node is not None:
            children.send(self._node, number)

    async def _spawn(self, script: Path) -> None:
        epmd = shutil.which("epmd")
        if epmd is None:
            raise NodeError("Erlang's epmd is not on PATH; it belongs to RabbitMQ's packages")
        port = self._known_state().epmd_port
        env, mark = self.environment, self._mark
        with self.folder.start_log.open("wb") as log:
            self._epmd = await children.spawn(
                [epmd, "-port", str(port), "-address", HOST], env=env, mark=mark, stdout=log
            )
            await _until_listening(self._epmd, port)
            self._node = await children.spawn([str(script)], env=env, mark=mark, stdout=log)

    async def _until_answering(self) -> None:
        ended = asyncio.ensure_future(self.wait())
        loop = asyncio.get_running_loop()
        last, written = loop.time() + LONGEST_START_S, 0
        try:
            async with asyncio.timeout(START_S) as limit:
                while await self.problem():
                    await asyncio.wait([ended], timeout=0.05)
                    if ended.done():
                        raise NodeError(self._failure(f"ended with exit code {ended.result()}"))
                    if written != (written := self.folder.written()):
                        limit.reschedule(min(last, loop.time() + START_S))
        except TimeoutError:
            waited = START_S if loop.time() < last else LONGEST_START_S
            raise NodeError(self._failure(f"did not answer within {waited:.0f} s")) from None
        finally:
            ended.cancel()

    def _failure(self, what: str) -> str:
        versions = self._begun.failed() if self._begun else ""
        return (
            f"the private RabbitMQ node {what}{versions}; its logs are in {self.folder.logs}:\n"
            f"{self.folder.last_words()}"
        )


async def _until_listening(epmd: children.Process, port: int) -> None:
    """Wait for epmd: a node that has its name from the start ends without one (measured: 5 ms).

    Raises:
        NodeError: It ended, or does not listen in time.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(EPMD_S):
            while epmd.returncode is None:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection(HOST, port)
                    writer.close()
                    return
                await asyncio.sleep(0.005)
    raise NodeError(f"Erlang's epmd does not listen on port {port}")


def server_script() -> Path:
    """Return the path of RabbitMQ's own start script.

    Raises:
        NodeError: RabbitMQ is not installed.
    """
    on_path = shutil.which("rabbitmq-server")
    if on_path is not None and Path(on_path).resolve().name != _DEBIAN_WRAPPER:
        return Path(on_path)
    if _DEBIAN_SCRIPT.exists():  # /usr/sbin, where the wrapper is, is not on every PATH
        return _DEBIAN_SCRIPT
    raise NodeError(
        "RabbitMQ is not installed. Install it (apt-get install rabbitmq-server), or set"
        " PORTCALL_AMQP_URL to the URL of another broker"
    )


async def answers(host: str, port: int) -> bool:
    """Whether a broker at this address answers AMQP's protocol header with its first frame."""
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(_PROTOCOL_HEADER)
                return await reader.readexactly(3) == _METHOD_FRAME
            finally:
                writer.close()
                await writer.wait_closed()
    except (OSError, EOFError, TimeoutError):
        return False
