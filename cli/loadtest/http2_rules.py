"""Which options `portcall loadtest --http2` does not support, and why."""

from collections.abc import Sequence

from portcall.cli.errors import UsageError
from portcall.loadtest.faults.choice import parse_faults
from portcall.loadtest.faults.kinds import BY_NAME
from portcall.loadtest.plan import USUAL


def check_http2(*, faults: Sequence[str], keep_alive: bool, conformance: bool) -> None:
    """Refuse options that HTTP/2 does not support.

    Args:
        faults: The requested faults.
        keep_alive: Whether a connection serves more than one request.
        conformance: Whether the consumer is graded.

    Raises:
        UsageError: One of these was given; the message says why.
        InvalidValueError: A fault is unknown.
    """
    spoilt = [name for name in parse_faults(faults) if BY_NAME[name].transport != USUAL]
    if spoilt:
        raise UsageError(
            f"--fault {spoilt[0]} cannot be combined with --http2: it breaks a connection,"
            " which other HTTP/2 requests share; name faults or groups without transport"
        )
    if not keep_alive:
        raise UsageError(
            "--no-keep-alive cannot be combined with --http2: HTTP/2 is meant for many"
            " requests on one connection"
        )
    if conformance:
        raise UsageError(
            "--conformance cannot be combined with --http2: the grade includes HTTP/1.1's transport"
        )
