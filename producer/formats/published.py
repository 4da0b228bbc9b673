"""Registry events as publishers send them: one, or an array, in ACR's payload shape."""

import msgspec

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.formats.json_errors import decode
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import PublishedEvent

MAX_EVENTS = 1_000
"""The limit of events in one request."""

_DECODER = msgspec.json.Decoder(PublishedEvent | list[PublishedEvent])


def read(body: bytes, acceptance: Acceptance) -> Translation:
    """Read one event or an array of them; all or nothing.

    Raises:
        InvalidValueError: The body, or one event of it, is wrong; ``field`` is the path.
    """
    published = decode(_DECODER, body)
    if isinstance(published, PublishedEvent):
        return Translation([acceptance.accept(published)])
    check_count(len(published))
    return Translation(
        [acceptance.accept(event, f"[{index}]") for index, event in enumerate(published)]
    )


def check_count(count: int) -> None:
    """Check an array against `MAX_EVENTS`.

    Raises:
        InvalidValueError: It has more.
    """
    if count > MAX_EVENTS:
        raise InvalidValueError(
            "", f"the array has {count} events; at most {MAX_EVENTS} are allowed in one request"
        )
