"""The folder of a private RabbitMQ node: its files, and the settings that point at it.

The node has its own data, logs, cookie, ports and user, listens only on loopback, has no plugins,
and ignores the machine's RabbitMQ settings.
"""

import asyncio
import json
import os
import secrets
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from portcall.cli.errors import NodeError
from portcall.cli.home import write_private
from portcall.cli.ports import HOST, free_ports, is_free, reserve

NODE_NAME = "portcall@localhost"
"""The host part is fixed: data belong to a node's name, and must survive a new host name."""
_GB = 1_000_000_000
SETTLE_S = 1.5
"""How long the broker may take to write a new queue's name to disk (measured: 1 s)."""

_CONFIG = """\
listeners.tcp.1 = {host}:{amqp_port}
default_user = {user}
default_pass = {password}
vm_memory_high_watermark.relative = 0.4
disk_free_limit.absolute = {disk_free_limit}
# 128 MiB instead of 512: less memory, and less to read again after a crash.
raft.wal_max_size_bytes = 134217728
log.console = false
log.file = rabbitmq.log
log.file.rotation.size = 10485760
log.file.rotation.count = 3
"""
# dead_letter_worker_consumer_prefetch: messages that go from a wait rung back to the deliverers;
#   with 32, about a thousand per second.
# quorum_tick_interval, stream_tick_interval (ms; 5,000): each queue sums up its statistics, which
#   nothing reads here, and was most of what an idle node did (docs/decisions/0058).
# heartbeat_interval (ms; 100): messages to the other nodes of a cluster; there are none.
_ADVANCED_CONFIG = """\
[{rabbit, [{dead_letter_worker_consumer_prefetch, 256},
           {quorum_tick_interval, 60000},
           {stream_tick_interval, 60000}]},
 {aten, [{heartbeat_interval, 10000}]}].
"""


@dataclass(frozen=True, slots=True)
class NodeState:
    """The values that a node keeps over restarts, in ``node.json``."""

    user: str
    password: str
    cookie: str
    amqp_port: int
    dist_port: int
    epmd_port: int

    @classmethod
    def new(cls) -> "NodeState":
        """Create a new node's secrets and ports."""
        cookie = secrets.token_urlsafe(24)
        amqp_port, dist_port, epmd_port = free_ports(3, owner=cookie)
        return cls(
            user="portcall",
            password=secrets.token_urlsafe(24),
            cookie=cookie,
            amqp_port=amqp_port,
            dist_port=dist_port,
            epmd_port=epmd_port,
        )

    def with_free_ports(self) -> "NodeState":
        """Return the same node with other ports, if one of them was taken meanwhile."""
        ports = self.amqp_port, self.dist_port, self.epmd_port
        if all(is_free(HOST, port) and reserve(port, owner=self.cookie) for port in ports):
            return self
        amqp_port, dist_port, epmd_port = free_ports(3, owner=self.cookie)
        return replace(self, amqp_port=amqp_port, dist_port=dist_port, epmd_port=epmd_port)


