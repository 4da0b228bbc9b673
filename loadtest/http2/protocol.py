"""The settings of the `h2` library, and our own checks: the headers of responses.

Source: RFC 9113, 8.1.1 (a malformed message ends its stream), 8.2 (fields), 8.3.2 (the status)
and 8.6 (no 101).
"""

from collections.abc import Sequence

import h2.connection
import h2.errors
import h2.settings
from h2.config import H2Configuration

from portcall.deliverer.post.attempts import ProtocolError

OURS = H2Configuration(
    client_side=True,
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
)
"""The target's own headers are right, and `status_of` looks at an answer's: the library would end
the whole connection for one wrong answer, and its looking costs 15 us of each request."""
OF_HTTP_1 = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)

RETRY_AFTER = b"retry-after"


def client() -> h2.connection.H2Connection:
    """Return our side of a connection; server push is off."""
    made = h2.connection.H2Connection(OURS)
    made.local_settings = h2.settings.Settings(
        client=True, initial_values={h2.settings.SettingCodes.ENABLE_PUSH: 0}
    )
    return made


def status_of(headers: Sequence[tuple[bytes, bytes]]) -> int:
    """Return the status of a response.

    Raises:
        ProtocolError: There is none, or a header is not allowed.
    """
    status = b""
    for name, value in headers:
        if name == b":status":
            status = value
        elif name in OF_HTTP_1 or name != name.lower():
            raise ProtocolError(f"HTTP/2 protocol error: the header {name!r}")
    if len(status) != 3 or not status.isdigit() or status < b"200":
        raise ProtocolError(f"HTTP/2 protocol error: the status {status!r}")
    return int(status)


def retry_after_of(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """Return the raw Retry-After header of a response, or empty."""
    return next((value.decode("latin-1") for name, value in headers if name == RETRY_AFTER), "")


def code_name(number: int | None) -> str:
    """Return RFC 9113's name of an error."""
    try:
        return h2.errors.ErrorCodes(number or 0).name
    except ValueError:
        return f"error {number}"
