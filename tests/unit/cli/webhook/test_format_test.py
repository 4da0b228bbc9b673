"""`portcall webhook test-format`, and the words of ``--format``."""

import json
from pathlib import Path

import pytest

from portcall.cli.errors import UsageError
from portcall.cli.formats import RECEIVERS, read_format
from portcall.schemas.formats.table import ACR, FORMATS
from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import REG, FakeApi

PATH = f"{REG}/testFormat"
THIS = ("webhook", "test-format", "-r", "myregistry")
FORMED = {
    "id": "e1",
    "action": "push",
    "repository": "team/app",
    "tag": "v1",
    "isExample": False,
    "contentType": "application/json",
    "headers": {"X-GitHub-Event": "package"},
    "body": '{"a":1}',
}
OMITTED = FORMED | {"isExample": True, "headers": {}, "body": "", "reason": "it has no deletes"}


def test_what_is_asked_is_what_was_typed(api: FakeApi, portcall: Run) -> None:
    answer = {"value": [FORMED]}
    api.on("POST", PATH, answer)
    ended = portcall(*THIS, "--format", "cloudevents", "mode=binary", "--last", "3")
    assert (ended.code, json.loads(ended.out)) == (0, answer)
    wanted = {"name": "cloudevents", "mode": "binary"}
    assert [each.body for each in api.changes] == [{"format": wanted, "last": 3}]


def test_filters_are_words(api: FakeApi, portcall: Run) -> None:
    api.on("POST", PATH, {"value": [FORMED]})
    ended = portcall(*THIS, "--filters", "coalesce=30s", "tags-on-delete", "--format", "quay")
    assert ended.code == 0, ended.err
    wanted = {"format": {"name": "quay"}, "last": 1}
    wanted |= {"filters": {"coalesce": "30s", "tagsOnDelete": True}}
    assert [each.body for each in api.changes] == [wanted]


def test_people_see_the_headers_of_each_post(api: FakeApi, portcall: Run) -> None:
    common = {"Content-Type": "application/json", "User-Agent": "Portcall/1"}
    api.on("POST", PATH, {"value": [FORMED | {"commonHeaders": common}]})
    lines = portcall(*THIS, "--format", "ghcr", "-o", "table").out.splitlines()
    assert lines[:3] == [
        "Content-Type: application/json", "User-Agent: Portcall/1", "X-GitHub-Event: package",
    ]  # fmt: skip


def test_people_see_the_request(api: FakeApi, portcall: Run) -> None:
    api.on("POST", PATH, {"value": [FORMED, OMITTED]})
    ended = portcall(*THIS, "--format", "ghcr", "-o", "table")
    lines = ended.out.splitlines()
    assert lines[:2] == ["Content-Type: application/json", "X-GitHub-Event: package"]
    assert '{"a":1}' in lines
    assert "e1: push team/app:v1" in ended.err
    assert "None of the registry's last 500 events was sent and passes the filters." in ended.err
    assert "An example: push team/app:v1" in ended.err
    assert "Nothing would be sent: it has no deletes." in ended.err


OWN = ("template", 'template="{{ tag }}"')
FAILED = FORMED | {"headers": {}, "body": "", "reason": "the template fails on this event: no"}


@pytest.mark.parametrize(
    ("words", "answer", "says"),
    [
        (OWN, [FAILED, FAILED], "no POST could be made of 2 events: the template fails on this"),
        (OWN, [FAILED, FORMED], ""),
        (OWN, [], ""),
        (("quay",), [OMITTED], ""),
        (("acr",), [OMITTED], ""),
    ],
    ids=["all fail", "one fails", "none", "left out", "acr"],
)
def test_a_template_that_fails_on_every_event_is_a_failure(
    api: FakeApi, portcall: Run, words: tuple[str, ...], answer: list[object], says: str
) -> None:
    api.on("POST", PATH, {"value": answer})
    for output in ("json", "table"):
        ended = portcall(*THIS, "--format", *words, "-o", output)
        assert ended.code == (1 if says else 0)
        assert says in ended.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["slak"], "did you mean slack"),
        (["slack", "loud"], "is not a setting: write key=value"),
        (["slack", "name=teams"], "is not a setting"),
        (["slack", "mode=x"], "takes no settings"),
        (["default", "mode=x"], "is not a format"),
        (["template"], "is required by the format template"),
        (
            ["template", "template=@/nowhere/at-all"],
            "at-all cannot be read: No such file or directory",
        ),
        (["template", "template={"], "must be JSON"),
        (["template", 'template="{{ actoin }}"'], "actoin is not known; did you mean action?"),
    ],
)
def test_wrong_words_are_a_usage_error(words: list[str], says: str) -> None:
    with pytest.raises(UsageError, match="--format") as refused:
        read_format(words)
    assert says in str(refused.value)


def test_a_template_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text('"{{ image }}"')
    found = read_format(["template", f"template=@{tmp_path / 'body.json'}"])
    assert found == {"name": "template", "template": '"{{ image }}"'}
    assert read_format(["default"]) is None


@pytest.mark.parametrize("command", [THIS, ("webhook", "update", "-r", "myregistry", "-n", "x")])
def test_a_word_that_is_no_setting_says_how_one_is_written(
    command: tuple[str, ...], portcall: Run
) -> None:
    ended = portcall(*command, "--format", "cloudevents", "binary")
    assert (ended.code, ended.out) == (2, "")
    assert "--format: 'binary' is not a setting: write key=value" in ended.err


@pytest.mark.parametrize("command", ["create", "update", "test-format"])
def test_the_help_says_which_receiver_takes_which_format(command: str, portcall: Run) -> None:
    ended = portcall("webhook", command, "--help")
    assert ended.code == 0
    said = " ".join(ended.out.replace("│", " ").split())
    assert RECEIVERS in said
    assert "docs/receivers.md" in said


def test_the_receivers_of_the_help_take_these_formats() -> None:
    takers = {name: form.takers for name, form in FORMATS.items()} | {"acr": ACR.takers}
    for receiver, formats in (
        ("Argo CD from 3.5", ("harbor", "ghcr")),
        ("Image Updater", ("acr", "harbor")),
        ("Flux", ("acr",)),
        ("Kargo", ("acr", "harbor")),
        ("Keel", ("acr",)),
        ("Jenkins", ("acr",)),
        ("Knative", ("cloudevents",)),
    ):
        assert receiver.removesuffix(" from 3.5") in RECEIVERS
        assert all(receiver in takers[each] for each in formats)
