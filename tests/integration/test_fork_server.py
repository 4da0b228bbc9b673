"""The fork server of `portcall up`, with real processes and without a broker."""

import asyncio
import errno
import mmap
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from portcall.cli import children
from portcall.cli.errors import ForkError
from portcall.cli.up.forks import Forked, ForkServer
from portcall.cli.up.stages import ROLES
from portcall.store.database.migrate import migrate
from tests.sink import eventually

KEY = "A" * 43 + "="
SETTINGS_ARE_WRONG = 2


class Place:
    """A fork server, and the environments of its roles."""

    def __init__(self, folder: Path) -> None:
        kept = {name: text for name, text in os.environ.items() if not name.startswith("PORTCALL_")}
        self.environ = {
            **kept,
            "PORTCALL_AMQP_URL": "amqp://127.0.0.1:1/",
            "PORTCALL_DATABASE_URL": f"sqlite:///{folder / 'portcall.db'}",
            "PORTCALL_TOKEN": "t" * 32,
            "PORTCALL_HOME": str(folder),
            "PORTCALL_PRODUCER_BIND": "127.0.0.1:0",
        }
        self.sealed = {**self.environ, "PORTCALL_ENCRYPTION_KEY": KEY}
        self.mark = str(folder)
        self.server = ForkServer(self.environ, widest=self.sealed, mark=self.mark)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = Place(tmp_path)
    yield place
    await place.server.stop()
    # The kernel sends the roles SIGTERM when their parent has ended.
    await eventually(
        lambda: not children.left_over(place.mark), within_s=30, what="the roles have ended"
    )


async def end(forked: Forked) -> int:
    return await children.end(forked, grace_s=20)


async def shows(forked: Forked, module: str) -> None:
    await eventually(
        lambda: module in shown(forked.pid, "cmdline"), within_s=20, what="it shows its role"
    )


def shown(pid: int, name: str) -> list[str]:
    return Path(f"/proc/{pid}/{name}").read_text().rstrip("\0").split("\0")


async def test_a_forked_role_looks_like_one_that_was_started_on_its_own(place: Place) -> None:
    forked = await place.server.fork("router", {**place.environ, "PORTCALL_RUN_FILE": "/nowhere"})
    await shows(forked, "portcall.router")
    assert shown(forked.pid, "cmdline") == [sys.executable, "-P", "-m", "portcall.router"]
    environ = dict(each.split("=", 1) for each in shown(forked.pid, "environ"))
    wanted = {**place.environ, "PORTCALL_RUN_FILE": "/nowhere", children.MARK: place.mark}
    assert environ == wanted
    assert os.getsid(forked.pid) == forked.pid
    assert forked.pid in children.left_over(place.mark)
    assert await end(forked) == 0 or forked.returncode == 1


async def test_a_c_library_sees_the_new_environment(place: Place) -> None:
    """libpq and OpenSSL ask the C library for variables, which keeps pointers to the old ones."""
    program = (
        "import ctypes, os; from portcall.cli.up import titles;"
        "titles.replace_environment({'AFTER': 'yes'});"
        "titles.show(['short'], {'AFTER': 'yes'});"
        "get = ctypes.CDLL(None).getenv; get.restype = ctypes.c_char_p;"
        "print(get(b'AFTER'), get(b'BEFORE'), open('/proc/self/environ').read().strip(chr(0)))"
    )
    done = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        env={**os.environ, "BEFORE": "x" * 1000},
        stdout=subprocess.PIPE,
    )
    said, _ = await done.communicate()
    assert said.decode() == "b'yes' None AFTER=yes\n"


async def test_only_the_roles_that_open_secrets_have_the_keys(place: Place) -> None:
    await place.server.fork("deliverer", place.sealed)
    plain = await place.server.fork("router", place.environ)
    server = place.server.pid
    assert server is not None
    await shows(plain, "portcall.router")
    for pid in (plain.pid, server):
        assert KEY.encode() not in memory_of(pid)


def memory_of(pid: int) -> bytes:
    """What a process can write to, which is all that it keeps."""
    found: list[bytes] = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, access, *_ = line.split()
            start, end = (int(each, 16) for each in span.split("-"))
            if access.startswith("rw"):
                found += parts_of(memory.fileno(), start, end)
    return b"".join(found)


