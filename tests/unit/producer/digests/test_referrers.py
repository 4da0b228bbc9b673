"""A delete of a digest says whether it was last seen under a referrers tag."""

from portcall.producer.digests.digests import KnownDigests
from portcall.producer.digests.keeper import DigestKeeper
from portcall.producer.formats import distribution
from portcall.schemas.extras import NONE
from portcall.store.intake.digests import KnownDigest
from tests.unit.producer.samples import MANIFEST, acceptance, envelope, notification

TAG = f"sha256-{'ab' * 32}"


def deleted_after(*tags: str | None) -> bool:
    """Whether the delete of a digest counts as a referrer's, after pushes with these tags."""
    seen = KnownDigests()
    pushes = [notification(mediaType=MANIFEST, **({"tag": tag} if tag else {})) for tag in tags]
    distribution.read(seen, envelope(*pushes), acceptance())
    (delete,) = distribution.read(seen, envelope(notification("delete")), acceptance()).events
    return (delete.extras or NONE).referrer


def test_the_last_tag_of_a_digest_counts() -> None:
    assert deleted_after(TAG)
    assert deleted_after(None, f"{TAG}.sig")
    assert not deleted_after("v1")
    assert not deleted_after(None)
    assert not deleted_after(TAG, "v1")
    assert deleted_after("v1", TAG)


def test_the_same_digest_elsewhere_is_another() -> None:
    seen = KnownDigests()
    distribution.read(seen, envelope(notification(mediaType=MANIFEST, tag=TAG)), acceptance())
    (delete,) = distribution.read(
        seen, envelope(notification("delete")), acceptance("other")
    ).events
    assert delete.extras is None


class Table:
    """A store in memory."""

    def __init__(self) -> None:
        self.rows: dict[bytes, KnownDigest] = {}

    def keep(self, seen: object) -> None:
        self.rows.update({each.name: each for each in seen})  # type: ignore[attr-defined]

    def find(self, names: object) -> dict[bytes, KnownDigest]:
        return {name: self.rows[name] for name in names if name in self.rows}  # type: ignore[attr-defined]


async def test_another_producer_knows_it_from_the_store() -> None:
    table = Table()
    first, second = DigestKeeper(table), DigestKeeper(table)
    glance = first.glance()
    distribution.read(glance, envelope(notification(mediaType=MANIFEST, tag=TAG)), acceptance())
    await first.settled(first.begin(glance.learnt))
    glance, body = second.glance(), envelope(notification("delete"))
    distribution.read(glance, body, acceptance())
    assert await second.recall(glance)
    (delete,) = distribution.read(glance, body, acceptance()).events
    assert (delete.extras or NONE).referrer
