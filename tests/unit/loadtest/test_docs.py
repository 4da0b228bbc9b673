"""docs/loadtest-faults.md has the tables of the code, and the commands of the page can be read."""

import re
from pathlib import Path

import pytest

from portcall.cli.main import command
from portcall.loadtest.conformance.judging import Observations, checks
from portcall.loadtest.faults.kinds import KINDS, FaultKind
from portcall.loadtest.judge.oracle import UNASKED
from portcall.loadtest.payloads.formats import FORMATS
from portcall.loadtest.send.senders import SENDERS, LoadSender
from portcall.loadtest.signing import Style
from portcall.schemas.durations import format_duration

PAGE = (Path(__file__).parents[3] / "docs/loadtest-faults.md").read_text()
ROWS = re.findall(r"^\| (.*) \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_the_page_has_each_fault(kind: FaultKind) -> None:
    assert f"`{kind.name}` | {kind.group} | {kind.sent} | {kind.right}" in ROWS


@pytest.mark.parametrize("sender", SENDERS, ids=[sender.name for sender in SENDERS])
def test_the_page_has_each_sender_with_its_source(sender: LoadSender) -> None:
    waits = format_duration(sender.timeout_ms) if sender.timeout_ms else "not published"
    (row,) = [row for row in ROWS if f"| {sender.title} |" in row]
    assert f"| {waits} |" in row
    assert row.endswith(sender.source)


def test_the_page_has_each_payload_style_and_check() -> None:
    for name in [*(each.name for each in FORMATS), *Style]:
        assert f"`{name}`" in PAGE
    for check in checks(Observations([], [], UNASKED)):
        assert check.name in PAGE


def test_every_option_on_the_page_is_one() -> None:
    commands = command().commands
    known = {
        option
        for name in ("loadtest", "sink")
        for parameter in commands[name].load().params  # type: ignore[attr-defined]  # both are lazy
        for option in [*parameter.opts, *parameter.secondary_opts]
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
    assert named
    assert named <= known


def test_sink_s_help_has_its_examples() -> None:
    epilog = command().commands["sink"].load().epilog  # type: ignore[attr-defined]  # it is lazy
    assert "portcall sink --delay 50ms" in epilog
