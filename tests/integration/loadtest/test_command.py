"""`portcall loadtest` as a process of its own: what it says, what it writes, how it ends."""

import asyncio
import json
import os
import pty
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from portcall.cli.ports import HOST, free_ports
from tests.integration.loadtest.consumer import Consumer, serve

QUICK = ("--rate", "50", "--duration", "500ms", "--max-lag", "10s")


@pytest.fixture
async def consumer() -> AsyncIterator[Consumer]:
    async with serve() as serving:
        yield serving


async def start(*arguments: str) -> asyncio.subprocess.Process:
    argv = [sys.executable, "-m", "portcall.cli.main", "loadtest", *arguments]
    return await asyncio.create_subprocess_exec(
        *argv, stdout=PIPE, stderr=PIPE, env={**os.environ, "COLUMNS": "200"}
    )


async def loadtest(*arguments: str) -> tuple[int, str, str]:
    process = await start(*arguments)
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_a_first_run_needs_nothing_but_the_uri(consumer: Consumer, tmp_path: Path) -> None:
    files = {name: tmp_path / f"report.{name}" for name in ("json", "html", "md", "xml")}
    asked = [word for file in files.values() for word in ("-o", str(file))]
    code, out, err = await loadtest("--uri", consumer.uri, *QUICK, *asked)
    assert code == 0, err
    assert out.splitlines()[:2] == ["passed", "planned 25 = sent 25 + not sent 0"]
    assert sum(consumer.ids.values()) == 25
    assert json.loads(files["json"].read_text())["metrics"]["http_reqs"]["values"]["count"] == 25
    assert all(file.stat().st_size for file in files.values())
    assert "bug in portcall" not in err


async def test_keys_turn_the_rate_while_it_runs(consumer: Consumer, tmp_path: Path) -> None:
    terminal, its_end = pty.openpty()
    shown, hinted = bytearray(), asyncio.Event()

    def read() -> None:
        shown.extend(os.read(terminal, 65_536))
        if b"tenth more" in shown:
            hinted.set()

    asyncio.get_running_loop().add_reader(terminal, read)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "portcall.cli.main", "loadtest", "--uri", consumer.uri, "--rate", "50",
        "-d", "4s", "--max-lag", "10s", "-o", f"json={tmp_path / 'r.json'}",
        stdin=its_end, stderr=its_end, stdout=PIPE,
        env={**os.environ, "COLUMNS": "200", "TERM": "xterm"},
    )  # fmt: skip
    async with asyncio.timeout(30):
        await hinted.wait()
        os.write(terminal, b"+" * 8)
        out, _ = await process.communicate()
    asyncio.get_running_loop().remove_reader(terminal)
    os.close(terminal)
    os.close(its_end)
    assert process.returncode == 0, out.decode()
    report = json.loads((tmp_path / "r.json").read_text())["portcall"]
    assert "changed by hand: " in report["about"]["plan"]
    assert "x2.14 from" in report["about"]["plan"]
    assert report["planned"] > 210


async def test_reports_of_several_generators_are_put_together(
    consumer: Consumer, tmp_path: Path
) -> None:
    files = [tmp_path / "one.json", tmp_path / "two.json"]
    for file in files:
        assert (await loadtest("--uri", consumer.uri, *QUICK, "-o", str(file), "-q"))[0] == 0
    merged, prefix = tmp_path / "both.json", tmp_path / "locust"
    code, out, err = await loadtest(
        "merge", *map(str, files), "-o", str(merged), "-o", f"locust={prefix}", "-t", "max<20s"
    )
    assert code == 0, err
    assert "planned 50 = sent 50 + not sent 0" in out
    report = json.loads(merged.read_text())
    assert report["metrics"]["http_reqs"]["values"]["count"] == 50
    assert ",Aggregated,50,0," in (tmp_path / "locust_stats.csv").read_text()
    assert (await loadtest("merge", str(merged), "-t", "max<0.001"))[0] == 99


@pytest.mark.parametrize("content", [None, b"{}"])
async def test_what_cannot_be_merged_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "odd.json"
    if content is not None:
        file.write_bytes(content)
    code, _, err = await loadtest("merge", str(file))
    assert code == 2
    assert "odd.json" in err


@pytest.mark.parametrize(("bound", "code"), [("max<20s", 0), ("max<0.001", 99), ("dropped==0", 0)])
async def test_the_exit_code_says_whether_thresholds_were_kept(
    consumer: Consumer, bound: str, code: int
) -> None:
    assert (await loadtest("--uri", consumer.uri, *QUICK, "-t", bound))[0] == code


async def test_a_run_that_its_own_limit_cut_short_does_not_count(consumer: Consumer) -> None:
    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(1)
        return web.Response(text="ok")

    consumer.answer = slow
    code, out, _ = await loadtest("--uri", consumer.uri, *QUICK, "--max-in-flight", "5")
    assert code == 98
    assert "planned 25 = sent 5 + not sent 20" in out
    assert "raise --max-in-flight" in out


async def test_ctrl_c_reports_what_was_sent_until_then(consumer: Consumer) -> None:
    arrived = asyncio.Event()

    async def answer(_request: web.Request) -> web.Response:
        arrived.set()
        return web.Response(text="ok")

    consumer.answer = answer
    process = await start("--uri", consumer.uri, "--duration", "10m", "--max-lag", "10s", "-q")
    await arrived.wait()
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert process.returncode == 105, err.decode()
    assert "Stopped before its end" in out.decode()
    assert b"Traceback" not in err


