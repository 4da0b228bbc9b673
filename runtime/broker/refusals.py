"""Refusals: which queues refuse everything, since when, and when to replace the channel.

A full quorum queue refuses messages. But there is a second cause: a channel that first published to
a queue while it had no leader, for example in the second after a node of a cluster was killed, is
refused for ever (seen on RabbitMQ 3.10.8), while other channels are not. The two look alike. So a
channel on which a queue refuses everything for a while is replaced, at growing intervals.
"""

from dataclasses import dataclass

Route = tuple[str, str]
"""An exchange and a routing key."""

TOLD_AFTER_S = 1.0
"""How long a queue may refuse before it is a problem of the process."""
FORGOTTEN_AFTER_S = 10.0
"""After so long without a further refusal it is unknown whether the queue would still refuse."""
FIRST_PATIENCE_S = 2.0
MAX_PATIENCE_S = 60.0


@dataclass(slots=True)
class _Refusing:
    """A route that refuses everything; the channel is replaced after *patience_s*, then doubled."""

    since: float
    last: float
    patience_s: float
    renewed_at: float


class Refusals:
    """A publisher's record of confirms and refusals; times are of one clock, in seconds."""

    def __init__(self) -> None:
        self._refusing: dict[Route, _Refusing] = {}

    def confirmed(self, route: Route) -> None:
        """The broker confirmed a message for *route*."""
        if self._refusing:
            self._refusing.pop(route, None)

    def refused(self, route: Route, now: float) -> bool:
        """The broker refused a message; returns whether to replace the channel now."""
        noted = self._refusing.get(route)
        if noted is None or now - noted.last > FORGOTTEN_AFTER_S + noted.patience_s:
            self._refusing[route] = _Refusing(now, now, FIRST_PATIENCE_S, now)
            return False
        noted.last = now
        if now - noted.renewed_at < noted.patience_s:
            return False
        noted.renewed_at = now
        noted.patience_s = min(2 * noted.patience_s, MAX_PATIENCE_S)
        return True

    def problem(self, now: float) -> str | None:
        """A description of the exchanges whose queue refuses everything, or None."""
        exchanges = {
            exchange
            for (exchange, _), noted in self._refusing.items()
            if noted.last - noted.since >= TOLD_AFTER_S and now - noted.last < FORGOTTEN_AFTER_S
        }
        if not exchanges:
            return None
        return f"queues are full or have no leader: {', '.join(sorted(exchanges))}"