@dataclass(frozen=True, slots=True)
class NodeFolder:
    """The paths of a node's files; `path` is absolute."""

    path: Path

    @property
    def logs(self) -> Path:
        """Return the folder of the node's logs."""
        return self.path / "log"

    @property
    def log_file(self) -> Path:
        """Return the node's log."""
        return self.logs / "rabbitmq.log"

    @property
    def start_log(self) -> Path:
        """Return the file with the node's output before logging starts."""
        return self.logs / "start.log"

    @property
    def is_new(self) -> bool:
        """Whether `begin` was called on an empty folder, and `settle` not yet since."""
        return self._new.exists()

    def begin(self) -> None:
        """Begin a first start, or begin it again if an earlier one was interrupted.

        A node that is killed within a second of its first boot, or of a queue's declaration, has
        written only half of its files. It then never boots again, or the queue never has a leader
        again: the queue's name is in a table that the broker writes after half a second without
        changes (seen with 3.10.8). Nothing was accepted by then, so the folder is deleted.
        """
        if not (self.path / "data").exists():
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._new.touch()
        elif self.is_new:
            shutil.rmtree(self.path / "data")

    async def settle(self) -> None:
        """End a first start, after the declarations and before anything is accepted."""
        if self.is_new:
            await asyncio.sleep(SETTLE_S)
            self._new.unlink()

    @property
    def _new(self) -> Path:
        return self.path / "new"

    def load_state(self) -> NodeState:
        """Return the stored state, or that of a new node.

        Raises:
            NodeError: The file exists but cannot be used.
        """
        path = self.path / "node.json"
        try:
            return NodeState(**json.loads(path.read_text()))
        except FileNotFoundError:
            return NodeState.new()
        except (OSError, ValueError, TypeError) as error:
            raise NodeError(
                f"{path} cannot be used ({error}); it contains the password of the node's"
                f" data. Restore it, or remove {self.path} with all queued messages"
            ) from error

    def prepare(self, state: NodeState) -> None:
        """Write the node's files; the state first, because the others depend on it."""
        for folder in (self.path, self.logs, self.path / "data"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self.path / "node.json", json.dumps(asdict(state)))
        # Erlang refuses a cookie that other users can read.
        write_private(self.path / ".erlang.cookie", state.cookie)
        write_private(self.path / "enabled_plugins", "[].\n")
        write_private(self.path / "advanced.config", _ADVANCED_CONFIG)
        limit = min(2 * _GB, shutil.disk_usage(self.path).free // 2)
        values = {**asdict(state), "host": HOST, "disk_free_limit": limit}
        write_private(self.path / "rabbitmq.conf", _CONFIG.format_map(values))

    def environment(self, state: NodeState, *, name: str = NODE_NAME) -> dict[str, str]:
        """Return the variables that point RabbitMQ's scripts at this node, which has this name."""
        kept = {name: os.environ[name] for name in ("PATH", "TZ", "TMPDIR") if name in os.environ}
        return {
            **kept,
            "LANG": "C.UTF-8",
            "HOME": str(self.path),
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": str(state.epmd_port),
            "ERL_CRASH_DUMP": str(self.logs / "erl_crash.dump"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.path / "advanced.config"),
            "RABBITMQ_CONFIG_FILE": str(self.path / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(self.path / "none.d"),
            "RABBITMQ_CONF_ENV_FILE": str(self.path / "none.conf"),
            "RABBITMQ_DIST_PORT": str(state.dist_port),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.path / "enabled_plugins"),
            "RABBITMQ_LOG_BASE": str(self.logs),
            "RABBITMQ_MNESIA_BASE": str(self.path / "data"),
            "RABBITMQ_NODENAME": name,
            # Unbound: otherwise several nodes on one machine would all run on the same first core.
            "RABBITMQ_SCHEDULER_BIND_TYPE": "u",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                # With its name from the start, it boots no second Erlang VM to find its epmd.
                f"-sname {name} -start_epmd false -kernel inet_dist_use_interface {{127,0,0,1}}"
                f" inet_dist_listen_min {state.dist_port} inet_dist_listen_max {state.dist_port}"
                # RabbitMQ 3.10 looks for a deleted virtual host at 4 ms for each second of this.
                " net_ticktime 7200 +B i"
                # Idle threads sleep at once instead of spinning first.
                " +sbwt none +sbwtdcpu none +sbwtdio none"
            ),
            # Makes the script replace itself by the Erlang VM, so that the pid is the VM's.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def written(self) -> int:
        """Return the size of the node's logs, in bytes: it grows as long as a start goes on."""
        return sum(map(_size, (self.start_log, self.log_file)))

    def last_words(self, lines: int = 15) -> str:
        """Return the ends of the node's logs, for an error message."""
        return "\n".join(_tail(log, lines) for log in (self.start_log, self.log_file))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it is not there yet, or the node rotates it
        return 0


def _tail(path: Path, lines: int) -> str:
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
