import json
from pathlib import Path
from typing import Any

import pytest

from portcall.cli.errors import NotRunningError
from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import (
    EVERY_REGISTRY,
    REG,
    REGISTRY,
    WEBHOOK,
    FakeApi,
    arm_error,
)

URI = "https://ci.example.com/hook"
IMPORT = f"{REG}/importWebhooks"
OTHER = REG.replace("myregistry", "otherone")


def exported(name: str = "ci01hook", registry: str = REG, **portcall: object) -> dict[str, Any]:
    properties = {"serviceUri": URI, "actions": ["push"], "portcall": portcall}
    return {**WEBHOOK, "id": f"{registry}/webhooks/{name}", "name": name, "properties": properties}


def write(path: Path, *documents: object) -> str:
    path.write_text("".join(json.dumps(document) + "\n" for document in documents))
    return str(path)


def test_export_writes_a_line_for_each_webhook(api: FakeApi, portcall: Run, tmp_path: Path) -> None:
    api.on(
        "GET", f"{REG}/webhooks", {"value": [exported("one11"), exported("two22", hasSecret=True)]}
    )
    ended = portcall("webhook", "export", "out.jsonl", "-r", "myregistry")
    assert (ended.code, ended.out) == (0, "")
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["one11", "two22"]
    assert api.asked[-1].query == {"$expand": "callbackConfig", "$top": "1000"}
    assert "2 webhooks exported to out.jsonl" in ended.err
    assert "1 of them with a secret" in ended.err


def test_an_exported_file_is_its_owners_alone_and_replaces_the_old_one(
    api: FakeApi, portcall: Run, tmp_path: Path
) -> None:
    api.on("GET", f"{REG}/webhooks", {"value": []})
    (tmp_path / "out.jsonl").write_text("old")
    portcall("webhook", "export", "out.jsonl", "-r", "myregistry")
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]
    assert (tmp_path / "out.jsonl").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "out.jsonl").read_text() == ""


def test_export_takes_every_registry_and_writes_to_standard_output(
    api: FakeApi, portcall: Run
) -> None:
    api.on("GET", EVERY_REGISTRY, {"value": [REGISTRY, {**REGISTRY, "id": OTHER}]})
    api.on("GET", f"{REG}/webhooks", {"value": [exported("one11")]})
    api.on("GET", f"{OTHER}/webhooks", {"value": [exported("two22")]})
    ended = portcall("webhook", "export", "-")
    assert [json.loads(line)["name"] for line in ended.out.splitlines()] == ["one11", "two22"]
    assert ended.err == "2 webhooks exported.\n"


def test_a_failed_export_leaves_nothing_behind(api: FakeApi, portcall: Run, tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text("old")
    api.on("GET", f"{REG}/webhooks", arm_error("ServiceUnavailable", "No store."), 503)
    ended = portcall("webhook", "export", "out.jsonl", "-r", "myregistry")
    assert ended.code == 1
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_export_to_a_folder_that_is_not_there_says_so(api: FakeApi, portcall: Run) -> None:
    ended = portcall("webhook", "export", "nowhere/out.jsonl", "-r", "myregistry")
    assert (ended.code, "No such file or directory" in ended.err) == (1, True)


def test_import_sends_a_file_in_one_request(api: FakeApi, portcall: Run, tmp_path: Path) -> None:
    api.on("POST", IMPORT, {"created": 1, "replaced": 1})
    file = write(tmp_path / "in.jsonl", exported("one11"), exported("two22"))
    ended = portcall("webhook", "import", file)
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out) == {"created": 1, "replaced": 1, "failed": 0}
    [sent] = api.changes
    assert [item["name"] for item in sent.body["value"]] == ["one11", "two22"]
    assert all("location" not in item for item in sent.body["value"])


def test_import_divides_by_thousands_and_finds_the_registry_once(
    api: FakeApi, portcall: Run, tmp_path: Path
) -> None:
    api.on("POST", IMPORT, {"created": 1000, "replaced": 0})
    many = [exported(f"hook{number:05}") for number in range(2_500)]
    ended = portcall("webhook", "import", write(tmp_path / "in.jsonl", *many), "-o", "table")
    assert ended.code == 0
    assert [len(each.body["value"]) for each in api.changes] == [1000, 1000, 500]
    assert sum(each.path == REG for each in api.asked) == 1
    assert ended.out.splitlines()[2].split() == ["3000", "0", "0"]


