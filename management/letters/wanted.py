"""A selection of letters: by ids, all of them, or by a filter."""

from collections.abc import Sequence
from dataclasses import dataclass

from portcall.management.letters.contents import Contents, LetterItem
from portcall.runtime.broker.letters import Letter


@dataclass(frozen=True, slots=True, kw_only=True)
class LettersWanted:
    """A selection; without any attribute it is everything.

    Attributes:
        ids: Letters of these ids only; None: of any.
        registry: Only pieces of this registry, by its key; empty: of any.
        webhook_id: Only deliveries for this webhook; None: for any, and events, too.
        reason: Only letters with this in their reason, without regard to case; empty: any.
    """

    ids: frozenset[str] | None = None
    registry: str = ""
    webhook_id: int | None = None
    reason: str = ""

    def covers(self, letter: Letter, contents: Contents) -> bool:
        """Whether it may select the letter as a whole; for a readable one see `choose`."""
        if self.ids is not None and letter.id not in self.ids:
            return False
        if self.reason and self.reason.lower() not in letter.reason.lower():
            return False
        if not contents.pieces:
            return not self.registry and self.webhook_id is None
        return any(self.takes(piece) for piece in contents.pieces)

    def choose(self, contents: Contents) -> tuple[Sequence[LetterItem], Sequence[LetterItem]]:
        """The selected pieces, and the others, which must stay."""
        chosen = [piece for piece in contents.pieces if self.takes(piece)]
        return chosen, [piece for piece in contents.pieces if not self.takes(piece)]

    def takes(self, piece: LetterItem) -> bool:
        """Whether it selects a piece."""
        if self.registry and piece.event.registry != self.registry:
            return False
        if self.webhook_id is None:
            return True
        return piece.delivery is not None and piece.delivery.webhook_id == self.webhook_id
