"""What the demo is made of, and what `portcall up` says."""

import hashlib
import json
import os
from importlib import resources
from pathlib import Path
from typing import Self

import pytest

from portcall.cli.demo.sample_image import write_image
from portcall.cli.demo.sample_registry import registry_settings
from portcall.cli.demo.stage import demo_environment
from portcall.cli.errors import NodeError, NotRunningError
from portcall.cli.home import Home
from portcall.cli.rabbitmq_versions import Version
from portcall.cli.up import command as up
from portcall.cli.up import plan as planning
from portcall.cli.up.plan import make_plan


def test_the_image_is_whole_and_always_the_same(tmp_path: Path) -> None:
    digest = write_image(tmp_path / "one", "v1", "text")
    assert write_image(tmp_path / "two", "v1", "text") == digest
    assert write_image(tmp_path / "three", "v1", "other text") != digest
    blobs = list((tmp_path / "one" / "blobs" / "sha256").iterdir())
    assert {hashlib.sha256(blob.read_bytes()).hexdigest() for blob in blobs} == {
        blob.name for blob in blobs
    }
    (manifest,) = json.loads((tmp_path / "one" / "index.json").read_text())["manifests"]
    assert manifest["digest"] == digest
    assert manifest["annotations"] == {"org.opencontainers.image.ref.name": "v1"}
    content = json.loads((tmp_path / "one" / "blobs" / "sha256" / digest[7:]).read_bytes())
    names = {blob.name for blob in blobs}
    assert {part["digest"][7:] for part in (content["config"], *content["layers"])} < names


def test_the_demo_takes_nothing_from_the_users_own_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTCALL_AMQP_URL", "amqp://in-production/")
    environ = demo_environment(tmp_path)
    assert {name for name in environ if name.startswith("PORTCALL_")} == {
        "PORTCALL_HOME",
        "PORTCALL_MANAGEMENT_BIND",
        "PORTCALL_MANAGEMENT_TLS_BIND",
        "PORTCALL_PRODUCER_BIND",
    }
    assert environ["PATH"] == os.environ["PATH"]


def test_the_registry_is_told_where_to_notify_and_as_whom(tmp_path: Path) -> None:
    settings = json.dumps(
        registry_settings(tmp_path, "127.0.0.1:5000", "http://producer/", "token")
    )
    (endpoint,) = json.loads(settings)["notifications"]["endpoints"]
    assert endpoint["url"] == "http://producer/"
    assert endpoint["headers"] == {"Authorization": ["Bearer token"]}


@pytest.mark.parametrize(
    ("name", "manifests"),
    [
        ("1_push_tag.json", [("push", "v1")]),
        ("2_push_second_tag.json", [("push", "latest")]),
        ("3_delete_manifest.json", [("delete", None)]),
    ],
)
def test_the_recordings_have_what_the_demo_waits_for(
    name: str, manifests: list[tuple[str, str | None]]
) -> None:
    envelopes = json.loads((resources.files("portcall.cli") / "fixtures" / name).read_text())
    events = [event for envelope in envelopes for event in envelope["events"]]
    found = [
        (event["action"], event["target"].get("tag"))
        for event in events
        if "manifest" in event["target"].get("mediaType", "")
        or (event["action"] == "delete" and "digest" in event["target"])
    ]
    assert [item for item in found if item[0] != "pull"] == manifests


