"""Long texts that webhooks share: each is kept once, for as long as a webhook uses it."""

from portcall.schemas.trust import Trust


class Texts:
    """The PEM of webhooks by value.

    Attributes:
        characters: How many are kept.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, int]] = {}
        """Each text with its number of users."""
        self.characters = 0

    def take(self, trust: Trust) -> Trust:
        """The same trust with shared texts; each call needs one `drop`."""
        return Trust(
            self._take(trust.ca_bundle),
            self._take(trust.client_certificate),
            self._take(trust.client_key),
        )

    def drop(self, trust: Trust) -> None:
        """Release its texts; a text is kept while others use it."""
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
