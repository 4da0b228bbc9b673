"""Split received bytes into frames; GOAWAY is read here.

The `h2` library treats a connection as dead as soon as the peer sends GOAWAY. But a server that
only wants no more requests (nginx sends it every 1,000 requests) still answers those that it has.
So the library does not see the frame, and its state continues.

Source: RFC 9113, 4.1 (frames) and 6.8 (GOAWAY).
"""

from msgspec import Struct

HEAD = 9
GOAWAY = 0x7
LONGEST = 16_384
"""The largest frame that a peer may send if it got no other limit; we send none."""
FIRST = b"HTTP/"
"""No frame begins like this: its length would be 4.7 MB."""


class Goaway(Struct, frozen=True):
    """The peer accepts no more requests.

    Attributes:
        last: The highest stream that it may have processed.
        code: The reason; 0: no error.
    """

    last: int
    code: int


class Frames:
    """Splits bytes into frames."""

    def __init__(self) -> None:
        self._rest = b""

    def cut(self, data: bytes) -> list[bytes | Goaway]:
        """Return the complete frames, in order; all except GOAWAY as received.

        Raises:
            ValueError: The bytes are an HTTP/1 response, or not frames.
        """
        data = self._rest + data
        if data.startswith(FIRST):
            raise ValueError("it is HTTP/1")
        found: list[bytes | Goaway] = []
        at = plain = 0
        while len(data) - at >= HEAD:
            length = int.from_bytes(data[at : at + 3])
            if length > LONGEST:
                raise ValueError("its frames are too long, or not frames")
            end = at + HEAD + length
            if len(data) < end:
                break
            if data[at + 3] == GOAWAY and end - at >= HEAD + 8:
                if at > plain:
                    found.append(data[plain:at])
                content = data[at + HEAD : end]
                last = int.from_bytes(content[:4]) & 0x7FFF_FFFF
                found.append(Goaway(last, int.from_bytes(content[4:8])))
                plain = end
            at = end
        if at > plain:
            found.append(data[plain:at])
        self._rest = data[at:]
        return found
