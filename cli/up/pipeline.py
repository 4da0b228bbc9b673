"""`portcall up` at work: start everything, keep it running, and stop it in order."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import aiohttp

from portcall.cli import children
from portcall.cli.up.broker import PrivateBroker
from portcall.cli.up.compact_process import CompactProcess
from portcall.cli.up.forks import ForkServer
from portcall.cli.up.plan import Plan
from portcall.cli.up.ready import Addresses, ReadyFile
from portcall.cli.up.roles import RoleProcess
from portcall.cli.up.stages import SPARE_S, compact_stages, stages
from portcall.cli.up.supervisor import Service, Supervisor
from portcall.runtime.broker import declaring
from portcall.runtime.errors import BrokerError
from portcall.runtime.logs import get_logger
from portcall.store.secrets.keys import FILE_VARIABLE, VARIABLE

if TYPE_CHECKING:
    from portcall.cli.account import ClientCredentials
    from portcall.store.database.installation import Installation

TELL_AGAIN_S = 10.0
RETRY_S = 0.5
OPERATOR_VARIABLES = ("PORTCALL_OPERATOR_WEBHOOK_URI", "PORTCALL_OPERATOR_WEBHOOK_SECRET")
DECLARE_S = 15.0
KEY_VARIABLES = (VARIABLE, FILE_VARIABLE)
SECRETS: Mapping[str, tuple[str, ...]] = {
    "producer": KEY_VARIABLES,
    "deliverer": (*KEY_VARIABLES, *OPERATOR_VARIABLES),
    "management": (*KEY_VARIABLES, *OPERATOR_VARIABLES),
}
"""The secrets that a role needs: keys for webhooks and sources, and the operator's webhook."""


