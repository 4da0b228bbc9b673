"""How commands end: every error of the command line, with its exit code.

Exit codes are az's: 0 success, 1 the service refused or is not there, 2 wrong usage, 3 not found.
`portcall.cli.main` prints the message of each error in one line and exits with its code.
"""

from portcall.schemas.errors import PortcallError

SERVICE_ERROR = 1
USAGE = 2
NOT_FOUND = 3


class CliError(PortcallError):
    """The command failed; the message says what to do next."""

    exit_code = SERVICE_ERROR


class UsageError(CliError):
    """The command line makes no sense; no server was contacted."""

    exit_code = USAGE


class NotRunningError(CliError):
    """There is no server to talk to: none is known, or none answers."""


class ServiceError(CliError):
    """The server answered with an error.

    Attributes:
        status: The HTTP status; 0 where the answer had none.
        code: ARM's code, e.g. ``QuotaExceeded``; empty where there was no ARM envelope.
        faults: What is wrong with the request, each with the field at fault (or an empty text).
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        faults: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.faults = faults


class NotFoundError(ServiceError):
    """The server answered 404: the named resource does not exist."""

    exit_code = NOT_FOUND


class NodeError(CliError):
    """The private RabbitMQ node cannot be started or used."""


class ForkError(CliError):
    """The fork server has ended, or cannot fork; it is started again with the next role."""


class UpError(CliError):
    """`portcall up` cannot start or continue."""
