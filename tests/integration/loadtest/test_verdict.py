"""Two consumers, one with the two typical mistakes and one without: every output says the same."""

import json
import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest

from portcall.loadtest.sink.behaviour import Behaviour
from portcall.loadtest.sink.memory import Memory
from portcall.loadtest.sink.server import Sink
from portcall.loadtest.sink.verifying import SinkKeys
from tests.integration.loadtest.test_command import loadtest
from tests.loopback import on_loopback

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 (of the specification)
RUN = (
    "--rate", "50", "--duration", "2s", "--max-lag", "1m", "--secret", SECRET, "--seed", "1",
    "--fault", "duplicate-concurrent:20%", "--settle", "1s", "--quiet",
)  # fmt: skip


class Case(NamedTuple):
    """A consumer, the options beside the usual ones, and what every output must say."""

    wrong: bool
    options: tuple[str, ...]
    ending: str
    code: int
    words: str


ASKED = ("--processed", "{url}/processed")
CASES = {
    "right": Case(wrong=False, options=ASKED, ending="passed", code=0, words="passed"),
    "right, graded": Case(
        wrong=False, options=(*ASKED, "--conformance"), ending="passed", code=0, words="passed"
    ),
    "wrong, asked": Case(
        wrong=True, options=ASKED, ending="failed", code=95,
        words=r"failed: \d+ lost after accept; \d+ processed twice; faults: duplicate-concurrent",
    ),
    "wrong, graded": Case(
        wrong=True, options=(*ASKED, "--conformance"), ending="failed", code=95,
        words=r"failed: \d+ lost after accept; \d+ processed twice; faults: .* and 1 more",
    ),
    "wrong, only reported": Case(
        wrong=True, options=(*ASKED, "--report-only"), ending="passed", code=0, words="passed"
    ),
    "wrong, with a threshold": Case(
        wrong=True, options=(*ASKED, "--report-only", "-t", "lost_after_accept==0"),
        ending="failed", code=99, words="failed: lost_after_accept: count==0",
    ),
    "cannot be asked": Case(
        wrong=False, options=("--processed", "{url}/nowhere"), ending="no verdict", code=97,
        words="a requested check has no result: .*",
    ),
}  # fmt: skip


@asynccontextmanager
async def serving(*, wrong: bool) -> AsyncIterator[str]:
    """A consumer; a wrong one answers before it stores, and does not look for duplicates."""
    sink = Sink(
        trust=SinkKeys.of([SECRET]),
        memory=Memory(dedup=not wrong),
        behaviour=Behaviour(lose_rate=0.3 if wrong else 0.0),
        tell=lambda _seen: None,
    )
    async with on_loopback(sink.app()) as url:
        yield url


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_terminal_exit_code_junit_html_markdown_and_json_agree(
    case: Case, tmp_path: Path
) -> None:
    files = {name: tmp_path / f"report.{name}" for name in ("json", "html", "md", "xml")}
    asked = [word for file in files.values() for word in ("-o", str(file))]
    async with serving(wrong=case.wrong) as url:
        options = [word.format(url=url) for word in case.options]
        code, out, err = await loadtest("--uri", f"{url}/hook", *RUN, *options, *asked)
    assert code == case.code, out + err
    ours = json.loads(files["json"].read_text())["portcall"]
    assert (ours["exitCode"], ours["ending"]) == (code, case.ending)
    headline = ours["verdict"]
    assert re.fullmatch(case.words, headline), headline
    assert headline.startswith(out.splitlines()[0])
    tree = ET.parse(files["xml"]).getroot()  # noqa: S314 (our own)
    counts = [len(list(tree.iter(name))) for name in ("failure", "error")]
    assert [bool(each) for each in counts] == [
        case.ending == "failed", case.ending == "no verdict"
    ]  # fmt: skip
    kind = {"passed": "good", "failed": "bad", "no verdict": "grey"}[case.ending]
    assert f'<h1><span class="badge {kind}">{case.ending}</span>' in files["html"].read_text()
    mark = {"passed": "✅", "failed": "❌", "no verdict": "⚪"}[case.ending]
    assert files["md"].read_text().startswith(f"## {mark} {headline}\n")
    assert SECRET not in out + err + "".join(file.read_text() for file in files.values())


async def test_a_printed_command_sends_the_example_again(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    async with serving(wrong=True) as url:
        options = (*RUN, "--processed", f"{url}/processed")
        _, out, _ = await loadtest("--uri", f"{url}/hook", *options, "-o", str(report))
        command = next(line for line in out.splitlines() if "--only" in line)
        words = shlex.split(command)
        assert words[:3] == ["PORTCALL_LOADTEST_SECRET=***", "portcall", "loadtest"]
        (chosen,) = words[words.index("--only") + 1 :]
        again = ("--secret", SECRET, *words[3:], "-q", "-o", str(report))
        _, out, err = await loadtest(*again)
    found = json.loads(report.read_text())["portcall"]
    assert found["planned"] >= 1, out + err
    assert found["about"]["plan"].endswith("again, of 50/s for 2 s")
    texts = [finding["example"] for part in found["sections"] for finding in part["findings"]]
    assert {each for text in texts for each in text} <= {chosen}
