"""Each fault is caught by the right example and trips the naive one, and the report names which."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from portcall.cli.ports import free_ports
from portcall.loadtest.checking import Checking, Inspector
from portcall.loadtest.conformance.conduct import conduct
from portcall.loadtest.conformance.judging import conformance_section
from portcall.loadtest.faults.kinds import BY_NAME
from portcall.loadtest.judge.asking import until_settled
from portcall.loadtest.judge.oracle import judge
from portcall.loadtest.judge.rightness import faults_section
from portcall.loadtest.measure.ledger import Ledger
from portcall.loadtest.measure.sections import Section
from portcall.loadtest.payloads.facts import FactMix
from portcall.loadtest.plan import Planned
from portcall.loadtest.run import Limits, run
from portcall.loadtest.send.poster import Poster
from portcall.loadtest.send.retrying import Outage, Policy
from portcall.loadtest.send.sources import Deliveries, Workload
from portcall.loadtest.send.target import ConsumerTarget
from portcall.loadtest.signing import Signing, Style
from tests.integration.loadtest.consumers import EXAMPLES, example

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 (of the specification)
SIGNING = Signing.of(Style.STANDARD, SECRET)
ONE_TAG = FactMix({"push": 1}, repositories=1, tags=1)
"""All about one thing, so that any change of order can be seen."""
EVENTS = 12


async def send(url: str, deliveries: Deliveries) -> None:
    """Send everything at its time."""
    began = time.perf_counter()

    async def one(poster: Poster, planned: Planned) -> None:
        await asyncio.sleep(max(0.0, began + planned.at_s - time.perf_counter()))
        deliveries.ledger.sent(planned)
        deliveries.ledger.done(await poster.ask(planned))

    async with Poster(ConsumerTarget.of(f"{url}/hook", {}), timeout_s=10) as poster:
        await asyncio.gather(*(one(poster, planned) for planned in deliveries))


async def report(url: str, faults: dict[str, float], seed: int) -> Section:
    """Send events with these faults, and judge the consumer."""
    times = [number * 0.03 for number in range(EVENTS)]
    traffic = Workload(ONE_TAG, SIGNING, faults=faults)
    deliveries = Deliveries(times, traffic, seed=seed, began_us=time.time_ns() // 1000)
    await send(url, deliveries)
    return await judged(url, deliveries.ledger)


async def judged(url: str, ledger: Ledger) -> Section:
    entries = ledger.sent_entries
    verdict = judge(entries, await until_settled(f"{url}/processed", entries, settle_s=1))
    return faults_section(ledger, verdict, 1.0)


async def tripped(name: str, secret: str = SECRET) -> dict[str, tuple[str, ...]]:
    """For each fault alone: which faults the report says tripped that consumer."""
    with ExitStack() as stack:
        urls = {fault: stack.enter_context(example(name, secret)) for fault in BY_NAME}
        sections = await asyncio.gather(
            *(report(url, {fault: 1.0}, seed) for seed, (fault, url) in enumerate(urls.items()))
        )
    return {
        fault: tuple(each.name for each in section.findings if each.ok is not True)
        for fault, section in zip(urls, sections, strict=True)
    }


async def test_the_right_consumer_catches_every_fault() -> None:
    assert await tripped("right") == dict.fromkeys(BY_NAME, ())


async def test_every_fault_trips_the_naive_consumer_and_the_report_names_it() -> None:
    assert await tripped("naive") == {name: (name,) for name in BY_NAME}


@pytest.mark.parametrize(("name", "grades"), [("right", {"A"}), ("naive", {"D", "F"})])
async def test_the_consumers_are_graded(name: str, grades: set[str]) -> None:
    with example(name, SECRET) as url:
        async with Poster(ConsumerTarget.of(f"{url}/hook", {}), timeout_s=10) as poster:
            seen = await conduct(
                poster, Workload(ONE_TAG, SIGNING), processed=f"{url}/processed", seed=1
            )
    section = conformance_section(seen)
    assert section.grade in grades, section


async def storm(name: str) -> dict[str, Section]:
    """Events at 200/s; for most of the time nothing gets through, then everything comes at once."""
    with example(name, SECRET) as url:
        policy = Policy((6_000,) * 20, compression=120)
        outage = Outage(0.1, 0.9)
        traffic = Workload(FactMix({"push": 1}), SIGNING, policy=policy, outage=outage)
        times = [number / 200 for number in range(200)]
        deliveries = Deliveries(times, traffic, seed=1, began_us=time.time_ns() // 1000)
        checking = Checking(processed=f"{url}/processed", settle_s=1)
        inspector = Inspector(checking, deliveries, traffic, seed=1)
        target = ConsumerTarget.of(f"{url}/hook", {})
        ended = await run(
            target, deliveries, limits=Limits(timeout_s=5), observers=inspector.observers
        )
        sections = await inspector.sections(ended.elapsed_s, lambda: Poster(target, timeout_s=5))
    return {section.title: section for section in sections}


async def test_the_right_consumer_bears_a_retry_storm() -> None:
    sections = await storm("right")
    assert sections["Is the consumer correct?"].grade == "right"
    retries = sections["Retries"]
    assert "After the outage 160 deliveries came back" in retries.words[1]
    assert retries.metrics["retry_amplification"].values["value"] == 1.0
    assert (retries.metrics["storm_peak"].values["value"] or 0) >= 160


async def test_a_retry_storm_trips_the_naive_consumer() -> None:
    sections = await storm("naive")
    assert (sections["Retries"].metrics["retry_amplification"].values["value"] or 0) > 1.0
    assert (sections["Is the consumer correct?"].metrics["missing"].values["count"] or 0) > 0


NAMES = ("consumer.py", "naive_consumer.py", "right_consumer.py")
KEYED = {"WEBHOOK_SECRET": SECRET}


@pytest.mark.parametrize("name", NAMES)
def test_an_example_says_in_a_line_that_its_port_is_taken(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, str(EXAMPLES / name), str(taken.getsockname()[1])]
        ended = subprocess.run(  # noqa: S603 (an example of ours)
            command, capture_output=True, text=True, timeout=30, check=False, env=KEYED
        )
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert "Give another one" in ended.stderr


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("arguments", [("--help",), ("90a",)], ids=" ".join)
def test_an_example_says_how_it_is_used(name: str, arguments: tuple[str, ...]) -> None:
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    ended = subprocess.run(  # noqa: S603 (an example of ours)
        command, capture_output=True, text=True, timeout=30, check=False, env=KEYED
    )
    assert "Usage:" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("name", NAMES)
def test_ctrl_c_ends_an_example_without_a_traceback(name: str) -> None:
    command = [sys.executable, str(EXAMPLES / name), str(free_ports(1)[0])]
    with subprocess.Popen(  # noqa: S603 (an example of ours)
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=KEYED
    ) as running:
        assert running.stdout is not None
        assert "Ctrl-C ends it" in running.stdout.readline()
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (0, "")


@pytest.mark.parametrize("name", NAMES[1:])
def test_an_example_without_its_secret_says_how_it_is_used(name: str) -> None:
    command = [sys.executable, str(EXAMPLES / name)]
    ended = subprocess.run(  # noqa: S603 (an example of ours)
        command, capture_output=True, text=True, timeout=30, check=False, env={}
    )
    assert "Usage: WEBHOOK_SECRET=" in ended.stderr
    assert "Traceback" not in ended.stderr
