"""Errors in a webhook's fields, in the words of the command line: the option, not the field."""

from collections.abc import Iterator
from contextlib import contextmanager

from portcall.cli import options
from portcall.cli.client import message_of
from portcall.cli.errors import ServiceError

_PREFIXES = ("properties.portcall.", "properties.")
_OPTIONS = {
    "serviceUri": "--uri",
    "actions": "--actions",
    "customHeaders": "--headers",
    "scope": "--scope",
    "status": "--status",
    "tags": "--tags",
    "location": "--location",
    "secret": "--secret",
    "signature": "--signature",
    "overlap": "--overlap",
    "last": "--last",
    "caBundle": "--ca-file",
    "clientCertificate": "--client-cert",
    "clientKey": "--client-key",
    **{each.key: each.name for each in options.SETTINGS},
}
"""The option for each field, by the field's name in the API."""


def named(field: str) -> str:
    """Return a field as the command line calls it: ``--filters artifactTypes[0]``.

    Args:
        field: Its path in the API; one that no option sets stays as it is.
    """
    path = field
    for prefix in _PREFIXES:
        path = path.removeprefix(prefix)
    end = min((at for at in map(path.find, ".[") if at >= 0), default=len(path))
    option = _OPTIONS.get(path[:end])
    return field if option is None else f"{option}{path[end:].replace('.', ' ', 1)}"


@contextmanager
def options_named() -> Iterator[None]:
    """Make the server's errors in this block name options in place of fields.

    Raises:
        ServiceError: As the server answered, with the same status and code.
    """
    try:
        yield
    except ServiceError as error:
        faults = tuple(_named_fault(*fault) for fault in error.faults)
        if faults == error.faults:
            raise
        raise type(error)(
            message_of(error.code, faults), status=error.status, code=error.code, faults=faults
        ) from error


def _named_fault(field: str, problem: str) -> tuple[str, str]:
    option = named(field)
    return option, problem if option == field else problem.removeprefix(f"{field}: ")
