"""Why an address cannot be listened on: the same words on every Python."""

import socket

import pytest

from portcall.runtime.http.listening import why_not

REFUSED = "error while attempting to bind on address ('127.0.0.1', 9): address already in use"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(OSError(98, REFUSED), "Address already in use", id="taken"),
        pytest.param(PermissionError(13, REFUSED), "Permission denied", id="not allowed"),
        pytest.param(OSError(99, REFUSED), "Cannot assign requested address", id="not ours"),
        pytest.param(
            OSError("could not bind on any address out of [('192.0.2.1', 9)]"),
            "Cannot assign requested address",
            id="not ours, from Python 3.13 on",
        ),
        pytest.param(
            socket.gaierror(-2, "Name or service not known"),
            "Name or service not known",
            id="unknown name",
        ),
        pytest.param(
            OSError("getaddrinfo() returned empty list"),
            "getaddrinfo() returned empty list",
            id="other words",
        ),
        pytest.param(UnicodeError("label too long"), "no name is written so", id="no name"),
    ],
)
def test_the_system_says_why(error: OSError | UnicodeError, words: str) -> None:
    assert why_not(error) == words
