"""Certificate files named by options: read, split, and checked as the API checks them."""

import datetime as dt
from pathlib import Path

from portcall.cli.client import Document
from portcall.cli.errors import UsageError
from portcall.runtime.trust import check_usable
from portcall.schemas.certificates import (
    check_ca_bundle,
    check_chain,
    check_key,
    check_pair,
    split_pem,
)
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.trust import Trust

CA_FILE, CLIENT_CERT, CLIENT_KEY = "--ca-file", "--client-cert", "--client-key"
MAX_BYTES = 1024 * 1024


def trust_extras(ca_file: str | None, client_cert: str | None, client_key: str | None) -> Document:
    """Return the options' values for ``properties.portcall``; an empty word removes a value.

    Raises:
        UsageError: A file cannot be read.
    """
    extras: Document = {}
    if ca_file is not None:
        extras["caBundle"] = _text(ca_file, CA_FILE) or None
    if client_cert is not None:
        chain, key = split_pem(_text(client_cert, CLIENT_CERT))
        extras["clientCertificate"] = chain or None
        if client_key is None and (key or not chain):
            extras["clientKey"] = key or None
    if client_key is not None:
        extras["clientKey"] = _text(client_key, CLIENT_KEY) or None
    return extras


def trust_of(ca_file: str, client_cert: str, client_key: str) -> Trust:
    """Return the same values, checked, for a program that connects itself; empty: none given.

    Raises:
        UsageError: A file cannot be read, or a key is given without its certificate.
        InvalidValueError: A file's content cannot be used.
    """
    bundle = check_ca_bundle(_text(ca_file, CA_FILE), CA_FILE) if ca_file else ""
    if not client_cert:
        if client_key:
            raise UsageError(f"{CLIENT_KEY} needs {CLIENT_CERT}")
        return Trust(bundle)
    chain_text, key_text = split_pem(_text(client_cert, CLIENT_CERT))
    chain = check_chain(chain_text, CLIENT_CERT)
    if not client_key and not key_text:
        raise UsageError(f"{CLIENT_KEY} is missing: {client_cert} contains no private key")
    key = check_key(_text(client_key, CLIENT_KEY) if client_key else key_text, CLIENT_KEY)
    check_pair(chain, key, CLIENT_CERT, dt.datetime.now(dt.UTC))
    if problem := check_usable(chain, key):
        raise InvalidValueError(CLIENT_CERT, f"cannot be used: {problem}")
    return Trust(bundle, chain, key)


def _text(name: str, option: str) -> str:
    """Return the content of a file; an empty text for no file."""
    if not name.strip():
        return ""
    try:
        with Path(name).open("rb") as file:
            content = file.read(MAX_BYTES)
    except OSError as error:
        raise UsageError(f"{option}: {name}: {error.strerror or error}") from error
    if not content.strip():
        raise UsageError(f"{option}: {name} is empty")
    return content.decode("utf-8", "replace")
