"""GitLab's container registry: distribution's notifications, with a few additions.

They are translated as `formats.distribution` does: a ``rename`` is ``other_action``, a delete by a
tag ``tag_delete``. ``actor.user`` is a token: nothing here reads it.

Source: GitLab's container-registry, notifications/.
"""

from portcall.producer.digests.digests import KnownDigests
from portcall.producer.formats import distribution
from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.sources.adapter import SourceRequest


def read(request: SourceRequest, acceptance: Acceptance) -> Translation:
    """Read one envelope; each request stands alone, so a delete has no media type.

    Raises:
        InvalidValueError: The body is no JSON.
    """
    return distribution.read(KnownDigests(), request.body, acceptance)
