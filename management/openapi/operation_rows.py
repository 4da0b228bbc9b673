"""A row of the table of operations."""

from dataclasses import dataclass

PAGED = ("top", "skipToken")


@dataclass(frozen=True, slots=True)
class Row:
    """One operation.

    Attributes:
        method: In capitals.
        path: As the route has it.
        id: What a generator names its function.
        summary: What it does.
        shape: Of its answer; None: that is empty.
        body: The model of what it takes.
        optional: Whether what it takes may be left out.
        status: Of its answer.
        also: Other statuses of the same answer.
        empty: Statuses of success without a body.
        query: The names of parameters, beside the api-version.
        refusals: Statuses that do not follow from the path or the body.
        open: Whether strangers may ask; then no refusal follows from anything.
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
    """A POST that takes no body."""
    return Row("POST", path, name, summary, shape, refusals=refusals)


def paged(
    path: str,
    name: str,
    summary: str,
    shape: type,
    *query: str,
    refusals: tuple[int, ...] = (),
) -> Row:
    """A list that comes in pages."""
    return Row("GET", path, name, summary, shape, query=(*PAGED, *query), refusals=refusals)
