"""Buckets: the periods for which traffic is summed up, and how long each is kept.

============  ======  ==========================
of            bucket  is kept
============  ======  ==========================
installation  10 s    2 h
installation  60 s    as long as the records
registry      10 s    2 h
registry      60 s    25 h
webhook       5 min   25 h
all of them   1 h     as long as the records
============  ======  ==========================

So a week of an installation with 20 registries and 500 webhooks is 300,000 rows at most.
"""

from dataclasses import dataclass

HOUR_S = 3600
FOR_GOOD = 0
"""As long as the records."""


@dataclass(frozen=True, slots=True)
class BucketLength:
    """A length of buckets.

    Attributes:
        length_s: The length, seconds.
        kept_s: How long rows of it are kept, seconds, or `FOR_GOOD`.
        kept_of_all_s: The same for the installation as a whole.
    """

    length_s: int
    kept_s: int = FOR_GOOD
    kept_of_all_s: int = FOR_GOOD


TEN = BucketLength(10, 2 * HOUR_S, 2 * HOUR_S)
MINUTE = BucketLength(60, 25 * HOUR_S)
FIVE = BucketLength(300, 25 * HOUR_S)
HOUR = BucketLength(HOUR_S)

WIDE = (TEN, MINUTE, HOUR)
"""Of a registry, and of the installation."""
NARROW = (FIVE, HOUR)
"""Of a webhook."""
SHOWN_S = (10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
"""The buckets of charts; each is made of one of the lengths above."""
MANY = 180
"""Buckets of a chart, at most, by default."""


def shown_bucket_s(span_s: int) -> int:
    """The shortest bucket that divides a span into no more than `MANY`."""
    return next((each for each in SHOWN_S if span_s <= each * MANY), SHOWN_S[-1])


def source_of(
    wanted_s: int, age_s: int, stored: tuple[BucketLength, ...], *, of_all: bool = False
) -> tuple[int, BucketLength]:
    """The bucket to show, and the stored one that it is made of.

    Args:
        wanted_s: The bucket asked for, seconds; the next longer available one is used.
        age_s: How long ago the beginning is.
        stored: The stored buckets of the subject, ascending.
        of_all: Whether the subject is the installation as a whole.
    """
    for shown_s in SHOWN_S:
        fitting = [
            each
            for each in stored
            if shown_s >= wanted_s
            and shown_s % each.length_s == 0
            and _reaches(each, age_s, of_all=of_all)
        ]
        if fitting:
            return shown_s, fitting[-1]
    return SHOWN_S[-1], stored[-1]


def _reaches(step: BucketLength, age_s: int, *, of_all: bool) -> bool:
    kept_s = step.kept_of_all_s if of_all else step.kept_s
    return kept_s == FOR_GOOD or age_s <= kept_s
