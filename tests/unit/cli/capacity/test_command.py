"""`portcall capacity` as people and machines see it."""

import json
import shlex

import pytest

from portcall.cli.main import run


def answer(capsys: pytest.CaptureFixture[str], line: str) -> tuple[int, str, str]:
    code = run(["capacity", *shlex.split(line)])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_example_of_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = answer(
        capsys, "--events 500 --fan-out 20 --response 2kB --retention 7d -o table"
    )
    assert code == 0
    assert out.startswith("500 events/s x 20 webhooks = 10,000 deliveries/s\n")
    names = [line.split()[0] for line in out.splitlines()[3:]]
    assert names == [
        "producer", "router", "deliverer", "recorder", "management", "rabbitmq", "postgresql",
    ]  # fmt: skip
    assert "PORTCALL_SHARDS=" in err
    assert "docs/scale.md" in err


def test_json_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = answer(capsys, "--events 100k --fan-out 10 -o json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["load"]["deliveries_per_s"] == 1_000_000
    assert found["installations"] > 1
    needs = {need["name"]: need for need in found["each"]["needs"]}
    assert needs["rabbitmq"]["count"] == 3
    assert needs["postgresql"]["disk_gb"] > 1_000
    assert found["measured"]["days"]


def test_many_installations_are_said_in_the_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = answer(capsys, "--events 100k --fan-out 10 -o table")
    assert "installations share it, each:" in out.splitlines()[0]


def test_attempts_and_sqlite_have_their_words(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, err = answer(capsys, "--events 10 --attempts 1.5 --store sqlite -o table")
    assert "x 1 webhook = 10 deliveries/s, 15 attempts/s" in out
    assert "SQLite: all processes on one machine." in err


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("--events x", "--events: must be a number such as 500, 2.5k or 1M, not 'x'"),
        ("--events -1", "--events"),
        ("--events 0", "must be more than 0"),
        ("--events 1e5", "--events: must be a number"),
        ("--events 1,000", "--events: must be a number"),
        ("--events 1,500k", "--events: must be a number"),
        ("--events 20M", "--events: must be 0 to 10,000,000, not 20M"),
        ("--events 1M --fan-out 1k", "at most 10,000,000 deliveries/s, not 1,000,000,000"),
        ("--events 1 --batch 0", "--batch: must be 1 to 5,000, not 0"),
        ("--events 1 --attempts 0.5", "--attempts: must be 1 to 100, not 0.5"),
        ("--events 1 --response big", "--response: must be a size such as 600, 2kB or 1MiB"),
        ("--events 1 --response 2i", "--response: must be a size"),
        ("--events 1 --retention 7x", "--retention"),
        ("--events 1 --response-time fast", "--response-time"),
        ("--events 1 --store mysql", "--store: must be postgresql or sqlite, not mysql"),
        ("--events 1 --nodes 0", "--nodes: must be 1 to 7, not 0"),
        ("--fan-out 1", "--events"),
    ],
)
def test_what_is_wrong_is_named(
    capsys: pytest.CaptureFixture[str], given: str, problem: str
) -> None:
    code, out, err = answer(capsys, given)
    assert (code, out) == (2, "")
    assert problem in err


@pytest.mark.parametrize(
    ("text", "events"),
    [("500", 500), ("2.5k", 2_500), ("1M", 1_000_000), ("0,5", 0.5), ("7 k", 7_000)],
)
def test_numbers_as_people_write_them(
    capsys: pytest.CaptureFixture[str], text: str, events: float
) -> None:
    _, out, _ = answer(capsys, f"--events '{text}' -o json")
    assert json.loads(out)["load"]["events_per_s"] == events


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("600", 600),
        ("600B", 600),
        ("2kB", 2_000),
        ("2KiB", 2_048),
        ("1MiB", 2**20),
        ("1.5 kB", 1_500),
    ],
)
def test_sizes_as_people_write_them(
    capsys: pytest.CaptureFixture[str], text: str, size: float
) -> None:
    _, out, _ = answer(capsys, f"--events 1 --response '{text}' -o json")
    assert json.loads(out)["load"]["response_bytes"] == size
