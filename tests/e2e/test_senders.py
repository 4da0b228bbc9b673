"""A real docker-registry is the sender: it notifies a source, and real clients push to it.

The numbers are those of docs/events.md.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from portcall.cli.demo.sample_image import CONFIG, LAYER
from portcall.schemas.events import Event
from portcall.schemas.sources import Proof, Source, SourceKind
from tests.e2e.clients import Relay, Shell, relay, two_platforms
from tests.e2e.docker_engine import Engine
from tests.e2e.docker_registry import DockerRegistry, docker_registry
from tests.folders import short_folder
from tests.integration.producing import Sink, served

SECRET = "it-is-a-secret-of-the-tests"  # noqa: S105
SOURCE = Source(
    registry="myregistry",
    name="here",
    kind=SourceKind.DISTRIBUTION,
    proof=Proof.BEARER,
    secrets=(SECRET,),
    options={},
)
MANIFESTS_ONLY = {
    "ignore": {"mediatypes": ["application/octet-stream"], "actions": ["pull", "mount"]}
}
WITH_REFERENCES = MANIFESTS_ONLY | {"events": {"includereferences": True}}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name: podman refuses long ones."""
    with short_folder() as made:
        yield made


@dataclass(frozen=True, slots=True)
class Sender:
    """A registry that notifies a source of a producer.

    Attributes:
        registry: The registry.
        relay: Counts what it notifies.
        sink: Gets the producer's events.
        shell: Runs clients.
        folder: For their files.
        engine: A Docker engine, or why there is none.
    """

    registry: DockerRegistry
    relay: Relay
    sink: Sink
    shell: Shell
    folder: Path
    engine: Engine | str

    @property
    def address(self) -> str:
        return self.registry.address

    async def heard(self, push: Awaitable[object]) -> tuple[int, list[str]]:
        """What a push makes: how many notifications, and the events."""
        await self.relay.quiet()
        self.relay.take()
        before = len(self.sink.events)
        await push
        await self.relay.quiet()
        return len(self.relay.take()), [_told(each) for each in self.sink.events[before:]]


def _told(event: Event) -> str:
    return f"{event.action} {event.tag}".rstrip()


@asynccontextmanager
async def sending(
    folder: Path,
    settings: dict[str, Any],
    program: str = "docker-registry",
    engine: Engine | str = "this test starts no Docker engine",
) -> AsyncIterator[Sender]:
    sink, home = Sink(), folder / "home"
    home.mkdir()
    async with (
        served(sink.publish, sources=[SOURCE]) as at,
        aiohttp.ClientSession() as http,
        relay(http, f"{at.url}/registries/myregistry/sources/here") as between,
        docker_registry(
            folder / "registry",
            http,
            between.url,
            SECRET,
            notifications=settings,
            program=program,
        ) as registry,
    ):
        yield Sender(registry, between, sink, Shell(home), folder, engine)
        assert between.statuses <= {202}


async def skopeo(sender: Sender, name: str = "app") -> None:
    image = sender.registry.image(name)
    await sender.registry.push(image, f"team/{name}")


async def skopeo_again(sender: Sender, tag: str = "v1") -> None:
    """Push what `skopeo` has pushed."""
    here, there = f"oci:{sender.folder}/registry/app:v1", f"{sender.address}/team/app:{tag}"
    await sender.shell.run(
        "skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", here, f"docker://{there}"
    )


async def skopeo_second_tag(sender: Sender) -> None:
    await skopeo_again(sender, "v2")


async def skopeo_all(sender: Sender, name: str = "multi") -> None:
    layout = sender.folder / name
    two_platforms(layout)
    to = f"docker://{sender.address}/team/{name}:v1"
    await sender.shell.run(
        "skopeo", "--insecure-policy", "copy", "--all", "--dest-tls-verify=false",
        f"oci:{layout}:v1", to,
    )  # fmt: skip


async def podman(sender: Sender) -> None:
    image = sender.registry.image("podman")
    roots = ("--root", str(sender.folder / "root"), "--runroot", str(sender.folder / "run"))
    to = f"docker://{sender.address}/team/podman:v1"
    store = (*roots, "--storage-driver", "vfs")
    said = await sender.shell.run("podman", *store, "pull", "--quiet", f"oci:{image.layout}:v1")
    await sender.shell.run("podman", *store, "push", "--tls-verify=false", said.split()[-1], to)


async def buildah(sender: Sender) -> None:
    layout = sender.folder / "buildah"
    two_platforms(layout)
    roots = ("--root", str(sender.folder / "root"), "--runroot", str(sender.folder / "run"))
    store = (*roots, "--storage-driver", "vfs")
    await sender.shell.run("buildah", *store, "manifest", "create", "both")
    for architecture in ("amd64", "arm64"):
        one = f"oci:{layout}-{architecture}:v1"
        await sender.shell.run("buildah", *store, "manifest", "add", "both", one)
    to = f"docker://{sender.address}/team/buildah:v1"
    await sender.shell.run(
        "buildah", *store, "manifest", "push", "--all", "--tls-verify=false", "both", to
    )


