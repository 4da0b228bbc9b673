"""Latencies, counted in bins that grow by a twelfth of an octave: histograms that can be merged.

A bin is 5.9 % wide, so a percentile is off by 3 % at most. Why not a library: docs/decisions/0019.
"""

import math
from collections.abc import Iterable, Mapping

import msgspec

BINS_PER_OCTAVE = 12

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[int, int]).decode


class Latency:
    """The durations of attempts that were answered.

    Bytes from the store are decoded only when a percentile is asked for: a page shows few of the
    histograms that it sums up.
    """

    __slots__ = ("_bins", "_blobs")

    def __init__(self, blobs: Iterable[bytes] = ()) -> None:
        self._bins: dict[int, int] = {}
        self._blobs: list[bytes] = list(blobs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Latency) and self.bins == other.bins

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"Latency({self.bins})"

    @property
    def bins(self) -> Mapping[int, int]:
        """The count of each bin that is not empty."""
        for blob in self._blobs:
            merge_bins(self._bins, decode_bins(blob))
        self._blobs.clear()
        return self._bins

    @property
    def count(self) -> int:
        """How many attempts are counted."""
        return sum(self.bins.values())

    @property
    def sum_us(self) -> float:
        """The time of all attempts together, microseconds, within 3 %."""
        return sum(middle_us(number) * count for number, count in self.bins.items())

    def merge(self, other: "Latency") -> None:
        """Add the counts of another one."""
        merge_bins(self._bins, other._bins)  # noqa: SLF001 (of its own kind; nothing is decoded)
        self._blobs += other._blobs  # noqa: SLF001 (as above)

    def percentile_ms(self, percent: float) -> float | None:
        """The time within which so many percent of the attempts ended.

        Args:
            percent: Above 0, up to 100.

        Returns:
            Milliseconds, within 3 %; None: there are no attempts.
        """
        bins = self.bins
        wanted = sum(bins.values()) * percent / 100
        seen = 0
        for number in sorted(bins):
            seen += bins[number]
            if seen >= wanted:
                return middle_us(number) / 1000
        return None

    @property
    def p50_ms(self) -> float | None:
        """The median."""
        return self.percentile_ms(50)

    @property
    def p95_ms(self) -> float | None:
        """One in twenty took longer than this."""
        return self.percentile_ms(95)

    @property
    def p99_ms(self) -> float | None:
        """One in a hundred took longer than this."""
        return self.percentile_ms(99)


def bin_of(duration_us: int) -> int:
    """The bin of a duration."""
    return int(math.log2(duration_us) * BINS_PER_OCTAVE) if duration_us > 1 else 0


def middle_us(number: int) -> float:
    """The duration that represents a bin: its geometric middle."""
    return float(2 ** ((number + 0.5) / BINS_PER_OCTAVE))


def merge_bins(into: dict[int, int], bins: Mapping[int, int]) -> None:
    """Add the counts of one histogram to another's."""
    for number, count in bins.items():
        into[number] = into.get(number, 0) + count


def encode_bins(bins: Mapping[int, int]) -> bytes:
    """Encode bins; none is empty."""
    return _encode(bins) if bins else b""


def decode_bins(blob: bytes) -> dict[int, int]:
    """Decode the output of `encode_bins`."""
    return _decode(blob) if blob else {}
