"""The paths of sources, and how a path is shown: without the secret that it may end with."""

import re

from aiohttp import web

SOURCE = "/registries/{registry}/sources/{source}"
SECRET_SOURCE = f"{SOURCE}/{{secret}}"

NAMED = web.RequestKey("registry", str)
"""The registry in the path of a request that took no router, and so has no ``match_info``."""
_SECRET = re.compile(r"^(/*registries/+[^/]*/+sources/+[^/]*/+).+", re.DOTALL | re.IGNORECASE)


def shown_path(path: str) -> str:
    """The path for logs, counters and answers."""
    return _SECRET.sub(r"\1***", path)
