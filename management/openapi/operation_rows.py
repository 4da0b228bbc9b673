"""The type of a row in the table of operations."""

from dataclasses import dataclass

PAGED = ("top", "skipToken")


@dataclass(frozen=True, slots=True)
class Row:
    """One operation.

    Attributes:
        method: The HTTP method, in capitals.
        path: The path, as its route has it.
        id: The operation's id; generated clients name a function by it.
        summary: What it does.
        shape: The type of its answer; None: the answer is empty.
        body: The type of its request body; None: it has none.
        optional: Whether the request body may be left out.
        status: The status of its answer.
        also: Other statuses with the same answer.
        empty: Successful statuses without a body.
        query: The names of its query parameters, without the api-version.
        refusals: Error statuses beyond those that its path and its body imply.
        open: Whether it needs no token; then *refusals* has every error status.
    """

    method: str
    path: str
    id: str
    summary: str
    shape: type | None = None
    body: type | None = None
    status: int = 200
    also: tuple[int, ...] = ()
    empty: tuple[int, ...] = ()
    query: tuple[str, ...] = ()
    refusals: tuple[int, ...] = ()
    open: bool = False
    optional: bool = False


def post(path: str, name: str, summary: str, shape: type, *refusals: int) -> Row:
    """Return a POST without a request body."""
    return Row("POST", path, name, summary, shape, refusals=refusals)


def paged(
    path: str,
    name: str,
    summary: str,
    shape: type,
    *query: str,
    refusals: tuple[int, ...] = (),
) -> Row:
    """Return a GET of a list that comes in pages."""
    return Row("GET", path, name, summary, shape, query=(*PAGED, *query), refusals=refusals)
