"""Some deliveries of a run again: an example that a report names, with everything that it had."""

from collections.abc import Callable, Collection, Iterable, Iterator

from msgspec.structs import replace

from portcall.loadtest.plan import Outcome, Planned
from portcall.loadtest.send.sources import Deliveries
from portcall.schemas.errors import InvalidValueError

FIELD = "--only"


class Picked:
    """A `RequestSource` of some deliveries of a run, from its first POST on.

    Args:
        deliveries: All deliveries of the run.
        ids: The deliveries to send.

    Raises:
        InvalidValueError: The run has no such delivery.
    """

    def __init__(self, deliveries: Deliveries, ids: Collection[str]) -> None:
        posts = [planned for planned in deliveries if planned.delivery_id in ids]
        absent = set(ids).difference(each.delivery_id for each in posts)
        if absent:
            raise InvalidValueError(
                FIELD,
                f"{min(absent)[:64]} is not a delivery of this run: --seed and all other options"
                " must be those of the report",
            )
        entries = deliveries.ledger.entries
        for delivery_id in [each for each in entries if each not in ids]:
            del entries[delivery_id]
        self.deliveries = deliveries
        self.began_s = posts[0].at_s
        self.ended_s = posts[-1].at_s
        self._posts = [replace(each, at_s=each.at_s - self.began_s) for each in posts]

    def __len__(self) -> int:
        """Return how many POSTs there are, without retries."""
        return len(self._posts)

    def __iter__(self) -> Iterator[Planned]:
        """Yield the POSTs in the order of their times."""
        return iter(self._posts)

    def after(self, outcome: Outcome) -> Iterable[Planned]:
        """Return the retry of a failed POST."""
        return self.deliveries.after(outcome)


def picked(make: Callable[[int], Deliveries], ids: Collection[str], began_us: int) -> Picked:
    """Return the deliveries *ids*, whose events happen as the run begins.

    Args:
        make: Makes all deliveries of a run that begins at a time, microseconds since the epoch.
        ids: The deliveries to send.
        began_us: When this run begins.

    Raises:
        InvalidValueError: The run has no such delivery.
    """
    # Once to know when the first one is due: an event may not lie in the consumer's future.
    first = Picked(make(began_us), ids)
    return Picked(make(began_us - int(first.began_s * 1e6)), ids)
