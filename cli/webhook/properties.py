"""The properties of a webhook: the options that set them, and the request that they make."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

from portcall.cli import options
from portcall.cli.client import Document
from portcall.schemas.signatures import Scheme
from portcall.schemas.webhooks import Status


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Replace a command's ``settings`` by an option for each of `options.SETTINGS`.

    The command gets those that were given, by their names in the API.
    """
    signature = inspect.signature(command, eval_str=True)
    parameters = [
        each
        for parameter in signature.parameters.values()
        for each in (_SETTINGS if parameter.name == "settings" else (parameter,))
    ]

    @wraps(command)
    def with_options(**given: Any) -> None:  # noqa: ANN401 (as typer reads it)
        values = [(each, given.pop(each.parameter)) for each in options.SETTINGS]
        settings = {
            each.key: None if word == "default" else each.read(word)
            for each, word in values
            if word is not None
        }
        command(**given, settings=settings)

    with_options.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return with_options


_SETTINGS = tuple(
    inspect.Parameter(
        each.parameter,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[each.kind | None, each.option],
    )
    for each in options.SETTINGS
)


def properties_of(
    *,
    uri: str | None,
    actions: list[str] | None,
    headers: list[str] | None,
    scope: str | None,
    status: Status | None,
    secret: str | None,
    signature: Scheme | None,
    settings: Document,
    trust: Document,
) -> Document:
    """Return the given properties, as the API takes them; others are left out."""
    properties: Document = {
        "serviceUri": uri,
        "actions": None if actions is None else options.actions(actions),
        "customHeaders": None if headers is None else options.headers(headers, "--headers"),
        "scope": scope,
        "status": status,
    }
    extras: dict[str, Any] = {}
    if secret is not None:
        extras["secret"] = secret
    if signature is not None:
        extras["signature"] = signature
    extras.update(settings)
    extras.update(trust)
    given = {key: given for key, given in properties.items() if given is not None}
    return {**given, "portcall": extras} if extras else given
