import json
from typing import Any

import pytest
import typer

from portcall.cli.client import REGISTRY_TYPE
from portcall.cli.commands import replaying
from portcall.cli.tables import replay_row, table
from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import HOOK, REG, WEBHOOK, FakeApi, arm_error

THIS = ("-r", "myregistry", "-n", "ci01hook")
COUNTS = {"total": 3, "disabled": 0, "deleted": 0}


def replayed(state: str = "running", published: int = 0, **skipped: int) -> dict[str, Any]:
    return {
        "id": f"{REG}/replays/4",
        "name": "4",
        "properties": {
            "state": state,
            "selection": {"outcomes": ["given_up"], "webhook": "ci01hook"},
            "rate": 50,
            "total": 3,
            "published": published,
            "skipped": {"disabled": 0, "gone": 0, **skipped},
            "createdAt": "2026-11-22T07:35:00.0000000Z",
        },
    }


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "POLL_S", 0.0)


@pytest.mark.parametrize(
    ("options", "path", "body"),
    [
        pytest.param(("-r", "myregistry"), REG, {}, id="a registry"),
        pytest.param((*THIS, "--all"), HOOK,
                     {"outcomes": ["given_up", "cancelled", "refused", "delivered"]},
                     id="all of a webhook"),
        pytest.param((*THIS, "--outcome", "refused"), HOOK, {"outcomes": ["refused"]},
                     id="what the receiver refused"),
        pytest.param((*THIS, "--delivery", "msg_1"), HOOK, {"deliveryId": "msg_1"}, id="one"),
        pytest.param((*THIS, "--event", "e", "--outcome", "cancelled", "--outcome", "given_up"), HOOK,
                     {"eventId": "e", "outcomes": ["cancelled", "given_up"]}, id="an event"),
        pytest.param((*THIS, "--since", "2026-03-04T10:00:00Z", "--until", "2026-03-04T11:00:00+01:00"), HOOK,
                     {"since": "2026-03-04T10:00:00Z", "until": "2026-03-04T11:00:00+01:00"}, id="times"),
    ],
)  # fmt: skip
def test_it_counts_first_and_then_replays_the_same(
    options: tuple[str, ...], path: str, body: dict[str, Any], api: FakeApi, portcall: Run
) -> None:
    api.on("POST", f"{path}/countReplay", COUNTS)
    api.on("POST", f"{path}/replay", replayed(), status=202)
    api.on("GET", f"{REG}/replays/4", replayed("running", 2))
    api.on("GET", f"{REG}/replays/4", replayed("completed", 2, gone=1))
    ended = portcall("replay", *options, "--rate", "20", "--yes")
    assert (ended.code, json.loads(ended.out)) == (0, replayed("completed", 2, gone=1))
    assert [each.body for each in api.changes] == [body, {**body, "rate": 20}]


OTHER = REG.replace("myregistry", "otherreg")


def two_registries(api: FakeApi, **counts: int) -> None:
    """A registry with three deliveries to replay, and another with so many."""
    listed = [{"id": REG, "name": "myregistry"}, {"id": OTHER, "name": "otherreg"}]
    everywhere = f"{REG.partition('/resourceGroups')[0]}/providers/{REGISTRY_TYPE}"
    api.on("GET", everywhere, {"value": listed})
    api.on("POST", f"{REG}/countReplay", COUNTS)
    api.on("POST", f"{OTHER}/countReplay", {**COUNTS, **counts})


def test_all_registries_are_counted_together(api: FakeApi, portcall: Run) -> None:
    two_registries(api, total=5, deleted=1)
    ended = portcall("replay", "--all-registries", "--count")
    assert json.loads(ended.out) == {"total": 8, "disabled": 0, "deleted": 1}


@pytest.mark.parametrize("options", [(), ("--no-wait",)], ids=["one by one", "at once"])
def test_all_registries_that_have_any_are_replayed(
    options: tuple[str, ...], api: FakeApi, portcall: Run
) -> None:
    two_registries(api, total=0)
    api.on("POST", f"{REG}/replay", replayed("completed", 3), status=202)
    ended = portcall("replay", "--all-registries", "--yes", *options)
    assert (ended.code, json.loads(ended.out)) == (0, [replayed("completed", 3)])
    assert [each.body for each in api.changes] == [{}, {}, {"rate": 50}]


