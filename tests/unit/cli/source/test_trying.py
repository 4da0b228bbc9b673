"""`portcall source try`: tables and JSON, of a stored source and of none."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import FakeApi
from tests.unit.cli.source.test_command import ON, SOURCE, told
from tests.unit.producer.sources.test_ecr import PUSH as ECR

GENERIC = {"image": {"name": "shop/cart", "tag": "2.0.1"}, "what": "created"}


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "sample.json"
    path.write_text(json.dumps(GENERIC))
    return path


def tried(portcall: Run, sample: Path, *arguments: str) -> tuple[Any, str]:
    ended = portcall("source", "try", "--file", str(sample), *arguments, "-o", "json")
    assert ended.code == 0, ended.err
    return json.loads(ended.out), ended.err


def test_a_kind_needs_no_server(portcall: Run, sample: Path) -> None:
    options = ("--options", "repository=image.name", "tag=image.tag")
    found, err = tried(portcall, sample, "--kind", "generic", *options)
    assert (found["kind"], found["accepted"], found["ignored"]) == ("generic", 1, 0)
    (event,) = found["events"]
    assert (event["action"], event["repository"], event["tag"]) == ("push", "shop/cart", "2.0.1")
    assert event["payload"]["target"] == {"repository": "shop/cart", "tag": "2.0.1"}
    assert [field["value"] for field in found["fields"][0]["fields"]] == ["shop/cart", "2.0.1"]
    assert err == "1 event, 0 ignored. Nothing was published.\n"


def test_what_is_ignored_says_why(portcall: Run, sample: Path) -> None:
    options = ("--options", "repository=image.name", "action=what")
    found, err = tried(portcall, sample, "--kind", "generic", *options)
    assert found["reasons"] == {"other_action": 1}
    assert found["ignoredEvents"] == [{"reason": "other_action", "action": "created"}]
    assert "0 events, 1 ignored (other_action 1)" in err


def test_tables_on_a_terminal(portcall: Run, sample: Path) -> None:
    options = ("--options", "repository=image.name", "tag=what")
    ended = portcall(
        "source", "try", "--kind", "generic", "--file", str(sample), *options, "-o", "table"
    )
    lines = ended.out.splitlines()
    assert lines[0].split() == ["ACTION", "IMAGE", "DIGEST", "TIME", "ID"]
    assert lines[2].startswith("push      shop/cart:created")
    assert "EXPRESSION" in ended.out
    ended = portcall("source", "try", "--kind", "generic", "--file", str(sample), "--options",
                     "repository=what", "digest=what", "-o", "table")  # fmt: skip
    assert "target.digest" in ended.out
    assert ended.out.split()[:5] == ["IGNORED", "ACTION", "IMAGE", "FIELD", "PROBLEM"]


def test_a_stored_source_is_tried_with_its_own_options(
    api: FakeApi, portcall: Run, sample: Path
) -> None:
    sample.write_text(json.dumps(ECR))
    options = {"host": "acme.test", "header": "X-A"}
    api.on("GET", SOURCE, told(kind="ecr", proof="header", options=options))
    found, _ = tried(portcall, sample, "harbor", *ON)
    assert found["events"][0]["payload"]["request"]["host"] == "acme.test"
    assert found["events"][0]["extras"]
    other = ("--options", "host=other.test", "header=X-B")
    found, _ = tried(portcall, sample, "-n", "harbor", *ON, *other)
    assert found["events"][0]["payload"]["request"]["host"] == "other.test"
    assert not api.changes


def test_headers_and_hints(portcall: Run, sample: Path) -> None:
    header = ("--header", "X-GitHub-Event: package")
    found, err = tried(portcall, sample, "--kind", "harbor", *header)
    assert "looks like ghcr" in found["hint"]
    assert "Hint: this looks like ghcr" in err


def test_a_handshake_is_shown(portcall: Run, sample: Path) -> None:
    event = {
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "data": {"validationCode": "512d38b6"},
    }
    sample.write_text(json.dumps([event]))
    found, err = tried(portcall, sample, "--kind", "eventgrid")
    assert found["handshake"] == {"validationResponse": "512d38b6"}
    assert 'the answer is {"validationResponse":"512d38b6"}' in err


def test_only_some_events_are_shown_and_all_are_counted(portcall: Run, sample: Path) -> None:
    sample.write_text(json.dumps([{"image": "a"}] * 150 + [{}] * 150))
    found, _ = tried(portcall, sample, "--kind", "generic", "--options", "repository=image")
    assert (found["accepted"], found["ignored"]) == (150, 150)
    assert (len(found["events"]), len(found["ignoredEvents"])) == (100, 100)


def test_a_sample_may_be_pasted(portcall: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pasted:
        buffer = io.BytesIO(json.dumps(ECR).encode())

    monkeypatch.setattr(sys, "stdin", Pasted())
    ended = portcall("source", "try", "--kind", "ecr", "--file", "-", "-o", "json")
    assert (ended.code, json.loads(ended.out)["accepted"]) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "either the NAME of a source"),
        (("harbor", "--kind", "harbor"), 2, "either the NAME of a source"),
        (("harbor",), 2, "--registry: is required"),
        (("--kind", "generic"), 2, "--options repository: is required"),
        (("--kind", "harbor", "--options", "header=X"), 2, "--options header: "),
        (("missing", *ON), 3, "was not found"),
        (("harbor", *ON, "--options", "colour=red"), 2, "--options colour: "),
        (("--kind", "ecr", "--header", "=x"), 2, "--header: "),
        (("--kind", "generic", "--options", "repository=a", "events=image"), 2, "--options events: must give an array"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    arguments: tuple[str, ...],
    code: int,
    message: str,
    *,
    api: FakeApi,
    portcall: Run,
    sample: Path,
) -> None:
    api.on("GET", SOURCE, told())
    ended = portcall("source", "try", "--file", str(sample), *arguments)
    assert (ended.code, message in ended.err) == (code, True), ended.err


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"no JSON", "--file: the body is not JSON"), (None, "cannot be read: No such file")],
)
def test_a_file_that_is_no_sample(
    content: bytes | None, message: str, portcall: Run, tmp_path: Path
) -> None:
    path = tmp_path / "other.json"
    if content is not None:
        path.write_bytes(content)
    ended = portcall("source", "try", "--kind", "ecr", "--file", str(path))
    assert (ended.code, message in ended.err) == (2, True), ended.err
