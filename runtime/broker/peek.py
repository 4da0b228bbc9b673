"""Looking into a queue without consumers, and leaving it unchanged."""

from portcall.runtime.broker.letters import Renew, reading
from portcall.runtime.broker.settle import Message


async def peek(url: str, queue: str, *, limit: int, renew: Renew | None = None) -> list[Message]:
    """The first *limit* messages of a queue. They return to it before this returns.

    For queues like ``portcall.dead``: each look counts as a redelivery of the messages, and no
    other reader gets them meanwhile.

    Raises:
        BrokerError: The broker cannot be reached, or has no such queue.
    """
    found: list[Message] = []
    async with reading(url, queue, name="peek", renew=renew) as kept:
        async for letter in kept.letters():
            found.append(Message(letter.body, queue, letter.headers))
            if len(found) >= limit:
                break
    return found
