"""The command line against a running installation, each command as a process of its own."""

import asyncio
import json
import signal
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.authorities import authority, server_context, tls_server
from tests.installation import Installation, new_name
from tests.sink import Answer, Sink, eventually


@dataclass(frozen=True)
class Portcall:
    """Runs commands against one installation; knows its address and nothing of its settings."""

    installation: Installation

    @property
    def environ(self) -> dict[str, str]:
        """A shell in which only the home folder is known."""
        everything = self.installation.environ
        kept = {name: text for name, text in everything.items() if not name.startswith("PORTCALL_")}
        return {**kept, "PORTCALL_HOME": str(self.installation.home)}

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start a command, and leave it running."""
        return await asyncio.create_subprocess_exec(
            *self.installation.command(*arguments),
            env=self.environ,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
        )

    async def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command; gives exit code, standard output and standard error."""
        process = await self.start(*arguments)
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def json(self, *arguments: str) -> Any:  # noqa: ANN401 (whatever a command prints)
        """Run a command that must succeed, and read what it prints."""
        code, out, err = await self(*arguments)
        assert code == 0, err
        return json.loads(out) if out else None


@pytest.fixture
def portcall(pipeline: Installation) -> Portcall:
    return Portcall(pipeline)


@pytest.fixture
async def registry(portcall: Portcall) -> str:
    """A registry of this test's own."""
    name = new_name("clireg")
    await portcall.json("registry", "create", name)
    return name


@pytest.fixture
async def hook(portcall: Portcall, registry: str, sink: Sink) -> tuple[str, ...]:
    """The options that name a webhook of that registry, which leads to the sink."""
    this = ("-r", registry, "-n", "clihook")
    uri = f"{sink.url}/hook"
    await portcall.json(
        "webhook", "create", *this, "--uri", uri, "--actions", "push", "delete",
        "--headers", "X-Team=web", "Authorization=Bearer 123",
    )  # fmt: skip
    return this


async def test_a_registrys_life(portcall: Portcall) -> None:
    name = new_name("clireg")
    made = await portcall.json("registry", "create", name, "--sku", "Basic", "--tags", "a=b")
    assert (made["name"], made["sku"]["name"], made["tags"]) == (name, "Basic", {"a": "b"})
    assert made in await portcall.json("registry", "list")
    assert await portcall.json("registry", "show", name.upper()) == made
    code, out, err = await portcall("registry", "delete", name)
    assert (code, out, err) == (0, "", f"Deleted the registry {name}.\n")
    code, _, err = await portcall("registry", "show", name)
    assert (code, f"`portcall registry create {name}`" in err) == (3, True)


async def test_a_webhooks_life(portcall: Portcall, hook: tuple[str, ...], sink: Sink) -> None:
    _, registry, *_ = hook
    shown = await portcall.json("webhook", "show", *hook)
    assert shown["properties"]["actions"] == ["push", "delete"]
    del shown["properties"]["portcall"]["defaults"]  # a list leaves out what all have
    assert await portcall.json("webhook", "list", "-r", registry) == [shown]
    assert await portcall.json("webhook", "get-config", *hook) == {
        "serviceUri": f"{sink.url}/hook",
        "customHeaders": {"X-Team": "web", "Authorization": "Bearer 123"},
    }
    code, out, err = await portcall(
        "webhook", "update", *hook, "--headers", "", "--scope", "team/app:*",
        "--secret", "generate", "--retry-schedule", "1s,2s", "-o", "table",
    )  # fmt: skip
    assert code == 0
    assert out.splitlines() == [
        "NAME     LOCATION    ACTIONS             SCOPE       STATUS",
        "-------  ----------  ------------------  ----------  --------",
        "clihook  westus      ['push', 'delete']  team/app:*  enabled",
    ]
    assert "whsec_" in err
    config = await portcall.json("webhook", "get-config", *hook)
    assert "customHeaders" not in config
    for there, told in ((True, "Deleted the webhook clihook."), (False, "has no webhook clihook")):
        code, out, err = await portcall("webhook", "delete", *hook)
        assert (code, out, told in err) == (0, "", True), there
    code, _, err = await portcall("webhook", "show", *hook)
    assert (code, "(ResourceNotFound)" in err) == (3, True)


async def test_a_ping_arrives_and_is_listed(
    portcall: Portcall, hook: tuple[str, ...], sink: Sink
) -> None:
    ping = await portcall.json("webhook", "ping", *hook)
    [post] = await sink.until(1)
    assert post.json["id"] == ping["id"]

    async def listed() -> bool:
        return bool(await portcall.json("webhook", "list-events", *hook))

    await eventually(listed, within_s=10, what="the ping is listed")
    [record] = await portcall.json("webhook", "list-events", *hook)
    assert record["id"] == ping["id"]
    code, out, _ = await portcall("webhook", "list-events", *hook, "-o", "table")
    assert code == 0
    header, _, row = out.splitlines()
    assert header.split("  ")[0] == "ID"
    assert row.split()[:4] == [ping["id"], "ping", "200", "OK"]


