"""Exact counts of work, which no busy machine changes: messages, transactions, system calls.

Messages are counted by the broker itself, for every client alike. Transactions are counted by
SQLite: the index of its write-ahead log has a number that grows by one with each commit
(https://www.sqlite.org/walformat.html, "iChange"). System calls are those that read or write a
file or a socket by ``read`` and ``write`` (``/proc/PID/io``); beside them stand the times that a
process went to sleep.
"""

import asyncio
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.processes import Pids, ProgramError

Counts = dict[str, float]
_COMMITS = slice(8, 12)
"""Where ``iChange`` stands in the ``-shm`` file, in the machine's byte order."""
_TOTALS = (
    'io:format("~s", [rabbit_json:encode(maps:fold(fun(_, V, A) -> maps:fold('
    "fun(N, C, B) -> maps:update_with(N, fun(O) -> O + C end, C, B) end, A, V) end,"
    " #{}, rabbit_global_counters:overview()))])."
)
_NAMES = {
    "messages_received_total": "messages",
    "messages_confirmed_total": "confirms",
    "messages_acknowledged_total": "acks",
    "messages_delivered_total": "consumed",
}


@dataclass(frozen=True, slots=True)
class Node:
    """How a broker's node is asked.

    Attributes:
        environment: Variables that lead RabbitMQ's tools to it.
        user: Who may use new virtual hosts.
    """

    environment: Mapping[str, str]
    user: str

    async def control(self, *arguments: str) -> str:
        """Run ``rabbitmqctl``.

        Raises:
            ProgramError: It failed.
        """
        process = await asyncio.create_subprocess_exec(
            "/usr/lib/rabbitmq/bin/rabbitmqctl",
            "--quiet",
            *arguments,
            env={**os.environ, **self.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        text = said.decode(errors="replace")
        if process.returncode:
            raise ProgramError(f"rabbitmqctl {arguments[0]}: {text[-1000:]}")
        return text

    async def counts(self) -> Counts:
        """What the node has counted since its start: messages, confirms, acks, consumed."""
        text = await self.control("eval", _TOTALS)
        found = re.search(r"\{.*\}", text, re.DOTALL)
        if found is None:
            raise ProgramError(f"the broker's counters cannot be read: {text[:300]}")
        totals: dict[str, float] = json.loads(found[0])
        return {
            ours: sum(value for name, value in totals.items() if name.startswith(theirs))
            for theirs, ours in _NAMES.items()
        }


def transactions(database: Path) -> int:
    """How many transactions have changed a SQLite database in WAL mode; 0: it is not there."""
    try:
        with database.with_name(f"{database.name}-shm").open("rb") as index:
            head = index.read(_COMMITS.stop)
    except OSError:
        return 0
    return int.from_bytes(head[_COMMITS], "little")


def system_calls(roles: Mapping[str, Pids]) -> dict[str, Counts]:
    """Reads and writes, and voluntary switches, by role since the start of its processes."""
    return {
        role: {"calls": _calls(pids()), "sleeps": _sleeps(pids())} for role, pids in roles.items()
    }


def _calls(pids: Iterable[int]) -> int:
    found = 0
    for pid in pids:
        fields = _fields(Path(f"/proc/{pid}/io"))
        found += int(fields.get("syscr", 0)) + int(fields.get("syscw", 0))
    return found


def _sleeps(pids: Iterable[int]) -> int:
    return sum(
        int(_fields(status).get("voluntary_ctxt_switches", 0))
        for pid in pids
        for status in Path(f"/proc/{pid}/task").glob("*/status")
    )


def _fields(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
