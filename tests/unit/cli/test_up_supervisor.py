"""The supervisor, with services that live and die at the test's word."""

import asyncio
from collections.abc import Callable

import pytest

from portcall.cli.errors import NodeError, UpError
from portcall.cli.up.stages import Stage, compact_stages, stages
from portcall.cli.up.supervisor import MAX_RESTART_DELAY_S, Supervisor, restart_delay_s


class FakeService:
    """A process in name only; SIGTERM and SIGKILL end it unless it is told to be stubborn."""

    def __init__(
        self, name: str, *, stubborn: bool = False, journal: list[str] | None = None
    ) -> None:
        self.name = name
        self.role = name.rsplit("-", 1)[0]
        self.pid: int | None = None
        self.lives = 0
        self.unready: str | None = None
        self.failures: list[Exception] = []
        self.journal = journal if journal is not None else []
        self._stubborn = stubborn
        self._end: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def launch(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.lives += 1
        self.pid = 1000 + self.lives
        self._end = asyncio.get_running_loop().create_future()

    async def wait(self) -> int:
        return await asyncio.shield(self._end)

    async def problem(self) -> str | None:
        return self.unready

    def terminate(self) -> None:
        self.journal.append(f"terminate {self.name}")
        if not self._stubborn:
            self.die(0)

    def kill(self) -> None:
        self.journal.append(f"kill {self.name}")
        self.die(-9)

    def die(self, code: int) -> None:
        self.pid = None
        self._end.set_result(code)


class Clock:
    """Time that passes only in sleeps, and then at once."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Let the other tasks run until something holds; a hundred turns are plenty."""
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to hold")


def supervisor_of(
    *services: FakeService, clock: Clock | None = None
) -> tuple[Supervisor, list[int]]:
    changes: list[int] = []
    clock = clock or Clock()
    return (
        Supervisor(
            services, on_change=lambda: changes.append(len(changes)), sleep=clock.sleep, clock=clock
        ),
        changes,
    )


@pytest.mark.parametrize(
    ("quick_deaths", "delay_s"),
    [
        pytest.param(0, 0.0, id="lived long: at once"),
        pytest.param(1, 0.0, id="first quick death: at once"),
        pytest.param(2, 0.25, id="second"),
        pytest.param(3, 0.5, id="third"),
        pytest.param(4, 1.0, id="fourth"),
        pytest.param(5, 2.0, id="fifth"),
        pytest.param(50, MAX_RESTART_DELAY_S, id="never more"),
    ],
)
def test_restart_delay(quick_deaths: int, delay_s: float) -> None:
    assert restart_delay_s(quick_deaths) == delay_s


async def test_a_service_that_dies_is_started_again_at_once() -> None:
    clock = Clock()
    service = FakeService("router-1")
    supervisor, changes = supervisor_of(service, clock=clock)
    run = asyncio.create_task(supervisor.run())
    await until(lambda: service.lives == 1)
    clock.now = 60.0
    service.die(-9)
    await until(lambda: service.lives == 2)
    assert clock.slept == [0.0]
    assert len(changes) == 2
    run.cancel()


async def test_a_service_that_dies_again_and_again_waits_longer_each_time() -> None:
    clock = Clock()
    service = FakeService("router-1")
    supervisor, _ = supervisor_of(service, clock=clock)
    run = asyncio.create_task(supervisor.run())
    for life in range(1, 6):
        await until(lambda wanted=life: service.lives == wanted and service.pid is not None)  # type: ignore[misc]
        service.die(1)
    await until(lambda: service.lives == 6)
    assert clock.slept == [0.0, 0.25, 0.5, 1.0, 2.0]
    run.cancel()


async def test_a_service_that_runs_already_is_kept_as_it_is() -> None:
    service = FakeService("rabbitmq-1")
    await service.launch()
    supervisor, changes = supervisor_of(service)
    run = asyncio.create_task(supervisor.run())
    await until(lambda: bool(changes))
    assert service.lives == 1
    run.cancel()


async def test_a_start_that_fails_is_tried_again() -> None:
    service = FakeService("rabbitmq-1")
    service.failures = [NodeError("no space left"), OSError("no process left")]
    supervisor, _ = supervisor_of(service)
    run = asyncio.create_task(supervisor.run())
    await until(lambda: service.lives == 1)
    run.cancel()


async def test_wrong_settings_end_everything_instead_of_a_restart_for_ever() -> None:
    service, other = FakeService("router-1"), FakeService("producer-1")
    supervisor, _ = supervisor_of(service, other)
    run = asyncio.create_task(supervisor.run())
    await until(lambda: service.lives == 1 and other.lives == 1)
    service.die(2)
    with pytest.raises(UpError, match="router-1"):
        await run
    assert service.lives == 1


async def test_ready_waits_for_all_at_the_same_time_and_tells_who_is_late() -> None:
    first, second = FakeService("router-1"), FakeService("producer-1")
    second.unready = "the broker cannot be reached"
    supervisor, _ = supervisor_of(first, second)
    told: list[dict[str, str]] = []
    waiting = asyncio.create_task(
        supervisor.until_ready(lambda problems: told.append(dict(problems)))
    )
    await until(lambda: len(told) > 2)
    assert told[0] == {"producer-1": "the broker cannot be reached"}
    assert not waiting.done()
    second.unready = None
    await until(waiting.done)


ORDER = [
    "producer-1",
    "management-1",
    "router-1",
    "router-2",
    "deliverer-1",
    "recorder-1",
    "rabbitmq-1",
]


async def test_services_are_stopped_in_the_order_of_the_stages() -> None:
    journal: list[str] = []
    services = [FakeService(name, journal=journal) for name in reversed(ORDER)]
    for service in services:
        await service.launch()
    supervisor, _ = supervisor_of(*services)
    killed = await supervisor.stop(stages(15), limit_s=20, hurry=asyncio.Event())
    assert killed == []
    steps = [set(ORDER[:2]), set(ORDER[2:4]), {"deliverer-1"}, {"recorder-1"}, {"rabbitmq-1"}]
    for step in steps:
        now, journal = journal[: len(step)], journal[len(step) :]
        assert {line.removeprefix("terminate ") for line in now} == step


async def test_who_does_not_end_is_passed_over_and_killed_at_the_limit() -> None:
    journal: list[str] = []
    stubborn = FakeService("producer-1", stubborn=True, journal=journal)
    other = FakeService("router-1", journal=journal)
    for service in (stubborn, other):
        await service.launch()
    supervisor = Supervisor([stubborn, other], on_change=lambda: None)
    steps = [Stage({"producer"}, patience_s=0.01), Stage({"router"}, patience_s=0.01)]
    killed = await supervisor.stop(steps, limit_s=0.03, hurry=asyncio.Event())
    assert journal == ["terminate producer-1", "terminate router-1", "kill producer-1"]
    assert killed == ["producer-1"]


async def test_a_hurry_cuts_the_waiting_short() -> None:
    journal: list[str] = []
    stubborn = FakeService("deliverer-1", stubborn=True, journal=journal)
    await stubborn.launch()
    supervisor = Supervisor([stubborn], on_change=lambda: None)
    hurry = asyncio.Event()
    stopping = asyncio.create_task(supervisor.stop(stages(3600), limit_s=3600, hurry=hurry))
    await until(lambda: bool(journal))
    hurry.set()
    assert await asyncio.wait_for(stopping, timeout=5) == ["deliverer-1"]


@pytest.mark.parametrize("attempt_timeout_s", [0.5, 15.0, 60.0])
def test_the_stages_leave_the_broker_its_time(attempt_timeout_s: float) -> None:
    for steps in (stages(attempt_timeout_s), compact_stages(attempt_timeout_s)):
        before_the_broker = sum(stage.patience_s for stage in steps[:-1])
        assert before_the_broker <= attempt_timeout_s + 3.0