async def test_following_shows_what_happens_until_ctrl_c(
    portcall: Portcall, hook: tuple[str, ...], sink: Sink
) -> None:
    sink.always("/hook", Answer(status=204))
    follower = await portcall.start("webhook", "list-events", *hook, "-f")
    assert follower.stdout is not None
    assert follower.stderr is not None
    async with asyncio.timeout(60):
        assert await follower.stderr.readline() == b"Following; Ctrl-C ends it.\n"
        ids = []
        for _ in range(2):
            ids.append((await portcall.json("webhook", "ping", *hook))["id"])
            record = json.loads(await follower.stdout.readline())
            assert record["id"] == ids[-1]
            assert record["eventResponseMessage"]["statusCode"] == "204"
        follower.send_signal(signal.SIGINT)
        assert await follower.communicate() == (b"", b"")
        assert follower.returncode == 0


async def test_an_endpoint_that_says_no_is_listed_with_every_attempt(
    portcall: Portcall, hook: tuple[str, ...], sink: Sink
) -> None:
    sink.always("/hook", 500)
    await portcall.json("webhook", "update", *hook, "--retry-schedule", "100ms,100ms")
    await portcall.json("webhook", "ping", *hook)

    async def exhausted() -> bool:
        records = await portcall.json("webhook", "list-events", *hook)
        return bool(records) and records[0]["portcall"]["outcome"] == "given_up"

    await eventually(exhausted, within_s=30, what="the ping is given up")
    newest = await portcall.json("webhook", "list-events", *hook, "--max-items", "1")
    assert len(newest) == 1


async def test_webhooks_move_by_file(
    portcall: Portcall, registry: str, sink: Sink, tmp_path: Path
) -> None:
    names = [f"hook{number:04}" for number in range(300)]
    lines = [
        {
            "name": name,
            "tags": {"n": name},
            "properties": {
                "serviceUri": f"{sink.url}/{name}",
                "customHeaders": {"Authorization": f"Bearer {name}"},
                "actions": ["push"],
                "scope": "team/app:*",
            },
        }
        for name in names
    ]
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    first.write_text("".join(json.dumps(line) + "\n" for line in lines))
    imported = await portcall.json("webhook", "import", str(first), "-r", registry)
    assert imported == {"created": 300, "replaced": 0, "failed": 0}
    assert (await portcall("webhook", "export", str(second), "-r", registry))[0] == 0
    exported = [json.loads(line) for line in second.read_text().splitlines()]
    assert [each["name"] for each in exported] == names
    assert [each["properties"]["customHeaders"] for each in exported] == [
        line["properties"]["customHeaders"] for line in lines  # type: ignore[index]  # an object
    ]  # fmt: skip
    other = new_name("clireg")
    await portcall.json("registry", "create", other)
    assert (await portcall.json("webhook", "import", str(second), "-r", other))["created"] == 300
    assert (await portcall.json("webhook", "import", str(second)))["replaced"] == 300


async def test_a_bad_line_is_told_by_line_and_field_and_nothing_of_it_is_imported(
    portcall: Portcall, registry: str, tmp_path: Path
) -> None:
    lines = [
        {"name": "hook1", "properties": {"serviceUri": "http://x.example/", "actions": ["push"]}},
        {"name": "hook2", "properties": {"serviceUri": "ftp://x.example/", "actions": ["push"]}},
        {"name": "hook3", "properties": {"serviceUri": "http://x.example/", "actions": ["pull"]}},
    ]
    file = tmp_path / "in.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    code, out, err = await portcall("webhook", "import", str(file), "-r", registry)
    assert (code, json.loads(out)) == (1, {"created": 0, "replaced": 0, "failed": 3})
    assert "error: line 2: webhook 'hook2': properties.serviceUri" in err
    assert "error: line 3: webhook 'hook3': properties.actions[0]" in err
    assert await portcall.json("webhook", "list", "-r", registry) == []


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        pytest.param(
            ("webhook", "create", "-r", "nowhere", "-n", "clihook", "--uri", "http://x.example/",
             "--actions", "push"),
            3, "`portcall registry create nowhere`", id="no registry",
        ),
        pytest.param(
            ("registry", "create", "a-b"), 1, "letters and digits", id="a name that is none"
        ),
        pytest.param(
            ("webhook", "list", "-r", "nowhere", "--url", "http://127.0.0.1:1"), 2,
            "set PORTCALL_TOKEN", id="no token for that server",
        ),
    ],
)  # fmt: skip
async def test_errors_are_one_line_with_the_exit_codes_of_az(
    portcall: Portcall, arguments: tuple[str, ...], code: int, told: str
) -> None:
    ended, out, err = await portcall(*arguments)
    assert (ended, out) == (code, "")
    assert err.startswith("error: ")
    assert told in err
    assert len(err.splitlines()) == 1


