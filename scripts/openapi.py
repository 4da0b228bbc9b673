#!/usr/bin/env python3
"""Print an OpenAPI document, ``management`` or ``producer``; `make docs` writes both."""

import json
import sys

import portcall.management.openapi.document
import portcall.producer.openapi

_DOCUMENTS = {
    "management": portcall.management.openapi.document.document,
    "producer": portcall.producer.openapi.document,
}


def text(role: str) -> str:
    """The document of a role as it stands in docs/."""
    return json.dumps(_DOCUMENTS[role](), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text(sys.argv[1]))
