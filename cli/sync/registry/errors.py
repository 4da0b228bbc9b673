"""Errors of a sync: all of them are the registry's, or of the way to it."""

from portcall.cli.errors import CliError


class RegistryError(CliError):
    """The registry cannot be asked, or its answer cannot be used.

    Attributes:
        status: The HTTP status; 0 where there was no answer.
    """

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status
