"""Forms of browsers: read completely, with a size limit, as names and texts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import web

from portcall.management.http.calls import read_body
from portcall.management.http.errors import INVALID_CONTENT, ArmError

MAX_FORM_BYTES = 512 * 1024
MAX_FIELDS = 200
_KIND = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form.

    Attributes:
        values: The texts of each field, in the order as sent.
    """

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def text(self, name: str) -> str:
        """The field's text; empty: it has none. A browser's line break becomes one character."""
        found = self.values.get(name, ("",))[0]
        return found.replace("\r\n", "\n").replace("\r", "\n")

    def line(self, name: str) -> str:
        """The same without blanks around it, which are never intended."""
        return self.text(name).strip()

    def all(self, name: str) -> tuple[str, ...]:
        """Every text of a field that may be sent several times."""
        return self.values.get(name, ())


async def read_form(request: web.Request) -> Form:
    """The form in a request.

    Raises:
        ArmError: 400, 408, 413, 415: It cannot be read, or is not a form.
    """
    content = await read_body(request, MAX_FORM_BYTES)
    if not content:
        return Form()
    if request.content_type != _KIND:
        raise ArmError(415, "UnsupportedMediaType", f"A form is sent as {_KIND}.")
    try:
        pairs = parse_qsl(
            content.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as error:
        raise ArmError(400, INVALID_CONTENT, f"The form cannot be read: {error}") from error
    values: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        values[name] = (*values.get(name, ()), value)
    return Form(values)