@pytest.mark.parametrize(
    ("environ", "told", "untold"),
    [
        pytest.param(
            {},
            ["a private RabbitMQ node and SQLite", "RabbitMQ 4.0.5: works", "127.0.0.0/8"],
            [],
            id="default",
        ),
        pytest.param(
            {
                "PORTCALL_AMQP_URL": "amqp://broker/",
                "PORTCALL_DATABASE_URL": "postgresql://db/x",
                "PORTCALL_ALLOW_TARGETS": "none",
            },
            ["the broker of PORTCALL_AMQP_URL and PostgreSQL"],
            ["Webhooks may send", "RabbitMQ 4.0.5"],
            id="elsewhere",
        ),
    ],
)
def test_up_says_what_it_starts_and_what_it_allows(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    told: list[str],
    untold: list[str],
) -> None:
    monkeypatch.setattr(planning, "is_free", lambda _host, _port: True)
    monkeypatch.setattr(up, "server_script", lambda: tmp_path)
    monkeypatch.setattr(up, "installed_version", lambda _script: Version(4, 0, 5))
    monkeypatch.setenv("PORTCALL_HOME", str(tmp_path / "my home"))
    home = Home(tmp_path / "my home")
    home.prepare()
    plan = make_plan(home, environ, routers=1, deliverers=1)
    text = up.starting(plan)
    assert all(part in text for part in told)
    assert not any(part in text for part in untold)
    assert f"export PORTCALL_HOME='{tmp_path}/my home'" in up.ready(plan)
    assert plan.token not in text + up.ready(plan)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        pytest.param(None, True, id="not on the PATH"),
        pytest.param("/usr/local/bin/portcall", False, id="on the PATH"),
    ],
)
def test_what_to_do_next_works_as_it_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: str | None, *, told: bool
) -> None:
    monkeypatch.setattr(planning, "is_free", lambda _host, _port: True)
    monkeypatch.setattr("shutil.which", lambda _name: found)
    monkeypatch.setattr("sys.executable", "/my folder/.venv/bin/python")
    home = Home(tmp_path / "home")
    home.prepare()
    plan = make_plan(home, {}, routers=1, deliverers=1)
    path = "  export PATH=$PATH:'/my folder/.venv/bin'\n  portcall registry create"
    assert (path in up.ready(plan)) is told
    assert f"export PORTCALL_HOME={home.path}\n" in up.ready(plan), "from any folder"


def test_a_missing_rabbitmq_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> Path:
        raise NodeError("RabbitMQ is not installed")

    monkeypatch.setattr(up, "server_script", missing)
    monkeypatch.setenv("PORTCALL_HOME", str(tmp_path / "home"))
    with pytest.raises(NodeError, match="not installed"):
        up.up()
    assert not (tmp_path / "home").exists()


LINK = "http://127.0.0.1:8400/console/sign-in#link=portcall_link_x"


@pytest.mark.parametrize(
    ("bind", "console"),
    [
        pytest.param("127.0.0.1:8400", "http://127.0.0.1:8400/console", id="as it is"),
        pytest.param("127.0.0.1:0", "http://127.0.0.1:21000/console", id="any free port"),
        pytest.param("[::1]:8400", "http://[::1]:8400/console", id="IPv6"),
        pytest.param("0.0.0.0:8400", "http://127.0.0.1:8400/console", id="every address"),
        pytest.param("[::]:8400", "http://[::1]:8400/console", id="every address of IPv6"),
        pytest.param("localhost:8400", "http://localhost:8400/console", id="a name"),
    ],
)
def test_up_names_the_console_and_links_to_it_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bind: str, console: str
) -> None:
    monkeypatch.setattr(planning, "is_free", lambda _host, _port: True)
    monkeypatch.setattr(planning, "free_ports", lambda count: [21_000] * count)
    home = Home(tmp_path / "home")
    home.prepare()
    environ = {"PORTCALL_MANAGEMENT_BIND": bind, "PORTCALL_INSECURE_BIND": "all"}
    plan = make_plan(home, environ, routers=1, deliverers=1)
    assert plan.console_url == console
    plain, linked = up.ready(plan), up.ready(plan, link=LINK)
    assert f"console     {console}\n" in plain
    assert "portcall_link" not in plain
    assert LINK in linked and "once" in linked
    assert plan.token not in linked


def test_without_an_answer_there_is_no_link_and_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        def __init__(self, *_args: object, **_kwargs: object) -> None:
            pass

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_error: object) -> None:
            pass

        def request(self, *_args: object) -> object:
            raise NotRunningError("nobody answers")

    monkeypatch.setattr(planning, "is_free", lambda _host, _port: True)
    monkeypatch.setattr(up, "HttpTransport", Silent)
    home = Home(tmp_path / "home")
    home.prepare()
    assert up.sign_in_link(make_plan(home, {}, routers=1, deliverers=1)) == ""
