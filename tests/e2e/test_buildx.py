"""How many events a real ``docker buildx build --push`` makes, with more provenance and with none.

`test_filtered_senders` counts the POSTs of its default.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.docker_engine import docker_engine
from tests.e2e.test_filtered_senders import build
from tests.e2e.test_senders import WITH_REFERENCES, sending
from tests.folders import short_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name: that of a socket has a limit."""
    with short_folder() as made:
        yield made


async def test_without_provenance_one_platform_is_one_event(folder: Path) -> None:
    push = ("buildx", "build", "--push")
    (folder / "one").mkdir()
    async with (
        docker_engine(folder / "engine") as engine,
        sending(folder / "one", WITH_REFERENCES, engine=engine) as sender,
    ):
        _, events = await sender.heard(build(sender, *push, "--provenance=mode=max"))
        assert events == ["push", "push", "push v1"]
        _, events = await sender.heard(build(sender, *push, "--provenance=false", tags=("v2",)))
        assert events == ["push v2"]
