"""`portcall up`: what it tells, what it survives, how it ends."""

import asyncio
import json
import os
import pty
import re
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.installation import Client, Installation, push_event
from tests.listening import listening
from tests.sink import Answer, Sink, eventually

ROLES = ["producer", "router", "deliverer", "recorder", "management", "rabbitmq"]
BACK_S = 5.0
"""A role that dies is back within this, and so is its pid in ready.json."""
STOP_S = 15.0 + 5.0
"""The attempt timeout and 5 s."""


async def all_ready(installation: Installation, http: aiohttp.ClientSession) -> bool:
    """Whether every role says that it is ready."""
    run_files = list((installation.home / "run").glob("*.json"))
    if len(run_files) < len([role for role in ROLES if role != "rabbitmq"]):
        return False
    for run_file in run_files:
        try:
            url = json.loads(run_file.read_text())["health_url"]
            async with http.get(f"{url}/ready") as response:
                if response.status != 200:
                    return False
        except (OSError, ValueError, aiohttp.ClientError):
            return False
    return True


async def test_ready_json_tells_where_everything_is(
    pipeline: Installation, http: aiohttp.ClientSession
) -> None:
    ready = pipeline.ready
    assert [entry["role"] for entry in ready["processes"]] == ROLES
    for entry in ready["processes"]:
        os.kill(entry["pid"], 0)
    for path, mode in ((pipeline.home, 0o700), (pipeline.home / "ready.json", 0o600)):
        assert stat.S_IMODE(path.stat().st_mode) == mode
    assert (pipeline.home / "token").read_text().strip() == ready["token"]
    assert len(list((pipeline.home / "run").glob("*.json"))) == 5
    assert await all_ready(pipeline, http)
    async with http.get(f"{ready['management_url']}/live") as response:
        assert response.status == 200


async def test_the_console_is_where_ready_json_says_also_after_a_restart_of_management(
    pipeline: Installation, http: aiohttp.ClientSession
) -> None:
    url = pipeline.ready["console_url"]
    assert url == f"{pipeline.ready['management_url']}/console"
    os.kill(pipeline.pids("management")[0], signal.SIGKILL)
    await eventually(lambda: all_ready(pipeline, http), within_s=BACK_S + 5, what="ready")
    assert pipeline.ready["console_url"] == url
    async with http.get(url) as response:
        assert (response.status, response.url.path) == (200, "/console/sign-in")


async def test_where_no_terminal_is_the_console_is_named_without_a_secret(
    pipeline: Installation,
) -> None:
    said = pipeline.log.read_text()
    assert f"console     {pipeline.ready['console_url']}" in said
    assert "portcall_link_" not in said
    assert pipeline.ready["token"] not in said


async def test_on_a_terminal_a_link_to_the_console_is_printed(
    tmp_path: Path, rabbitmq_installed: None
) -> None:
    installation = Installation(tmp_path / "home")
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *installation.command("up"),
        env=installation.environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        said = await asyncio.to_thread(read_until, ours, b"Ctrl-C stops everything")
    finally:
        process.terminate()
        reading = asyncio.create_task(asyncio.to_thread(read_until, ours, b"\0never\0"))
        assert await process.wait() == 0
        await reading
        os.close(ours)
    link = re.search(r"(http://\S+/console/sign-in)#link=(portcall_link_\S+)", said)
    assert link is not None, said
    assert "portcall sink --port 9000" in said  # what listens at the webhook's URI
    assert installation.home.joinpath("token").read_text().strip() not in said


def read_until(terminal: int, end: bytes) -> str:
    """What is printed on a terminal, until *end* or until nobody has it open."""
    said = b""
    try:
        while end not in said and (found := os.read(terminal, 4096)):
            said += found
    except OSError:
        pass
    return said.decode(errors="replace")


async def test_no_process_listens_beyond_the_loopback(pipeline: Installation) -> None:
    pids = [entry["pid"] for entry in pipeline.ready["processes"]]
    loopback = {"0100007F", "00000000000000000000000001000000"}
    assert {address.partition(":")[0] for address in listening(pids)} <= loopback


async def test_a_second_up_in_the_same_home_is_refused(pipeline: Installation) -> None:
    before = pipeline.ready
    code, _, err = await pipeline.portcall("up")
    assert code == 1
    assert "already runs" in err and str(pipeline.process and pipeline.process.pid) in err
    assert pipeline.ready == before


@pytest.mark.parametrize("role", ROLES)
async def test_a_killed_role_is_back_and_the_pipeline_works(
    role: str, pipeline: Installation, client: Client, http: aiohttp.ClientSession, sink: Sink
) -> None:
    registry = await client.new_registry()
    webhook = await client.new_webhook(registry, f"{sink.url}/{role}")
    before = {entry["role"]: entry["pid"] for entry in pipeline.ready["processes"]}

    os.kill(before[role], signal.SIGKILL)
    killed_at = time.monotonic()
    await eventually(
        lambda: pipeline.pids(role) not in ([], [before[role]]),
        within_s=BACK_S,
        what=f"a new {role} in ready.json",
    )
    if role != "rabbitmq":
        await eventually(
            lambda: all_ready(pipeline, http),
            within_s=max(0.0, BACK_S - (time.monotonic() - killed_at)),
            what=f"the new {role} is ready",
        )
    after = {entry["role"]: entry["pid"] for entry in pipeline.ready["processes"]}
    assert {name for name in ROLES if before[name] != after[name]} == {role}

    await eventually(lambda: all_ready(pipeline, http), within_s=40, what="everything is ready")
    assert (await client.publish(registry, [push_event(id=f"after-{role}")]))[0] == 202
    (post,) = await sink.until(1, path=f"/{role}")
    assert post.json["id"] == f"after-{role}"

    async def recorded() -> bool:
        return len(await client.list_events(registry, webhook)) == 1

    await eventually(recorded, within_s=10, what="the attempt is in list-events")