def parts_of(memory: int, start: int, end: int) -> Iterator[bytes]:
    """The readable part of it, without the guard page that newer C libraries add."""
    while start < end:
        try:
            part = os.pread(memory, end - start, start)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            part = b""
        yield part
        start += len(part) or mmap.PAGESIZE


async def test_wrong_settings_end_a_role_with_its_own_exit_code(place: Place) -> None:
    forked = await place.server.fork("producer", {})
    assert await forked.wait() == SETTINGS_ARE_WRONG


async def test_a_killed_role_is_reported_with_its_signal(place: Place) -> None:
    forked = await place.server.fork("recorder", place.environ)
    children.send(forked, signal.SIGKILL)
    assert await forked.wait() == -signal.SIGKILL


async def test_the_roles_end_with_a_killed_server_and_the_next_one_gets_a_new_server(
    place: Place,
) -> None:
    forked = [await place.server.fork(role, place.environ) for role in ("router", "recorder")]
    server = place.server.pid
    assert server is not None
    os.kill(server, signal.SIGKILL)
    assert [await each.wait() for each in forked] == [-signal.SIGKILL] * 2
    await eventually(
        lambda: not set(children.left_over(place.mark)) & {each.pid for each in forked},
        within_s=5,
        what="the kernel ends the roles",
    )
    again = await place.server.fork("router", place.environ)
    assert place.server.pid != server
    await end(again)


async def test_a_sigterm_to_every_process_leaves_the_roles_their_time_to_end(place: Place) -> None:
    """systemd sends one to each process of a service."""
    forked = await place.server.fork("router", place.environ)
    await shows(forked, "portcall.router")
    server = place.server.pid
    assert server is not None
    os.kill(server, signal.SIGTERM)
    assert await end(forked) != -signal.SIGKILL
    assert place.server.pid == server
    again = await place.server.fork("recorder", place.environ)
    assert await end(again) != -signal.SIGKILL, "a role does take SIGTERM"


async def test_a_role_that_no_caller_waits_for_is_killed(place: Place) -> None:
    """`portcall up` stops while the server still imports: such a role would run until the end."""
    asking = asyncio.create_task(place.server.fork("router", place.environ))
    await eventually(lambda: place.server.pid is not None, within_s=5, what="the server runs")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    later = await place.server.fork("recorder", place.environ)
    await eventually(
        lambda: set(children.left_over(place.mark)) == {place.server.pid, later.pid},
        within_s=10,
        what="only the role that is waited for runs",
    )


async def test_roles_that_share_a_failed_start_of_the_server_all_hear_of_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_room(*_args: object, **_options: object) -> None:
        await asyncio.sleep(0.05)
        raise OSError("no room for a process")

    with monkeypatch.context() as patched:
        patched.setattr(children, "spawn", no_room)
        failed = await asyncio.gather(
            *(place.server.fork(role, place.environ) for role in ("router", "recorder")),
            return_exceptions=True,
        )
    assert [type(each) for each in failed] == [OSError, ForkError]
    forked = await place.server.fork("router", place.environ)
    await shows(forked, "portcall.router")
    await end(forked)


def test_nothing_runs_in_the_server_before_it_forks() -> None:
    program = (
        "import os; from portcall.cli.up.fork_server import preload; preload();"
        "import asyncio; print(os.listdir('/proc/self/task') == [str(os.getpid())],"
        " sorted(os.readlink(f'/proc/self/fd/{each}') for each in os.listdir('/proc/self/fd')"
        " if os.path.exists(f'/proc/self/fd/{each}') and int(each) > 2"
        " and '.so.' not in os.readlink(f'/proc/self/fd/{each}')))"  # a loader of another Debian's
    )
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "True []\n"


LATE = """
import asyncio, atexit, sys
from portcall.cli.up import fork_server
mains = fork_server.preload()
before = set(sys.modules)
late = lambda: {each.partition(".")[0] for each in set(sys.modules) - before}
atexit.register(lambda: print(*late()))
asyncio.run(asyncio.wait_for(mains[sys.argv[1]](), 3))
"""
SHARED = {"cryptography", "jinja2", "jwt", "portcall", "pydantic", "sqlalchemy"}


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_imports_nothing_large_after_the_fork(role: str, place: Place) -> None:
    """Such a module belongs into the server: each role would have its own copy."""
    await asyncio.to_thread(migrate, place.environ["PORTCALL_DATABASE_URL"])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", LATE, role),
        env=place.sealed,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    said, _ = await process.communicate()
    assert set(said.decode().split()) & SHARED == set()
