"""Request bodies for sending letters again, or deleting them."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, PlainValidator
from pydantic_core import PydanticCustomError

from portcall.management.http import field_schemas as said
from portcall.management.http.bodies import Body
from portcall.management.http.errors import FieldFault, invalid_content
from portcall.management.http.fields import Name
from portcall.management.letters.box import QUEUES

MAX_IDS = 1000
MAX_LIMIT = 1000
LETTER_ID_PATTERN = "^[0-9a-f]{32}$"
MAX_REASON = 200
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


def is_letter_id(text: str) -> bool:
    """Whether *text* has the form of a letter's id."""
    return _ID.fullmatch(text) is not None


def _queue(value: object) -> str:
    if not isinstance(value, str) or value.lower() not in QUEUES:
        raise PydanticCustomError("rule", "must be one of {known}", {"known": ", ".join(QUEUES)})
    return value.lower()


def _ids(ids: list[str]) -> list[str]:
    if not 1 <= len(ids) <= MAX_IDS:
        raise PydanticCustomError("rule", f"must be 1 to {MAX_IDS} ids")
    for number, each in enumerate(ids):
        if not is_letter_id(each):
            raise PydanticCustomError(
                "rule", "is not a letter's id: 32 digits of hex", {"at": f"[{number}]"}
            )
    return ids


def _reason(text: str) -> str:
    text = text.strip()
    if not 1 <= len(text) <= MAX_REASON:
        raise PydanticCustomError("rule", f"must be 1 to {MAX_REASON} characters")
    return text


class LetterSelection(Body):
    """The body of resend and purge. It must say which letters, or that it means all.

    Attributes:
        queue: ``dead`` or ``unrouted``.
        ids: Letters by their ids; alone.
        registry: Only pieces of this registry.
        webhook: Only deliveries for this webhook of it.
        reason: Only letters with this in their reason, without regard to case.
        all: True: everything in the queue; alone.
        limit: How many letters this request takes out at most.
    """

    queue: Annotated[str, PlainValidator(_queue), said.QUEUE] = "dead"
    ids: Annotated[list[str], AfterValidator(_ids), said.LETTER_IDS] | None = None
    registry: Name | None = None
    webhook: Name | None = None
    reason: Annotated[str, AfterValidator(_reason), said.REASON] | None = None
    all: bool = False
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = MAX_LIMIT

    def check(self) -> None:
        """Refuse a body that does not say which letters, or says it twice.

        Raises:
            ArmError: 400.
        """
        filters = [
            name for name in ("registry", "webhook", "reason") if getattr(self, name) is not None
        ]
        if self.all and (filters or self.ids is not None):
            raise invalid_content([FieldFault("all", "must come alone: it means every letter")])
        if self.ids is not None and filters:
            raise invalid_content([FieldFault("ids", "must come alone: each names one letter")])
        if not (self.all or filters or self.ids is not None):
            problem = "is required, or registry, webhook or reason, or all: true for every letter"
            raise invalid_content([FieldFault("ids", problem)])
        if self.webhook is not None and self.registry is None:
            raise invalid_content([FieldFault("registry", "is required with webhook")])


class LettersToPurge(LetterSelection):
    """The body of purge.

    Attributes:
        delivered: Only deliveries that were delivered since, or are under way again.
    """

    delivered: bool = False
