"""Secrets in files: ``PORTCALL_TOKEN_FILE`` names a file with what ``PORTCALL_TOKEN`` would say.

Container engines hand secrets on as files (Docker and Kubernetes mount them), and the variables of
a container can be read by everybody who may inspect it.
"""

from collections.abc import Mapping
from pathlib import Path

from portcall.runtime.errors import SettingsError

SECRETS = (
    "PORTCALL_TOKEN",
    "PORTCALL_AMQP_URL",
    "PORTCALL_DATABASE_URL",
    "PORTCALL_OPERATOR_WEBHOOK_URI",
    "PORTCALL_OPERATOR_WEBHOOK_SECRET",
    "PORTCALL_IDENTITY_HEADER",
)
"""The variables that may come from a file. ``PORTCALL_ENCRYPTION_KEY_FILE`` is a setting of its
own: it may have several keys, and is read again when they change."""
MAX_BYTES = 64 * 1024


def with_secret_files(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return *environ* with the secrets whose ``_FILE`` variable names a file.

    White space at the end of a file does not belong to the secret: editors and ``echo`` add a line
    break. An empty variable counts as unset.

    Raises:
        SettingsError: A variable and its file are both set, or a file cannot be used; the message
            has a line for each.
    """
    found, problems = {}, []
    for name in SECRETS:
        if not (path := environ.get(f"{name}_FILE")):
            continue
        if environ.get(name):
            problems.append(f"{name}_FILE: {name} is set, too: keep one of them")
            continue
        try:
            found[name] = _secret(Path(path))
        except ValueError as error:
            problems.append(f"{name}_FILE: {path}: {error}")
    if problems:
        raise SettingsError("\n".join(problems))
    return {**environ, **found} if found else environ


def _secret(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from None
    if len(content) > MAX_BYTES:
        raise ValueError(f"a secret has at most {MAX_BYTES // 1024} KiB")
    try:
        text = content.decode().rstrip()
    except UnicodeDecodeError:
        raise ValueError("is no text in UTF-8") from None
    if not text:
        raise ValueError("is empty")
    if "\n" in text or "\r" in text or "\0" in text:
        raise ValueError("has more than one line")
    return text
