"""The broker's alarms are heard at once, and the client hears them, too."""

from pamqp.commands import Connection

from portcall.runtime.broker.alarms import hear_alarms
from tests.unit.runtime.broker.wires import BEAT, FakeChannel, encoded

BLOCKED, UNBLOCKED = Connection.Blocked("low on memory"), Connection.Unblocked()


async def test_alarms_are_told_as_they_come() -> None:
    fake = FakeChannel()
    told: list[bool] = []

    def hear(*, is_on: bool) -> None:
        told.append(is_on)

    hear_alarms(fake.as_channel(), hear)
    for frame in (BLOCKED, UNBLOCKED, Connection.UpdateSecretOk(), BLOCKED):
        fake.wire._received(encoded(frame, 0))
    assert told == [True, False, True]
    seen = fake.client.replace(BEAT, b"")
    assert seen.startswith(encoded(BLOCKED, 0) + encoded(UNBLOCKED, 0))
    assert seen.endswith(encoded(BLOCKED, 0))
