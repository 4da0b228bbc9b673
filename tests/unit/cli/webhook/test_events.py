import json
from collections.abc import Iterator

import pytest

from portcall.cli.client import Management
from portcall.cli.errors import NotFoundError, NotRunningError, ServiceError
from portcall.cli.output import Output
from portcall.cli.tables import RECORD_WIDTHS, table, whole_record_row
from portcall.cli.webhook import events
from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import HOOK, SERVER, FakeApi, arm_error, record, reply

THIS = ("webhook", "list-events", "-r", "myregistry", "-n", "ci01hook")
LIST = f"{HOOK}/listEvents"
MORE = f"http://x{LIST}?$top=500&$skipToken=b&api-version=2025-11-01"


def sse(*numbers: int) -> list[bytes]:
    """A followed stream: attached, then a record for each number."""
    lines = [b": following", b""]
    for number in numbers:
        lines += [b"data: " + json.dumps(record(number)).encode(), b"", b": keep-alive", b""]
    return lines


@pytest.fixture
def pages(api: FakeApi) -> FakeApi:
    api.on("POST", LIST, {"value": [record(3), record(2)], "nextLink": MORE})
    api.on("GET", LIST, {"value": [record(1)]})
    return api


def test_the_list_takes_every_page_newest_first(pages: FakeApi, portcall: Run) -> None:
    ended = portcall(*THIS)
    assert (ended.code, json.loads(ended.out)) == (0, [record(3), record(2), record(1)])
    assert [each.query.get("$top") for each in pages.asked if each.path == LIST] == ["500", "500"]


def test_the_table_begins_with_azs_columns(pages: FakeApi, portcall: Run) -> None:
    ended = portcall(*THIS, "--max-items", "1", "-o", "table")
    assert ended.out == table([whole_record_row(record(3))]) + "\n"


def test_a_blank_status_is_explained_beside_the_table(api: FakeApi, portcall: Run) -> None:
    api.on("POST", LIST, {"value": [record(1, status=""), record(2)]})
    ended = portcall(*THIS, "-o", "table")
    assert "there was no answer; REASON says why" in ended.err
    assert "connection refused" in ended.out
    assert portcall(*THIS, "-o", "json").err == ""


@pytest.mark.parametrize(("count", "asked"), [(1, ["1"]), (2, ["2"]), (3, ["3", "500"])])
def test_no_more_is_asked_for_than_is_wanted(
    count: int, asked: list[str], pages: FakeApi, portcall: Run
) -> None:
    ended = portcall(*THIS, "--max-items", str(count))
    assert len(json.loads(ended.out)) == count
    assert [each.query.get("$top") for each in pages.asked if each.path == LIST] == asked


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_a_count_is_a_positive_number(count: str, api: FakeApi, portcall: Run) -> None:
    assert portcall(*THIS, "--max-items", count).code == 2


def test_events_of_no_webhook_are_not_found(api: FakeApi, portcall: Run) -> None:
    assert portcall(*THIS).code == 3


def test_following_prints_records_as_they_come(api: FakeApi, portcall: Run) -> None:
    api.streams = [sse(1, 2, 3)]
    ended = portcall(*THIS, "--follow", "--max-items", "2")
    assert ended.code == 0
    assert [json.loads(line) for line in ended.out.splitlines()] == [record(1), record(2)]
    assert ended.err == "Following; Ctrl-C ends it.\n"


def test_followed_records_are_rows_of_one_table(api: FakeApi, portcall: Run) -> None:
    api.streams = [sse(1, 2)]
    ended = portcall(*THIS, "--follow", "--max-items", "2", "-o", "table")
    header, dashes, *rows = ended.out.splitlines()
    assert header.split() == [
        "ID", "ACTION", "IMAGE", "HTTP", "STATUS", "TIMESTAMP", "ATTEMPT", "OUTCOME", "REASON",
    ]  # fmt: skip
    assert [len(part) for part in dashes.split("  ")] == list(RECORD_WIDTHS)
    assert [row.split()[0] for row in rows] == [record(1)["id"], record(2)["id"]]
    assert {row.index("team/app:v1") for row in rows} == {header.index("IMAGE")}


def test_ctrl_c_ends_following_well(
    api: FakeApi, portcall: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_args: object) -> Iterator[bytes]:
        yield from sse(1)
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "lines", interrupted)
    ended = portcall(*THIS, "--follow")
    assert (ended.code, json.loads(ended.out)) == (0, record(1))


def test_a_lost_connection_is_made_again() -> None:
    api = FakeApi(
        streams=[
            sse(1),
            NotRunningError("nobody answers"),
            reply(503, arm_error("ServiceUnavailable", "The broker is away.")),
            sse(2),
        ]
    )
    waited: list[float] = []
    followed = events.follow_events(Management(SERVER, api), HOOK, wait=waited.append)
    assert [next(followed), next(followed)] == [record(1), record(2)]
    assert waited == [events.RECONNECT_S] * 3


def test_a_lost_connection_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    api = FakeApi(streams=[[*sse(), b": cut off: too slow"], sse(2)])
    followed = events.follow_events(Management(SERVER, api), HOOK, wait=lambda _s: None)
    assert next(followed) == record(2)
    assert capsys.readouterr().err.splitlines() == [
        "Following; Ctrl-C ends it.",
        (
            "the server ended the connection; reconnecting."
            " list-events without --follow shows the records missed meanwhile."
        ),
        "Following again.",
    ]


def never(_seconds: float) -> None:
    pytest.fail("it waits")


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(NotRunningError("nobody answers"), id="no server"),
        pytest.param(reply(404, arm_error("ResourceNotFound", "No webhook.")), id="no webhook"),
        pytest.param(reply(503, arm_error("ServiceUnavailable", "No broker.")), id="no broker"),
    ],
)
def test_what_cannot_be_followed_at_all_is_an_error(failure: Exception) -> None:
    api = FakeApi(streams=[failure])
    with pytest.raises((NotRunningError, ServiceError)):
        next(events.follow_events(Management(SERVER, api), HOOK, wait=never))


def test_following_ends_when_the_webhook_is_gone() -> None:
    api = FakeApi(streams=[sse(1), reply(404, arm_error("ResourceNotFound", "No webhook."))])
    followed = events.follow_events(Management(SERVER, api), HOOK, wait=lambda _s: None)
    assert next(followed) == record(1)
    with pytest.raises(NotFoundError):
        next(followed)


def test_a_row_is_harmless_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    odd = record(1)
    odd["eventResponseMessage"]["reasonPhrase"] = "\x1b[2J"
    events.printer(Output.TABLE)(odd)
    assert "\x1b" not in capsys.readouterr().out
