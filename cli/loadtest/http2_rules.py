"""What `portcall loadtest --http2` does not take, and why."""

from collections.abc import Sequence

from portcall.cli.errors import UsageError
from portcall.loadtest.faults.choice import parse_faults
from portcall.loadtest.faults.kinds import BY_NAME
from portcall.loadtest.plan import USUAL


def check_http2(*, faults: Sequence[str], keep_alive: bool, conformance: bool) -> None:
    """Refuse what cannot be had over HTTP/2.

    Args:
        faults: As they were asked for.
        keep_alive: Whether a connection serves more than one request.
        conformance: Whether the consumer is to be graded.

    Raises:
        UsageError: One of these was asked for; it says why.
        InvalidValueError: A fault is none.
    """
    spoilt = [name for name in parse_faults(faults) if BY_NAME[name].transport != USUAL]
    if spoilt:
        raise UsageError(
            f"--fault {spoilt[0]} does not go with --http2: it spoils a connection, and one of"
            " HTTP/2 has other requests on it; name the faults or groups without transport"
        )
    if not keep_alive:
        raise UsageError(
            "--no-keep-alive does not go with --http2: many requests on one connection are what"
            " it is for"
        )
    if conformance:
        raise UsageError(
            "--conformance does not go with --http2: the grade is of HTTP/1.1's transport, too"
        )