async def test_ctrl_c_while_the_consumer_is_asked_loses_no_report(
    consumer: Consumer, tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    os.mkfifo(asked)
    asking = ("--processed", f"echo $$ > {asked}; exec sleep 60")
    process = await start("--uri", consumer.uri, *QUICK, "-q", *asking)
    command = int(await asyncio.to_thread(asked.read_text))
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 97, err.decode()
    said = " ".join(out.decode().split())
    assert "planned 25 = sent 25 + not sent 0" in said
    assert "Ctrl-C stopped this check before it had a result" in said
    with pytest.raises(ProcessLookupError):
        os.kill(command, 0)
    assert b"Traceback" not in err


async def test_a_report_may_go_to_standard_output_alone(consumer: Consumer) -> None:
    code, out, err = await loadtest("--uri", consumer.uri, *QUICK, "-o", "json=-", "-q")
    assert code == 0
    assert json.loads(out)["portcall"]["planned"] == 25
    assert "planned 25 = sent 25" in err


async def test_a_consumer_that_is_not_there_is_a_result_and_no_traceback() -> None:
    uri = f"http://{HOST}:{free_ports(1)[0]}/"
    code, out, err = await loadtest("--uri", uri, *QUICK, "-t", "rate<0.01")
    assert code == 99
    assert "the connection was refused" in out
    assert "Traceback" not in err


async def test_the_highest_rate_is_found_and_drawn(consumer: Consumer, tmp_path: Path) -> None:
    async def busy(_request: web.Request) -> web.Response:
        refused = len(consumer.requests) % 2 and consumer.ids.total() > 40
        return web.Response(status=503 if refused else 200)

    consumer.answer = busy
    html = tmp_path / "knee.html"
    code, out, err = await loadtest(
        "--uri", consumer.uri, "--rate", "20", "-d", "500ms", "--max-lag", "10s", "--pause", "1ms",
        "--find-max", "rate<0.001", "-o", str(html), "-q",
    )  # fmt: skip
    assert code == 0, err
    assert "It can take" in out
    assert "Latency by rate" in html.read_text()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--uri", "nonsense"], "--uri"),
        (["--uri", "http://127.0.0.1/", "--duration", "soon"], "--duration"),
        (["--uri", "http://127.0.0.1/", "--rate", "0"], "--rate"),
        (["--uri", "http://127.0.0.1/", "-t", "p99<5x"], "--threshold"),
        (["--uri", "http://127.0.0.1/", "-o", "pdf=x.pdf"], "--output"),
        (["--uri", "http://127.0.0.1/", "-o", "locust=-"], "--output"),
        (["--uri", "http://127.0.0.1/", "--copies-after", "soon"], "--copies-after"),
        (["--uri", "http://127.0.0.1/", "--trace", "/no/such/file"], "--trace"),
        (["--uri", "http://127.0.0.1/", "-H", "bad name=x"], "--header"),
        (["--uri", "http://127.0.0.1/", "--stages", "x"], "--stages"),
        (["--uri", "http://127.0.0.1/", "--peak", "50"], "--peak needs --shape"),
        (["--uri", "http://127.0.0.1/", "-t", "htp_reqs: count>1"], "no metric 'htp_reqs'"),
        (["--uri", "http://127.0.0.1/", "-t", "missing==0"], "only measured with --processed"),
        (["--uri", "http://127.0.0.1/", "--find-max", "x"], "--find-max"),
        (["--uri", "http://127.0.0.1/", "--find-max", "max<5", "--conformance"], "--conformance"),
        (["--uri", "http://127.0.0.1/", "--retries", "1s", "--outage", "20s-40s"], "--outage"),
        (["--uri", "http://127.0.0.1/", "-o", "json=/"], "--output: /: is a folder"),
        ([], "--uri"),
    ],
)
async def test_wrong_usage_names_its_option(arguments: list[str], named: str) -> None:
    code, _, err = await loadtest(*arguments)
    assert code == 2
    assert named in err
    assert "Traceback" not in err


async def test_the_help_page_has_what_a_first_run_needs() -> None:
    code, out, _ = await loadtest("--help")
    assert code == 0
    for words in ("portcall sink", "--rate", "--duration", "--threshold", "html=", "Examples"):
        assert words in out


async def test_a_crash_that_did_not_happen_is_no_pass(consumer: Consumer) -> None:
    code, out, _ = await loadtest("--uri", consumer.uri, *QUICK, "--kill-cmd", "exit 3")
    assert code == 97
    assert "`exit 3` at 0.25 s ended with 3" in out


async def test_a_secret_is_in_no_report(consumer: Consumer, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    secret = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
    code, out, err = await loadtest(
        "--uri", consumer.uri, *QUICK, "--secret", secret, "-H", "authorization=Bearer hush",
        "-o", str(report),
    )  # fmt: skip
    assert code == 0, err
    assert "webhook-signature" in consumer.requests[0].headers
    for text in (report.read_text(), out, err):
        assert secret not in text
        assert "hush" not in text
