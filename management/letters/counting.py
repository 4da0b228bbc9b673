"""Counts over the letters of a queue: by reason, and by webhook."""

from collections import Counter
from collections.abc import Mapping

from portcall.management.letters.scan import OpenedLetter
from portcall.management.letters.shapes import DeadLetterCounts, PlaceCount, ReasonCount
from portcall.store.webhooks.summaries import KnownWebhook

MOST = 50
"""Lines of one count; its total includes the others."""


class Counts:
    """Counts letters while they are read."""

    def __init__(self) -> None:
        self.letters = 0
        self.items = 0
        self._kinds: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._places: Counter[tuple[str, int]] = Counter()

    @property
    def webhook_ids(self) -> list[int]:
        """The webhooks that are counted most."""
        return [each for (_, each), _ in self._places.most_common(MOST) if each]

    def add(self, seen: OpenedLetter) -> None:
        """Count one more letter."""
        self.letters += 1
        self.items += len(seen.contents.pieces)
        self._kinds[seen.contents.kind.value] += 1
        self._reasons[seen.letter.reason[:200]] += 1
        for piece in seen.contents.pieces:
            webhook_id = piece.delivery.webhook_id if piece.delivery else 0
            self._places[piece.event.registry, webhook_id] += 1

    def answer(self, webhooks: Mapping[int, KnownWebhook]) -> DeadLetterCounts:
        """The counts, the largest first."""
        return DeadLetterCounts(
            letters=self.letters,
            items=self.items,
            kinds=dict(self._kinds.most_common()),
            reasons=[ReasonCount(*each) for each in self._reasons.most_common(MOST)],
            webhooks=[
                PlaceCount(
                    registry=registry,
                    webhook_id=str(webhook_id) if webhook_id else None,
                    webhook=webhooks[webhook_id].name if webhook_id in webhooks else "",
                    items=count,
                )
                for (registry, webhook_id), count in self._places.most_common(MOST)
            ],
        )
