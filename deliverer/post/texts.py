"""Long texts that many webhooks have in common: each is kept once, for as long as one has it."""

from portcall.schemas.trust import Trust


class Texts:
    """The PEM of webhooks by value.

    Attributes:
        characters: How many are kept.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, int]] = {}
        """Each text with how many have it."""
        self.characters = 0

    def take(self, trust: Trust) -> Trust:
        """The same of kept texts; what is taken is to be dropped once."""
        return Trust(
            self._take(trust.ca_bundle),
            self._take(trust.client_certificate),
            self._take(trust.client_key),
        )

    def drop(self, trust: Trust) -> None:
        """Keep its texts no longer than others have them."""
        for text in (trust.ca_bundle, trust.client_certificate, trust.client_key):
            kept, users = self._kept[text]
            if users > 1:
                self._kept[text] = (kept, users - 1)
            else:
                del self._kept[text]
                self.characters -= len(text)

    def _take(self, text: str) -> str:
        kept, users = self._kept.get(text, (text, 0))
        self._kept[kept] = (kept, users + 1)
        if not users:
            self.characters += len(kept)
        return kept
