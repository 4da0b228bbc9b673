"""A private node's data under other versions of RabbitMQ: what starts, and what is refused.

The versions are those of `scripts/rabbitmq-root` that are unpacked here; a missing one is skipped.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from portcall.cli.errors import NodeError
from portcall.cli.rabbitmq_versions import parsed
from portcall.cli.up.broker import PrivateBroker, server_script
from portcall.cli.up.node_version import installed_version
from portcall.runtime.broker import declaring
from portcall.schemas.topology import EVENTS_IN, topology
from tests.integration.runtime.brokers import put, take_all
from tests.rabbit import UNPACKED, unpacked_server

Use = Callable[[str], None]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Lets the next start use the RabbitMQ of a series: an unpacked one, or the machine's."""
    folders = os.environ["PATH"].split(os.pathsep)
    path = os.pathsep.join(each for each in folders if not each.startswith(str(UNPACKED)))

    def take(series: str) -> None:
        script = unpacked_server(series)
        if script is not None:
            monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{path}")
            return
        monkeypatch.setenv("PATH", path)
        own = installed_version(server_script())
        if own is None or not str(own).startswith(f"{series}."):
            pytest.skip(f"scripts/rabbitmq-root {series} has not unpacked it")

    return take


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a node that a refused start must not touch."""
    return {str(each): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


async def filled(home: Path) -> PrivateBroker:
    """A node with one event in it, stopped again."""
    broker = PrivateBroker(home)
    await broker.start()
    try:
        await declaring.apply(broker.url, topology(shards=1, rungs_ms=()))
        await put(broker.url, EVENTS_IN, [b"kept"])
        await asyncio.sleep(1.5)  # until the queue's name is written: `NodeFolder.settle`
    finally:
        await broker.stop()
    return broker


async def test_the_version_is_noted_beside_the_data(tmp_path: Path) -> None:
    broker = PrivateBroker(tmp_path / "node")
    await broker.start()
    try:
        said = parsed(await declaring.ping(broker.url))
        assert said is not None
        assert broker.version == said
        assert str(said) in (tmp_path / "node" / "version.json").read_text()
    finally:
        await broker.stop()


async def test_4_3_takes_over_the_data_of_4_0_and_4_0_is_refused_then(
    tmp_path: Path, use: Use
) -> None:
    use("4.0")
    await filled(tmp_path)
    use("4.3")
    newer = PrivateBroker(tmp_path)
    await newer.start()
    try:
        bodies = [each.body for each in await take_all(newer.url, EVENTS_IN)]
        assert bodies == [b"kept"]
    finally:
        await newer.stop()

    use("4.0")
    before = contents(tmp_path)
    with pytest.raises(NodeError, match=r"RabbitMQ 4\.3\.\d+ wrote the data .* 4\.0\.\d+ is"):
        await PrivateBroker(tmp_path).start()
    assert contents(tmp_path) == before


@pytest.mark.parametrize("series", ["4.0", "4.3"])
@pytest.mark.parametrize("noted", [True, False], ids=["noted", "by an older Portcall"])
async def test_4_x_is_refused_on_data_of_3_10_which_goes_on_with_3_10(
    tmp_path: Path, use: Use, series: str, *, noted: bool
) -> None:
    use("3.10")
    await filled(tmp_path)
    if not noted:
        (tmp_path / "version.json").unlink()
    use(series)
    before = contents(tmp_path)
    with pytest.raises(NodeError, match=r"wrote the data .* `portcall drain`.*docs/upgrades\.md"):
        await PrivateBroker(tmp_path).start()
    assert contents(tmp_path) == before

    use("3.10")
    again = PrivateBroker(tmp_path)
    await again.start()
    try:
        assert [each.body for each in await take_all(again.url, EVENTS_IN)] == [b"kept"]
    finally:
        await again.stop()
