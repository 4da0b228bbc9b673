"""How a recorder is named in its lease, and whether the one that a lease names has died.

A standby waits for a lease to expire, unless it can see that the owner's process is gone: the
kernel of the same machine knows. So a recorder that `portcall up` restarts leads again at once.
"""

import os
import re
import secrets
import socket
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
_OWNER = re.compile(r"(?P<host>\S+) (?P<pid>[0-9]+) (?P<kernel>\S+) (?P<began>[0-9]+) [0-9a-f]+")
_BEGAN = 19
"""The place of starttime after the name of the process. Source: proc_pid_stat(5), field 22."""


def own_name(proc: Path = PROC) -> str:
    """A name for this process: host, process id, kernel, when it began, and a random number."""
    pid = os.getpid()
    _, began = _status(pid, proc) or ("", 0)
    host = socket.gethostname().replace(" ", "-") or "localhost"
    return f"{host} {pid} {_kernel(proc) or '-'} {began} {secrets.token_hex(4)}"


def in_words(owner: str) -> str:
    """A recorder's name for people: the host and the process id; another text is unchanged."""
    found = _OWNER.fullmatch(owner)
    return f"process {found['pid']} on {found['host']}" if found else owner


def is_dead(owner: str, proc: Path = PROC) -> bool:
    """Whether the process of that name has certainly ended.

    False if it runs, or ran, on another machine or in another container: that cannot be known here.
    """
    found = _OWNER.fullmatch(owner)
    kernel = _kernel(proc)
    if found is None or kernel is None or found["kernel"] != kernel:
        return False
    pid = int(found["pid"])
    try:
        os.kill(pid, 0)  # knows processes that /proc may hide from this user
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    status = _status(pid, proc)
    if status is None:
        return False
    state, began = status
    return state in {"Z", "X"} or began != int(found["began"])


def _kernel(proc: Path) -> str | None:
    """The scope of process ids: this boot of this machine, and the namespace of process ids."""
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(proc / 'self/ns/pid').readlink()}"
    except OSError:
        return None


def _status(pid: int, proc: Path) -> tuple[str, int] | None:
    """The state of a process, and when it began, in ticks since the boot; None: unknown."""
    with suppress(OSError, IndexError, ValueError):
        # They follow the name in parentheses, which may contain anything.
        words = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return words[0], int(words[_BEGAN])
    return None
