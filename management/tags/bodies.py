"""Request bodies of known tags."""

from functools import partial
from typing import Annotated

from pydantic import Field

from portcall.management.http.bodies import Body
from portcall.management.http.fields import ruled
from portcall.schemas.events import check_digest
from portcall.schemas.scopes import check_repository, check_tag

MAX_ADOPTED = 1000


class AdoptedTag(Body):
    """One tag that counts as seen.

    Attributes:
        repository: The repository.
        tag: The tag.
        digest: Of the manifest that it names now; null: the tag is not there.
    """

    repository: Annotated[str, ruled(partial(check_repository, field=""))]
    tag: Annotated[str, ruled(partial(check_tag, field=""))]
    digest: Annotated[str, ruled(partial(check_digest, field=""))] | None


class Adoption(Body):
    """The body of adoptTags.

    Attributes:
        tags: Tags that count as seen, each with what it names.
    """

    tags: Annotated[list[AdoptedTag], Field(min_length=1, max_length=MAX_ADOPTED)]
