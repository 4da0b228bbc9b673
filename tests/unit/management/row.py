"""A row of the tables of bad requests to the management API."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.unit.management.api import TOKEN, VERSION

CONTENT = "InvalidRequestContent"
PARAMETER = "InvalidParameter"
NOT_FOUND = "ResourceNotFound"


@dataclass
class Row:
    """One bad request; ``{registry}``, ``{webhook}`` and so on in its path are filled in."""

    id: str
    method: str
    path: str
    status: int
    code: str
    target: str | None = None
    body: object = None
    query: str = VERSION
    content_type: str | None = "application/json"
    token: str | None = TOKEN
    headers: Mapping[str, str] = field(default_factory=dict)
    says: str = ""