def test_import_reads_standard_input(
    api: FakeApi, portcall: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.on("POST", IMPORT, {"created": 1, "replaced": 0})
    with Path(write(tmp_path / "in.jsonl", exported())).open() as file:
        monkeypatch.setattr("sys.stdin", file)
        assert portcall("webhook", "import", "-").code == 0


def test_a_fault_keeps_back_its_chunk_and_not_the_others(
    api: FakeApi, portcall: Run, tmp_path: Path
) -> None:
    api.on("POST", IMPORT, {"created": 1, "replaced": 0})
    api.on("GET", OTHER, {**REGISTRY, "id": OTHER})
    file = write(tmp_path / "in.jsonl", exported("one11"), {"name": "x"}, exported("two22", OTHER))
    api.on("POST", f"{OTHER}/importWebhooks", {"created": 1, "replaced": 0})
    ended = portcall("webhook", "import", file)
    assert ended.code == 1
    assert json.loads(ended.out) == {"created": 1, "replaced": 0, "failed": 2}
    assert ended.err.startswith("error: line 2: webhook 'x' does not name its registry")
    assert [each.path for each in api.changes] == [f"{OTHER}/importWebhooks"]


def test_what_the_server_refuses_is_told_by_line_and_field(
    api: FakeApi, portcall: Run, tmp_path: Path
) -> None:
    faults = [
        {"target": "value[1].properties.scope", "message": "'A' is no scope"},
        {"target": "value[2].properties.serviceUri", "message": "must begin with http"},
    ]
    refusal = arm_error("InvalidRequestContent", "2 faults", details=faults)
    api.on("POST", IMPORT, refusal, 400)
    names = ("one11", "two22", "three")
    file = write(tmp_path / "in.jsonl", *(exported(name) for name in names))
    ended = portcall("webhook", "import", file)
    assert ended.code == 1
    assert ended.err.splitlines()[:2] == [
        "error: line 2: webhook 'two22': properties.scope: 'A' is no scope",
        "error: line 3: webhook 'three': properties.serviceUri: must begin with http",
    ]
    assert "import it again" in ended.err


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        pytest.param(403, "QuotaExceeded", "line 1: Over quota.", id="quota"),
        pytest.param(409, "Conflict", "line 1: Over quota.", id="conflict"),
    ],
)
def test_a_refusal_of_one_registry_does_not_stop_the_file(
    *, status: int, code: str, told: str, api: FakeApi, portcall: Run, tmp_path: Path
) -> None:
    api.on("POST", IMPORT, arm_error(code, "Over quota."), status)
    api.on("GET", OTHER, {**REGISTRY, "id": OTHER})
    api.on("POST", f"{OTHER}/importWebhooks", {"created": 1, "replaced": 0})
    file = write(tmp_path / "in.jsonl", exported(), exported("two22", OTHER))
    ended = portcall("webhook", "import", file)
    assert (ended.code, told in ended.err) == (1, True)
    assert json.loads(ended.out) == {"created": 1, "replaced": 0, "failed": 1}


def test_a_registry_that_does_not_exist_is_told_by_line(
    api: FakeApi, portcall: Run, tmp_path: Path
) -> None:
    file = write(tmp_path / "in.jsonl", exported("one11", OTHER), exported("two22", OTHER))
    ended = portcall("webhook", "import", file)
    assert ended.code == 1
    assert ended.err.startswith("error: line 1 to 2: the registry 'otherone' does not exist")


@pytest.mark.parametrize(
    ("status", "code"), [(503, "ServiceUnavailable"), (401, "AuthenticationFailed"), (403, "X")]
)
def test_a_server_that_cannot_go_on_stops_the_import(
    status: int, code: str, api: FakeApi, portcall: Run, tmp_path: Path
) -> None:
    api.on("POST", IMPORT, {"created": 1000, "replaced": 0})
    api.on("POST", IMPORT, arm_error(code, "No."), status)
    many = [exported(f"hook{number:05}") for number in range(3_000)]
    ended = portcall("webhook", "import", write(tmp_path / "in.jsonl", *many))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Stopped at line 1001, with 1000 webhooks imported.")
    assert f"error: ({code})" in ended.err
    assert len(api.changes) == 2


def test_a_server_that_goes_away_stops_the_import(
    api: FakeApi, portcall: Run, tmp_path: Path
) -> None:
    api.errors["POST", IMPORT] = NotRunningError("nobody answers")
    ended = portcall("webhook", "import", write(tmp_path / "in.jsonl", exported()))
    assert ended.code == 1
    assert ended.err.splitlines()[-1] == "error: nobody answers"


def test_only_so_many_faults_are_told(api: FakeApi, portcall: Run, tmp_path: Path) -> None:
    ended = portcall("webhook", "import", write(tmp_path / "in.jsonl", *([{}] * 70)))
    assert ended.err.count("error: ") == 50
    assert "20 more faults not shown" in ended.err
    assert json.loads(ended.out)["failed"] == 70


def test_secrets_that_no_export_holds_are_told(api: FakeApi, portcall: Run, tmp_path: Path) -> None:
    api.on("POST", IMPORT, {"created": 1, "replaced": 0})
    file = write(tmp_path / "in.jsonl", exported(hasSecret=True))
    assert "1 webhook had a secret" in portcall("webhook", "import", file).err


def test_a_webhook_that_is_replaced_keeps_its_secret(
    api: FakeApi, portcall: Run, tmp_path: Path
) -> None:
    api.on("POST", IMPORT, {"created": 0, "replaced": 1})
    file = write(tmp_path / "in.jsonl", exported(hasSecret=True))
    assert portcall("webhook", "import", file).err == ""


def test_a_file_that_is_not_there_is_told(api: FakeApi, portcall: Run) -> None:
    ended = portcall("webhook", "import", "nowhere.jsonl")
    assert (ended.code, ended.err) == (1, "error: nowhere.jsonl: No such file or directory\n")
