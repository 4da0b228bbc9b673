"""Roles that share a process, with roles in name only."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from contextvars import copy_context

import pytest

from portcall.cli.up import hosting
from portcall.cli.up.hosting import HostedRole, run, run_file
from portcall.cli.up.stages import ROLES
from portcall.runtime import logs
from portcall.runtime.errors import SettingsError
from portcall.runtime.process import Host

ENVIRON = {
    "PORTCALL_AMQP_URL": "amqp://127.0.0.1/",
    "PORTCALL_DATABASE_URL": "sqlite:////nowhere",
    "PORTCALL_TOKEN": "t" * 32,
    "PORTCALL_ATTEMPT_TIMEOUT": "1s",
    "PORTCALL_RUN_FILE": "/home/run/compact.json",
}
Ending = Callable[[], None]


def nothing() -> None:
    """End in good order."""


class Roles:
    """Mains that run until they are asked to stop, and note what happens."""

    def __init__(self) -> None:
        self.journal: list[str] = []
        self.running = asyncio.Event()
        self.failing: dict[str, BaseException] = {}

    def mains(self) -> dict[str, hosting.Main]:
        return {role: self._main(role) for role in ROLES}

    def _main(self, role: str) -> hosting.Main:
        def main(host: Host) -> Coroutine[object, object, None]:
            return self._run(role, host)

        return main

    async def _run(self, role: str, host: Host) -> None:
        stop = asyncio.Event()
        host.stop_with(stop.set)
        self.journal.append(f"start {role} {host.environ['PORTCALL_RUN_FILE']}")
        if len(self.journal) == len(ROLES):
            self.running.set()
        if role in self.failing:
            await self.running.wait()
            raise self.failing[role]
        await stop.wait()
        self.journal.append(f"end {role}")


@pytest.fixture(autouse=True)
def configured_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "configure", lambda **_options: None)


async def test_a_signal_ends_the_roles_in_their_stages() -> None:
    roles = Roles()
    running = asyncio.create_task(run(roles.mains(), ENVIRON))
    await roles.running.wait()
    assert roles.journal[1] == "start router /home/run/router-1.json"
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(running, 5)
    ended = [line.removeprefix("end ") for line in roles.journal[len(ROLES) :]]
    assert set(ended[:2]) == {"producer", "management"}
    assert ended[2:] == ["router", "deliverer", "recorder"]


@pytest.mark.parametrize(
    "failure", [SystemExit(1), asyncio.CancelledError()], ids=["task ended", "cancelled by a link"]
)
async def test_a_role_that_fails_ends_the_process_after_the_others(failure: BaseException) -> None:
    roles = Roles()
    roles.failing["recorder"] = failure
    with pytest.raises(hosting.RoleFailedError):
        await _code_of(roles)
    assert len([line for line in roles.journal if line.startswith("end ")]) == len(ROLES) - 1


async def _code_of(roles: Roles) -> None:
    """Run them; SystemExit would end the test's own event loop."""

    async def caught() -> None:
        with pytest.raises(SystemExit, match="1") as ended:
            await run(roles.mains(), ENVIRON)
        raise hosting.RoleFailedError from ended.value

    await asyncio.wait_for(asyncio.create_task(caught()), 10)


async def test_wrong_settings_of_a_role_are_the_process_failure() -> None:
    roles = Roles()
    roles.failing["producer"] = SettingsError("PORTCALL_PRODUCER_BIND: wrong")
    with pytest.raises(SettingsError, match="PRODUCER_BIND"):
        await run(roles.mains(), ENVIRON)


async def test_a_role_that_does_not_end_is_left_behind_when_another_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process must be back within 5 s, and the broker still has what was in flight."""
    codes: list[int] = []

    def leave(code: int) -> None:
        codes.append(code)
        raise hosting.RoleFailedError

    monkeypatch.setattr(os, "_exit", leave)
    roles = Roles()
    roles.failing["router"] = SystemExit(1)
    mains = roles.mains()
    forever = asyncio.Event()

    async def hang(host: Host) -> None:
        host.stop_with(nothing)
        roles.journal.append("start deliverer")
        await forever.wait()

    mains["deliverer"] = hang
    began = asyncio.get_running_loop().time()
    with pytest.raises(hosting.RoleFailedError):
        await run(mains, ENVIRON)
    assert codes == [1]
    assert asyncio.get_running_loop().time() - began < 3
    forever.set()


def test_a_stop_before_a_role_listens_for_it_is_kept() -> None:
    role, asked = HostedRole("router", {}), list[str]()
    role.stop()
    role.stop_with(lambda: asked.append("stop"))
    assert asked == ["stop"]


def test_a_process_without_a_run_file_has_none_for_its_roles() -> None:
    assert copy_context().run(run_file, {}, "router") == ""
