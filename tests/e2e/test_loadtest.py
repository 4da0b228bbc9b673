"""`portcall loadtest --through`: events published, followed, and accounted for."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from portcall.cli.ports import HOST, free_ports
from tests.installation import Installation
from tests.sink import Answer, Post, Sink

RUN = ("--rate", "20", "--duration", "1s", "--max-lag", "10s", "--quiet", "--through")
STAGES = ("publish", "confirm", "route", "dequeue", "request", "response", "record")


async def loadtest(
    installation: Installation, *arguments: str, report: Path
) -> tuple[int, str, Any]:
    """Run it in that installation's home; gives exit code, what it said, and its report."""
    process = await asyncio.create_subprocess_exec(
        *installation.command("loadtest", *arguments, "-o", f"json={report}"),
        env=installation.environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), read(report)


def read(report: Path) -> Any:  # noqa: ANN401 (whatever JSON has)
    return json.loads(report.read_text())


async def registries(installation: Installation) -> str:
    process = await asyncio.create_subprocess_exec(
        *installation.command("registry", "list", "-o", "json"),
        env=installation.environ,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return out.decode()


async def test_every_event_comes_through_and_every_stage_is_timed(
    pipeline: Installation, sink: Sink, tmp_path: Path
) -> None:
    code, said, report = await loadtest(
        pipeline, "--uri", f"{sink.url}/hook", *RUN, report=tmp_path / "report.json"
    )
    assert code == 0, said
    assert len({post.json["id"] for post in sink.at("/hook")}) == 20
    ours = report["portcall"]
    assert (ours["planned"], ours["sent"], ours["notSent"]) == (20, 20, 0)
    assert ours["about"]["path"] == "pipeline"
    metrics = report["metrics"]
    assert metrics["http_reqs"]["values"]["count"] == 20
    assert metrics["http_req_failed"]["values"]["passes"] == 0
    assert all(metrics[f"portcall_{stage}"]["values"]["max"] >= 0 for stage in STAGES)
    assert metrics["portcall_request"]["values"]["max"] > 0  # at least the first made a connection
    assert metrics["http_req_connecting"]["values"] == metrics["portcall_request"]["values"]
    whole = metrics["http_req_scheduled_duration"]["values"]["med"]
    assert whole > metrics["portcall_response"]["values"]["med"]
    assert '"loadtest' not in await registries(pipeline)


async def test_a_consumer_that_is_not_there_is_not_passed(
    pipeline: Installation, tmp_path: Path
) -> None:
    uri = f"http://{HOST}:{free_ports(1)[0]}/hook"
    bounds = ("-t", "p(99)<1e9", "-t", "portcall_publish: max<1e9")
    code, said, report = await loadtest(
        pipeline, "--uri", uri, *RUN, "--retries", "", *bounds, report=tmp_path / "report.json"
    )
    assert code == 99, said
    assert "✗ http_req_scheduled_duration: p(99)<1e9: no samples" in said
    assert "✓ portcall_publish: max<1e9" in said  # that was measured
    metrics = report["metrics"]
    assert metrics["http_reqs"]["values"]["count"] >= 20
    for name in ("http_req_duration", "portcall_request", "portcall_response"):
        assert metrics[name]["values"]["max"] is None, name
    code, said, _ = await loadtest(
        pipeline, "--uri", uri, *RUN, "--retries", "", report=tmp_path / "plain.json"
    )
    assert code == 96, said


async def test_the_dashboard_shows_a_run_through_the_pipeline(
    pipeline: Installation, sink: Sink
) -> None:
    process = await asyncio.create_subprocess_exec(
        *pipeline.command("loadtest", "--uri", f"{sink.url}/hook", *RUN, "--dashboard", ":0"),
        env=pipeline.environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    line = (await process.stderr.readline()).decode()
    url = line.removeprefix("Dashboard: ").strip()
    async with ClientSession() as http, http.get(f"{url}events") as answer:
        events = (await answer.text()).split("\n\n")
    await process.communicate()
    name, data = events[-2].split("\n")
    last = json.loads(data.removeprefix("data: "))
    assert (process.returncode, name) == (0, "event: end")
    assert (last["sent"], last["statuses"], last["phase"]) == (20, [["200", 20]], "over")


async def test_the_pipelines_retries_are_attempts_of_the_report(
    pipeline: Installation, sink: Sink, tmp_path: Path
) -> None:
    sink.answer("/hook", *[503] * 5)
    code, said, report = await loadtest(
        pipeline, "--uri", f"{sink.url}/hook", *RUN, "--retries", "1s", report=tmp_path / "r.json"
    )
    assert code == 0, said
    assert report["metrics"]["http_reqs"]["values"]["count"] == 25
    assert report["metrics"]["http_req_failed"]["values"]["passes"] == 5
    (attempts,) = [each for each in report["portcall"]["sections"] if each["title"] == "Attempts"]
    assert [row[:2] for row in attempts["rows"]] == [["1", "20"], ["2", "5"]]


async def test_a_sender_that_never_tries_again_has_no_retries_of_the_installations(
    pipeline: Installation, sink: Sink, tmp_path: Path
) -> None:
    sink.always("/hook", 503)
    code, said, report = await loadtest(
        pipeline, "--uri", f"{sink.url}/hook", *RUN, "--retries", "acr", report=tmp_path / "r.json"
    )
    assert code == 95, said
    assert "20 of 20 valid deliveries not accepted: answered 503" in said
    assert report["metrics"]["http_reqs"]["values"]["count"] == len(sink.at("/hook")) == 20
    assert report["metrics"]["given_up"]["values"]["count"] == 20


@pytest.mark.parametrize(
    ("options", "posts", "refused", "failed"),
    [
        pytest.param((), 25, 0, 10, id="by default"),
        pytest.param(("--final-answers", "receiver-refuses"), 20, 5, 0, id="receiver-refuses"),
        pytest.param(("--final-answers", "404,422"), 25, 0, 10, id="other answers"),
    ],
)
async def test_the_webhook_has_the_final_answers_of_the_load_test(  # noqa: PLR0917 (fixtures and a table)
    pipeline: Installation,
    sink: Sink,
    tmp_path: Path,
    options: tuple[str, ...],
    posts: int,
    refused: int,
    failed: int,
) -> None:
    """The consumer answers 400 to every POST of five deliveries."""
    unwanted = set[str]()

    def judge(post: Post) -> int:
        if len(unwanted) < 5:
            unwanted.add(post.delivery_id)
        return 400 if post.delivery_id in unwanted else 200

    sink.judge = judge
    asked = ("--uri", f"{sink.url}/hook", *RUN, "--retries", "1s", *options)
    code, said, report = await loadtest(pipeline, *asked, report=tmp_path / "r.json")
    assert code == (95 if failed else 0), said
    metrics = report["metrics"]
    assert len(sink.at("/hook")) == metrics["http_reqs"]["values"]["count"] == posts
    assert metrics["http_req_failed"]["values"]["passes"] == failed
    assert metrics["given_up"]["values"]["count"] == failed / 2
    shown = [
        row
        for section in report["portcall"]["sections"]
        for row in section["rows"]
        if row[0] == "refused by a final answer"
    ]
    if refused:
        assert metrics["refused"]["values"]["count"] == refused
        assert shown[0][1] == "5 (25.00%), not among the failed"
    else:
        assert shown == []


async def test_the_consumer_is_asked_what_it_processed_and_a_command_runs_in_the_middle(
    pipeline: Installation, sink: Sink, tmp_path: Path
) -> None:
    listed, killed = tmp_path / "processed", tmp_path / "killed"
    sink.answer("/hook", *[503] * 2)
    asking = asyncio.create_task(list_processed(sink, listed, all_but=1))
    code, said, report = await loadtest(
        pipeline, "--uri", f"{sink.url}/hook", *RUN, "--retries", "1s",
        "--processed", str(listed), "--settle", "2s", "--kill-cmd", f"touch {killed}",
        "-t", "lost_after_accept: count<1", report=tmp_path / "report.json",
    )  # fmt: skip
    asking.cancel()
    assert code == 99, said
    assert killed.exists()
    metrics = report["metrics"]
    assert metrics["processed"]["values"]["count"] == 19
    assert metrics["lost_after_accept"]["values"]["count"] == 1
    assert metrics["retry_amplification"]["values"]["value"] == pytest.approx(22 / 20)
    titles = [section["title"] for section in report["portcall"]["sections"]]
    assert {"A crash in the middle", "Is the consumer correct?", "What senders would do"} <= {
        *titles
    }


async def list_processed(sink: Sink, listed: Path, *, all_but: int) -> None:
    """Keep a file of the ids that were answered 2xx, as a consumer would that forgets some."""
    while True:
        taken = {post.headers["webhook-id"]: None for post in sink.at("/hook")}
        whole = listed.with_suffix(".new")
        whole.write_text("\n".join(list(taken)[all_but:]))
        whole.replace(listed)
        await asyncio.sleep(0.1)


async def test_what_does_not_get_into_the_pipeline_is_no_failure_of_the_consumer(
    pipeline: Installation, sink: Sink, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    elsewhere = {**pipeline.ready, "producer_url": "http://127.0.0.1:1"}
    (home / "ready.json").write_text(json.dumps(elsewhere))
    report = tmp_path / "report.json"
    process = await asyncio.create_subprocess_exec(
        *pipeline.command("loadtest", "--uri", f"{sink.url}/hook", *RUN, "-o", f"json={report}"),
        env={**pipeline.environ, "PORTCALL_HOME": str(home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 98, out.decode()
    document = read(report)
    ours = document["portcall"]
    assert (ours["planned"], ours["sent"], ours["notSent"]) == (20, 0, 20)
    assert "did not reach the pipeline" in ours["generator"]["problem"]
    assert document["metrics"]["http_req_failed"]["values"]["passes"] == 0


async def test_ctrl_c_ends_the_waiting_for_records_and_leaves_nothing_behind(
    pipeline: Installation, sink: Sink, tmp_path: Path
) -> None:
    sink.always("/hook", Answer(after_s=12))
    report = tmp_path / "report.json"
    process = await asyncio.create_subprocess_exec(
        *pipeline.command(
            "loadtest", "--uri", f"{sink.url}/hook", *RUN, "--timeout", "2m", "-o", f"json={report}"
        ),
        env=pipeline.environ,
    )
    await sink.until(1, path="/hook", within_s=60)
    process.send_signal(signal.SIGINT)
    await asyncio.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), 30) == 105
    ours = read(report)["portcall"]
    assert ours["planned"] == ours["sent"] + ours["notSent"]
    assert '"loadtest' not in await registries(pipeline)


@pytest.mark.parametrize(
    "option",
    [
        ("--fault", "all"),
        ("--payload", "harbor"),
        ("--style", "github"),
        ("--conformance",),
        ("--find-max", "p(99)<500"),
        ("--outage", "1s-2s"),
        ("--compress", "60"),
        ("--no-retry-jitter",),
        ("--no-keep-alive",),
        ("--insecure",),
        ("--action", "ping"),
    ],
)
async def test_what_it_cannot_do_is_refused(
    pipeline: Installation, option: tuple[str, ...]
) -> None:
    process = await asyncio.create_subprocess_exec(
        *pipeline.command("loadtest", "--uri", "http://127.0.0.1:9/", "--through", *option),
        env=pipeline.environ,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 2
    assert option[0] in err.decode()
