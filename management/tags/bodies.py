"""Request bodies of known tags."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from portcall.management.http.bodies import Body
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import check_digest
from portcall.schemas.scopes import check_repository, check_tag

MAX_ADOPTED = 1000


def _repository(text: str) -> str:
    try:
        return check_repository(text)
    except InvalidValueError as error:
        raise PydanticCustomError("rule", "{problem}", {"problem": error.problem}) from error


def _tag(text: str) -> str:
    try:
        return check_tag(text)
    except InvalidValueError as error:
        raise PydanticCustomError("rule", "{problem}", {"problem": error.problem}) from error


def _digest(text: str | None) -> str | None:
    try:
        return text if text is None else check_digest(text)
    except InvalidValueError as error:
        raise PydanticCustomError("rule", "{problem}", {"problem": error.problem}) from error


class AdoptedTag(Body):
    """One tag that counts as seen.

    Attributes:
        repository: The repository.
        tag: The tag.
        digest: Of the manifest that it names now; null: the tag is not there.
    """

    repository: Annotated[str, AfterValidator(_repository)]
    tag: Annotated[str, AfterValidator(_tag)]
    digest: Annotated[str | None, AfterValidator(_digest)]


class Adoption(Body):
    """The body of adoptTags.

    Attributes:
        tags: Tags that count as seen, each with what it names.
    """

    tags: Annotated[list[AdoptedTag], Field(min_length=1, max_length=MAX_ADOPTED)]
