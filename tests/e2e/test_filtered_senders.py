"""What one push makes of POSTs with each filter: real clients, a real registry, and the pipeline.

Real clients push to a real docker-registry, which notifies a running ``portcall up``. One webhook
for each column of the table in docs/events.md POSTs to a sink, which counts. The registry has
``includereferences``, which tells the types of artifacts.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests import ROOT
from tests.e2e.buildx_layout import as_buildx
from tests.e2e.clients import Relay, Shell, relay
from tests.e2e.docker_engine import Engine, docker_engine
from tests.e2e.docker_registry import DockerRegistry, docker_registry
from tests.e2e.test_coalesce import accounted
from tests.e2e.test_senders import (
    WITH_REFERENCES,
    Push,
    Sender,
    cosign,
    notation,
    oras_attach,
    sign_both,
    skopeo,
    skopeo_again,
    skopeo_all,
)
from tests.folders import short_folder
from tests.installation import IN_FORCE_S, Client, Document, Installation, running
from tests.integration.producing import Sink as ProducedEvents
from tests.sink import Sink, eventually, serve_sink

PAGE = ROOT / "docs/events.md"
DOCKERFILE = """FROM scratch
ARG TARGETARCH
COPY file /file
LABEL architecture=$TARGETARCH
"""
WAIT = "10s"
"""How long a push without a tag waits here for its index; all that one client sends is faster."""

COLUMNS: dict[str, Document] = {
    "no filter": {},
    "`taggedOnly`": {"taggedOnly": True},
    "`noReferrers`": {"noReferrers": True},
    "both": {"taggedOnly": True, "noReferrers": True},
    "`artifactTypes=image,index`": {"artifactTypes": ["image", "index"]},
    "`changedOnly`": {"changedOnly": True},
    "`taggedOnly changedOnly`": {"taggedOnly": True, "changedOnly": True},
    "`coalesce`": {"coalesce": WAIT},
}
"""The columns of the page's table, each with the filters of its webhook."""


async def _copy_all(sender: Sender, layout: Path, tag: str) -> None:
    to = f"docker://{sender.address}/team/built:{tag}"
    await sender.shell.run(
        "skopeo", "--insecure-policy", "copy", "--all", "--dest-tls-verify=false",
        f"oci:{layout}:v1", to,
    )  # fmt: skip


async def mirrored(sender: Sender) -> None:
    layout = sender.folder / "built"
    as_buildx(layout, platforms=1)
    await _copy_all(sender, layout, "v1")


async def mirror(sender: Sender) -> None:
    """A nightly sync that copies what is there already."""
    await _copy_all(sender, sender.folder / "built", "v1")


async def copy_two(sender: Sender) -> None:
    """What buildx makes of two platforms and two tags; the second tag copies the index only."""
    layout = sender.folder / "built"
    as_buildx(layout)
    await _copy_all(sender, layout, "v1")
    await sender.shell.run(
        "skopeo", "--insecure-policy", "copy", "--multi-arch=index-only", "--dest-tls-verify=false",
        f"oci:{layout}:v1", f"docker://{sender.address}/team/built:latest",
    )  # fmt: skip


async def sign_again(sender: Sender) -> None:
    """Sign with notation what it has signed: deletes the index that it replaces."""
    await sender.shell.run(
        "notation", "sign", "--insecure-registry", f"{sender.address}/team/app:v1"
    )


async def sign_once(sender: Sender) -> None:
    await skopeo(sender)
    await notation(sender)


async def docker(sender: Sender, *arguments: str) -> str:
    if isinstance(sender.engine, str):
        pytest.skip(sender.engine)
    return await sender.engine.docker(*arguments)


async def build(sender: Sender, *options: str, tags: tuple[str, ...] = ("v1",)) -> None:
    """Build with docker's own defaults, so with a provenance attestation."""
    context = sender.folder / "context"
    context.mkdir(exist_ok=True)
    (context / "Dockerfile").write_text(DOCKERFILE)
    (context / "file").write_text(str(sender.folder))
    names = [word for tag in tags for word in ("--tag", f"{sender.address}/team/built:{tag}")]
    await docker(sender, *options, *names, str(context))


