"""Alarms of the broker: it is short of memory or disk, and reads nothing more that is published.

It tells that to a connection that publishes, if the client said that it understands it. The client
does, but has no callback for it, so we look at the frames ourselves.

Source: https://www.rabbitmq.com/docs/connection-blocked.
"""

from typing import Protocol

from aiormq import Channel
from pamqp.commands import Connection

from portcall.runtime.broker.contents import number_of
from portcall.runtime.broker.wire import METHOD, wire_of

_BLOCKED, _UNBLOCKED = map(number_of, (Connection.Blocked, Connection.Unblocked))
_WHOLE_CONNECTION = 0
"""The number of the channel whose frames are about the connection itself."""


class AlarmHearer(Protocol):
    """Learns of alarms."""

    def __call__(self, *, is_on: bool) -> None:
        """An alarm begins to hold back this connection, or no longer does."""


def hear_alarms(channel: Channel, told: AlarmHearer) -> None:
    """Tell of the alarms of a channel's connection, at once; of one hearer for each connection."""

    def looks(kind: int, payload: bytes) -> bool:
        if kind == METHOD:
            if payload.startswith(_BLOCKED):
                told(is_on=True)
            elif payload.startswith(_UNBLOCKED):
                told(is_on=False)
        return False  # the client must see them, too

    wire_of(channel).route(_WHOLE_CONNECTION, looks)