def test_a_duration_is_so_long_ago(api: FakeApi, portcall: Run) -> None:
    api.on("POST", f"{HOOK}/countReplay", COUNTS)
    ended = portcall("replay", *THIS, "--since", "2h", "--count")
    assert json.loads(ended.out) == COUNTS
    (asked,) = api.changes
    assert asked.body["since"].endswith("+00:00")


@pytest.mark.parametrize(
    "counts",
    [{**COUNTS, "total": 0, "deleted": 2}, {**COUNTS, "disabled": 3}],
    ids=["none", "all disabled"],
)
def test_where_there_is_nothing_nothing_is_created(
    counts: dict[str, int], api: FakeApi, portcall: Run
) -> None:
    api.on("POST", f"{HOOK}/countReplay", counts)
    ended = portcall("replay", *THIS)
    assert (ended.code, ended.out) == (0, "")
    assert "skipped: the webhook" in ended.err
    assert ended.err.endswith("Nothing to replay.\n")
    assert len(api.changes) == 1


def test_where_nobody_can_be_asked_it_must_be_told(api: FakeApi, portcall: Run) -> None:
    api.on("POST", f"{HOOK}/countReplay", COUNTS)
    ended = portcall("replay", *THIS)
    assert ended.code == 2
    assert "Replay 3 deliveries, 50 a second (about 1s)? This is not a terminal" in ended.err
    assert len(api.changes) == 1


