"""The file with the service principal of `portcall up`: what az logs in with."""

import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from portcall.store.access.principals import is_secret


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """A client id and its secret."""

    client_id: str
    client_secret: str = field(repr=False)


def read_account(path: Path) -> tuple[ClientCredentials | None, str]:
    """The principal in the file of one, and what is wrong with the file; empty: nothing.

    Raises:
        OSError: It cannot be read.
    """
    try:
        told = json.loads(path.read_text())
        found = ClientCredentials(str(uuid.UUID(told["client_id"])), str(told["client_secret"]))
    except FileNotFoundError:
        return None, ""
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None, "is damaged"
    return (found, "") if is_secret(found.client_secret) else (None, "has no usable secret")
