"""Why an address cannot be listened on, in a text that does not depend on Python's version."""

import errno
import os

_NONE_OF_THEM = "could not bind on any address"
"""asyncio's text from Python 3.13 on when no address of a host is this machine's; it has no errno.

Source: CPython's asyncio/base_events.py, ``create_server``, which skips EADDRNOTAVAIL.
"""


def why_not(error: OSError | UnicodeError) -> str:
    """The system's text for an error of ``create_server``; asyncio's text repeats the address."""
    if isinstance(error, UnicodeError):
        return "no name is written so"
    number = error.errno or 0
    if number > 0:
        return os.strerror(number)
    if _NONE_OF_THEM in str(error):
        return os.strerror(errno.EADDRNOTAVAIL)
    return error.strerror or str(error)  # a negative number is the resolver's