@pytest.mark.parametrize("agreed", [True, False])
def test_a_person_is_asked(
    api: FakeApi, portcall: Run, monkeypatch: pytest.MonkeyPatch, *, agreed: bool
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", lambda *_args, **_kwargs: agreed)
    api.on("POST", f"{HOOK}/countReplay", COUNTS)
    api.on("POST", f"{HOOK}/replay", replayed(), status=202)
    ended = portcall("replay", *THIS, "--no-wait")
    assert ended.code == (0 if agreed else 1)
    assert [each.path.rpartition("/")[2] for each in api.changes] == (
        ["countReplay", "replay"] if agreed else ["countReplay"]
    )


@pytest.mark.parametrize(
    ("terminal", "cancel", "state"),
    [(True, True, "cancelled"), (True, False, "running"), (False, True, "running")],
)
def test_ctrl_c_leaves_it_running_or_cancels_it(
    api: FakeApi,
    portcall: Run,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    *,
    terminal: bool,
    cancel: bool,
) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin.isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(typer, "confirm", lambda *_args, **_kwargs: cancel)
    monkeypatch.setattr(replaying, "_pause", interrupted)
    api.on("POST", f"{HOOK}/countReplay", COUNTS)
    api.on("POST", f"{HOOK}/replay", replayed(), status=202)
    api.on("GET", f"{REG}/replays/4", replayed())
    api.on("POST", f"{REG}/replays/4/cancel", replayed("cancelled"))
    ended = portcall("replay", *THIS, "--yes")
    assert (ended.code, json.loads(ended.out)["properties"]["state"]) == (0, state)
    hint = "`portcall replay show 4 -r myregistry`, `... cancel 4 -r myregistry`"
    assert (hint in ended.err) is (state == "running")


def test_what_is_left_to_the_server_is_told_with_how_to_see_it(api: FakeApi, portcall: Run) -> None:
    api.on("POST", f"{HOOK}/countReplay", COUNTS)
    api.on("POST", f"{HOOK}/replay", replayed(), status=202)
    ended = portcall("replay", *THIS, "--yes", "--no-wait")
    assert "`portcall replay show 4 -r myregistry`" in ended.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--registry is missing"),
        (("--all-registries", "-r", "myregistry"), "cannot be combined with --registry and --name"),
        (("-r", "myregistry", "--delivery", "msg_1"), "--delivery needs --name"),
        (("-r", "myregistry", "--since", "999999999d"), "is too long ago"),
        (
            ("-r", "myregistry", "--since", "yesterday"),
            "--since: 'yesterday' is neither a duration",
        ),
        (
            ("-r", "myregistry", "--since", "2026-03-04"),
            "with a zone, such as 2026-03-04T10:20:30Z",
        ),
        (("-r", "myregistry", "--until", "0s"), "--until: '0s' is neither a duration, such as 2h"),
        (("-r", "myregistry", "--outcome", "lost"), "'--outcome': 'lost' is not one of 'given_up'"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(
    options: tuple[str, ...], said: str, api: FakeApi, portcall: Run
) -> None:
    ended = portcall("replay", *options)
    assert ended.code == 2
    assert said in ended.err
    assert api.changes == []


def test_replays_are_listed_shown_cancelled_and_resumed(api: FakeApi, portcall: Run) -> None:
    this = ("-r", "myregistry")
    api.on("GET", f"{REG}/replays", {"value": [replayed()]})
    ended = portcall("replay", "list", *this, "-o", "table")
    assert ended.out == table([replay_row(replayed())]) + "\n"
    api.on("GET", f"{REG}/replays/4", replayed("completed", 3))
    assert json.loads(portcall("replay", "show", "4", *this).out) == replayed("completed", 3)
    api.on("POST", f"{REG}/replays/4/cancel", replayed("cancelled"))
    assert portcall("replay", "cancel", "4", *this).code == 0
    api.on("POST", f"{REG}/replays/4/resume", replayed())
    resumed = portcall("replay", "resume", "4", *this)
    assert json.loads(resumed.out) == replayed("completed", 3)


def test_an_unknown_replay_is_not_found(api: FakeApi, portcall: Run) -> None:
    api.on("GET", f"{REG}/replays/9", arm_error("ResourceNotFound", "not there"), status=404)
    assert portcall("replay", "show", "9", "-r", "myregistry").code == 3


# -- how a webhook stands


def test_a_webhook_is_enabled_and_probed(api: FakeApi, portcall: Run) -> None:
    api.on("PATCH", HOOK, WEBHOOK)
    assert portcall("webhook", "enable", *THIS).code == 0
    assert api.changes[0].body == {"properties": {"status": "enabled"}}
    api.on("POST", f"{HOOK}/probe", {"id": "e"})
    assert json.loads(portcall("webhook", "probe", *THIS).out) == {"id": "e"}


@pytest.mark.parametrize(
    ("status", "extras", "said"),
    [
        ("disabled", {"statusReason": "410", "statusChangedAt": "2026-11-22T07:35:00.0000000Z"},
         ["Disabled since 2026-11-22T07:35:00Z: 410.", "`portcall webhook probe`"]),
        ("disabled", {"statusChangedAt": "2026-11-22T07:35:00.0000000Z"},
         ["Disabled since 2026-11-22T07:35:00Z: by its owner."]),
        ("enabled", {"failingSince": "2026-11-22T07:35:00.0000000Z"},
         ["Every attempt has failed since 2026-11-22T07:35:00Z."]),
        ("enabled", {}, []),
        ("enabled", {"rateLimit": 20}, ["At most 20 requests per second."]),
        ("enabled", {"counters": {"delivered": 7, "failed": 2, "givenUp": 0, "cancelled": 0}},
         ["So far: 7 delivered, 2 failed attempts."]),
        ("enabled", {"counters": {"delivered": 7, "failed": 0, "refused": 3}},
         ["So far: 7 delivered, 3 refused by the receiver."]),
    ],
)  # fmt: skip
def test_show_says_since_when_and_why(
    status: str, extras: dict[str, str], said: list[str], api: FakeApi, portcall: Run
) -> None:
    shown = json.loads(json.dumps(WEBHOOK))
    shown["properties"]["status"] = status
    shown["properties"]["portcall"] |= extras
    api.on("GET", HOOK, shown)
    ended = portcall("webhook", "show", *THIS, "-o", "table")
    assert all(line in ended.err for line in said)
    assert bool(ended.err) == bool(said)


def test_its_limits_are_sent(api: FakeApi, portcall: Run) -> None:
    api.on("PATCH", HOOK, WEBHOOK)
    options = ("--max-age", "12h", "--disable-after", "default", "--no-probe")
    assert portcall("webhook", "update", *THIS, *options).code == 0
    sent = {"maxAge": "12h", "disableAfter": None, "probe": False}
    assert api.changes[0].body == {"properties": {"portcall": sent}}