class StopSignals:
    """SIGTERM, SIGINT and SIGHUP: the first one asks to stop, a second one to hurry."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurry = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._take)

    def _take(self) -> None:
        (self.hurry if self.asked.is_set() else self.asked).set()


class Pipeline:
    """All processes of one installation.

    Args:
        plan: What to run.
        on_ready: Called once, when everything is ready and ready.json is written; it may block.
    """

    def __init__(self, plan: Plan, *, on_ready: Callable[[], None]) -> None:
        self._plan = plan
        self._on_ready = on_ready
        self._ready_file = ReadyFile(plan.home.ready_file)
        self._broker = None if plan.amqp_url else PrivateBroker(plan.home.broker)
        self._supervisor: Supervisor | None = None
        self._server: ForkServer | None = None
        self._log = get_logger()

    async def run(self) -> None:
        """Run until a signal asks to stop.

        Raises:
            PortcallError: It cannot start or continue; everything is stopped again.
        """
        signals = StopSignals()
        self._ready_file.remove()
        await children.end_left_over(str(self._plan.home.path), grace_s=1.0)
        async with aiohttp.ClientSession() as http:
            try:
                await _until(signals.asked, self._serve(http))
            finally:
                self._ready_file.remove()
                self._log.info("pipeline.stopping")
                await self._take_down(signals.hurry)
                self._log.info("pipeline.stopped")

    async def _serve(self, http: aiohttp.ClientSession) -> None:
        """Start everything and keep it running; ends by cancellation."""
        amqp_url = await self._launch_broker()
        if not self._plan.compact:
            self._server = self._fork_server(amqp_url)
            await self._server.start()
        async with asyncio.TaskGroup() as first:
            installed = first.create_task(asyncio.to_thread(prepare_store, self._plan))
            if self._broker is not None:
                # Before the roles: with the fork server, these start in less than a second.
                first.create_task(self._finish_broker(self._broker))
        self._supervisor = supervisor = Supervisor(
            self._services(amqp_url, http), on_change=self._update_ready_file
        )
        async with asyncio.TaskGroup() as work:
            work.create_task(supervisor.run())
            if self._broker is None:
                await self._declare(amqp_url)
            await supervisor.until_ready(StartProgress(self._log.info).tell)
            self._ready_file.publish(
                self._addresses(amqp_url, *installed.result()), supervisor.services
            )
            await asyncio.to_thread(self._on_ready)

    async def _launch_broker(self) -> str:
        """Begin the start of the private node, and return its URL; or that of the external one."""
        if self._broker is None:
            return self._plan.amqp_url
        self._broker.folder.begin()
        await self._broker.launch()
        return self._broker.url

    async def _finish_broker(self, broker: PrivateBroker) -> None:
        """Wait for the launched node, declare the topology, and let a new node settle.

        Raises:
            NodeError: The node ended or did not answer in time.
            BrokerError: It has a different queue or exchange of that name.
        """
        await broker.until_answering()
        await self._declare_at_private_node(broker.url)
        await broker.folder.settle()

    async def _declare_at_private_node(self, amqp_url: str) -> None:
        """Declare the topology at our node; after a restart, a stream needs a moment.

        Raises:
            BrokerError: The node has a different queue or exchange of that name.
        """
        end = asyncio.get_running_loop().time() + DECLARE_S
        while True:
            try:
                return await declaring.apply(amqp_url, self._plan.topology)
            except BrokerError:
                if asyncio.get_running_loop().time() > end:
                    raise
                await asyncio.sleep(RETRY_S)

    async def _declare(self, amqp_url: str) -> None:
        """Declare the topology at an external broker, as soon as it answers."""
        while True:
            try:
                return await declaring.apply(amqp_url, self._plan.topology)
            except BrokerError as error:
                self._log.warning("topology.undeclared", reason=str(error))
                await asyncio.sleep(RETRY_S)

    def _fork_server(self, amqp_url: str) -> ForkServer:
        environ = self._plan.environ_for(amqp_url)
        return ForkServer(environ_of("", environ), widest=environ, mark=str(self._plan.home.path))

    def _services(self, amqp_url: str, http: aiohttp.ClientSession) -> list[Service]:
        if self._server is None:
            environ = self._plan.environ_for(amqp_url)
            roles: list[Service] = [CompactProcess(self._plan.home.path, environ, http)]
        else:
            roles = self._roles(amqp_url, http, self._server)
        return roles if self._broker is None else [self._broker, *roles]

    def _roles(
        self, amqp_url: str, http: aiohttp.ClientSession, server: ForkServer
    ) -> list[Service]:
        environ = self._plan.environ_for(amqp_url)
        return [
            RoleProcess(
                role,
                number,
                home=self._plan.home.path,
                environ=environ_of(role, environ),
                http=http,
                server=server,
            )
            for role, count in self._plan.processes.items()
            for number in range(1, count + 1)
        ]

    def _addresses(
        self, amqp_url: str, installation: "Installation", account: "ClientCredentials"
    ) -> Addresses:
        ca_file = self._plan.ca_file
        return Addresses(
            management_url=self._plan.management_url,
            management_tls_url=self._plan.management_tls_url,
            ca_file=str(ca_file) if ca_file else None,
            producer_url=self._plan.producer_url,
            producer_tls_url=self._plan.producer_tls_url,
            console_url=self._plan.console_url,
            amqp_url=amqp_url,
            database_url=self._plan.database_url,
            token=self._plan.token,
            client_id=account.client_id,
            client_secret=account.client_secret,
            tenant=installation.tenant,
            subscription=installation.subscription,
            resource_group=installation.resource_group,
        )

    def _update_ready_file(self) -> None:
        if self._supervisor is not None:
            self._ready_file.update(self._supervisor.services)

    async def _take_down(self, hurry: asyncio.Event) -> None:
        """Stop everything within the time of one attempt and `SPARE_S`."""
        limit_s = self._plan.attempt_timeout_s + SPARE_S - 0.5
        if self._supervisor is not None:
            make_steps = compact_stages if self._plan.compact else stages
            steps = make_steps(self._plan.attempt_timeout_s)
            if killed := await self._supervisor.stop(steps, limit_s=limit_s, hurry=hurry):
                self._log.warning("role.killed", services=killed)
        if self._broker is not None:
            await self._broker.stop(grace_s=limit_s)
        if self._server is not None:
            await self._server.stop()


class StartProgress:
    """Prints what the start waits for, whenever that changes."""

    def __init__(self, say: Callable[..., object]) -> None:
        self._say = say
        self._told_at = asyncio.get_running_loop().time()

    def tell(self, problems: Mapping[str, str]) -> None:
        """Take the problems of one look."""
        now = asyncio.get_running_loop().time()
        if now - self._told_at >= TELL_AGAIN_S:
            self._told_at = now
            self._say("pipeline.waiting", **problems)


def prepare_store(plan: Plan) -> "tuple[Installation, ClientCredentials]":
    """Do `installing.prepare_store`, and load its code only now: that takes 0.5 s of CPU.

    The private node boots meanwhile.
    """
    from portcall.cli.up import installing  # noqa: PLC0415 (as above)

    return installing.prepare_store(plan)


def environ_of(role: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a role: of the secrets, it has those that it needs."""
    hidden = {*KEY_VARIABLES, *OPERATOR_VARIABLES}.difference(SECRETS.get(role, ()))
    return {name: value for name, value in environ.items() if name not in hidden}


async def _until(asked: asyncio.Event, work: Coroutine[object, object, None]) -> None:
    """Run *work* until it ends or *asked* is set; raise its error.

    Raises:
        BaseException: The first error of *work*, taken out of its group.
    """
    task = asyncio.create_task(work)
    stop = asyncio.create_task(asked.wait())
    await asyncio.wait([task, stop], return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    task.cancel()
    with suppress(asyncio.CancelledError):
        try:
            await task
        except BaseExceptionGroup as group:
            raise _first(group) from None


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