async def docker_push(sender: Sender) -> None:
    await build(sender, "build")
    await docker(sender, "push", f"{sender.address}/team/built:v1")


async def docker_push_plain(sender: Sender) -> None:
    await build(sender, "build", "--provenance=false")
    await docker(sender, "push", f"{sender.address}/team/built:v1")


async def docker_push_again(sender: Sender) -> None:
    await docker(sender, "push", f"{sender.address}/team/built:v1")


async def buildx(sender: Sender) -> None:
    await build(sender, "buildx", "build", "--push")


async def buildx_two(sender: Sender) -> None:
    options = ("buildx", "build", "--push", "--platform", "linux/amd64,linux/arm64")
    await build(sender, *options, tags=("v1", "latest"))


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the page's table.

    Attributes:
        push: What is done.
        posts: The POSTs of each column's webhook, in the order of `COLUMNS`.
        before: What was done before.
    """

    push: Push
    posts: tuple[int, ...]
    before: Push | None = None


CASES = {
    "an image, by skopeo": Case(skopeo, (1, 1, 1, 1, 1, 1, 1, 1)),
    "the same image again": Case(skopeo_again, (1, 1, 1, 1, 1, 0, 0, 1), skopeo),
    "one platform, by `docker build --provenance=false` and `docker push`": Case(
        docker_push_plain, (1, 1, 1, 1, 1, 1, 1, 1)
    ),
    "one platform with its attestation, by `docker build` and `docker push`": Case(
        docker_push, (3, 1, 2, 1, 2, 3, 1, 1)
    ),
    "the same, by `docker push` again": Case(
        docker_push_again, (0, 0, 0, 0, 0, 0, 0, 0), docker_push
    ),
    "one platform with its attestation, by `docker buildx build --push`": Case(
        buildx, (3, 1, 2, 1, 2, 3, 1, 1)
    ),
    "the same, built and pushed again without a change": Case(
        buildx, (2, 1, 1, 1, 1, 2, 1, 1), buildx
    ),
    "two platforms with attestations and two tags, by buildx": Case(
        buildx_two, (6, 2, 4, 2, 4, 6, 2, 2)
    ),
    "the same, copied by skopeo": Case(copy_two, (6, 2, 4, 2, 4, 6, 2, 2)),
    "a nightly sync of one platform with an attestation": Case(
        mirror, (3, 1, 2, 1, 2, 2, 0, 1), mirrored
    ),
    "two platforms, `skopeo copy --all`": Case(skopeo_all, (3, 1, 3, 1, 3, 3, 1, 1)),
    "the same, signed by `cosign sign -r`": Case(sign_both, (9, 4, 3, 1, 6, 9, 4, 4)),
    "a signature by `cosign sign`": Case(cosign, (2, 1, 0, 0, 1, 2, 1, 1), skopeo),
    "a second signature by `notation sign`": Case(sign_again, (3, 1, 0, 0, 2, 3, 1, 2), sign_once),
    "an attachment by `oras attach`": Case(oras_attach, (2, 1, 1, 0, 1, 2, 1, 1), skopeo),
}


@dataclass
class Scene:
    """A pipeline with a webhook for each column, and a registry that notifies it.

    Attributes:
        installation: The pipeline.
        name: The registry's name there.
        relay: Counts what the registry notifies.
        docker: The registry.
        sink: Gets the POSTs.
        skipped: Rows whose client is missing, and which one.
    """

    installation: Installation
    name: str
    relay: Relay
    docker: DockerRegistry
    sink: Sink
    skipped: dict[str, str]

    async def attempt(self, row: str, push: Push | None, sender: Sender) -> None:
        """Push for a row, unless its client is missing."""
        if push is None or row in self.skipped:
            return
        try:
            await push(sender)
        except pytest.skip.Exception as missing:
            self.skipped[row] = str(missing)

    async def settled(self) -> None:
        """Wait until each webhook's delivery of each event has ended."""
        await self.relay.quiet()
        assert self.relay.statuses <= {202}
        expected = self.relay.accepted * len(COLUMNS)

        async def is_complete() -> bool:
            account = await accounted(self.installation, self.name)
            return bool(account["accepted"] == expected and account["pending"] == 0)

        await eventually(is_complete, within_s=90, what=f"{expected} deliveries have ended")

    def counts(self) -> Counter[tuple[str, str]]:
        """The POSTs so far, by the first part of the repository and the path."""
        return Counter(
            (post.json["target"]["repository"].split("/")[0], post.path) for post in self.sink.posts
        )


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq_installed: None
) -> Iterator[Installation]:
    with running(tmp_path_factory.mktemp("filtered") / "home") as started:
        yield started