@pytest.fixture
def own(tmp_path: Path, rabbitmq_installed: None) -> Iterator[Installation]:
    """An installation of this test's own, not started."""
    installation = Installation(
        tmp_path / "home", arguments=("--routers", "2", "--deliverers", "2")
    )
    yield installation
    installation.clean_up()


async def test_what_was_accepted_survives_a_stop_a_crash_and_a_hurry(
    own: Installation, http: aiohttp.ClientSession, sink: Sink
) -> None:
    await asyncio.to_thread(own.start)
    assert len(own.pids("router")) == len(own.pids("deliverer")) == 2
    client = Client(own, http)
    registry = await client.new_registry()
    webhook = await client.new_webhook(registry, f"{sink.url}/hook")
    token = own.ready["token"]

    sink.answer("/hook", Answer(after_s=2.0))
    assert (await client.publish(registry, [push_event(id="in-flight")]))[0] == 202
    await sink.until(1)
    began = time.monotonic()
    assert await asyncio.to_thread(own.stop, within_s=STOP_S) == 0
    assert time.monotonic() - began > 1.5, "what was in flight has ended first"
    assert not (own.home / "ready.json").exists()
    assert own.left_over() == []

    await asyncio.to_thread(own.start)
    assert own.ready["token"] == token
    assert [post.json["id"] for post in sink.posts] == ["in-flight"], "no duplicate from a stop"

    async def in_flight_recorded() -> bool:
        return len(await client.list_events(registry, webhook)) == 1

    await eventually(in_flight_recorded, within_s=10, what="the attempt is in list-events")

    sink.always("/hook", 503)
    accepted = [f"before-the-crash-{number}" for number in range(20)]
    assert (await client.publish(registry, [push_event(id=name) for name in accepted]))[0] == 202
    assert own.process is not None
    own.process.kill()
    own.process.wait()
    await eventually(lambda: own.left_over() == [], within_s=5, what="no process is left")

    sink.always("/hook", 200)
    await asyncio.to_thread(own.start)

    def delivered() -> bool:
        return set(accepted) <= {post.json["id"] for post in sink.posts}

    await eventually(delivered, within_s=30, what="everything that was accepted is delivered")

    sink.always("/hook", Answer(after_s=60))
    assert (await client.publish(registry, [push_event(id="hangs")]))[0] == 202
    await eventually(
        lambda: sink.posts[-1].json["id"] == "hangs", within_s=10, what="an attempt that hangs"
    )
    stops = own.log.read_text().count("pipeline.stopping")
    own.process.send_signal(signal.SIGINT)
    await eventually(
        lambda: own.log.read_text().count("pipeline.stopping") > stops, within_s=5, what="it stops"
    )
    assert await asyncio.to_thread(own.stop, signal.SIGINT, within_s=8) == 0, "at once"


async def test_a_start_without_its_broker_waits_for_it_and_says_so(
    tmp_path: Path, broker_url: str, amqp_url: str, http: aiohttp.ClientSession
) -> None:
    nowhere = Installation(tmp_path / "nowhere", {"PORTCALL_AMQP_URL": "amqp://127.0.0.1:1/"})
    there = Installation(tmp_path / "there", {"PORTCALL_AMQP_URL": amqp_url})
    try:
        nowhere.launch()
        await asyncio.to_thread(there.start)
        assert there.pids("rabbitmq") == []
        assert there.ready["amqp_url"] == amqp_url
        await eventually(
            lambda: "topology.undeclared" in nowhere.said(400), within_s=20, what="it says why"
        )
        assert not (nowhere.home / "ready.json").exists()
        assert await asyncio.to_thread(nowhere.stop, within_s=STOP_S) == 0
        assert await asyncio.to_thread(there.stop, within_s=STOP_S) == 0
    finally:
        nowhere.clean_up()
        there.clean_up()


@pytest.mark.parametrize(
    ("environ", "code", "told"),
    [
        pytest.param(
            {"PORTCALL_RETRY_SCHEDULE": "soon"}, 2, "PORTCALL_RETRY_SCHEDULE", id="setting"
        ),
        pytest.param(
            {"PORTCALL_DATABASE_URL": "postgresql://127.0.0.1:1/x"}, 1, "store", id="store"
        ),
    ],
)
async def test_what_cannot_run_is_told_in_words(
    tmp_path: Path, environ: dict[str, str], code: int, told: str
) -> None:
    installation = Installation(tmp_path / "home", environ)
    ended, _, err = await installation.portcall("up")
    assert ended == code, err
    assert told in err and "Traceback" not in err
    assert installation.left_over() == []