async def oras(sender: Sender) -> None:
    (sender.shell.home / "file.txt").write_text("something\n")
    await sender.shell.run(
        "oras", "push", "--plain-http", "--artifact-type", "application/vnd.acme.thing",
        f"{sender.address}/team/oras:v1", "file.txt:text/plain",
    )  # fmt: skip


async def oras_attach(sender: Sender) -> None:
    await sender.shell.run(
        "oras", "attach", "--plain-http", "--artifact-type", "application/vnd.acme.note",
        f"{sender.address}/team/app:v1", "--annotation", "checked=yes",
    )  # fmt: skip


async def crane(sender: Sender) -> None:
    here = f"{sender.address}/team/multi:v1"
    await sender.shell.run("crane", "copy", here, f"{sender.address}/team/crane:v1")


async def cosign(sender: Sender, *more: str, name: str = "app") -> None:
    if not (sender.shell.home / "cosign.key").exists():
        await sender.shell.run("cosign", "generate-key-pair")
    digest = await sender.shell.run(
        "skopeo", "inspect", "--tls-verify=false", "--no-tags", "--format", "{{.Digest}}",
        f"docker://{sender.address}/team/{name}:v1",
    )  # fmt: skip
    await sender.shell.run(
        "cosign", "sign", "--key", "cosign.key", "--yes", "--tlog-upload=false",
        "--use-signing-config=false", "--allow-http-registry", *more,
        f"{sender.address}/team/{name}@{digest.split()[-1]}",
    )  # fmt: skip


async def notation(sender: Sender) -> None:
    await sender.shell.run("notation", "cert", "generate-test", "--default", "acme.test")
    await sender.shell.run(
        "notation", "sign", "--insecure-registry", f"{sender.address}/team/app:v1"
    )


async def sign_both(sender: Sender) -> None:
    await skopeo_all(sender)
    await cosign(sender, "-r", name="multi")


Push = Callable[[Sender], Awaitable[None]]
SIGNED = ["push", "push INDEX"]
BOTH = ["push", "push", "push v1"]


@dataclass(frozen=True, slots=True)
class Case:
    """What a client makes a registry say.

    Attributes:
        push: What the client does.
        posts: The registry's notifications, without ``ignore``.
        events: What Portcall makes of them; INDEX: a tag ``sha256-...``.
        before: What is there before.
    """

    push: Push
    posts: int
    events: list[str]
    before: Push | None = None


CASES = {
    "skopeo": Case(skopeo, 3, ["push v1"]),
    "skopeo, the same image again": Case(skopeo_again, 3, ["push v1"], skopeo),
    "skopeo, a second tag": Case(skopeo_second_tag, 3, ["push v2"], skopeo),
    "podman": Case(podman, 3, ["push v1"]),
    "oras": Case(oras, 3, ["push v1"]),
    "skopeo --all": Case(skopeo_all, 7, BOTH),
    "buildah manifest push --all": Case(buildah, 7, BOTH),
    "crane copy": Case(crane, 10, BOTH, skopeo_all),
    "oras attach": Case(oras_attach, 4, SIGNED, skopeo),
    "cosign sign": Case(cosign, 8, SIGNED, skopeo),
    "notation sign": Case(notation, 6, SIGNED, skopeo),
    "skopeo --all, cosign sign -r": Case(sign_both, 28, BOTH + 3 * SIGNED),
}


@pytest.mark.parametrize("name", CASES)
async def test_each_client_makes_the_notifications_and_events_of_the_page(
    name: str, folder: Path
) -> None:
    case = CASES[name]
    async with sending(folder, {}) as sender:
        if case.before:
            await case.before(sender)
        posts, events = await sender.heard(case.push(sender))
    assert ([_short(each) for each in events], posts) == (case.events, case.posts)


@pytest.mark.parametrize(
    "settings", [MANIFESTS_ONLY, WITH_REFERENCES], ids=["ignore", "references"]
)
async def test_a_registry_that_ignores_blobs_sends_one_notification_for_each_event(
    settings: dict[str, Any], folder: Path
) -> None:
    async with sending(folder, settings) as sender:
        assert await sender.heard(skopeo(sender)) == (1, ["push v1"])
        await sender.heard(skopeo_all(sender))
        first = sender.sink.events[0]
        assert (first.registry, first.repository, first.tag) == ("myregistry", "team/app", "v1")
        assert len(sender.sink.events) == 4


async def test_references_name_the_type_of_the_artifact(folder: Path) -> None:
    async with sending(folder, WITH_REFERENCES) as sender:
        await skopeo(sender)
        await sender.relay.quiet()
        (sent,) = sender.relay.take()
    first, layer = sent["target"]["references"]
    assert first["mediaType"] == CONFIG
    assert layer["mediaType"] == LAYER


async def test_a_registry_without_the_secret_is_refused(folder: Path) -> None:
    async with sending(folder, {"headers": {"Authorization": ["Bearer wrong"]}}) as sender:
        await skopeo(sender)
        await sender.relay.quiet()
        assert sender.relay.statuses == {401}
        assert not sender.sink.events
        sender.relay.statuses.clear()


def _short(event: str) -> str:
    return re.sub(r"sha256-[0-9a-f]{64}", "INDEX", event)