async def test_a_server_is_reached_by_address_and_token_alone(
    portcall: Portcall, pipeline: Installation, registry: str, tmp_path: Path
) -> None:
    url, token = pipeline.ready["management_url"], pipeline.ready["token"]
    process = await asyncio.create_subprocess_exec(
        *pipeline.command("registry", "show", registry, "--url", url),
        env={**portcall.environ, "PORTCALL_HOME": str(tmp_path), "PORTCALL_TOKEN": token},
        stdout=PIPE,
    )
    out, _ = await process.communicate()
    assert (process.returncode, json.loads(out)["name"]) == (0, registry)


async def test_the_doctor_finds_nothing_wrong_in_a_running_installation(
    portcall: Portcall,
) -> None:
    code, out, err = await portcall("doctor", "-o", "json")
    said = json.loads(out)
    told = {each["check"]: each for each in said["checks"]}
    wrong = {name: each["found"] for name, each in told.items() if each["verdict"] != "ok"}
    wrong.pop("failing webhooks", None)  # other tests of this installation let endpoints fail
    assert (code, wrong, err) == (0 if said["ok"] else 1, {}, "")
    roles = {name for name in told if name.startswith("role ")}
    assert roles == {
        f"role {role}-1" for role in ("producer", "router", "deliverer", "recorder", "management")
    }
    assert told["queues"]["facts"]["groups"]["unrouted"] == 0


async def test_the_doctor_says_what_is_wrong_where_nothing_runs(
    portcall: Portcall, pipeline: Installation, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        *pipeline.command("doctor", "-o", "table"),
        env={**portcall.environ, "PORTCALL_HOME": str(tmp_path / "none")},
        stdout=PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 1
    assert "start `portcall up`" in out.decode()


async def test_the_topology_is_applied_and_shown(portcall: Portcall) -> None:
    code, _, err = await portcall("topology", "apply")
    assert (code, err.startswith("The broker has")) == (0, True)
    shown = await portcall.json("topology", "show")
    queues = {queue["name"]: queue["messages"] for queue in shown["queues"]}
    assert {"portcall.events.in", "portcall.wait.1s", "portcall.log"} <= queues.keys()
    assert None not in queues.values()


async def test_an_endpoint_behind_mutual_tls_from_the_command_line(
    portcall: Portcall, registry: str, tmp_path: Path
) -> None:
    """A private authority and a client certificate: given, used, exported without the key, taken."""
    ca = authority()
    client = ca.issue("portcall")
    files = {"ca.pem": ca.pem, "client.pem": client.pem, "client.key": client.key_pem}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    named = [str(tmp_path / name) for name in files]
    with tls_server(server_context(tmp_path, ca.issue(), clients=ca)) as server:
        these = ("-r", registry, "-n", "inner01")
        made = await portcall.json(
            "webhook", "create", *these, "--actions", "push", "--uri", server.url,
            "--retry-schedule", "", "--ca-file", named[0], "--client-cert", named[1],
            "--client-key", named[2], "-o", "json",
        )  # fmt: skip
        assert made["properties"]["portcall"]["clientCertificateSubject"] == "CN=portcall"

        async def pinged() -> dict[str, Any]:
            event = (await portcall.json("webhook", "ping", *these, "-o", "json"))["id"]
            listed: list[dict[str, Any]] = []

            async def is_listed() -> bool:
                listed[:] = [
                    each
                    for each in await portcall.json("webhook", "list-events", *these, "-o", "json")
                    if each["id"] == event
                ]
                return bool(listed)

            await eventually(is_listed, within_s=20, what="the ping is listed")
            answer: dict[str, Any] = listed[0]["eventResponseMessage"]
            return answer

        assert (await pinged())["statusCode"] == "200"
        exported = tmp_path / "export.jsonl"
        code, _, err = await portcall("webhook", "export", str(exported), "-r", registry)
        assert (code, "with a client certificate" in err) == (0, True)
        assert ca.pem.splitlines()[1] in exported.read_text()
        for line in client.key_pem.splitlines()[1:-1]:
            assert line not in exported.read_text() + json.dumps(made)
        await portcall.json("webhook", "update", *these, "--client-cert", "", "-o", "json")
        await asyncio.sleep(2)
        refused = await pinged()
        assert "statusCode" not in refused
        assert "the server requires a client certificate" in refused["content"]
    assert server.clients == ["((('commonName', 'portcall'),),)"]