@asynccontextmanager
async def scene(installation: Installation, folder: Path) -> AsyncIterator[Scene]:
    async with aiohttp.ClientSession() as http, serve_sink() as sink:
        client, ready = Client(installation, http), installation.ready
        name = await client.new_registry()
        for number, filters in enumerate(COLUMNS.values()):
            await client.put_webhook(
                name,
                f"column{number}",
                f"{sink.url}/{number}",
                actions=("push", "delete"),
                portcall={"filters": filters or None},
            )
        await asyncio.sleep(IN_FORCE_S)
        url = f"{ready['producer_url']}/registries/{name}/notifications"
        async with (
            relay(http, url) as between,
            docker_registry(
                folder / "registry",
                http,
                between.url,
                ready["token"],
                notifications=WITH_REFERENCES,
            ) as docker,
        ):
            yield Scene(installation, name, between, docker, sink, {})


def sender_of(scene: Scene, number: int, folder: Path, engine: Engine | str) -> Sender:
    """What a row's clients use: its own folder and home, and its own repositories."""
    home = folder / "home"
    home.mkdir(parents=True)
    docker = replace(
        scene.docker, address=f"{scene.docker.address}/row{number}", folder=folder / "registry"
    )
    return Sender(docker, scene.relay, ProducedEvents(), Shell(home), folder, engine)


async def an_engine(stack: AsyncExitStack, folder: Path) -> Engine | str:
    """A Docker engine until *stack* ends, or why there is none."""
    try:
        return await stack.enter_async_context(docker_engine(folder))
    except pytest.skip.Exception as missing:
        return str(missing)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counted(installation: Installation) -> dict[str, tuple[int, ...] | str]:
    """Each row's POSTs by column, or which client is missing; all rows are pushed in one go."""
    with short_folder() as folder:
        async with AsyncExitStack() as stack:
            one = await stack.enter_async_context(scene(installation, folder))
            engine = await an_engine(stack, folder / "engine")
            senders = {
                row: sender_of(one, number, folder / str(number), engine)
                for number, row in enumerate(CASES)
            }
            for row, case in CASES.items():
                await one.attempt(row, case.before, senders[row])
            await one.settled()
            before = one.counts()
            for row, case in CASES.items():
                await one.attempt(row, case.push, senders[row])
            await one.settled()
            posts = one.counts() - before
    made = {
        row: tuple(posts[f"row{number}", f"/{column}"] for column in range(len(COLUMNS)))
        for number, row in enumerate(CASES)
    }
    return made | one.skipped


@pytest.mark.parametrize("row", CASES)
def test_each_webhook_gets_the_posts_of_the_page(
    row: str, counted: dict[str, tuple[int, ...] | str]
) -> None:
    posts = counted[row]
    if isinstance(posts, str):
        pytest.skip(posts)
    assert dict(zip(COLUMNS, posts, strict=True)) == dict(
        zip(COLUMNS, CASES[row].posts, strict=True)
    )


def test_the_page_has_these_rows_and_columns() -> None:
    lines = PAGE.read_text().splitlines()
    start = lines.index(f"| push | {' | '.join(COLUMNS)} |")
    assert lines[start + 2 : start + 3 + len(CASES)] == [
        *(f"| {row} | {' | '.join(map(str, case.posts))} |" for row, case in CASES.items()),
        "",
    ]
