"""Which ports a webhook may lead to: all except those of services that do not speak HTTP.

The author of a POST controls some of its bytes. A mail server, a cache or a printer can read them
as commands, which is why browsers refuse such ports, too (docs/decisions/0018).

Source: the Fetch standard's list of bad ports. We add services that often run beside applications
and do not speak HTTP: databases, caches, brokers, remote desktops.
"""

from collections.abc import Sequence
from dataclasses import dataclass

_BROWSERS = """
1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115
117 119 123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563
587 601 636 989 990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667
6668 6669 6679 6697 10080
"""
_OURS = """
88 445 873 1080 1433 1521 1883 2181 3268 3306 3389 4369 5432 5671 5672 5900 6379 6380 6432 8883 9042
9092 11211 11300 25672 27017 27018 27019
"""
NOT_HTTP = frozenset(int(port) for port in (_BROWSERS + _OURS).split())

ANY = (range(1, 65_536),)


@dataclass(frozen=True, slots=True)
class Ports:
    """The allowed ports.

    Attributes:
        allowed: Only these; None: all but `NOT_HTTP`.
        own: Portcall's own ports, refused on addresses that are not public.
    """

    allowed: Sequence[range] | None = None
    own: frozenset[int] = frozenset()

    def allow(self, port: int) -> bool:
        """Whether *port* is allowed, on any address."""
        if self.allowed is None:
            return port not in NOT_HTTP
        return any(port in each for each in self.allowed)


USUAL = Ports()


def parse_ports(text: str) -> Sequence[range] | None:
    """Read ``80,443,8000-8999``, or ``any``.

    Raises:
        ValueError: It has another form.
    """
    if text.strip().lower() == "any":
        return ANY
    return tuple(_parse_range(part.strip()) for part in text.split(",") if part.strip())


def _parse_range(text: str) -> range:
    first, dash, last = text.partition("-")
    if not (_is_port(first) and (not dash or _is_port(last))):
        raise ValueError("must be ports from 1 to 65535, as in 80,443,8000-8999, or any")
    found = range(int(first), int(last or first) + 1)
    if not found:
        raise ValueError(f"{text} ends before it begins")
    return found


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= 65_535
