"""The words of ``--format``: a name, and its settings as ``key=value``."""

from collections.abc import Sequence
from pathlib import Path

from portcall.cli.errors import UsageError
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.formats.chosen import NAME, TEMPLATE, check_format
from portcall.schemas.formats.names import FormatName

DEFAULT = "default"
RECEIVERS = (
    "Argo CD takes harbor, or ghcr for ghcr.io; Image Updater acr or harbor with --actions push;"
    " Flux acr; Kargo acr or harbor with --actions push; Keel acr with --actions push and"
    " --filters taggedOnly; Jenkins acr; Knative cloudevents"
)
"""Of the help: which receiver takes which format, and with which filter."""


def read_format(words: Sequence[str]) -> dict[str, str] | None:
    """Read a format as the API takes it; None: ACR's.

    Raises:
        UsageError: It is not known, a setting is wrong, or a template's file cannot be read.
    """
    name, *rest = words
    if name in (DEFAULT, FormatName.ACR) and not rest:
        return None
    wanted = {NAME: name}
    for word in rest:
        key, equals, value = word.partition("=")
        if not equals or key == NAME:
            raise UsageError(f"--format: {word[:32]!r} is not a setting: write key=value")
        wanted[key] = _value(key, value)
    try:
        return check_format(wanted)
    except InvalidValueError as error:
        raise UsageError(f"--format{error.field.replace('.', ' ')}: {error.problem}") from None


def _value(key: str, value: str) -> str:
    if key != TEMPLATE or not value.startswith("@"):
        return value
    path = Path(value[1:])
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"--format template: {path} cannot be read: {error.strerror or error}"
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"--format template: {path} is no text in UTF-8") from None
