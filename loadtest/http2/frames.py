"""Frames as they come, one by one; GOAWAY is read here.

The `h2` library takes a connection for dead as soon as the peer says GOAWAY. A server that only
wants no more requests (nginx says so every 1,000) still answers those that it has: so the library
is not told, and its state goes on.

Source: RFC 9113, 4.1 (frames) and 6.8 (GOAWAY).
"""

from msgspec import Struct

HEAD = 9
GOAWAY = 0x7
LONGEST = 16_384
"""What a peer may send that was told of no other limit, and was not."""
FIRST = b"HTTP/"
"""No frame begins so: its length would be 4.7 MB."""


class Goaway(Struct, frozen=True):
    """The peer takes no more requests.

    Attributes:
        last: The highest stream that it has looked at, or may have.
        code: Why; 0: there was no error.
    """

    last: int
    code: int


class Frames:
    """Cuts bytes into frames."""

    def __init__(self) -> None:
        self._rest = b""

    def cut(self, data: bytes) -> list[bytes | Goaway]:
        """The frames that are complete now, in order; those that are no GOAWAY as they came.

        Raises:
            ValueError: These are no frames, but an answer of HTTP/1.
        """
        data = self._rest + data
        if data.startswith(FIRST):
            raise ValueError("it is one of HTTP/1")
        found: list[bytes | Goaway] = []
        at = plain = 0
        while len(data) - at >= HEAD:
            length = int.from_bytes(data[at : at + 3])
            if length > LONGEST:
                raise ValueError("its frames are longer than is allowed, or none")
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
