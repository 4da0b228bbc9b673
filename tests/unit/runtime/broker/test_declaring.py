"""Declaring a queue that another process declares at the same time."""

from typing import Any

import pytest
from aiormq.exceptions import ChannelNotFoundEntity

from portcall.runtime.broker import declaring
from portcall.schemas.topology import Queue

QUEUE = Queue("portcall.log", {"x-queue-type": "stream"})


class FakeChannel:
    """Answers declares with these errors, one each, and then takes them."""

    def __init__(self, errors: list[Exception]) -> None:
        self.errors = errors
        self.declared = 0

    async def queue_declare(self, _name: str, **_arguments: object) -> None:
        if self.errors:
            raise self.errors.pop()
        self.declared += 1


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[FakeChannel]:
    """The channels that are opened, which share the errors of the first."""
    channels: list[FakeChannel] = []

    async def open_channel(connection: list[Exception]) -> FakeChannel:
        channels.append(FakeChannel(connection))
        return channels[-1]

    monkeypatch.setattr(declaring, "open_channel", open_channel)
    monkeypatch.setattr(declaring, "BEING_MADE_S", 0)
    return channels


async def declare(errors: list[Exception]) -> Any:  # noqa: ANN401 (a fake channel)
    connection: Any = errors
    first: Any = FakeChannel(errors)
    return await declaring._declare_queue(connection, first, QUEUE)


async def test_a_stream_that_is_being_made_is_declared_again_on_a_new_channel(
    opened: list[FakeChannel],
) -> None:
    channel = await declare([ChannelNotFoundEntity("home node 'undefined'")] * 3)
    assert len(opened) == 3
    assert channel is opened[-1]
    assert channel.declared == 1


async def test_what_stays_unknown_is_an_error(opened: list[FakeChannel]) -> None:
    with pytest.raises(ChannelNotFoundEntity):
        await declare([ChannelNotFoundEntity("home node 'undefined'")] * 99)
    assert len(opened) == declaring.BEING_MADE_TRIES - 1
