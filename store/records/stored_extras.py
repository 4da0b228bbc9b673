"""Extras as a column of an event: JSON, or NULL."""

import msgspec

from portcall.schemas.extras import Extras

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Extras).decode


def written(extras: Extras | None) -> bytes | None:
    """The value of the column."""
    return None if extras is None else _encode(extras)


def read(column: bytes | None) -> Extras | None:
    """The extras in the column; invalid ones must not hide the event."""
    if column is None:
        return None
    try:
        return _decode(column)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
